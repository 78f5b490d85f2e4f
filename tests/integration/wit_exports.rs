//! What a component that no SDK made exports: by which names it is called, what of it cannot be called, and what is not its own.

use std::time::{Duration, Instant, SystemTime};

use rustyray_host::clock::{Clock, ManualClock, Sleep};
use rustyray_host::limits::{HANDLE_BYTES, HANDLES_FEW, HANDLES_MAX};
use rustyray_host::{Budget, BudgetLimits, Encoding, ErrorKind, Host, Module, ModuleError, Payload, TaskOptions};

use rustyray_tests::{builder, error, finish, settled, value};

async fn load(host: &Host, text: &str) -> Module {
    host.load_bytes("component", wat::parse_str(text).unwrap()).await.unwrap()
}

async fn refused(host: &Host, text: &str) -> ModuleError {
    host.load_bytes("component", wat::parse_str(text).unwrap()).await.err().unwrap()
}

fn tasks(module: &Module) -> Vec<String> {
    module.manifest().unwrap().tasks.iter().map(|task| task.name.to_string()).collect()
}

async fn number(host: &Host, module: &Module, task: &str) -> u32 {
    value(host, &module.task(task).submit().await).await
}

/// Interfaces, each with a function `it` that gives a number.
fn interfaces(names: &[&str]) -> String {
    let each = |(number, name): (usize, &&str)| {
        format!(
            r#"(core module $m{number} (func (export "it") (result i32) (i32.const {number})))
            (core instance $i{number} (instantiate $m{number}))
            (func $f{number} (result u32) (canon lift (core func $i{number} "it")))
            (instance $n{number} (export "it" (func $f{number})))
            (export "{name}" (instance $n{number}))"#
        )
    };
    format!("(component {})", names.iter().enumerate().map(each).collect::<String>())
}

#[tokio::test]
async fn interfaces_of_one_last_name_are_both_there() {
    let host = builder().build().unwrap();
    let module = load(&host, &interfaces(&["a:b/calc@1.2.0", "c:d/calc", "e:f/other@0.1.0-rc.1"])).await;
    assert_eq!(tasks(&module), ["a:b/calc#it", "c:d/calc#it", "other.it"]);
    for (name, gives) in [
        ("a:b/calc#it", 0),
        ("a:b/calc.it", 0),
        ("a:b/calc@1.2.0#it", 0),
        ("a:b/calc@1.2.0.it", 0),
        ("c:d/calc#it", 1),
        ("other.it", 2),
        ("e:f/other#it", 2),
        ("e:f/other@0.1.0-rc.1#it", 2),
    ] {
        assert_eq!(number(&host, &module, name).await, gives, "{name}");
        // With options of its own as well.
        let with_fuel = module.task(name).options(TaskOptions::new().fuel(1_000_000)).submit().await;
        assert_eq!(value::<u32>(&host, &with_fuel).await, gives, "{name}");
    }
    let failed = error(&host, &module.task("calc.it").submit().await).await;
    assert_eq!(failed.kind, ErrorKind::TaskNotFound);
    assert!(failed.message.ends_with("write one of a:b/calc#it, c:d/calc#it"), "{}", failed.message);
    let other = error(&host, &module.task("a:b/calc@1.3.0#it").submit().await).await;
    assert_eq!(other.kind, ErrorKind::CapabilityDenied, "a module 'a' is meant");
    finish(host).await;
}

#[tokio::test]
async fn versions_of_one_interface_are_both_there() {
    let host = builder().build().unwrap();
    let module = load(&host, &interfaces(&["a:b/calc@1.0.0", "a:b/calc@2.0.0", "calc"])).await;
    assert_eq!(tasks(&module), ["a:b/calc@1.0.0#it", "a:b/calc@2.0.0#it", "calc#it"]);
    assert_eq!(number(&host, &module, "a:b/calc@2.0.0#it").await, 1);
    assert_eq!(number(&host, &module, "calc.it").await, 2, "it is the whole name of one");
    let failed = error(&host, &module.task("a:b/calc#it").submit().await).await;
    assert!(failed.message.contains("a:b/calc@1.0.0#it, a:b/calc@2.0.0#it"), "{}", failed.message);
    finish(host).await;
}

/// A component whose function `later` is async, beside one that is not.
const ASYNC: &str = r#"(component
    (core module $m
        (func (export "now") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func (export "spin") (loop (br 0)))
        (func (export "later") (result i32) (unreachable)))
    (core instance $i (instantiate $m))
    (func $now (param "of" u32) (result u32) (canon lift (core func $i "now")))
    (func $spin (canon lift (core func $i "spin")))
    (func $later async (result u32) (canon lift (core func $i "later")))
    (export "now" (func $now))
    (export "spin" (func $spin))
    (export "later" (func $later)))"#;

#[tokio::test]
async fn one_async_function_leaves_the_others_callable() {
    let host = builder().build().unwrap();
    let module = load(&host, ASYNC).await;
    assert_eq!(tasks(&module), ["now", "spin"]);
    for _ in 0..100 {
        assert_eq!(value::<u32>(&host, &module.task("now").arg(4u32).submit().await).await, 5);
    }
    let left_out: Vec<_> = module.manifest().unwrap().left_out.iter().map(ToString::to_string).collect();
    assert_eq!(left_out, ["later: it is async, and this host calls functions that are not"]);
    let failed = error(&host, &module.task("later").submit().await).await;
    assert_eq!(failed.kind, ErrorKind::TaskNotFound);
    assert!(failed.message.contains("later cannot be called: it is async"), "{}", failed.message);
    // What holds for all tasks holds for those of its engine.
    let spin = module.task("spin").options(TaskOptions::new().fuel(10_000_000)).submit().await;
    assert_eq!(error(&host, &spin).await.kind, ErrorKind::OutOfFuel);
    let spin = module.task("spin").submit().await;
    host.cancel(&spin);
    assert_eq!(error(&host, &spin).await.kind, ErrorKind::TaskCancelled);
    finish(host).await;
}

#[tokio::test]
async fn what_is_made_for_async_functions_is_bounded() {
    let host = builder().build().unwrap();
    let text = r#"(component
        (type $stream (stream u8))
        (core func $stream (canon stream.new $stream))
        (core func $set (canon waitable-set.new))
        (core module $m
            (import "" "stream" (func $stream (result i64)))
            (import "" "set" (func $set (result i32)))
            (func (export "streams") (param $n i32)
                (loop (drop (call $stream)) (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
            (func (export "sets") (param $n i32)
                (loop (drop (call $set)) (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
            (func (export "later") (result i32) (unreachable)))
        (core instance $i (instantiate $m
            (with "" (instance (export "stream" (func $stream)) (export "set" (func $set))))))
        (func $streams (param "n" u32) (canon lift (core func $i "streams")))
        (func $sets (param "n" u32) (canon lift (core func $i "sets")))
        (func $later async (result u32) (canon lift (core func $i "later")))
        (export "streams" (func $streams))
        (export "sets" (func $sets))
        (export "later" (func $later)))"#;
    let module = load(&host, text).await;
    for task in ["streams", "sets"] {
        value::<()>(&host, &module.task(task).arg(5u32).submit().await).await;
        let greedy = error(&host, &module.task(task).arg(1_000_000u32).submit().await).await;
        assert!(matches!(greedy.kind, ErrorKind::WorkerCrashed | ErrorKind::LimitExceeded), "{greedy:#}");
    }
    finish(host).await;
}

#[tokio::test]
async fn code_of_a_component_with_async_functions_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let host = builder().cache_dir(folder.path()).build().unwrap();
        let module = load(&host, ASYNC).await;
        assert_eq!(value::<u32>(&host, &module.task("now").arg(4u32).submit().await).await, 5);
        finish(host).await;
    }
}

#[tokio::test]
async fn what_has_nothing_but_async_functions_says_so() {
    let host = builder().build().unwrap();
    let text = r#"(component
        (core module $m (func (export "later") (result i32) (unreachable)))
        (core instance $i (instantiate $m))
        (func $later async (result u32) (canon lift (core func $i "later")))
        (export "later" (func $later)))"#;
    let error = refused(&host, text).await;
    assert!(matches!(error, ModuleError::NothingToRun(_)), "{error}");
    assert!(error.to_string().contains("later: it is async"), "{error}");
    finish(host).await;
}

#[tokio::test]
async fn components_of_another_wasi_are_told_so() {
    let host = builder().build().unwrap();
    let imports = r#"(component
        (import "wasi:cli/stdout@0.3.0" (instance (export "write" (func async (param "data" (stream u8))))))
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (export "f" (func $f)))"#;
    let exports = r#"(component
        (core module $m (func (export "run") (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (func $run async (result (result)) (canon lift (core func $i "run")))
        (instance $cli (export "run" (func $run)))
        (export "wasi:cli/run@0.3.0-rc-2025-09-16" (instance $cli)))"#;
    for (text, says) in [
        (imports, "it imports wasi:cli/stdout@0.3.0, and this host has WASI 0.2"),
        (exports, "it exports wasi:cli/run@0.3.0-rc-2025-09-16, and this host has WASI 0.2"),
    ] {
        let error = refused(&host, text).await;
        assert!(matches!(error, ModuleError::OtherWasi(_)), "{error}");
        assert!(error.to_string().contains(says) && !error.to_string().contains("damaged"), "{error}");
    }
    let other = r#"(component (import "wasi:cli/stdout@0.2.99" (instance (export "none" (func))))
        (instance $cli) (export "wasi:cli/run@0.2.0" (instance $cli)))"#;
    assert!(matches!(refused(&host, other).await, ModuleError::MissingImport(_)));
    finish(host).await;
}

#[tokio::test]
async fn features_that_the_host_has_not_are_named() {
    let host = builder().build().unwrap();
    for (item, names) in [
        ("(core module (memory 1 1 shared))", "threads"),
        ("(core module (type (struct)))", "gc"),
        ("(core module (tag))", "exceptions"),
        ("(core module (memory 1) (memory 1)) ", "memories"),
        ("(core module (type $f (func)) (type $c (cont $f)))", "stack switching"),
        ("(type (list u8 4))", "fixed-length lists"),
        ("(core func (canon error-context.drop))", "error-context"),
    ] {
        let error = refused(&host, &format!("(component {item})")).await;
        assert!(matches!(error, ModuleError::Unsupported(_)), "{item}: {error}");
        let text = error.to_string().to_lowercase();
        assert!(text.contains(names) && !text.contains("damaged"), "{item}: {text}");
    }
    finish(host).await;
}

#[tokio::test]
async fn what_componentizers_leave_is_hidden() {
    let host = builder().build().unwrap();
    let text = |extra: &str| {
        format!(
            r#"(component
            (core module $m
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16))
                (func (export "init") (param i32 i32))
                (func (export "none")))
            (core instance $i (instantiate $m))
            (alias core export $i "memory" (core memory $memory))
            (alias core export $i "realloc" (core func $realloc))
            (func $none (canon lift (core func $i "none")))
            (func $named (param "app-name" string)
                (canon lift (core func $i "init") (memory $memory) (realloc $realloc)))
            (instance $init (export "init" (func $named)))
            (instance $own (export "init" (func $none)))
            (export "mine" (func $none))
            {extra})"#
        )
    };
    for (extra, shown) in [
        (r#"(export "wizer-initialize" (func $none)) (export "init" (func $none))"#, vec!["mine"]),
        (r#"(export "exports" (instance $init))"#, vec!["mine"]),
        (r#"(export "componentize-py:init/exports" (instance $own))"#, vec!["mine"]),
        // Names of somebody's own.
        (r#"(export "init" (func $none))"#, vec!["init", "mine"]),
        (r#"(export "exports" (instance $own))"#, vec!["exports.init", "mine"]),
    ] {
        let module = load(&host, &text(extra)).await;
        assert_eq!(tasks(&module), shown, "{extra}");
        assert!(module.manifest().unwrap().left_out.is_empty(), "{extra}");
    }
    let module = load(&host, &text(r#"(export "wizer-initialize" (func $none))"#)).await;
    assert_eq!(error(&host, &module.task("wizer-initialize").submit().await).await.kind, ErrorKind::TaskNotFound);
    finish(host).await;
}

/// Gives back what it is given, through JSON.
async fn echoed(host: &Host, module: &Module, task: &str, json: &str) -> Result<String, String> {
    let payload = Payload::new(Encoding::Json, json.to_owned());
    let object = module.task(task).arg_payload(payload).reply(Encoding::Json).submit().await;
    match host.value(&object, None).await {
        Ok(value) => Ok(String::from_utf8(value.payload().data.to_vec()).unwrap()),
        Err(error) => Err(error.message.clone()),
    }
}

#[tokio::test]
async fn values_are_the_same_json_before_and_after() {
    let host = builder().build().unwrap();
    let text = r#"(component
        (core module $m
            (func (export "f32") (param f32) (result f32) (local.get 0))
            (func (export "f64") (param f64) (result f64) (local.get 0))
            (func (export "u64") (param i64) (result i64) (local.get 0)))
        (core instance $i (instantiate $m))
        (func $f32 (param "of" f32) (result f32) (canon lift (core func $i "f32")))
        (func $f64 (param "of" f64) (result f64) (canon lift (core func $i "f64")))
        (func $u64 (param "of" u64) (result u64) (canon lift (core func $i "u64")))
        (export "single" (func $f32))
        (export "double" (func $f64))
        (export "long" (func $u64)))"#;
    let module = load(&host, text).await;
    for (task, json) in [
        ("single", "1.1"),
        ("single", "\"NaN\""),
        ("double", "\"-Infinity\""),
        ("double", "1e+39"),
        ("long", "18446744073709551615"),
        ("long", "9007199254740993"),
    ] {
        assert_eq!(echoed(&host, &module, task, json).await.as_deref(), Ok(json), "{task}");
    }
    assert_eq!(echoed(&host, &module, "long", "\"9007199254740993\"").await.as_deref(), Ok("9007199254740993"));
    let refused = echoed(&host, &module, "single", "1e39").await.unwrap_err();
    assert!(refused.contains("argument `of` (f32)") && refused.contains("1e+39"), "{refused}");
    finish(host).await;
}

/// A component with a resource: a number in a cell.
const COUNTER: &str = r#"(component
    (core module $cells
        (memory (export "memory") 1)
        (global $at (mut i32) (i32.const 64))
        (func (export "make") (param i32) (result i32)
            (local $cell i32)
            (local.set $cell (global.get $at))
            (global.set $at (i32.add (global.get $at) (i32.const 8)))
            (i32.store (local.get $cell) (local.get 0))
            (local.get $cell))
        (func (export "add") (param i32 i32)
            (i32.store (local.get 0) (i32.add (i32.load (local.get 0)) (local.get 1))))
        (func (export "value") (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "fail") (param i32) (result i32) (i32.const 1)))
    (core instance $c (instantiate $cells))
    (type $counter' (resource (rep i32)))
    (core func $new (canon resource.new $counter'))
    (core func $rep (canon resource.rep $counter'))
    (core module $m
        (import "c" "make" (func $make (param i32) (result i32)))
        (import "c" "value" (func $value (param i32) (result i32)))
        (import "r" "new" (func $new (param i32) (result i32)))
        (import "r" "rep" (func $rep (param i32) (result i32)))
        (func (export "new") (param i32) (result i32) (call $new (call $make (local.get 0))))
        (func (export "twice") (param i32) (result i32)
            (call $new (call $make (i32.mul (local.get 0) (i32.const 2)))))
        (func (export "consume") (param i32) (result i32) (call $value (call $rep (local.get 0)))))
    (core instance $i (instantiate $m
        (with "c" (instance $c))
        (with "r" (instance (export "new" (func $new)) (export "rep" (func $rep))))))
    (func $new' (param "value" u32) (result (own $counter')) (canon lift (core func $i "new")))
    (func $twice' (param "value" u32) (result (own $counter')) (canon lift (core func $i "twice")))
    (func $add' (param "self" (borrow $counter')) (param "more" u32) (canon lift (core func $c "add")))
    (func $value' (param "self" (borrow $counter')) (result u32) (canon lift (core func $c "value")))
    (func $fail' (param "self" (borrow $counter')) (result (result)) (canon lift (core func $c "fail")))
    (func $consume' (param "counter" (own $counter')) (result u32) (canon lift (core func $i "consume")))
    (component $api
        (import "counter" (type $counter (sub resource)))
        (import "new" (func $new (param "value" u32) (result (own $counter))))
        (import "twice" (func $twice (param "value" u32) (result (own $counter))))
        (import "add" (func $add (param "self" (borrow $counter)) (param "more" u32)))
        (import "value" (func $value (param "self" (borrow $counter)) (result u32)))
        (import "fail" (func $fail (param "self" (borrow $counter)) (result (result))))
        (import "consume" (func $consume (param "counter" (own $counter)) (result u32)))
        (export $exported "counter" (type $counter))
        (export "[constructor]counter" (func $new)
            (func (param "value" u32) (result (own $exported))))
        (export "[static]counter.twice" (func $twice)
            (func (param "value" u32) (result (own $exported))))
        (export "[method]counter.add" (func $add)
            (func (param "self" (borrow $exported)) (param "more" u32)))
        (export "[method]counter.value" (func $value)
            (func (param "self" (borrow $exported)) (result u32)))
        (export "[method]counter.fail" (func $fail)
            (func (param "self" (borrow $exported)) (result (result))))
        (export "consume" (func $consume)
            (func (param "counter" (own $exported)) (result u32))))
    (instance $api (instantiate $api
        (with "counter" (type $counter'))
        (with "new" (func $new'))
        (with "twice" (func $twice'))
        (with "add" (func $add'))
        (with "value" (func $value'))
        (with "fail" (func $fail'))
        (with "consume" (func $consume'))))
    (export "a:b/cells@1.0.0" (instance $api)))"#;

#[tokio::test]
async fn resources_are_made_and_called_in_one_call() {
    let host = builder().build().unwrap();
    let module = load(&host, COUNTER).await;
    let signatures: Vec<_> = module.manifest().unwrap().tasks.iter().map(ToString::to_string).collect();
    assert_eq!(
        signatures,
        [
            "cells.consume(counter: resource) -> u32",
            "cells.counter.add(self: resource, more: u32) -> ()",
            "cells.counter.fail(self: resource) -> result",
            "cells.counter.new(value: u32) -> resource",
            "cells.counter.twice(value: u32) -> resource",
            "cells.counter.value(self: resource) -> u32",
        ]
    );
    let value = "a:b/cells#[method]counter.value";
    for (task, steps, gives) in [
        ("cells.counter.value", r#"[{"new": [5]}]"#, "5"),
        ("cells.counter.value", r#"[{"new": [5]}, {"add": [3]}, {"add": [4]}, "value"]"#, "12"),
        ("cells.counter.value", r#"[{"twice": [5]}, {"add": [3]}]"#, "13"),
        (value, r#"[{"new": [7]}]"#, "7"),
        ("cells.consume", r#"[{"new": [5]}, {"add": [1]}]"#, "6"),
        // The handle is gone when the call has ended.
        ("cells.counter.new", "5", "null"),
    ] {
        assert_eq!(echoed(&host, &module, task, steps).await.as_deref(), Ok(gives), "{task} {steps}");
    }
    for (steps, says) in [
        ("5", "a resource is written as the calls that make it"),
        ("[]", "a resource is written as the calls that make it"),
        (r#"[{"new": 5}]"#, "a resource is written as the calls that make it"),
        (r#"[{"add": [5]}]"#, "no function 'add' gives the resource"),
        (r#"[{"new": [5]}, {"new": [5]}]"#, "no method 'new'"),
        (r#"[{"new": []}]"#, "`new`: it takes 1 arguments, and 0 were given"),
        (r#"[{"new": ["x"]}]"#, "`new`: u32 is expected"),
        (r#"[{"new": [5]}, "fail"]"#, "it returned an error without a value"),
    ] {
        let refused = echoed(&host, &module, "cells.counter.value", steps).await.unwrap_err();
        assert!(refused.contains(says), "{steps}: {refused}");
    }
    // A string of JSON from who has no other.
    let added = module.task("cells.counter.value").arg(r#"[{"new": [5]}]"#.to_owned()).submit().await;
    assert_eq!(rustyray_tests::value::<u32>(&host, &added).await, 5);
    finish(host).await;
}

/// A component without an SDK that asks for so many random bytes, and writes so many to standard output without asking for room.
const UNASKED: &str = r#"(component
    (import "wasi:random/random@0.2.0" (instance $random
        (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
    (import "wasi:io/error@0.2.0" (instance $errors (export "error" (type (sub resource)))))
    (alias export $errors "error" (type $error))
    (import "wasi:io/streams@0.2.0" (instance $streams
        (export "output-stream" (type $stream (sub resource)))
        (alias outer 1 $error (type $e))
        (type $failed (variant (case "last-operation-failed" (own $e)) (case "closed")))
        (export "stream-error" (type $stream-error (eq $failed)))
        (export "[method]output-stream.check-write"
            (func (param "self" (borrow $stream)) (result (result u64 (error $stream-error)))))
        (export "[method]output-stream.write"
            (func (param "self" (borrow $stream)) (param "contents" (list u8)) (result (result (error $stream-error)))))))
    (alias export $streams "output-stream" (type $output))
    (import "wasi:cli/stdout@0.2.0" (instance $stdout
        (alias outer 1 $output (type $o))
        (export "output-stream" (type $own (eq $o)))
        (export "get-stdout" (func (result (own $own))))))
    (core module $allocator
        (memory (export "memory") 64)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536)))
    (core instance $a (instantiate $allocator))
    (alias core export $a "memory" (core memory $memory))
    (alias core export $a "realloc" (core func $realloc))
    (core func $bytes
        (canon lower (func $random "get-random-bytes") (memory $memory) (realloc $realloc)))
    (core func $get (canon lower (func $stdout "get-stdout")))
    (core func $check (canon lower (func $streams "[method]output-stream.check-write") (memory $memory)))
    (core func $write (canon lower (func $streams "[method]output-stream.write") (memory $memory)))
    (core module $m
        (import "h" "bytes" (func $bytes (param i64 i32)))
        (import "h" "get" (func $get (result i32)))
        (import "h" "check" (func $check (param i32 i32)))
        (import "h" "write" (func $write (param i32 i32 i32 i32)))
        (import "a" "memory" (memory 1))
        (func (export "draw") (param i32) (result i32)
            (call $bytes (i64.extend_i32_u (local.get 0)) (i32.const 16))
            (i32.load (i32.const 20)))
        (func (export "print") (param i32 i32) (local $stream i32)
            (memory.fill (i32.const 65536) (i32.const 46) (local.get 0))
            (local.set $stream (call $get))
            (if (local.get 1) (then (call $check (local.get $stream) (i32.const 16))))
            (call $write (local.get $stream) (i32.const 65536) (local.get 0) (i32.const 32))))
    (core instance $i (instantiate $m
        (with "a" (instance $a))
        (with "h" (instance
            (export "bytes" (func $bytes)) (export "get" (func $get)) (export "check" (func $check)) (export "write" (func $write))))))
    (func (export "draw") (param "count" u32) (result u32) (canon lift (core func $i "draw")))
    (func (export "print") (param "count" u32) (param "asks" bool) (canon lift (core func $i "print"))))"#;

#[tokio::test]
async fn what_a_guest_takes_at_once_is_bounded_where_it_asks_nobody() {
    let host = builder().build().unwrap();
    let module = load(&host, UNASKED).await;
    let options = || TaskOptions::new().memory_bytes(8 << 20);
    for (count, given) in [(1000, true), (1 << 20, true), ((1 << 20) + 1, false), (64_000_000, false)] {
        let drawn = module.task("draw").arg(count as u32).options(options()).submit().await;
        match given {
            true => assert_eq!(value::<u32>(&host, &drawn).await, count as u32),
            false => assert_eq!(error(&host, &drawn).await.kind, ErrorKind::WorkerCrashed),
        }
    }
    for (count, asks, written) in [(4096u32, true, true), (4097, true, false), (1, false, false), (0, false, true)] {
        let printed = module.task("print").arg(count).arg(asks).options(options()).submit().await;
        match written {
            true => value::<()>(&host, &printed).await,
            false => {
                let refused = error(&host, &printed).await;
                assert!(refused.message.contains("more than there was room for"), "{count} {asks}: {refused:#}");
            }
        }
    }
    finish(host).await;
}

/// A component that makes handles of a resource of its own, so many, and computes nothing.
const HOARDER: &str = r#"(component
    (type $thing (resource (rep i32)))
    (core func $new (canon resource.new $thing))
    (core module $m
        (import "r" "new" (func $new (param i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "hoard") (param $left i32) (result i32)
            (loop $again
                (drop (call $new (i32.const 0)))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (br_if $again (local.get $left)))
            (i32.const 7)))
    (core instance $i (instantiate $m (with "r" (instance (export "new" (func $new))))))
    (func (export "hoard") (param "count" u32) (result u32) (canon lift (core func $i "hoard"))))"#;

#[tokio::test]
async fn handles_of_a_components_own_resources_are_as_many_as_its_memory_limit_has_room_for() {
    let host = builder().build().unwrap();
    let module = load(&host, HOARDER).await;
    let hoard = async |count: u32, memory_bytes: u64| {
        let task = module.task("hoard").arg(count).options(TaskOptions::new().memory_bytes(memory_bytes));
        task.submit().await
    };
    const MIB: u64 = 1 << 20;
    let most = (HANDLES_FEW as u64 + 2 * MIB / HANDLE_BYTES) as u32;
    let all = hoard(most, MIB).await;
    assert_eq!(value::<u32>(&host, &all).await, 7);
    for (count, memory_bytes) in [(most + 1, MIB), (u32::MAX, MIB), (u32::MAX, 1 << 30)] {
        let refused = error(&host, &hoard(count, memory_bytes).await).await;
        assert_eq!(refused.kind, ErrorKind::LimitExceeded, "{refused:#}");
        let limit = refused.limit.clone().unwrap();
        assert_eq!(limit.name, "handles");
        assert!(limit.limit <= 2 * HANDLES_MAX as u64 + HANDLES_FEW as u64, "{limit:?}");
    }
    finish(host).await;
}

/// Counts a list of an enum with five thousand cases, and gives one of a million.
fn many_cases() -> String {
    let names: String = (0..5000).map(|number| format!("\"c{number}\" ")).collect();
    format!(
        r#"(component
        (core module $m
            (memory (export "memory") 64)
            (data (i32.const 0) "\10\00\00\00\40\42\0f\00")
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16))
            (func (export "count") (param i32 i32) (result i32) (local.get 1))
            (func (export "give") (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (alias core export $i "memory" (core memory $memory))
        (alias core export $i "realloc" (core func $realloc))
        (type $case' (enum {names}))
        (export $case "case" (type $case'))
        (func $count (param "of" (list $case)) (result u32)
            (canon lift (core func $i "count") (memory $memory) (realloc $realloc)))
        (func $give (result (list $case)) (canon lift (core func $i "give") (memory $memory)))
        (export "count" (func $count))
        (export "give" (func $give)))"#
    )
}

const MILLION: usize = 1_000_000;

/// So many times the last of the cases, in JSON.
fn cases(count: usize) -> Payload {
    let mut text = "\"c4999\",".repeat(count);
    text.pop();
    Payload::new(Encoding::Json, format!("[{text}]"))
}

#[tokio::test]
async fn values_of_arguments_and_results_burn_fuel() {
    let host = builder().build().unwrap();
    let module = load(&host, &many_cases()).await;
    let small = || TaskOptions::new().fuel(20_000_000);
    let few = module.task("count").arg_payload(cases(1000)).options(small()).submit().await;
    assert_eq!(value::<u32>(&host, &few).await, 1000);
    let all = module.task("count").arg_payload(cases(MILLION)).submit().await;
    assert_eq!(value::<u32>(&host, &all).await as usize, MILLION);
    let json = module.task("count").arg_payload(cases(MILLION)).options(small()).submit().await;
    let bytes = Payload::new(Encoding::Bincode, [&[252][..], &(MILLION as u32).to_le_bytes(), &[7; MILLION]].concat());
    let binary = module.task("count").arg_payload(bytes).options(small()).submit().await;
    let given = module.task("give").options(small()).submit().await;
    let given_as_json = module.task("give").options(small()).reply(Encoding::Json).submit().await;
    for (what, object) in [("json", json), ("binary", binary), ("given", given), ("as json", given_as_json)] {
        let error = error(&host, &object).await;
        assert_eq!(error.kind, ErrorKind::OutOfFuel, "{what}: {error:#}");
        assert_eq!(error.limit.as_ref().unwrap().limit, 20_000_000, "{what}");
    }
    finish(host).await;
}

/// A clock that goes on by a millisecond whenever somebody looks at it: so much is done in a time, however long it takes.
struct Looked(ManualClock);

impl Clock for Looked {
    fn now(&self) -> Instant {
        self.0.advance(Duration::from_millis(1));
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        self.0.wall()
    }

    fn sleep_until(&self, until: Instant) -> Sleep {
        self.0.sleep_until(until)
    }
}

#[tokio::test]
async fn a_deadline_ends_what_is_made_of_arguments_and_results() {
    let host = builder().clock(Looked(ManualClock::new())).build().unwrap();
    let module = load(&host, &many_cases()).await;
    let short = || TaskOptions::new().timeout(Duration::from_millis(150));
    let few = module.task("count").arg_payload(cases(1000)).options(short()).submit().await;
    assert_eq!(value::<u32>(&host, &few).await, 1000);
    let all = module.task("count").arg_payload(cases(MILLION)).options(short()).submit().await;
    let given = module.task("give").options(short()).reply(Encoding::Json).submit().await;
    for object in [all, given] {
        assert_eq!(error(&host, &object).await.kind, ErrorKind::TaskTimedOut);
    }
    finish(host).await;
}

#[tokio::test]
async fn json_that_takes_a_hundred_times_its_size_is_refused() {
    let host = builder().build().unwrap();
    let module = load(&host, COUNTER).await;
    let many = format!("[{}0]", r#"{"":0},"#.repeat(2 * MILLION));
    // The one takes a value, the other how a resource is made.
    for task in ["cells.counter.new", "cells.counter.value"] {
        let payload = Payload::new(Encoding::Json, many.clone());
        let call = module.task(task).arg_payload(payload);
        let large = call.clone().options(TaskOptions::new().memory_bytes(1 << 30)).submit().await;
        let refused = error(&host, &large).await;
        let says = "bytes of memory to read this JSON: pass it in parts";
        assert!(refused.message.contains(says), "{task}: {refused:#}");
        // Within what the guest may have it ends sooner.
        let small = call.options(TaskOptions::new().memory_bytes(64 << 20)).submit().await;
        let refused = error(&host, &small).await;
        assert_eq!((refused.kind, refused.limit.as_ref().unwrap().limit), (ErrorKind::OutOfMemory, 64 << 20));
        assert!(small.receipt().unwrap().memory_peak_bytes <= 64 << 20);
    }
    finish(host).await;
}

/// Takes lists and texts, and gives lists, of zeros, as long as it is told to.
const LISTS: &str = r#"(component
    (core module $m
        (memory (export "memory") 32)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
        (func (export "count") (param i32 i32) (result i32) (local.get 1))
        (func (export "hold") (param i32 i32) (loop (br 0)))
        (func (export "give") (param i32) (result i32)
            (i32.store (i32.const 0) (i32.const 64))
            (i32.store (i32.const 4) (local.get 0))
            (i32.const 0)))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $memory))
    (alias core export $i "realloc" (core func $realloc))
    (type $marks' (flags "a" "b" "c" "d" "e" "f" "g" "h"))
    (export $marks "marks" (type $marks'))
    (func $count (param "of" (list u8)) (result u32)
        (canon lift (core func $i "count") (memory $memory) (realloc $realloc)))
    (func $length (param "of" string) (result u32)
        (canon lift (core func $i "count") (memory $memory) (realloc $realloc)))
    (func $hold (param "of" (list u8)) (canon lift (core func $i "hold") (memory $memory) (realloc $realloc)))
    (func $give (param "count" u32) (result (list u8)) (canon lift (core func $i "give") (memory $memory)))
    (func $give-marks (param "count" u32) (result (list $marks)) (canon lift (core func $i "give") (memory $memory)))
    (export "count" (func $count))
    (export "length" (func $length))
    (export "hold" (func $hold))
    (export "give" (func $give))
    (export "give-marks" (func $give-marks)))"#;

/// A list of so many numbers, as bytes, in bincode, and in JSON.
fn zeros(count: u32) -> [Payload; 3] {
    let bytes = vec![0; count as usize];
    [
        Payload::new(Encoding::Raw, bytes.clone()),
        Payload::new(Encoding::Bincode, [&[252][..], &count.to_le_bytes(), &bytes].concat()),
        Payload::new(Encoding::Json, format!("[{}0]", "0,".repeat(count as usize - 1))),
    ]
}

#[tokio::test]
async fn values_of_arguments_and_results_are_the_guests_memory() {
    const MEMORY: u64 = 16 << 20;
    let host = builder().build().unwrap();
    let module = load(&host, LISTS).await;
    let budget = Budget::new(BudgetLimits::default());
    let small = || TaskOptions::new().memory_bytes(MEMORY).budget(&budget);
    let few = zeros(100_000).map(|list| module.task("count").arg_payload(list));
    let many = zeros(1_000_000).map(|list| module.task("count").arg_payload(list));
    let gives = |task: &str, count: u32| module.task(task).arg(count).reply(Encoding::Json);
    for (fits, does_not) in few.into_iter().zip(many).chain([
        (gives("give", 100_000), gives("give", 1_000_000)),
        (gives("give-marks", 1000), gives("give-marks", 200_000)),
    ]) {
        let done = fits.options(small()).submit().await;
        assert!(host.value(&done, None).await.is_ok(), "{:?}", done.receipt());
        let peak = done.receipt().unwrap().memory_peak_bytes;
        assert!((2 << 20..=MEMORY).contains(&peak), "{peak}");
        let refused = error(&host, &does_not.options(small()).submit().await).await;
        assert_eq!(refused.kind, ErrorKind::OutOfMemory, "{refused:#}");
        let limit = refused.limit.as_ref().unwrap();
        assert_eq!((limit.name.as_str(), limit.limit), ("memory-bytes", MEMORY));
        assert!(refused.message.contains("give it more memory, or pass them in parts"), "{refused:#}");
        settled(&host, "its instance to go", |stats| stats.instances == 0).await;
        assert_eq!(budget.used().memory_bytes, 0);
    }
    // A text is what it is.
    let text = module.task("length").arg("x".repeat(1_000_000)).options(small()).submit().await;
    assert_eq!(value::<u32>(&host, &text).await, 1_000_000);
    assert!(text.receipt().unwrap().memory_peak_bytes < 4 << 20);
    // A few numbers need no room in a memory that has none.
    let full = TaskOptions::new().memory_bytes(2 << 20);
    assert_eq!(value::<Vec<u8>>(&host, &module.task("give").arg(100u32).options(full).submit().await).await.len(), 100);
    finish(host).await;
}

#[tokio::test]
async fn what_is_held_of_arguments_is_on_the_account_while_the_guest_runs() {
    let host = builder().build().unwrap();
    let module = load(&host, LISTS).await;
    let budget = Budget::new(BudgetLimits::default());
    let [bytes, ..] = zeros(1_000_000);
    let holds = module.task("hold").arg_payload(bytes).options(TaskOptions::new().budget(&budget));
    let holds = holds.submit().await;
    settled(&host, "it to have what it was given", |_| budget.used().memory_bytes > 40_000_000).await;
    host.cancel(&holds);
    assert_eq!(error(&host, &holds).await.kind, ErrorKind::TaskCancelled);
    settled(&host, "its instance to go", |stats| stats.instances == 0).await;
    assert_eq!(budget.used().memory_bytes, 0);
    finish(host).await;
}

#[tokio::test]
async fn a_step_of_a_resource_burns_fuel_and_is_found_among_thousands_of_functions() {
    let host = builder().build().unwrap();
    let module = load(&host, COUNTER).await;
    let steps = |count: usize| format!(r#"[{{"new": [5]}}{}]"#, r#","value""#.repeat(count));
    let burned = async |count: usize| {
        let payload = Payload::new(Encoding::Json, steps(count));
        let call = module.task("cells.counter.value").arg_payload(payload).submit().await;
        assert_eq!(value::<u32>(&host, &call).await, 5);
        call.receipt().unwrap().fuel_used
    };
    let (few, many) = (burned(10).await, burned(1010).await);
    assert!(many - few >= 1000 * 20 * 50, "{many} and {few}");
    finish(host).await;
}

/// A component whose functions give a type of half a million parts, in a few hundred bytes: each has what another one has twice.
fn doubled(functions: u32) -> String {
    let types: String = (0..17).map(|n| format!("(type $t{} (tuple $t{n} $t{n}))", n + 1)).collect();
    let exports: String = (0..functions).map(|n| format!("(export \"f{n}\" (func $f))")).collect();
    format!(
        r#"(component
        (core module $m (memory (export "memory") 8) (func (export "f") (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (alias core export $i "memory" (core memory $memory))
        (type $t0 (tuple u8 u8)) {types}
        (func $f (result $t17) (canon lift (core func $i "f") (memory $memory)))
        {exports})"#
    )
}

#[tokio::test]
async fn types_of_too_many_parts_are_refused() {
    let host = builder().build().unwrap();
    assert_eq!(tasks(&load(&host, &doubled(1)).await), ["f0"]);
    // Each function's would be walked, for what it cannot do and for its words.
    let error = refused(&host, &doubled(1000)).await.to_string();
    assert!(error.contains("type size exceeds the limit of 1000000"), "{error}");
    finish(host).await;
}

#[tokio::test]
async fn a_type_with_long_names_leaves_room_for_what_is_wrong() {
    let host = builder().build().unwrap();
    let names: String = (0..20).map(|number| format!("\"{}{number}\" ", "n".repeat(5000))).collect();
    let text = format!(
        r#"(component
        (core module $m (func (export "f") (param i32)))
        (core instance $i (instantiate $m))
        (type $case' (enum {names}))
        (export $case "case" (type $case'))
        (func $f (param "{}" $case) (canon lift (core func $i "f")))
        (export "f" (func $f)))"#,
        "p".repeat(5000)
    );
    let module = load(&host, &text).await;
    let refused = echoed(&host, &module, "f", "5").await.unwrap_err();
    assert!(refused.ends_with("is expected, and this is 5"), "{refused}");
    finish(host).await;
}
