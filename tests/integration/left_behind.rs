//! What a task leaves behind has no more than the task had, and does not outlast it for long.

use std::time::Duration;

use rustyray_host::clock::ManualClock;
use rustyray_host::limits::CANCEL_GRACE;
use rustyray_host::{ActorOptions, Budget, BudgetLimits, Capabilities, ErrorKind, TaskOptions};

use rustyray_testkit::guest;
use rustyray_tests::{Lines, builder, error, finish, host_with, settled, value};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_call_that_outlives_its_caller_is_ended_after_its_grace() {
    for (several, cancelled) in [(false, false), (false, true), (true, false), (true, true)] {
        let (clock, lines) = (ManualClock::new(), Lines::default());
        let (host, module) = host_with(builder().clock(clock.clone()).on_log(lines.sink()), "behind").await;
        let waits = module.task("waits").arg(several).options(TaskOptions::new().timeout(HOUR)).submit().await;
        lines.until("it spins").await;
        match cancelled {
            true => host.cancel(&waits),
            false => clock.advance(HOUR),
        }
        let kind = if cancelled { ErrorKind::TaskCancelled } else { ErrorKind::TaskTimedOut };
        assert_eq!(error(&host, &waits).await.kind, kind);
        settled(&host, "the caller to go", |stats| (stats.instances, stats.running) == (1, 1)).await;
        lines.until("it was asked").await;
        assert_eq!(host.stats().running, 1, "it has its grace");
        clock.advance(CANCEL_GRACE);
        settled(&host, "its actor to go", |stats| (stats.instances, stats.actors, stats.running) == (0, 0, 0)).await;
        host.shutdown(Duration::ZERO).await;
    }
}

#[tokio::test]
async fn a_call_that_began_later_than_its_caller_is_ended_after_its_grace_too() {
    // Its time, which it has of its caller, is over after that of the caller: before the end of its grace, or after it.
    for (later, grace) in [(0u64, 10u64), (0, 300), (5, 300), (30, 300), (60, 20)] {
        let lines = Lines::default();
        let settings = builder().cancel_grace(Duration::from_millis(grace)).on_log(lines.sink());
        let (host, module) = host_with(settings, "behind").await;
        let time = TaskOptions::new().timeout(Duration::from_millis(100));
        let waits = module.task("waits_later").arg(later).options(time).submit().await;
        assert_eq!(error(&host, &waits).await.kind, ErrorKind::TaskTimedOut);
        settled(&host, "all that it left to end", |stats| stats.running == 0).await;
        host.shutdown(Duration::ZERO).await;
    }
}

#[tokio::test]
async fn what_a_call_hands_on_when_it_is_asked_to_stop_ends_too() {
    for chain in [false, true] {
        let lines = Lines::default();
        let grace = Duration::from_millis(500);
        let (host, module) = host_with(builder().cancel_grace(grace).on_log(lines.sink()), "behind").await;
        let hands_on = module.task("hands_on").arg(chain).submit().await;
        lines.until("it hands on").await;
        host.cancel(&hands_on);
        assert_eq!(error(&host, &hands_on).await.kind, ErrorKind::TaskCancelled);
        lines.until("it has handed on").await;
        settled(&host, "all that was handed on to end", |stats| stats.running == 0).await;
        host.shutdown(Duration::ZERO).await;
    }
}

#[tokio::test]
async fn an_actor_is_not_started_again_when_the_time_of_its_budget_is_over() {
    let (clock, lines) = (ManualClock::new(), Lines::default());
    let (host, module) = host_with(builder().clock(clock.clone()).on_log(lines.sink()), "behind").await;
    let budget = Budget::new(BudgetLimits { time: Some(HOUR), ..BudgetLimits::default() });
    let falls = module.task("falls").options(TaskOptions::new().budget(&budget)).submit().await;
    lines.until("it stands").await;
    clock.advance(HOUR);
    assert_eq!(error(&host, &falls).await.kind, ErrorKind::TaskTimedOut);
    settled(&host, "the actor to go", |stats| (stats.instances, stats.actors) == (0, 0)).await;
    finish(host).await;
}

#[tokio::test]
async fn an_actor_that_starts_again_has_the_limits_of_who_made_it() {
    for options in [TaskOptions::new().fuel(100_000_000), TaskOptions::new().timeout(HOUR)] {
        let (clock, lines) = (ManualClock::new(), Lines::default());
        let (host, module) = host_with(builder().clock(clock.clone()).on_log(lines.sink()), "behind").await;
        let has_time = options == TaskOptions::new().timeout(HOUR);
        let restarts = module.task("starts_again").options(options).submit().await;
        value::<()>(&host, &restarts).await;
        lines.until("it starts again").await;
        if has_time {
            clock.advance(HOUR);
        }
        settled(&host, "it to end", |stats| (stats.instances, stats.actors) == (0, 0)).await;
        finish(host).await;
    }
}

type Left = (Option<u64>, Option<u64>);

#[tokio::test]
async fn what_a_task_submits_has_no_more_fuel_and_time_than_it_has() {
    let (host, module) = host_with(builder().clock(ManualClock::new()), "behind").await;
    let free = module.task("childrens").submit().await;
    assert_eq!(value::<Vec<Left>>(&host, &free).await[0], (None, None), "who has no limit gives none");
    let bound = TaskOptions::new().fuel(100_000_000).timeout(HOUR);
    let bound = module.task("childrens").options(bound).submit().await;
    for (fuel, time) in value::<Vec<Left>>(&host, &bound).await {
        assert!(fuel.is_some_and(|fuel| (50_000_000..100_000_000).contains(&fuel)), "{fuel:?}");
        assert_eq!(time, Some(HOUR.as_secs()));
    }
    finish(host).await;
}

#[tokio::test]
async fn what_another_module_declares_is_not_raised() {
    let granted = Capabilities::none().module("other");
    let (host, module) = host_with(builder().capabilities(granted).clock(ManualClock::new()), "behind").await;
    let bytes = std::fs::read(guest("behind")).unwrap();
    host.load_bytes("other", bytes).await.unwrap().register().unwrap();
    let raises = module.task("raises").arg("other").submit().await;
    let (fuel, time, failed): (Option<u64>, Option<u64>, String) = value(&host, &raises).await;
    assert!(fuel.is_some_and(|fuel| fuel <= 50_000_000), "{fuel:?}");
    assert_eq!((time, &*failed), (Some(60), "out-of-memory"));
    // Who embeds the host may: it is its own.
    let more = TaskOptions::new().memory_bytes(64 << 20);
    let more = module.task("allocates").arg(32usize).options(more).submit().await;
    assert_eq!(value::<usize>(&host, &more).await, 32 << 20);
    finish(host).await;
}

#[tokio::test]
async fn what_a_call_submitted_ends_with_each_attempt_that_crashes_and_with_its_actor() {
    let (host, module) = host_with(builder(), "behind").await;
    let options = ActorOptions::new().max_restarts(5).call(TaskOptions::new().max_retries(2));
    let actor = module.actor("Spinner").options(options).create();
    let failed = error(&host, &actor.call("leaves_and_falls").submit().await).await;
    assert_eq!(failed.kind, ErrorKind::ActorUnavailable);
    settled(&host, "the children to go", |stats| (stats.instances, stats.running) == (1, 0)).await;
    assert!(host.stats().cancelled >= 1, "{:?}", host.stats());
    drop(actor);
    finish(host).await;
}
