//! What tasks may use together, with all that they submit.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustyray_host::clock::ManualClock;
use rustyray_host::limits::FUEL_SLICE;
use rustyray_host::{ActorOptions, Budget, BudgetLimits, ErrorKind, Host, HostBuilder, Receipt, TaskOptions};

use rustyray_tests::{Lines, builder, error, finish, host_with, settled, value, within};

const HOUR: Duration = Duration::from_secs(3600);

fn of_fuel(fuel: u64) -> Budget {
    Budget::new(BudgetLimits { fuel: Some(fuel), ..BudgetLimits::default() })
}

fn on(budget: &Budget) -> TaskOptions {
    TaskOptions::new().budget(budget)
}

/// What was told of the tasks of a host.
#[derive(Clone, Default)]
struct Receipts(Arc<Mutex<Vec<Receipt>>>);

impl Receipts {
    fn told_by(&self, builder: HostBuilder) -> HostBuilder {
        let sink = self.0.clone();
        builder.on_receipt(move |receipt| sink.lock().unwrap().push(receipt.clone()))
    }

    /// The fuel of those of this name; of all of them where it is empty.
    async fn fuel(&self, host: &Host, name: &str) -> u64 {
        host.flush().await;
        let receipts = self.0.lock().unwrap();
        let named = |receipt: &&Receipt| name.is_empty() || *receipt.task == *name;
        receipts.iter().filter(named).map(|receipt| receipt.fuel_used).sum()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_shares_its_fuel() {
    const FUEL: u64 = 50_000_000;
    let receipts = Receipts::default();
    let (host, module) = host_with(receipts.told_by(builder()), "budgets").await;
    let budget = of_fuel(FUEL);
    let few = module.task("forks").arg(1_000u64).arg(2u32).arg(2u32).options(on(&budget)).submit().await;
    value::<u64>(&host, &few).await;
    let used = budget.used();
    assert_eq!(used.tasks, 7);
    assert_eq!(used.fuel, receipts.fuel(&host, "").await, "to the last unit once all have returned");
    assert_eq!(receipts.0.lock().unwrap().last().unwrap().budget.as_deref(), Some(&used), "the root is told last");

    // Each child alone would not use it up.
    let much = module.task("forks").arg(FUEL / 4).arg(4u32).arg(2u32).options(on(&budget)).submit().await;
    let failed = error(&host, &much).await;
    assert!(format!("{failed:#}").contains("budget-fuel"), "{failed:#}");
    settled(&host, "all of it to end", |stats| (stats.instances, stats.pending) == (0, 0)).await;
    let used = budget.used().fuel;
    assert!((FUEL..FUEL + 8 * FUEL_SLICE).contains(&used), "{used}");
    // Nothing of it comes back, and nothing is taken from others.
    let later = module.task("burns").arg(1u64).options(on(&budget)).submit().await;
    let failed = error(&host, &later).await;
    assert_eq!((failed.kind, &*failed.limit.as_ref().unwrap().name), (ErrorKind::OutOfFuel, "budget-fuel"));
    value::<u64>(&host, &module.task("burns").arg(FUEL).submit().await).await;
    finish(host).await;
}

#[tokio::test]
async fn a_tasks_own_limit_is_named_where_that_is_what_it_lacks() {
    let (host, module) = host_with(builder(), "budgets").await;
    let budget = of_fuel(1 << 40);
    let own = module.task("burns").arg(1u64 << 40).options(on(&budget).fuel(10_000_000)).submit().await;
    let failed = error(&host, &own).await;
    assert_eq!((&*failed.limit.as_ref().unwrap().name, budget.used().fuel), ("fuel", 10_000_000));
    finish(host).await;
}

#[tokio::test]
async fn fuel_counts_once_and_what_is_burned_does_not_come_back_with_another_attempt() {
    let (host, module) = host_with(builder(), "budgets").await;
    let budget = of_fuel(100_000_000);
    let shares = module.task("shares").arg(60_000_000u64).options(on(&budget).fuel(90_000_000)).submit().await;
    value::<u64>(&host, &shares).await;
    assert!(budget.used().fuel < 1_000_000, "{:?}", budget.used());
    let again = on(&budget).max_retries(1000).retry_backoff(HOUR);
    let much = module.task("burns").arg(1u64 << 40).options(again).submit().await;
    let failed = error(&host, &much).await;
    assert_eq!((failed.attempt, &*failed.limit.as_ref().unwrap().name), (1, "budget-fuel"));
    finish(host).await;
}

#[tokio::test]
async fn submissions_are_counted_however_deep() {
    let (host, module) = host_with(builder(), "budgets").await;
    let budget = Budget::new(BudgetLimits { tasks: Some(10), ..BudgetLimits::default() });
    let one_by_one = module.task("one_by_one").arg(100u32).options(on(&budget)).submit().await;
    assert_eq!(value::<(u32, String)>(&host, &one_by_one).await, (9, "limit-exceeded".to_owned()));
    let refused = module.task("burns").arg(1u64).options(on(&budget)).submit().await;
    let refused = error(&host, &refused).await;
    assert_eq!((refused.kind, &*refused.limit.as_ref().unwrap().name), (ErrorKind::LimitExceeded, "budget-tasks"));
    assert_eq!(budget.used().tasks, 10);
    // One that is refused for another reason costs nothing.
    let budget = Budget::new(BudgetLimits { tasks: Some(1), ..BudgetLimits::default() });
    let never = module.task("burns").arg(1u64).options(on(&budget).num_cpus(1000.0)).submit().await;
    assert_eq!(error(&host, &never).await.kind, ErrorKind::TaskUnschedulable);
    value::<u64>(&host, &module.task("burns").arg(1u64).options(on(&budget)).submit().await).await;
    finish(host).await;
}

#[tokio::test]
async fn memory_counts_while_it_is_there() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "budgets").await;
    let budget = Budget::new(BudgetLimits { memory_bytes: Some(24 << 20), ..BudgetLimits::default() });
    let nap = module.task("sleeps").arg(100_000u64).arg(0u32).submit().await;
    let until = rustyray_host::Payload {
        encoding: rustyray_host::Encoding::Json,
        data: "[0]".into(),
        references: vec![rustyray_host::Reference::Object(nap.clone())].into(),
    };
    let first = module.task("holds").arg(16usize).arg_payload(until).options(on(&budget)).submit().await;
    lines.until("it holds").await;
    assert!((16 << 20..24 << 20).contains(&budget.used().memory_bytes), "{:?}", budget.used());
    let holds = || module.task("holds").arg(16usize).arg(Vec::<u32>::new()).options(on(&budget)).submit();
    let failed = error(&host, &holds().await).await;
    assert_eq!((failed.kind, &*failed.limit.as_ref().unwrap().name), (ErrorKind::OutOfMemory, "budget-memory-bytes"));
    host.cancel(&first);
    settled(&host, "the first to go", |stats| stats.instances == 1).await;
    assert_eq!(budget.used().memory_bytes, 0);
    assert_eq!(value::<usize>(&host, &holds().await).await, 16 << 20);
    host.cancel(&nap);
    finish(host).await;
}

#[tokio::test]
async fn its_time_is_over_for_all_of_it() {
    let clock = ManualClock::new();
    let (host, module) = host_with(builder().clock(clock.clone()), "budgets").await;
    let budget = Budget::new(BudgetLimits { time: Some(HOUR), ..BudgetLimits::default() });
    let first = module.task("sleeps").arg(u64::MAX / 2_000_000).arg(2u32).options(on(&budget)).submit().await;
    settled(&host, "all to run", |stats| stats.running == 3).await;
    clock.advance(HOUR / 2);
    let second = module.task("sleeps").arg(u64::MAX / 2_000_000).arg(0u32).options(on(&budget)).submit().await;
    settled(&host, "the other to run", |stats| stats.running == 4).await;
    clock.advance(HOUR / 2);
    for object in [&first, &second] {
        assert_eq!(error(&host, object).await.kind, ErrorKind::TaskTimedOut);
    }
    settled(&host, "all to go", |stats| stats.instances == 0).await;
    finish(host).await;
}

#[tokio::test]
async fn who_calls_an_actor_pays() {
    let (host, module) = host_with(builder(), "budgets").await;
    let (makers, users) = (of_fuel(1 << 40), of_fuel(1 << 40));
    value::<u64>(&host, &module.task("leaves").options(on(&makers)).submit().await).await;
    let made = makers.used();
    assert_eq!(made.tasks, 3);
    assert!(made.memory_bytes > 0, "the actor lives");
    const FUEL: u64 = 20_000_000;
    let uses = module.task("uses_what_was_left").arg(FUEL).options(on(&users)).submit().await;
    value::<u64>(&host, &uses).await;
    assert_eq!(makers.used(), made);
    assert!(users.used().fuel >= FUEL / 2 && users.used().tasks == 2, "{:?}", users.used());
    // Of the embedder's calls it is the one with which the actor was created.
    let actors = of_fuel(FUEL);
    let actor = module.actor("Burner").options(ActorOptions::new().call(on(&actors))).create();
    let burn = within(actor.call("burn").arg(FUEL * 10).submit(), "a call").await;
    let failed = error(&host, &burn).await;
    assert!(format!("{failed:#}").contains("budget-fuel"), "{failed:#}");
    drop(actor);
    host.shutdown(Duration::ZERO).await;
    assert_eq!((actors.used().memory_bytes, makers.used().memory_bytes), (0, 0));
}

#[tokio::test]
async fn waiting_burns_nothing() {
    let receipts = Receipts::default();
    let (host, module) = host_with(receipts.told_by(builder()), "budgets").await;
    let budget = of_fuel(20 * FUEL_SLICE);
    for _ in 0..2 {
        value::<u32>(&host, &module.task("naps").arg(500u32).options(on(&budget)).submit().await).await;
    }
    assert_eq!(budget.used().fuel, receipts.fuel(&host, "").await);
    finish(host).await;
}

#[tokio::test]
async fn what_waits_and_is_ended_has_burned_no_slices() {
    let (receipts, lines) = (Receipts::default(), Lines::default());
    let builder = receipts.told_by(builder().on_log(lines.sink()));
    let (host, module) = host_with(builder, "budgets").await;
    let budget = of_fuel(1 << 40);
    let naps = module.task("naps").arg(u32::MAX).options(on(&budget)).submit().await;
    lines.until("it has had a hundred").await;
    host.cancel(&naps);
    assert_eq!(error(&host, &naps).await.kind, ErrorKind::TaskCancelled);
    settled(&host, "it to go", |stats| stats.instances == 0).await;
    let used = budget.used().fuel;
    assert!((1..FUEL_SLICE).contains(&used), "{used}");
    assert_eq!(used, receipts.fuel(&host, "").await);
    finish(host).await;
}

#[tokio::test]
async fn what_is_burned_counts_while_it_runs_and_stays_when_it_is_ended() {
    let receipts = Receipts::default();
    let (host, module) = host_with(receipts.told_by(builder()), "budgets").await;
    let budget = of_fuel(1 << 40);
    let endless = module.task("burns").arg(u64::MAX).options(on(&budget)).submit().await;
    settled(&host, "some slices", |_| budget.used().fuel >= 3 * FUEL_SLICE).await;
    host.cancel(&endless);
    assert_eq!(error(&host, &endless).await.kind, ErrorKind::TaskCancelled);
    settled(&host, "it to go", |stats| stats.instances == 0).await;
    assert_eq!(budget.used().fuel, receipts.fuel(&host, "").await);
    finish(host).await;
}

#[tokio::test]
async fn one_that_spins_ends_a_slice_late_at_the_most() {
    const FUEL: u64 = 5 * FUEL_SLICE + FUEL_SLICE / 2;
    let receipts = Receipts::default();
    let (host, module) = host_with(receipts.told_by(builder()), "budgets").await;
    let budget = of_fuel(FUEL);
    // Each may have all that is left: who burns it second finds out at its next yield.
    let spins: Vec<_> = [(); 3].map(|()| module.task("burns").arg(u64::MAX).options(on(&budget)).submit()).into();
    for spins in futures::future::join_all(spins).await {
        let failed = error(&host, &spins).await;
        assert_eq!((failed.kind, &*failed.limit.as_ref().unwrap().name), (ErrorKind::OutOfFuel, "budget-fuel"));
    }
    settled(&host, "all of it to end", |stats| stats.instances == 0).await;
    let used = budget.used().fuel;
    assert!((FUEL..FUEL + 3 * FUEL_SLICE + 10_000).contains(&used), "{used}");
    assert_eq!(used, receipts.fuel(&host, "").await);
    finish(host).await;
}

#[tokio::test]
async fn calls_that_are_served_at_once_burn_their_own() {
    const FUEL: u64 = 8 * FUEL_SLICE;
    let receipts = Receipts::default();
    let (host, module) = host_with(receipts.told_by(builder()), "budgets").await;
    let kitchen = module.actor("Kitchen").create();
    let (much, little, none) = (of_fuel(2 * FUEL), of_fuel(FUEL), of_fuel(3 * FUEL_SLICE));
    let burn = |fuel: u64, budget: &Budget, name: &str| {
        kitchen.call("burn").arg(fuel).arg(20u32).options(on(budget).name(name)).submit()
    };
    let calls = [burn(FUEL, &much, "much").await, burn(FUEL / 4, &little, "little").await];
    for call in &calls {
        value::<u32>(&host, call).await;
    }
    for (name, budget, least) in [("much", &much, FUEL), ("little", &little, FUEL / 4)] {
        let (used, told) = (budget.used().fuel, receipts.fuel(&host, name).await);
        assert!((least / 2..2 * least).contains(&told), "{name}: {told}");
        // What is done between two calls is on the budget of the one before it.
        assert!((told..told + FUEL_SLICE).contains(&used), "{name}: {used}, and {told} in its receipt");
    }
    // One that spins takes nothing from the budgets of others, and ends.
    let before = (much.used(), little.used());
    let spins = kitchen.call("spin").options(on(&none)).submit().await;
    let failed = error(&host, &spins).await;
    assert!(format!("{failed:#}").contains("budget-fuel"), "{failed:#}");
    assert!((3 * FUEL_SLICE..5 * FUEL_SLICE).contains(&none.used().fuel), "{:?}", none.used());
    assert_eq!((much.used(), little.used()), before);
    drop(kitchen);
    finish(host).await;
}

#[tokio::test]
async fn starts_checkpoints_and_restores_are_on_the_budget() {
    let receipts = Receipts::default();
    let (host, module) = host_with(receipts.told_by(builder()), "budgets").await;
    let (makers, users) = (of_fuel(1 << 40), of_fuel(1 << 40));
    let options = ActorOptions::new().call(on(&makers).name("started"));
    let shelf = module.actor("Shelf").arg(100_000u32).options(options).create();
    let count = || shelf.call("count").options(on(&users).name("called")).submit();
    assert_eq!(value::<u32>(&host, &count().await).await, 100_000);
    let saved = users.used().fuel;
    assert!(saved > 100_000, "the checkpoint is the call's: {saved}");
    assert_eq!(saved, receipts.fuel(&host, "called").await);
    let made = makers.used().fuel;
    assert!(made > 0);
    shelf.kill(true);
    assert_eq!(value::<u32>(&host, &count().await).await, 100_000);
    assert!(makers.used().fuel > made + 100_000, "{:?}, and {made} before it was restored", makers.used());
    assert_eq!(makers.used().fuel, receipts.fuel(&host, "").await - receipts.fuel(&host, "called").await);
    assert_eq!(users.used().fuel, receipts.fuel(&host, "called").await);
    drop(shelf);
    finish(host).await;
}

#[tokio::test]
async fn an_actor_starts_again_as_often_as_its_budget_has_tasks() {
    let (host, module) = host_with(builder(), "budgets").await;
    let makers = Budget::new(BudgetLimits { tasks: Some(3), ..BudgetLimits::default() });
    let options = ActorOptions::new().call(on(&makers)).max_restarts(u32::MAX);
    let shelf = module.actor("Shelf").arg(1u32).options(options).create();
    let users = of_fuel(1 << 40);
    for _ in 0..2 {
        let count = shelf.call("count").options(on(&users)).submit().await;
        assert_eq!(value::<u32>(&host, &count).await, 1);
        shelf.kill(true);
    }
    let count = shelf.call("count").options(on(&users)).submit().await;
    assert_eq!(value::<u32>(&host, &count).await, 1);
    shelf.kill(true);
    let died = error(&host, &shelf.call("count").options(on(&users)).submit().await).await;
    assert_eq!(died.kind, ErrorKind::ActorDied);
    let why = died.causes.last().unwrap();
    assert_eq!((why.kind, makers.used().tasks), (ErrorKind::LimitExceeded, 3), "{died:#}");
    drop(shelf);
    finish(host).await;
}
