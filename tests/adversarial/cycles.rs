//! Objects that refer to each other in cycles: reference counts free none of them, and the host does.

use rustyray_host::HostBuilder;
use rustyray_host::clock::ManualClock;

use crate::arena::{Arena, attack_on};
use rustyray_testkit::guest;
use rustyray_tests as support;

const STORE: u64 = 4 << 20;

fn small(builder: HostBuilder, _: &ManualClock) -> HostBuilder {
    builder.object_store_bytes(STORE)
}

/// Ten times as much as the store holds. At the end of the arena nothing is left of it, though the module has gone by then.
async fn forge(arena: &Arena, links: u32) {
    let module = arena.load("hostile").await;
    let bytes = 64 << 10;
    let chains = 10 * STORE as u32 / bytes / links;
    let forged = module.task("cycles::chains").arg(chains).arg(links).arg(bytes).submit().await;
    let made: u64 = arena.get(&forged).await.expect("the store is never full of what nobody refers to");
    assert!(made >= 9 * STORE, "{made}");
}

#[test]
fn objects_that_refer_to_themselves() {
    attack_on(small, async |arena| forge(arena, 1).await);
}

#[test]
fn chains_of_objects_that_end_where_they_began() {
    attack_on(small, async |arena| forge(arena, 10).await);
}

#[test]
fn chains_whose_bytes_are_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    attack_on(move |builder, clock| small(builder, clock).spill(&path), async |arena| forge(arena, 5).await);
}

/// What an embedder has of a host that is gone keeps the memory of nothing that refers to something else.
#[test]
fn chains_that_somebody_holds_when_their_host_is_gone() {
    const LINKS: u32 = 10;
    const BYTES: u32 = 5 << 20;
    attack_on(small, async |_| {
        let mut kept = Vec::new();
        for _ in 0..10 {
            let host = support::builder().build().unwrap();
            let module = host.load_file(guest("hostile")).await.unwrap();
            let chain = module.task("cycles::chain").arg(LINKS).arg(BYTES).submit().await;
            host.value(&chain, None).await.unwrap();
            assert!(host.stats().object_bytes >= u64::from(LINKS * BYTES));
            drop(module);
            support::finish(host).await;
            assert!(chain.receipt().is_some());
            kept.push(chain);
        }
        drop(kept);
    });
}
