//! Results that come one after the other.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::error_kind::ErrorKind;
use crate::host::streams;
use crate::host::types::{StreamRef, TaskError};
use crate::object_ref::{Get, ObjectRef, RawRef};

/// The results of a remote function that returns `impl Iterator<Item = T>` or `impl Stream<Item = T>`, while it runs.
///
/// The task waits when some items lie there that nobody has taken, and ends when the stream is dropped. If it fails, its error
/// is the last item. It is a [`Stream`], for the combinators of any crate.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// #[rustyray::remote]
/// fn squares(count: u64) -> impl Iterator<Item = u64> {
///     (0..count).map(|n| n * n)
/// }
///
/// # async fn example() -> Result<()> {
/// let mut items = squares.remote(1_000_000);
/// while let Some(square) = items.next().await {
///     if square? > 100 {
///         break; // the task ends
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "the task ends when its stream is dropped"]
pub struct ObjectStream<T> {
    /// An error is given once.
    source: std::result::Result<StreamRef, Option<Arc<TaskError>>>,
    /// The item that was asked for last.
    asked: Option<Get<T>>,
}

impl<T> ObjectStream<T> {
    pub(crate) fn new(source: std::result::Result<StreamRef, Arc<TaskError>>) -> Self {
        Self { source: source.map_err(Some), asked: None }
    }

    /// The reference to the next item, which need not be there yet: to pass on, or to ask for several ahead. `None` only where
    /// the call could not be made and its error was given; the item after the last one has the error
    /// [`StreamEnded`](ErrorKind::StreamEnded).
    ///
    /// ```no_run
    /// # use rustyray::prelude::*;
    /// # #[rustyray::remote] fn chunks(n: u32) -> impl Iterator<Item = Vec<u8>> { (0..n).map(|_| vec![0]) }
    /// # #[rustyray::remote] fn len(chunk: Vec<u8>) -> usize { chunk.len() }
    /// # async fn example() -> Result<()> {
    /// let mut items = chunks.remote(2);
    /// let first = items.next_ref().expect("the call was made");
    /// println!("{}", len.remote(first).await?); // the chunk goes from task to task
    /// # Ok(())
    /// # }
    /// ```
    pub fn next_ref(&mut self) -> Option<ObjectRef<T>> {
        match &mut self.source {
            Ok(items) => Some(ObjectRef::new(RawRef::new(streams::next(items)))),
            Err(error) => error.take().map(|error| ObjectRef::new(RawRef::Failed(error))),
        }
    }
}

impl<T: DeserializeOwned + 'static> ObjectStream<T> {
    /// Waits for the next item; `None` after the last one. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// What the task failed with.
    pub async fn next(&mut self) -> Option<Result<T>> {
        std::future::poll_fn(|context| self.poll_item(context)).await
    }

    /// The same for a plain function: the guest is parked meanwhile.
    ///
    /// # Errors
    /// What the task failed with.
    pub fn blocking_next(&mut self) -> Option<Result<T>> {
        if self.asked.is_some() {
            return crate::block_on(self.next());
        }
        item(self.next_ref()?.blocking_get())
    }

    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        if self.asked.is_none() {
            self.asked = self.next_ref().map(IntoFuture::into_future);
        }
        let Some(asked) = &mut self.asked else {
            return Poll::Ready(None);
        };
        Pin::new(asked).poll(context).map(|value| {
            self.asked = None;
            item(value)
        })
    }
}

/// The item after the last one is none.
fn item<T>(value: Result<T>) -> Option<Result<T>> {
    match value {
        Err(error) if error.kind() == ErrorKind::StreamEnded => None,
        value => Some(value),
    }
}

impl<T> Unpin for ObjectStream<T> {}

impl<T: DeserializeOwned + 'static> Stream for ObjectStream<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.poll_item(context)
    }
}

impl<T> fmt::Debug for ObjectStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectStream")
    }
}
