//! Payloads whose bytes are no value of the type that they are taken for, towards other guests and towards the embedder.

use std::collections::BTreeMap;

use rustyray_host::{Capabilities, Encoding, ErrorKind, HostBuilder, Module, ObjectRef};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::arena::{Arena, attack, attack_on};
use crate::forge;
use crate::neighbour::NAME;

/// Its result is what its argument says: a byte for the encoding, then the bytes.
fn liar() -> Vec<u8> {
    let first = "(i32.load offset=4 (local.get $arguments))";
    let body = format!(
        "(i32.store8 (i32.const {encoding}) (i32.load8_u {first}))
        (i32.store (i32.const {address}) (i32.add {first} (i32.const 1)))
        (i32.store (i32.const {length}) (i32.sub (i32.load offset=8 (local.get $arguments)) (i32.const 1)))",
        encoding = forge::ANSWER + 8,
        address = forge::ANSWER + 12,
        length = forge::ANSWER + 16,
    );
    // An allocator that gives room for an argument of a few mebibytes, and its list behind it.
    let realloc = r#"
        (memory (export "memory") 200)
        (global $next (mut i32) (i32.const 196608))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (global.get $next)
            (global.set $next (i32.and (i32.add (global.get $next) (i32.add (local.get 3) (i32.const 15))) (i32.const -8))))"#;
    forge::task(1, realloc, &body)
}

/// A claim of so many elements, in bincode. (A guest has 32 bits, and bincode takes the lower half of a length there.)
fn claim(length: u64) -> Vec<u8> {
    [&[253][..], &length.to_le_bytes()].concat()
}

/// Bytes that no type of the tests reads, each under every encoding.
fn lies() -> Vec<(Encoding, Vec<u8>)> {
    let endless = [u64::MAX, u64::MAX / 2, (1 << 40) + 999_999, 1 << 31].map(claim);
    let with_more = endless.clone().map(|claim| [claim, vec![1; 100]].concat());
    let nested = [vec![1; 1 << 20], b"[".repeat(1 << 20), b"{\"a\":".repeat(100_000)];
    let broken = [vec![], vec![0xff], vec![0xff; 64], vec![0xc3, 0x28], b"[1,".to_vec(), b"\"\\ud800\"".to_vec()];
    let numbers = [b"1e999999999".to_vec(), b"9".repeat(100_000), b"-".to_vec()];
    let left_over = [b"[] []".to_vec(), b"[],".to_vec(), vec![0, 0, 0]];
    let all = endless.into_iter().chain(with_more).chain(nested).chain(broken).chain(numbers).chain(left_over);
    all.flat_map(|bytes| [Encoding::Bincode, Encoding::Json, Encoding::Raw].map(|tag| (tag, bytes.clone()))).collect()
}

/// An object with this lie.
async fn told(arena: &Arena, liar: &Module, (encoding, bytes): &(Encoding, Vec<u8>)) -> ObjectRef {
    let tag = [Encoding::Bincode, Encoding::Json, Encoding::Raw].iter().position(|known| known == encoding).unwrap();
    let object = liar.task("attack").arg([&[tag as u8][..], bytes].concat()).submit().await;
    let value = arena.value(&object, None).await.unwrap();
    assert_eq!((value.payload().encoding, &value.payload().data[..]), (*encoding, &bytes[..]));
    object
}

#[test]
fn a_guest_takes_no_lie_of_another() {
    attack(async |arena| {
        let liar = arena.load_forged(liar()).await;
        let module = arena.load("hostile").await;
        for lie in lies() {
            let object = told(arena, &liar, &lie).await;
            for victim in ["numbers", "tree", "pairs", "references"] {
                let taken = module.task(&format!("lies::{victim}")).arg_ref(&object).submit().await;
                match arena.get::<usize>(&taken).await {
                    Ok(read) => panic!("{victim} took {:?} {:?} for {read}", lie.0, &lie.1[..lie.1.len().min(16)]),
                    Err(error) => assert_eq!(error.kind, ErrorKind::InvalidArgument, "{victim}: {error:#}"),
                }
            }
        }
        arena.neighbour.works_on().await;
    });
}

#[derive(Debug, Deserialize)]
struct Tree(#[expect(dead_code, reason = "it is only read")] Vec<Tree>);

#[test]
fn the_embedder_takes_no_lie() {
    attack(async |arena| {
        let liar = arena.load_forged(liar()).await;
        for lie in lies() {
            let object = told(arena, &liar, &lie).await;
            refused::<Vec<u64>>(arena, &object).await;
            refused::<Tree>(arena, &object).await;
            refused::<BTreeMap<String, Option<u8>>>(arena, &object).await;
        }
        arena.neighbour.works_on().await;
    });
}

async fn refused<T: DeserializeOwned + std::fmt::Debug + 'static>(arena: &Arena, object: &ObjectRef) {
    let error = arena.get::<T>(object).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidArgument, "{error:#}");
}

#[test]
fn a_flood_of_nothing_is_not_read() {
    attack(async |arena| {
        let liar = arena.load_forged(liar()).await;
        let module = arena.load("hostile").await;
        for length in [u64::MAX, u64::MAX / 2, (1 << 40) + 999_999, 1 << 20] {
            let object = told(arena, &liar, &(Encoding::Bincode, claim(length))).await;
            refused::<Vec<()>>(arena, &object).await;
            refused::<BTreeMap<(), ()>>(arena, &object).await;
            let taken = module.task("lies::nothings").arg_ref(&object).submit().await;
            let error = arena.get::<usize>(&taken).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidArgument, "{error:#}");
        }
    });
}

#[test]
fn references_that_are_not_there() {
    attack(async |arena| {
        let liar = arena.load_forged(liar()).await;
        let module = arena.load("hostile").await;
        for (encoding, bytes) in
            [(Encoding::Json, &b"[0]"[..]), (Encoding::Json, b"[4294967295]"), (Encoding::Bincode, &[1, 0])]
        {
            let object = told(arena, &liar, &(encoding, bytes.to_vec())).await;
            let taken = module.task("lies::references").arg_ref(&object).submit().await;
            let error = arena.end_of(&taken).await;
            assert!(error.message.contains("of 0 does not exist"), "{error:#}");
        }
    });
}

#[test]
fn an_actor_takes_no_lie_of_another_module() {
    let granted = |builder: HostBuilder, _: &_| builder.capabilities(Capabilities::none().module("actors"));
    attack_on(granted, async |arena| {
        let module = arena.load("hostile").await;
        let lies = [vec![], vec![1u8; 100], vec![0xff; 8], vec![0xfd; 9]];
        arena
            .neighbour
            .works_beside(async || {
                for lie in &lies {
                    let told = module.task("lies::tell_counter").arg(NAME.to_owned()).arg(lie.clone()).submit().await;
                    let error = arena.end_of(&told).await;
                    assert!(
                        error.causes.iter().any(|cause| cause.kind == ErrorKind::InvalidArgument),
                        "{lie:?}: {error:#}"
                    );
                }
            })
            .await;
    });
}

#[test]
fn an_actor_of_a_module_that_is_not_granted_is_not_found() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        let told = module.task("lies::tell_counter").arg(NAME.to_owned()).arg(vec![1u8]).submit().await;
        let error = arena.end_of(&told).await;
        assert!(error.causes.iter().any(|cause| cause.kind == ErrorKind::ActorNotFound), "{error:#}");
    });
}
