//! The timers of a host, and whoever waits for the next.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::state::queue::timers::Timers;
use crate::state::task::TaskRecord;
use crate::types::sync::{Mutex, rank};

/// Deadlines, and the ends of backoffs.
#[derive(Default)]
pub(super) struct TimerQueue {
    timers: Mutex<Timers, { rank::TIMERS }>,
    /// There is an earlier one.
    changed: Notify,
}

impl TimerQueue {
    /// The task has a deadline at that moment.
    pub fn add(&self, at: Instant, task: &Arc<TaskRecord>) {
        let added = self.timers.lock().add(at, task);
        self.tell(added.is_first);
    }

    /// Tells whoever waits for the first one, if there is another first one.
    pub fn tell(&self, is_first: bool) {
        if is_first {
            self.changed.notify_one();
        }
    }

    /// Ends when there is an earlier one.
    pub fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }
}

impl Deref for TimerQueue {
    type Target = Mutex<Timers, { rank::TIMERS }>;

    fn deref(&self) -> &Self::Target {
        &self.timers
    }
}
