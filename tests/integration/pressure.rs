//! Many who want what is in a full store, or room in it, at the same moment: each gets it in the end, and holds up nobody else.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustyray_host::clock::ManualClock;
use rustyray_host::limits::{AWAIT_GRACE, DISK_THREADS, SPILL_PATIENCE};
use rustyray_host::{
    ActorOptions, Budget, BudgetLimits, ErrorKind, Host, HostBuilder, Module, ObjectRef, TaskError, TaskOptions, Value,
};

use crate::spilling::files;
use rustyray_testkit::guest;
use rustyray_tests::{builder, error, finish, host_with, list, settled, value, within};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

pub fn pressed(dir: &Path, store: usize) -> HostBuilder {
    builder().object_store_bytes(store as u64).spill(dir)
}

pub fn put(host: &Host, n: u8, bytes: usize) -> ObjectRef {
    host.put(&vec![n; bytes]).unwrap()
}

/// Uses so many bytes of the store, those of its modules included.
pub async fn used(host: &Host, bytes: usize) -> Arc<Value> {
    let object = put(host, 9, bytes - host.stats().manifest_bytes as usize);
    within(host.value(&object, None), "a value").await.unwrap()
}

/// Has everything else spilled that can be, by so many bytes, those of its modules included.
fn push_out(host: &Host, bytes: usize) {
    drop(put(host, 8, bytes - host.stats().manifest_bytes as usize));
}

/// The task waits, and has not ended.
async fn waits(host: &Host, object: &ObjectRef) {
    assert!(host.wait(std::slice::from_ref(object), 1, Some(Duration::from_millis(50))).await.unwrap().0.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_many_store_at_once_finds_room_as_long_as_the_disk_has_some() {
    for (store, bytes) in [(4 * MIB, 2 * MIB), (4 * MIB, 3 * MIB / 2), (8 * MIB, 3 * MIB)] {
        let dir = tempfile::tempdir().unwrap();
        let (host, module) = host_with(pressed(dir.path(), store), "spill").await;
        let puts: Vec<ObjectRef> = std::thread::scope(|scope| {
            let host = &host;
            let threads: Vec<_> = (0..4u8)
                .map(|n| scope.spawn(move || (0..10).map(|_| put(host, n, bytes)).collect::<Vec<_>>()))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let made: Vec<_> = (0..12u32).map(|seed| module.task("block").arg(seed).arg(bytes).try_submit()).collect();
        for object in puts.iter().chain(&made) {
            assert_eq!(value::<Vec<u8>>(&host, object).await.len(), bytes);
        }
        drop((puts, made));
        settled(&host, "nothing to be left", |stats| {
            (stats.objects, stats.object_bytes, stats.spilled_bytes) == (0, stats.manifest_bytes, 0)
        })
        .await;
        finish(host).await;
    }
}

#[tokio::test]
async fn each_result_of_a_pure_task_that_somebody_saw_is_in_the_journal_however_full_the_store_is() {
    let (dir, journal) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    const TASKS: usize = 24;
    for from_journal in [0, TASKS] {
        let host = pressed(dir.path(), 5 * MIB / 2).journal(journal.path());
        let (host, module) = host_with(host, "journal").await;
        let made: Vec<_> = (0..TASKS).map(|n| module.task("make_bytes").arg(MIB + n).try_submit()).collect();
        for (n, made) in made.iter().enumerate() {
            assert_eq!(value::<Vec<u8>>(&host, made).await.len(), MIB + n);
        }
        assert_eq!(host.stats().from_journal, from_journal as u64);
        drop((made, module));
        finish(host).await;
    }
}

#[tokio::test]
async fn a_result_in_the_journal_is_not_read_before_there_is_room_for_it() {
    let (dir, journal) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let make = |module: &Module| module.task("make_bytes").arg(2 * MIB).try_submit();
    let (host, module) = host_with(pressed(dir.path(), 4 * MIB).journal(journal.path()), "journal").await;
    assert_eq!(value::<Vec<u8>>(&host, &make(&module)).await.len(), 2 * MIB);
    drop(module);
    finish(host).await;

    let (host, module) = host_with(pressed(dir.path(), 4 * MIB).journal(journal.path()), "journal").await;
    let in_use = used(&host, 3 * MIB).await;
    let made = make(&module);
    waits(&host, &made).await;
    let segment = fs::OpenOptions::new().write(true).open(journal.path().join("segment-00000001")).unwrap();
    segment.write_all_at(b"damaged", MIB as u64).unwrap();
    drop(in_use);
    assert_eq!(value::<Vec<u8>>(&host, &made).await.len(), 2 * MIB);
    assert_eq!(host.stats().from_journal, 0, "whoever had read it before would have it");
    drop((made, module));
    finish(host).await;
}

/// Two small objects on disk, and a task that waits for more than there is room for as long as the value lives.
async fn greedy(host: &Host, module: &Module) -> ([ObjectRef; 2], [ObjectRef; 2], ObjectRef, Arc<Value>) {
    let small = [put(host, 1, 256 * KIB), put(host, 2, 256 * KIB)];
    let large = [put(host, 3, MIB), put(host, 4, 3 * MIB / 2)];
    let used = used(host, 2 * MIB).await;
    push_out(host, 2 * MIB - 64 * KIB);
    let greedy = module.task("sum_of_both").arg_ref(&large[0]).arg_ref(&large[1]).submit().await;
    waits(host, &greedy).await;
    (small, large, greedy, used)
}

#[tokio::test]
async fn who_finds_room_passes_one_that_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 4 * MIB), "spill").await;
    let (small, large, greedy, in_use) = greedy(&host, &module).await;
    let modest = module.task("sum_of_both").arg_ref(&small[0]).arg_ref(&small[1]).submit().await;
    assert_eq!(value::<u64>(&host, &modest).await, (256 * KIB * 3) as u64);
    // What the greedy one waits for is also others'.
    assert_eq!(value::<Vec<u8>>(&host, &large[0]).await, vec![3; MIB]);
    waits(&host, &greedy).await;
    drop(in_use);
    assert_eq!(value::<u64>(&host, &greedy).await, (3 * MIB + 4 * (3 * MIB / 2)) as u64);
    finish(host).await;
}

#[tokio::test]
async fn one_that_is_cancelled_while_it_waits_for_room_leaves_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 4 * MIB), "spill").await;
    let (small, large, greedy, in_use) = greedy(&host, &module).await;
    host.cancel(&greedy);
    assert_eq!(error(&host, &greedy).await.kind, ErrorKind::TaskCancelled);
    assert_eq!(value::<Vec<u8>>(&host, &large[1]).await, vec![4; 3 * MIB / 2]);
    drop((small, large, greedy, in_use));
    settled(&host, "nothing to be left", |stats| {
        (stats.objects, stats.object_bytes, stats.spilled_bytes) == (0, stats.manifest_bytes, 0)
    })
    .await;
    finish(host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_one_is_not_passed_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 4 * MIB).cpus(8.0), "spill").await;
    let host = Arc::new(host);
    let large = [put(&host, 1, 3 * MIB / 2), put(&host, 2, 3 * MIB / 2)];
    let small: Vec<_> = (0..12).map(|n| put(&host, n, MIB)).collect();
    let over = Arc::new(AtomicBool::new(false));
    let loops: Vec<_> = (0..4usize)
        .map(|k| {
            let (host, module, small, over) = (host.clone(), module.clone(), small.clone(), over.clone());
            tokio::spawn(async move {
                let mut n = 0;
                while !over.load(Ordering::Relaxed) {
                    let milliseconds = 10 + (n * 7 + k * 13) as u64 % 23;
                    let task = module.task("uses").arg_ref(&small[(k + 4 * n) % 12]).arg(milliseconds).submit().await;
                    value::<u64>(&host, &task).await;
                    n += 1;
                }
                n
            })
        })
        .collect();
    for _ in 0..3 {
        let both = module.task("sum_of_both").arg_ref(&large[0]).arg_ref(&large[1]).submit().await;
        assert_eq!(value::<u64>(&host, &both).await, (3 * MIB / 2 * 3) as u64);
    }
    over.store(true, Ordering::Relaxed);
    for each in loops {
        assert!(within(each, "a loop").await.unwrap() > 0);
    }
    drop(module);
    finish(Arc::into_inner(host).unwrap()).await;
}

#[tokio::test]
async fn many_that_wait_for_room_hold_up_neither_files_nor_modules() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"hello").unwrap();
    let granted = rustyray_host::Capabilities::none().dir(dir.path(), "/data", rustyray_host::DirAccess::ReadOnly);
    let host = pressed(&dir.path().join("spilled"), 8 * MIB).capabilities(granted.unwrap());
    let (host, module) = host_with(host, "spill").await;
    let cold: Vec<_> = (0..600).map(|_| put(&host, 1, 256 * KIB)).collect();
    push_out(&host, 8 * MIB - 600 * KIB);
    let in_use = used(&host, 8 * MIB - 300 * KIB).await;
    let gets = futures::future::join_all(cold.iter().map(|object| host.value(object, None)));
    let mut gets = Box::pin(gets);
    assert!(futures::poll!(&mut gets).is_pending());
    let read = module.task("of_file").arg("/data/file").arg(1usize).submit().await;
    assert_eq!(value::<Vec<u8>>(&host, &read).await, b"hello");
    within(host.load_file(guest("waiting")), "a module").await.unwrap();
    assert!(futures::poll!(&mut gets).is_pending());
    drop(gets);
    drop((in_use, cold, read));
    finish(host).await;
}

#[tokio::test]
async fn who_waits_for_what_is_spilled_hears_of_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (host, _module) = host_with(pressed(dir.path(), 4 * MIB), "spill").await;
    let cold = put(&host, 1, MIB);
    let in_use = used(&host, 4 * MIB - 64 * KIB).await;
    let told = {
        let mut waiting = Box::pin(host.value(&cold, None));
        assert!(futures::poll!(&mut waiting).is_pending());
        let (told, ()) = futures::join!(within(waiting, "the end"), within(host.shutdown(Duration::ZERO), "the end"));
        told.unwrap_err()
    };
    assert_eq!(told.kind, ErrorKind::HostShutDown, "{told:#}");
    for timeout in [None, Some(Duration::ZERO), Some(Duration::from_secs(5))] {
        let told = within(host.value(&cold, timeout), "an answer").await.unwrap_err();
        assert!(matches!(told.kind, ErrorKind::HostShutDown), "{told:#}");
    }
    drop(in_use);
}

#[tokio::test]
async fn one_that_does_not_fit_on_disk_keeps_no_smaller_one_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (host, _module) = host_with(pressed(dir.path(), 8 * MIB).spill_bytes(3 * MIB as u64), "spill").await;
    let large = put(&host, 1, 4 * MIB);
    let small: Vec<_> = (0..6).map(|n| put(&host, n, MIB - KIB)).collect();
    assert_eq!(value::<Vec<u8>>(&host, &large).await, vec![1; 4 * MIB]);
    assert!(host.stats().spilled_bytes >= 2 * (MIB - KIB) as u64, "{:?}", host.stats());
    drop((small, large));
    finish(host).await;
}

/// Damages what is on disk.
fn damage(dir: &Path) {
    let lost = files(dir);
    assert!(!lost.is_empty());
    lost.iter().for_each(|file| fs::write(file, b"damaged").unwrap());
}

#[tokio::test]
async fn a_lost_argument_is_made_again_also_where_there_is_one_instance_and_the_queue_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let host = pressed(dir.path(), 2 * MIB).cpus(1.0).instances(1).pending_tasks(3);
    let (host, module) = host_with(host, "spill").await;
    let block = module.task("block").arg(1u32).arg(256 * KIB).submit().await;
    let bytes: Vec<u8> = value(&host, &block).await;
    let expected: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
    push_out(&host, 2 * MIB - 64 * KIB);
    damage(dir.path());
    // Each but the first finds it lost; all of them and the one that makes it again are more than may be pending.
    let sums: Vec<_> = (0..3).map(|_| module.task("sum").arg_ref(&block).try_submit()).collect();
    for sum in &sums {
        assert_eq!(value::<u64>(&host, sum).await, expected);
        assert_eq!(sum.receipt().unwrap().attempts, 1, "it had not begun");
    }
    drop((sums, block));
    finish(host).await;
}

#[tokio::test]
async fn a_host_whose_folder_was_removed_spills_on_and_makes_again_what_it_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 2 * MIB), "spill").await;
    let block = module.task("block").arg(1u32).arg(256 * KIB).submit().await;
    let bytes: Vec<u8> = value(&host, &block).await;
    push_out(&host, 2 * MIB - 64 * KIB);
    for folder in fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        fs::remove_dir_all(folder).unwrap();
    }
    let more: Vec<_> = (0..16).map(|n| put(&host, n, 256 * KIB)).collect();
    // At once: what is gone needs no room.
    let in_use = used(&host, MIB).await;
    assert_eq!(value::<Vec<u8>>(&host, &block).await, bytes);
    for (n, object) in (0u8..).zip(&more) {
        assert_eq!(value::<Vec<u8>>(&host, object).await, vec![n; 256 * KIB]);
    }
    drop((in_use, more, block));
    settled(&host, "nothing to be left", |stats| {
        (stats.objects, stats.object_bytes, stats.spilled_bytes) == (0, stats.manifest_bytes, 0)
    })
    .await;
    finish(host).await;
}

#[tokio::test]
async fn one_of_several_calls_that_waits_for_what_is_on_disk_holds_up_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 4 * MIB), "spill").await;
    let actor = module.actor("Getters").create();
    let cold = [put(&host, 1, MIB), put(&host, 2, MIB)];
    let in_use = used(&host, 3 * MIB + MIB / 2).await;
    let sums: Vec<_> = (0..2).map(|_| actor.call("sums").arg_payload(list(&cold)).try_submit()).collect();
    settled(&host, "them to wait", |stats| (stats.running, stats.pending) == (2, 0)).await;
    for _ in 0..3 {
        assert_eq!(value::<u32>(&host, &actor.call("ping").submit().await).await, 1);
    }
    host.cancel(&sums[1]);
    assert_eq!(error(&host, &sums[1]).await.kind, ErrorKind::TaskCancelled);
    drop(in_use);
    assert_eq!(value::<Vec<u64>>(&host, &sums[0]).await, [MIB as u64, 2 * MIB as u64]);
    drop((sums, cold));
    // What came for the call that was cancelled is let go of when the actor looks for news.
    assert_eq!(value::<u32>(&host, &actor.call("ping").submit().await).await, 1);
    // The actor's own readiness is an object.
    settled(&host, "nothing else to be left", |stats| (stats.objects, stats.spilled_bytes) == (1, 0)).await;
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn calls_of_one_actor_that_get_the_same_are_each_refused_in_their_own_time() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 4 * MIB), "spill").await;
    let cold = put(&host, 1, MIB);
    let in_use = used(&host, 3 * MIB + MIB / 2).await;
    let actor = module.actor("Getters").create();
    let gets = || actor.call("sums").arg_payload(list(std::slice::from_ref(&cold))).try_submit();
    let began = Instant::now();
    let early = [gets(), gets()];
    waits_for(&host, &early[0], SPILL_PATIENCE / 2).await;
    let (began_late, late) = (Instant::now(), gets());
    for get in &early {
        let told = error(&host, get).await;
        assert_eq!(told.causes.first().map(|cause| cause.kind), Some(ErrorKind::ObjectStoreFull), "{told:#}");
        assert!(began.elapsed() >= SPILL_PATIENCE, "{:?}", began.elapsed());
    }
    assert!(!late.is_ready() && began.elapsed() < SPILL_PATIENCE * 3 / 2, "{:?}", began.elapsed());
    error(&host, &late).await;
    let took = began_late.elapsed();
    assert!(took >= SPILL_PATIENCE && took < SPILL_PATIENCE * 3 / 2, "{took:?}");
    // Who asks once more waits anew, and has it where there is room.
    let again = gets();
    waits(&host, &again).await;
    drop(in_use);
    assert_eq!(value::<Vec<u64>>(&host, &again).await, [MIB as u64]);
    drop((actor, cold));
    finish(host).await;
}

#[tokio::test]
async fn a_guest_that_waits_for_what_is_on_disk_keeps_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 4 * MIB), "spill").await;
    let cold: Vec<_> = (1..=20).map(|n| put(&host, n, MIB)).collect();
    let in_use = used(&host, 3 * MIB + MIB / 2).await;
    // Less than it takes until the host says that there is no room.
    let patience = SPILL_PATIENCE.as_millis() as u64 / 20;
    let within = module.task("within").arg_payload(list(&cold)).arg(patience).submit().await;
    let (texts, napped): (Vec<String>, u64) = value(&host, &within).await;
    assert!(texts.iter().all(|text| text.contains("no value within 500ms")), "{texts:?}");
    assert_eq!((texts.len(), napped), (20, patience));
    let sums = module.task("sums_after_a_try").arg_payload(list(&cold)).submit().await;
    waits(&host, &sums).await;
    drop(in_use);
    let expected: Vec<u64> = (1..=20).map(|n| n * MIB as u64).collect();
    assert_eq!(value::<Vec<u64>>(&host, &sums).await, expected);
    drop((within, sums, cold));
    settled(&host, "nothing to be left", |stats| (stats.objects, stats.spilled_bytes) == (0, 0)).await;
    finish(host).await;
}

#[tokio::test]
async fn what_is_on_disk_is_there_for_who_does_not_wait() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 8 * MIB), "spill").await;
    let cold: Vec<_> = (1..=40).map(|n| put(&host, n, MIB)).collect();
    for (n, object) in (1u8..).zip(&cold) {
        assert_eq!(host.get_within::<Vec<u8>>(object, Duration::ZERO).await.unwrap(), vec![n; MIB]);
    }
    let sums = module.task("sums_at_once").arg_payload(list(&cold)).submit().await;
    let each: Vec<u64> = (1..=40).map(|n| n * MIB as u64).collect();
    assert_eq!(value::<Vec<u64>>(&host, &sums).await, each.repeat(3));
    drop((sums, cold));
    finish(host).await;
}

#[tokio::test]
async fn checkpoints_are_spilled_and_restored() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 4 * MIB), "spill").await;
    let actors: Vec<_> = (0..6).map(|_| module.actor("Saves").create()).collect();
    let mut sums = Vec::new();
    for (seed, actor) in (0u32..).zip(&actors) {
        let grown = actor.call("grow").arg(seed).arg(MIB).submit().await;
        assert_eq!(value::<usize>(&host, &grown).await, MIB);
        sums.push(value::<u64>(&host, &actor.call("sum").submit().await).await);
    }
    assert!(host.stats().spilled_bytes >= 2 * MIB as u64, "{:?}", host.stats());
    for (actor, sum) in actors.iter().zip(&sums) {
        assert_eq!(error(&host, &actor.call("crash").submit().await).await.kind, ErrorKind::ActorUnavailable);
        assert_eq!(value::<u64>(&host, &actor.call("sum").submit().await).await, *sum);
    }
    drop(actors);
    settled(&host, "nothing to be left", |stats| {
        (stats.objects, stats.object_bytes, stats.spilled_bytes) == (0, stats.manifest_bytes, 0)
    })
    .await;
    finish(host).await;
}

/// The sum of what such a block holds.
fn sum_of(seed: u32, bytes: usize) -> u64 {
    crate::spilling::made(seed, bytes).iter().map(|byte| u64::from(*byte)).sum()
}

#[tokio::test]
async fn a_lost_object_harms_no_other_call_of_its_actor() {
    for gone in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (host, module) = host_with(pressed(dir.path(), 4 * MIB), "spill").await;
        let made = module.task("slow_block").arg(300u64).arg(1u32).arg(MIB).submit().await;
        within(host.wait(std::slice::from_ref(&made), 1, None), "the block").await.unwrap();
        push_out(&host, 4 * MIB - 64 * KIB);
        match gone {
            true => files(dir.path()).iter().for_each(|file| fs::remove_file(file).unwrap()),
            false => damage(dir.path()),
        }
        let actor = module.actor("Getters").create();
        let sums = actor.call("sums").arg_payload(list(std::slice::from_ref(&made))).submit().await;
        settled(&host, "it to be made again", |stats| stats.running >= 2).await;
        assert_eq!(value::<u32>(&host, &actor.call("ping").submit().await).await, 1);
        assert_eq!(value::<Vec<u64>>(&host, &sums).await, [sum_of(1, MIB)]);
        assert_eq!(actor.generation(), 1);
        drop((actor, sums, made));
        finish(host).await;
    }
}

#[tokio::test]
async fn one_of_several_calls_that_waits_for_room_is_in_no_deadlock_and_at_no_standstill() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 4 * MIB).instances(2), "spill").await;
    let cold = put(&host, 1, 2 * MIB);
    let in_use = used(&host, 3 * MIB).await;
    let actor = module.actor("Getters").create();
    let take = actor.call("take").arg_ref(&cold).submit().await;
    let passed = module.task("same").arg_ref(&take).submit().await;
    let numbers = actor.call("numbers").arg_payload(list(std::slice::from_ref(&passed))).submit().await;
    let waits = module.task("waits_for").arg_payload(list(std::slice::from_ref(&take))).submit().await;
    settled(&host, "three to wait", |stats| stats.running == 3).await;
    let queued = module.task("same").arg(5u64).submit().await;
    // Longer than what is told at a standstill takes.
    waits_for(&host, &queued, Duration::from_millis(300)).await;
    drop(in_use);
    let expected = 2 * MIB as u64;
    assert_eq!(value::<u64>(&host, &take).await, expected);
    assert_eq!(value::<Vec<u64>>(&host, &numbers).await, [expected]);
    assert_eq!((value::<u64>(&host, &waits).await, value::<u64>(&host, &queued).await), (expected, 5));
    drop((actor, cold));
    finish(host).await;
}

async fn waits_for(host: &Host, object: &ObjectRef, time: Duration) {
    assert!(host.wait(std::slice::from_ref(object), 1, Some(time)).await.unwrap().0.is_empty(), "{:?}", object);
}

fn gpu() -> TaskOptions {
    TaskOptions::new().resource("gpu", 1.0)
}

/// A block that only a task with the gpu makes again, lost; and a task that has nothing to do with it.
async fn lost_with_gpu(dir: &Path) -> (Host, Module, ObjectRef, ObjectRef) {
    let (host, module) = host_with(pressed(dir, 4 * MIB).resource("gpu", 1.0), "spill").await;
    let made = module.task("block").arg(1u32).arg(MIB).options(gpu()).submit().await;
    within(host.wait(std::slice::from_ref(&made), 1, None), "the block").await.unwrap();
    push_out(&host, 4 * MIB - 64 * KIB);
    damage(dir);
    let nap = module.task("nap").arg(3_600_000u64).submit().await;
    (host, module, made, nap)
}

fn assert_deadlock(error: &TaskError) {
    assert!(format!("{error:#}").contains("each waits for the next"), "{error:#}");
}

#[tokio::test]
async fn a_deadlock_that_a_lost_argument_closes_is_told_whoever_waits_for_it() {
    for name in ["Getter", "Getters"] {
        let dir = tempfile::tempdir().unwrap();
        let (host, module, made, nap) = lost_with_gpu(dir.path()).await;
        let actor = module.actor(name).options(ActorOptions::new().call(gpu())).create();
        assert_deadlock(&*error(&host, &actor.call("take").arg_ref(&made).submit().await).await);
        drop((actor, nap, made));
        finish(host).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let (host, module, made, nap) = lost_with_gpu(dir.path()).await;
    let later = module.task("nap").arg(300u64).submit().await;
    let both = module.task("with_both").arg_ref(&made).arg_ref(&later).submit().await;
    let holder = module.task("waits_for").arg_payload(list(std::slice::from_ref(&both))).options(gpu()).submit().await;
    assert_deadlock(&*error(&host, &holder).await);
    drop((nap, made, later, both, holder));
    finish(host).await;
}

#[tokio::test]
async fn an_actor_that_starts_again_waits_for_what_is_lost_without_the_instance_that_makes_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 4 * MIB).cpus(1.0).instances(1), "spill").await;
    let made = module.task("block").arg(1u32).arg(MIB).submit().await;
    within(host.wait(std::slice::from_ref(&made), 1, None), "the block").await.unwrap();
    let keeper = module.actor("Keeper").constructor("of").arg_ref(&made).create();
    within(host.value(&keeper.ready(), None), "the keeper").await.unwrap();
    // What it is made of is its own.
    drop(made);
    push_out(&host, 4 * MIB - 64 * KIB);
    damage(dir.path());
    keeper.kill(true);
    assert_eq!(value::<u64>(&host, &keeper.call("sum").submit().await).await, sum_of(1, MIB));
    assert_eq!(keeper.generation(), 2);
    // It may not again.
    keeper.kill(true);
    assert_eq!(error(&host, &keeper.call("sum").submit().await).await.kind, ErrorKind::ActorDied);
    drop(keeper);
    settled(&host, "nothing to be left", |stats| (stats.objects, stats.instances, stats.actors) == (0, 0, 0)).await;
    finish(host).await;
}

#[tokio::test]
async fn a_start_that_waits_for_what_is_lost_is_ended_as_one_in_the_queue() {
    const HOUR: Duration = Duration::from_secs(3600);
    for (ended, kind) in [
        ("killed", ErrorKind::ActorDied),
        ("cancelled", ErrorKind::TaskCancelled),
        ("late", ErrorKind::TaskTimedOut),
        ("shut down", ErrorKind::HostShutDown),
        ("killed again", ErrorKind::ActorDied),
    ] {
        let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
        let host = pressed(dir.path(), 4 * MIB).resource("gpu", 1.0).clock(clock.clone());
        let (host, module) = host_with(host, "spill").await;
        let made = module.task("block").arg(1u32).arg(MIB).options(gpu()).submit().await;
        within(host.wait(std::slice::from_ref(&made), 1, None), "the block").await.unwrap();
        let budget = Budget::new(BudgetLimits { time: Some(HOUR), ..BudgetLimits::default() });
        let options = ActorOptions::new().call(TaskOptions::new().budget(&budget));
        let create = || module.actor("Keeper").constructor("of").arg_ref(&made).options(options.clone()).create();
        let starts_again = ended == "killed again";
        let first = if starts_again { Some(create()) } else { None };
        if let Some(keeper) = &first {
            within(host.value(&keeper.ready(), None), "the keeper").await.unwrap();
        }
        push_out(&host, 4 * MIB - 64 * KIB);
        damage(dir.path());
        let nap = module.task("nap").arg(2 * HOUR.as_millis() as u64).options(gpu()).submit().await;
        settled(&host, "the gpu to be taken", |stats| stats.running == 1).await;
        let keeper = first.unwrap_or_else(create);
        keeper.kill(true);
        let sum = keeper.call("sum").submit().await;
        // It, its call, and what makes the block again, which nobody can.
        settled(&host, "it to wait", |stats| (stats.pending, stats.running, stats.instances) == (3, 1, 1)).await;
        assert_eq!(keeper.generation(), u32::from(starts_again));
        assert!(!keeper.kill_generation(1, false), "none is there that could be hit");
        match ended {
            "killed" | "killed again" => keeper.kill(false),
            "cancelled" => host.cancel(&keeper.ready()),
            "late" => clock.advance(HOUR),
            _ => within(host.shutdown(Duration::ZERO), "the end").await,
        }
        let told = error(&host, &sum).await;
        let kinds = std::iter::once(told.kind).chain(told.causes.iter().map(|cause| cause.kind));
        assert!(kinds.into_iter().any(|told| told == kind), "{ended}: {told:#}");
        assert!(!nap.is_ready() || ended == "shut down", "{ended}");
        host.cancel(&nap);
        drop((keeper, nap, made, sum));
        if ended != "shut down" {
            finish(host).await;
        }
    }
}

#[tokio::test]
async fn two_that_want_the_same_from_a_slow_disk_hold_up_no_third() {
    let dir = tempfile::tempdir().unwrap();
    let (host, _module) = host_with(pressed(dir.path(), 4 * MIB), "spill").await;
    let slow = put(&host, 1, MIB);
    push_out(&host, 4 * MIB - 64 * KIB);
    let file = files(dir.path()).remove(0);
    let small = put(&host, 2, 64 * KIB);
    push_out(&host, 4 * MIB - 32 * KIB);
    let bytes = fs::read(&file).unwrap();
    // A pipe that nobody writes to is a disk that does not answer.
    fs::remove_file(&file).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    let mut gets = Box::pin(futures::future::join(host.value(&slow, None), host.value(&slow, None)));
    assert!(futures::poll!(&mut gets).is_pending());
    assert_eq!(value::<Vec<u8>>(&host, &small).await, vec![2; 64 * KIB]);
    let writer = std::thread::spawn(move || fs::write(file, bytes).unwrap());
    let (first, second) = within(gets, "both").await;
    assert_eq!([first, second].map(|value| value.unwrap().payload().data.len()), [MIB; 2]);
    writer.join().unwrap();
    drop((slow, small));
    finish(host).await;
}

#[tokio::test]
async fn a_disk_that_does_not_answer_holds_up_nobody_who_needs_none_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 4 * MIB), "spill").await;
    let cold = [put(&host, 1, 256 * KIB), put(&host, 2, 256 * KIB)];
    push_out(&host, 4 * MIB - 64 * KIB);
    let spilled: Vec<_> = files(dir.path()).into_iter().map(|file| (fs::read(&file).unwrap(), file)).collect();
    assert_eq!(spilled.len(), DISK_THREADS);
    for (_, file) in &spilled {
        // A pipe that nobody writes to.
        fs::remove_file(file).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(file).status().unwrap().success());
    }
    let in_use = used(&host, 3 * MIB).await;
    let sums: Vec<_> = cold.iter().map(|object| module.task("sum").arg_ref(object).try_submit()).collect();
    settled(&host, "them to wait", |stats| (stats.running, stats.pending) == (2, 0)).await;
    let given = module.task("block").arg(1u32).arg(2 * MIB).submit().await;
    waits(&host, &given).await;
    // One hears that there is no room, also where nobody reads.
    assert_eq!(error(&host, &given).await.kind, ErrorKind::ObjectStoreFull);
    let given = module.task("block").arg(1u32).arg(2 * MIB).submit().await;
    waits(&host, &given).await;
    drop(in_use);
    assert_eq!(value::<Vec<u8>>(&host, &given).await.len(), 2 * MIB);
    let writers = spilled.into_iter().map(|(bytes, file)| std::thread::spawn(move || fs::write(file, bytes).unwrap()));
    let writers: Vec<_> = writers.collect();
    for (sum, n) in sums.iter().zip(1..) {
        assert_eq!(value::<u64>(&host, sum).await, n * 256 * KIB as u64);
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    drop((cold, sums, given));
    finish(host).await;
}

#[tokio::test]
async fn a_result_of_one_of_several_calls_waits_for_room() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 4 * MIB), "spill").await;
    let actor = module.actor("Getters").create();
    assert_eq!(value::<u32>(&host, &actor.call("ping").submit().await).await, 1);
    let in_use = used(&host, 3 * MIB).await;
    let given = actor.call("give").arg(1u32).arg(2 * MIB).submit().await;
    waits(&host, &given).await;
    drop(in_use);
    assert_eq!(value::<Vec<u8>>(&host, &given).await.len(), 2 * MIB);
    assert_eq!(value::<u32>(&host, &actor.call("ping").submit().await).await, 1);
    drop((actor, given));
    finish(host).await;
}

#[tokio::test]
async fn a_call_of_several_whose_result_waits_for_room_is_ended_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 4 * MIB), "spill").await;
    let actor = module.actor("Getters").create();
    assert_eq!(value::<u32>(&host, &actor.call("ping").submit().await).await, 1);
    let in_use = used(&host, 3 * MIB).await;
    let give = |options| actor.call("give").arg(1u32).arg(2 * MIB).options(options).submit();
    // Less than it waits for room.
    let late = give(TaskOptions::new().timeout(SPILL_PATIENCE / 20)).await;
    let cancelled = give(TaskOptions::new()).await;
    waits(&host, &cancelled).await;
    // There is a lane for it, and the guest has nothing else to do.
    assert_eq!(value::<u32>(&host, &actor.call("ping").submit().await).await, 1);
    host.cancel(&cancelled);
    assert_eq!(error(&host, &cancelled).await.kind, ErrorKind::TaskCancelled);
    assert_eq!(error(&host, &late).await.kind, ErrorKind::TaskTimedOut);
    assert_eq!(value::<u32>(&host, &actor.call("ping").submit().await).await, 1);
    assert_eq!(actor.generation(), 1);
    let killed = give(TaskOptions::new()).await;
    waits(&host, &killed).await;
    actor.kill(false);
    assert_eq!(error(&host, &killed).await.kind, ErrorKind::ActorDied);
    settled(&host, "the actor to go", |stats| (stats.instances, stats.running) == (0, 0)).await;
    drop((actor, in_use, late, cancelled, killed));
    finish(host).await;
}

#[tokio::test]
async fn an_actor_whose_results_wait_for_room_makes_no_more_than_half_its_memory_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 8 * MIB), "spill").await;
    let small = TaskOptions::new().memory_bytes(16 * MIB as u64);
    let actor = module.actor("Getters").options(ActorOptions::new().call(small)).create();
    assert_eq!(value::<u32>(&host, &actor.call("ping").submit().await).await, 1);
    let in_use = used(&host, 6 * MIB).await;
    let mut given = vec![actor.call("give").arg(1u32).arg(5 * MIB).submit().await];
    waits(&host, &given[0]).await;
    assert_eq!(value::<u32>(&host, &actor.call("ping").submit().await).await, 1, "it is less than half");
    given.push(actor.call("give").arg(1u32).arg(5 * MIB).submit().await);
    waits(&host, &given[1]).await;
    // One that ends meanwhile takes nothing with it.
    let late = TaskOptions::new().timeout(Duration::from_millis(20));
    let late = actor.call("ping").options(late).submit().await;
    assert_eq!(error(&host, &late).await.kind, ErrorKind::TaskTimedOut);
    let cancelled = actor.call("ping").submit().await;
    waits(&host, &cancelled).await;
    host.cancel(&cancelled);
    assert_eq!(error(&host, &cancelled).await.kind, ErrorKind::TaskCancelled);
    // Longer than a guest has for leaving a call that it runs.
    let ping = actor.call("ping").submit().await;
    waits_for(&host, &ping, 3 * AWAIT_GRACE).await;
    assert_eq!(actor.generation(), 1);
    drop(in_use);
    for given in given {
        assert_eq!(value::<Vec<u8>>(&host, &given).await.len(), 5 * MIB);
    }
    assert_eq!(value::<u32>(&host, &ping).await, 1);
    drop((actor, ping));
    finish(host).await;
}

#[tokio::test]
async fn what_is_lost_while_it_is_read_ends_nobodys_time() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 4 * MIB), "spill").await;
    let made = module.task("slow_block").arg(100u64).arg(1u32).arg(MIB).submit().await;
    within(host.wait(std::slice::from_ref(&made), 1, None), "the block").await.unwrap();
    let actor = module.actor("Getters").create();
    for _ in 0..4 {
        push_out(&host, 4 * MIB - 64 * KIB);
        damage(dir.path());
        let hour = 3_600_000u64;
        let first = actor.call("first").arg_payload(list(std::slice::from_ref(&made))).arg(hour).submit().await;
        assert_eq!(value::<u64>(&host, &first).await, sum_of(1, MIB), "and not the end of an hour");
    }
    drop((actor, made));
    finish(host).await;
}

#[tokio::test]
async fn an_actor_whose_checkpoint_has_no_room_waits_with_its_start_and_keeps_its_state() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path(), 4 * MIB), "spill").await;
    let actor = module.actor("Saves").create();
    let grown = actor.call("grow").arg(1u32).arg(MIB).submit().await;
    assert_eq!(value::<usize>(&host, &grown).await, MIB);
    push_out(&host, 4 * MIB - 64 * KIB);
    let in_use = used(&host, 3 * MIB + MIB / 2).await;
    assert_eq!(error(&host, &actor.call("crash").submit().await).await.kind, ErrorKind::ActorUnavailable);
    let sum = actor.call("sum").submit().await;
    // Longer than anybody waits for room at once.
    waits_for(&host, &sum, SPILL_PATIENCE + Duration::from_millis(500)).await;
    drop(in_use);
    assert_eq!(value::<u64>(&host, &sum).await, sum_of(1, MIB));
    drop((actor, grown));
    finish(host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stores_what_finds_no_room_while_others_find_some_is_told_so_and_stops_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let host = pressed(dir.path(), 8 * MIB).threads(2).helping(false);
    let (host, module) = host_with(host, "spill").await;
    let in_use = used(&host, 2 * MIB).await;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                push_out(&host, 2 * MIB);
            }
        });
        let asking = async {
            let stores: Vec<_> =
                (0..2).map(|n| module.task("stored").arg(n as u32).arg(6 * MIB + 100 * KIB).try_submit()).collect();
            for stored in &stores {
                assert_eq!(error(&host, stored).await.kind, ErrorKind::TaskFailed);
            }
            assert_eq!(value::<u64>(&host, &module.task("same").arg(5u64).submit().await).await, 5);
        };
        let asked = futures::executor::block_on(futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(asking)));
        over.store(true, Ordering::Relaxed);
        asked.unwrap();
    });
    drop(in_use);
    finish(host).await;
}
