//! Why a file is no module that this host can run.

use std::sync::Arc;

use super::interfaces::GUEST_INTERFACE;
use crate::types::error::TaskError;
use crate::types::limits::{MODULE_BYTES_MAX, MODULE_ITEMS_MAX};

/// Why a file is no module that this host can run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// The file cannot be read.
    #[error("cannot read it: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It is larger than [`MODULE_BYTES_MAX`].
    #[error("it has {0} bytes, and modules have at most {MODULE_BYTES_MAX}")]
    TooLarge(u64),
    /// It has more functions, types and exports than [`MODULE_ITEMS_MAX`].
    #[error(
        "it has {0} functions, types and exports, and modules have at most {MODULE_ITEMS_MAX}: compile it with optimisation, so that \
         what is not called is left out, or divide it into several modules"
    )]
    TooManyItems(usize),
    /// It is made so that it would take minutes, or gigabytes, to compile.
    #[error("it would take too much to compile: {0}. Divide its largest functions, or compile it with optimisation")]
    TooComplex(String),
    /// Its native code is larger than what is left for that of all modules.
    #[error(
        "its native code takes more than the {0} bytes that are left for code: load fewer modules, drop those that nobody needs, or raise \
         the bound of the host's code"
    )]
    CodeTooLarge(u64),
    /// The compiler reached a limit of its process: see [`CompilerProcess`](crate::CompilerProcess).
    #[error("compiling it takes more than {0}: divide its largest functions, or raise that limit of the compiler")]
    CompilerLimit(String),
    /// The compiler's process could not be started, or failed.
    #[error("the compiler failed: {0}")]
    Compiler(String),
    /// It is not WebAssembly.
    #[error(
        "it is not a WebAssembly component (it starts with {0}): compile it with `cargo build --target wasm32-wasip2`"
    )]
    NotWasm(String),
    /// It is a core module.
    #[error(
        "it is a core WebAssembly module, not a component: compile it for wasm32-wasip2 instead of wasm32-wasip1 or \
         wasm32-unknown-unknown, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// It is damaged or cut off.
    #[error("it does not compile, it may be cut off or damaged: {0}")]
    Invalid(String),
    /// It needs a feature of WebAssembly that the host does not have, or more of one than it gives.
    #[error("it needs what this host does not have: {0}: build it without that")]
    Unsupported(String),
    /// It was made for another version of WASI.
    #[error("it is made for another version of WASI, it {0}, and this host has WASI 0.2: compile it for wasm32-wasip2")]
    OtherWasi(String),
    /// It imports what the host does not offer.
    #[error("it needs an import that this host does not offer: {0}")]
    MissingImport(String),
    /// It was made for another version of the interfaces.
    #[error("it exports {0}, and this host speaks {GUEST_INTERFACE}: rebuild it with the SDK of this version")]
    OtherVersion(String),
    /// It is a component of another world.
    #[error(
        "it exports neither {GUEST_INTERFACE} nor wasi:cli/run nor a function that takes and gives values, so there is nothing \
         to run (it exports: {0})"
    )]
    NothingToRun(String),
    /// Its manifest is wrong.
    #[error("its manifest is wrong: {0}")]
    BadManifest(String),
    /// It failed when it was asked for its manifest.
    #[error("it failed when it was asked for its manifest: {0}")]
    NoManifest(TaskError),
    /// The object store has no room for what the host keeps of its manifest as long as the module.
    #[error("its manifest takes {bytes} bytes of the object store: {full}")]
    NoRoom {
        /// What it takes.
        bytes: u64,
        /// `ObjectStoreFull`, or `OutOfDisk`.
        full: Arc<TaskError>,
    },
    /// The compiler's threads could not be started.
    #[error("the compiler's threads could not be started: {0}")]
    NoThreads(String),
    /// The host is shutting down.
    #[error("the host is shutting down")]
    HostShutDown,
}
