//! What needs room in the object store: it is done at once where there is some, and else when there is, or will not be.

use std::sync::Arc;

use super::waiting::room;
use super::waits::WaitPort;
use crate::state::object::ObjectRef;
use crate::state::object::store::{ObjectStore, Reservation};
use crate::state::object::stream::StreamRef;
use crate::state::task::TaskRecord;
use crate::types::error::{TaskError, TaskResult};
use crate::types::limits::OBJECT_OVERHEAD_BYTES;

/// Something that needs room in the store.
pub enum Begun<T> {
    /// It had some.
    Done(T),
    /// It has to wait for some.
    Waits(Waits<T>),
}

/// What waits for room in the store, and what becomes of it then.
pub struct Waits<T> {
    bytes: u64,
    /// Why there was no room.
    full: Arc<TaskError>,
    go_on: Box<dyn FnOnce(TaskResult<Reservation>) -> T + Send>,
}

impl<T> Begun<T> {
    /// Does it with so much room, or with the reason why there is none. Where room may come it has to be waited for.
    pub fn with(
        store: &Arc<ObjectStore>,
        bytes: u64,
        go_on: impl FnOnce(TaskResult<Reservation>) -> T + Send + 'static,
    ) -> Self {
        match store.reserve_at_once(bytes) {
            Err(full) if store.may_come(bytes, &full) => Begun::wait(bytes, full, go_on),
            reserved => Begun::Done(go_on(reserved)),
        }
    }

    /// It waits for so many bytes, which the store had not for this reason.
    pub fn wait(
        bytes: u64,
        full: Arc<TaskError>,
        go_on: impl FnOnce(TaskResult<Reservation>) -> T + Send + 'static,
    ) -> Self {
        Begun::Waits(Waits { bytes, full, go_on: Box::new(go_on) })
    }

    /// The same, with what is made of it.
    pub fn map<U>(self, make: impl FnOnce(T) -> U + Send + 'static) -> Begun<U>
    where
        T: 'static,
    {
        match self {
            Begun::Done(done) => Begun::Done(make(done)),
            Begun::Waits(Waits { bytes, full, go_on }) => {
                Begun::wait(bytes, full, move |reserved| make(go_on(reserved)))
            }
        }
    }

    /// What came of it, once there is room; a `task` that waits gives its CPU slot back.
    pub async fn with_room(self, port: &dyn WaitPort, task: Option<&Arc<TaskRecord>>) -> T {
        match self {
            Begun::Done(done) => done,
            // Apart, so that it takes no room in the future of what has not to wait.
            Begun::Waits(waits) => Box::pin(waits.with_room(port, task)).await,
        }
    }

    /// The same, which this thread waits for: an embedder's own.
    pub fn here(self, store: &Arc<ObjectStore>) -> T {
        match self {
            Begun::Done(done) => done,
            Begun::Waits(Waits { bytes, full, go_on }) => go_on(store.wait_here(bytes, full)),
        }
    }
}

impl Begun<ObjectRef> {
    /// The next item of a stream, or a promise of it.
    pub fn next_item(items: &StreamRef, store: &Arc<ObjectStore>) -> Self {
        match items.take() {
            Some(item) => Begun::Done(item),
            None => Begun::with(store, OBJECT_OVERHEAD_BYTES, items.next_in()),
        }
    }
}

impl<T> Waits<T> {
    /// How much room it needs.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// It does not wait.
    pub fn refuse(self) -> T {
        (self.go_on)(Err(self.full))
    }

    /// What came of it, once there is room.
    pub async fn with_room(self, port: &dyn WaitPort, task: Option<&Arc<TaskRecord>>) -> T {
        let Waits { bytes, full, go_on } = self;
        go_on(room(port, task, bytes, full).await)
    }
}
