//! Actors that crash: which calls fail, which are served again, and whom a kill hits.

use std::time::Duration;

use rustyray_host::clock::ManualClock;
use rustyray_host::{ActorHandle, ActorOptions, ErrorKind, Host, Module, ObjectRef, TaskOptions};

use rustyray_tests::{Lines, builder, error, finish, host_with, settled, value, within};

const REST: Duration = Duration::from_secs(4);

fn notes(module: &Module, options: ActorOptions) -> ActorHandle {
    module.actor("Notes").options(options).create()
}

/// Breaks the generations before `from`.
fn breaks(notes: &ActorHandle, n: u32, from: u32) -> ObjectRef {
    notes.call("add_in_generation").arg(n).arg(from).try_submit()
}

fn add(notes: &ActorHandle, n: u32) -> ObjectRef {
    notes.call("add").arg(n).try_submit()
}

async fn list(host: &Host, notes: &ActorHandle) -> Vec<u32> {
    value(host, &notes.call("list").try_submit()).await
}

async fn runs_in(host: &Host, notes: &ActorHandle) -> u32 {
    value(host, &notes.call("runs_in").try_submit()).await
}

#[tokio::test]
async fn a_call_runs_at_most_once_and_those_behind_it_stay() {
    let (host, module) = host_with(builder(), "failures").await;
    let actor = notes(&module, ActorOptions::new().max_restarts(1));
    let calls = [add(&actor, 1), breaks(&actor, 2, 9), add(&actor, 3), add(&actor, 4)];
    let lost = error(&host, &calls[1]).await;
    assert_eq!((lost.kind, lost.attempt), (ErrorKind::ActorUnavailable, 1));
    assert_eq!(list(&host, &actor).await, [3, 4], "of the next generation");
    assert_eq!(value::<u32>(&host, &calls[0]).await, 1);
    let calls = [breaks(&actor, 5, 9), add(&actor, 6)];
    let lost = error(&host, &calls[0]).await;
    assert_eq!((lost.kind, lost.attempt), (ErrorKind::ActorDied, 1), "there is no other generation");
    assert_eq!(error(&host, &calls[1]).await.kind, ErrorKind::ActorDied);
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn a_call_that_is_served_again_keeps_its_place() {
    let (host, module) = host_with(builder(), "failures").await;
    let actor = notes(&module, ActorOptions::new().max_restarts(5).max_task_retries(2));
    let calls = [breaks(&actor, 1, 3), add(&actor, 2), breaks(&actor, 3, 4), add(&actor, 4)];
    assert_eq!(list(&host, &actor).await, [3, 4]);
    let attempts = calls.map(|call| call.receipt().unwrap().attempts);
    assert_eq!(attempts, [3, 1, 2, 1]);

    let own = TaskOptions::new().max_retries(0);
    let once = actor.call("add_in_generation").arg(5u32).arg(9u32).options(own).try_submit();
    let lost = error(&host, &once).await;
    assert_eq!((lost.kind, lost.attempt), (ErrorKind::ActorUnavailable, 1), "the call has the last word");
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn errors_of_a_call_are_tried_again_by_the_same_instance_in_order() {
    let clock = ManualClock::new();
    let lines = Lines::default();
    let (host, module) = host_with(builder().clock(clock.clone()).on_log(lines.sink()), "failures").await;
    let actor = notes(&module, ActorOptions::new());
    let options = TaskOptions::new().max_retries(1).retry_exceptions(true).retry_backoff(REST);
    let flaky = |n: u32| actor.call("add_in_attempt").arg(n).arg(2u32).options(options.clone()).try_submit();
    let calls = [add(&actor, 1), flaky(2), add(&actor, 3), flaky(4), add(&actor, 5)];
    for waiting in [4, 2] {
        let rests =
            |stats: &rustyray_host::Stats| (stats.running, stats.pending) == (0, waiting) && clock.sleepers() == 1;
        settled(&host, "a call to rest, and those behind it to wait", rests).await;
        clock.advance(REST);
    }
    assert_eq!(list(&host, &actor).await, [1, 2, 3, 4, 5]);
    assert_eq!(runs_in(&host, &actor).await, 1);
    assert_eq!(calls[1].receipt().unwrap().attempts, 2);

    let refused =
        actor.call("add_in_attempt").arg(6u32).arg(9u32).options(options.clone().retry_backoff(Duration::ZERO));
    let refused = error(&host, &refused.try_submit()).await;
    assert_eq!((refused.kind, refused.attempt), (ErrorKind::TaskFailed, 2));
    drop((actor, calls));
    finish(host).await;
}

#[tokio::test]
async fn a_call_that_rests_can_be_cancelled_and_lets_the_next_one_pass() {
    let clock = ManualClock::new();
    let (host, module) = host_with(builder().clock(clock.clone()), "failures").await;
    let actor = notes(&module, ActorOptions::new());
    let options = TaskOptions::new().max_retries(1).retry_exceptions(true).retry_backoff(REST);
    let rests = actor.call("add_in_attempt").arg(1u32).arg(2u32).options(options.clone()).try_submit();
    let next = add(&actor, 2);
    let resting = |stats: &rustyray_host::Stats| (stats.running, stats.pending) == (0, 2) && clock.sleepers() == 1;
    settled(&host, "the call to rest", resting).await;
    host.cancel_with(&rests, false, true);
    assert_eq!(error(&host, &rests).await.kind, ErrorKind::TaskCancelled);
    assert_eq!(value::<u32>(&host, &next).await, 2);

    let rests = actor.call("add_in_attempt").arg(3u32).arg(2u32).options(options).try_submit();
    settled(&host, "the call to rest", |stats| (stats.running, stats.pending) == (0, 1)).await;
    actor.kill(false);
    assert_eq!(error(&host, &rests).await.kind, ErrorKind::ActorDied);
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn a_call_whose_argument_never_comes_does_not_hold_up_others_once_it_is_cancelled() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "failures").await;
    let busy = notes(&module, ActorOptions::new());
    let never = busy.call("spin").try_submit();
    let actor = notes(&module, ActorOptions::new());
    let first = actor.call("add").arg_ref(&never).try_submit();
    let second = add(&actor, 2);
    lines.until("spins in generation 1").await;
    host.cancel(&first);
    assert_eq!(value::<u32>(&host, &second).await, 2);
    busy.kill(false);
    drop((actor, busy));
    finish(host).await;
}

#[tokio::test]
async fn a_handle_is_to_whatever_generation_there_is() {
    let (host, module) = host_with(builder(), "failures").await;
    let actor = notes(&module, ActorOptions::new().max_restarts(1));
    within(host.wait(&[actor.ready()], 1, None), "the constructor").await.unwrap();
    let old = actor.clone();
    assert_eq!((actor.generation(), runs_in(&host, &old).await), (1, 1));
    error(&host, &breaks(&actor, 1, 9)).await;
    assert_eq!(runs_in(&host, &old).await, 2);
    assert_eq!((actor.generation(), old.generation()), (2, 2));
    drop((actor, old));
    finish(host).await;
}

#[tokio::test]
async fn a_kill_that_is_meant_for_one_generation_hits_no_other() {
    let (host, module) = host_with(builder(), "failures").await;
    let actor = notes(&module, ActorOptions::new().max_restarts(1000));
    assert!(!actor.kill_generation(0, false), "there is none yet to be hit");
    for generation in 1..50 {
        assert_eq!(runs_in(&host, &actor).await, generation);
        let (hits, ()) = std::thread::scope(|scope| {
            let kill = || (0..20).filter(|_| actor.kill_generation(generation, true)).count();
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(kill)).collect();
            (threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>(), ())
        });
        assert!(hits > 0);
        assert_eq!(runs_in(&host, &actor).await, generation + 1, "however many meant the last one");
        assert!(!actor.kill_generation(generation, false) && !actor.kill_generation(generation + 2, false));
    }
    assert!(actor.kill_generation(50, false));
    settled(&host, "it to end", |stats| stats.actors == 0).await;
    assert!(!actor.kill_generation(50, false), "the dead are not hit");
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn whoever_is_killed_for_good_is_not_found_however_that_was_said() {
    let (host, module) = host_with(builder(), "failures").await;
    for round in 0..100 {
        let actor = notes(&module, ActorOptions::new().name("notes"));
        if round % 2 == 0 {
            assert_eq!(runs_in(&host, &actor).await, 1);
        } else {
            value::<()>(&host, &actor.ready()).await;
        }
        // It may not start again.
        match round % 3 {
            0 => assert!(actor.kill_generation(1, false)),
            1 => assert!(actor.kill_generation(1, true)),
            _ => actor.kill(true),
        }
        assert_eq!(
            module.find_actor("notes").err().map(|error| error.kind),
            Some(ErrorKind::ActorNotFound),
            "round {round}"
        );
        let next = notes(&module, ActorOptions::new().name("notes").get_if_exists(true));
        assert_eq!(runs_in(&host, &next).await, 1);
        next.kill(false);
    }
    finish(host).await;
}

#[tokio::test]
async fn guests_can_aim_too() {
    let (host, module) = host_with(builder(), "failures").await;
    let task = module.task("two_restart_it").submit().await;
    let (first, second, generations) = value::<(bool, bool, Vec<u32>)>(&host, &task).await;
    assert_eq!((first, second, generations), (true, false, vec![1, 2, 2, 2]));
    finish(host).await;
}

#[tokio::test]
async fn a_call_that_a_restart_ended_is_served_again_if_it_may_be() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "failures").await;
    let actor = notes(&module, ActorOptions::new().max_restarts(2).max_task_retries(1));
    let spin = actor.call("spin").try_submit();
    lines.until("spins in generation 1").await;
    actor.kill(true);
    lines.until("spins in generation 2").await;
    actor.kill(true);
    let ended = error(&host, &spin).await;
    assert_eq!((ended.kind, ended.attempt), (ErrorKind::ActorUnavailable, 2));
    assert_eq!(runs_in(&host, &actor).await, 3);
    let spin = actor.call("spin").try_submit();
    lines.until("spins in generation 3").await;
    actor.kill(true);
    assert_eq!(error(&host, &spin).await.kind, ErrorKind::ActorDied, "it may not start again");
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn one_that_is_starting_is_not_started_again_but_can_be_ended() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "failures").await;
    let options = ActorOptions::new().max_restarts(3);
    let actor = module.actor("Notes").constructor("spinning").options(options).create();
    lines.until("notes begin").await;
    assert!(!actor.kill_generation(1, true));
    actor.kill(true);
    assert_eq!(actor.generation(), 1);
    assert!(!actor.ready().is_ready());
    assert!(actor.kill_generation(1, false));
    assert_eq!(error(&host, &actor.ready()).await.kind, ErrorKind::ActorDied);
    drop(actor);
    finish(host).await;
}
