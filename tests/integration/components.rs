//! What is no module, and components that our SDK did not make.

use rustyray_host::{ErrorKind, Host, Module, ModuleError, TaskLimits, TaskOptions};

use rustyray_tests::{builder, error, finish, guest, host_with, value};

async fn refused(host: &Host, bytes: impl Into<Vec<u8>>) -> String {
    match host.load_bytes("bad", bytes).await {
        Ok(_) => panic!("it loads"),
        Err(error) => error.to_string(),
    }
}

/// A command whose `run` has this body, beside these items of its core module.
fn command(items: &str, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $m {items} (func (export "run") (result i32) {body}))
            (core instance $i (instantiate $m))
            (func $run (result (result)) (canon lift (core func $i "run")))
            (instance $cli (export "run" (func $run)))
            (export "wasi:cli/run@0.2.0" (instance $cli)))"#
    );
    wat::parse_str(text).unwrap()
}

#[tokio::test]
async fn what_is_no_module_is_refused_and_the_host_goes_on() {
    let host = builder().build().unwrap();
    assert!(refused(&host, "").await.contains("the file is empty"));
    assert!(refused(&host, "#!/bin/sh\necho hello").await.contains("not a WebAssembly component"));
    assert!(refused(&host, wat::parse_str("(module)").unwrap()).await.contains("a core WebAssembly module"));
    let whole = std::fs::read(guest("waiting")).unwrap();
    for cut in [9, 100, whole.len() / 2, whole.len() - 1] {
        assert!(refused(&host, &whole[..cut]).await.contains("cut off or damaged"), "{cut}");
    }
    let mut damaged = whole.clone();
    damaged[whole.len() / 3..whole.len() / 3 + 64].fill(0xff);
    assert!(host.load_bytes("bad", damaged).await.is_err());

    let other_world = r#"(component
        (instance $api)
        (export "some:other/api@1.0.0" (instance $api)))"#;
    let text = refused(&host, wat::parse_str(other_world).unwrap()).await;
    assert!(text.contains("nothing to run") && text.contains("some:other/api@1.0.0"), "{text}");
    let importing = r#"(component (import "some:other/api@1.0.0" (instance (export "f" (func))))
        (instance $cli) (export "wasi:cli/run@0.2.0" (instance $cli)))"#;
    let text = refused(&host, wat::parse_str(importing).unwrap()).await;
    assert!(text.contains("needs an import") && text.contains("some:other/api"), "{text}");
    let newer = r#"(component (instance $g) (export "rustyray:core/guest@0.9.0" (instance $g)))"#;
    assert!(refused(&host, wat::parse_str(newer).unwrap()).await.contains("rebuild it"));
    let hollow = r#"(component (instance $g) (export "rustyray:core/guest@0.1.0" (instance $g)))"#;
    assert!(refused(&host, wat::parse_str(hollow).unwrap()).await.contains("has another shape"));
    assert!(matches!(host.load_file("/no/such/file.wasm").await, Err(ModuleError::Unreadable(_))));

    let module = host.load_file(guest("waiting")).await.unwrap();
    let task = module.task("increment").arg(1u32).submit().await;
    assert_eq!(value::<u32>(&host, &task).await, 2);
    finish(host).await;
}

async fn run(host: &Host, module: &Module) -> rustyray_host::ObjectRef {
    let main = module.main(vec!["command".to_owned()], false, TaskOptions::new());
    let _ = host.value(&main, None).await;
    main
}

#[tokio::test]
async fn a_plain_command_runs() {
    let host = builder().build().unwrap();
    for code in [0, 1] {
        let module = host.load_bytes("plain", command("", &format!("i32.const {code}"))).await.unwrap();
        assert!(module.manifest().is_none());
        assert_eq!(value::<i32>(&host, &run(&host, &module).await).await, code);
        let task = module.task("anything").submit().await;
        assert_eq!(error(&host, &task).await.kind, ErrorKind::TaskNotFound);
    }
    finish(host).await;
}

#[tokio::test]
async fn tables_are_limited() {
    let ceiling = TaskLimits { table_elements: 5_000, ..TaskLimits::ceiling() };
    let host = builder().ceiling(ceiling).build().unwrap();
    let body = "(loop (drop (table.grow 0 (ref.null func) (i32.const 1000))) (br 0)) i32.const 0";
    let module = host.load_bytes("grower", command("(table 1 funcref)", body)).await.unwrap();
    let error = error(&host, &run(&host, &module).await).await;
    assert_eq!(error.kind, ErrorKind::LimitExceeded);
    let limit = error.limit.as_ref().unwrap();
    assert_eq!((limit.name.as_str(), limit.limit, limit.used), ("table-elements", 5_000, 5_001));
    finish(host).await;
}

#[tokio::test]
async fn traps_of_every_sort_end_their_own_guest() {
    let host = builder().build().unwrap();
    let traps = [
        ("", "unreachable"),
        ("", "(i32.div_u (i32.const 1) (i32.const 0))"),
        ("(memory 1)", "(i32.load (i32.const -4))"),
        ("(table 1 funcref) (type $t (func))", "(call_indirect (type $t) (i32.const 7)) i32.const 0"),
        ("(func $f (call $f))", "(call $f) i32.const 0"),
    ];
    for (items, body) in traps {
        let module = host.load_bytes("trap", command(items, body)).await.unwrap();
        assert_eq!(error(&host, &run(&host, &module).await).await.kind, ErrorKind::WorkerCrashed, "{body}");
    }
    finish(host).await;
}

#[tokio::test]
async fn a_module_tells_what_it_offers() {
    let (host, module) = host_with(builder(), "program").await;
    let manifest = module.manifest().unwrap();
    let names: Vec<_> = manifest.tasks.iter().map(|task| task.to_string()).collect();
    assert!(names.contains(&"add(a: i32, b: i32) -> i32".to_owned()), "{names:?}");
    let info = module.info();
    let parse = info.task("parse").unwrap();
    assert_eq!(parse.options.summary(), "timeout=5s fuel=50000000 memory=64MiB max_retries=2 num_cpus=1");
    let counter = &manifest.actors[0];
    assert_eq!(&*counter.name, "Counter");
    let functions = |list: &[rustyray_host::FunctionInfo]| list.iter().map(|f| f.name.to_string()).collect::<Vec<_>>();
    assert_eq!(functions(&counter.constructors), ["new", "starting_at"]);
    assert_eq!(functions(&counter.methods), ["increment", "get"]);
    assert!(module.info().has_main);
    finish(host).await;
}

/// A component that no SDK made, with functions at the top and in an interface.
const CALCULATOR: &str = r#"(component
    (core module $m
        (memory (export "memory") 1)
        (global $at (mut i32) (i32.const 1024))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (local $new i32)
            (local.set $new (global.get $at))
            (global.set $at (i32.add (global.get $at) (i32.and (i32.add (local.get 3) (i32.const 15)) (i32.const -16))))
            (if (i32.gt_u (global.get $at) (i32.const 65536)) (then unreachable))
            (local.get $new))
        (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
        (func (export "divide") (param i32 i32) (result i32)
            (if (i32.eqz (local.get 1))
                (then
                    (i32.store8 (i32.const 16) (i32.const 1))
                    (i32.store (i32.const 20) (i32.const 64))
                    (i32.store (i32.const 24) (i32.const 7))
                    (return (i32.const 16))))
            (i32.store8 (i32.const 16) (i32.const 0))
            (i32.store (i32.const 20) (i32.div_u (local.get 0) (local.get 1)))
            (i32.const 16))
        (func (export "echo") (param i32 i32) (result i32)
            (i32.store (i32.const 32) (local.get 0))
            (i32.store (i32.const 36) (local.get 1))
            (i32.const 32))
        (func (export "spin") (loop (br 0)))
        (data (i32.const 64) "by zero"))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $memory))
    (alias core export $i "realloc" (core func $realloc))
    (func $add (param "a" s32) (param "b" s32) (result s32) (canon lift (core func $i "add")))
    (func $divide (param "a" u32) (param "b" u32) (result (result u32 (error string)))
        (canon lift (core func $i "divide") (memory $memory)))
    (func $echo (param "items" (list u8)) (result (list u8))
        (canon lift (core func $i "echo") (memory $memory) (realloc $realloc)))
    (func $spin (canon lift (core func $i "spin")))
    (export "add" (func $add))
    (export "divide" (func $divide))
    (export "spin" (func $spin))
    (instance $bytes (export "echo" (func $echo)))
    (export "docs:calculator/bytes@1.2.0" (instance $bytes)))"#;

#[tokio::test]
async fn functions_of_any_component_are_tasks() {
    let host = builder().build().unwrap();
    let module = host.load_bytes("calculator", wat::parse_str(CALCULATOR).unwrap()).await.unwrap();
    let tasks: Vec<String> = module.info().manifest.as_ref().unwrap().tasks.iter().map(ToString::to_string).collect();
    assert_eq!(
        tasks,
        [
            "add(a: s32, b: s32) -> s32",
            "bytes.echo(items: list<u8>) -> list<u8>",
            "divide(a: u32, b: u32) -> result<u32, string>",
            "spin() -> ()"
        ]
    );
    // Values of the embedder's, references, and JSON.
    let three = module.task("add").arg(1i32).arg(2i32).submit().await;
    let minus = module.task("add").arg_ref(&three).arg(-10i32).submit().await;
    assert_eq!(value::<i32>(&host, &minus).await, -7);
    let json = |text: &str| rustyray_host::Payload::new(rustyray_host::Encoding::Json, text.to_owned());
    let call = module.task("divide").arg_payload(json("7")).arg_payload(json("2")).reply(rustyray_host::Encoding::Json);
    let quotient = call.submit().await;
    assert_eq!(host.value(&quotient, None).await.unwrap().payload().data, "3");
    let echoed = module.task("bytes.echo").arg(vec![1u8, 2, 3]).submit().await;
    assert_eq!(value::<Vec<u8>>(&host, &echoed).await, [1, 2, 3]);

    // Its own error, an argument of another type, and what it has not.
    let by_zero = module.task("divide").arg(7u32).arg(0u32).submit().await;
    let failed = error(&host, &by_zero).await;
    assert_eq!((failed.kind, failed.message.as_str()), (ErrorKind::TaskFailed, "by zero"));
    let wrong = module.task("add").arg_payload(json("1")).arg_payload(json("\"two\"")).submit().await;
    let failed = error(&host, &wrong).await;
    assert_eq!(failed.kind, ErrorKind::InvalidArgument);
    assert_eq!(failed.message, "argument `b` (s32): s32 is expected, and this is \"two\"");
    let missing = module.task("subtract").submit().await;
    assert_eq!(error(&host, &missing).await.kind, ErrorKind::TaskNotFound);

    // What holds for all tasks holds for these: a fresh instance each, and limits.
    let options = rustyray_host::TaskOptions::new().fuel(10_000_000);
    let spin = module.task("spin").options(options).submit().await;
    assert_eq!(error(&host, &spin).await.kind, ErrorKind::OutOfFuel);
    for _ in 0..50 {
        // A second call in one instance would not have the room.
        let echoed = module.task("bytes.echo").arg(vec![7u8; 40_000]).submit().await;
        assert_eq!(value::<Vec<u8>>(&host, &echoed).await.len(), 40_000);
    }
    finish(host).await;
}
