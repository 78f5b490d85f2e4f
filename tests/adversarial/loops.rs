//! Loops that never end, wherever a guest's code runs.

use rustyray_host::limits::SPARE_THREADS_MAX;
use rustyray_host::{ActorOptions, ErrorKind, TaskOptions};

use crate::arena::{attack, attack_next_door, attack_on};
use crate::forge::{self, HEAP, OBJECTS, TASKS};
use rustyray_tests::{error, settled};

#[test]
fn loops_of_many_shapes() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        let shapes = ["empty", "recursion", "indirect_calls", "bulk_memory", "allocation", "formatting", "host_calls"];
        for shape in shapes.into_iter().chain(["wake_ups", "impatience", "drop_of_a_value", "result", "comparison"]) {
            arena.endure(&module.task(&format!("loops::{shape}")), shape).await;
        }
    });
}

#[test]
fn loops_in_an_actor() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        let constructing = module.actor("loops::Spinner").create();
        settled(arena, "the constructor to spin", |stats| stats.actors == 2).await;
        arena.neighbour.works_on().await;
        constructing.kill(false);
        assert_eq!(error(arena, &constructing.ready()).await.kind, ErrorKind::ActorDied);

        let quiet = module.actor("loops::Spinner").constructor("quiet").create();
        arena.value(&quiet.ready(), None).await.unwrap();
        let spin = quiet.call("spin").submit().await;
        settled(arena, "the method to spin", |stats| stats.running > 0).await;
        arena.neighbour.works_on().await;
        quiet.kill(false);
        assert_eq!(arena.end_of(&spin).await.kind, ErrorKind::ActorDied);
    });
}

#[test]
fn actors_that_start_again_and_again() {
    // More than there are threads, with those that stand in for others.
    const EMBERS: usize = 2 * (SPARE_THREADS_MAX + 2);
    attack_on(
        |builder, _| builder.instances(EMBERS as u32 + 32),
        async |arena| {
            let module = arena.load("hostile").await;
            let options = ActorOptions::new().max_restarts(u32::MAX);
            let embers: Vec<_> =
                (0..EMBERS).map(|_| module.actor("loops::Ember").options(options.clone()).create()).collect();
            for ember in &embers {
                let crash = ember.call("crash").submit().await;
                assert_eq!(arena.end_of(&crash).await.kind, ErrorKind::ActorUnavailable);
            }
            arena.neighbour.works_on().await;
            let other = arena.load("hostile").await.actor("loops::Spinner").constructor("quiet").create();
            arena.value(&other.ready(), None).await.unwrap();
            arena.neighbour.works_on().await;
            embers.iter().for_each(|ember| ember.kill(false));
            settled(arena, "them to go", |stats| stats.actors == 2).await;
        },
    );
}

#[test]
fn a_loop_at_start_up() {
    attack(async |arena| {
        let starting = forge::command("", "(func $spin (loop (br 0))) (start $spin)", "");
        let module = arena.load_forged(starting).await;
        let main = module.main(vec!["spin".to_owned()], false, TaskOptions::new());
        arena.endure_running(&main, "the start function").await;
    });
}

/// An allocator that spins once it is armed.
const SPINNING_REALLOC: &str = r#"
    (global $armed (mut i32) (i32.const 0))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (if (global.get $armed) (then (loop (br 0))))
        (i32.const 196608))"#;

#[test]
fn loops_where_the_host_calls_back() {
    attack(async |arena| {
        let argument =
            r#"(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (loop (br 0)) (i32.const 0))"#;
        let module = arena.load_forged(forge::task(1, argument, "")).await;
        arena.endure(&module.task("attack").arg(1u32), "the allocator, for an argument").await;

        let get = r#"(import "rustyray:core/objects@0.1.0" "get" (func $get (param i32 i32 i64 i32)))"#;
        let body = format!(
            "(call $put (i32.const 2) (i32.const {HEAP}) (i32.const 8) (i32.const 0) (i32.const 0) (i32.const {HEAP}))
            (global.set $armed (i32.const 1))
            (call $get (i32.load offset=8 (i32.const {HEAP})) (i32.const 0) (i64.const 0) (i32.const {HEAP}))"
        );
        let module = arena.load_forged(forge::task(0, &format!("{OBJECTS} {get} {SPINNING_REALLOC}"), &body)).await;
        arena.endure(&module.task("attack"), "the allocator, for what a host call gives").await;

        let after = r#"(func (export "cabi_post_rustyray:core/guest@0.1.0#run-task") (param i32) (loop (br 0)))"#;
        let module = arena.load_forged(forge::task(0, after, "")).await;
        arena.endure(&module.task("attack"), "the clean-up after the result").await;
    });
}

/// A task that calls the host again and again, with more than a hundred mebibytes each time.
fn heavy(items: &str, call: &str) -> Vec<u8> {
    let items = format!(r#"{OBJECTS} {TASKS} {items} (memory (export "memory") 2000)"#);
    forge::task(0, &items, &format!("(loop $again {call} (br $again))"))
}

#[test]
fn heavy_host_calls() {
    attack(async |arena| {
        let put = heavy(
            "",
            "(call $put (i32.const 2) (i32.const 262144) (i32.const 130000000) (i32.const 0) (i32.const 0)
                (i32.const 1536))
            (if (i32.eqz (i32.load8_u (i32.const 1536))) (then (call $drop_object (i32.load (i32.const 1544)))))",
        );
        arena.endure(&arena.load_forged(put).await.task("attack"), "put").await;

        let find = heavy(
            r#"(import "rustyray:core/logging@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))"#,
            "(call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 262144) (i32.const 1000000))",
        );
        let options = TaskOptions::new().output_bytes(u64::MAX);
        arena.endure(&arena.load_forged(find).await.task("attack").options(options), "log").await;
    });
}

#[test]
fn fuel_that_is_shared_out_in_nothings() {
    // What it submits waits in line with what others submit.
    attack_next_door(
        |builder, _| builder.pending_tasks(200),
        async |arena| {
            // The options of `submit` lie 16 bytes behind its first parameter; a share of nothing is 48 bytes further.
            let share = "(i32.store8 offset=64 (i32.const 2048) (i32.const 1))";
            let submit = "(call $drop_object (call $submit (i32.const 2048)))";
            let body = format!("{share} (loop $again {submit} (br $again))");
            let module = arena.load_forged(forge::task(0, &format!("{OBJECTS} {TASKS}"), &body)).await;
            arena.endure(&module.task("attack").options(TaskOptions::new().fuel(u64::MAX)), "shares").await;
        },
    );
}
