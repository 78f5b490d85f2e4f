//! Lies at the boundary: lengths, addresses, marks and handles that are not what they are said to be.

use rustyray_host::ErrorKind;

use crate::arena::{Arena, attack};
use crate::forge::{self, ACTORS, ANSWER, HEAP, OBJECTS, STREAMS, TASKS, WRITERS};

/// Runs a task with this body beside the neighbour. It must crash, with a message that says this.
async fn crashes(arena: &Arena, items: &str, body: &str, says: &str) {
    let module = arena.load_forged(forge::task(0, &format!("{OBJECTS} {TASKS} {ACTORS} {items}"), body)).await;
    let error = arena.outlive(&module.task("attack")).await;
    assert_eq!(error.kind, ErrorKind::WorkerCrashed, "{body}: {error:#}");
    assert!(error.message.contains(says), "{body}: {error}");
}

/// `objects.put` of a payload with these five words, and its result at the heap.
fn put(payload: &str) -> String {
    format!("(call $put {payload} (i32.const {HEAP}))")
}

/// An object in `$h`.
fn with_object(body: &str) -> String {
    let put = put("(i32.const 2) (i32.const 0) (i32.const 8) (i32.const 0) (i32.const 0)");
    format!("(local $h i32) {put} (local.set $h (i32.load offset=8 (i32.const {HEAP}))) {body}")
}

#[test]
fn lengths_and_addresses_of_arguments() {
    attack(async |arena| {
        let lies = [
            ("(i32.const 2) (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 0)", "out of bounds"),
            ("(i32.const 2) (i32.const -1) (i32.const 1) (i32.const 0) (i32.const 0)", "out of bounds"),
            ("(i32.const 2) (i32.const -8) (i32.const 16) (i32.const 0) (i32.const 0)", "out of bounds"),
            ("(i32.const 2) (i32.const 524280) (i32.const 9) (i32.const 0) (i32.const 0)", "out of bounds"),
            ("(i32.const 77) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)", "discriminant"),
            ("(i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 536870911)", "out of bounds"),
            ("(i32.const 2) (i32.const 0) (i32.const 0) (i32.const 2) (i32.const 1)", "not aligned"),
        ];
        for (payload, says) in lies {
            crashes(arena, "", &put(payload), says).await;
        }
        let payload = "(i32.const 2) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)";
        crashes(arena, "", &format!("(call $put {payload} (i32.const -8))"), "out of bounds").await;
        crashes(arena, "", &format!("(call $put {payload} (i32.const {HEAP}1))"), "aligned").await;
    });
}

#[test]
fn lengths_and_addresses_of_results() {
    attack(async |arena| {
        let answer = |word: u32, value: &str| format!("(i32.store (i32.const {}) (i32.const {value}))", ANSWER + word);
        crashes(arena, "", &answer(0, "9"), "discriminant").await;
        crashes(arena, "", &answer(8, "9"), "discriminant").await;
        crashes(arena, "", &format!("{} {}", answer(12, "8"), answer(16, "-1")), "out of bounds").await;
        crashes(arena, "", &format!("{} {}", answer(20, "8"), answer(24, "999999999")), "out of bounds").await;
        crashes(arena, "", &format!("{} {}", answer(20, "8192"), answer(24, "1")), "handle").await;
        crashes(arena, "", "(return (i32.const -8))", "out of bounds").await;
        crashes(arena, "", "(return (i32.const 513))", "aligned").await;
    });
}

#[test]
fn streams_that_are_none() {
    attack(async |arena| {
        for body in ["(drop (call $next (i32.const 7)))", "(call $drop_stream (i32.const 7))"] {
            crashes(arena, STREAMS, body, "handle").await;
        }
        // An object is no stream.
        crashes(arena, STREAMS, &with_object("(drop (call $next (local.get $h)))"), "handle").await;
        let give = |payload: &str| format!("(call $give {payload} (i32.const {HEAP}))");
        let lying = give("(i32.const 2) (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 0)");
        crashes(arena, STREAMS, &lying, "out of bounds").await;
        // What is no stream gives no item: the answer is an error.
        let honest = give("(i32.const 2) (i32.const 0) (i32.const 8) (i32.const 0) (i32.const 0)");
        let body = format!("{honest} (if (i32.eqz (i32.load8_u (i32.const {HEAP}))) (then unreachable))");
        let module = arena.load_forged(forge::task(0, &format!("{STREAMS} {OBJECTS}"), &body)).await;
        let honest = module.task("attack").submit().await;
        arena.value(&honest, None).await.unwrap();
    });
}

#[test]
fn writers_that_are_none_or_were_used_up() {
    attack(async |arena| {
        for body in [
            format!("(call $append (i32.const 7) (i32.const 0) (i32.const 8) (i32.const {HEAP}))"),
            format!("(call $seal (i32.const 7) (i32.const {HEAP}))"),
            "(call $drop_writer (i32.const 7))".to_owned(),
        ] {
            crashes(arena, WRITERS, &body, "handle").await;
        }
        let create = format!("(call $create (i32.const 0) (i64.const 0) (i32.const {HEAP}))");
        let with_writer = |body: &str| {
            format!("(local $w i32) {create} (local.set $w (i32.load offset=8 (i32.const {HEAP}))) {body}")
        };
        let append = |length: &str| {
            format!("(call $append (local.get $w) (i32.const 0) (i32.const {length}) (i32.const {HEAP}))")
        };
        let seal = format!("(call $seal (local.get $w) (i32.const {HEAP}))");
        crashes(arena, WRITERS, &with_writer(&append("-1")), "out of bounds").await;
        crashes(arena, WRITERS, &with_writer(&format!("{seal} {}", append("8"))), "handle").await;
        crashes(arena, WRITERS, &with_writer(&format!("{seal} {seal}")), "handle").await;
    });
}

#[test]
fn allocators_that_lie() {
    attack(async |arena| {
        for (address, says) in [("-8", "beyond end"), ("524288", "beyond end"), ("196609", "aligned")] {
            let realloc =
                format!(r#"(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const {address}))"#);
            let module = arena.load_forged(forge::task(1, &realloc, "")).await;
            let error = arena.outlive(&module.task("attack").arg(7u32)).await;
            assert_eq!(error.kind, ErrorKind::WorkerCrashed, "{address}: {error:#}");
            assert!(error.message.contains(says), "{address}: {error}");
        }
        let calls_out = r#"(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (drop (call $clone (i32.const 1))) (i32.const 196608))"#;
        let module = arena.load_forged(forge::task(1, &format!("{OBJECTS} {calls_out}"), "")).await;
        let error = arena.outlive(&module.task("attack").arg(7u32)).await;
        assert!(error.message.contains("cannot leave"), "{error}");
    });
}

/// A kill, without a restart, of whatever generation.
fn kill(actor: &str) -> String {
    format!("(drop (call $kill {actor} (i32.const 0) (i32.const 0) (i32.const 0)))")
}

#[test]
fn forged_and_stale_handles() {
    attack(async |arena| {
        for number in ["0", "1", "7", "123456", "-1", "-2147483648"] {
            crashes(arena, "", &format!("(drop (call $clone (i32.const {number})))"), "handle").await;
            crashes(arena, "", &format!("(call $drop_object (i32.const {number}))"), "handle").await;
            crashes(arena, "", &kill(&format!("(i32.const {number})")), "handle").await;
        }
        let twice = with_object("(call $drop_object (local.get $h)) (call $drop_object (local.get $h))");
        crashes(arena, "", &twice, "handle").await;
        let stale = with_object("(call $drop_object (local.get $h)) (drop (call $clone (local.get $h)))");
        crashes(arena, "", &stale, "handle").await;
        let of_another_type = with_object(&kill("(local.get $h)"));
        crashes(arena, "", &of_another_type, "handle").await;
        crashes(arena, "", &with_object("(call $drop_actor (local.get $h))"), "handle").await;
    });
}

#[test]
fn handles_after_they_are_given_away() {
    attack(async |arena| {
        // A payload's references: a mark for the kind, then the handle.
        let refers = "(i32.store (i32.const 4096) (i32.const 0)) (i32.store (i32.const 4100) (local.get $h))";
        let give = put("(i32.const 2) (i32.const 0) (i32.const 0) (i32.const 4096) (i32.const 1)");
        // What `put` gives takes the free number, so it is dropped first.
        let drop_new = format!("(call $drop_object (i32.load offset=8 (i32.const {HEAP})))");
        let used = with_object(&format!("{refers} {give} {drop_new} (drop (call $clone (local.get $h)))"));
        crashes(arena, "", &used, "handle").await;

        let again = "(i32.store (i32.const 4104) (i32.const 0)) (i32.store (i32.const 4108) (local.get $h))";
        let give = put("(i32.const 2) (i32.const 0) (i32.const 0) (i32.const 4096) (i32.const 2)");
        crashes(arena, "", &with_object(&format!("{refers} {again} {give}")), "handle").await;

        // As an argument it is lent, and in the same call given away inside another argument.
        let lent = "(i32.store8 (i32.const 8192) (i32.const 1)) (i32.store (i32.const 8196) (local.get $h))";
        let given = "(i32.store (i32.const 8232) (i32.const 4096)) (i32.store (i32.const 8236) (i32.const 1))";
        let arguments = "(i32.store (i32.const 2056) (i32.const 8192)) (i32.store (i32.const 2060) (i32.const 2))";
        let both = format!("{refers} {lent} {given} {arguments} (drop (call $submit (i32.const 2048)))");
        crashes(arena, "", &with_object(&both), "borrow").await;
    });
}

#[test]
fn names_that_are_too_long_or_no_text() {
    attack(async |arena| {
        let find = |address: u32, length: u32| {
            format!(
                "(call $find (i32.const {address}) (i32.const {length}) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {HEAP}))"
            )
        };
        crashes(arena, "", &find(0, 257), "a name of 257 bytes").await;
        crashes(arena, r#"(data (i32.const 8192) "\c3\28\ff")"#, &find(8192, 3), "utf-8").await;
        crashes(arena, "", &find(0, 0x7fff_ffff), "out of bounds").await;
        let arguments = "(i32.store (i32.const 2056) (i32.const 8192)) (i32.store (i32.const 2060) (i32.const 65))";
        let submit = format!("{arguments} (drop (call $submit (i32.const 2048)))");
        crashes(arena, "", &submit, "65 arguments: at most 64").await;
    });
}
