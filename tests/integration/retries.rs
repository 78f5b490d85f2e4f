//! Tasks that failed and are tried again, on a clock that the test turns.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustyray_host::clock::ManualClock;
use rustyray_host::{Encoding, ErrorKind, Host, HostBuilder, Module, Payload, Receipt, Stats, TaskOptions};

use rustyray_tests::{Lines, builder, error, finish, host_with, settled, value, within};

/// The backoff that the guest declares, and what jitter leaves of it at least.
const REST: Duration = Duration::from_secs(4);
const SHORTEST: Duration = Duration::from_secs(3);

const MOMENT: Duration = Duration::from_millis(1);

/// A host on a clock that stands still, and what its guests print.
async fn host_on(clock: &ManualClock, builder: HostBuilder) -> (Host, Module, Lines) {
    let lines = Lines::default();
    let (host, module) = host_with(builder.clock(clock.clone()).on_log(lines.sink()), "failures").await;
    (host, module, lines)
}

/// Waits until nothing runs, and a task rests.
async fn resting(host: &Host, clock: &ManualClock) {
    settled(host, "a task to rest", |stats| (stats.running, stats.pending) == (0, 1) && clock.sleepers() == 1).await;
}

fn attempts(lines: &Lines) -> usize {
    lines.lines().iter().filter(|line| line.text.starts_with("attempt ")).count()
}

#[tokio::test]
async fn errors_of_the_program_are_tried_again_where_that_is_said() {
    let (host, module) = host_with(builder(), "failures").await;
    let at_once = || TaskOptions::new().retry_backoff(Duration::ZERO);
    let third = module.task("flaky").arg(3u32).options(at_once()).submit().await;
    assert_eq!(value::<u32>(&host, &third).await, 3);
    assert_eq!(third.receipt().unwrap().attempts, 3);

    let once = module.task("flaky").arg(3u32).options(at_once().retry_exceptions(false)).submit().await;
    let failed = error(&host, &once).await;
    assert_eq!((failed.kind, failed.attempt), (ErrorKind::TaskFailed, 1), "retries are for failures of the system");

    let never = module.task("flaky").arg(9u32).options(at_once()).submit().await;
    let failed = error(&host, &never).await;
    assert_eq!((failed.kind, failed.attempt), (ErrorKind::TaskFailed, 4), "{failed}");
    assert_eq!(failed.message, "attempt 4 is not enough");
    finish(host).await;
}

#[tokio::test]
async fn arguments_that_do_not_decode_are_the_callers_fault() {
    let (host, module) = host_with(builder(), "failures").await;
    let task = module.task("flaky").arg_payload(Payload::new(Encoding::Json, "\"text\"")).submit().await;
    let failed = error(&host, &task).await;
    assert_eq!((failed.kind, failed.attempt), (ErrorKind::InvalidArgument, 1));
    finish(host).await;
}

#[tokio::test]
async fn the_rest_doubles_and_a_share_of_it_is_left_to_chance() {
    let clock = ManualClock::new();
    let (host, module, lines) = host_on(&clock, builder()).await;
    let task = module.task("flaky").arg(4u32).submit().await;
    for failed in 1..=3 {
        resting(&host, &clock).await;
        host.flush().await;
        assert_eq!(attempts(&lines), failed);
        let times = 1 << (failed - 1);
        clock.advance(SHORTEST * times - MOMENT);
        assert_eq!((clock.sleepers(), host.stats().pending), (1, 1), "nobody is woken too early");
        clock.advance((REST - SHORTEST) * times + MOMENT);
        lines.until(&format!("attempt {}", failed + 1)).await;
    }
    assert_eq!(value::<u32>(&host, &task).await, 4);
    finish(host).await;
}

#[tokio::test]
async fn a_task_that_rests_holds_nothing() {
    let clock = ManualClock::new();
    let (host, module, _) = host_on(&clock, builder().cpus(1.0).instances(1)).await;
    let rests = module.task("flaky").arg(2u32).submit().await;
    resting(&host, &clock).await;
    assert_eq!(host.stats().instances, 0);
    let other = module.task("flaky").arg(1u32).submit().await;
    assert_eq!(value::<u32>(&host, &other).await, 1);
    clock.advance(REST);
    assert_eq!(value::<u32>(&host, &rests).await, 2);
    finish(host).await;
}

#[tokio::test]
async fn a_rest_ends_at_once_when_the_task_is_cancelled() {
    for force in [true, false] {
        let clock = ManualClock::new();
        let (host, module, lines) = host_on(&clock, builder()).await;
        let task = module.task("flaky").arg(2u32).submit().await;
        resting(&host, &clock).await;
        host.cancel_with(&task, force, true);
        let cancelled = error(&host, &task).await;
        assert_eq!((cancelled.kind, cancelled.attempt), (ErrorKind::TaskCancelled, 1));
        assert_eq!((host.stats().pending, host.stats().cancelled), (0, 1));
        clock.advance(REST);
        finish(host).await;
        assert_eq!(attempts(&lines), 1);
    }
}

#[tokio::test]
async fn what_was_asked_to_stop_is_not_tried_again() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "failures").await;
    let task = module.task("stops_when_asked").submit().await;
    lines.until("attempt 1").await;
    host.cancel_with(&task, false, true);
    let cancelled = error(&host, &task).await;
    assert_eq!((cancelled.kind, cancelled.attempt), (ErrorKind::TaskCancelled, 1));
    assert_eq!(cancelled.causes[0].message, "stopped as asked");
    finish(host).await;
}

#[tokio::test]
async fn a_child_that_rests_ends_with_its_parent() {
    let clock = ManualClock::new();
    let receipts = Arc::new(Mutex::new(Vec::<Receipt>::new()));
    let kept = receipts.clone();
    let builder = builder().on_receipt(move |receipt| kept.lock().unwrap().push(receipt.clone()));
    let (host, module, _) = host_on(&clock, builder).await;
    let parent = module.task("waits_for_flaky").arg(2u32).submit().await;
    let child_rests = |stats: &rustyray_host::Stats| (stats.running, stats.pending) == (1, 1) && clock.sleepers() == 1;
    settled(&host, "the child to rest", child_rests).await;
    host.cancel(&parent);
    assert_eq!(error(&host, &parent).await.kind, ErrorKind::TaskCancelled);
    settled(&host, "the child to end", |stats| stats.pending == 0).await;
    clock.advance(REST);
    finish(host).await;
    let receipts = receipts.lock().unwrap();
    let child: Vec<_> = receipts.iter().filter(|receipt| &*receipt.task == "child").collect();
    assert_eq!(child.len(), 1, "one for all attempts");
    assert_eq!((child[0].error, child[0].attempts), (Some(ErrorKind::TaskCancelled), 1));
}

#[tokio::test]
async fn nothing_is_tried_again_after_the_parents_deadline() {
    let clock = ManualClock::new();
    let (host, module, lines) = host_on(&clock, builder()).await;
    let options = TaskOptions::new().timeout(SHORTEST - MOMENT);
    let parent = module.task("waits_for_flaky").arg(2u32).options(options).submit().await;
    let failed = error(&host, &parent).await;
    assert_eq!(
        (failed.kind, failed.causes[0].task.as_str()),
        (ErrorKind::TaskFailed, "child"),
        "without a rest: {failed:#}"
    );
    finish(host).await;
    assert_eq!(attempts(&lines), 1);
}

#[tokio::test]
async fn a_parents_deadline_before_the_end_of_the_rest_is_kept_by_a_queued_child() {
    let clock = ManualClock::new();
    let (host, module, lines) = host_on(&clock, builder().cpus(1.0)).await;
    let options = TaskOptions::new().timeout(REST + MOMENT);
    let parent = module.task("waits_for_flaky").arg(2u32).options(options).submit().await;
    lines.until("attempt 1").await;
    settled(&host, "the child to rest", |stats| (stats.running, stats.pending) == (1, 1)).await;
    // While it rests another takes the one CPU, so that it is queued again at the end of its rest.
    let busy = module.task("stops_when_asked").submit().await;
    settled(&host, "the CPU to be taken", |stats| (stats.running, stats.pending) == (2, 1)).await;
    clock.advance(REST + MOMENT);
    // The deadline is both's: the parent is ended by it, or hears first that the child was.
    let failed = error(&host, &parent).await;
    let ended = [failed.kind].into_iter().chain(failed.causes.iter().map(|cause| cause.kind));
    assert!(ended.into_iter().any(|kind| kind == ErrorKind::TaskTimedOut), "{failed:#}");
    settled(&host, "the child to end", |stats| (stats.pending, stats.running) == (0, 1)).await;
    host.flush().await;
    let tries = lines.texts().iter().filter(|line| line.starts_with("child: attempt")).count();
    assert_eq!(tries, 1);
    host.cancel(&busy);
    settled(&host, "all to end", |stats| stats.running == 0).await;
    finish(host).await;
}

#[tokio::test]
async fn shutdown_ends_a_rest() {
    let clock = ManualClock::new();
    let (host, module, lines) = host_on(&clock, builder()).await;
    let task = module.task("flaky").arg(2u32).submit().await;
    resting(&host, &clock).await;
    within(host.shutdown(Duration::ZERO), "the shutdown").await;
    let ended = host.value(&task, None).await.unwrap_err();
    assert_eq!((ended.kind, ended.attempt), (ErrorKind::HostShutDown, 1));
    assert_eq!((attempts(&lines), host.stats().pending), (1, 0));
}

#[tokio::test]
async fn the_grace_of_a_shutdown_is_enough_for_a_short_rest() {
    let (host, module) = host_with(builder(), "failures").await;
    let options = TaskOptions::new().retry_backoff(MOMENT);
    let task = module.task("flaky").arg(3u32).options(options).submit().await;
    within(host.shutdown(Duration::from_secs(30)), "the shutdown").await;
    assert_eq!(host.get::<u32>(&task).await.unwrap(), 3);
}

#[tokio::test]
async fn many_that_rest_and_are_cancelled_leave_nothing_behind() {
    let clock = ManualClock::new();
    let (host, module, lines) = host_on(&clock, builder()).await;
    for round in 1..=3 {
        let tasks: Vec<_> = (0..600).map(|_| module.task("flaky").arg(2u32).try_submit()).collect();
        // Before the first one starts none runs either.
        let rest = |stats: &Stats| (stats.running, stats.pending) == (0, 600) && attempts(&lines) == 600 * round;
        settled(&host, "all to rest", rest).await;
        tasks.iter().for_each(|task| host.cancel(task));
        within(host.wait(&tasks, tasks.len(), None), "all to end").await.unwrap();
        assert_eq!(host.stats().pending, 0);
    }
    settled(&host, "all to be let go of", |stats| stats.objects == 0).await;
    finish(host).await;
}
