//! The command line, as a user meets it: a process with arguments, streams, signals and an exit code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a test's own helper fails the test")]

mod common;

#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "cli/benching.rs"]
mod benching;
#[path = "cli/calling.rs"]
mod calling;
#[path = "cli/compiling.rs"]
mod compiling;
#[path = "cli/config.rs"]
mod config;
#[path = "cli/crates.rs"]
mod crates;
#[path = "cli/doctor.rs"]
mod doctor;
#[path = "cli/granting.rs"]
mod granting;
#[path = "cli/journal.rs"]
mod journal;
#[path = "cli/json.rs"]
mod json;
#[path = "cli/manual.rs"]
mod manual;
#[path = "cli/modules.rs"]
mod modules;
#[path = "cli/process.rs"]
mod process;
#[path = "cli/receipts.rs"]
mod receipts;
#[path = "cli/running.rs"]
mod running;
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/stalled.rs"]
mod stalled;
#[path = "cli/streams.rs"]
mod streams;
#[path = "cli/stubs.rs"]
mod stubs;
#[path = "cli/timeline.rs"]
mod timeline;

/// The guest that does what its arguments say.
fn driver() -> String {
    common::guest("driver").display().to_string()
}

/// The guest that knows nothing of tasks.
fn plain() -> String {
    common::guest("plain").display().to_string()
}
