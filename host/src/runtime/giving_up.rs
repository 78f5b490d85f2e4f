//! Tasks that end without having begun, one after the other: a chain of ten thousand that fails would otherwise fail by recursion.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::state::task::TaskRecord;
use crate::types::error::TaskError;
use crate::types::sync::{Mutex, rank};

/// The line of those tasks. They are pending, and so no more than those may be.
#[derive(Default)]
pub(super) struct GivingUp {
    line: Mutex<VecDeque<(Arc<TaskRecord>, TaskError)>, { rank::FAILING }>,
    /// Is somebody giving them up?
    served: AtomicBool,
}

impl GivingUp {
    /// This one is to be given up. True if the caller has to see to it that somebody does so.
    #[must_use = "somebody has to give them up"]
    pub fn push(&self, task: Arc<TaskRecord>, error: TaskError) -> bool {
        self.line.lock().push_back((task, error));
        !self.served.swap(true, Ordering::AcqRel)
    }

    /// The next one, for whoever gives them up.
    pub fn pop(&self) -> Option<(Arc<TaskRecord>, TaskError)> {
        self.line.lock().pop_front()
    }

    /// Whoever gave them up found none. True if it has to go on all the same: one that came in between found somebody at work, and relied on
    /// that.
    pub fn goes_on(&self) -> bool {
        self.served.store(false, Ordering::Release);
        !self.line.lock().is_empty() && !self.served.swap(true, Ordering::AcqRel)
    }
}
