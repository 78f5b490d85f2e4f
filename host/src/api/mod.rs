//! What an embedder sees.

pub mod actor;
pub mod builder;
pub mod codec;
pub mod host;
pub mod module;
mod module_file;
pub mod stream;
pub mod task;
