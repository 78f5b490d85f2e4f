//! A task can be ended wherever it is, alone or with what it started.

use std::time::Duration;

use rustyray_host::clock::ManualClock;
use rustyray_host::{ErrorKind, Host, Module, ObjectRef, TaskOptions};

use rustyray_tests::{Lines, builder, error, finish, host_with, settled, value, within};

async fn cancelled(host: &Host, object: &ObjectRef) {
    assert_eq!(error(host, object).await.kind, ErrorKind::TaskCancelled);
}

/// Waits until this many tasks run.
async fn running(host: &Host, count: usize) {
    settled(host, "tasks to run", |stats| stats.running >= count).await;
}

#[tokio::test]
async fn in_a_busy_loop() {
    let (host, module) = host_with(builder(), "waiting").await;
    let spin = module.task("spin").submit().await;
    running(&host, 1).await;
    host.cancel(&spin);
    cancelled(&host, &spin).await;
    settled(&host, "the instance to go", |stats| stats.instances == 0).await;
    finish(host).await;
}

#[tokio::test]
async fn parked_in_a_host_call() {
    let (host, module) = host_with(builder(), "waiting").await;
    let sleep = module.task("sleep").arg(3_600_000u64).submit().await;
    running(&host, 1).await;
    host.cancel(&sleep);
    cancelled(&host, &sleep).await;
    settled(&host, "the instance to go", |stats| stats.instances == 0).await;
    finish(host).await;
}

#[tokio::test]
async fn still_queued() {
    let (host, module) = host_with(builder().cpus(1.0), "waiting").await;
    let spin = module.task("spin").submit().await;
    let queued = module.task("increment").arg(1u32).submit().await;
    let waiting = module.task("increment").arg_ref(&queued).submit().await;
    running(&host, 1).await;
    host.cancel(&queued);
    cancelled(&host, &queued).await;
    assert_eq!(queued.receipt().unwrap().attempts, 0, "it never started");
    let dependent = error(&host, &waiting).await;
    assert_eq!((dependent.kind, dependent.causes[0].kind), (ErrorKind::DependencyFailed, ErrorKind::TaskCancelled));
    host.cancel(&spin);
    cancelled(&host, &spin).await;
    finish(host).await;
}

#[tokio::test]
async fn a_value_that_is_there_stays() {
    let (host, module) = host_with(builder(), "waiting").await;
    let done = module.task("increment").arg(1u32).submit().await;
    assert_eq!(value::<u32>(&host, &done).await, 2);
    host.cancel(&done);
    assert_eq!(value::<u32>(&host, &done).await, 2);
    finish(host).await;
}

#[tokio::test]
async fn among_many_that_spin() {
    let (host, module) = host_with(builder().cpus(32.0), "waiting").await;
    let mut spinning = Vec::new();
    for _ in 0..32 {
        spinning.push(module.task("spin").submit().await);
    }
    running(&host, 32).await;
    for spin in &spinning {
        host.cancel(spin);
        cancelled(&host, spin).await;
    }
    settled(&host, "the instances to go", |stats| stats.instances == 0).await;
    finish(host).await;
}

async fn parent_of(child: &str) -> (Host, Module, Lines, ObjectRef) {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "waiting").await;
    let parent = module.task("parent").arg(child.to_owned()).submit().await;
    lines.until("parent waits").await;
    running(&host, 2).await;
    (host, module, lines, parent)
}

#[tokio::test]
async fn with_its_children() {
    for child in ["spin", "sleep"] {
        let (host, _module, _lines, parent) = parent_of(child).await;
        host.cancel(&parent);
        cancelled(&host, &parent).await;
        settled(&host, "the child to end", |stats| stats.running == 0 && stats.cancelled == 2).await;
        finish(host).await;
    }
}

#[tokio::test]
async fn without_its_children() {
    let (host, _module, _lines, parent) = parent_of("sleep").await;
    host.cancel_with(&parent, true, false);
    cancelled(&host, &parent).await;
    settled(&host, "the parent to go", |stats| stats.instances == 1 && stats.running == 1).await;
    assert_eq!(host.stats().cancelled, 1, "the child goes on");
    host.shutdown(Duration::ZERO).await;
    assert_eq!(host.stats().instances, 0);
}

#[tokio::test]
async fn a_child_whose_parent_returned_passes_to_the_grandparent() {
    let (host, module) = host_with(builder(), "waiting").await;
    let left = module.task("leaves_a_child").submit().await;
    within(host.value(&left, None), "the parent").await.unwrap();
    running(&host, 1).await;
    assert_eq!(host.stats().cancelled, 0, "the parent returned, and the child goes on");
    host.shutdown(Duration::ZERO).await;
    assert_eq!(host.stats().instances, 0);
}

#[tokio::test]
async fn by_another_guest() {
    let (host, module) = host_with(builder(), "waiting").await;
    for child in ["spin", "sleep"] {
        let cancels = module.task("cancels").arg(child.to_owned()).submit().await;
        assert_eq!(value::<String>(&host, &cancels).await, "TaskCancelled");
    }
    finish(host).await;
}

#[tokio::test]
async fn politely_first() {
    let (lines, clock) = (Lines::default(), ManualClock::new());
    let (host, module) = host_with(builder().on_log(lines.sink()).clock(clock.clone()), "waiting").await;
    let polite = module.task("polite").submit().await;
    lines.until("polite runs").await;
    host.cancel_with(&polite, false, true);
    cancelled(&host, &polite).await;
    host.flush().await;
    assert!(lines.texts().contains(&"polite: polite tidies up".to_owned()), "{:?}", lines.texts());

    let stubborn = module.task("stubborn").submit().await;
    lines.until("stubborn runs").await;
    host.cancel_with(&stubborn, false, true);
    assert!(!stubborn.is_ready(), "it has its grace");
    clock.advance(rustyray_host::limits::CANCEL_GRACE);
    cancelled(&host, &stubborn).await;
    host.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn a_parked_guest_hears_that_it_is_to_stop() {
    let clock = ManualClock::new();
    let (host, module) = host_with(builder().clock(clock.clone()), "waiting").await;
    let never = module.task("sleep").arg(3_600_000u64).submit().await;
    let waits = module.task("impatient").arg_payload(list_of(&never)).arg(3_600_000u64).submit().await;
    // One sleeps, and the other waits for it, as long as that: who is cancelled before that has nothing to tell.
    settled(&host, "both to be parked", |_| clock.sleepers() == 2).await;
    host.cancel_with(&waits, false, true);
    // The clock stands still, so that only the request can have ended it.
    let error = error(&host, &waits).await;
    assert_eq!((error.kind, error.causes.len()), (ErrorKind::TaskCancelled, 2), "{error:#}");
    host.cancel(&never);
    cancelled(&host, &never).await;
    host.shutdown(Duration::ZERO).await;
}

/// A list of one reference, as the SDK encodes it.
fn list_of(object: &ObjectRef) -> rustyray_host::Payload {
    rustyray_host::Payload {
        encoding: rustyray_host::Encoding::Json,
        data: "[0]".into(),
        references: vec![rustyray_host::Reference::Object(object.clone())].into(),
    }
}

#[tokio::test]
async fn a_storm_of_submissions_and_cancellations_leaves_nothing() {
    let (host, module) = host_with(builder().cpus(1.0), "waiting").await;
    let spin = module.task("spin").submit().await;
    for _ in 0..5_000 {
        let queued = module.task("increment").arg(1u32).options(TaskOptions::new()).submit().await;
        host.cancel(&queued);
    }
    assert_eq!(host.stats().pending, 0);
    host.cancel(&spin);
    cancelled(&host, &spin).await;
    drop(spin);
    settled(&host, "all objects to go", |stats| stats.objects == 0 && stats.object_bytes == stats.manifest_bytes).await;
    finish(host).await;
}
