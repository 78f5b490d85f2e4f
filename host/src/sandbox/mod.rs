//! The only place that names wasmtime: the engine, the modules, and the guests that run in them.

mod bindings;
mod cache;
mod code_room;
mod coming;
mod compiler;
mod compiler_process;
mod convert;
mod descriptors;
mod engine;
mod exports;
mod files;
mod ground;
mod guest;
mod handles;
mod host_call_yield;
mod host_calls;
mod import_set;
mod instance;
mod interfaces;
mod limiter;
mod listing;
mod look_up;
mod manifest;
mod module;
mod module_error;
mod network;
mod output;
mod permits;
mod permitted_stream;
mod prevalidation;
mod process_stream;
mod reach;
mod reflected;
mod reflected_call;
mod refusal;
mod serving;
mod tank;
mod trap;
mod turn;
mod wasi;
mod weight;
pub mod wire;

pub use cache::{CachedModule, ModuleCache};
pub use compiler::{NativeCode, compile};
pub use compiler_process::CompilerProcess;
pub use engine::{EngineConfig, Sandbox};
pub use guest::Guest;
pub use import_set::ImportSet;
pub use instance::Instance;
pub use module::{CheckedModule, LoadedModule};
pub use module_error::ModuleError;

/// For embedders that add imports of their own.
pub use wasmtime;
