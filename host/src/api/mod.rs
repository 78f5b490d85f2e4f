//! What an embedder sees.

pub mod actor;
pub mod builder;
pub mod codec;
pub mod host;
pub mod module;
pub mod stream;
pub mod task;
