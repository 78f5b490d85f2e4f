//! The door of a program: what `#[rustyray::main]` calls.

use std::any::Any;
use std::fmt::Display;
use std::process::{ExitCode, Termination};

use crate::error::Error;
use crate::logging;

/// Runs a `main` that cannot fail.
pub fn run<T: Termination>(main: impl FnOnce() -> T) -> ExitCode {
    logging::install();
    main().report()
}

/// Runs a `main` that can: an error is printed, and the exit code is 1.
pub fn run_result<T: Termination, E: Display + 'static>(main: impl FnOnce() -> Result<T, E>) -> ExitCode {
    logging::install();
    match main() {
        Ok(value) => value.report(),
        Err(error) => {
            eprintln!("Error: {}", describe(&error));
            ExitCode::FAILURE
        }
    }
}

/// Of our own error everything that is known, of another what it says of itself.
fn describe<E: Display + 'static>(error: &E) -> String {
    match (error as &dyn Any).downcast_ref::<Error>() {
        Some(own) => format!("{own:?}"),
        None => format!("{error:#}"),
    }
}
