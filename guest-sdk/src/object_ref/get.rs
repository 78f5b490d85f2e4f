//! Awaiting a value.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::raw::RawRef;
use crate::codec;
use crate::error::{Error, Result};
use crate::executor::{Interest, Sleep, sleep};
use crate::host::objects;
use crate::host::types::{ErrorKind, ObjectRef, Payload, TaskError};
use crate::task_error::local_error;

/// How long a value that is there, and on disk, is waited for at least. As the host does where the whole guest waits.
const READ_PATIENCE: Duration = Duration::from_secs(1);

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
    /// Of a value that may be there: the first poll gives it then.
    pub(super) fn new(raw: RawRef) -> Self {
        Self { arrival: Arrival::new(raw), value: PhantomData }
    }

    /// Of a value that is awaited: there is nothing to ask before the guest has nothing else to do.
    pub(super) fn awaited(raw: RawRef) -> Self {
        Self { arrival: Arrival { asks: false, ..Arrival::new(raw) }, value: PhantomData }
    }

    /// Gives up after `timeout`, with [`GetTimeout`](crate::ErrorKind::GetTimeout). The task goes on. A value that is there comes whatever
    /// the timeout: one that the host has on disk is waited for a second at least.
    ///
    /// ```no_run
    /// # use rustyray::prelude::*;
    /// # async fn example(reference: ObjectRef<i32>) -> Result<i32> {
    /// reference.get().timeout(Duration::from_secs(1)).await
    /// # }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.arrival.timeout = Some(Timeout { given: timeout, sleep: sleep(timeout), is_extended: false });
        self.arrival.asks = true;
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
    timeout: Option<Timeout>,
    /// Whether the first poll asks the host.
    asks: bool,
    /// There since the first poll that found nothing.
    interest: Option<Interest>,
}

/// How long it is waited for.
struct Timeout {
    given: Duration,
    sleep: Sleep,
    /// Is the value there, and read from disk?
    is_extended: bool,
}

impl Arrival {
    pub(crate) fn new(raw: RawRef) -> Self {
        Self { raw, timeout: None, asks: true, interest: None }
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Payload>> {
        let polled = match &self.raw {
            RawRef::Object(object) => poll_object(object, self.asks, &mut self.interest, context),
            RawRef::Failed(error) => Poll::Ready(Err(Error::from_host(TaskError::clone(error)))),
        };
        if polled.is_ready() { polled } else { self.poll_timeout(context) }
    }

    fn poll_timeout(&mut self, context: &mut Context<'_>) -> Poll<Result<Payload>> {
        let Some(timeout) = &mut self.timeout else {
            return Poll::Pending;
        };
        loop {
            ready!(Pin::new(&mut timeout.sleep).poll(context));
            match READ_PATIENCE.checked_sub(timeout.given) {
                Some(left) if !timeout.is_extended && self.raw.is_there() => {
                    (timeout.sleep, timeout.is_extended) = (sleep(left), true);
                }
                _ => break,
            }
        }
        let message = format!("no value within {:?}", timeout.given);
        Poll::Ready(Err(Error::from_host(local_error(ErrorKind::GetTimeout, message))))
    }
}

fn poll_object(
    object: &Arc<ObjectRef>,
    asks: bool,
    interest: &mut Option<Interest>,
    context: &Context<'_>,
) -> Poll<Result<Payload>> {
    // While nothing was reported, asking again would be a host call for nothing.
    let came = match interest.as_ref().map(|interest| interest.poll(context)) {
        Some(Poll::Pending) => return Poll::Pending,
        Some(Poll::Ready(Err(error))) => Some(Err(error)),
        Some(Poll::Ready(Ok(Some(value)))) => Some(Ok(value)),
        Some(Poll::Ready(Ok(None))) => try_get(object),
        None if asks => try_get(object),
        None => None,
    };
    *interest = came.is_none().then(|| Interest::object(object.clone(), context));
    came.map_or(Poll::Pending, Poll::Ready)
}

/// The host's report is large: it is boxed here, before it is passed on.
fn try_get(object: &ObjectRef) -> Option<Result<Payload>> {
    objects::try_get(object).map(|value| value.map_err(Error::from_host))
}

/// What the host gave, as a value.
pub(super) fn read<T: DeserializeOwned + 'static>(payload: Payload) -> Result<T> {
    let wrong = |reason| local_error(ErrorKind::InvalidArgument, format!("the value is {reason}"));
    codec::decode(payload).map_err(|reason| Error::from_host(wrong(reason)))
}
