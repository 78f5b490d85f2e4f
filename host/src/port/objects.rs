//! What tasks and the embedder ask of the runtime about objects.

use std::sync::Arc;

use crate::state::object::ObjectRef;
use crate::state::object::gathering::Gathering;
use crate::state::object::store::ObjectStore;
use crate::state::task::TaskRecord;

/// The object store, and what is not in its memory.
pub trait ObjectPort: Send + Sync {
    /// The object store.
    fn store(&self) -> &Arc<ObjectStore>;

    /// Waits for the values of objects, those that were spilled read back, and for so many `bytes` of room in the store: all of it at
    /// once, or nothing. It counts for this task, or for the embedder; dropping what this gives asks for nothing any more.
    fn gather(&self, objects: Vec<ObjectRef>, bytes: u64, task: Option<&TaskRecord>) -> Gathering;
}
