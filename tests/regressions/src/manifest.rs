//! Manifests: a module whose memory is the input, and whose `describe` says that its manifest lies at its start. What
//! passes for a manifest is believed, and what it declares is run.

use std::sync::LazyLock;

use rustyray_host::ObjectRef;

use crate::host::{load_and_run, tight};

/// Bytes of an input that count: the manifest's, in the layout of the canonical ABI, and all that it points at.
const INPUT_BYTES: usize = 4096;

/// Where they lie in the module's memory.
const INPUT_AT: usize = 1024;

/// What stands in their place until an input does.
const MARK: u8 = 0xa5;

/// Functions of a manifest that are run, and actors that are made.
const RUNS_MAX: usize = 3;

static TEMPLATE: LazyLock<(Vec<u8>, usize)> = LazyLock::new(|| {
    let mark = format!("\\{MARK:02x}").repeat(INPUT_BYTES);
    let guest = "rustyray:core/guest@0.1.0";
    let core = format!(
        r#"(module
            (memory (export "memory") 2)
            (data (i32.const {INPUT_AT}) "{mark}")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
            (func (export "{guest}#describe") (result i32) (i32.const {INPUT_AT}))
            (func (export "{guest}#run-task") (param i32 i32 i32 i32 i32) (result i32) (i32.const 512))
            (func (export "{guest}#construct") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 512))
            (func (export "{guest}#call") (param i32 i32 i32 i32 i32) (result i32) (i32.const 512))
            (func (export "{guest}#save") (result i32) (i32.const 512))
            (func (export "{guest}#restore") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 512)))"#
    );
    let component = crate::component::encoded(wat::parse_str(core).expect("the text is right"), "module");
    let found = component.windows(INPUT_BYTES).position(|window| window.iter().all(|byte| *byte == MARK));
    (component, found.expect("the mark is in the component"))
});

/// The input is the module's memory.
pub fn run(input: &[u8]) {
    let (template, at) = &*TEMPLATE;
    let mut component = template.clone();
    let place = &mut component[*at..at + INPUT_BYTES];
    place.fill(0);
    let length = input.len().min(INPUT_BYTES);
    place[..length].copy_from_slice(&input[..length]);
    load_and_run(&component, |module| {
        let manifest = module.manifest().expect("a module of tasks has one");
        let tasks = manifest.tasks.iter().take(RUNS_MAX).map(|task| {
            let call = module.task(&task.name).options(tight());
            task.parameters.iter().fold(call, |call, _| call.arg(1u32)).try_submit()
        });
        let actors = manifest.actors.iter().take(RUNS_MAX).filter_map(|actor| {
            let method = actor.methods.first()?;
            let actor = module.actor(&actor.name).create();
            Some(method.parameters.iter().fold(actor.call(&method.name), |call, _| call.arg(1u32)).try_submit())
        });
        tasks.chain(actors).collect::<Vec<ObjectRef>>()
    });
}
