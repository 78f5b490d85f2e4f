//! Results that come one after the other.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::host::types::{self, StreamRef, TaskError};
use crate::host::{objects, streams};
use crate::object_ref::{Get, ObjectRef, RawRef};
use crate::wait::wait;

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
    /// The task's error was an item.
    failed: bool,
    /// The item that was asked for, by a call that was dropped before it came.
    asked: Option<ObjectRef<T>>,
    /// Its value, which is on its way.
    value: Option<Get<T>>,
}

impl<T> ObjectStream<T> {
    pub(crate) fn new(source: std::result::Result<StreamRef, Arc<TaskError>>) -> Self {
        Self { source: source.map_err(Some), failed: false, asked: None, value: None }
    }

    /// The reference to the next item, which need not be there yet: to pass on, or to ask for several ahead. `None` only where
    /// the call could not be made and its error was given; those after the last one have the task's error, or
    /// [`StreamEnded`](crate::ErrorKind::StreamEnded).
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
        self.value = None;
        if let Some(asked) = self.asked.take() {
            return Some(asked);
        }
        match &mut self.source {
            Ok(items) => Some(ObjectRef::new(RawRef::new(streams::next(items)))),
            Err(error) => error.take().map(|error| ObjectRef::new(RawRef::Failed(error))),
        }
    }
}

impl<T: DeserializeOwned + 'static> ObjectStream<T> {
    /// Waits for the next item and gives the reference to it: to pass it on, without a copy of it in this guest. `None` after the
    /// last one. If the task fails, its error is the last item. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// This task was asked to stop.
    ///
    /// ```no_run
    /// # use rustyray::prelude::*;
    /// # #[rustyray::remote] fn chunks(n: u32) -> impl Iterator<Item = Vec<u8>> { (0..n).map(|_| vec![0]) }
    /// # #[rustyray::remote] fn len(chunk: Vec<u8>) -> usize { chunk.len() }
    /// # async fn example() -> Result<()> {
    /// let mut items = chunks.remote(100);
    /// let mut lengths = Vec::new();
    /// while let Some(chunk) = items.next_object().await? {
    ///     lengths.push(len.remote(chunk)); // the chunk goes from task to task
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next_object(&mut self) -> Result<Option<ObjectRef<T>>> {
        let Some(item) = self.next_ref() else { return Ok(None) };
        self.asked = Some(item.clone());
        wait(std::slice::from_ref(&item), 1, None).await?;
        self.asked = None;
        Ok((!self.is_over(&item)).then_some(item))
    }

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
        let item = self.next_ref()?;
        let value = item.blocking_get();
        (value.is_ok() || !self.is_over(&item)).then_some(value)
    }

    /// Is there no item any more? An item that is an error is the last one: the task's, which is given once, or that there is
    /// no further one.
    fn is_over(&mut self, item: &ObjectRef<T>) -> bool {
        let failure = match item.raw() {
            RawRef::Object(item) => objects::failure(item),
            RawRef::Failed(error) => Some(error.kind),
        };
        match failure {
            None => false,
            Some(types::ErrorKind::StreamEnded) => true,
            Some(_) => std::mem::replace(&mut self.failed, true),
        }
    }

    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        if self.value.is_none() {
            let Some(asked) = self.next_ref() else { return Poll::Ready(None) };
            self.value = Some(asked.clone().into_future());
            self.asked = Some(asked);
        }
        let Some(value) = &mut self.value else { return Poll::Ready(None) };
        Pin::new(value).poll(context).map(|value| {
            self.value = None;
            let item = self.asked.take();
            let over = value.is_err() && item.is_some_and(|item| self.is_over(&item));
            (!over).then_some(value)
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::{block_on, mock};

    #[rustyray::remote]
    fn squares(count: u64) -> impl Iterator<Item = u64> {
        (0..count).map(|n| n * n)
    }

    #[rustyray::remote]
    fn failing(after: u32) -> impl Iterator<Item = Result<u32>> {
        (0..).map(move |n| if n < after { Ok(n) } else { Err(Error::msg("no more")) })
    }

    #[rustyray::remote(num_returns = 3)]
    fn parts(fail: bool) -> Result<(u8, String, Vec<u8>)> {
        crate::ensure!(!fail, "none");
        Ok((1, "two".to_owned(), vec![3]))
    }

    #[test]
    fn items_are_taken_in_every_way_and_none_is_lost() {
        block_on(async {
            let mut items = squares.remote(6);
            assert_eq!(items.next().await.unwrap().unwrap(), 0);
            assert_eq!(items.blocking_next().unwrap().unwrap(), 1);
            assert_eq!(items.next_ref().unwrap().await.unwrap(), 4);
            assert_eq!(items.next_object().await.unwrap().unwrap().await.unwrap(), 9);
            // One that is asked for by what is dropped is the next one still.
            assert!(futures::poll!(std::pin::pin!(items.next())).is_pending());
            assert_eq!(items.next_ref().unwrap().await.unwrap(), 16);
            assert!(futures::poll!(std::pin::pin!(items.next())).is_pending());
            assert_eq!(items.blocking_next().unwrap().unwrap(), 25);
            assert!(items.next_object().await.unwrap().is_none());
            assert!(items.next().await.is_none());
        });
    }

    #[test]
    fn an_error_is_the_last_item() {
        let mut items = failing.remote(1);
        assert_eq!(items.blocking_next().unwrap().unwrap(), 0);
        assert!(items.blocking_next().unwrap().unwrap_err().to_string().contains("no more"));
        assert!(items.blocking_next().is_none());
    }

    #[test]
    fn parts_are_references_of_their_own() {
        let (one, two, three) = parts.remote(false);
        assert_eq!((one.blocking_get().unwrap(), two.blocking_get().unwrap()), (1, "two".to_owned()));
        assert_eq!(three.blocking_read(..).unwrap(), [3]);
        let calls = mock::take_calls();
        assert_eq!(calls.iter().filter(|call| *call == "next").count(), 3, "{calls:?}");
    }
}
