//! What all guests of a host come from.

use std::sync::{Arc, OnceLock};

use tokio::runtime::Handle;

use super::cache::ModuleCache;
use super::code_room::CodeBytes;
use super::compiler_process::CompilerProcess;
use super::ground::Ground;
use super::import_set::ImportSet;
use super::places::AllPlaces;

/// What the engine is made from.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Instances that live at once. The pool has one more, for asking a module what it offers.
    pub instances: u32,
    /// Where compiled modules are kept; `None` for nowhere.
    pub cache: Option<ModuleCache>,
    /// Where modules are compiled; `None` for in this process.
    pub compiler: Option<CompilerProcess>,
    /// Bytes of native code of all modules.
    pub code_bytes: u64,
}

/// The engines with everything that guests can import.
pub struct Sandbox {
    /// That of all but a few.
    pub(super) ground: Ground,
    /// That of components which also have async functions, from the first of them on.
    concurrent: OnceLock<Result<Ground, String>>,
    instances: u32,
    pub(super) imports: Vec<ImportSet>,
    pub(super) cache: Option<ModuleCache>,
    compiler: Option<CompilerProcess>,
    pub(super) code: CodeBytes,
    pub(super) places: Arc<AllPlaces>,
}

impl Sandbox {
    /// Makes the engine and reserves the pool's address space. What guests wait for that blocks is done on `threads`.
    ///
    /// # Errors
    /// The machine refuses the pool, or the embedder's imports collide with others.
    pub fn new(config: EngineConfig, imports: Vec<ImportSet>, threads: Handle) -> wasmtime::Result<Arc<Self>> {
        let ground = Ground::new(config.instances, &imports)?;
        let EngineConfig { instances, cache, compiler, code_bytes } = config;
        let code = CodeBytes::new(code_bytes);
        let (concurrent, places) = (OnceLock::new(), AllPlaces::new(threads));
        Ok(Arc::new(Sandbox { ground, concurrent, instances, imports, cache, compiler, code, places }))
    }

    /// The engine of components that have async functions beside others. Those are never called: it is there since a component is
    /// compiled whole.
    ///
    /// # Errors
    /// The machine refuses a second pool.
    pub(super) fn concurrent(&self) -> Result<&Ground, &str> {
        let made = self
            .concurrent
            .get_or_init(|| Ground::concurrent(self.instances, &self.imports).map_err(|error| format!("{error:#}")));
        made.as_ref().map_err(String::as_str)
    }
}

impl Sandbox {
    /// The bytes of native code that modules have, and those that are left.
    pub fn code(&self) -> &CodeBytes {
        &self.code
    }

    /// The compiler's process; `None` where modules are compiled in this one.
    pub fn compiler(&self) -> Option<&CompilerProcess> {
        self.compiler.as_ref()
    }

    /// Are there imports of the embedder's own?
    pub fn has_imports(&self) -> bool {
        !self.imports.is_empty()
    }
}
