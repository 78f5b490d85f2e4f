//! The end of a stream from which its items are taken.

use std::fmt;
use std::sync::Arc;

use super::let_go::LetGo;
use super::object::ObjectRef;
use super::stream::Stream;
use super::world::World;

/// When it is dropped the job ends, once it has given what was asked for.
pub struct StreamRef {
    world: Arc<World>,
    stream: Arc<Stream>,
    job: u64,
}

impl StreamRef {
    /// Of the items of a job.
    pub(super) fn new(world: &Arc<World>, stream: Arc<Stream>, job: u64) -> Self {
        Self { world: world.clone(), stream, job }
    }

    pub(super) fn next(&self) -> ObjectRef {
        ObjectRef(self.stream.next(&*self.world, self.job))
    }
}

impl Drop for StreamRef {
    fn drop(&mut self) {
        if self.stream.leave(&*self.world) {
            self.world.let_go.note(LetGo::Stream(self.job));
        }
    }
}

impl fmt::Debug for StreamRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamRef")
    }
}
