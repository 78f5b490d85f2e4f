//! What a host keeps for one owner.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The account of one owner, which is a module: bytes of objects, tasks, actors, names, streams and errors that the host keeps for it.
/// All of them together are within what the object store holds.
#[derive(Debug, Default)]
pub struct Account {
    kept: AtomicU64,
    /// Was it said that one of its guests lacked an open file?
    lacked_a_file: AtomicBool,
}

impl Account {
    /// Bytes that are kept now.
    pub fn kept_bytes(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// One of its guests lacks an open file. True for the first.
    pub(crate) fn lacks_a_file(&self) -> bool {
        !self.lacked_a_file.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn add(&self, bytes: u64) {
        self.kept.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn take(&self, bytes: u64) {
        self.kept.fetch_sub(bytes, Ordering::Relaxed);
    }
}
