//! Time: tasks whose deadline is past are ended, running and queued ones alike, and those whose backoff is over are taken back. A thread
//! that does nothing else finds them, and others [end](super::endings) them.

use std::sync::Arc;
use std::time::Instant;

use super::Runtime;
use crate::state::queue::timers::Due;
use crate::state::task::cancellation::StopReason;
use crate::state::task::{Stopped, TaskRecord, Work};
use crate::types::limits::ENDS_AT_ONCE;

impl Runtime {
    /// Has the task ended at its deadline, if it has one.
    pub(super) fn watch_deadline(&self, task: &Arc<TaskRecord>) {
        let Some(at) = task.deadline() else { return };
        self.timers.add(at, task);
    }
}

impl Runtime {
    /// A panic on the way is one task's: the deadlines of others are watched on.
    pub(super) fn handle(&self, due: Due) {
        match due {
            Due::Deadline(task) => {
                if !self.survives("ended a task at its deadline", || self.expire(&task)) {
                    let error = self.stopped(&task, StopReason::Deadline);
                    self.survives("settled a task at its deadline", || self.complete(&task, Err(Arc::new(error))));
                }
            }
            Due::Nothing(over) => drop(over),
            Due::BackoffOver(task) => {
                self.survives("took back a task after its backoff", || {
                    task.backoff_over();
                    self.dispatch();
                });
            }
        }
    }

    /// The task's deadline is past.
    fn expire(&self, task: &Arc<TaskRecord>) {
        let now = self.clock.now();
        // Others were seen to first: it may be done, rest, or have another attempt by now, whose deadline is noted.
        if task.deadline().is_none_or(|at| at > now) {
            return;
        }
        if task.grace().is_some_and(|until| until <= now) {
            return self.stop(task, StopReason::Cancelled);
        }
        let parents = task.spec.inherited_deadline.is_some_and(|at| at <= now) && !task.outlives_parent();
        match task.spec.work {
            Work::Call { .. } if parents && !task.spec.within_grace => self.expire_with_parent(task, now),
            _ => self.stop(task, StopReason::Deadline),
        }
    }

    /// A call whose caller's time is over. One that runs has its grace: ending it ends the actor's instance, which is others' as well.
    fn expire_with_parent(&self, call: &Arc<TaskRecord>, now: Instant) {
        if matches!(call.leave_queue(), Stopped::BeforeStart) {
            return self.give_up(call, self.stopped(call, StopReason::Deadline));
        }
        self.ask_running_call(call);
        match call.outlive_parent(now) {
            Some(_) => self.watch_deadline(call),
            // Its own is past as well, or it has no grace.
            None => self.stop(call, StopReason::Deadline),
        }
    }
}

/// Runs until it is dropped.
pub(super) async fn watch(runtime: Arc<Runtime>) {
    loop {
        let changed = runtime.timers.changed();
        loop {
            let now = runtime.clock.now();
            let mut timers = runtime.timers.lock();
            let due: Vec<_> = std::iter::from_fn(|| timers.pop_due(now)).take(ENDS_AT_ONCE).collect();
            if due.is_empty() {
                break;
            }
            // Under the timers' lock: a halt finds what backs off in the one place or in the other.
            let refused = runtime.endings.due(due);
            drop(timers);
            drop(refused);
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
