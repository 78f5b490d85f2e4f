//! Ending tasks from outside: cancelled, past their deadline, or because the host shuts down.

use std::sync::Arc;
use std::time::Duration;

use super::Runtime;
use crate::state::object::ObjectRef;
use crate::state::slot::StopReason;
use crate::state::task::{Stopped, TaskRecord};
use crate::words::error::{ErrorKind, TaskError};

impl Runtime {
    pub(super) fn cancel_object(&self, object: &ObjectRef, force: bool, recursive: bool) {
        let Some(task) = object.producer() else {
            return;
        };
        let tasks = if recursive { family(task) } else { vec![task] };
        for task in &tasks {
            if !recursive {
                task.spare_children();
            }
            // Nothing of a task that waits can be asked, and a queue can be left at once.
            if force || task.attempt() == 0 {
                self.stop(task, StopReason::Cancelled);
            } else {
                task.request_cancel();
            }
        }
        if !force {
            self.stop_later(tasks);
        }
    }

    /// The second stage of a cancellation without force.
    fn stop_later(&self, tasks: Vec<Arc<TaskRecord>>) {
        let Some(runtime) = self.strong() else {
            return;
        };
        let grace = self.cancel_grace;
        self.tokio.spawn(async move {
            if let Some(until) = runtime.clock.now().checked_add(grace) {
                runtime.clock.sleep_until(until).await;
                tasks.iter().for_each(|task| runtime.stop(task, StopReason::Cancelled));
            }
        });
    }

    /// Ends a task, whatever it does. One that has not begun is settled here, one that runs by who runs it.
    pub(super) fn stop(&self, task: &Arc<TaskRecord>, reason: StopReason) {
        if let Stopped::BeforeStart = task.stop(reason) {
            self.give_up(task, self.stopped(task, reason));
        }
    }

    /// The error of a task that was ended for this reason.
    pub(super) fn stopped(&self, task: &TaskRecord, reason: StopReason) -> TaskError {
        let nanos = |time: Duration| time.as_nanos().min(u64::MAX.into()) as u64;
        match reason {
            StopReason::Cancelled => TaskError::new(ErrorKind::TaskCancelled, "on request, or with its parent"),
            StopReason::ActorKilled => TaskError::new(ErrorKind::ActorDied, "the actor was killed"),
            StopReason::HostShutDown => TaskError::new(ErrorKind::HostShutDown, "the host shut down"),
            StopReason::Deadline => {
                let (limit, used) = task.time_used(self.clock.now());
                let mut error = TaskError::of_limit(ErrorKind::TaskTimedOut, "timeout-ns", nanos(limit), nanos(used));
                error.message = format!("it had {limit:?}, and was ended after {used:.1?}");
                error
            }
        }
    }
}

/// A task and all that it submitted, parents first.
fn family(task: Arc<TaskRecord>) -> Vec<Arc<TaskRecord>> {
    let mut family = vec![task];
    let mut next = 0;
    while let Some(task) = family.get(next) {
        let children = task.children();
        family.extend(children);
        next += 1;
    }
    family
}
