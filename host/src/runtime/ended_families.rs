//! How many families of tasks were ended: whoever submits looks only where one was since its last look.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counts of ended tasks that had descendants.
#[derive(Default)]
pub(super) struct EndedFamilies {
    /// So many have descendants that are about to be ended.
    underway: AtomicUsize,
    /// So many have had descendants that were ended.
    ever: AtomicU64,
}

impl EndedFamilies {
    /// One more is ended.
    pub fn begin(&self) {
        self.underway.fetch_add(1, Ordering::AcqRel);
        self.ever.fetch_add(1, Ordering::AcqRel);
    }

    /// All of it is.
    pub fn end(&self) {
        self.underway.fetch_sub(1, Ordering::AcqRel);
    }

    /// Is none underway?
    pub fn are_over(&self) -> bool {
        self.underway.load(Ordering::Acquire) == 0
    }

    /// How many there ever were.
    pub fn count(&self) -> u64 {
        self.ever.load(Ordering::Acquire)
    }
}
