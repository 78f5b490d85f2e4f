//! Files that are no modules, and modules that are attacks before they run.

use std::path::Path;

use rustyray_host::limits::{
    MANIFEST_ENTRIES_MAX, MANIFEST_LIFT_BYTES, MODULE_BYTES_MAX, MODULE_ITEMS_MAX, TYPE_NESTING_MAX,
};
use rustyray_host::{ErrorKind, HostBuilder, ModuleError};

use crate::arena::{Arena, attack, attack_next_door, attack_on};
use crate::dice::Dice;
use crate::forge::{self, ACTORS, FunctionLayout, HEAP, OBJECTS, TASKS};
use crate::neighbour::NAME;
use rustyray_testkit::census::peak_memory;
use rustyray_testkit::guest;

/// Loads bytes; whatever they are, it ends well or with a reason.
async fn load(arena: &Arena, bytes: Vec<u8>) {
    if let Err(error) = arena.host.load_bytes("forged", bytes).await {
        assert!(!matches!(error, ModuleError::HostShutDown), "the host failed: {error}");
    }
}

#[test]
fn random_bytes() {
    attack(async |arena| {
        let headers = [&b""[..], b"\0asm", b"\0asm\x0d\0\x01\0", b"\0asm\x01\0\0\0"];
        let mut dice = Dice::new(1);
        arena
            .neighbour
            .works_beside(async || {
                for header in headers.repeat(50) {
                    let length = dice.below(5_000);
                    let refused = arena.host.load_bytes("random", [header, &*dice.bytes(length)].concat()).await.err();
                    let refused = refused.unwrap_or_else(|| panic!("{length} bytes after {header:?} are a module"));
                    assert!(!matches!(refused, ModuleError::HostShutDown), "the host failed: {refused}");
                }
            })
            .await;
    });
}

/// How many of a component's bytes are needed: its last sections may be custom ones, which say nothing to an engine.
fn without_notes(component: &[u8]) -> usize {
    let (mut at, mut needed) = (8, 8);
    while let Some(&section) = component.get(at) {
        let (mut length, mut shift) = (0, 0);
        loop {
            at += 1;
            length |= usize::from(component[at] & 0x7f) << shift;
            shift += 7;
            if component[at] < 0x80 {
                break;
            }
        }
        at += 1 + length;
        if section != 0 {
            needed = at;
        }
    }
    needed
}

#[test]
fn modules_that_are_cut_off_at_every_length() {
    attack(async |arena| {
        let whole = forge::task(1, OBJECTS, "");
        let needed = without_notes(&whole);
        assert!(needed > 1000, "{needed}");
        arena
            .neighbour
            .works_beside(async || {
                for end in (0..needed).step_by(3) {
                    assert!(arena.host.load_bytes("cut", &whole[..end]).await.is_err(), "{end} of {}", whole.len());
                }
            })
            .await;
    });
}

#[test]
fn modules_with_a_few_wrong_bytes() {
    attack(async |arena| {
        let whole = forge::task(1, &format!("{OBJECTS} {TASKS} {ACTORS}"), "");
        let mut dice = Dice::new(2);
        arena
            .neighbour
            .works_beside(async || {
                for _ in 0..400 {
                    load(arena, dice.damaged(&whole)).await;
                }
            })
            .await;
    });
}

#[test]
fn files_without_end() {
    attack(async |arena| {
        let folder = tempfile::tempdir().unwrap();
        let sparse = folder.path().join("sparse.wasm");
        std::fs::File::create(&sparse).unwrap().set_len(1 << 40).unwrap();
        for path in [sparse.as_path(), Path::new("/dev/zero")] {
            let refused = arena.host.load_file(path).await.err();
            assert!(matches!(refused, Some(ModuleError::TooLarge(_))), "{}: {refused:?}", path.display());
        }
        assert!(arena.host.load_file(folder.path()).await.is_err());
        assert!(peak_memory() < 2 * MODULE_BYTES_MAX, "{}", peak_memory());
        arena.neighbour.works_on().await;
    });
}

/// What the refusal of a module with this `describe` says.
async fn described(arena: &Arena, items: &str, body: &str) -> String {
    arena.refusal(describing(items, body)).await
}

/// A module with this `describe`.
fn describing(items: &str, body: &str) -> Vec<u8> {
    let describe =
        format!(r#"(func (export "rustyray:core/guest@0.1.0#describe") (result i32) {body} (i32.const 1024))"#);
    forge::module(0, &format!("{items} {describe}"))
}

#[test]
fn manifests_that_are_attacks() {
    attack(async |arena| {
        let spin = described(arena, "", "(loop (br 0))").await;
        assert!(spin.contains("ran out of fuel") || spin.contains("all of its fuel"), "{spin}");
        let trap = described(arena, "", "unreachable").await;
        assert!(trap.contains("unreachable"), "{trap}");
        let nowhere = described(arena, "", "(return (i32.const -4))").await;
        assert!(nowhere.contains("out of bounds"), "{nowhere}");
        // The list of tasks stands 12 bytes from the manifest's start: its address, then its length.
        let endless = described(arena, "", "(i32.store (i32.const 1040) (i32.const 100000000))").await;
        assert!(endless.contains("out of bounds"), "{endless}");
        let many = format!("(i32.store (i32.const 1040) (i32.const {}))", MANIFEST_ENTRIES_MAX + 1);
        let many = described(arena, r#"(memory (export "memory") 100)"#, &many).await;
        assert!(many.contains("at most 4096"), "{many}");
        let more = "(i32.store (i32.const 1040) (i32.const 200000))";
        let more = described(arena, r#"(memory (export "memory") 1000)"#, more).await;
        assert!(more.contains("at most 4096") || more.contains("fuel"), "{more}");
        let twins = described(arena, "", &two_entries()).await;
        assert!(twins.contains("two tasks are named 'attack'"), "{twins}");
        arena.neighbour.works_on().await;
    });
}

/// More than are asked at once: those that come after them would wait for minutes.
#[test]
fn modules_that_sleep_when_they_are_asked_what_they_offer() {
    attack(async |arena| {
        let sleepy = (0..12).map(|_| arena.load_file(guest("sleepy")));
        let (refused, loaded) = futures::future::join(futures::future::join_all(sleepy), arena.load("calc")).await;
        for refusal in refused {
            let refusal = refusal.err().expect("it sleeps").to_string();
            assert!(refusal.contains("it slept, or waited"), "{refusal}");
        }
        let sum = loaded.task("add").arg(1i32).arg(2i32).submit().await;
        assert_eq!(arena.get::<i32>(&sum).await.unwrap(), 3);
    });
}

/// Calls cost the host time that is no fuel, and memory: each such module has a part of both, and none keeps an honest one from being
/// loaded.
#[test]
fn modules_that_have_the_host_work_when_they_are_asked_what_they_offer() {
    let memory = |builder: HostBuilder, _: &_| builder.memory_bytes(400 << 20).object_store_bytes(16 << 20);
    attack_next_door(memory, async |arena| {
        let calls = |bytes: u32| {
            let call = format!(
                "(call $put (i32.const 2) (i32.const 4096) (i32.const {bytes}) (i32.const 0) (i32.const 0) (i32.const {HEAP}))"
            );
            describing(&format!(r#"{OBJECTS} (memory (export "memory") 100)"#), &format!("(loop {call} (br 0))"))
        };
        let (small, large) = (calls(8), calls(4_000_000));
        let greedy = describing(r#"(memory (export "memory") 4000)"#, "");
        let hostile =
            (0..24).flat_map(|_| [&small, &large, &greedy]).map(|bytes| arena.host.load_bytes("forged", bytes.clone()));
        let (refused, loaded) = futures::future::join(futures::future::join_all(hostile), arena.load("calc")).await;
        for refusal in refused {
            let refusal = refusal.err().expect("it is refused").to_string();
            let known = ["fuel", "had the host work for it", "memory-bytes"];
            assert!(known.iter().any(|known| refusal.contains(known)), "{refusal}");
        }
        let sum = loaded.task("add").arg(1i32).arg(2i32).submit().await;
        assert_eq!(arena.get::<i32>(&sum).await.unwrap(), 3);
        assert!(peak_memory() < 1 << 30, "{}", peak_memory());
    });
}

#[test]
fn functions_of_which_each_is_nothing() {
    attack(async |arena| {
        let many = |count: usize| forge::command(&format!("(core module {})", "(func)".repeat(count)), "", "");
        let (large, too_large) = (many(MODULE_ITEMS_MAX / 4), many(10 * MODULE_ITEMS_MAX));
        let before = peak_memory();
        let refused = arena.refusal(too_large).await;
        assert!(
            refused.contains(&format!("functions, types and exports, and modules have at most {MODULE_ITEMS_MAX}: ")),
            "{refused}"
        );
        let taken = peak_memory() - before;
        assert!(taken < 100 << 20, "{taken} bytes for what was refused");
        // Several large ones take their turns.
        let loads = futures::future::join_all((0..4).map(|_| arena.host.load_bytes("forged", large.clone())));
        let (loaded, _) = futures::future::join(loads, arena.neighbour.works_on()).await;
        assert!(loaded.iter().all(Result::is_ok));
        let taken = peak_memory() - before;
        println!("{} MB", taken >> 20);
        assert!(taken < 512 << 20, "{taken} bytes");
    });
}

#[test]
fn functions_of_a_few_kilobytes_that_take_gigabytes() {
    attack(async |arena| {
        let function = |locals: usize, before: &str, after: &str| {
            let set: String = (0..locals).map(|local| format!("local.get {local} local.set {local} ")).collect();
            forge::command(
                &format!("(core module (func (local {}) {before} {set} {after}))", "i32 ".repeat(locals)),
                "",
                "",
            )
        };
        let deep = |loops: usize| function(1000, &"loop ".repeat(loops), &"local.get 0 br_if 0 end ".repeat(loops));
        let table =
            |places: usize| function(1000, "loop", &format!("local.get 0 br_table {} end", "0 ".repeat(places)));
        for (too_much, told) in [(deep(150), "the loops and ifs inside one another"), (table(10_000), "branches")] {
            let refused = arena.refusal(too_much).await;
            assert!(refused.contains("it would take too much to compile") && refused.contains(told), "{refused}");
        }
        for as_much_as_may_be in [deep(20), table(900)] {
            let load = arena.host.load_bytes("forged", as_much_as_may_be);
            let (loaded, _) = futures::future::join(load, arena.neighbour.works_on()).await;
            assert!(loaded.is_ok());
        }
    });
}

/// Has the manifest's only task stand in its list twice.
fn two_entries() -> String {
    let bytes = FunctionLayout::new().bytes;
    let second = 2048 + bytes;
    format!(
        "(memory.copy (i32.const {second}) (i32.const 2048) (i32.const {bytes})) (i32.store (i32.const 1040) (i32.const 2))"
    )
}

#[test]
fn names_and_texts_that_are_attacks() {
    attack(async |arena| {
        // The name stands first in the function, its documentation last: address and length.
        let name = |address: u32, length: u32| {
            format!(
                "(i32.store (i32.const 2048) (i32.const {address})) (i32.store (i32.const 2052) (i32.const {length}))"
            )
        };
        let control = described(arena, r#"(data (i32.const 8192) "a\1b[2J")"#, &name(8192, 5)).await;
        assert!(control.contains("control characters") && !control.contains('\u{1b}'), "{control}");
        let turned = described(arena, r#"(data (i32.const 8192) "\e2\80\aea")"#, &name(8192, 4)).await;
        assert!(turned.contains("control characters"), "{turned}");
        assert!(described(arena, "", &name(8192, 0)).await.contains("a name of 0 bytes"));
        assert!(described(arena, "", &name(8192, 257)).await.contains("a name of 257 bytes"));
        let no_text = described(arena, r#"(data (i32.const 8192) "\c3\28")"#, &name(8192, 2)).await;
        assert!(no_text.contains("utf-8"), "{no_text}");
        let at = 2048 + FunctionLayout::new().docs;
        let docs = |bytes: usize| {
            format!(
                "(i32.store (i32.const {at}) (i32.const 65536)) (i32.store (i32.const {}) (i32.const {bytes}))",
                at + 4
            )
        };
        let long = describing(r#"(memory (export "memory") 1000)"#, &docs(MANIFEST_LIFT_BYTES));
        let long = arena.refusal(long).await;
        assert!(long.contains("fuel allocated for hostcalls"), "{long}");
        // Of a text that is not as long as that the beginning is kept.
        let long = describing(r#"(memory (export "memory") 200)"#, &docs(9_000_000));
        let long = arena.host.load_bytes("forged", long).await.unwrap();
        assert!(long.kept_bytes() < 16 << 10, "{}", long.kept_bytes());
        arena.neighbour.works_on().await;
    });
}

#[test]
fn a_module_reaches_nobody_while_it_is_loaded() {
    attack(async |arena| {
        // It finds the neighbour's counter, and kills it; it submits and stores; then it waits for what will never come.
        let name = forge::data(8192, NAME.as_bytes());
        let get = r#"(import "rustyray:core/objects@0.1.0" "get" (func $get (param i32 i32 i64 i32)))"#;
        let body = format!(
            "(call $find (i32.const 8192) (i32.const {length}) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {HEAP}))
            (if (i32.eqz (i32.load8_u (i32.const {HEAP}))) (then
                (drop (call $kill (i32.load offset=8 (i32.const {HEAP})) (i32.const 0) (i32.const 0) (i32.const 0)))))
            (call $put (i32.const 2) (i32.const 0) (i32.const 8) (i32.const 0) (i32.const 0) (i32.const {HEAP}))
            (if (i32.eqz (i32.load8_u (i32.const {HEAP}))) (then unreachable))
            (call $get (call $submit (i32.const 4096)) (i32.const 0) (i64.const 0) (i32.const {HEAP}))
            (if (i32.eqz (i32.load8_u (i32.const {HEAP}))) (then unreachable))",
            length = NAME.len(),
        );
        let describe = format!(
            r#"{OBJECTS} {TASKS} {ACTORS} {get} {name}
            (func (export "rustyray:core/guest@0.1.0#describe") (result i32) {body} (i32.const 1024))"#
        );
        arena.load_forged(forge::module(0, &describe)).await;
        arena.neighbour.works_on().await;
    });
}

#[test]
fn features_that_the_host_does_not_have() {
    attack(async |arena| {
        let features = [
            "(core module (memory 1 1 shared))",
            "(core module (type (struct (field i32))))",
            "(core module (tag))",
            "(core func (canon waitable-set.new))",
            "(core func (canon backpressure.inc))",
            "(core func (canon task.cancel))",
            "(type (stream u8)) (core func (canon stream.new 0))",
            "(core module $s (memory (export \"m\") 1)) (core instance $s (instantiate $s))
                (core func (canon error-context.new (memory (core memory $s \"m\"))))",
            "(core func (canon thread.yield))",
            "(import \"wasi:http/outgoing-handler@0.2.0\" (instance (export \"f\" (func))))",
            "(import \"rustyray:core/objects@0.1.0\" (instance (export \"object-id\" (func (param \"o\" string)))))",
        ];
        for feature in features {
            let text = arena.refusal(forge::command(feature, "", "")).await;
            assert!(text.contains("does not have") || text.contains("import"), "{feature}: {text}");
        }
        arena.load_forged(forge::command("", "", "")).await;
        arena.neighbour.works_on().await;
    });
}

/// A component of one section.
fn component_with(section: u8, body: &[u8]) -> Vec<u8> {
    // Its length in seven bits a byte.
    let length = (0..5).map(|group| (body.len() >> (7 * group)) as u8 & 0x7f | if group < 4 { 0x80 } else { 0 });
    [b"\0asm\x0d\0\x01\0", &[section][..], &length.collect::<Vec<_>>(), body].concat()
}

#[test]
fn components_and_types_inside_one_another() {
    attack(async |arena| {
        let components = |depth| (0..depth).fold(component_with(0, b"\x01x"), |inner, _| component_with(4, &inner));
        // A type of a component, or of an instance, that declares a type.
        let types = |depth, mark| component_with(7, &[&[1], &*[mark, 1, 1].repeat(depth), &[mark, 0]].concat());
        let bombs = [components(2_000), types(1_000_000, 0x41), types(1_000_000, 0x42)];
        arena
            .neighbour
            .works_beside(async || {
                for bomb in &bombs {
                    let text = arena.refusal(bomb.clone()).await;
                    assert!(text.contains("nested"), "{text}");
                }
            })
            .await;
        // As deep as may be, they are parsed, and refused for what they are.
        for mark in [0x41, 0x42] {
            let text = arena.refusal(types(TYPE_NESTING_MAX - 1, mark)).await;
            assert!(text.contains("nothing to run"), "{text}");
        }
        assert!(peak_memory() < 1 << 30, "{}", peak_memory());
    });
}

#[test]
fn components_that_instantiate_each_other_twice() {
    attack(async |arena| {
        let doubled = (0..30)
            .map(|n| format!("(component $c{} (instance (instantiate $c{n})) (instance (instantiate $c{n})))", n + 1));
        let laughs = format!("(component $c0) {} (instance (instantiate $c30))", doubled.collect::<String>());
        let bomb = forge::command(&laughs, "", "");
        arena
            .neighbour
            .works_beside(async || {
                let text = arena.refusal(bomb.clone()).await;
                assert!(text.contains("instantiate each other"), "{text}");
            })
            .await;
    });
}

#[test]
fn a_module_that_takes_long_to_compile() {
    let cold = tempfile::tempdir().unwrap();
    // Cranelift takes time in the square of a function's loops: these take seconds.
    let body = "(loop (local.set $n (i32.add (local.get $n) (local.get $m))) (br_if 0 (local.get $n)))".repeat(4_000);
    let module = forge::task(0, "", &format!("(local $n i32) (local $m i32) {body}"));
    attack_on(
        |builder, _| builder.cache_dir(cold.path()),
        async |arena| {
            let host = arena.host.clone();
            let module = module.clone();
            let loading = tokio::spawn(async move { host.load_bytes("slow", module).await.map(drop) });
            tokio::task::yield_now().await;
            arena.neighbour.works_on().await;
            assert!(!loading.is_finished(), "it took no time");
            loading.await.unwrap().unwrap();
        },
    );
}

#[test]
fn a_storm_of_bad_files() {
    attack(async |arena| {
        let whole = std::fs::read(guest("waiting")).unwrap();
        let mut damaged = whole.clone();
        damaged[whole.len() / 3..whole.len() / 3 + 64].fill(0xff);
        arena
            .neighbour
            .works_beside(async || {
                let loads =
                    (0..6).map(|n| arena.host.load_bytes("bad", if n % 2 == 0 { &damaged } else { &whole[..1000] }));
                assert!(futures::future::join_all(loads).await.iter().all(Result::is_err));
            })
            .await;
    });
}

#[test]
fn frames_that_drive_a_terminal() {
    attack(async |arena| {
        let name = "\\1b[2J\\e2\\80\\aeforged";
        let items = format!(r#"(func $"{name}" (param i32) unreachable)"#);
        let module = arena.load_forged(forge::task(0, &items, &format!(r#"(call $"{name}" (i32.const 1))"#))).await;
        let error = arena.outlive(&module.task("attack")).await;
        assert_eq!(error.kind, ErrorKind::WorkerCrashed);
        assert!(error.backtrace[0].contains("forged"), "{:?}", error.backtrace);
        let shown = format!("{error:#}");
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{shown:?}");
    });
}
