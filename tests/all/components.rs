//! What is no module, and components that our SDK did not make.

use rustyray_host::{ErrorKind, Host, Module, ModuleError, TaskLimits, TaskOptions};

use crate::support::{builder, error, finish, guest, host_with, value};

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
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (instance $api (export "f" (func $f)))
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
    let parse = module.info().task("parse").unwrap();
    assert_eq!(parse.options.summary(), "timeout=5s fuel=50000000 memory=64MiB max_retries=2 num_cpus=1");
    let counter = &manifest.actors[0];
    assert_eq!(&*counter.name, "Counter");
    let functions = |list: &[rustyray_host::FunctionInfo]| list.iter().map(|f| f.name.to_string()).collect::<Vec<_>>();
    assert_eq!(functions(&counter.constructors), ["new", "starting_at"]);
    assert_eq!(functions(&counter.methods), ["increment", "get"]);
    assert!(module.info().has_main);
    finish(host).await;
}
