//! Components that no SDK would make: core WebAssembly by hand, wrapped for the host's interfaces.
//!
//! The memory of a forged module: its answers lie in the first page, its names in the second. From the third on it is the
//! attack's, and what the host hands over lands at [`HEAP`], each time at the same place.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SizeAlign, TypeDefKind, WorldId};

/// Where a forged module is handed what it asked for.
pub const HEAP: u32 = 3 << 16;

/// Where its answer to `run-task` lies: a value without bytes, unless the attack writes something else.
pub const ANSWER: u32 = 0x200;

const MANIFEST: usize = 0x400;
const FUNCTIONS: usize = 0x800;
const NAMES: usize = 0x1_0000;

/// Parts that a module has unless the attack brings its own: what shows that it does, and the part.
const DEFAULTS: [(&str, &str); 8] = [
    ("(memory ", r#"(memory (export "memory") 8)"#),
    ("cabi_realloc", r#"(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 196608))"#),
    ("#describe", r#"(func (export "rustyray:core/guest@0.1.0#describe") (result i32) (i32.const 1024))"#),
    (
        "#run-task",
        r#"(func (export "rustyray:core/guest@0.1.0#run-task") (param i32 i32 i32 i32 i32) (result i32) (i32.const 512))"#,
    ),
    (
        "#construct",
        r#"(func (export "rustyray:core/guest@0.1.0#construct") (param i32 i32 i32 i32 i32 i32) (result i32)
            (i32.const 512))"#,
    ),
    (
        "#call",
        r#"(func (export "rustyray:core/guest@0.1.0#call") (param i32 i32 i32 i32 i32) (result i32) (i32.const 512))"#,
    ),
    ("#save", r#"(func (export "rustyray:core/guest@0.1.0#save") (result i32) (i32.const 512))"#),
    (
        "#restore",
        r#"(func (export "rustyray:core/guest@0.1.0#restore") (param i32 i32 i32 i32 i32 i32 i32) (result i32)
            (i32.const 512))"#,
    ),
];

/// Where the manifest's actor lies, in a module that has one.
const ACTOR: usize = 0xc00;

/// How a `function` of a manifest lies in memory.
pub struct FunctionLayout {
    /// All of it.
    pub bytes: usize,
    /// Where the documentation's address and length stand.
    pub docs: usize,
}

impl FunctionLayout {
    /// As the canonical ABI has it.
    pub fn new() -> Self {
        let (bytes, docs) = layout("function", "docs");
        FunctionLayout { bytes, docs }
    }
}

/// The size of a record, and where one of its fields lies, as the canonical ABI has it.
fn layout(record: &str, field: &str) -> (usize, usize) {
    let (resolve, _) = world(SERVING);
    let mut sizes = SizeAlign::default();
    sizes.fill(&resolve);
    let kinds = resolve.types.iter().filter(|(_, ty)| ty.name.as_deref() == Some(record)).map(|(_, ty)| &ty.kind);
    let mut records = kinds.filter_map(|kind| if let TypeDefKind::Record(record) = kind { Some(record) } else { None });
    let fields = &records.next().expect("there is such a record").fields;
    let offsets = sizes.field_offsets(fields.iter().map(|field| &field.ty));
    let place = fields.iter().position(|other| other.name == field).expect("it has such a field");
    let bytes = sizes.record(fields.iter().map(|field| &field.ty)).size.size_wasm32();
    (bytes, offsets[place].0.size_wasm32())
}

/// The world of modules whose actors serve several calls at once. It has all that the one of others has.
const SERVING: &str = "serving-module";

/// The host's package, and one of the worlds of its modules.
fn world(name: &str) -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit")).expect("the WIT package reads");
    let world = resolve.select_world(&[package], Some(name)).expect("there is such a world");
    (resolve, world)
}

/// A module with one task, `attack`, of so many parameters. Its body has the locals `$name`, `$name_len`, `$arguments`,
/// `$count` and `$reply`, and answers with what lies at [`ANSWER`].
pub fn task(parameters: usize, items: &str, body: &str) -> Vec<u8> {
    module(parameters, &format!("{items} {}", run_task(body)))
}

/// The `run-task` of such a module.
pub fn run_task(body: &str) -> String {
    format!(
        r#"(func (export "rustyray:core/guest@0.1.0#run-task")
            (param $name i32) (param $name_len i32) (param $arguments i32) (param $count i32) (param $reply i32) (result i32)
            {body}
            (i32.const {ANSWER}))"#
    )
}

/// A module with an actor `attack` that serves so many calls of its method `attack` at once; this is the body of `serve`.
pub fn server(concurrency: u8, items: &str, body: &str) -> Vec<u8> {
    let mut actor = vec![0; layout("actor-type", "name").0];
    // One function is its constructor, and its method as well.
    let function = [FUNCTIONS as u32, 1];
    put(&mut actor, layout("actor-type", "name").1, &[NAMES as u32, "attack".len() as u32]);
    put(&mut actor, layout("actor-type", "constructors").1, &function);
    put(&mut actor, layout("actor-type", "methods").1, &function);
    let max = layout("actor-type", "options").1 + layout("actor-options", "max-concurrency").1;
    put(&mut actor, max, &[1, concurrency.into()]);
    let mut actors = [0; 8];
    put(&mut actors, 0, &[ACTOR as u32, 1]);
    let actors = data(MANIFEST + layout("manifest", "actors").1, &actors) + &data(ACTOR, &actor);
    let serve = format!(r#"(func (export "rustyray:core/server@0.1.0#serve") {body})"#);
    core_module(SERVING, &format!("{items} {} {serve} {} {actors}", missing(items), manifest(0)))
}

/// A module that says it has such a task, with these items.
pub fn module(parameters: usize, items: &str) -> Vec<u8> {
    // Imports come first.
    core_module("module", &format!("{items} {} {}", missing(items), manifest(parameters)))
}

/// What the manifest of a module is full of. All its texts have one length, and stand at one place in its memory.
#[derive(Clone, Copy, Default)]
pub struct Catalogue {
    pub tasks: u32,
    /// Of one actor.
    pub methods: u32,
    pub length: u32,
    /// Of each function.
    pub parameters: u32,
    pub grants: u32,
    pub resources: u32,
    /// Has each function documentation of this length?
    pub documented: bool,
    /// Of the actor's options.
    pub actor_grants: u32,
}

impl Catalogue {
    /// The module.
    pub fn module(self) -> Vec<u8> {
        const LIST: u32 = 1 << 20;
        const TEMPLATE: u32 = 0x2_0000;
        const TEXT: u32 = 0x2_4000;
        const TEXTS: u32 = 0x2_8000;
        const RESOURCES: u32 = 0x2_c000;
        const PLAIN_NAMES: u32 = 0x1_8000;
        let FunctionLayout { bytes, docs } = FunctionLayout::new();
        let count = self.tasks.max(self.methods);
        let names: String = (0..count).map(|number| format!("{number:04x}")).collect();
        let (call, grants) = (layout("actor-options", "call").1, layout("task-options", "grants").1);
        let mut actor = vec![0; layout("actor-type", "name").0];
        put(&mut actor, layout("actor-type", "name").1, &[NAMES as u32, "attack".len() as u32]);
        put(&mut actor, layout("actor-type", "constructors").1, &[FUNCTIONS as u32, 1]);
        put(&mut actor, layout("actor-type", "methods").1, &[LIST, self.methods]);
        let granted = [u32::from(self.actor_grants > 0), TEXTS, self.actor_grants];
        put(&mut actor, layout("actor-type", "options").1 + call + grants, &granted);
        let mut function = vec![0; bytes];
        let options = layout("function", "options").1;
        put(&mut function, 8, &[TEXTS, self.parameters]);
        put(&mut function, options + grants, &[u32::from(self.grants > 0), TEXTS, self.grants]);
        put(&mut function, options + layout("task-options", "resources").1, &[RESOURCES, self.resources]);
        put(&mut function, docs, &[TEXT, if self.documented { self.length } else { 0 }]);
        // A grant is a text, and a parameter two.
        let texts: Vec<u8> = (0..512).flat_map(|_| [TEXT, self.length]).flat_map(u32::to_le_bytes).collect();
        let resources = (0..self.resources).flat_map(|number| [TEXT + number * self.length, self.length, 1]);
        let resources: Vec<u8> = resources.flat_map(u32::to_le_bytes).collect();
        let text: Vec<u8> = (0..16).flat_map(|number| vec![b'a' + number; self.length as usize]).collect();
        let actors = (ACTOR as u32, u32::from(self.methods > 0));
        let items = format!(
            r#"(memory (export "memory") 100) {}
            (func (export "rustyray:core/guest@0.1.0#describe") (result i32)
                (local $number i32) (local $at i32)
                (loop $all
                    (local.set $at (i32.add (i32.const {LIST}) (i32.mul (local.get $number) (i32.const {bytes}))))
                    (memory.copy (local.get $at) (i32.const {TEMPLATE}) (i32.const {bytes}))
                    (i32.store (local.get $at)
                        (i32.add (i32.const {PLAIN_NAMES}) (i32.mul (local.get $number) (i32.const 4))))
                    (i32.store offset=4 (local.get $at) (i32.const 4))
                    (local.set $number (i32.add (local.get $number) (i32.const 1)))
                    (br_if $all (i32.lt_u (local.get $number) (i32.const {count}))))
                (i32.store (i32.const {}) (i32.const {LIST}))
                (i32.store (i32.const {}) (i32.const {}))
                (i32.store (i32.const {}) (i32.const {}))
                (i32.store (i32.const {}) (i32.const {}))
                (i32.const {MANIFEST}))"#,
            [
                data(PLAIN_NAMES as usize, names.as_bytes()),
                data(TEMPLATE as usize, &function),
                data(TEXT as usize, &text),
                data(TEXTS as usize, &texts),
                data(RESOURCES as usize, &resources),
                data(ACTOR, &actor),
            ]
            .concat(),
            MANIFEST + 12,
            MANIFEST + 16,
            self.tasks,
            MANIFEST + 20,
            actors.0,
            MANIFEST + 24,
            actors.1,
        );
        module(0, &items)
    }
}

/// The parts that these items do not bring.
fn missing(items: &str) -> String {
    DEFAULTS.iter().filter(|(sign, _)| !items.contains(sign)).map(|(_, part)| *part).collect()
}

/// The manifest as it lies in memory, with one task.
fn manifest(parameters: usize) -> String {
    let mut manifest = [0; 28];
    put(&mut manifest, 12, &[FUNCTIONS as u32, 1]);
    let mut function = vec![0; FunctionLayout::new().bytes];
    // The parameters are nameless: their records are zeros.
    put(&mut function, 0, &[NAMES as u32, "attack".len() as u32, NAMES as u32 + 1024, parameters as u32]);
    data(MANIFEST, &manifest) + &data(FUNCTIONS, &function) + &data(NAMES, b"attack")
}

fn put(bytes: &mut [u8], at: usize, words: &[u32]) {
    for (slot, word) in bytes[at..].chunks_mut(4).zip(words) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
}

/// A data segment with these bytes.
pub fn data(at: usize, bytes: &[u8]) -> String {
    let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!("(data (i32.const {at}) \"{escaped}\") ")
}

/// A command beside these items of its component; its core module has these items, and a `run` with this body.
pub fn command(component: &str, items: &str, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(component {component}
            (core module $m {items} (func (export "run") (result i32) {body} (i32.const 0)))
            (core instance $i (instantiate $m))
            (func $run (result (result)) (canon lift (core func $i "run")))
            (instance $cli (export "run" (func $run)))
            (export "wasi:cli/run@0.2.0" (instance $cli)))"#
    );
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The component of one of the worlds around a core module.
fn core_module(of: &str, items: &str) -> Vec<u8> {
    let (resolve, world) = world(of);
    let mut bytes = wat::parse_str(format!("(module {items})")).unwrap_or_else(|error| panic!("{error}"));
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8).expect("the world can be embedded");
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true);
    encoder.module(&bytes).and_then(|encoder| encoder.encode()).unwrap_or_else(|error| panic!("{error:?}"))
}

/// What an attack on handles imports: `objects.put`, `objects.clone-object`, and the drop of an object's handle.
pub const OBJECTS: &str = r#"
    (import "rustyray:core/objects@0.1.0" "put" (func $put (param i32 i32 i32 i32 i32 i32)))
    (import "rustyray:core/objects@0.1.0" "clone-object" (func $clone (param i32) (result i32)))
    (import "rustyray:core/types@0.1.0" "[resource-drop]object-ref" (func $drop_object (param i32)))"#;

/// `tasks.submit`. Its parameters lie in memory, the options 16 bytes from their start.
pub const TASKS: &str = r#"(import "rustyray:core/tasks@0.1.0" "submit" (func $submit (param i32) (result i32)))"#;

/// Of `streams`: `next`, `give`, and the drop of a stream's handle.
pub const STREAMS: &str = r#"
    (import "rustyray:core/streams@0.1.0" "next" (func $next (param i32) (result i32)))
    (import "rustyray:core/streams@0.1.0" "give" (func $give (param i32 i32 i32 i32 i32 i32)))
    (import "rustyray:core/types@0.1.0" "[resource-drop]stream-ref" (func $drop_stream (param i32)))"#;

/// Of `bytes`: `create`, `append`, `seal`, and the drop of a writer's handle.
pub const WRITERS: &str = r#"
    (import "rustyray:core/bytes@0.1.0" "create" (func $create (param i32 i64 i32)))
    (import "rustyray:core/bytes@0.1.0" "append" (func $append (param i32 i32 i32 i32)))
    (import "rustyray:core/bytes@0.1.0" "seal" (func $seal (param i32 i32)))
    (import "rustyray:core/bytes@0.1.0" "[resource-drop]writer" (func $drop_writer (param i32)))"#;

/// Of `calls`: `next`, without objects and with a time to wait, `enter`, and `reply` with what lies at an address.
pub const CALLS: &str = r#"
    (import "rustyray:core/calls@0.1.0" "next" (func $next_event (param i32 i32 i32 i32 i64 i32)))
    (import "rustyray:core/calls@0.1.0" "enter" (func $enter (param i64) (result i32)))
    (import "rustyray:core/calls@0.1.0" "reply" (func $reply_to (param i32)))"#;

/// Of `actors`: `find`, `kill`, and the drop of an actor's handle.
pub const ACTORS: &str = r#"
    (import "rustyray:core/actors@0.1.0" "find" (func $find (param i32 i32 i32 i32 i32 i32)))
    (import "rustyray:core/actors@0.1.0" "kill" (func $kill (param i32 i32 i32 i32) (result i32)))
    (import "rustyray:core/types@0.1.0" "[resource-drop]actor-ref" (func $drop_actor (param i32)))"#;
