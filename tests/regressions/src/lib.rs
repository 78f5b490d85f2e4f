//! What is fuzzed: a function for each target, which panics when a promise is broken. Bytes come from anybody, so that
//! every answer is a good one, but for a crash, a hang, and something that is left behind.

pub mod component;
pub mod config;
mod host;
pub mod manifest;
pub mod payload;
