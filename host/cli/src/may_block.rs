//! Calls of the system that may never return, in which a signal ends the process.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many are in a call that may never return.
static BLOCKED: AtomicUsize = AtomicUsize::new(0);

/// From now until what this gives is dropped the caller may be in a call that never returns, and has nothing to tidy up: a signal
/// ends the process, as if nobody listened.
pub fn may_block() -> MayBlock {
    BLOCKED.fetch_add(1, Ordering::SeqCst);
    MayBlock(())
}

/// See [`may_block`].
pub struct MayBlock(());

impl Drop for MayBlock {
    fn drop(&mut self) {
        BLOCKED.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Is anybody in such a call?
pub fn is_anybody_blocked() -> bool {
    BLOCKED.load(Ordering::SeqCst) > 0
}
