//! Results that come one after the other, for the embedder.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::codec;
use crate::port::waiting::{value_of, wait_outside};
use crate::port::{Begun, ObjectPort};
use crate::runtime::Runtime;
use crate::state::object::ObjectRef;
use crate::state::object::stream::{StreamRef, is_end};
use crate::types::error::{ErrorKind, TaskError, TaskResult};

/// The results of a task that gives them one after the other, as they come. The task waits while
/// [`STREAM_ITEMS_AHEAD`](crate::limits::STREAM_ITEMS_AHEAD) of them lie ready. Dropping the stream ends it.
///
/// ```no_run
/// # async fn example(module: rustyray_host::Module) -> Result<(), Box<dyn std::error::Error>> {
/// let mut chunks = module.task("chunks").arg(5).stream().await;
/// while let Some(chunk) = chunks.next_value::<Vec<u8>>().await {
///     println!("{} bytes", chunk?.len());
/// }
/// # Ok(())
/// # }
/// ```
pub struct ObjectStream {
    runtime: Arc<Runtime>,
    items: StreamRef,
    /// The task's error was an item.
    failed: bool,
    /// The item that was asked for last, by a call that was dropped before it came.
    asked: Option<ObjectRef>,
}

impl ObjectStream {
    pub(super) fn new(runtime: Arc<Runtime>, items: StreamRef) -> Self {
        ObjectStream { runtime, items, failed: false, asked: None }
    }

    /// The next item, which need not be there yet: to pass on, or to wait for beside others. Those after the last have the task's
    /// error, or `StreamEnded`; one that is [too far ahead](crate::limits::STREAM_ITEMS_WANTED_MAX) has `LimitExceeded`, and is none.
    ///
    /// In a full object store that spills this waits on this thread for room for the promise, for
    /// [a quarter of a second](crate::limits::ROOM_PATIENCE) at most.
    pub fn next_ref(&mut self) -> ObjectRef {
        let store = self.runtime.store();
        self.asked.take().unwrap_or_else(|| Begun::next_item(&self.items, store).here(store))
    }

    /// Waits for the next item; `None` after the last one. If the task fails, its error is the last item. Nothing is lost when
    /// the future is dropped.
    pub async fn next(&mut self) -> Option<ObjectRef> {
        let item = match self.asked.take() {
            Some(item) => item,
            None => Begun::next_item(&self.items, self.runtime.store()).with_room(&*self.runtime, None).await,
        };
        self.asked = Some(item.clone());
        if !item.is_ready() {
            self.runtime.help(&item);
            wait_outside(&*self.runtime, std::slice::from_ref(&item), 1, None).await;
        }
        // An error is the end, whether it is the task's or says so; the task's is an item, once.
        let failed = item.error().is_some();
        if is_end(&item) || (failed && std::mem::replace(&mut self.failed, true)) {
            return None;
        }
        self.asked = None;
        Some(item)
    }

    /// The same with the item's value.
    pub async fn next_value<T: DeserializeOwned + 'static>(&mut self) -> Option<TaskResult<T>> {
        let item = self.next().await?;
        let gone = |_| Err(Arc::new(TaskError::new(ErrorKind::Internal, "a wait without a timeout ended")));
        let outcome = value_of(&*self.runtime, None, &item, None).await.unwrap_or_else(gone);
        Some(outcome.and_then(|value| codec::decode(value.payload()).map_err(Arc::new)))
    }
}

impl std::fmt::Debug for ObjectStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ObjectStream")
    }
}
