//! Bombs of tasks and actors, and storms of cancellations and kills.

use std::time::Duration;

use rustyray_host::clock::ManualClock;
use rustyray_host::limits::RETRIES_MAX;
use rustyray_host::{Encoding, ErrorKind, HostBuilder, ObjectRef, Payload, Reference, TaskOptions};

use crate::arena::{attack, attack_next_door, attack_on};
use crate::neighbour::NAME;
use rustyray_testkit::census::peak_memory;
use rustyray_tests::{INSTANCES, settled};

const HOUR: Duration = Duration::from_secs(3600);

/// Little room for tasks, so that a bomb fills it soon.
fn narrow(builder: HostBuilder, _: &ManualClock) -> HostBuilder {
    builder.pending_tasks(200)
}

#[test]
fn a_bomb_of_tasks() {
    attack_next_door(
        |builder, clock| narrow(builder, clock).clock(clock.clone()),
        async |arena| {
            let module = arena.load("hostile").await;
            let bomb = module.task("storms::fork").options(TaskOptions::new().timeout(HOUR)).submit().await;
            settled(arena, "the bomb to go off", |stats| stats.pending >= 190).await;
            arena.neighbour.works_on().await;
            assert!(arena.stats().pending > 0, "it ended by itself");
            arena.value(&bomb, None).await.unwrap();
            // Who returned has no say any more, but its deadline is that of all that came of it.
            arena.clock.advance(HOUR);
            settled(arena, "the last of them to end", |stats| (stats.pending, stats.running) == (0, 0)).await;
        },
    );
}

#[test]
fn a_bomb_of_tasks_that_wait() {
    attack_next_door(
        |builder, clock| narrow(builder, clock).clock(clock.clone()),
        async |arena| {
            let module = arena.load("hostile").await;
            let bomb = module.task("storms::fork_and_wait").options(TaskOptions::new().timeout(HOUR)).submit().await;
            settled(arena, "every instance to wait", |stats| stats.instances == INSTANCES).await;
            arena.neighbour.works_on().await;
            // The host fails some of them, so that the others can go on; they go on to submit more.
            arena.clock.advance(HOUR);
            settled(arena, "the last of them to end", |stats| (stats.pending, stats.running) == (0, 0)).await;
            let kind = arena.end_of(&bomb).await.kind;
            assert!(matches!(kind, ErrorKind::TaskTimedOut | ErrorKind::TaskFailed), "{kind}");
        },
    );
}

#[test]
fn tasks_that_are_kept() {
    attack_next_door(narrow, async |arena| {
        let module = arena.load("hostile").await;
        arena.endure(&module.task("storms::hoard"), "a hoard").await;
    });
}

#[test]
fn tasks_that_push_in() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        arena.endure(&module.task("storms::pushy"), "tasks that push in").await;
    });
}

#[test]
fn cancellations() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        arena
            .neighbour
            .works_beside(async || {
                let storm = module.task("storms::cancellations").arg(200u32).submit().await;
                assert_eq!(arena.get::<u32>(&storm).await.unwrap(), 400);
            })
            .await;
    });
}

/// A list of references, as the SDK reads it.
fn list_of(object: &ObjectRef) -> Payload {
    Payload { encoding: Encoding::Json, data: "[0]".into(), references: vec![Reference::Object(object.clone())].into() }
}

#[test]
fn a_chain_that_is_ended_does_not_run_away() {
    attack_next_door(
        |builder, _| builder.instances(64),
        async |arena| {
            let module = arena.load("hostile").await;
            for company in [0u32, 20, 200] {
                let first = module.task("storms::runs_away").arg(company).submit().await;
                settled(&arena.host, "all instances to be taken", |stats| stats.instances == 64).await;
                arena.cancel(&first);
                assert_eq!(arena.end_of(&first).await.kind, ErrorKind::TaskCancelled);
                settled(&arena.host, "the chain to end", |stats| (stats.running, stats.pending) == (0, 0)).await;
            }
        },
    );
}

#[test]
fn requests_to_stop_that_are_repeated() {
    // The grace that the first request gives never ends here.
    attack_on(
        |builder, clock| builder.clock(clock.clone()),
        async |arena| {
            let module = arena.load("hostile").await;
            let stubborn = module.task("storms::stubborn").arg(1_000u32).submit().await;
            arena.lines.until("stubborn runs").await;
            let requests =
                module.task("storms::polite_requests").arg_payload(list_of(&stubborn)).arg(50_000u32).submit().await;
            arena.neighbour.works_on().await;
            arena.value(&requests, None).await.unwrap();
            assert!(peak_memory() < 300 << 20, "{}", peak_memory());
            arena.cancel(&stubborn);
            arena.end_of(&stubborn).await;
        },
    );
}

#[test]
fn kills() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        arena
            .neighbour
            .works_beside(async || {
                let storm = module.task("storms::kills").arg(50u32).submit().await;
                assert_eq!(arena.get::<u32>(&storm).await.unwrap(), 50);
            })
            .await;
    });
}

#[test]
fn a_bomb_of_actors() {
    attack_next_door(
        |builder, _| builder,
        async |arena| {
            let module = arena.load("hostile").await;
            let bomb = module.task("storms::actors").submit().await;
            arena.lines.until("the drones are there").await;
            arena.endure_running(&bomb, "a bomb of actors").await;
        },
    );
}

#[test]
fn attempts_without_end() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        let error = arena.outlive(&module.task("storms::crash_often")).await;
        assert_eq!(error.causes[0].kind, ErrorKind::WorkerCrashed, "{error:#}");
        let counted = module
            .task("storms::crash")
            .options(TaskOptions::new().max_retries(RETRIES_MAX).retry_backoff(Duration::ZERO))
            .submit()
            .await;
        assert_eq!(arena.end_of(&counted).await.attempt, RETRIES_MAX + 1);
    });
}

#[test]
fn names_that_others_have_and_names_that_nobody_should() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        let names = [NAME, "", "a\nb", "\u{1b}[2J", "\u{202e}", &"x".repeat(257)].map(str::to_owned);
        let before = arena.neighbour.actors.find_actor(NAME).unwrap();
        let squat = module.task("storms::squat").arg(names.to_vec()).submit().await;
        let said_of = arena.get::<Vec<String>>(&squat).await.unwrap();
        let refused = |kind: &String| ["InvalidArgument", "DependencyFailed"].contains(&kind.as_str());
        assert!(said_of[1..].iter().all(refused), "{said_of:?}");
        // It is told nothing of the neighbour's actor, and takes nothing from it.
        assert_eq!((said_of[0].as_str(), said_of.len()), ("taken", names.len()));
        let counter = arena.neighbour.actors.find_actor(NAME).unwrap();
        assert_eq!(counter.actor_ref().id(), before.actor_ref().id());
        drop((counter, before));
        arena.neighbour.works_on().await;
    });
}

#[test]
fn a_mailbox_that_is_filled() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        arena
            .neighbour
            .works_beside(async || {
                let mailbox = module.task("storms::mailbox").arg(100u32).submit().await;
                // With or without the call that the actor serves.
                assert!((99..=100).contains(&arena.get::<u32>(&mailbox).await.unwrap()));
            })
            .await;
    });
}

#[test]
fn an_actor_that_waits_for_itself() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        let error = arena.outlive(&module.task("storms::deadlock").arg("ouroboros".to_owned())).await;
        assert!(error.causes.iter().any(|cause| cause.kind == ErrorKind::Deadlock), "{error:#}");
    });
}
