//! Wall-clock limits, on a clock that the test turns.

use std::time::Duration;

use rustyray_host::clock::ManualClock;
use rustyray_host::{Budget, BudgetLimits, ErrorKind, Host, Module, TaskOptions};

use rustyray_tests::{builder, error, finish, host_with, settled, value};

const HOUR: Duration = Duration::from_secs(3600);

async fn host_on(clock: &ManualClock) -> (Host, Module) {
    host_with(builder().clock(clock.clone()), "waiting").await
}

async fn running(host: &Host, count: usize) {
    settled(host, "tasks to run", |stats| stats.running >= count).await;
}

#[tokio::test]
async fn a_busy_loop_and_a_parked_guest_end_at_their_deadline() {
    let clock = ManualClock::new();
    let (host, module) = host_on(&clock).await;
    let budgets = [Budget::new(BudgetLimits::default()), Budget::new(BudgetLimits::default())];
    let [of_spin, of_sleep] = budgets.each_ref().map(|budget| TaskOptions::new().timeout(HOUR).budget(budget));
    let spin = module.task("spin").options(of_spin).submit().await;
    let sleep = module.task("sleep").arg(u64::MAX / 2_000_000).options(of_sleep).submit().await;
    // A task counts as running a moment before its time begins.
    settled(&host, "both to compute", |_| budgets.iter().all(|budget| budget.used().fuel > 0)).await;
    clock.advance(HOUR - Duration::from_nanos(1));
    tokio::task::yield_now().await;
    assert!(!spin.is_ready() && !sleep.is_ready());
    clock.advance(Duration::from_nanos(1));
    for object in [&spin, &sleep] {
        let error = error(&host, object).await;
        assert_eq!(error.kind, ErrorKind::TaskTimedOut);
        let limit = error.limit.as_ref().unwrap();
        assert_eq!((limit.name.as_str(), limit.limit), ("timeout-ns", HOUR.as_nanos() as u64));
        assert!(limit.used >= limit.limit);
    }
    finish(host).await;
}

#[tokio::test]
async fn a_deadline_does_not_wait_for_those_of_a_higher_priority() {
    let clock = ManualClock::new();
    let (host, module) = host_with(builder().threads(1).cpus(2.0).clock(clock.clone()), "waiting").await;
    let low = module.task("spin").options(TaskOptions::new().timeout(HOUR)).submit().await;
    running(&host, 1).await;
    let high = module.task("spin").options(TaskOptions::new().priority(10)).submit().await;
    running(&host, 2).await;
    clock.advance(HOUR);
    assert_eq!(error(&host, &low).await.kind, ErrorKind::TaskTimedOut);
    assert!(!high.is_ready());
    host.cancel(&high);
    assert_eq!(error(&host, &high).await.kind, ErrorKind::TaskCancelled);
    finish(host).await;
}

#[tokio::test]
async fn a_childs_deadline_is_never_later_than_its_parents() {
    let clock = ManualClock::new();
    let (host, module) = host_on(&clock).await;
    let options = || TaskOptions::new().timeout(Duration::from_secs(100));
    let longer = module.task("childs_time").arg(1000u64).options(options()).submit().await;
    assert_eq!(value::<Option<u64>>(&host, &longer).await, Some(100));
    let shorter = module.task("childs_time").arg(10u64).options(options()).submit().await;
    assert_eq!(value::<Option<u64>>(&host, &shorter).await, Some(10));
    finish(host).await;
}

#[tokio::test]
async fn a_queued_child_ends_at_its_parents_deadline() {
    let clock = ManualClock::new();
    let (host, module) = host_with(builder().cpus(1.0).clock(clock.clone()), "waiting").await;
    let parent = module.task("parent").arg("sleep".to_owned()).options(TaskOptions::new().timeout(HOUR)).submit().await;
    running(&host, 2).await;
    clock.advance(HOUR);
    assert_eq!(error(&host, &parent).await.kind, ErrorKind::TaskTimedOut);
    settled(&host, "the child to end", |stats| stats.running == 0 && stats.instances == 0).await;
    finish(host).await;
}

#[tokio::test]
async fn waits_end_when_their_time_is_up() {
    let clock = ManualClock::new();
    let (host, module) = host_on(&clock).await;
    let never = module.task("sleep").arg(u64::MAX / 2_000_000).submit().await;
    let list = rustyray_host::Payload {
        encoding: rustyray_host::Encoding::Json,
        data: "[0]".into(),
        references: vec![rustyray_host::Reference::Object(never.clone())].into(),
    };
    let get = module.task("impatient").arg_payload(list.clone()).arg(5_000u64).submit().await;
    let wait = module.task("first_of").arg_payload(list).arg(1usize).arg(5_000u64).submit().await;
    running(&host, 3).await;
    settled(&host, "both to wait", |_| clock.sleepers() >= 3).await;
    clock.advance(Duration::from_secs(5));
    let error = error(&host, &get).await;
    assert_eq!(error.causes[0].kind, ErrorKind::GetTimeout, "{error:#}");
    assert_eq!(value::<(usize, usize)>(&host, &wait).await, (0, 1));
    host.cancel(&never);
    finish(host).await;
}

#[tokio::test]
async fn the_embedder_can_wait_for_a_while_too() {
    let clock = ManualClock::new();
    let (host, module) = host_on(&clock).await;
    let never = module.task("sleep").arg(u64::MAX / 2_000_000).submit().await;
    running(&host, 1).await;
    let waiting = host.get_within::<u64>(&never, HOUR);
    let advancing = async {
        settled(&host, "the embedder to wait", |_| clock.sleepers() >= 2).await;
        clock.advance(HOUR);
    };
    let (result, ()) = tokio::join!(waiting, advancing);
    assert_eq!(result.unwrap_err().kind, ErrorKind::GetTimeout);
    host.cancel(&never);
    finish(host).await;
}

/// What it waits for has its deadline, and ends at the same moment: whichever of the two is seen first.
#[tokio::test]
async fn a_main_that_fails_because_its_time_is_over_is_not_done_in_time() {
    let (host, module) = host_with(builder(), "driver").await;
    for milliseconds in 1..30 {
        let options = TaskOptions::new().timeout(Duration::from_millis(milliseconds));
        let main = module.main(vec!["driver".to_owned(), "adds".to_owned()], false, options);
        let error = error(&host, &main).await;
        assert_eq!(error.kind, ErrorKind::TaskTimedOut, "{error:#}");
    }
    finish(host).await;
}
