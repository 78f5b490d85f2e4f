//! Actors that move to another version of their module, with their state.

use rustyray_host::clock::ManualClock;
use rustyray_host::{
    ActorHandle, ActorOptions, Capabilities, ErrorKind, Host, HostBuilder, Module, Payload, Reference,
};

use crate::modules::in_time;
use rustyray_testkit::guest;
use rustyray_tests::{Lines, builder, error, finish, host_with, settled, value};

type Entries = (u32, Vec<u32>);

/// The mood of a `Difficult` that is never restored.
const NEVER_RESTORED: u8 = 5;

async fn hosting(builder: HostBuilder) -> (Host, Module, ActorHandle) {
    let (host, calc) = host_with(builder, "calc").await;
    let ledger = calc.actor("Ledger").create();
    (host, calc, ledger)
}

async fn replace(calc: &Module) {
    calc.replace_file(guest("calc_next")).await.unwrap();
}

async fn add(host: &Host, ledger: &ActorHandle, entry: u32) -> Entries {
    value(host, &ledger.call("add").arg(entry).submit().await).await
}

async fn crash(host: &Host, ledger: &ActorHandle) {
    let crash = ledger.call("crash").submit().await;
    assert_eq!(error(host, &crash).await.kind, ErrorKind::ActorUnavailable);
}

#[tokio::test]
async fn an_actor_moves_with_its_state_when_it_is_told_to() {
    let (host, calc, ledger) = hosting(builder()).await;
    ledger.move_to_current().await.unwrap();
    assert_eq!(add(&host, &ledger, 1).await, (1, vec![1]), "it is there already");
    replace(&calc).await;
    assert_eq!(add(&host, &ledger, 2).await, (1, vec![1, 2]), "nobody has told it");
    let (first, second) = tokio::join!(ledger.move_to_current(), ledger.move_to_current());
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(add(&host, &ledger, 3).await, (2, vec![1, 2, 3]));
    assert_eq!(value::<u32>(&host, &ledger.call("child").submit().await).await, 2, "so do the tasks that it submits");
    assert_eq!(ledger.generation(), 1);
    crash(&host, &ledger).await;
    assert_eq!(add(&host, &ledger, 4).await, (2, vec![1, 2, 4]), "it starts again where it is, as it was when it came");
    calc.replace_file(guest("calc")).await.unwrap();
    ledger.move_to_current().await.unwrap();
    assert_eq!(add(&host, &ledger, 5).await, (1, vec![1, 2, 4, 5]), "and back");
    drop(ledger);
    finish(host).await;
}

#[tokio::test]
async fn it_moves_between_two_calls_and_those_that_wait_keep_their_order() {
    let (clock, lines) = (ManualClock::new(), Lines::default());
    let (host, calc, ledger) = hosting(builder().clock(clock.clone()).on_log(lines.sink())).await;
    let runs = ledger.call("add_later").arg(1u32).submit().await;
    lines.until("later").await;
    replace(&calc).await;
    let mut waiting = Vec::new();
    for entry in 2..20u32 {
        waiting.push(ledger.call("add").arg(entry).submit().await);
    }
    let child = ledger.call("child").submit().await;
    let moved = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.move_to_current().await }
    });
    // The request is there when its task has had its turn: it runs on this thread.
    tokio::task::yield_now().await;
    assert_eq!(in_time::<Entries>(&host, &clock, &runs).await, (1, vec![1]));
    for (index, call) in waiting.iter().enumerate() {
        let entries: Vec<u32> = (1..index as u32 + 3).collect();
        assert_eq!(value::<Entries>(&host, call).await, (2, entries));
    }
    assert_eq!(value::<u32>(&host, &child).await, 2, "also of a call that was made before");
    moved.await.unwrap().unwrap();
    drop(ledger);
    finish(host).await;
}

#[tokio::test]
async fn one_that_cannot_move_lives_on_as_it_was() {
    let (host, calc) = host_with(builder(), "calc").await;
    let (counter, reshaped) = (calc.actor("Counter").create(), calc.actor("Reshaped").create());
    let gone = calc.actor("Gone").create();
    assert_eq!(value::<i32>(&host, &counter.call("add").arg(5i32).submit().await).await, 5);
    assert_eq!(value::<(u32, u32)>(&host, &reshaped.call("add").arg(7u32).submit().await).await, (1, 7));
    replace(&calc).await;
    for (actor, kind, words) in [
        (&counter, ErrorKind::InvalidArgument, "the actor Counter saves no state"),
        (&reshaped, ErrorKind::TaskFailed, "another definition"),
        (&gone, ErrorKind::TaskNotFound, "no actor 'Gone'"),
    ] {
        let refused = actor.move_to_current().await.unwrap_err();
        assert_eq!(refused.kind, kind, "{refused:#}");
        assert!(refused.message.contains(words), "{refused:#}");
    }
    assert_eq!(value::<i32>(&host, &counter.call("add").arg(1i32).submit().await).await, 6);
    assert_eq!(value::<(u32, u32)>(&host, &reshaped.call("add").arg(1u32).submit().await).await, (1, 8));
    assert_eq!(value::<u32>(&host, &gone.call("version").submit().await).await, 1);
    drop((counter, reshaped, gone));
    finish(host).await;
}

#[tokio::test]
async fn one_that_is_dead_says_so_to_all_who_ask() {
    let clock = ManualClock::new();
    let lines = Lines::default();
    let (host, calc, ledger) = hosting(builder().clock(clock).on_log(lines.sink())).await;
    let runs = ledger.call("add_later").arg(1u32).submit().await;
    lines.until("later").await;
    replace(&calc).await;
    let moves = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.move_to_current().await }
    });
    tokio::task::yield_now().await;
    ledger.kill(false);
    assert_eq!(moves.await.unwrap().unwrap_err().kind, ErrorKind::ActorDied);
    assert_eq!(error(&host, &runs).await.kind, ErrorKind::ActorDied);
    assert_eq!(ledger.move_to_current().await.unwrap_err().kind, ErrorKind::ActorDied);
    drop(ledger);
    finish(host).await;
}

#[tokio::test]
async fn an_actor_moves_also_when_no_instance_is_free() {
    let (host, calc, ledger) = hosting(builder().instances(1)).await;
    add(&host, &ledger, 1).await;
    for _ in 0..5 {
        replace(&calc).await;
        ledger.move_to_current().await.unwrap();
    }
    assert_eq!(add(&host, &ledger, 2).await, (2, vec![1, 2]));
    assert_eq!(host.stats().instances, 1);
    drop(ledger);
    finish(host).await;
}

#[tokio::test]
async fn one_that_never_comes_to_its_new_home_keeps_others_neither_from_moving_nor_from_their_calls() {
    let (clock, lines) = (ManualClock::new(), Lines::default());
    let (host, calc, ledger) = hosting(builder().clock(clock.clone()).on_log(lines.sink())).await;
    let checkpoints = host.load_file(guest("checkpoints")).await.unwrap();
    let stuck: Vec<_> = (0..3).map(|_| checkpoints.actor("Difficult").create()).collect();
    for actor in &stuck {
        let mood = actor.call("become_of_mood").arg(NEVER_RESTORED).submit().await;
        assert_eq!(value::<u8>(&host, &mood).await, NEVER_RESTORED);
    }
    checkpoints.replace_file(guest("checkpoints")).await.unwrap();
    replace(&calc).await;
    let move_one = |actor: &ActorHandle| {
        let actor = actor.clone();
        tokio::spawn(async move { actor.move_to_current().await })
    };
    let first = move_one(&stuck[0]);
    lines.until("it is restored for ever").await;
    let others = [move_one(&stuck[1]), move_one(&stuck[2])];
    tokio::task::yield_now().await;
    for actor in &stuck[1..] {
        for _ in 0..3 {
            assert_eq!(value::<String>(&host, &actor.call("text").submit().await).await, "new", "it serves meanwhile");
        }
    }
    ledger.move_to_current().await.unwrap();
    assert_eq!(add(&host, &ledger, 1).await, (2, vec![1]), "another module's is not kept waiting");
    stuck[2].kill(false);
    let [second, third] = others;
    assert_eq!(third.await.unwrap().unwrap_err().kind, ErrorKind::ActorDied);
    for (ended, moved) in [first, second].into_iter().enumerate() {
        lines.until_times("it is restored for ever", ended + 1).await;
        clock.advance(rustyray_host::limits::MOVE_TIME);
        assert_eq!(moved.await.unwrap().unwrap_err().kind, ErrorKind::TaskTimedOut);
    }
    for actor in &stuck[..2] {
        assert_eq!(value::<String>(&host, &actor.call("text").submit().await).await, "new", "it lives on");
    }
    drop((stuck, ledger));
    finish(host).await;
}

#[tokio::test]
async fn versions_that_nobody_lives_on_any_more_are_gone() {
    let (host, calc, ledger) = hosting(builder()).await;
    add(&host, &ledger, 1).await;
    for _ in 0..3 {
        replace(&calc).await;
        ledger.move_to_current().await.unwrap();
    }
    assert_eq!(host.stats().modules, 2, "the one that is there, and the one that the actor was created with");
    drop(ledger);
    settled(&host, "the actor is gone, and its first version", |stats| stats.modules == 1).await;
    finish(host).await;
}

#[tokio::test]
async fn a_guest_has_an_actor_move() {
    let (host, callers) = host_with(builder().capabilities(Capabilities::none()), "callers").await;
    let calc = host.load_file(guest("calc")).await.unwrap();
    let ledger = calc.actor("Ledger").options(ActorOptions::new().max_restarts(0)).create();
    replace(&calc).await;
    // A handle is all that it takes.
    let mut payload = Payload::new(rustyray_host::Encoding::Bincode, vec![0u8]);
    payload.references = [Reference::Actor(ledger.actor_ref().clone())].into();
    let moves = callers.task("moves").arg_payload(payload).submit().await;
    assert_eq!(value::<Vec<Entries>>(&host, &moves).await, [(1, vec![1]), (2, vec![1, 2])]);
    drop((ledger, moves));
    finish(host).await;
}
