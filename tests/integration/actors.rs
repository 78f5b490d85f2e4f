//! Actors: made, found, called in order, broken, started again, and gone.

use rustyray_host::{ActorHandle, ActorOptions, Encoding, ErrorKind, Host, Module, Payload, Reference, TaskOptions};

use rustyray_tests::{Lines, builder, error, finish, host_with, settled, value, within};

async fn call(host: &Host, counter: &ActorHandle, method: &str) -> i32 {
    value(host, &counter.call(method).submit().await).await
}

async fn add(host: &Host, counter: &ActorHandle, amount: i32) -> i32 {
    value(host, &counter.call("add").arg(amount).submit().await).await
}

fn counter(module: &Module, options: ActorOptions) -> ActorHandle {
    module.actor("Counter").options(options).create()
}

#[tokio::test]
async fn calls_are_served_in_their_order() {
    let (host, module) = host_with(builder(), "actors").await;
    let actor = counter(&module, ActorOptions::new());
    for n in 0..500 {
        let _ = actor.call("add").arg(n).try_submit();
    }
    let history: Vec<i32> = value(&host, &actor.call("history").submit().await).await;
    assert_eq!(history, (0..500).collect::<Vec<_>>());
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn a_kill_is_done_when_it_returns() {
    let (host, module) = host_with(builder().resource("gpu", 1.0), "actors").await;
    let gpu = || ActorOptions::new().call(TaskOptions::new().resource("gpu", 1.0));
    let holder = counter(&module, gpu().name("holds"));
    add(&host, &holder, 1).await;
    // Its constructor waits for what the other holds.
    let queued = counter(&module, gpu().name("waits"));
    let call = queued.call("add").arg(1).submit().await;
    queued.kill(false);
    assert_eq!(module.find_actor("waits").err().unwrap().kind, ErrorKind::ActorNotFound);
    assert_eq!(error(&host, &call).await.kind, ErrorKind::ActorDied);
    assert_eq!(error(&host, &queued.ready()).await.kind, ErrorKind::ActorDied);
    assert_eq!(host.stats().pending, 0);
    for _ in 0..50 {
        let spins = counter(&module, ActorOptions::new().name("again"));
        add(&host, &spins, 1).await;
        spins.kill(false);
        assert_eq!(module.find_actor("again").err().unwrap().kind, ErrorKind::ActorNotFound);
        let next = counter(&module, ActorOptions::new().name("again").get_if_exists(true));
        assert_eq!(add(&host, &next, 2).await, 2, "it is another one");
        next.kill(false);
    }
    drop((holder, queued));
    finish(host).await;
}

#[tokio::test]
async fn a_call_whose_argument_is_missing_holds_up_the_next() {
    let (host, module) = host_with(builder(), "actors").await;
    let (first, second) = (counter(&module, ActorOptions::new()), counter(&module, ActorOptions::new()));
    let argument = first.call("add").arg(5).submit().await;
    let _ = second.call("add").arg_ref(&argument).submit().await;
    let _ = second.call("add").arg(1).submit().await;
    let history: Vec<i32> = value(&host, &second.call("history").submit().await).await;
    assert_eq!(history, [5, 1]);
    drop((first, second));
    finish(host).await;
}

#[tokio::test]
async fn handles_travel() {
    let (host, module) = host_with(builder(), "actors").await;
    let shared = module.task("shared").arg(20).submit().await;
    assert_eq!(value::<i32>(&host, &shared).await, 20);
    let made = module.task("uses_a_made_one").submit().await;
    assert_eq!(value::<i32>(&host, &made).await, 42);
    drop((shared, made));
    settled(&host, "the actors to end", |stats| stats.actors == 0 && stats.instances == 0 && stats.objects == 0).await;
    finish(host).await;
}

#[tokio::test]
async fn a_handle_in_another_actors_state_keeps_it_alive() {
    let (host, module) = host_with(builder(), "actors").await;
    let relayed = module.task("relayed").arg(1).submit().await;
    assert_eq!(value::<i32>(&host, &relayed).await, 42);
    settled(&host, "both actors to end", |stats| stats.actors == 0 && stats.instances == 0).await;
    finish(host).await;
}

#[tokio::test]
async fn the_last_handle_ends_it_after_the_calls_that_wait() {
    let (host, module) = host_with(builder(), "actors").await;
    let actor = counter(&module, ActorOptions::new());
    let last = actor.call("add").arg(3).submit().await;
    drop(actor);
    assert_eq!(value::<i32>(&host, &last).await, 3);
    settled(&host, "the actor to end", |stats| stats.actors == 0 && stats.instances == 0).await;
    finish(host).await;
}

#[tokio::test]
async fn names() {
    let (host, module) = host_with(builder(), "actors").await;
    let actor = counter(&module, ActorOptions::new().name("global"));
    let found = module.task("find_and_add").arg("global".to_owned()).arg(2).submit().await;
    assert_eq!(value::<i32>(&host, &found).await, 2);
    assert_eq!(add(&host, &module.find_actor("global").unwrap(), 3).await, 5);

    let taken = counter(&module, ActorOptions::new().name("global"));
    assert_eq!(error(&host, &taken.ready()).await.kind, ErrorKind::ActorNameTaken);
    assert_eq!(call(&host, &actor, "get").await, 5, "who had the name keeps it");

    drop(actor);
    settled(&host, "the actor to end", |stats| stats.actors == 0).await;
    assert_eq!(module.find_actor("global").err().unwrap().kind, ErrorKind::ActorNotFound);
    let again = counter(&module, ActorOptions::new().name("global"));
    assert_eq!(call(&host, &again, "get").await, 0, "the name is free again");
    drop((again, taken));
    finish(host).await;
}

#[tokio::test]
async fn detached_ones_stay() {
    let (host, module) = host_with(builder(), "actors").await;
    let left = module.task("leave_behind").arg("stays".to_owned()).arg(true).submit().await;
    assert_eq!(value::<i32>(&host, &left).await, 7);
    let left = module.task("leave_behind").arg("goes".to_owned()).arg(false).submit().await;
    assert_eq!(value::<i32>(&host, &left).await, 7);
    settled(&host, "the other to end", |stats| stats.actors == 1 && stats.instances == 1).await;
    assert!(module.find_actor("goes").is_err());
    let stays = module.find_actor("stays").unwrap();
    assert_eq!(call(&host, &stays, "get").await, 7);
    stays.kill(false);
    settled(&host, "it to end when it is killed", |stats| stats.actors == 0 && stats.instances == 0).await;
    drop(stays);
    finish(host).await;
}

#[tokio::test]
async fn a_constructor_that_fails_fails_the_calls() {
    let (host, module) = host_with(builder(), "actors").await;
    let make = |constructor| module.actor("Counter").constructor(constructor);
    let refused = make("fails").arg("no".to_owned()).create();
    let call = error(&host, &refused.call("get").submit().await).await;
    assert_eq!((call.kind, call.causes[0].message.as_str()), (ErrorKind::ActorDied, "no"));
    assert_eq!(error(&host, &refused.ready()).await.kind, ErrorKind::TaskFailed);

    let broken = make("panics").create();
    assert_eq!(error(&host, &broken.ready()).await.kind, ErrorKind::WorkerCrashed);
    for (actor, expected) in [
        (make("old").create(), "no constructor 'old'"),
        (module.actor("Clock").create(), "no actor 'Clock'"),
        (make("starting_at").create(), "starting_at(value: i32)"),
    ] {
        let error = error(&host, &actor.ready()).await;
        assert!(error.message.contains(expected), "{error}");
    }
    drop((refused, broken));
    finish(host).await;
}

#[tokio::test]
async fn its_own_errors_do_not_end_it() {
    let (host, module) = host_with(builder(), "actors").await;
    let actor = counter(&module, ActorOptions::new());
    add(&host, &actor, 4).await;
    let refused = error(&host, &actor.call("refuse").submit().await).await;
    assert_eq!((refused.kind, refused.function.as_str()), (ErrorKind::TaskFailed, "Counter.refuse"));
    let unknown = error(&host, &actor.call("increment").submit().await).await;
    assert_eq!(unknown.kind, ErrorKind::TaskNotFound);
    let wrong = error(&host, &actor.call("add").arg("text".to_owned()).submit().await).await;
    assert_eq!(wrong.kind, ErrorKind::InvalidArgument);
    assert_eq!(call(&host, &actor, "get").await, 4);
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn a_crash_ends_it() {
    let (host, module) = host_with(builder(), "actors").await;
    let actor = counter(&module, ActorOptions::new());
    let crash = actor.call("crash").submit().await;
    let next = actor.call("get").submit().await;
    let crash = error(&host, &crash).await;
    assert_eq!((crash.kind, crash.causes[0].kind), (ErrorKind::ActorDied, ErrorKind::WorkerCrashed));
    assert!(crash.panic.as_ref().unwrap().contains("the counter breaks"));
    assert_eq!(error(&host, &next).await.kind, ErrorKind::ActorDied);
    assert_eq!(error(&host, &actor.call("get").submit().await).await.kind, ErrorKind::ActorDied);
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn it_starts_again_as_often_as_it_may() {
    let (host, module) = host_with(builder(), "actors").await;
    let options = ActorOptions::new().max_restarts(2);
    let actor = module.actor("Counter").constructor("starting_at").arg(10).options(options).create();
    for generation in 1..=2 {
        assert_eq!(value::<u32>(&host, &actor.call("generation").submit().await).await, generation);
        assert_eq!(add(&host, &actor, 1).await, 11, "with fresh state");
        let crash = actor.call("crash").submit().await;
        assert_eq!(error(&host, &crash).await.kind, ErrorKind::ActorUnavailable);
    }
    assert_eq!(call(&host, &actor, "get").await, 10);
    let crash = actor.call("crash").submit().await;
    assert_eq!(error(&host, &crash).await.kind, ErrorKind::ActorDied);
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn a_call_is_served_again_as_often_as_it_may() {
    let (host, module) = host_with(builder(), "actors").await;
    let options = ActorOptions::new().max_restarts(5).call(TaskOptions::new().max_retries(2));
    let actor = counter(&module, options);
    let third = actor.call("third_generation").submit().await;
    let after = actor.call("generation").submit().await;
    assert_eq!(value::<u32>(&host, &third).await, 3);
    assert_eq!(third.receipt().unwrap().attempts, 3);
    assert_eq!(value::<u32>(&host, &after).await, 3, "and the next one after it");
    let crash = actor.call("crash").options(TaskOptions::new().max_retries(0)).submit().await;
    assert_eq!(error(&host, &crash).await.attempt, 1, "the call has the last word");
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn killed_in_a_busy_loop() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "actors").await;
    let actor = counter(&module, ActorOptions::new().max_restarts(1));
    let spin = actor.call("spin").submit().await;
    lines.until("the counter spins").await;
    actor.kill(true);
    assert_eq!(error(&host, &spin).await.kind, ErrorKind::ActorUnavailable);
    assert_eq!(call(&host, &actor, "get").await, 0, "it came back");
    let spin = actor.call("spin").submit().await;
    settled(&host, "it to spin again", |stats| stats.running == 1).await;
    actor.kill(false);
    assert_eq!(error(&host, &spin).await.kind, ErrorKind::ActorDied);
    settled(&host, "it to end", |stats| stats.actors == 0 && stats.instances == 0).await;
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn limits_of_a_call() {
    let (host, module) = host_with(builder(), "actors").await;
    let actor = counter(&module, ActorOptions::new().max_restarts(1));
    let spin = actor.call("spin").options(TaskOptions::new().fuel(1_000_000)).submit().await;
    let error = error(&host, &spin).await;
    assert_eq!((error.kind, error.limit.as_ref().unwrap().limit), (ErrorKind::OutOfFuel, 1_000_000));
    assert_eq!(add(&host, &actor, 1).await, 1, "the next call has fuel of its own");
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn a_cancelled_call_that_waits_is_skipped() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "actors").await;
    let actor = counter(&module, ActorOptions::new().max_restarts(1));
    let spin = actor.call("spin").submit().await;
    lines.until("the counter spins").await;
    let waiting = actor.call("add").arg(1).submit().await;
    host.cancel(&waiting);
    assert_eq!(error(&host, &waiting).await.kind, ErrorKind::TaskCancelled);
    host.cancel(&spin);
    assert_eq!(error(&host, &spin).await.kind, ErrorKind::TaskCancelled, "which ends the instance");
    assert_eq!(call(&host, &actor, "get").await, 0);
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn a_callers_end_does_not_end_the_actor() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "actors").await;
    let actor = counter(&module, ActorOptions::new());
    add(&host, &actor, 5).await;
    let handle = Payload {
        encoding: Encoding::Json,
        data: "0".into(),
        references: vec![Reference::Actor(actor.actor_ref().clone())].into(),
    };
    let caller = module.task("waits_for_spin").arg_payload(handle).submit().await;
    lines.until("the counter spins").await;
    host.cancel(&caller);
    assert_eq!(error(&host, &caller).await.kind, ErrorKind::TaskCancelled);
    lines.until("the counter was asked to stop").await;
    assert_eq!(call(&host, &actor, "get").await, 5, "with its state");
    drop((actor, caller));
    finish(host).await;
}

#[tokio::test]
async fn calls_that_were_cancelled_keep_no_others_out_of_a_busy_actors_mailbox() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "actors").await;
    let actor = counter(&module, ActorOptions::new().max_pending_calls(1000));
    let spin = actor.call("spin").submit().await;
    lines.until("the counter spins").await;
    let before = host.stats().object_bytes;
    for _ in 0..10_000 {
        let call = actor.call("get").try_submit();
        host.cancel(&call);
        assert_eq!(error(&host, &call).await.kind, ErrorKind::TaskCancelled);
    }
    let kept = host.stats().object_bytes - before;
    assert!(kept < 100_000, "{kept} bytes of calls that are over");
    let waiting: Vec<_> = (0..1000).map(|_| actor.call("get").try_submit()).collect();
    let refused = actor.call("get").try_submit();
    assert_eq!(error(&host, &refused).await.kind, ErrorKind::PendingCallsLimitExceeded);
    waiting.iter().step_by(10).for_each(|call| host.cancel(call));
    let instead = actor.call("get").try_submit();
    assert!(!instead.is_ready(), "{:?}", instead.receipt());
    actor.kill(false);
    assert_eq!(error(&host, &instead).await.kind, ErrorKind::ActorDied);
    assert_eq!(error(&host, &spin).await.kind, ErrorKind::ActorDied);
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn a_full_mailbox() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "actors").await;
    let actor = counter(&module, ActorOptions::new().max_pending_calls(2));
    let spin = actor.call("spin").submit().await;
    lines.until("the counter spins").await;
    let waiting: Vec<_> = (0..2).map(|_| actor.call("get").try_submit()).collect();
    let refused = actor.call("get").try_submit();
    assert_eq!(error(&host, &refused).await.kind, ErrorKind::PendingCallsLimitExceeded);
    actor.kill(false);
    within(host.wait(&waiting, 2, None), "the calls to fail").await.unwrap();
    assert_eq!(error(&host, &spin).await.kind, ErrorKind::ActorDied);
    drop(actor);
    finish(host).await;
}
