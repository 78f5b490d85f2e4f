//! What one future waits for.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::reactor::{self, Source, State};
use crate::error::{Error, Result};
use crate::host::types::{ObjectRef, Payload, TaskError};

/// A place among what the next park waits for. Dropping it gives the place up.
#[derive(Debug)]
pub(crate) struct Interest(usize);

impl Interest {
    /// In one object.
    pub(crate) fn object(object: Arc<ObjectRef>, context: &Context<'_>) -> Self {
        Self::new(Source::Object(object), context)
    }

    /// In `missing` of the objects that are not ready yet.
    pub(crate) fn group(objects: Vec<Arc<ObjectRef>>, ready: Vec<bool>, missing: usize, context: &Context<'_>) -> Self {
        Self::new(Source::Group { objects, ready, missing }, context)
    }

    /// In a moment.
    pub(super) fn timer(deadline: Instant, context: &Context<'_>) -> Self {
        Self::new(Source::Timer(deadline), context)
    }

    fn new(source: Source, context: &Context<'_>) -> Self {
        Self(reactor::with(|reactor| reactor.add(source, context.waker().clone())))
    }

    /// Ready when it happened, with the object's value if that came along; or with an error when the object has one, or
    /// the task was asked to stop.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Result<Option<Payload>>> {
        reactor::with(|reactor| {
            let entry = reactor.entry(self.0);
            match &mut entry.state {
                State::Happened(value) => Poll::Ready(Ok(value.take())),
                State::Failed(error) => Poll::Ready(Err(Error::from_host(TaskError::clone(error)))),
                State::Waiting => {
                    entry.waker.clone_from(context.waker());
                    Poll::Pending
                }
            }
        })
    }

    /// Which members of a group are ready by now.
    pub(crate) fn into_ready(self) -> Vec<bool> {
        reactor::with(|reactor| match &mut reactor.entry(self.0).source {
            Source::Group { ready, .. } => std::mem::take(ready),
            Source::Object(_) | Source::Timer(_) => Vec::new(),
        })
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        // The entry is dropped outside: it may hold the last handle of an object, and a waker that runs code of its own.
        drop(reactor::with(|reactor| reactor.remove(self.0)));
    }
}
