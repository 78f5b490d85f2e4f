//! An embedder's own functions: one that panics or never returns harms nobody else.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak, mpsc};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use rustyray_host::clock::{Clock, Sleep};
use rustyray_host::{ActorOptions, ErrorKind, Event, EventKind, Host, HostBuilder, Module, ObjectRef, TaskOptions};
use tokio::runtime::Handle;

use rustyray_tests::{builder, error, finish, guest, host_with, settled, value, within};

const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/observers");

/// A host with a seat and an interface of the embedder's, behind which there is this.
fn embedding(builder: HostBuilder, mistake: impl Fn(&str) + Send + Sync + Clone + 'static) -> HostBuilder {
    builder.cache_dir(CACHE).resource("seat", 1.0).imports(move |linker| {
        let mistake = mistake.clone();
        linker.instance("tests:embedder/mistakes")?.func_wrap("mistake", move |_, (place,): (String,)| {
            mistake(&place);
            Ok(())
        })
    })
}

async fn embedded(builder: HostBuilder) -> (Host, Module) {
    host_with(embedding(builder, |_| ()), "mistakes").await
}

/// Everything is given back.
async fn at_rest(host: &Host) {
    settled(host, "everything to be given back", |stats| {
        (stats.instances, stats.actors, stats.running, stats.pending) == (0, 0, 0, 0)
    })
    .await;
}

async fn kind(host: &Host, object: &ObjectRef) -> ErrorKind {
    error(host, object).await.kind
}

/// What a host does, each thing once: all who wait are answered, rightly, and everything is given back.
async fn round(host: &Host, module: &Module) {
    assert_eq!(value::<u32>(host, &module.task("same").arg(5u32).submit().await).await, 5);
    // A failure, after another attempt, and what depends on it.
    let failed = module.task("fails").submit().await;
    let dependent = module.task("same").arg_ref(&failed).submit().await;
    assert_eq!(kind(host, &dependent).await, ErrorKind::DependencyFailed);
    assert_eq!(kind(host, &failed).await, ErrorKind::TaskFailed);
    // A deadline while it runs, and one while it waits in the queue.
    let limited = || TaskOptions::new().timeout(Duration::from_millis(5));
    let late = module.task("spins").options(limited()).submit().await;
    assert_eq!(kind(host, &late).await, ErrorKind::TaskTimedOut);
    let seated = ActorOptions::new().call(TaskOptions::new().resource("seat", 1.0));
    let holder = module.actor("Caller").options(seated).create();
    assert_eq!(value::<u32>(host, &holder.call("fine").submit().await).await, 7);
    let queued = module.task("waits_for_the_queue").options(limited()).submit().await;
    // The deadline is both's: the parent is ended by it, or hears first that what it waits for was.
    let queued = kind(host, &queued).await;
    assert!(matches!(queued, ErrorKind::TaskTimedOut | ErrorKind::TaskFailed), "{queued:?}");
    // An actor that is killed, a stream, a cancellation.
    let unanswered = [holder.call("spins").submit().await, holder.call("fine").submit().await];
    holder.kill(false);
    for call in &unanswered {
        assert_eq!(kind(host, call).await, ErrorKind::ActorDied);
    }
    let mut items = module.task("numbers").arg(3u32).stream().await;
    for n in 0..3 {
        assert_eq!(value::<u32>(host, &items.next_ref()).await, n);
    }
    assert_eq!(kind(host, &items.next_ref()).await, ErrorKind::StreamEnded);
    let spins = module.task("spins").submit().await;
    host.cancel_with(&spins, false, true);
    host.cancel(&spins);
    assert_eq!(kind(host, &spins).await, ErrorKind::TaskCancelled);
    at_rest(host).await;
}

/// Real time, asked for by calls that are counted; one of them panics.
#[derive(Clone)]
struct Counted {
    calls: Arc<AtomicU64>,
    panics_at: Arc<AtomicU64>,
    tokio: Handle,
}

impl Counted {
    fn new() -> Self {
        Counted { calls: Arc::default(), panics_at: Arc::default(), tokio: Handle::current() }
    }

    fn count(&self, call: &str) {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(number != self.panics_at.load(Ordering::Relaxed), "call {number} of the clock, {call}");
    }

    /// Has this call panic, counted from now.
    fn arm(&self, at: u64) {
        self.panics_at.store(at, Ordering::Relaxed);
        self.calls.store(0, Ordering::Relaxed);
    }
}

impl Clock for Counted {
    fn now(&self) -> Instant {
        self.count("now");
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        self.count("wall");
        SystemTime::now()
    }

    fn sleep_until(&self, until: Instant) -> Sleep {
        self.count("sleep");
        let _inside = self.tokio.enter();
        Box::pin(CountedSleep(self.clone(), Box::pin(tokio::time::sleep_until(until.into()))))
    }
}

struct CountedSleep(Counted, Sleep);

impl Future for CountedSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.count("poll");
        self.1.as_mut().poll(cx)
    }
}

impl Drop for CountedSleep {
    fn drop(&mut self) {
        self.0.count("drop");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_at_any_call_of_the_clock_leaves_everybody_answered() {
    let clock = Counted::new();
    let (host, module) = embedded(builder().clock(clock.clone())).await;
    clock.arm(0);
    round(&host, &module).await;
    let calls = clock.calls.load(Ordering::Relaxed);
    assert!(calls > 20, "{calls}");
    for at in 1..=calls + calls / 4 {
        clock.arm(at);
        round(&host, &module).await;
    }
    let panics = host.stats().embedder_panics;
    assert!(panics >= calls / 2, "{panics} of {calls}");
    clock.arm(0);
    round(&host, &module).await;
    finish(host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_at_any_call_of_the_clock_does_not_keep_a_host_from_its_end() {
    for at in 1..=12 {
        let clock = Counted::new();
        let (host, module) = embedded(builder().clock(clock.clone())).await;
        let spins = module.task("spins").submit().await;
        let actor = module.actor("Caller").create();
        value::<u32>(&host, &actor.call("fine").submit().await).await;
        clock.arm(at);
        within(host.shutdown(Duration::from_millis(1)), "the end").await;
        assert_eq!(kind(&host, &spins).await, ErrorKind::HostShutDown, "at {at}");
        at_rest(&host).await;
    }
}

/// The name of an event's kind.
fn name_of(event: &Event) -> &'static str {
    match event.kind {
        EventKind::Started(_) => "started",
        EventKind::Waits { .. } => "waits",
        EventKind::GoesOn => "goes on",
        EventKind::Read { .. } => "read",
        EventKind::Stored { .. } => "stored",
        _ => "ended",
    }
}

/// Which of the embedder's functions panics now.
#[derive(Clone, Default)]
struct Faulty(Arc<Mutex<&'static str>>, Arc<AtomicU64>);

impl Faulty {
    fn check(&self, place: &str) {
        if *self.0.lock().unwrap() == place {
            self.1.fetch_add(1, Ordering::Relaxed);
            panic!("a mistake in {place}");
        }
    }
}

#[tokio::test]
async fn a_panic_of_whoever_is_told_is_its_own() {
    let faulty = Faulty::default();
    let (log, receipts, events) = (faulty.clone(), faulty.clone(), faulty.clone());
    let told = Arc::new([const { AtomicU64::new(0) }; 3]);
    let also = |kind: usize| {
        let told = told.clone();
        move || _ = told[kind].fetch_add(1, Ordering::Relaxed)
    };
    let (line, receipt, event) = (also(0), also(1), also(2));
    let builder = builder()
        .on_log(move |_| log.check("log"))
        .on_receipt(move |_| receipts.check("receipt"))
        .on_event(move |event| events.check(name_of(event)))
        .on_log(move |_| line())
        .on_receipt(move |_| receipt())
        .on_event(move |_| event());
    let (host, module) = embedded(builder).await;
    let mut before = 0;
    for place in ["log", "receipt", "started", "waits", "goes on", "read", "stored", "ended", "nowhere"] {
        *faulty.0.lock().unwrap() = place;
        round(&host, &module).await;
        value::<u32>(&host, &module.task("prints").arg(2u32).submit().await).await;
        value::<u32>(&host, &module.task("stores").arg(2u32).submit().await).await;
        host.flush().await;
        let panics = host.stats().embedder_panics;
        assert_eq!(panics, faulty.1.load(Ordering::Relaxed), "{place}");
        // Nothing of a round is read by a guest.
        assert!(panics > before || ["nowhere", "read"].contains(&place), "{place}");
        before = panics;
    }
    let stats = host.stats();
    let told: Vec<u64> = told.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    assert_eq!(told[0], 9 * 2, "the second one is told as well");
    assert_eq!(told[1], stats.succeeded + stats.failed + stats.cancelled);
    assert!(told[2] > told[1], "{told:?}");
    finish(host).await;
}

#[tokio::test]
async fn a_panic_of_an_import_ends_the_guest_that_called_it() {
    let builder = embedding(builder().cpus(1.0).threads(1), |place| panic!("a mistake in the {place}"));
    let (host, module) = host_with(builder, "mistakes").await;
    let says = |error: &rustyray_host::TaskError, place: &str| {
        let whole = format!("{error:#}");
        assert!(whole.contains(&format!("panicked: a mistake in the {place}")), "{whole}");
    };
    says(&*error(&host, &module.task("calls_out").submit().await).await, "task");
    let stillborn = module.actor("Caller").constructor("mistaken").create();
    says(&*error(&host, &stillborn.call("fine").submit().await).await, "constructor");
    let actor = module.actor("Caller").create();
    let calls = [actor.call("call").submit().await, actor.call("fine").submit().await];
    says(&*error(&host, &calls[0]).await, "call");
    says(&*error(&host, &calls[1]).await, "call");
    let actor = module.actor("Several").create();
    let waits = actor.call("waits").submit().await;
    let call = actor.call("call").submit().await;
    says(&*error(&host, &call).await, "concurrent call");
    says(&*error(&host, &waits).await, "concurrent call");
    // It may start again as after any crash.
    let lasting = module.actor("Caller").options(ActorOptions::new().max_restarts(1)).create();
    says(&*error(&host, &lasting.call("call").submit().await).await, "call");
    assert_eq!(value::<u32>(&host, &lasting.call("fine").submit().await).await, 7);
    drop((stillborn, actor, lasting));
    at_rest(&host).await;
    assert_eq!(host.stats().embedder_panics, 5);
    round(&host, &module).await;
    finish(host).await;
}

/// Of each guest; it panics when it is made, or when it goes.
struct Fragile(bool);

impl Drop for Fragile {
    fn drop(&mut self) {
        assert!(!self.0, "it breaks");
    }
}

#[tokio::test]
async fn a_panic_where_a_guests_own_state_is_made_or_dropped_is_no_more_than_that() {
    let made = Arc::new(AtomicU64::new(0));
    let count = made.clone();
    // The first is made when the module is loaded.
    let make = move || match count.fetch_add(1, Ordering::Relaxed) {
        1 => panic!("it cannot be made"),
        number => Fragile(number > 1),
    };
    let (host, module) = embedded(builder().imports_with(make, |_| Ok(()))).await;
    let error = error(&host, &module.task("same").arg(1u32).submit().await).await;
    assert!(error.message.contains("it cannot be made"), "{error:#}");
    round(&host, &module).await;
    // Some of the states are let go of a moment after their guests.
    settled(&host, "each to be counted", |stats| stats.embedder_panics == made.load(Ordering::Relaxed) - 1).await;
    finish(host).await;
}

/// A function that returns once this is dropped.
fn blocking() -> (mpsc::Sender<()>, impl Fn() + Send + Sync) {
    let (release, blocked) = mpsc::channel();
    let blocked = Mutex::new(blocked);
    (release, move || _ = blocked.lock().unwrap().recv())
}

#[tokio::test]
async fn who_never_returns_holds_back_those_who_print_and_nobody_else() {
    let (release, block) = blocking();
    let (lines, told) = mpsc::channel();
    let log = move |line: &rustyray_host::LogLine| {
        block();
        lines.send(line.text.clone()).unwrap();
    };
    let (host, module) = embedded(builder().cpus(1.0).threads(1).on_log(log)).await;
    let chatty: Vec<_> = ["prints", "logs"].map(|task| module.task(task).arg(20_000u32).try_submit()).into();
    // With one CPU: it is theirs who wait for nothing.
    for _ in 0..3 {
        round_beside(&host, &module).await;
    }
    let others = host.load_file(guest("mistakes")).await.unwrap();
    let few = others.task("prints").arg(100u32).submit().await;
    assert_eq!(value::<u32>(&host, &few).await, 100, "another module's lines are few");
    let limited = TaskOptions::new().timeout(Duration::from_millis(50));
    let late = module.task("prints").arg(20_000u32).options(limited).submit().await;
    assert_eq!(kind(&host, &late).await, ErrorKind::TaskTimedOut);
    let cancelled = module.task("logs").arg(20_000u32).submit().await;
    host.cancel(&cancelled);
    assert_eq!(kind(&host, &cancelled).await, ErrorKind::TaskCancelled);
    assert!(host.wait(&chatty, 1, Some(Duration::ZERO)).await.unwrap().0.is_empty(), "they are held back");
    drop(release);
    for task in &chatty {
        assert_eq!(value::<u32>(&host, task).await, 20_000);
    }
    within(host.flush(), "all to be told").await;
    assert_eq!(host.stats().dropped_lines, 0);
    let told: Vec<String> = told.try_iter().collect();
    assert!(told.len() >= 40_000, "{}", told.len());
    finish(host).await;
}

/// Work that prints nothing.
async fn round_beside(host: &Host, module: &Module) {
    assert_eq!(value::<u32>(host, &module.task("same").arg(5u32).submit().await).await, 5);
    let late = module.task("spins").options(TaskOptions::new().timeout(Duration::from_millis(5))).submit().await;
    assert_eq!(kind(host, &late).await, ErrorKind::TaskTimedOut);
    let failed = module.task("fails").submit().await;
    assert_eq!(kind(host, &module.task("same").arg_ref(&failed).submit().await).await, ErrorKind::DependencyFailed);
}

#[tokio::test]
async fn events_that_nobody_takes_are_left_out_and_counted() {
    let (release, block) = blocking();
    let told = Arc::new(AtomicU64::new(0));
    let count = told.clone();
    let builder = builder().on_event(move |_| {
        block();
        count.fetch_add(1, Ordering::Relaxed);
    });
    let (host, module) = embedded(builder).await;
    let many = rustyray_host::limits::OBSERVED_EVENTS_MAX as u32 + 10;
    assert_eq!(value::<u32>(&host, &module.task("stores").arg(many).submit().await).await, many);
    round(&host, &module).await;
    let dropped = host.stats().dropped_events;
    assert!(dropped > 10, "{dropped}");
    drop(release);
    within(host.flush(), "the rest to be told").await;
    assert_eq!(told.load(Ordering::Relaxed), rustyray_host::limits::OBSERVED_EVENTS_MAX as u64);
    round(&host, &module).await;
    host.flush().await;
    assert_eq!(host.stats().dropped_events, dropped, "there is room again");
    finish(host).await;
}

#[tokio::test]
async fn a_host_ends_without_who_never_returns() {
    let (release, block) = blocking();
    let (host, module) = embedded(builder().on_receipt(move |_| block())).await;
    round(&host, &module).await;
    within(host.shutdown(Duration::ZERO), "the end").await;
    let stats = host.stats();
    assert!(stats.dropped_receipts > 0, "what nobody was told is counted: {stats:?}");
    drop(host);
    drop(release);

    let (release, block) = blocking();
    let (host, module) = embedded(builder().on_log(move |_| block())).await;
    let prints = module.task("prints").arg(20_000u32).submit().await;
    settled(&host, "it to run", |stats| stats.running == 1).await;
    drop(host);
    drop((prints, release));
}

#[tokio::test]
async fn a_flush_waits_for_what_was_before_it() {
    let told = Arc::new(AtomicU64::new(0));
    let count = told.clone();
    let (host, module) = embedded(builder().on_receipt(move |_| _ = count.fetch_add(1, Ordering::Relaxed))).await;
    for n in 1..=100 {
        value::<u32>(&host, &module.task("same").arg(1u32).submit().await).await;
        host.flush().await;
        assert_eq!(told.load(Ordering::Relaxed), n);
    }
    host.shutdown(Duration::ZERO).await;
    within(host.flush(), "nothing").await;
}

#[tokio::test]
async fn whoever_is_told_does_not_wait_for_its_own_end() {
    let here: Arc<OnceLock<Weak<Host>>> = Arc::default();
    let (told, heard) = mpsc::channel();
    let flushes = {
        let (here, told) = (here.clone(), Arc::new(Mutex::new(told)));
        move || {
            let host = here.get().and_then(Weak::upgrade).expect("the host is there");
            futures::executor::block_on(host.flush());
            let _ = told.lock().unwrap().send(());
        }
    };
    let (events, receipts) = (flushes.clone(), flushes);
    let settings = builder().on_event(move |_| events()).on_receipt(move |_| receipts());
    let host = Arc::new(settings.build().unwrap());
    here.set(Arc::downgrade(&host)).expect("it is set once");
    let module = host.load_file(guest("calc")).await.unwrap();
    let task = module.task("add").arg(1).arg(2).submit().await;
    assert_eq!(value::<i32>(&host, &task).await, 3);
    within(host.flush(), "all to be told").await;
    assert!(heard.try_iter().count() >= 2, "an event and a receipt");
    host.shutdown(Duration::ZERO).await;
}
