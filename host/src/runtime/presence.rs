//! The threads of a host that have not ended.

use std::sync::Arc;
use std::thread::Thread;
use std::time::Duration;

use parking_lot::Condvar;

use crate::types::panics::Finally;

/// The threads that have not ended. Apart from the runtime: what the host holds has to be gone when they are.
#[derive(Default)]
pub(super) struct Presence {
    alive: parking_lot::Mutex<usize>,
    ended: Condvar,
}

impl Presence {
    /// Starts a thread that is waited for with the others.
    ///
    /// # Errors
    /// The system has none left.
    pub fn spawn(
        self: &Arc<Self>,
        thread: std::thread::Builder,
        work: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Thread> {
        *self.alive.lock() += 1;
        let presence = self.clone();
        // Also where the thread cannot be started, and what it was to run is dropped.
        let leaves = Finally::new(move || presence.leave());
        let started = thread.spawn(move || {
            work();
            drop(leaves);
        });
        started.map(|handle| handle.thread().clone())
    }

    /// Waits until none is left, at most for `longest`.
    pub fn join(&self, longest: Duration) {
        let mut alive = self.alive.lock();
        self.ended.wait_while_for(&mut alive, |alive| *alive > 0, longest);
    }

    fn leave(&self) {
        *self.alive.lock() -= 1;
        self.ended.notify_all();
    }
}
