//! Growth without end: of memory, stacks, instances, handles, objects and files.

use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustyray_host::clock::ManualClock;
use rustyray_host::limits::{HANDLES_MAX, OBJECT_OVERHEAD_BYTES, REFUSALS_MAX, WASI_HANDLES_MAX};
use rustyray_host::{Capabilities, DirAccess, ErrorKind, HostBuilder, TaskOptions};

use crate::arena::{attack, attack_next_door, attack_on};
use crate::forge;
use rustyray_testkit::census::{files, peak_memory};

/// What a process with this host needs, and no attack can make more.
const PROCESS_MEMORY: u64 = 400 << 20;

/// Grants a folder for reading.
fn holding(folder: &Path) -> impl Fn(HostBuilder, &ManualClock) -> HostBuilder {
    move |builder, _| {
        builder.capabilities(Capabilities::none().dir(folder, "/data", DirAccess::ReadOnly).unwrap().clock())
    }
}

#[test]
fn memory_in_every_shape() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        for task in ["growth::doubling", "growth::crumbs", "growth::gulp"] {
            let options = TaskOptions::new().memory_bytes(32 << 20);
            let error = arena.outlive(&module.task(task).options(options)).await;
            assert_eq!(error.kind, ErrorKind::OutOfMemory, "{task}: {error:#}");
        }
        assert!(peak_memory() < PROCESS_MEMORY, "{}", peak_memory());
    });
}

#[test]
fn a_recursion_in_a_drop_and_in_a_result() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        for task in ["growth::deep_drop", "growth::deep_result"] {
            let error = arena.outlive(&module.task(task)).await;
            assert_eq!(error.kind, ErrorKind::WorkerCrashed, "{task}: {error:#}");
            assert!(error.message.contains("stack overflow"), "{task}: {error}");
        }
    });
}

#[test]
fn a_table_that_is_filled_with_nothing() {
    attack(async |arena| {
        let items = "(table $t 1 funcref)";
        let body = "(loop $again (drop (table.grow $t (ref.null func) (i32.const 100))) (br $again))";
        let module = arena.load_forged(forge::task(0, items, body)).await;
        let error = arena.outlive(&module.task("attack")).await;
        assert_eq!((error.kind, error.limit.unwrap().name.as_str()), (ErrorKind::LimitExceeded, "table-elements"));
    });
}

#[test]
fn pages_that_nobody_touches() {
    attack(async |arena| {
        let body = "(loop $again (drop (memory.grow (i32.const 1))) (br $again))";
        let module = arena.load_forged(forge::task(0, "", body)).await;
        let error = arena.outlive(&module.task("attack")).await;
        assert_eq!((error.kind, error.limit.unwrap().name.as_str()), (ErrorKind::OutOfMemory, "memory-bytes"));
        let wide = forge::command("", "(memory i64 1)", "(loop (drop (memory.grow (i64.const 65536))) (br 0))");
        let main = arena.load_forged(wide).await.main(Vec::new(), false, TaskOptions::new());
        assert_eq!(arena.end_of(&main).await.kind, ErrorKind::OutOfMemory);
    });
}

#[test]
fn handles_to_one_object() {
    attack(async |arena| {
        let body = format!(
            "(call $put (i32.const 2) (i32.const {heap}) (i32.const 8) (i32.const 0) (i32.const 0) (i32.const {heap}))
            (loop $again (drop (call $clone (i32.load offset=8 (i32.const {heap})))) (br $again))",
            heap = forge::HEAP
        );
        let module = arena.load_forged(forge::task(0, forge::OBJECTS, &body)).await;
        let attack = module.task("attack").submit().await;
        arena.neighbour.works_on().await;
        let limit = arena.end_of(&attack).await.limit.clone().unwrap();
        assert_eq!((limit.name.as_str(), limit.limit), ("handles", HANDLES_MAX as u64));
    });
}

#[test]
fn objects_nested_until_the_store_is_full() {
    // Who shares a store can find it full.
    let small = |builder: HostBuilder, _: &ManualClock| builder.object_store_bytes(8 << 20);
    attack_next_door(small, async |arena| {
        let module = arena.load("hostile").await;
        let error = arena.outlive(&module.task("growth::nested_objects")).await;
        assert!(error.message.contains("ObjectStoreFull at"), "{error:#}");
    });
}

#[test]
fn objects_that_are_errors_take_their_room_in_the_store() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        let held = module.task("growth::failed_objects").arg(10_000u32).submit().await;
        arena.value(&held, None).await.unwrap();
        assert!(arena.stats().object_bytes > 10_000 * OBJECT_OVERHEAD_BYTES, "{:?}", arena.stats());
    });
}

#[test]
fn a_capability_that_is_named_without_end() {
    let folder = tempfile::tempdir().unwrap();
    attack_on(holding(folder.path()), async |arena| {
        let module = arena.load("hostile").await;
        let grants = |count: usize| module.task("growth::grants").arg("dir:/data:ro".to_owned()).arg(count);
        let error = arena.outlive(&grants(100_000)).await;
        assert_eq!(error.causes[0].kind, ErrorKind::InvalidArgument, "{error:#}");
        // A few are one: it opens its folder once.
        let few = grants(200).submit().await;
        assert_eq!(arena.get::<usize>(&few).await.unwrap(), 1);
    });
}

#[test]
fn sockets_without_a_network() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        let sockets = module.task("growth::sockets").submit().await;
        assert_eq!(arena.get::<usize>(&sockets).await.unwrap(), REFUSALS_MAX);
    });
}

#[test]
fn a_folder_that_is_read_many_times() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..10_000 {
        std::fs::write(folder.path().join(format!("{number:0>200}")), "").unwrap();
    }
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    std::os::unix::fs::symlink("folder", folder.path().join("link")).unwrap();
    attack_on(holding(folder.path()), async |arena| {
        let module = arena.load("hostile").await;
        let listings = |count: usize| module.task("growth::listings").arg("/data".to_owned()).arg(count);
        let before = peak_memory();
        let read: (usize, usize, usize) = arena.get(&listings(100).submit().await).await.unwrap();
        assert_eq!(read, (10_002, 1, 1));
        let taken = peak_memory() - before;
        assert!(taken < 64 << 20, "{taken} bytes for the entries of a folder");
        // What the host keeps meanwhile is the guest's.
        let small = listings(100).options(TaskOptions::new().memory_bytes(4 << 20)).submit().await;
        let error = arena.end_of(&small).await;
        assert_eq!((error.kind, &*error.limit.as_ref().unwrap().name), (ErrorKind::OutOfMemory, "memory-bytes"));
    });
}

#[test]
fn files_of_a_granted_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "text").unwrap();
    attack_on(holding(folder.path()), async |arena| {
        let module = arena.load("hostile").await;
        let error = arena.outlive(&module.task("growth::files").arg("/data/file".to_owned())).await;
        let limit = error.limit.unwrap();
        assert_eq!((error.kind, limit.name.as_str()), (ErrorKind::LimitExceeded, "handles"));
        assert_eq!(limit.limit, WASI_HANDLES_MAX as u64);
    });
}

/// Guests open all files that they may together. No other guest gets a real clock or chance for that, which once was so, and the host has
/// those left that it needs.
#[test]
fn all_open_files_of_the_process() {
    const FILES: u64 = 500;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "text").unwrap();
    let spill = tempfile::tempdir().unwrap();
    let grants = Capabilities::none().dir(folder.path(), "/data", DirAccess::ReadOnly).unwrap();
    let settings = |builder: HostBuilder, _: &ManualClock| {
        builder.capabilities(grants.clone()).object_store_bytes(16 << 20).spill(spill.path())
    };
    attack_on(settings, async |arena| {
        let before = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(FILES), ..before }).unwrap();
        let module = arena.load("hostile").await;
        let alone = module.task("growth::time_and_chance").submit().await;
        let alone: (u64, [u64; 2]) = arena.get(&alone).await.unwrap();
        assert_eq!(alone.0, 0);
        let holds = module.task("growth::holds_files").arg("/data/file".to_owned()).arg(50usize);
        let holds = holds.options(TaskOptions::new().num_cpus(0.0));
        let holding: Vec<_> = (0..16u32).map(|number| holds.clone().arg(number).try_submit()).collect();
        for number in 0..holding.len() {
            arena.lines.until(&format!("{number} has opened what it could")).await;
        }
        let open = files().values().sum::<usize>() as u64;
        let kept = FILES / 4;
        assert!((FILES - kept - 20..=FILES - kept + 20).contains(&open), "{open}");
        // Some were told that there are no more, and live.
        assert!(holding.iter().all(|task| !task.is_ready()));
        for _ in 0..3 {
            let again = module.task("growth::time_and_chance").submit().await;
            assert_eq!(arena.get::<(u64, [u64; 2])>(&again).await.unwrap(), alone);
        }
        let error = arena.end_of(&module.task("growth::names_in").arg("/data".to_owned()).submit().await).await;
        assert_eq!(error.kind, ErrorKind::LimitExceeded, "{error:#}");
        assert!(error.message.contains("'/data'") && error.message.contains("ulimit -n"), "{error:#}");
        // The host opens what it has to: modules, and files for spilled objects.
        arena.load("calc").await;
        let stored: Vec<_> = (0..8).map(|_| arena.put(&vec![7u8; 4 << 20]).unwrap()).collect();
        assert!(arena.stats().spilled_bytes > 0, "{:?}", arena.stats());
        drop(stored);
        arena.neighbour.works_on().await;
        holding.iter().for_each(|task| arena.cancel(task));
        for task in &holding {
            assert_eq!(arena.end_of(task).await.kind, ErrorKind::TaskCancelled);
        }
        let names = module.task("growth::names_in").arg("/data".to_owned()).submit().await;
        assert_eq!(arena.get::<usize>(&names).await.unwrap(), 1);
        setrlimit(Resource::Nofile, before).unwrap();
    });
}

/// A command that spins, beside so many copies of a core module with this in it.
fn component_of(count: usize, part: &str) -> Vec<u8> {
    let parts = (0..count).map(|n| format!("(core instance $p{n} (instantiate $part))"));
    forge::command(&format!("(core module $part {part}) {}", parts.collect::<String>()), "", "(loop (br 0))")
}

#[test]
fn components_of_many_parts() {
    // As many run as the host has instances, and the neighbour's still finds its place.
    attack_on(
        |builder, _| builder.cpus(64.0),
        async |arena| {
            let module = arena.load_forged(component_of(10, "(global i32 (i32.const 1))")).await;
            let mains: Vec<_> = (0..40).map(|_| module.main(Vec::new(), false, TaskOptions::new())).collect();
            rustyray_tests::settled(arena, "all to run", |stats| stats.running >= 40).await;
            arena.neighbour.works_on().await;
            for main in &mains {
                arena.cancel(main);
                assert_eq!(arena.end_of(main).await.kind, ErrorKind::TaskCancelled);
            }
            let memories = arena.refusal(component_of(2, "(memory 1)")).await;
            assert!(memories.contains("memories"), "{memories}");
            let tables = arena.refusal(component_of(10, "(table 1 funcref)")).await;
            assert!(tables.contains("tables"), "{tables}");
            let instances = arena.refusal(component_of(900, "")).await;
            assert!(instances.contains("core module instances"), "{instances}");
        },
    );
}
