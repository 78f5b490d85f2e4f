//! What others lend a host, such as wakers and clocks, and what it loses, such as files: none of it stops it.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures::FutureExt;
use rustyray_host::clock::ManualClock;
use rustyray_host::{Encoding, ErrorKind, Host, Module, ObjectRef, Payload, Reference, TaskOptions};

use crate::spilling::{BLOCK, STORE, files, pressed};
use crate::support::{builder, error, finish, host_with, settled, value, within};

/// A waker of an executor that is gone.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("the executor is gone");
    }
}

/// A host with one slot that is taken, and one place, which is taken as well.
async fn full() -> (Host, Module, ObjectRef, ObjectRef) {
    let (host, module) = host_with(builder().threads(1).cpus(1.0).pending_tasks(1), "progress").await;
    let spin = module.task("spin").submit().await;
    settled(&host, "the slot to be taken", |stats| stats.running == 1).await;
    let queued = module.task("one").submit().await;
    (host, module, spin, queued)
}

#[tokio::test]
async fn a_waker_of_who_waits_for_room_harms_nobody_when_it_panics() {
    let waker = Waker::from(Arc::new(Panics));
    for end in ["start", "cancel", "shutdown"] {
        let (host, module, spin, queued) = full().await;
        let mut waiting = Box::pin(module.task("one").submit());
        assert!(waiting.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
        match end {
            "start" => {
                host.cancel(&spin);
                assert_eq!(value::<u32>(&host, &queued).await, 1);
            }
            "cancel" => {
                host.cancel(&queued);
                assert_eq!(error(&host, &queued).await.kind, ErrorKind::TaskCancelled);
                host.cancel(&spin);
            }
            _ => {}
        }
        drop(waiting);
        finish(host).await;
        assert!(spin.is_ready() && queued.is_ready());
    }
}

/// A waker that asks the host at once; how often, and how often that failed.
struct Asks(Arc<Host>, AtomicU32, AtomicU32);

impl Wake for Asks {
    fn wake(self: Arc<Self>) {
        self.1.fetch_add(1, Ordering::SeqCst);
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.0.stats())).is_err() {
            self.2.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[tokio::test]
async fn who_waits_for_room_is_woken_where_no_lock_is_held() {
    let (host, module, spin, queued) = full().await;
    let asks = Arc::new(Asks(Arc::new(host), AtomicU32::new(0), AtomicU32::new(0)));
    let mut impossible = Box::pin(module.task("one").options(TaskOptions::new().resource("moon", 1.0)).submit());
    let mut next = Box::pin(module.task("one").submit());
    let waker = Waker::from(asks.clone());
    assert!(impossible.poll_unpin(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(next.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    asks.0.cancel(&queued);
    // It has a place, is refused, and leaves it to the next one.
    assert!(impossible.poll_unpin(&mut Context::from_waker(Waker::noop())).is_ready());
    assert_eq!((asks.1.load(Ordering::SeqCst), asks.2.load(Ordering::SeqCst)), (1, 0));
    asks.0.cancel(&spin);
    let next = within(next, "its place").await;
    assert_eq!(value::<u32>(&asks.0, &next).await, 1);
}

#[tokio::test]
async fn a_clock_that_stands_still_does_not_hold_up_the_end() {
    let (release, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let host = builder().clock(ManualClock::new()).resource("seat", 1.0).imports(move |linker| {
        let blocked = blocked.clone();
        linker.instance("tests:embedder/mistakes")?.func_wrap("mistake", move |_, (_place,): (String,)| {
            let _ = blocked.lock().unwrap().recv();
            Ok(())
        })
    });
    let (host, module) = host_with(host, "mistakes").await;
    let _stuck = module.task("calls_out").submit().await;
    settled(&host, "it to run", |stats| stats.running == 1).await;
    // An import that does not return keeps its thread; the host ends without it.
    within(host.shutdown(Duration::ZERO), "the end").await;
    drop(release);
}

/// Damages all that is spilled, what stands in the store's place is let go of.
async fn lose_all(host: &Host, dir: &Path) {
    let filling: Vec<_> = (0..STORE as usize / BLOCK).map(|_| host.put(&vec![0u8; BLOCK - 512]).unwrap()).collect();
    let lost = files(dir);
    assert!(!lost.is_empty());
    lost.iter().for_each(|file| fs::write(file, b"damaged").unwrap());
    drop(filling);
}

/// A host of one instance, and an object whose bytes are lost once `lose_all` was called.
async fn losing(dir: &Path) -> (Host, Module, ObjectRef) {
    let (host, module) = host_with(pressed(dir).cpus(1.0).instances(1), "progress").await;
    let object = module.task("block").arg(1u32).arg(BLOCK).submit().await;
    within(host.wait(std::slice::from_ref(&object), 1, None), "the block").await;
    (host, module, object)
}

#[tokio::test]
async fn an_actor_whose_lost_argument_cannot_be_made_again_for_want_of_an_instance_says_so() {
    for actor_type in ["Taker", "Takers"] {
        let dir = tempfile::tempdir().unwrap();
        let (host, module, lost) = losing(dir.path()).await;
        let taker = module.actor(actor_type).create();
        within(host.value(&taker.ready(), None), "the actor").await.unwrap();
        lose_all(&host, dir.path()).await;
        let call = taker.call("take").arg_ref(&lost).submit().await;
        assert_eq!(error(&host, &call).await.kind, ErrorKind::DependencyFailed, "{actor_type}");
        drop(taker);
        finish(host).await;
    }
}

#[tokio::test]
async fn a_constructor_whose_lost_argument_cannot_be_made_again_for_want_of_an_instance_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module, lost) = losing(dir.path()).await;
    lose_all(&host, dir.path()).await;
    let taker = module.actor("Taker").constructor("given").arg_ref(&lost).create();
    assert_eq!(error(&host, &taker.ready()).await.kind, ErrorKind::DependencyFailed);
    assert_eq!(value::<u32>(&host, &module.task("one").submit().await).await, 1, "the instance is free");
    drop(taker);
    finish(host).await;
}

#[tokio::test]
async fn calls_of_several_that_wait_for_lost_arguments_are_one_instance() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()), "progress").await;
    let mut lost = Vec::new();
    for seed in [1u32, 2] {
        let object = module.task("block").arg(seed).arg(BLOCK).submit().await;
        within(host.wait(std::slice::from_ref(&object), 1, None), "the block").await;
        lost.push(object);
    }
    let takers = module.actor("Takers").create();
    within(host.value(&takers.ready(), None), "the actor").await.unwrap();
    lose_all(&host, dir.path()).await;
    let calls: Vec<_> = lost.iter().map(|lost| takers.call("take").arg_ref(lost).try_submit()).collect();
    for call in &calls {
        assert_eq!(value::<usize>(&host, call).await, BLOCK);
    }
    drop(takers);
    finish(host).await;
}

/// A task of this name that is on a shelf, from which it takes its own reference.
async fn on_a_shelf(host: &Host, module: &Module, name: &str) -> ObjectRef {
    let shelf = module.actor("Shelf").create();
    let handle = Payload {
        encoding: Encoding::Json,
        data: "0".into(),
        references: vec![Reference::Actor(shelf.actor_ref().clone())],
    };
    let task = module.task(name).arg_payload(handle).submit().await;
    let own =
        Payload { encoding: Encoding::Json, data: "[0]".into(), references: vec![Reference::Object(task.clone())] };
    within(host.value(&shelf.call("put").arg_payload(own).submit().await, None), "the shelf").await.unwrap();
    task
}

#[tokio::test]
async fn a_task_and_a_call_of_several_that_wait_for_each_other_are_a_deadlock() {
    let (host, module) = host_with(builder(), "progress").await;
    let task = on_a_shelf(&host, &module, "waits_for_its_waiter").await;
    let told = error(&host, &task).await;
    assert!(format!("{told:#}").contains("each waits for the next"), "{told:#}");
    drop(task);
    finish(host).await;
}

#[tokio::test]
async fn a_deadlock_is_found_beside_a_guest_that_waits_for_very_much() {
    let limits = rustyray_host::limits::TaskLimits { memory_bytes: 1 << 30, ..Default::default() };
    let (host, module) = host_with(builder().threads(2).cpus(4.0).default_limits(limits), "progress").await;
    let busy = module.task("spin").submit().await;
    for count in [10u32, 30_000, 70_000] {
        let hoards = module.task("hoards").arg(count).submit().await;
        settled(&host, "it to wait", |stats| stats.running >= 3).await;
        let task = on_a_shelf(&host, &module, "waits_for_itself").await;
        let told = error(&host, &task).await;
        assert_eq!(told.causes.first().map(|cause| cause.kind), Some(ErrorKind::Deadlock), "{count}: {told:#}");
        host.cancel(&hoards);
        settled(&host, "it to end", |stats| stats.running == 1).await;
    }
    host.cancel(&busy);
    finish(host).await;
}
