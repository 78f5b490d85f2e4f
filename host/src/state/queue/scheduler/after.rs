//! What is left to be done when nobody holds the scheduler any more.

use std::sync::Arc;
use std::task::Waker;

use crate::state::task::TaskRecord;
use crate::types::panics::wake;

/// What is to be done once the lock is let go: a task that is dropped may be the last to hold an actor, and whoever is woken may
/// want a thread, and both ask for the scheduler.
#[derive(Default)]
pub struct After {
    tasks: Vec<Arc<TaskRecord>>,
    wakers: Vec<Waker>,
}

impl After {
    /// The task may be the last one's.
    pub fn drop_later(&mut self, task: Arc<TaskRecord>) {
        self.tasks.push(task);
    }

    /// Somebody is to be woken.
    pub fn wake(&mut self, waker: Option<Waker>) {
        self.wakers.extend(waker);
    }

    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.wakers.is_empty()
    }

    /// Does it, where no lock is held.
    pub fn run(self) {
        self.wakers.into_iter().for_each(wake);
        drop(self.tasks);
    }
}
