//! What the host keeps for guests is charged, and is not more than that: each attack makes it without end, and what the process takes
//! is held against the accounts while it is there.

use std::time::Duration;

use rustyray_host::clock::ManualClock;
use rustyray_host::limits::LOOK_UPS_MAX;
use rustyray_host::{
    ActorOptions, Budget, BudgetLimits, Capabilities, DirAccess, Encoding, ErrorKind, HostBuilder, Module, NetGrant,
    Payload, TaskOptions,
};

use crate::arena::{Arena, attack, attack_next_door, attack_on};
use crate::forge;
use rustyray_testkit::census::{self, memory, peak_memory};
use rustyray_tests::settled;

/// What the process takes beside: a guest's instance and stack, and what the allocator has not given back of what was there before.
const BESIDE: u64 = 24 << 20;

/// A part is enough where the sizes are not those of what ships.
const PART: u32 = if cfg!(debug_assertions) { 4 } else { 1 };

/// Makes it, and gives what is charged for it: to the module, and to the guest that holds it.
async fn hoard(arena: &Arena, attack: &str, count: u32) -> (u64, u64) {
    hoard_with(arena, attack, count, TaskOptions::new()).await
}

/// The same with limits, which hold for what it submits.
async fn hoard_with(arena: &Arena, attack: &str, count: u32, options: TaskOptions) -> (u64, u64) {
    let module = arena.load("hostile").await;
    let name = format!("hoards::{attack}");
    let attack = module.task(&name).options(options.memory_bytes(1 << 30)).arg(count);
    let manifest = module.kept_bytes();
    assert!(manifest >= module.manifest().unwrap().kept_bytes());
    let idle = memory();
    let hoarding = attack.submit().await;
    arena.lines.until(&format!("{name} is there")).await;
    let (now, stats, kept) = (memory(), arena.stats(), module.kept_bytes());
    assert!(!hoarding.is_ready(), "{:?}", hoarding.receipt());
    assert!(manifest <= kept && kept <= stats.object_bytes, "{manifest} {kept} {stats:?}");
    arena.neighbour.works_on().await;
    arena.cancel(&hoarding);
    assert_eq!(arena.end_of(&hoarding).await.kind, ErrorKind::TaskCancelled);
    let held = hoarding.receipt().unwrap().memory_peak_bytes;
    let (taken, charged) = (now.saturating_sub(idle), kept + held);
    println!("{count}: {} MB taken, {} MB charged, {} MB of that to the guest", taken >> 20, charged >> 20, held >> 20);
    assert!(taken <= charged + charged / 2 + BESIDE, "{taken} bytes are taken, and {charged} charged");
    drop(hoarding);
    // What was submitted ends with it, and nothing else is left on the account.
    settled(&arena.host, "all to be given back", |_| module.kept_bytes() == manifest).await;
    (kept - manifest, held)
}

/// Grants what can be named.
fn clock(builder: HostBuilder, _: &ManualClock) -> HostBuilder {
    builder.capabilities(Capabilities::none().clock())
}

#[test]
fn tasks_that_are_cancelled_before_they_begin_are_nothing() {
    attack(async |arena| {
        let (kept, _) = hoard(arena, "cancelled", 300_000 / PART).await;
        assert!(kept < 100_000, "{kept}");
    });
}

#[test]
fn tasks_with_all_options() {
    attack_on(clock, async |arena| {
        let (kept, _) = hoard(arena, "waiting", 5000 / PART).await;
        assert!(kept > u64::from(5000 / PART) * 16 * 240, "{kept}");
    });
}

#[test]
fn tasks_with_all_options_within_their_parents_limits() {
    attack_on(clock, async |arena| {
        let limits = TaskOptions::new().fuel(1 << 40).timeout(Duration::from_secs(3600));
        let (kept, _) = hoard_with(arena, "waiting", 3000 / PART, limits).await;
        assert!(kept > u64::from(3000 / PART) * 16 * 240, "{kept}");
    });
}

#[test]
fn tasks_with_many_arguments() {
    attack(async |arena| {
        let (kept, _) = hoard(arena, "crowds", 30_000 / PART).await;
        assert!(kept > u64::from(30_000 / PART) * 12 * 100, "{kept}");
    });
}

#[test]
fn receipts_that_have_much_to_say() {
    attack(async |arena| {
        let (kept, _) = hoard(arena, "receipts", 10_000 / PART).await;
        assert!(kept > u64::from(10_000 / PART) * 16 * 240, "{kept}");
    });
}

#[test]
fn promises_ahead_of_streams() {
    attack(async |arena| {
        let (kept, _) = hoard(arena, "promises", 400 / PART).await;
        assert!(kept > u64::from(400 / PART) * 1024 * 100, "{kept}");
    });
}

#[test]
fn actors_that_never_were() {
    attack(async |arena| {
        let (kept, _) = hoard(arena, "ghosts", 10_000 / PART).await;
        assert!(kept > u64::from(10_000 / PART) * 16 * 240, "{kept}");
    });
}

#[test]
fn names_of_actors() {
    attack(async |arena| {
        let (kept, _) = hoard(arena, "names", 30_000 / PART).await;
        assert!(kept > u64::from(30_000 / PART) * 480, "{kept}");
    });
}

#[test]
fn objects_that_are_errors_of_all_sorts() {
    attack(async |arena| {
        let (kept, _) = hoard(arena, "errors", 2000 / PART).await;
        assert!(kept > u64::from(2000 / PART) * 4096, "{kept}");
        hoard(arena, "refused", 50_000 / PART).await;
    });
}

#[test]
fn objects_and_results_without_a_byte() {
    attack(async |arena| {
        hoard(arena, "empties", 500_000 / PART).await;
        hoard(arena, "results", 100_000 / PART).await;
    });
}

#[test]
fn results_of_much_that_is_gone() {
    let spill = tempfile::tempdir().unwrap();
    let spilling = |builder: HostBuilder, _: &ManualClock| builder.object_store_bytes(64 << 20).spill(spill.path());
    attack_on(spilling, async |arena| {
        hoard(arena, "ancestors", 400 / PART).await;
    });
}

#[test]
fn objects_that_refer_to_others() {
    attack(async |arena| {
        hoard(arena, "references", 300_000 / PART).await;
    });
}

/// Loads modules whose manifests are full of this.
async fn manifests(arena: &Arena, full_of: forge::Catalogue) {
    modules(arena, full_of.module()).await;
}

/// Loads a module several times of which much is kept.
async fn modules(arena: &Arena, bytes: Vec<u8>) {
    let (idle, before) = (memory(), arena.stats());
    let mut modules = Vec::new();
    // The allocator keeps what was many small pieces.
    for _ in 0..10 {
        modules.push(arena.host.load_bytes("forged", bytes.clone()).await.unwrap());
    }
    let (now, charged) = (memory(), modules.iter().map(Module::kept_bytes).sum::<u64>());
    assert!(modules.iter().all(|module| module.kept_bytes() > 3 << 20), "{charged}");
    assert_eq!(arena.stats().manifest_bytes - before.manifest_bytes, charged);
    assert!(arena.stats().object_bytes >= charged);
    let taken = now.saturating_sub(idle);
    println!("{} MB taken, {} MB charged", taken >> 20, charged >> 20);
    assert!(taken <= charged + charged / 2 + BESIDE, "{taken} bytes are taken, and {charged} charged");
    arena.neighbour.works_on().await;
    drop(modules);
    settled(&arena.host, "all to be given back", |stats| stats.manifest_bytes == before.manifest_bytes).await;
}

const FULL: forge::Catalogue = forge::Catalogue {
    tasks: 0,
    methods: 0,
    length: 1,
    parameters: 0,
    grants: 0,
    resources: 0,
    documented: false,
    actor_grants: 0,
};

#[test]
fn manifests_of_much_text() {
    attack(async |arena| {
        manifests(arena, forge::Catalogue { tasks: 4096, length: 700, documented: true, ..FULL }).await
    });
}

#[test]
fn manifests_of_parameters() {
    attack(async |arena| manifests(arena, forge::Catalogue { tasks: 600, parameters: 64, ..FULL }).await);
}

#[test]
fn manifests_of_grants() {
    attack(async |arena| manifests(arena, forge::Catalogue { tasks: 150, grants: 256, ..FULL }).await);
}

#[test]
fn manifests_of_resources() {
    attack(async |arena| manifests(arena, forge::Catalogue { tasks: 1300, resources: 16, length: 60, ..FULL }).await);
}

#[test]
fn functions_of_one_type_with_long_names() {
    attack(async |arena| {
        modules(arena, alike(1000, 1)).await;
        // What is refused is refused before all of it was copied.
        let before = peak_memory();
        let refused = arena.refusal(alike(1000, 16)).await;
        assert!(refused.contains("bytes of texts and functions: at most 8388608"), "{refused}");
        let taken = peak_memory() - before;
        assert!(taken < 100 << 20, "{taken} bytes for what was refused");
    });
}

/// A component of so many functions of one type, whose parameters have names as long as names can be.
fn alike(functions: u32, parameters: u32) -> Vec<u8> {
    let label = "a".repeat(95_000);
    let names: String = (0..parameters).map(|number| format!("(param \"{label}{number}\" u8)")).collect();
    let exports: String = (0..functions).map(|number| format!("(export \"f{number}\" (func $g))")).collect();
    let core = "(param i32)".repeat(parameters as usize);
    let text = format!(
        r#"(component (core module $m (func (export "f") {core})) (core instance $i (instantiate $m))
        (func $g {names} (canon lift (core func $i "f"))) {exports})"#
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn names_of_imports() {
    attack(async |arena| {
        modules(arena, importing(45, 90_000)).await;
    });
}

/// A component that imports so many interfaces, in which nothing is, under names of this length.
fn importing(interfaces: u32, length: usize) -> Vec<u8> {
    let label = "a".repeat(length);
    let imports: String = (0..interfaces).map(|number| format!("(import \"{label}{number}\" (instance))")).collect();
    let text = format!(
        r#"(component {imports} (core module $m (func (export "f")))
        (core instance $i (instantiate $m)) (func $f (canon lift (core func $i "f"))) (export "f" (func $f)))"#
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn manifests_that_are_too_large() {
    attack(async |arena| {
        let documented = forge::Catalogue { tasks: 4096, length: 4000, documented: true, ..FULL };
        // Each method's plan has what the actor's options name.
        let granted = forge::Catalogue { methods: 4000, actor_grants: 256, length: 250, ..FULL };
        for catalogue in [documented, granted] {
            let refused = arena.refusal(catalogue.module()).await;
            assert!(refused.contains("bytes of texts and functions: at most 8388608"), "{refused}");
        }
        // The types of a component without an SDK are spelt for each parameter.
        let before = peak_memory();
        let refused = arena.refusal(spelt(300)).await;
        assert!(refused.contains("bytes of texts and functions: at most 8388608"), "{refused}");
        let few = arena.host.load_bytes("forged", spelt(20)).await.unwrap();
        assert!(few.kept_bytes() < 2 << 20, "{}", few.kept_bytes());
        let taken = peak_memory() - before;
        assert!(taken < 100 << 20, "{taken} bytes for what was refused");
    });
}

#[test]
fn actors_of_a_type_of_thousands_of_methods() {
    attack(async |arena| {
        let type_of_many = forge::Catalogue { methods: 4000, length: 8, ..FULL };
        let module = arena.load_forged(type_of_many.module()).await;
        let (kind, peak) = (|| module.actor("attack").constructor("attack"), peak_memory());
        // What is refused, and what is made, for all of which nobody has called anything.
        let unknown: Vec<_> = (0..256).map(|number| format!("{number:0>250}")).collect();
        let known = vec!["clock".to_owned(); 256];
        for (grants, all) in [(unknown, 50), (known, 50)] {
            let options = ActorOptions::new().call(TaskOptions::new().grants(grants));
            let (idle, before) = (memory(), arena.stats().object_bytes);
            let actors: Vec<_> = (0..all).map(|_| kind().options(options.clone()).create()).collect();
            let (taken, charged) = (memory().saturating_sub(idle), arena.stats().object_bytes - before);
            println!("{} KB taken, {} KB charged", taken >> 10, charged >> 10);
            assert!(taken <= charged + charged / 2 + BESIDE, "{taken} bytes are taken, and {charged} charged");
            drop(actors);
        }
        let taken = peak_memory() - peak;
        assert!(taken < 4 * BESIDE, "{taken} bytes for actors that serve nothing");
        arena.neighbour.works_on().await;
    });
}

/// A component of so many functions, each of which takes sixteen values of a type that is as long as a name can be.
fn spelt(functions: u32) -> Vec<u8> {
    let parameters: String = (0..16).map(|number| format!("(param \"p{number}\" $e)")).collect();
    let function = |number| {
        format!(
            r#"(func $g{number} {parameters} (canon lift (core func $i "f"))) (export "f{number}" (func $g{number}))"#
        )
    };
    let functions: String = (0..functions).map(function).collect();
    let (core, label) = ("(param i32)".repeat(16), "a".repeat(90_000));
    let text = format!(
        r#"(component (core module $m (func (export "f") {core})) (core instance $i (instantiate $m))
        (type $t (enum "{label}")) (export $e "e" (type $t)) {functions})"#
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn look_ups_that_are_let_go() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "text").unwrap();
    attack_on(
        |builder, _| {
            let held = Capabilities::none().net(NetGrant::parse("*.invalid").unwrap());
            builder.capabilities(held.dir(folder.path(), "/data", DirAccess::ReadOnly).unwrap())
        },
        async |arena| {
            let module = arena.load("hostile").await;
            let (threads, before) = (census::threads().len(), peak_memory());
            let begun = module.task("growth::look_ups").arg("invalid".to_owned()).arg(100_000u32 / PART).submit().await;
            assert_eq!(arena.get::<u32>(&begun).await.unwrap(), 100_000 / PART);
            let (now, taken) = (census::threads().len(), peak_memory() - before);
            assert!(now <= threads + LOOK_UPS_MAX + 8, "{now} threads, {threads} before");
            assert!(taken < BESIDE, "{taken} bytes");
            // Files and modules have their threads.
            let read = module.task("escapes::read").arg("/data/file".to_owned()).submit().await;
            assert_eq!(arena.get::<String>(&read).await.unwrap(), "text");
            arena.load("calc").await;
            arena.neighbour.works_on().await;
        },
    );
}

#[test]
fn what_a_guest_holds_is_within_its_memory() {
    const MEMORY: u64 = 16 << 20;
    attack(async |arena| {
        let body = format!(
            "(call $put (i32.const 2) (i32.const {heap}) (i32.const 8) (i32.const 0) (i32.const 0) (i32.const {heap}))
            (loop $again (drop (call $clone (i32.load offset=8 (i32.const {heap})))) (br $again))",
            heap = forge::HEAP
        );
        let handles = arena.load_forged(forge::task(0, forge::OBJECTS, &body)).await.task("attack");
        let waits = arena.load("hostile").await.task("hoards::waits").arg(200_000u32);
        let idle = memory();
        for attack in [handles, waits] {
            let error = arena.outlive(&attack.options(TaskOptions::new().memory_bytes(MEMORY))).await;
            assert_eq!((error.kind, &*error.limit.unwrap().name), (ErrorKind::OutOfMemory, "memory-bytes"));
            assert!(error.message.contains("handles, waits, directories, files and sockets"), "{}", error.message);
        }
        let taken = peak_memory().saturating_sub(idle);
        assert!(taken <= MEMORY + MEMORY / 2 + BESIDE, "{taken}");
    });
}

/// Spins with a list of bytes that it was given.
const HOLDS: &str = r#"(component
    (core module $m
        (memory (export "memory") 17)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
        (func (export "hold") (param i32 i32) (loop (br 0))))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $memory))
    (alias core export $i "realloc" (core func $realloc))
    (func $hold (param "of" (list u8)) (canon lift (core func $i "hold") (memory $memory) (realloc $realloc)))
    (export "hold" (func $hold)))"#;

#[test]
fn values_of_arguments_that_guests_hold() {
    const BYTES: usize = 1 << 20;
    const TASKS: u64 = 10;
    attack(async |arena| {
        let module = arena.load_forged(wat::parse_str(HOLDS).unwrap()).await;
        let hold = |memory: u64, budget: &Budget| {
            let options = TaskOptions::new().memory_bytes(memory).num_cpus(0.0).budget(budget);
            module.task("hold").arg_payload(Payload::new(Encoding::Raw, vec![0; BYTES])).options(options)
        };
        let budget = Budget::new(BudgetLimits::default());
        let idle = memory();
        // Forty times its bytes have no room in some guests, and take none.
        const SMALL: u64 = 16 << 20;
        let refused: Vec<_> = (0..4 * TASKS).map(|_| hold(SMALL, &budget).try_submit()).collect();
        for task in &refused {
            let error = arena.end_of(task).await;
            assert_eq!((error.kind, &*error.limit.as_ref().unwrap().name), (ErrorKind::OutOfMemory, "memory-bytes"));
            assert!(error.message.contains("pass them in parts"), "{error:#}");
            assert!(task.receipt().unwrap().memory_peak_bytes <= SMALL);
        }
        drop(refused);
        let taken = peak_memory().saturating_sub(idle);
        assert!(taken < 4 * TASKS * SMALL / 2, "{taken}");
        // In others they have, and are charged.
        let holding: Vec<_> = (0..TASKS).map(|_| hold(64 << 20, &budget).try_submit()).collect();
        settled(&arena.host, "all to hold theirs", |_| budget.used().memory_bytes >= TASKS * 40 * BYTES as u64).await;
        let (now, charged) = (memory(), budget.used().memory_bytes + arena.stats().object_bytes);
        let taken = now.saturating_sub(idle);
        println!("{} MB taken, {} MB charged", taken >> 20, charged >> 20);
        assert!(taken <= charged + charged / 2 + BESIDE, "{taken} bytes are taken, and {charged} charged");
        arena.neighbour.works_on().await;
        for task in &holding {
            assert!(!task.is_ready(), "{:?}", task.receipt());
            arena.cancel(task);
            assert_eq!(arena.end_of(task).await.kind, ErrorKind::TaskCancelled);
        }
        drop(holding);
        settled(&arena.host, "all to be given back", |_| budget.used().memory_bytes == 0).await;
    });
}

#[test]
fn what_finds_no_room_takes_none() {
    // Who shares a store can find it full.
    attack_next_door(
        |builder, given| clock(builder, given).object_store_bytes(1 << 20),
        async |arena| {
            let few = ["waiting", "crowds", "promises", "ghosts", "names", "empties", "receipts"];
            let many = ["refused", "refused_streams"];
            for (attack, count) in few.map(|few| (few, 10_000)).into_iter().chain(many.map(|many| (many, 200_000))) {
                let (kept, _) = hoard(arena, attack, count / PART).await;
                assert!(kept <= 1 << 20, "{attack}: {kept}");
            }
        },
    );
}
