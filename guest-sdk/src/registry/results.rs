//! Yielding the results of a function that has several, one after the other.

use std::fmt::Display;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::outcome::Outcome;
use crate::error::{Error, failure};
use crate::executor::Interest;
use crate::host::guest::Failure;
use crate::host::streams;
use crate::host::types::{Encoding, ErrorKind, ObjectRef, Payload};

/// What writes an item.
type Encode<T> = fn(Encoding, T) -> Outcome<Payload>;

/// What came of giving an item.
enum Given {
    GoOn,
    /// Enough lie there: this is ready when there is room.
    Room(ObjectRef),
    /// Nobody wants more.
    NobodyListens,
}

/// Gives the items of an iterator, until nobody wants more.
///
/// # Errors
/// What the function or an item failed with, or when an item can't be written.
pub async fn yield_items<I: IntoIterator, E: Display + 'static>(
    reply: Encoding,
    items: Result<I, E>,
    encode: Encode<I::Item>,
) -> Outcome<Payload> {
    for item in items.map_err(failure)? {
        match give(encode(reply, item)?)? {
            Given::GoOn => {}
            Given::NobodyListens => break,
            Given::Room(room) => Roomy::new(room).await?,
        }
    }
    Ok(nothing())
}

/// Gives the items of a stream, until nobody wants more.
///
/// # Errors
/// As [`yield_items`].
pub async fn yield_stream<S: Stream, E: Display + 'static>(
    reply: Encoding,
    items: Result<S, E>,
    encode: Encode<S::Item>,
) -> Outcome<Payload> {
    let mut items = pin!(items.map_err(failure)?);
    while let Some(item) = poll_fn(|context| items.as_mut().poll_next(context)).await {
        match give(encode(reply, item)?)? {
            Given::GoOn => {}
            Given::NobodyListens => break,
            Given::Room(room) => Roomy::new(room).await?,
        }
    }
    Ok(nothing())
}

/// Gives the parts of a tuple.
///
/// # Errors
/// As [`yield_items`].
pub fn yield_parts<const N: usize, E: Display + 'static>(parts: Result<[Outcome<Payload>; N], E>) -> Outcome<Payload> {
    for part in parts.map_err(failure)? {
        if let Given::NobodyListens = give(part?)? {
            break;
        }
    }
    Ok(nothing())
}

fn give(item: Payload) -> Outcome<Given> {
    match streams::give(item) {
        Ok(None) => Ok(Given::GoOn),
        Ok(Some(room)) => Ok(Given::Room(room)),
        Err(error) if error.kind == ErrorKind::TaskCancelled => Ok(Given::NobodyListens),
        Err(error) => Err(Box::new(failure(Error::from_host(error)))),
    }
}

/// The result of the task itself means nothing.
fn nothing() -> Payload {
    Payload { encoding: Encoding::Raw, data: Vec::new(), references: Vec::new() }
}

/// Waits until there is room for another item; what else the function does goes on meanwhile.
struct Roomy {
    room: Arc<ObjectRef>,
    interest: Option<Interest>,
}

impl Roomy {
    fn new(room: ObjectRef) -> Self {
        Self { room: Arc::new(room), interest: None }
    }
}

impl Future for Roomy {
    type Output = Result<(), Box<Failure>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { room, interest } = &mut *self;
        let interest = interest.get_or_insert_with(|| Interest::group(vec![room.clone()], vec![false], 1, context));
        interest.poll(context).map(|ready| match ready {
            Ok(_) => Ok(()),
            Err(error) => Err(Box::new(failure(error))),
        })
    }
}
