//! What a program let go of. The last handle may be in a value that is dropped anywhere, so that is only noted here;
//! whoever hands the turn on sees to it.

use std::sync::Mutex;

use super::sync::lock;

/// What nobody holds any more, by its number.
pub(super) enum LetGo {
    Actor(u64),
    /// The items of this job.
    Stream(u64),
}

/// Nobody has looked at these yet.
#[derive(Default)]
pub(super) struct LetGoList(Mutex<Vec<LetGo>>);

impl LetGoList {
    pub(super) fn note(&self, gone: LetGo) {
        lock(&self.0).push(gone);
    }

    /// All since the last time.
    pub(super) fn take(&self) -> Vec<LetGo> {
        std::mem::take(&mut *lock(&self.0))
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }
}
