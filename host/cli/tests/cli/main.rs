//! The command line, as a user meets it: a process with arguments, streams, signals and an exit code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a test's own helper fails the test")]

mod bad_input;
mod benching;
mod calling;
mod compiling;
mod config;
mod crates;
mod doctor;
mod granting;
mod journal;
mod json;
mod manual;
mod modules;
mod process;
mod receipts;
mod running;
mod signals;
mod stalled;
mod streams;
mod stubs;
mod timeline;

/// The guest that does what its arguments say.
fn driver() -> String {
    rustyray_testkit::guest("driver").display().to_string()
}

/// The guest that knows nothing of tasks.
fn plain() -> String {
    rustyray_testkit::guest("plain").display().to_string()
}
