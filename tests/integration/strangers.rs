//! What others lend a host, such as wakers and clocks, and what it loses, such as files: none of it stops it.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures::FutureExt;
use rustyray_host::clock::ManualClock;
use rustyray_host::{
    ActorHandle, ActorOptions, Encoding, ErrorKind, Host, HostBuilder, Module, ObjectRef, Payload, Reference,
    TaskOptions,
};

use crate::spilling::{BLOCK, STORE, files, pressed};
use rustyray_testkit::guest;
use rustyray_tests::{Lines, builder, error, finish, host_with, settled, value, within};

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

/// What waits until it is let go on, for ever where that is forgotten; and says when it begins to.
fn gate() -> (mpsc::Sender<()>, mpsc::Receiver<()>, impl Fn() + Clone + Send + Sync + 'static) {
    let ((open, wait), (begins, begun)) = (mpsc::channel(), mpsc::channel());
    let (wait, begins) = (Arc::new(Mutex::new(wait)), Arc::new(Mutex::new(begins)));
    let waits = move || {
        let _ = begins.lock().unwrap().send(());
        let _ = wait.lock().unwrap().recv();
    };
    (open, begun, waits)
}

/// A host whose import does this, on the thread that runs the guest.
fn calling(builder: HostBuilder, what: impl Fn() + Clone + Send + Sync + 'static) -> HostBuilder {
    builder.imports(move |linker| {
        let what = what.clone();
        linker.instance("tests:embedder/mistakes")?.func_wrap("mistake", move |_, (_place,): (String,)| {
            what();
            Ok(())
        })
    })
}

/// Bytes of an embedder's, with an end.
struct Bytes(Arc<AtomicBool>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &[7; 64 << 10]
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn an_embedders_bytes_are_copied_and_their_owner_ends_in_his_own_call() {
    let (host, module) = host_with(builder(), "spill").await;
    let ends = Arc::new(AtomicBool::new(false));
    let lent = || Payload::new(Encoding::Raw, bytes::Bytes::from_owner(Bytes(ends.clone())));
    let object = host.put_payload(lent()).unwrap();
    assert!(ends.swap(false, Ordering::Relaxed), "no thread of the host's ever drops it");
    assert_eq!(host.value(&object, None).await.unwrap().payload().data, &[7; 64 << 10][..]);
    let call = module.task("with_both").arg_payload(lent()).arg_payload(lent());
    assert!(ends.swap(false, Ordering::Relaxed));
    drop((call, object));
    // A vector that nobody else holds stays where it is.
    let (own, shared) = (bytes::Bytes::from(vec![7; 64 << 10]), bytes::Bytes::from(vec![7; 64 << 10]));
    let (at, elsewhere) = (own.as_ptr(), shared.as_ptr());
    let own = host.put_payload(Payload::new(Encoding::Raw, own)).unwrap();
    let copied = host.put_payload(Payload::new(Encoding::Raw, shared.clone())).unwrap();
    assert_eq!(host.value(&own, None).await.unwrap().payload().data.as_ptr(), at);
    assert_ne!(host.value(&copied, None).await.unwrap().payload().data.as_ptr(), elsewhere);
    drop((own, copied));
    finish(host).await;
}

#[tokio::test]
async fn what_guests_hold_of_an_embedders_and_does_not_go_holds_up_no_deadline() {
    const HOUR: Duration = Duration::from_secs(3600);
    let ((open, _begun, waits), clock) = (gate(), ManualClock::new());
    let host = builder().cpus(32.0).threads(2).clock(clock.clone()).imports(move |linker| {
        let waits = waits.clone();
        linker.instance("tests:embedder/mistakes")?.func_wrap_async("mistake", move |_, (_place,): (String,)| {
            let lingers = Lingers(waits.clone());
            Box::new(async move {
                let _lingers = lingers;
                std::future::pending::<()>().await;
                Ok(())
            })
        })
    });
    let (host, module) = host_with(host, "mistakes").await;
    let in_time = || TaskOptions::new().timeout(HOUR);
    let mut stuck = Vec::new();
    for _ in 0..8 {
        stuck.push(module.task("calls_out").options(in_time()).submit().await);
    }
    settled(&host, "all to call", |stats| (stats.running, stats.pending) == (8, 0)).await;
    // Each keeps the thread that ends it.
    clock.advance(HOUR);
    let late = module.task("spins").options(in_time()).submit().await;
    settled(&host, "it to run", |stats| stats.running >= 1).await;
    let turning = async {
        loop {
            clock.advance(HOUR);
            tokio::task::yield_now().await;
        }
    };
    let late = tokio::select! {
        late = error(&host, &late) => late,
        () = turning => unreachable!(),
    };
    assert_eq!(late.kind, ErrorKind::TaskTimedOut);
    drop(open);
    for object in &stuck {
        assert_eq!(error(&host, object).await.kind, ErrorKind::TaskTimedOut);
    }
    finish(host).await;
}

#[tokio::test]
async fn imports_that_do_not_return_hold_up_their_guests_alone() {
    const STUCK: usize = 8;
    let (open, begun, waits) = gate();
    let host = calling(builder().cpus(32.0).threads(2), waits);
    let (host, module) = host_with(host, "mistakes").await;
    let mut stuck = Vec::new();
    for _ in 0..STUCK {
        stuck.push(module.task("calls_out").submit().await);
    }
    // More of them than there are threads for guests: others work in their place.
    let begun = tokio::task::spawn_blocking(move || begun.iter().take(STUCK).count());
    assert_eq!(within(begun, "all to call").await.unwrap(), STUCK);
    let neighbour = host.load_file(guest("objects")).await.unwrap();
    for _ in 0..100 {
        let stored = neighbour.task("stored").arg(2u32).submit().await;
        assert!(within(host.value(&stored, None), "a neighbour's task").await.is_ok());
    }
    assert!(stuck.iter().all(|object| !object.is_ready()));
    drop(open);
    for object in &stuck {
        assert!(within(host.value(object, None), "those that were stuck").await.is_ok());
    }
    finish(host).await;
}

/// Whatever threads there are, the one that is stuck among them: nobody is told so, and nobody else comes by.
#[tokio::test]
async fn an_import_that_does_not_return_keeps_no_deadlock_from_being_told() {
    for threads in [1, 2, 3] {
        let (open, begun, waits) = gate();
        let host = calling(builder().cpus(32.0).threads(threads), waits);
        let (host, module) = host_with(host, "mistakes").await;
        let stuck = module.task("calls_out").submit().await;
        let begun = tokio::task::spawn_blocking(move || begun.recv());
        within(begun, "the import to be called").await.unwrap().unwrap();
        let progress = host.load_file(guest("progress")).await.unwrap();
        for _ in 0..3 {
            let task = on_a_shelf(&host, &progress, "waits_for_itself").await;
            let told = within(error(&host, &task), "a deadlock to be told").await;
            assert_eq!(told.causes.first().map(|cause| cause.kind), Some(ErrorKind::Deadlock), "{told:#}");
        }
        assert!(!stuck.is_ready());
        drop(open);
        within(host.value(&stuck, None), "the import").await.unwrap();
        finish(host).await;
    }
}

#[tokio::test]
async fn whom_a_guest_has_woken_does_not_wait_for_its_imports() {
    let (open, begun, waits) = gate();
    let host = calling(builder().threads(1).helping(false), waits);
    let (host, module) = host_with(host, "mistakes").await;
    let stuck = module.task("calls_and_calls_out").submit().await;
    let begun = tokio::task::spawn_blocking(move || begun.recv());
    within(begun, "the import to be called").await.unwrap().unwrap();
    // The constructor, and both calls.
    settled(&host, "the second call to be served", |stats| stats.succeeded == 3).await;
    assert!(!stuck.is_ready());
    drop(open);
    assert_eq!(value::<u32>(&host, &stuck).await, 7);
    finish(host).await;
}

/// State of an embedder's imports whose end takes as long as it likes.
struct Lingers<F: Fn()>(F);

impl<F: Fn()> Drop for Lingers<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Ends in time, whatever else does not.
async fn ends_in_time(host: &Host, module: &Module) {
    let options = TaskOptions::new().timeout(Duration::from_millis(20));
    let late = module.task("nap").arg(3_600_000u64).options(options).submit().await;
    assert_eq!(error(host, &late).await.kind, ErrorKind::TaskTimedOut);
}

#[tokio::test]
async fn the_state_of_an_import_that_does_not_go_holds_up_no_deadline_and_not_the_end() {
    let (open, begun, waits) = gate();
    let first = AtomicBool::new(true);
    let make = move || {
        let lingers = first.swap(false, Ordering::Relaxed);
        lingers.then(|| Lingers(waits.clone()))
    };
    let (host, module) = host_with(builder().imports_with(make, |_| Ok(())), "progress").await;
    // The state for the module that was asked what it offers.
    begun.recv_timeout(Duration::from_secs(60)).expect("its end");
    for _ in 0..3 {
        ends_in_time(&host, &module).await;
    }
    drop(open);
    finish(host).await;

    let (open, _begun, waits) = gate();
    let make = move || Lingers(waits.clone());
    let host = builder().imports_with(make, |_| Ok(())).build().unwrap();
    let loading = host.load_file(guest("progress"));
    let module = within(loading, "the module").await.unwrap();
    for _ in 0..3 {
        ends_in_time(&host, &module).await;
    }
    let _nap = module.task("nap").arg(3_600_000u64).submit().await;
    let (ended, ()) = futures::join!(host.shutdown(Duration::ZERO), async {
        settled(&host, "everything to be ended", |stats| stats.instances == 0).await;
        drop(open);
    });
    ended
}

#[tokio::test]
async fn an_import_that_does_not_return_while_a_module_is_loaded_holds_up_no_deadline() {
    let (open, begun, waits) = gate();
    let blocks = Arc::new(AtomicBool::new(true));
    let still = blocks.clone();
    let host = builder().imports(move |linker| {
        let (waits, blocks) = (waits.clone(), still.clone());
        linker.instance("tests:embedder/mistakes")?.func_wrap("mistake", move |_, (_place,): (String,)| {
            if blocks.load(Ordering::Relaxed) {
                waits();
            }
            Ok(())
        })
    });
    let (host, module) = host_with(host, "progress").await;
    let host = Arc::new(host);
    let theirs = host.clone();
    let loading = tokio::spawn(async move { theirs.load_file(guest("early")).await.map(drop) });
    settled(&host, "the module to be asked", |_| begun.try_recv().is_ok()).await;
    ends_in_time(&host, &module).await;
    assert!(!loading.is_finished());
    // Others are asked meanwhile.
    let other = within(host.load_file(guest("objects")), "another module").await.unwrap();
    drop(other);
    let refused = within(loading, "a refusal").await.unwrap().unwrap_err().to_string();
    assert!(refused.contains("an import of the embedding program that does not return"), "{refused}");
    // It returns at last.
    blocks.store(false, Ordering::Relaxed);
    drop(open);
    let early = within(host.load_file(guest("early")), "the module").await.unwrap();
    assert_eq!(value::<u32>(&host, &early.task("one").submit().await).await, 1);
    drop((early, module));
    finish(Arc::into_inner(host).unwrap()).await;
}

#[tokio::test]
async fn a_call_of_several_that_is_cancelled_and_does_not_await_ends_also_where_the_clock_stands_still() {
    let lines = Lines::default();
    let host = builder().clock(ManualClock::new()).on_log(lines.sink());
    let (host, module) = host_with(host, "progress").await;
    let busy = module.actor("Busy").create();
    let spin = busy.call("spin").submit().await;
    lines.until("it spins").await;
    host.cancel(&spin);
    let told = error(&host, &spin).await;
    assert_eq!(told.kind, ErrorKind::TaskCancelled, "{told:#}");
    drop(busy);
    // What is left does not end by itself either, and has no time that passes.
    let _nap = module.task("nap").arg(3_600_000u64).submit().await;
    within(host.shutdown(Duration::from_millis(10)), "the end").await;
}

/// A subscriber of `tracing` that does not return from what is said of this folder.
struct Stalls<F: Fn()>(std::path::PathBuf, F);

impl<F: Fn() + Send + Sync + 'static> tracing::Subscriber for Stalls<F> {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= tracing::Level::WARN
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::WARN)
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Names<'a>(&'a str, bool);
        impl tracing::field::Visit for Names<'_> {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.1 |= format!("{value:?}").contains(self.0);
            }
        }
        let mut names = Names(self.0.to_str().unwrap(), false);
        event.record(&mut names);
        if names.1 {
            (self.1)();
        }
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn a_subscriber_that_does_not_return_holds_up_nobody_who_waits_for_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let (open, begun, waits) = gate();
    tracing::subscriber::set_global_default(Stalls(dir.path().to_owned(), waits)).unwrap();
    let (host, module) = host_with(builder().journal(dir.path()), "journal").await;
    let square = || module.task("square").arg(12u64);
    assert_eq!(value::<u64>(&host, &square().submit().await).await, 144);
    for file in fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()) {
        let length = fs::metadata(&file).unwrap().len();
        // Its last bytes are the record's.
        if let Some(end) = length.checked_sub(4) {
            use std::os::unix::fs::FileExt;
            fs::OpenOptions::new().write(true).open(&file).unwrap().write_at(b"oops", end).unwrap();
        }
    }
    for _ in 0..3 {
        assert_eq!(value::<u64>(&host, &square().submit().await).await, 144, "it is computed once more");
    }
    begun.recv_timeout(Duration::from_secs(60)).expect("a warning");
    drop(open);
    finish(host).await;
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
    within(host.wait(std::slice::from_ref(&object), 1, None), "the block").await.unwrap();
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
async fn a_constructor_whose_argument_is_lost_waits_for_it_without_the_instance_that_makes_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module, lost) = losing(dir.path()).await;
    lose_all(&host, dir.path()).await;
    let taker = module.actor("Taker").constructor("given").arg_ref(&lost).create();
    assert_eq!(value::<usize>(&host, &taker.call("take").arg_ref(&lost).submit().await).await, BLOCK);
    let attempts = taker.ready().receipt().unwrap().attempts;
    assert_eq!((taker.generation(), attempts), (1, 1), "it had not begun");
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
        within(host.wait(std::slice::from_ref(&object), 1, None), "the block").await.unwrap();
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

#[tokio::test]
async fn a_call_that_waits_for_a_lost_argument_stops_when_it_is_asked_to() {
    let dir = tempfile::tempdir().unwrap();
    // The grace that it has is never over here, and what makes the argument again has no instance.
    let settings = pressed(dir.path()).clock(ManualClock::new()).instances(2);
    let (host, module) = host_with(settings, "progress").await;
    let lost = module.task("block").arg(1u32).arg(BLOCK).submit().await;
    within(host.wait(std::slice::from_ref(&lost), 1, None), "the block").await.unwrap();
    let taker = module.actor("Taker").create();
    within(host.value(&taker.ready(), None), "the actor").await.unwrap();
    lose_all(&host, dir.path()).await;
    let spinner = module.task("spin").submit().await;
    settled(&host, "the spinner to run", |stats| stats.instances == 2).await;
    let call = taker.call("take").arg_ref(&lost).try_submit();
    settled(&host, "the argument to be waited for", |stats| stats.pending > 0).await;
    host.cancel_with(&call, false, false);
    assert_eq!(error(&host, &call).await.kind, ErrorKind::TaskCancelled);
    host.cancel(&spinner);
    let another = taker.call("take").arg_ref(&lost).try_submit();
    assert_eq!(value::<usize>(&host, &another).await, BLOCK, "its actor lives, and the argument comes");
    drop(taker);
    finish(host).await;
}

/// A task of this name that is on a shelf, from which it takes its own reference.
async fn on_a_shelf(host: &Host, module: &Module, name: &str) -> ObjectRef {
    let shelf = module.actor("Shelf").create();
    let handle = Payload {
        encoding: Encoding::Json,
        data: "0".into(),
        references: vec![Reference::Actor(shelf.actor_ref().clone())].into(),
    };
    let task = module.task(name).arg_payload(handle).submit().await;
    let own = Payload {
        encoding: Encoding::Json,
        data: "[0]".into(),
        references: vec![Reference::Object(task.clone())].into(),
    };
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

/// Kills an actor, to start again, on the very thread that says that it is ready.
struct Kills(Mutex<Option<ActorHandle>>);

impl Wake for Kills {
    fn wake(self: Arc<Self>) {
        if let Some(actor) = self.0.lock().unwrap().take() {
            actor.kill(true);
        }
    }
}

#[tokio::test]
async fn who_hears_that_an_actor_is_ready_may_have_it_start_again_at_once() {
    let (host, module) = host_with(builder().instances(1), "progress").await;
    let spin = module.task("spin").submit().await;
    settled(&host, "the instance to be taken", |stats| stats.running == 1).await;
    let actor = module.actor("Counter").options(ActorOptions::new().max_restarts(1)).create();
    let waker = Waker::from(Arc::new(Kills(Mutex::new(Some(actor.clone())))));
    let ready = actor.ready();
    let mut waiting = Box::pin(host.value(&ready, None));
    assert!(waiting.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    host.cancel(&spin);
    assert_eq!(value::<u32>(&host, &actor.call("add").arg(1u32).submit().await).await, 1);
    assert_eq!(actor.generation(), 2);
    drop((waiting, waker, actor));
    finish(host).await;
}
