//! The loop that ends tasks whose deadline is past, running and queued ones alike.

use std::sync::Arc;

use super::Runtime;
use crate::state::slot::StopReason;
use crate::state::task::TaskRecord;

impl Runtime {
    /// Has the task ended at its deadline, if it has one.
    pub(super) fn watch_deadline(&self, task: &Arc<TaskRecord>) {
        if let Some(at) = task.deadline()
            && self.timers.lock().add(at, task)
        {
            self.timers_changed.notify_one();
        }
    }
}

/// Runs until it is dropped.
pub(super) async fn watch(runtime: Arc<Runtime>) {
    loop {
        let changed = runtime.timers_changed.notified();
        loop {
            let due = runtime.timers.lock().pop_due(runtime.clock.now());
            match due {
                Some(task) => runtime.stop(&task, StopReason::Deadline),
                None => break,
            }
        }
        let next = runtime.timers.lock().next();
        match next {
            Some(at) => {
                tokio::select! {
                    () = runtime.clock.sleep_until(at) => {}
                    () = changed => {}
                }
            }
            None => changed.await,
        }
    }
}
