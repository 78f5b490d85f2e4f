//! What a component that no SDK made exports: by which names it is called, what of it cannot be called, and what is not its own.

use rustyray_host::{Encoding, ErrorKind, Host, Module, ModuleError, Payload, TaskOptions};

use crate::support::{builder, error, finish, value};

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
        ("double", "1e39"),
        ("long", "18446744073709551615"),
        ("long", "9007199254740993"),
    ] {
        assert_eq!(echoed(&host, &module, task, json).await.as_deref(), Ok(json), "{task}");
    }
    assert_eq!(echoed(&host, &module, "long", "\"9007199254740993\"").await.as_deref(), Ok("9007199254740993"));
    let refused = echoed(&host, &module, "single", "1e39").await.unwrap_err();
    assert!(refused.contains("argument `of` (f32)") && refused.contains("1e39"), "{refused}");
    finish(host).await;
}
