//! The compiler: from a component's bytes to native code.

use wasmtime::Engine;

use super::module_error::ModuleError;
use super::{ground, refusal};

/// Stack of a compiler's thread. The parser takes up to 3 KiB of it for each type inside another, ten times as much where
/// it was built without optimisation, and there are at most [`TYPE_NESTING_MAX`](crate::limits::TYPE_NESTING_MAX).
const STACK_BYTES: usize = 16 << 20;

/// What a component was compiled to.
pub struct NativeCode {
    /// Is it for the engine of components with async functions?
    pub is_concurrent: bool,
    /// In the form of [`Component::deserialize`](wasmtime::component::Component::deserialize).
    pub bytes: Vec<u8>,
}

/// Compiles a component on so many threads, or one for each core. They are gone when it returns. Left alone the compiler would start a pool for the whole
/// process, and that would outlive every host.
///
/// # Errors
/// Why these bytes are no component for this host.
pub fn compile(component: &[u8], threads: Option<usize>) -> Result<NativeCode, ModuleError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .thread_name(|index| format!("rustyray-jit-{index}"))
        .stack_size(STACK_BYTES)
        .build_scoped(|thread| thread.run(), |pool| pool.install(|| compile_here(component)))
        .map_err(|error| ModuleError::NoThreads(error.to_string()))?
}

fn compile_here(component: &[u8]) -> Result<NativeCode, ModuleError> {
    let code = |is_concurrent| move |bytes| NativeCode { is_concurrent, bytes };
    match engine(false)?.precompile_component(component) {
        Ok(bytes) => Ok(code(false)(bytes)),
        Err(error) if refusal::is_async(&error) => {
            let compiled = engine(true)?.precompile_component(component);
            compiled.map(code(true)).map_err(|error| refusal::of(&error))
        }
        Err(error) => Err(refusal::of(&error)),
    }
}

/// An engine that compiles and runs nothing: it has no pool.
fn engine(is_concurrent: bool) -> Result<Engine, ModuleError> {
    ground::compiling(is_concurrent).map_err(|error| ModuleError::Compiler(format!("{error:#}")))
}
