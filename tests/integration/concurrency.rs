//! Actors that serve several calls at once, on one instance.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustyray_host::{
    ActorHandle, ActorOptions, Encoding, ErrorKind, Host, Module, ObjectRef, Payload, Receipt, Reference, TaskOptions,
};

use rustyray_tests::{Lines, builder, error, finish, host_with, settled, value, within};

fn hall(module: &Module, options: ActorOptions) -> ActorHandle {
    module.actor("Hall").options(options).create()
}

async fn meet(hall: &ActorHandle, count: u32) -> ObjectRef {
    hall.call("meet").arg(count).submit().await
}

async fn number(host: &Host, actor: &ActorHandle, method: &str) -> u32 {
    value(host, &actor.call(method).submit().await).await
}

/// A reference inside a value, so that a call gets it before it is ready.
fn later(object: &ObjectRef) -> Payload {
    Payload { encoding: Encoding::Json, data: "[0]".into(), references: vec![Reference::Object(object.clone())].into() }
}

#[tokio::test]
async fn calls_meet_in_one_instance() {
    let (host, module) = host_with(builder(), "concurrent").await;
    let hall = hall(&module, ActorOptions::new());
    let calls = [meet(&hall, 3).await, meet(&hall, 3).await, meet(&hall, 3).await];
    for call in &calls {
        assert_eq!(value::<u32>(&host, call).await, 3);
    }
    assert_eq!(number(&host, &hall, "most").await, 3);
    drop(hall);
    finish(host).await;
}

#[tokio::test]
async fn no_more_are_served_than_declared_or_asked_for() {
    let (host, module) = host_with(builder(), "concurrent").await;
    for (most, options) in [(3, ActorOptions::new()), (2, ActorOptions::new().max_concurrency(2))] {
        let (hall, gate) = (hall(&module, options), module.actor("Gate").create());
        let opened = gate.call("value").submit().await;
        let mut calls = Vec::new();
        for _ in 0..10 {
            calls.push(hall.call("pass_on").arg_payload(later(&opened)).submit().await);
        }
        // Each group has room of its own: this one is served while the others wait, when as many are in as may be.
        value::<u32>(&host, &hall.call("side").arg(most + 1).submit().await).await;
        let _ = gate.call("open").arg(7u32).submit().await;
        for call in &calls {
            assert_eq!(value::<u32>(&host, call).await, 7);
        }
        assert_eq!(number(&host, &hall, "most").await, most + 1, "those of the side group aside");
    }
    finish(host).await;
}

#[tokio::test]
async fn one_at_a_time_keeps_its_order() {
    let (host, module) = host_with(builder(), "concurrent").await;
    let line = module.actor("Line").create();
    for n in 0..200u32 {
        let _ = line.call("note").arg(n).try_submit();
    }
    let all: Vec<u32> = value(&host, &line.call("all").submit().await).await;
    assert_eq!(all, (0..200).collect::<Vec<_>>());
    drop(line);
    finish(host).await;
}

#[tokio::test]
async fn a_group_of_one_keeps_its_order_while_others_go_on() {
    let (host, module) = host_with(builder(), "concurrent").await;
    let (hall, gate) = (hall(&module, ActorOptions::new()), module.actor("Gate").create());
    let opened = gate.call("value").submit().await;
    let first = hall.call("note").arg(1u32).arg_payload(later(&opened)).submit().await;
    let second = hall.call("note").arg(2u32).arg(Vec::<u32>::new()).submit().await;
    value::<u32>(&host, &meet(&hall, 1).await).await;
    assert!(!second.is_ready(), "it waits for the first");
    let _ = gate.call("open").arg(0u32).submit().await;
    value::<()>(&host, &first).await;
    value::<()>(&host, &second).await;
    let log: Vec<u32> = value(&host, &hall.call("log").submit().await).await;
    assert_eq!(log, [1, 2]);
    drop((hall, gate));
    finish(host).await;
}

#[tokio::test]
async fn what_takes_the_state_for_itself_runs_alone() {
    let (host, module) = host_with(builder(), "concurrent").await;
    let hall = hall(&module, ActorOptions::new());
    let mut calls = Vec::new();
    for n in 0..20u32 {
        calls.push(match n % 2 {
            0 => hall.call("alone").arg(1u32).submit().await,
            _ => meet(&hall, 1).await,
        });
    }
    for call in &calls {
        value::<u32>(&host, call).await;
    }
    assert_eq!(
        value::<u32>(&host, &hall.call("alone").arg(0u32).submit().await).await,
        10,
        "nothing got lost in between"
    );
    drop(hall);
    finish(host).await;
}

#[tokio::test]
async fn a_call_may_wait_for_another_of_the_same_actor() {
    let (host, module) = host_with(builder(), "concurrent").await;
    let hall = hall(&module, ActorOptions::new());
    let actor = Reference::Actor(hall.actor_ref().clone());
    let handle = Payload { encoding: Encoding::Json, data: "0".into(), references: vec![actor].into() };
    let call = module.task("calls_itself").arg_payload(handle).submit().await;
    assert_eq!(value::<u32>(&host, &call).await, 4);
    drop(hall);
    finish(host).await;
}

#[tokio::test]
async fn one_call_is_cancelled_and_the_others_go_on() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "concurrent").await;
    let hall = hall(&module, ActorOptions::new());
    let asleep = hall.call("sleep").submit().await;
    lines.until("it sleeps").await;
    let waits = meet(&hall, 3).await;
    host.cancel(&asleep);
    assert_eq!(error(&host, &asleep).await.kind, ErrorKind::TaskCancelled);
    for call in [meet(&hall, 3).await, meet(&hall, 3).await, waits] {
        value::<u32>(&host, &call).await;
    }
    assert_eq!(number(&host, &hall, "left").await, 4, "its future was dropped as well");
    host.flush().await;
    assert!(lines.lines().iter().all(|line| !line.text.contains("woken")), "it did not run again");
    drop(hall);
    finish(host).await;
}

#[tokio::test]
async fn one_call_is_asked_to_stop_and_tidies_up() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "concurrent").await;
    let hall = hall(&module, ActorOptions::new());
    let waits = meet(&hall, 2).await;
    let asleep = hall.call("sleep").submit().await;
    value::<u32>(&host, &waits).await;
    let waits = meet(&hall, 3).await;
    host.cancel_with(&asleep, false, true);
    assert_eq!(error(&host, &asleep).await.kind, ErrorKind::TaskCancelled);
    lines.until("it was woken, and asked to stop: true").await;
    let more = [meet(&hall, 3).await, meet(&hall, 3).await];
    for call in more.iter().chain([&waits]) {
        value::<u32>(&host, call).await;
    }
    drop(hall);
    finish(host).await;
}

#[tokio::test]
async fn one_call_is_past_its_deadline_and_the_others_go_on() {
    let (host, module) = host_with(builder(), "concurrent").await;
    let hall = hall(&module, ActorOptions::new());
    let waits = meet(&hall, 3).await;
    let options = TaskOptions::new().timeout(Duration::from_millis(20));
    let asleep = hall.call("sleep").options(options).submit().await;
    assert_eq!(error(&host, &asleep).await.kind, ErrorKind::TaskTimedOut);
    for call in [meet(&hall, 3).await, meet(&hall, 3).await, waits] {
        value::<u32>(&host, &call).await;
    }
    assert_eq!(hall.actor_ref().generation(), 1);
    drop(hall);
    finish(host).await;
}

#[tokio::test]
async fn one_that_never_awaits_takes_the_others_with_it() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "concurrent").await;
    let hall = hall(&module, ActorOptions::new().max_restarts(1));
    let waits = meet(&hall, 3).await;
    lines.until("one of 3 is in").await;
    let spins = hall.call("spin").submit().await;
    lines.until("it spins").await;
    host.cancel(&spins);
    assert_eq!(error(&host, &spins).await.kind, ErrorKind::TaskCancelled);
    let lost = error(&host, &waits).await;
    assert_eq!(lost.kind, ErrorKind::ActorUnavailable);
    assert!(lost.message.contains("another call, Hall.spin"), "{lost}");
    value::<u32>(&host, &meet(&hall, 1).await).await;
    assert_eq!(hall.actor_ref().generation(), 2);
    drop(hall);
    finish(host).await;
}

#[tokio::test]
async fn a_crash_is_everybodys_and_some_are_served_again() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "concurrent").await;
    let hall = hall(&module, ActorOptions::new().max_restarts(1));
    let again = hall.call("meet").arg(2u32).options(TaskOptions::new().max_retries(1)).submit().await;
    lines.until("one of 2 is in").await;
    let crash = error(&host, &hall.call("crash").submit().await).await;
    assert_eq!((crash.kind, crash.panic.is_some()), (ErrorKind::ActorUnavailable, true));
    value::<u32>(&host, &meet(&hall, 2).await).await;
    value::<u32>(&host, &again).await;
    let crash = error(&host, &hall.call("crash").submit().await).await;
    assert_eq!(crash.kind, ErrorKind::ActorDied);
    drop(hall);
    finish(host).await;
}

#[tokio::test]
async fn errors_are_the_calls_own() {
    let (host, module) = host_with(builder(), "concurrent").await;
    let hall = hall(&module, ActorOptions::new());
    let waits = meet(&hall, 2).await;
    let refused = error(&host, &hall.call("refuse").submit().await).await;
    assert_eq!((refused.kind, &*refused.message), (ErrorKind::TaskFailed, "not today"));
    let wrong = error(&host, &hall.call("meet").arg("two").submit().await).await;
    assert_eq!(wrong.kind, ErrorKind::InvalidArgument);
    value::<u32>(&host, &meet(&hall, 2).await).await;
    value::<u32>(&host, &waits).await;
    drop(hall);
    finish(host).await;
}

#[tokio::test]
async fn fuel_and_output_are_the_calls_own() {
    let (lines, receipts) = (Lines::default(), Arc::new(Mutex::new(Vec::<Receipt>::new())));
    let kept = receipts.clone();
    let builder = builder().on_log(lines.sink()).on_receipt(move |receipt| kept.lock().unwrap().push(receipt.clone()));
    let (host, module) = host_with(builder, "concurrent").await;
    let hall = hall(&module, ActorOptions::new());
    let options = |name: &str, fuel: u64| TaskOptions::new().name(name).fuel(fuel);
    let waits = hall.call("meet").arg(3u32).options(options("waits", 2_000_000)).submit().await;
    lines.until("one of 3 is in").await;
    let burns = hall.call("burn").arg(100u32).options(options("burns", 50_000_000)).submit().await;
    value::<u32>(&host, &burns).await;
    let also = [meet(&hall, 3).await, meet(&hall, 3).await];
    for call in also.iter().chain([&waits]) {
        value::<u32>(&host, call).await;
    }
    host.flush().await;
    let burned = |name: &str| {
        let receipts = receipts.lock().unwrap();
        receipts.iter().find(|receipt| *receipt.task == *name).map(|receipt| receipt.fuel_used).expect("a receipt")
    };
    assert!((4_000_000..50_000_000).contains(&burned("burns")), "{}", burned("burns"));
    assert!((1_000..2_000_000).contains(&burned("waits")), "{}", burned("waits"));
    assert!(lines.texts().contains(&"waits: one of 3 is in".to_owned()), "{:?}", lines.texts());
    // One that has too little ends the instance, as a trap does.
    let starved = hall.call("burn").arg(100u32).options(options("starved", 1_000_000)).submit().await;
    assert_eq!(error(&host, &starved).await.kind, ErrorKind::OutOfFuel);
    drop(hall);
    finish(host).await;
}

#[tokio::test]
async fn streams_flow_beside_other_calls() {
    let (host, module) = host_with(builder(), "concurrent").await;
    let hall = hall(&module, ActorOptions::new());
    let waits = meet(&hall, 2).await;
    let mut numbers = hall.call("numbers").arg(100u32).stream().await;
    let mut parts = hall.call("parts").arg(100u32).stream().await;
    for n in 1..=100u32 {
        let item = within(numbers.next(), "a number").await.expect("a hundred of them");
        assert_eq!(value::<u32>(&host, &item).await, n + 1, "one is in");
        let item = within(parts.next(), "a part").await.expect("a hundred of them");
        assert_eq!(value::<u32>(&host, &item).await, n);
    }
    assert!(within(numbers.next(), "the end").await.is_none());
    drop(parts);
    value::<u32>(&host, &meet(&hall, 2).await).await;
    value::<u32>(&host, &waits).await;
    drop(hall);
    finish(host).await;
}

#[tokio::test]
async fn it_is_killed_in_the_middle_or_ends_in_order() {
    let (host, module) = host_with(builder(), "concurrent").await;
    let actor = hall(&module, ActorOptions::new().max_restarts(1));
    let calls = [meet(&actor, 4).await, meet(&actor, 4).await];
    value::<u32>(&host, &actor.call("side").arg(3u32).submit().await).await;
    actor.kill(true);
    for call in &calls {
        assert_eq!(error(&host, call).await.kind, ErrorKind::ActorUnavailable);
    }
    value::<u32>(&host, &meet(&actor, 1).await).await;
    // In order: those that are served come to their end.
    let waits = meet(&actor, 2).await;
    let leaves = actor.call("leave").submit().await;
    value::<()>(&host, &leaves).await;
    let late = actor.call("side").arg(1u32).submit().await;
    host.cancel(&waits);
    assert_eq!(error(&host, &waits).await.kind, ErrorKind::TaskCancelled);
    assert_eq!(error(&host, &late).await.kind, ErrorKind::ActorDied, "it takes no more");
    settled(&host, "the actor to end", |stats| stats.actors == 0 && stats.instances == 0).await;
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn a_method_that_blocks_holds_up_the_others_until_it_is_asked() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "concurrent").await;
    let (hall, gate) = (hall(&module, ActorOptions::new()), module.actor("Gate").create());
    let opened = gate.call("value").submit().await;
    let blocks = hall.call("block").arg_payload(later(&opened)).submit().await;
    lines.until("it blocks").await;
    host.cancel(&blocks);
    assert_eq!(error(&host, &blocks).await.kind, ErrorKind::TaskCancelled);
    value::<u32>(&host, &meet(&hall, 1).await).await;
    assert_eq!(hall.actor_ref().generation(), 1, "it was only asked");
    drop((hall, gate));
    finish(host).await;
}

#[tokio::test]
async fn who_serves_one_is_not_made_to_serve_several() {
    let (host, module) = host_with(builder(), "concurrent").await;
    let refused = |actor: &str, calls| module.actor(actor).options(ActorOptions::new().max_concurrency(calls)).create();
    let single = refused("Single", 2);
    let why = error(&host, &single.ready()).await;
    assert!(why.to_string().contains("declare `max_concurrency`"), "{why}");
    for calls in [0, 1001] {
        let why = error(&host, &refused("Hall", calls).ready()).await;
        assert!(why.to_string().contains("from 1 to 1000 calls"), "{why}");
    }
    assert_eq!(number(&host, &refused("Single", 1), "get").await, 1);
    drop(single);
    finish(host).await;
}
