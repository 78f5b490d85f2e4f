//! How far a host is on the way to its end.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Whether a host takes anything, and whether it moves.
#[derive(Default)]
pub(super) struct Lifecycle {
    /// Does somebody wait for the host to be idle?
    draining: AtomicBool,
    /// Everything is to be ended: nothing begins any more.
    halted: AtomicBool,
    /// A task is over, or an instance is gone; told while somebody drains the host.
    progress: Notify,
    /// Is somebody looking whether the host is at a standstill?
    suspected: AtomicBool,
}

impl Lifecycle {
    /// From here on somebody waits for the host to be idle.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Nothing begins any more.
    pub fn halt(&self) {
        self.halted.store(true, Ordering::SeqCst);
    }

    /// Is everything to be ended?
    pub fn is_halted(&self) -> bool {
        self.halted.load(Ordering::SeqCst)
    }

    /// A task is over, or an instance is gone.
    pub fn progressed(&self) {
        if self.draining.load(Ordering::SeqCst) {
            self.progress.notify_waiters();
        }
    }

    /// Ends when something is over, from now on.
    pub fn progress(&self) -> Notified<'_> {
        self.progress.notified()
    }

    /// Begins to look whether the host is at a standstill; false if somebody does already.
    pub fn suspect(&self) -> bool {
        !self.suspected.swap(true, Ordering::AcqRel)
    }

    /// Nobody looks any more.
    pub fn trust(&self) {
        self.suspected.store(false, Ordering::Release);
    }
}
