//! Waiting for a constructor.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::raw::RawHandle;
use crate::error::Result;
use crate::object_ref::Arrival;

/// The future of an actor's handle: gives the handle when the constructor has run, or its error when it failed.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # #[rustyray::actor] struct Counter;
/// # #[rustyray::actor_methods] impl Counter { fn new() -> Self { Counter } }
/// # async fn example() -> Result<()> {
/// let ready: rustyray::Ready<CounterHandle> = Counter::remote().ready();
/// let counter = ready.await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a future does nothing unless it is awaited"]
pub struct Ready<H> {
    handle: H,
    raw: RawHandle,
    arrival: Option<Arrival>,
}

// Nothing in it is ever pinned.
impl<H> Unpin for Ready<H> {}

impl<H> Ready<H> {
    pub(super) fn new(handle: H, raw: RawHandle) -> Self {
        Self { handle, raw, arrival: None }
    }
}

impl<H: Clone> Future for Ready<H> {
    type Output = Result<H>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<H>> {
        let this = &mut *self;
        let arrival = this.arrival.get_or_insert_with(|| Arrival::new(this.raw.ready()));
        arrival.poll(context).map(|arrived| arrived.map(|_| this.handle.clone()))
    }
}

impl<H> fmt::Debug for Ready<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").finish_non_exhaustive()
    }
}
