//! Guests that serve several calls at once, and do not keep to it.

use std::time::Duration;

use rustyray_host::{ActorHandle, ErrorKind, TaskOptions};

use crate::arena::{Arena, attack};
use crate::forge::{self, CALLS, HEAP};

/// `calls.next`, which waits; the event lies at `HEAP`.
fn next() -> String {
    format!(
        "(call $next_event (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const {HEAP}))"
    )
}

/// The number of the call that came with the event.
const CALL: &str = "(i64.load offset=8 (i32.const 196608))";

/// An answer without bytes to the call of this number, from memory that is all zeros but for that.
fn answer(call: &str) -> String {
    format!("(i64.store (i32.const 0x3000) {call}) (call $reply_to (i32.const 0x3000))")
}

async fn actor(arena: &Arena, concurrency: u8, body: &str) -> ActorHandle {
    let module = arena.load_forged(forge::server(concurrency, CALLS, body)).await;
    let actor = module.actor("attack").constructor("attack").create();
    arena.value(&actor.ready(), None).await.expect("its constructor does nothing");
    actor
}

/// The text of the error of one call.
async fn fate(arena: &Arena, body: &str, options: TaskOptions) -> String {
    let actor = actor(arena, 3, body).await;
    let call = actor.call("attack").options(options).submit().await;
    let error = arena.value(&call, None).await.expect_err("an attack has no value");
    format!("{:?}: {error:#}", error.kind)
}

#[test]
fn servers_that_do_not_answer() {
    attack(async |arena| {
        let quietly = TaskOptions::new();
        for body in ["", &next(), &format!("{} (drop (call $enter {CALL}))", next())] {
            let fate = fate(arena, body, quietly.clone()).await;
            assert!(fate.contains("without an answer to each"), "{fate}");
        }
        let fate = fate(arena, &format!("{} unreachable", next()), quietly).await;
        assert!(fate.starts_with("ActorDied") && fate.contains("unreachable"), "{fate}");
    });
}

#[test]
fn servers_that_run_where_nobody_pays() {
    attack(async |arena| {
        let (spin, waits) = ("(loop (br 0))", next());
        let bodies = [
            spin.to_owned(),
            format!("{waits} {spin}"),
            format!("{waits} {} {spin}", answer(CALL)),
            format!("{waits} (drop (call $enter {CALL})) (drop (call $enter (i64.const -1))) {spin}"),
            // Looking for news again and again is no service either.
            format!(
                "(loop (call $next_event (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1) (i64.const 0) (i32.const {HEAP}))
                    (drop (call $enter (i64.const -1))) (br 0))"
            ),
        ];
        for body in bodies {
            let actor = actor(arena, 3, &body).await;
            let calls = [actor.call("attack").submit().await, actor.call("attack").submit().await];
            for call in &calls {
                let _ = arena.value(call, None).await;
            }
            // Nothing holds it but what it does itself.
            let after = actor.call("attack").submit().await;
            let error = arena.value(&after, None).await.expect_err("it is dead");
            assert!(format!("{error:#}").contains("between two calls"), "{body}: {error:#}");
        }
    });
}

#[test]
fn servers_that_answer_for_others() {
    attack(async |arena| {
        let victim = actor(arena, 3, &format!("(loop {} (br 0))", next())).await;
        let waits = victim.call("attack").submit().await;
        let own = format!("{} {} {}", next(), answer("(i64.const 1)"), answer(CALL));
        let guess = format!(
            "(local $n i64) {} (loop (local.set $n (i64.add (local.get $n) (i64.const 1)))
                (if (call $enter (local.get $n)) (then (if (i64.ne (local.get $n) {CALL}) (then unreachable))))
                (if (i64.ne (local.get $n) {CALL}) (then {}))
                (br_if 0 (i64.lt_u (local.get $n) (i64.const 1000))))
             {} {}",
            next(),
            answer("(local.get $n)"),
            answer(CALL),
            answer(CALL),
        );
        for body in [own, guess] {
            let actor = actor(arena, 3, &body).await;
            let call = actor.call("attack").submit().await;
            arena.value(&call, None).await.expect("its own call it may answer");
        }
        assert!(!waits.is_ready(), "nobody else answered it");
        arena.cancel(&waits);
        let error = arena.value(&waits, None).await.expect_err("it was cancelled");
        assert_eq!(error.kind, ErrorKind::TaskCancelled);
    });
}

#[test]
fn calls_where_none_are_served() {
    attack(async |arena| {
        for body in [next(), "(drop (call $enter (i64.const 1)))".to_owned(), answer("(i64.const 1)")] {
            let items = format!("{CALLS} {}", forge::run_task(&body));
            let module = arena.load_forged(forge::server(3, &items, "")).await;
            let error = arena.outlive(&module.task("attack")).await;
            assert!(error.message.contains("no call is served here"), "{error}");
        }
    });
}

#[test]
fn servers_that_never_come_back() {
    attack(async |arena| {
        // It runs a call that it does not leave when that is over.
        let body = format!("{} (drop (call $enter {CALL})) (loop (br 0))", next());
        let fate = fate(arena, &body, TaskOptions::new().timeout(Duration::from_millis(20))).await;
        assert!(fate.starts_with("TaskTimedOut"), "{fate}");
    });
}
