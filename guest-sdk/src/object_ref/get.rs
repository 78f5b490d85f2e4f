//! Awaiting a value.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{RawRef, read};
use crate::error::{Error, Result};
use crate::executor::{Interest, Sleep, sleep};
use crate::host::types::{ErrorKind, ObjectRef, Payload, TaskError};
use crate::host::{local_error, objects};

/// The future of a value: see [`ObjectRef::get`](crate::ObjectRef::get).
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # async fn example(reference: ObjectRef<i32>) -> Result<i32> {
/// let value: rustyray::Get<i32> = reference.get();
/// value.timeout(Duration::from_secs(1)).await
/// # }
/// ```
#[must_use = "a future does nothing unless it is awaited"]
pub struct Get<T> {
    arrival: Arrival,
    value: PhantomData<fn() -> T>,
}

impl<T> Get<T> {
    pub(super) fn new(raw: RawRef) -> Self {
        Self { arrival: Arrival::new(raw), value: PhantomData }
    }

    /// Gives up after `timeout`, with [`GetTimeout`](crate::ErrorKind::GetTimeout). The task goes on.
    ///
    /// ```no_run
    /// # use rustyray::prelude::*;
    /// # async fn example(reference: ObjectRef<i32>) -> Result<i32> {
    /// reference.get().timeout(Duration::from_secs(1)).await
    /// # }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.arrival.timeout = Some(sleep(timeout));
        self
    }
}

impl<T: DeserializeOwned + 'static> Future for Get<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        self.arrival.poll(context).map(|arrived| arrived.and_then(read))
    }
}

impl<T> fmt::Debug for Get<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Get({:?})", self.arrival.raw)
    }
}

/// Waits for an object's bytes, whatever their type.
pub(crate) struct Arrival {
    raw: RawRef,
    timeout: Option<Sleep>,
    /// There since the first poll that found nothing.
    interest: Option<Interest>,
}

impl Arrival {
    pub(crate) fn new(raw: RawRef) -> Self {
        Self { raw, timeout: None, interest: None }
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Payload>> {
        let object = match &self.raw {
            RawRef::Object(object) => object.clone(),
            RawRef::Failed(error) => return Poll::Ready(Err(Error::from_host(TaskError::clone(error)))),
        };
        match self.poll_object(&object, context) {
            Poll::Ready(value) => Poll::Ready(value.map_err(Error::from_host)),
            Poll::Pending => self.poll_timeout(context),
        }
    }

    fn poll_object(
        &mut self,
        object: &Arc<ObjectRef>,
        context: &Context<'_>,
    ) -> Poll<std::result::Result<Payload, TaskError>> {
        if let Some(interest) = &self.interest {
            // While nothing was reported, asking again would be a host call for nothing.
            match interest.poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(stopped)) => return Poll::Ready(Err(stopped)),
                Poll::Ready(Ok(())) => {}
            }
        }
        if let Some(value) = objects::try_get(object) {
            self.interest = None;
            return Poll::Ready(value);
        }
        self.interest = Some(Interest::object(object.clone(), context));
        Poll::Pending
    }

    fn poll_timeout(&mut self, context: &mut Context<'_>) -> Poll<Result<Payload>> {
        let Some(timeout) = &mut self.timeout else {
            return Poll::Pending;
        };
        Pin::new(&mut *timeout).poll(context).map(|()| {
            let message = format!("no value within {:?}", timeout.duration());
            Err(Error::from_host(local_error(ErrorKind::GetTimeout, message)))
        })
    }
}
