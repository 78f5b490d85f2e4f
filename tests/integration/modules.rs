//! Several modules on one host: tasks and actors of the others by name, as far as they are granted, and versions that replace
//! each other while they run.

use rustyray_host::clock::ManualClock;
use rustyray_host::{
    Capabilities, ErrorKind, Host, HostBuilder, Module, ModuleError, ModuleNameError, ObjectRef, TaskLimits,
    TaskOptions, limits,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

use rustyray_testkit::guest;
use rustyray_tests::{Lines, builder, error, finish, host_with, settled, value};

const SHAPES: &str = include_str!("../guests/src/stubs/shapes.wat");

/// A host with `calc` and `shapes` by their names, and the module that calls them.
async fn hosting(builder: HostBuilder) -> (Host, Module, Module) {
    let (host, callers) = host_with(builder, "callers").await;
    let calc = host.load_file(guest("calc")).await.unwrap();
    let shapes = host.load_bytes("shapes", wat::parse_str(SHAPES).unwrap()).await.unwrap();
    calc.register().unwrap();
    shapes.register().unwrap();
    (host, callers, calc)
}

fn granted() -> HostBuilder {
    builder().capabilities(Capabilities::none().module("calc").module("shapes").clock())
}

async fn call(module: &Module, task: &str, argument: impl Serialize + 'static) -> ObjectRef {
    module.task(task).arg(argument).submit().await
}

async fn sum(callers: &Module, function: &str) -> ObjectRef {
    callers.task("sum_of").arg(function.to_owned()).arg(2i32).arg(3i32).submit().await
}

/// The value that comes as time goes on, which stood still before.
pub async fn in_time<T: DeserializeOwned + 'static>(host: &Host, clock: &ManualClock, object: &ObjectRef) -> T {
    let turning = async {
        loop {
            clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        value = value(host, object) => value,
        () = turning => unreachable!(),
    }
}

/// What went wrong in the task that a task called.
async fn cause(host: &Host, object: &ObjectRef) -> (ErrorKind, String) {
    let failed = error(host, object).await;
    let cause = failed.causes.first().unwrap_or_else(|| panic!("{failed:#}"));
    (cause.kind, cause.message.clone())
}

#[tokio::test]
async fn tasks_streams_and_actors_of_another_module_are_called_by_name() {
    let (host, callers, _calc) = hosting(granted()).await;
    assert_eq!(value::<i32>(&host, &sum(&callers, "calc:add").await).await, 5);
    let items = callers.task("streamed").arg("calc:count".to_owned()).arg(3u32).submit().await;
    assert_eq!(value::<Vec<u32>>(&host, &items).await, [0, 1, 2]);
    let counted = call(&callers, "counted", "calc:Counter".to_owned()).await;
    assert_eq!(value::<i32>(&host, &counted).await, 8);
    let area = callers.task("by_types").submit().await;
    let texts = "10 CornerResult { x: 3, y: -4 } CornerResult { x: -4, y: -3 } true";
    assert_eq!(value::<String>(&host, &area).await, texts);
    finish(host).await;
}

#[tokio::test]
async fn stubs_call_as_if_all_were_here() {
    let (host, callers, _calc) = hosting(granted()).await;
    let all = callers.task("by_stubs").submit().await;
    let expected = r#"(5, [0, 1, 2], 3, "rest 1", Point { x: 11, y: 22 }, {"a": Some(3)}, -5, 42, Some(0))"#;
    assert_eq!(value::<String>(&host, &all).await, expected);
    finish(host).await;
}

#[tokio::test]
async fn a_module_that_is_not_granted_is_out_of_reach() {
    let (host, callers, _calc) = hosting(builder().capabilities(Capabilities::none().module("shapes"))).await;
    // One that is there and one that is not are told alike.
    for name in ["calc", "nowhere"] {
        let refused = sum(&callers, &format!("{name}:add")).await;
        let (kind, message) = cause(&host, &refused).await;
        assert_eq!(kind, ErrorKind::CapabilityDenied);
        let expected =
            format!("'module:{name}' is not granted (held: module:shapes): grant it with `--with {name}.wasm`");
        assert!(message.starts_with(&expected), "{message}");
        assert_eq!(refused.receipt().unwrap().refused, [format!("module:{name}")]);
    }
    let streamed = callers.task("streamed").arg("calc:count".to_owned()).arg(3u32).submit().await;
    assert_eq!(cause(&host, &streamed).await.0, ErrorKind::CapabilityDenied);
    let counted = call(&callers, "counted", "calc:Counter".to_owned()).await;
    let failed = error(&host, &counted).await;
    assert!(failed.causes.iter().any(|cause| cause.kind == ErrorKind::CapabilityDenied), "{failed:#}");
    // The embedder's own tasks hold what the host grants.
    let direct = callers.task("calc:add").arg(2i32).arg(3i32).submit().await;
    assert_eq!(error(&host, &direct).await.kind, ErrorKind::CapabilityDenied);
    finish(host).await;
}

#[tokio::test]
async fn a_child_holds_no_more_than_its_parent_whatever_its_module() {
    let (host, callers, _calc) = hosting(granted()).await;
    let passed_on = async |grants: Option<&[&str]>| {
        let grants = grants.map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        callers.task("passed_on").arg("calc:held".to_owned()).arg(grants).submit().await
    };
    let all = passed_on(None).await;
    assert_eq!(value::<Vec<String>>(&host, &all).await, ["module:calc", "module:shapes", "clock"]);
    let fewer = passed_on(Some(&["module:shapes"])).await;
    assert_eq!(value::<Vec<String>>(&host, &fewer).await, ["module:shapes"]);
    let more = passed_on(Some(&["module:other"])).await;
    assert_eq!(cause(&host, &more).await.0, ErrorKind::CapabilityDenied);

    let narrow = async |grants: &[&str]| {
        let grants: Vec<String> = grants.iter().map(|name| (*name).to_owned()).collect();
        callers.task("without").arg(grants).arg("calc:add".to_owned()).submit().await
    };
    assert_eq!(value::<i32>(&host, &narrow(&["module:calc"]).await).await, 3);
    let refused = error(&host, &narrow(&["module:shapes", "clock"]).await).await;
    let denied = refused.causes.iter().find(|cause| cause.kind == ErrorKind::CapabilityDenied);
    assert!(denied.is_some_and(|denied| denied.message.contains("(held: module:shapes, clock)")), "{refused:#}");
    finish(host).await;
}

#[tokio::test]
async fn a_pure_task_reaches_no_other_module() {
    let (host, callers, _calc) = hosting(granted()).await;
    let (kind, message) = cause(&host, &call(&callers, "pure_sum", "calc:add".to_owned()).await).await;
    assert_eq!(kind, ErrorKind::CapabilityDenied);
    assert!(message.contains("a pure task"), "{message}");
    finish(host).await;
}

#[tokio::test]
async fn what_another_module_declares_holds_below_the_hosts_limits() {
    let ceiling = TaskLimits { fuel: Some(50_000_000), ..TaskLimits::ceiling() };
    let (host, callers, _calc) = hosting(granted().ceiling(ceiling)).await;
    let modest = call(&callers, "version", "calc:modest".to_owned()).await;
    assert_eq!(cause(&host, &modest).await.0, ErrorKind::OutOfMemory);
    assert_eq!(value::<i32>(&host, &sum(&callers, "calc:add").await).await, 5);
    finish(host).await;
}

#[tokio::test]
async fn unknown_functions_are_told_with_those_that_there_are() {
    let held = Capabilities::none().module("calc").module("absent");
    let (host, callers, _calc) = hosting(builder().capabilities(held)).await;
    for (name, words) in [
        ("calc:ad", "module calc has no task 'ad' (it has: add, after, count"),
        ("calc:", "module calc has no task ''"),
        ("calc:Counter", "module calc has no task 'Counter'"),
        ("calc:calc:add", "module calc has no task 'calc:add'"),
        ("absent:add", "module 'absent' is granted, and not there"),
        ("add", "module callers has no task 'add'"),
    ] {
        let (kind, message) = cause(&host, &sum(&callers, name).await).await;
        assert_eq!(kind, ErrorKind::TaskNotFound, "{name}");
        assert!(message.contains(words), "{name}: {message}");
    }
    let counted = call(&callers, "counted", "calc:Conter".to_owned()).await;
    assert!(error(&host, &counted).await.causes[0].message.contains("no actor 'Conter' (it has: Counter"));
    finish(host).await;
}

#[tokio::test]
async fn names_with_strange_characters_lead_nowhere() {
    let (host, callers, _calc) = hosting(granted()).await;
    for name in
        [":add", "::", "::calc:add", " calc:add", "calc :add", "CALC:add", "calc\u{202e}:add", "*:add", "a/b:add"]
    {
        let refused = sum(&callers, name).await;
        let (kind, message) = cause(&host, &refused).await;
        assert!(matches!(kind, ErrorKind::CapabilityDenied | ErrorKind::TaskNotFound), "{name}: {kind:?}");
        assert!(!message.contains('\u{202e}'), "{message}");
    }
    // As a guest without the SDK would write them.
    for name in ["calc\u{1b}[2J:add", "calc\n:add", "\0:add", ":\u{7}"] {
        let refused = callers.task(name).arg(2i32).arg(3i32).submit().await;
        let failed = error(&host, &refused).await;
        assert_eq!(failed.kind, ErrorKind::CapabilityDenied, "{name:?}");
        assert!(!failed.message.contains(char::is_control), "{}", failed.message);
    }
    // The SDK refuses what would end its guest.
    for name in ["calc:add\n", "calc\0:add", &"x".repeat(limits::NAME_BYTES_MAX + 1)] {
        assert_eq!(error(&host, &sum(&callers, name).await).await.kind, ErrorKind::TaskFailed, "{name:?}");
    }
    finish(host).await;
}

#[tokio::test]
async fn a_modules_own_function_comes_first() {
    let (host, callers, _calc) = hosting(granted()).await;
    assert_eq!(value::<i32>(&host, &sum(&callers, "calc:mine").await).await, 6);
    finish(host).await;
}

#[tokio::test]
async fn an_actor_of_another_module_is_found_by_who_may_call_that() {
    let options = || rustyray_host::ActorOptions::new().name("tally");
    for (held, reached) in [(Capabilities::none().module("calc"), true), (Capabilities::none(), false)] {
        let (host, callers, calc) = hosting(builder().capabilities(held)).await;
        let tally = calc.actor("Counter").options(options()).create();
        for (way, total) in [("found_by_name", 1), ("found_typed", 2)] {
            let found = call(&callers, way, "tally".to_owned()).await;
            match reached {
                true => assert_eq!(value::<i32>(&host, &found).await, total),
                false => assert_eq!(error(&host, &found).await.causes[0].kind, ErrorKind::ActorNotFound),
            }
        }
        let namesakes = call(&callers, "namesakes", "tally".to_owned()).await;
        match reached {
            true => assert_eq!(value::<Vec<i32>>(&host, &namesakes).await, [-1, 3, -1, 4]),
            false => assert_eq!(error(&host, &namesakes).await.causes[0].kind, ErrorKind::ActorNotFound),
        }
        drop(tally);
        finish(host).await;
    }
}

#[tokio::test]
async fn a_name_is_one_modules() {
    let (host, callers, calc) = hosting(granted()).await;
    calc.register().unwrap();
    let next = host.load_file_as("calc", guest("calc_next")).await.unwrap();
    assert_eq!(next.register(), Err(ModuleNameError::Taken("calc".to_owned())));
    let odd = host.load_file_as("a b", guest("calc_next")).await.unwrap();
    assert!(matches!(odd.register(), Err(ModuleNameError::Invalid(_))));
    assert!(calc.unregister() && !calc.unregister() && !next.unregister());
    let gone = call(&callers, "version", "calc:version".to_owned()).await;
    assert_eq!(cause(&host, &gone).await.0, ErrorKind::TaskNotFound);
    next.register().unwrap();
    let version = call(&callers, "version", "calc:version".to_owned()).await;
    assert_eq!(value::<u32>(&host, &version).await, 2);
    finish(host).await;
}

#[tokio::test]
async fn what_was_submitted_finishes_on_the_version_that_it_began_with() {
    let (clock, lines) = (ManualClock::new(), Lines::default());
    let (host, callers, calc) = hosting(granted().clock(clock.clone()).on_log(lines.sink())).await;
    // One runs, one waits for it, one rests before it is tried again, one is put together.
    let runs = calc.task("patient").submit().await;
    lines.until("patient").await;
    let waits = calc.task("after").arg_ref(&runs).submit().await;
    let rests = calc.task("flaky").submit().await;
    lines.until("flaky").await;
    settled(&host, "it failed the first time", |stats| stats.running == 1).await;
    let (counter, later) = (calc.actor("Counter").create(), calc.task("version"));
    assert_eq!(value::<u32>(&host, &counter.call("version").submit().await).await, 1);

    let other = calc.clone();
    calc.replace_file(guest("calc_next")).await.unwrap();
    assert_eq!(value::<u32>(&host, &later.submit().await).await, 2);
    assert_eq!(value::<u32>(&host, &other.task("new_here").submit().await).await, 2);
    let by_name = call(&callers, "version", "calc:version".to_owned()).await;
    assert_eq!(value::<u32>(&host, &by_name).await, 2);
    assert_eq!(value::<u32>(&host, &other.actor("Counter").create().call("version").submit().await).await, 2);

    assert_eq!(in_time::<(u32, u32)>(&host, &clock, &runs).await, (1, 1), "and so do its children");
    assert_eq!(value::<u32>(&host, &waits).await, 1);
    assert_eq!(in_time::<u32>(&host, &clock, &rests).await, 1);
    assert_eq!(value::<u32>(&host, &counter.call("version").submit().await).await, 1);
    let unknown = counter.call("new_here").submit().await;
    assert_eq!(error(&host, &unknown).await.kind, ErrorKind::TaskNotFound);
    drop(counter);
    finish(host).await;
}

#[tokio::test]
async fn a_replacement_that_fails_changes_nothing() {
    let (host, callers, calc) = hosting(granted()).await;
    let modules = host.stats().modules;
    assert!(calc.replace("no module").await.is_err());
    assert!(calc.replace_file("/no/such/file.wasm").await.is_err());
    let silent = r#"(component (instance $g) (export "rustyray:core/guest@0.1.0" (instance $g)))"#;
    assert!(calc.replace(wat::parse_str(silent).unwrap()).await.is_err());
    let version = call(&callers, "version", "calc:version".to_owned()).await;
    assert_eq!(value::<u32>(&host, &version).await, 1);
    assert_eq!(host.stats().modules, modules);
    finish(host).await;
}

#[tokio::test]
async fn a_manifest_is_its_modules_as_long_as_the_version() {
    let (host, calc) = host_with(builder(), "calc").await;
    let kept = |module: &Module| {
        let info = module.info();
        // The names of its imports are kept with it.
        let names: usize = info.imports.iter().map(String::len).sum();
        (module.kept_bytes(), module.manifest().unwrap().kept_bytes() + names as u64)
    };
    let (first, least) = kept(&calc);
    assert!(1000 < least && least < first, "{first} {least}");
    let (before, other) = (calc.info(), std::fs::read(guest("objects")).unwrap());
    calc.replace(other).await.unwrap();
    let (both, least) = kept(&calc);
    let replaced = both - first;
    assert!(least < replaced && replaced != first, "who holds a version holds its manifest");
    assert_eq!(host.stats().manifest_bytes, calc.kept_bytes());
    drop(before);
    settled(&host, "the version to go", |stats| stats.manifest_bytes == replaced).await;
    assert_eq!((calc.kept_bytes(), host.stats().object_bytes), (replaced, replaced));
    finish(host).await;
}

#[tokio::test]
async fn a_manifest_needs_room() {
    let host = builder().object_store_bytes(4 << 10).build().unwrap();
    let refused = host.load_file(guest("objects")).await.err().unwrap();
    assert!(
        matches!(&refused, ModuleError::NoRoom { full, .. } if full.kind == ErrorKind::ObjectStoreFull),
        "{refused}"
    );
    let refused = refused.to_string();
    assert!(refused.starts_with("its manifest takes ") && refused.contains("of 4096 bytes"), "{refused}");
    assert_eq!((host.stats().modules, host.stats().object_bytes), (0, 0));
    finish(host).await;
}

#[tokio::test]
async fn the_code_of_a_version_goes_when_nothing_needs_it() {
    let clock = ManualClock::new();
    let lines = Lines::default();
    let (host, _callers, calc) = hosting(granted().clock(clock.clone()).on_log(lines.sink())).await;
    let modules = host.stats().modules;
    let runs = calc.task("patient").submit().await;
    lines.until("patient").await;
    for _ in 0..3 {
        calc.replace_file(guest("calc_next")).await.unwrap();
    }
    assert_eq!(host.stats().modules, modules + 1, "those in between are gone, and one still runs");
    assert_eq!(in_time::<(u32, u32)>(&host, &clock, &runs).await, (1, 1));
    settled(&host, "the first version is gone", |stats| stats.modules == modules).await;
    let counter = calc.actor("Counter").create();
    value::<u32>(&host, &counter.call("version").submit().await).await;
    calc.replace_file(guest("calc")).await.unwrap();
    assert_eq!(host.stats().modules, modules + 1, "an actor lives on it");
    drop(counter);
    settled(&host, "the actor is gone, and its version", |stats| stats.modules == modules).await;
    drop((calc, _callers));
    settled(&host, "a module without a handle is gone, those with names stay", |stats| stats.modules == 2).await;
    finish(host).await;
}

#[tokio::test]
async fn a_component_without_an_sdk_is_replaced_as_well() {
    let answer = |number: u32| {
        let text = format!(
            r#"(component
                (core module $m (func (export "answer") (result i32) i32.const {number}))
                (core instance $i (instantiate $m))
                (func $answer (result u32) (canon lift (core func $i "answer")))
                (export "answer" (func $answer)))"#
        );
        wat::parse_str(text).unwrap()
    };
    let (host, callers) = host_with(builder().capabilities(Capabilities::none().module("plain")), "callers").await;
    let plain = host.load_bytes("plain", answer(41)).await.unwrap();
    plain.register().unwrap();
    let ask = || callers.task("version").arg("plain:answer".to_owned()).try_submit();
    assert_eq!(value::<u32>(&host, &ask()).await, 41);
    plain.replace(answer(42)).await.unwrap();
    assert_eq!(value::<u32>(&host, &ask()).await, 42);
    let named = plain.task("answer").options(TaskOptions::new().name("asked")).submit().await;
    assert_eq!(value::<u32>(&host, &named).await, 42);
    finish(host).await;
}
