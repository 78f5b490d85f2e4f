//! What a program let go of. The last handle may be in a value that is dropped anywhere, so that is only noted here;
//! whoever hands the turn on sees to it.

use std::sync::Mutex;

use crate::sim::sync::lock;

/// What nobody holds any more, by its number.
pub(crate) enum LetGo {
    Actor(u64),
    /// The items of this task.
    Stream(u64),
}

/// Nobody has looked at these yet.
#[derive(Default)]
pub(crate) struct LetGoList(Mutex<Vec<LetGo>>);

impl LetGoList {
    pub(crate) fn note(&self, gone: LetGo) {
        lock(&self.0).push(gone);
    }

    /// All since the last time.
    pub(crate) fn take(&self) -> Vec<LetGo> {
        std::mem::take(&mut *lock(&self.0))
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }
}
