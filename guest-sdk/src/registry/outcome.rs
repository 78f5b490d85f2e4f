//! How a program answers the host: with what was asked for, or why there is none.

use crate::host::guest::Failure;

/// How the glue of a function answers.
pub type Outcome<T> = Result<T, Box<Failure>>;

pub(super) fn missing(what: &str, name: &str) -> Box<Failure> {
    invalid(format!("this module has no {what} `{name}`"))
}

/// The caller's fault.
pub(super) fn invalid(message: String) -> Box<Failure> {
    Box::new(Failure { message, cause: None, invalid_argument: true })
}
