//! Arguments under pressure: those of one task that do not fit into the object store together, those of two that only fit one
//! after the other, and those that were passed by value and read.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustyray_host::limits::SPILL_PATIENCE;
use rustyray_host::{ErrorKind, Host, HostBuilder, Module, ObjectRef, Stats, TaskError, TaskOptions, Value};

use rustyray_tests::{builder, error, finish, host_with, settled, value, within};

const MIB: usize = 1 << 20;
const STORE: u64 = 4 << 20;

fn pressed(dir: &Path) -> HostBuilder {
    builder().object_store_bytes(STORE).spill(dir)
}

fn put(host: &Host, n: u8, bytes: usize) -> ObjectRef {
    host.put(&vec![n; bytes]).unwrap()
}

fn five(host: &Host) -> Vec<ObjectRef> {
    (0..5).map(|n| put(host, n, MIB)).collect()
}

fn assert_too_large(error: &TaskError) {
    assert_eq!(error.kind, ErrorKind::ObjectStoreFull, "{error:#}");
    let of_limit = format!("the object store holds at most {STORE}");
    let says = [&*of_limit, "spilling cannot help", "raise the limit", "references inside a value"];
    assert!(says.iter().all(|text| error.message.contains(text)), "{error:#}");
}

#[tokio::test]
async fn what_can_never_be_in_memory_together_is_an_error_that_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()), "spill").await;
    let blocks = five(&host);
    let task = blocks.iter().fold(module.task("length"), |call, block| call.arg_ref(block)).submit().await;
    assert_too_large(&*error(&host, &task).await);

    let made =
        blocks.iter().fold(module.actor("Taker").constructor("of"), |actor, block| actor.arg_ref(block)).create();
    assert_too_large(&*error(&host, &made.ready()).await);

    for name in ["Taker", "Takers"] {
        let actor = module.actor(name).create();
        let call = blocks.iter().fold(actor.call("take"), |call, block| call.arg_ref(block)).submit().await;
        assert_too_large(&*error(&host, &call).await);
        // The same object five times is one.
        let call = (0..5).fold(actor.call("take"), |call, _| call.arg_ref(&blocks[0])).submit().await;
        assert_eq!(value::<usize>(&host, &call).await, 5 * MIB, "{name} goes on");
    }
    finish(host).await;
}

/// The sums of what both blocks hold.
fn both(module: &Module, a: &ObjectRef, b: &ObjectRef) -> ObjectRef {
    module.task("sum_of_both").arg_ref(a).arg_ref(b).try_submit()
}

#[tokio::test]
async fn tasks_whose_arguments_fit_one_after_the_other_run_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()), "spill").await;
    let bytes = 3 * MIB / 2;
    let blocks: Vec<_> = (0..6).map(|n| put(&host, n, bytes)).collect();
    let pairs: Vec<_> = (0..36).map(|n| (n % 6, n / 6)).filter(|(a, b)| a != b).collect();
    let sums: Vec<_> = pairs.iter().map(|(a, b)| both(&module, &blocks[*a], &blocks[*b])).collect();
    // Others want single ones meanwhile.
    for (n, block) in (0u8..).zip(&blocks) {
        assert_eq!(value::<Vec<u8>>(&host, block).await, vec![n; bytes]);
    }
    for ((a, b), sum) in pairs.iter().zip(&sums) {
        assert_eq!(value::<u64>(&host, sum).await, ((a + b) * bytes) as u64, "{a} and {b}");
    }
    assert!(host.stats().object_bytes <= STORE);
    finish(host).await;
}

#[tokio::test]
async fn a_task_waits_for_room_that_others_use_and_says_who_kept_it_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()), "spill").await;
    let (held, cold) = ([put(&host, 1, MIB), put(&host, 2, MIB)], [put(&host, 3, MIB), put(&host, 4, 3 * MIB / 2)]);
    let spilled = put(&host, 5, 3 * MIB / 2);
    let mut in_use = Vec::new();
    for object in &held {
        in_use.push(within(host.value(object, None), "a value").await.unwrap());
    }
    drop(spilled);
    // Everything but what is in use is on disk.
    let filler = put(&host, 6, 2 * MIB - (64 << 10) - host.stats().manifest_bytes as usize);
    drop(filler);
    let waits = both(&module, &cold[0], &cold[1]);
    assert!(host.wait(std::slice::from_ref(&waits), 1, Some(Duration::from_millis(100))).await.unwrap().0.is_empty());
    in_use.clear();
    assert_eq!(value::<u64>(&host, &waits).await, (3 * MIB + 4 * (3 * MIB / 2)) as u64, "an embedder has let go");

    for object in &held {
        in_use.push(within(host.value(object, None), "a value").await.unwrap());
    }
    let filler = put(&host, 7, 2 * MIB - (64 << 10) - host.stats().manifest_bytes as usize);
    let (fails, get) = (both(&module, &cold[0], &cold[1]), host.value(&filler, None).await.unwrap());
    let (of_task, of_get) = tokio::join!(error(&host, &fails), error(&host, &cold[0]));
    assert_eq!(of_task.kind, ErrorKind::ObjectStoreFull, "{of_task:#}");
    let waited = format!("others held the room for {} s", SPILL_PATIENCE.as_secs());
    assert!(of_task.message.contains(&waited), "{of_task:#}");
    assert_eq!(of_get.kind, ErrorKind::ObjectStoreFull, "{of_get:#}");
    assert!(of_get.message.contains("spilling could not help, because all that is there is in use"), "{of_get:#}");
    drop((in_use, get));
    assert_eq!(value::<Vec<u8>>(&host, &cold[0]).await, vec![3; MIB], "it is still there");
    finish(host).await;
}

/// An object of a MiB on disk, for which there is no room before the values are dropped.
async fn without_room(host: &Host) -> (ObjectRef, Vec<Arc<Value>>) {
    let cold = put(host, 1, MIB);
    let mut in_use = Vec::new();
    for bytes in [MIB, MIB, MIB, MIB / 2] {
        let object = put(host, 2, bytes);
        in_use.push(within(host.value(&object, None), "a value").await.unwrap());
    }
    assert!(host.stats().spilled_bytes >= MIB as u64, "{:?}", host.stats());
    (cold, in_use)
}

#[tokio::test]
async fn a_call_that_waits_for_its_arguments_can_be_ended_alone() {
    for name in ["Taker", "Takers"] {
        let dir = tempfile::tempdir().unwrap();
        let (host, module) = host_with(pressed(dir.path()).cancel_grace(Duration::from_millis(1)), "spill").await;
        let actor = module.actor(name).create();
        let take = |object: &ObjectRef| (0..5).fold(actor.call("take"), |call, _| call.arg_ref(object));
        let small = put(&host, 0, 1);
        assert_eq!(value::<usize>(&host, &take(&small).submit().await).await, 5);
        let (cold, in_use) = without_room(&host).await;
        for end in ["cancelled", "asked", "late"] {
            let options = TaskOptions::new();
            let options = if end == "late" { options.timeout(Duration::from_millis(50)) } else { options };
            let call = take(&cold).options(options).submit().await;
            let kind = match end {
                "late" => ErrorKind::TaskTimedOut,
                _ => {
                    settled(&host, "the call to wait", |stats| (stats.running, stats.pending) == (1, 0)).await;
                    host.cancel_with(&call, end == "cancelled", true);
                    ErrorKind::TaskCancelled
                }
            };
            assert_eq!(error(&host, &call).await.kind, kind, "{name} {end}");
            // Before there is room: nothing else ended it, and nothing of it is left.
            settled(&host, "it to be gone", |stats| stats.running == 0).await;
        }
        let waits = take(&cold).submit().await;
        settled(&host, "the call to wait", |stats| (stats.running, stats.pending) == (1, 0)).await;
        drop(in_use);
        // The actor is the one that served the first call, and counts on.
        let before = if name == "Taker" { 5 } else { 0 };
        assert_eq!(value::<usize>(&host, &waits).await, before + 5 * MIB, "{name}");
        drop((cold, waits));

        let (cold, in_use) = without_room(&host).await;
        let killed = take(&cold).submit().await;
        settled(&host, "the call to wait", |stats| (stats.running, stats.pending) == (1, 0)).await;
        actor.kill(false);
        assert_eq!(error(&host, &killed).await.kind, ErrorKind::ActorDied, "{name}");
        drop((in_use, cold, small, actor, killed));
        let left = |stats: &Stats| (stats.objects, stats.object_bytes, stats.spilled_bytes, stats.instances);
        settled(&host, "nothing to be left", |stats| left(stats) == (0, stats.manifest_bytes, 0, 0)).await;
        finish(host).await;
    }
}

/// Eight megabytes in no order.
fn shuffled() -> Vec<u8> {
    crate::spilling::block(7).repeat(8_000_000 / crate::spilling::BLOCK)
}

#[tokio::test]
async fn a_nested_mergesort_by_value_needs_no_more_than_what_is_on_its_way() {
    const SORTS_IN: u64 = 20 << 20;
    let dir = tempfile::tempdir().unwrap();
    let bytes = shuffled();
    let mut expected = bytes.clone();
    expected.sort_unstable();
    let alone = 512usize << 10;
    let (host, module) = host_with(builder().object_store_bytes(SORTS_IN).spill(dir.path()), "spill").await;
    for task in ["sorted", "sorted_safely"] {
        let sorted = module.task(task).arg(bytes.clone()).arg(alone).submit().await;
        assert!(value::<Vec<u8>>(&host, &sorted).await == expected, "{task}");
    }
    settled(&host, "nothing to be left", |stats| {
        (stats.objects, stats.object_bytes, stats.spilled_bytes) == (0, stats.manifest_bytes, 0)
    })
    .await;
    finish(host).await;

    let (host, module) = host_with(builder().object_store_bytes(SORTS_IN), "spill").await;
    let sorted = module.task("sorted_safely").arg(bytes.clone()).arg(alone).submit().await;
    let full = error(&host, &sorted).await;
    assert!(full.causes.iter().any(|cause| cause.kind == ErrorKind::ObjectStoreFull), "{full:#}");
    assert!(full.message.contains("let it spill to a folder"), "{full:#}");
    // What nobody needs again is given back also where nothing can be spilled.
    drop(sorted);
    settled(&host, "the rest to be ended", |stats| {
        (stats.objects, stats.object_bytes, stats.running) == (0, stats.manifest_bytes, 0)
    })
    .await;
    let once = module.task("sum_of_both").arg(bytes.clone()).arg(bytes.clone()).submit().await;
    assert!(value::<u64>(&host, &once).await > 0);
    let sorted = module.task("sorted").arg(bytes).arg(alone).submit().await;
    assert!(value::<Vec<u8>>(&host, &sorted).await == expected);
    finish(host).await;
}

#[tokio::test]
async fn what_was_passed_by_value_is_there_again_for_another_attempt_and_another_start() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()), "spill").await;
    let (bytes, blocks, each) = (vec![3u8; 2 * MIB], 8u32, MIB);
    let sum = module.task("sum_the_second_time").arg(bytes.clone()).arg(blocks).arg(each).submit().await;
    assert_eq!(value::<u64>(&host, &sum).await, 6 * MIB as u64);
    assert_eq!(sum.receipt().unwrap().attempts, 2);

    let keeper = module.actor("Keeper").constructor("of").arg(bytes.clone()).create();
    assert_eq!(value::<u64>(&host, &keeper.call("sum").submit().await).await, 6 * MIB as u64);
    let crash = keeper.call("crash").arg(blocks).arg(each).submit().await;
    assert_eq!(error(&host, &crash).await.kind, ErrorKind::ActorUnavailable);
    assert_eq!(value::<u64>(&host, &keeper.call("sum").submit().await).await, 6 * MIB as u64);
    drop((keeper, sum, crash));
    settled(&host, "nothing to be left", |stats| {
        (stats.objects, stats.object_bytes, stats.spilled_bytes) == (0, stats.manifest_bytes, 0)
    })
    .await;
    finish(host).await;
}
