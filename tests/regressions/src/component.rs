//! Programs: core WebAssembly that wasm-smith makes out of the input, with the host's functions to call, as a command that
//! is run.

use std::sync::LazyLock;

use arbitrary::Unstructured;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, WorldId};

use crate::host::{load_and_run, tight};

/// The worlds of programs: `module` is the host's own.
const WORLDS: &str = "
    package wasi:cli@0.2.0;
    interface run { run: func() -> result; }
    world program {
        import rustyray:core/types@0.1.0;
        import rustyray:core/objects@0.1.0;
        import rustyray:core/bytes@0.1.0;
        import rustyray:core/tasks@0.1.0;
        import rustyray:core/actors@0.1.0;
        import rustyray:core/logging@0.1.0;
        export run;
    }";

static RESOLVED: LazyLock<Resolve> = LazyLock::new(|| {
    let mut resolve = Resolve::default();
    resolve.push_str("core.wit", include_str!("../../../wit/core.wit")).expect("the WIT package reads");
    resolve.push_str("worlds.wit", WORLDS).expect("the worlds read");
    resolve
});

/// A core module with everything that a program may import, and must export.
static SHAPE: LazyLock<Vec<u8>> =
    LazyLock::new(|| dummy_module(&RESOLVED, world("program"), ManglingAndAbi::Legacy(LiftLowerAbi::Sync)));

fn world(name: &str) -> WorldId {
    RESOLVED.worlds.iter().find(|(_, world)| world.name == name).expect("there is such a world").0
}

/// The component of this world around a core module.
pub(crate) fn encoded(mut module: Vec<u8>, name: &str) -> Vec<u8> {
    embed_component_metadata(&mut module, &RESOLVED, world(name), StringEncoding::UTF8).expect("the world is embedded");
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).and_then(|encoder| encoder.encode()).expect("a module of the right shape is a component")
}

/// What the host's engine knows of WebAssembly, and nothing that only makes modules large.
fn config() -> wasm_smith::Config {
    wasm_smith::Config {
        available_imports: Some(SHAPE.clone()),
        exports: Some(SHAPE.clone()),
        // Beside the memory of the shape.
        max_memories: 0,
        max_tables: 1,
        max_funcs: 20,
        allow_start_export: true,
        exceptions_enabled: false,
        gc_enabled: false,
        reference_types_enabled: false,
        threads_enabled: false,
        relaxed_simd_enabled: false,
        memory64_enabled: false,
        ..wasm_smith::Config::default()
    }
}

/// The input decides what wasm-smith makes.
pub fn run(input: &[u8]) {
    let Ok(module) = wasm_smith::Module::new(config(), &mut Unstructured::new(input)) else {
        return;
    };
    let component = encoded(module.to_bytes(), "program");
    load_and_run(&component, |module| vec![module.main(vec!["program".to_owned()], false, tight())]);
}
