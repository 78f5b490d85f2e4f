//! The host's library with real guests. One binary, so that wasmtime is linked once.

mod support;
mod program;
