//! `call` and `inspect`.

use super::process::{Ended, end};
use super::{driver, plain};

fn call(arguments: &[&str]) -> Ended {
    let driver = driver();
    end([&["call", &driver], arguments].concat())
}

#[test]
fn arguments_and_results_are_json() {
    for (arguments, result) in [
        (vec!["add", "2", "3"], "5\n"),
        (vec!["add", "-2", "-3"], "-5\n"),
        (vec!["add", "--", "-2", "3"], "1\n"),
        (vec!["greet", "Ada"], "\"hello Ada\"\n"),
        (vec!["greet", "\"Ada\""], "\"hello Ada\"\n"),
        (vec!["greet", "2024"], "\"hello 2024\"\n"),
        (vec!["first_bytes", "3"], "[0, 1, 2]\n"),
    ] {
        assert_eq!(call(&arguments).expect(0, &[]).out(), result, "{arguments:?}");
    }
}

#[test]
fn raw_results_are_written_as_they_are() {
    let driver = driver();
    assert_eq!(end(["call", "--raw", &driver, "first_bytes", "3"]).stdout, [0, 1, 2]);
    assert_eq!(end(["call", "--raw", &driver, "greet", "Ada"]).out(), "hello Ada");
    assert_eq!(end(["call", "--raw", &driver, "add", "1", "2"]).out(), "3\n");
}

#[test]
fn a_result_does_not_drive_the_terminal() {
    assert_eq!(call(&["rude"]).expect(0, &[]).out(), "\"\\u001b[2J\\u009b2J\\u202e\"\n");
}

#[test]
fn wrong_arguments_show_the_signature() {
    let signature = "signature: add(a: i32, b: i32) -> i32";
    for (arguments, words) in [
        (vec!["add", "2"], "takes 2 arguments, and 1 was given"),
        (vec!["add", "1", "2", "3"], "takes 2 arguments, and 3 were given"),
        (vec!["add", "1", "two"], "argument b is not JSON"),
        (vec!["add", "1", "\"two\""], "invalid type: string"),
        (vec!["add", "1", "99999999999"], "expected i32"),
        (vec!["add", "1", "2", "--fuel=1"], "flags go before the first one"),
    ] {
        call(&arguments).expect(2, &[words, signature]);
    }
}

#[test]
fn an_unknown_task_shows_those_that_there_are() {
    call(&["ad", "1", "2"]).expect(2, &["no task 'ad'", "add(a: i32, b: i32) -> i32", "did you mean 'add'?"]);
    end(["call", &plain(), "add"]).expect(2, &["plain program", "rustyray-host run"]);
}

#[test]
fn a_task_that_fails_says_why() {
    let driver = driver();
    call(&["refuse"]).expect(1, &["task refuse", "failed: not today", "kind: TaskFailed"]);
    call(&["on_gpu"]).expect(122, &["gpu=1", "hint: give the host more"]);
    assert_eq!(end(["call", "--resource", "gpu=1", &driver, "on_gpu"]).out(), "true\n");
    end(["call", "--timeout", "100ms", &driver, "spin"]).expect(124, &["task spin", "timed out"]);
    end(["call", "--fuel", "10_000_000", &driver, "spin"]).expect(122, &["task spin", "ran out of fuel"]);
    call(&["modest"]).expect(122, &["ran out of fuel", "the program sets this limit"]);
}

#[test]
fn what_a_task_and_its_children_use_together_can_be_limited() {
    let budgets = rustyray_testkit::guest("budgets").display().to_string();
    let forks = |flags: &[&str]| end([&["call"], flags, &[&budgets, "forks", "1000000", "2", "2"]].concat());
    forks(&["--budget-fuel", "1_000_000_000", "--budget-tasks", "7", "--budget-memory", "8GiB"]).expect(0, &[]);
    // The task itself may be the one that finds nothing left, or fail with a child that did.
    let burned = forks(&["--budget-fuel", "2_500_000"]);
    let code = if burned.code == Some(122) { 122 } else { 1 };
    burned.expect(code, &["budget-fuel"]);
    forks(&["--budget-tasks", "6"]).expect(1, &["budget-tasks is limited to 6"]);
    let alone = end(["call", "--budget-fuel", "1_000_000", &budgets, "burns", "100000000"]);
    alone.expect(122, &["all of its budget-fuel is used, 1000000", "hint: raise it with --budget-fuel"]);
    let late = end(["call", "--budget-time", "100ms", &budgets, "sleeps", "1000000", "2"]);
    late.expect(124, &["its budget had 100ms", "hint: raise it with --budget-time"]);
    end(["call", "--budget-time", "0s", &budgets, "leaves"]).expect(2, &["--budget-time", "more than no time"]);
    end(["call", "--budget-tasks", "0", &budgets, "leaves"]).expect(2, &["--budget-tasks", "above 0"]);
}

#[test]
fn a_task_that_can_never_have_its_memory_says_where_to_raise_it() {
    let driver = driver();
    let never = end(["call", "--host-memory", "100MiB", &driver, "add", "1", "2"]);
    never.expect(
        122,
        &["it may use 268435456 bytes of memory", "with --memory, or give all of them more with --host-memory"],
    );
    end(["call", "--host-memory", "100MiB", "--memory", "32MiB", &driver, "add", "1", "2"]).expect(0, &[]);
}

#[test]
fn inspect_shows_what_there_is() {
    let ended = end(["inspect", &driver()]);
    let sheet = ended.expect(0, &[]).out();
    for words in [
        "add(a: i32, b: i32) -> i32",
        "Needs a capability.",
        "grants=[env:TOKEN]",
        "fuel=1000000 memory=8MiB",
        "Tally",
        "max_restarts=3",
        "starting_at(value: i32) -> Tally",
        "rustyray:core/tasks@0.1.0",
    ] {
        assert!(sheet.contains(words), "no '{words}' in: {sheet}");
    }
    assert!(!sheet.contains('\u{1b}'), "colours are for terminals");
}

#[test]
fn inspect_shows_how_many_calls_are_served_at_once() {
    let ended = end(["inspect", &rustyray_testkit::guest("concurrent").display().to_string()]);
    let sheet = ended.expect(0, &[]).out();
    for words in ["max_concurrency=100", "max_concurrency=3", "concurrency group side=2: side", "single=1: note"] {
        assert!(sheet.contains(words), "no '{words}' in: {sheet}");
    }
}

#[test]
fn inspect_shows_it_to_programs_too() {
    let json = |path: &str| -> serde_json::Value {
        let ended = end(["inspect", "--json", path]);
        serde_json::from_str(ended.expect(0, &[]).out()).unwrap()
    };
    let driver = json(&driver());
    assert_eq!(driver["main"], true);
    let tasks = driver["manifest"]["tasks"].as_array().unwrap();
    let modest = tasks.iter().find(|task| task["name"] == "modest").unwrap();
    assert_eq!(modest["options"]["timeout_ns"], 3_600_000_000_000u64);
    assert_eq!(driver["manifest"]["actors"][0]["name"], "Tally");
    let plain = json(&plain());
    assert_eq!((&plain["name"], plain["manifest"].is_null()), (&"plain".into(), true));
}

#[test]
fn the_items_of_a_stream_are_printed_as_they_come() {
    let streams = rustyray_testkit::guest("streams").display().to_string();
    assert_eq!(end(["call", &streams, "numbers", "3"]).expect(0, &[]).out(), "0\n1\n2\n");
    let ended = end(["call", &streams, "failing", "2"]);
    assert_eq!(ended.expect(1, &["no 2"]).out(), "0\n1\n");
}

#[test]
fn functions_of_a_component_that_no_sdk_made_are_called() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calc.wasm");
    let text = r#"(component
        (core module $m (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
        (core instance $i (instantiate $m))
        (func $add (param "a" s32) (param "b" s32) (result s32) (canon lift (core func $i "add")))
        (export "add" (func $add)))"#;
    std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
    let calc = path.to_str().unwrap();
    assert_eq!(end(["call", calc, "add", "2", "3"]).expect(0, &[]).out(), "5\n");
    assert!(end(["inspect", calc]).expect(0, &[]).out().contains("add(a: s32, b: s32) -> s32"));
    end(["call", calc, "add", "2", "\"three\""])
        .expect(2, &["s32 is expected", "signature: add(a: s32, b: s32) -> s32"]);
    end(["run", calc]).expect(120, &["no main", "call its tasks"]);
}

/// The file of a component that is written as text.
fn component(folder: &tempfile::TempDir, text: &str) -> String {
    let path = folder.path().join("component.wasm");
    std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
    path.display().to_string()
}

#[test]
fn whole_names_of_wit_are_called_and_what_cannot_be_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let calc = component(
        &folder,
        r#"(component
        (core module $m (func (export "two") (result i32) (i32.const 2)))
        (core instance $i (instantiate $m))
        (func $two (result u32) (canon lift (core func $i "two")))
        (func $later async (result u32) (canon lift (core func $i "two")))
        (instance $one (export "two" (func $two)))
        (instance $other (export "two" (func $two)) (export "later" (func $later)))
        (export "a:b/calc@1.0.0" (instance $one))
        (export "c:d/calc" (instance $other))
        (export "wizer-initialize" (func $two)))"#,
    );
    for name in ["a:b/calc@1.0.0#two", "a:b/calc#two", "a:b/calc.two", "c:d/calc#two"] {
        assert_eq!(end(["call", &calc, name]).expect(0, &[]).out(), "2\n", "{name}");
    }
    end(["call", &calc, "calc.two"]).expect(2, &["several functions", "write one of a:b/calc#two, c:d/calc#two"]);
    end(["call", &calc, "calc.later"]).expect(2, &["c:d/calc#later cannot be called: it is async"]);
    let ended = end(["inspect", &calc]);
    let sheet = ended.expect(0, &[]).out();
    for words in ["a:b/calc#two() -> u32", "c:d/calc#two() -> u32", "not callable", "c:d/calc#later: it is async"] {
        assert!(sheet.contains(words), "no '{words}' in: {sheet}");
    }
    assert!(!sheet.contains("wizer"), "{sheet}");
    let ended = end(["inspect", "--json", &calc]);
    let json: serde_json::Value = serde_json::from_str(ended.expect(0, &[]).out()).unwrap();
    assert_eq!(json["manifest"]["left_out"][0]["name"], "c:d/calc#later");
    assert_eq!(json["manifest"]["tasks"][0]["wit_name"], "a:b/calc@1.0.0#two");
}

#[test]
fn what_the_host_has_not_is_named_and_called_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let file = component(&folder, "(component (core module (memory 1 1 shared)))");
    let ended = end(["inspect", &file]);
    ended.expect(120, &["it needs what this host does not have", "threads"]);
    assert!(!ended.stderr.contains("damaged"), "{ended:?}");
}

#[test]
fn bytes_of_any_component_are_raw_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = component(
        &folder,
        r#"(component
        (core module $m
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func (export "echo") (param i32 i32) (result i32)
                (i32.store (i32.const 32) (local.get 0))
                (i32.store (i32.const 36) (local.get 1))
                (i32.const 32))
            (func (export "checked") (param i32 i32) (result i32)
                (i32.store8 (i32.const 32) (i32.const 0))
                (i32.store (i32.const 36) (local.get 0))
                (i32.store (i32.const 40) (local.get 1))
                (i32.const 32)))
        (core instance $i (instantiate $m))
        (alias core export $i "memory" (core memory $memory))
        (alias core export $i "realloc" (core func $realloc))
        (func $echo (param "of" (list u8)) (result (list u8))
            (canon lift (core func $i "echo") (memory $memory) (realloc $realloc)))
        (func $checked (param "of" (list u8)) (result (result (list u8) (error string)))
            (canon lift (core func $i "checked") (memory $memory) (realloc $realloc)))
        (export "echo" (func $echo))
        (export "checked" (func $checked)))"#,
    );
    for task in ["echo", "checked"] {
        assert_eq!(end(["call", &bytes, task, "[0,1,255]"]).expect(0, &[]).out(), "[0,1,255]\n");
        assert_eq!(end(["call", "--raw", &bytes, task, "[0,1,255]"]).stdout, [0, 1, 255]);
        assert_eq!(end(["call", "--raw", &bytes, task, "plain text"]).stdout, b"plain text");
    }
    end(["call", &bytes, "echo", "plain text"]).expect(2, &["is not JSON", "signature: echo"]);
}
