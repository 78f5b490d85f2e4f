//! The end of a stream from which its items are taken.

use std::fmt;
use std::sync::Arc;

use crate::sim::runtime::Runtime;
use crate::sim::state::let_go::LetGo;
use crate::sim::state::object::ObjectRef;
use crate::sim::state::stream::Stream;

/// When it is dropped the task ends, once it has given what was asked for.
pub struct StreamRef {
    runtime: Arc<Runtime>,
    stream: Arc<Stream>,
    task: u64,
}

impl StreamRef {
    /// Of the items of a task.
    pub(crate) fn new(runtime: &Arc<Runtime>, stream: Arc<Stream>, task: u64) -> Self {
        Self { runtime: runtime.clone(), stream, task }
    }

    pub(crate) fn next(&self) -> ObjectRef {
        ObjectRef(self.stream.next(&*self.runtime, self.task))
    }
}

impl Drop for StreamRef {
    fn drop(&mut self) {
        if self.stream.leave(&*self.runtime) {
            self.runtime.let_go.note(LetGo::Stream(self.task));
        }
    }
}

impl fmt::Debug for StreamRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamRef")
    }
}
