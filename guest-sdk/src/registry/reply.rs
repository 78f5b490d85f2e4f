//! Writing what a function gave.

use std::any::Any;
use std::fmt::Display;

use serde::Serialize;

use super::outcome::Outcome;
use crate::codec;
use crate::error::failure;
use crate::host::guest::Failure;
use crate::host::types::{Encoding, Payload};

/// The answer of a function that cannot fail.
///
/// # Errors
/// When the value can't be written.
pub fn reply_value<T: Serialize + 'static>(reply: Encoding, value: T) -> Outcome<Payload> {
    codec::encode(value, reply).map_err(|reason| {
        let message = format!("the result cannot be sent: {reason}");
        Box::new(Failure { message, cause: None, invalid_argument: false })
    })
}

/// The answer of a function that can.
///
/// # Errors
/// What it failed with, or when the value can't be written.
pub fn reply_result<T: Serialize + 'static, E: Display + 'static>(
    reply: Encoding,
    result: Result<T, E>,
) -> Outcome<Payload> {
    reply_value(reply, result.map_err(failure)?)
}

/// An actor made by a constructor that cannot fail.
///
/// # Errors
/// None: it has the form of its sibling.
pub fn constructed<A: 'static>(actor: A) -> Outcome<Box<dyn Any>> {
    Ok(Box::new(actor))
}

/// An actor made by a constructor that can.
///
/// # Errors
/// What it failed with.
pub fn constructed_result<A: 'static, E: Display + 'static>(actor: Result<A, E>) -> Outcome<Box<dyn Any>> {
    Ok(Box::new(actor.map_err(failure)?))
}
