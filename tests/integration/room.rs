//! Waiting for room in a full store: nobody who waits holds a thread or a CPU slot, and room is had in the order in which it was
//! asked for. The hosts' clock stands still, so that no wait ends by itself while a test looks on.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustyray_host::clock::ManualClock;
use rustyray_host::limits::ROOM_PATIENCE;
use rustyray_host::{ActorOptions, ErrorKind, EventKind, Host, Module, ObjectRef, TaskId, Value};

use crate::pressure::{pressed, put, used};
use rustyray_tests::{builder, error, finish, host_with, settled, value, within};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// A host of two threads whose store has no room for anything large as long as the value lives.
async fn full(dir: &tempfile::TempDir, clock: &ManualClock) -> (Host, Module, Arc<Value>) {
    let host = pressed(dir.path(), 4 * MIB).threads(2).helping(false).clock(clock.clone());
    let (host, module) = host_with(host, "spill").await;
    let in_use = used(&host, 4 * MIB - 256 * KIB).await;
    (host, module, in_use)
}

/// Guests that wait for room for a MiB each, in all the ways in which a guest can ask for some.
fn putters(module: &Module, count: u32) -> Vec<ObjectRef> {
    let task = |n: u32| match n % 3 {
        0 => module.task("stored").arg(n).arg(MIB),
        1 => module.task("written").arg(n).arg(MIB),
        _ => module.task("passes").arg(n).arg(MIB),
    };
    (0..count).map(|n| task(n).try_submit()).collect()
}

fn are_all_pending(objects: &[ObjectRef]) -> bool {
    objects.iter().all(|object| !object.is_ready())
}

#[tokio::test]
async fn guests_that_wait_for_room_hold_neither_threads_nor_slots() {
    const PUTTERS: u32 = 9;
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
    let (host, module, in_use) = full(&dir, &clock).await;
    let putters = putters(&module, PUTTERS);
    // More than there are threads and slots: each has given back what it held. The clock wakes each of them in the end.
    settled(&host, "all to run", |stats| (stats.running, stats.pending) == (PUTTERS as usize, 0)).await;
    within(
        async {
            while clock.sleepers() < PUTTERS as usize {
                tokio::task::yield_now().await
            }
        },
        "all to wait",
    )
    .await;
    let neighbour = within(host.load_file(rustyray_testkit::guest("waiting")), "a module").await.unwrap();
    for n in 0..50u64 {
        assert_eq!(value::<u64>(&host, &module.task("same").arg(n).submit().await).await, n);
    }
    let actor = module.actor("Getters").create();
    assert_eq!(value::<u32>(&host, &actor.call("ping").submit().await).await, 1);
    assert!(are_all_pending(&putters), "they still wait");
    drop(in_use);
    for putter in &putters {
        within(host.value(putter, None), "room").await.unwrap();
    }
    drop((putters, actor, neighbour));
    settled(&host, "nothing to be left", |stats| {
        (stats.objects, stats.object_bytes, stats.spilled_bytes) == (0, stats.manifest_bytes, 0)
    })
    .await;
    finish(host).await;
}

#[tokio::test]
async fn one_that_is_cancelled_while_it_waits_for_room_ends_at_once() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
    let (host, module, in_use) = full(&dir, &clock).await;
    let putters = putters(&module, 6);
    settled(&host, "all to run", |stats| stats.running == 6).await;
    for (n, putter) in putters.iter().enumerate() {
        // Ended, or asked to stop.
        host.cancel_with(putter, n % 2 == 0, true);
        assert_eq!(error(&host, putter).await.kind, ErrorKind::TaskCancelled);
    }
    drop((putters, in_use));
    settled(&host, "nothing to be left", |stats| {
        (stats.objects, stats.object_bytes, stats.running) == (0, stats.manifest_bytes, 0)
    })
    .await;
    finish(host).await;
}

#[tokio::test]
async fn who_waits_for_room_has_patience_on_the_hosts_clock() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
    let (host, module, in_use) = full(&dir, &clock).await;
    let putter = module.task("stored").arg(1u32).arg(MIB).submit().await;
    within(
        async {
            while clock.sleepers() == 0 {
                tokio::task::yield_now().await
            }
        },
        "it to wait",
    )
    .await;
    clock.advance(ROOM_PATIENCE - Duration::from_millis(1));
    assert_eq!(value::<u64>(&host, &module.task("same").arg(5u64).submit().await).await, 5);
    assert!(!putter.is_ready());
    clock.advance(Duration::from_millis(1));
    let told = error(&host, &putter).await;
    assert_eq!(told.causes.first().map(|cause| cause.kind), Some(ErrorKind::ObjectStoreFull), "{told:#}");
    drop((in_use, putter));
    finish(host).await;
}

#[tokio::test]
async fn room_is_had_in_the_order_in_which_it_was_asked_for() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
    let went_on: Arc<Mutex<Vec<TaskId>>> = Arc::default();
    let seen = went_on.clone();
    let host = pressed(dir.path(), 4 * MIB).threads(2).helping(false).clock(clock.clone());
    let host = host.on_event(move |event| {
        if matches!(event.kind, EventKind::GoesOn) {
            seen.lock().unwrap().push(event.task);
        }
    });
    let (host, module) = host_with(host, "spill").await;
    // Room for one of them at a time: what one has stored can only then be spilled for the next.
    let in_use = [used(&host, 2 * MIB + 512 * KIB).await, used(&host, MIB + 256 * KIB).await];
    let mut putters = Vec::new();
    for n in 0..5usize {
        putters.push(module.task("stored").arg(n as u32).arg(MIB).submit().await);
        within(
            async {
                while clock.sleepers() <= n {
                    tokio::task::yield_now().await
                }
            },
            "it to wait",
        )
        .await;
    }
    let [stays, goes] = in_use;
    drop(goes);
    for putter in &putters {
        within(host.value(putter, None), "room").await.unwrap();
    }
    host.flush().await;
    let asked: Vec<TaskId> = putters.iter().map(|putter| putter.receipt().unwrap().task_id).collect();
    assert_eq!(*went_on.lock().unwrap(), asked);
    drop((stays, putters));
    finish(host).await;
}

#[tokio::test]
async fn what_an_embedder_submits_waits_for_room_as_it_does_for_a_place() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
    let (host, module, in_use) = full(&dir, &clock).await;
    let submit = |n: u8| module.task("sum").arg(vec![n; MIB]).submit();
    let (mut one, refused) = (Box::pin(submit(1)), Box::pin(submit(2)));
    assert!(futures::poll!(&mut one).is_pending());
    {
        let mut refused = refused;
        assert!(futures::poll!(&mut refused).is_pending());
        // Who goes leaves the line.
    }
    assert_eq!(value::<u64>(&host, &module.task("same").arg(5u64).submit().await).await, 5);
    drop(in_use);
    let one = within(one, "room").await;
    assert_eq!(value::<u64>(&host, &one).await, MIB as u64);
    drop(one);
    let in_use = used(&host, 4 * MIB - 256 * KIB).await;
    let mut late = Box::pin(submit(3));
    assert!(futures::poll!(&mut late).is_pending());
    clock.advance(ROOM_PATIENCE);
    let late = within(late, "its time").await;
    assert_eq!(error(&host, &late).await.kind, ErrorKind::ObjectStoreFull);
    drop((in_use, late));
    finish(host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actor_that_waits_for_room_to_be_created_holds_up_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(builder().object_store_bytes(4 << 20).spill(dir.path()), "spill").await;
    let named = |name: &str| ActorOptions::new().name(name).get_if_exists(true);
    let there = module.actor("Getter").options(named("there")).create();
    within(host.wait(&[there.ready()], 1, None), "the actor").await.unwrap();
    let in_use = used(&host, 4 * MIB - 256 * KIB).await;
    let other = {
        let module = module.clone();
        let options = named("other");
        thread::spawn(move || {
            let actor = module.actor("Keeper").constructor("of").arg(vec![1u8; MIB]).options(options);
            actor.create()
        })
    };
    for _ in 0..20 {
        let found = module.actor("Getter").options(named("there")).create();
        assert_eq!(found.generation(), 1, "it is the one that is there");
    }
    drop(in_use);
    let other = tokio::task::spawn_blocking(|| other.join().unwrap()).await.unwrap();
    assert_eq!(value::<u64>(&host, &other.call("sum").submit().await).await, MIB as u64);
    drop((there, other));
    finish(host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedders_thread_waits_for_what_it_puts() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
    let (host, _module, in_use) = full(&dir, &clock).await;
    let refused = tokio::task::block_in_place(|| host.put(&vec![1u8; MIB])).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::ObjectStoreFull);
    let host = Arc::new(host);
    let putting = {
        let host = host.clone();
        thread::spawn(move || put(&host, 2, MIB))
    };
    drop(in_use);
    let put = tokio::task::spawn_blocking(|| putting.join().unwrap()).await.unwrap();
    assert_eq!(value::<Vec<u8>>(&host, &put).await, vec![2; MIB]);
    drop(put);
    finish(Arc::into_inner(host).unwrap()).await;
}
