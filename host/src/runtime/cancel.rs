//! Ending tasks from outside: cancelled, past their deadline, or because the host shuts down.

use std::sync::Arc;
use std::time::Duration;

use super::Runtime;
use crate::state::object::ObjectRef;
use crate::state::slot::StopReason;
use crate::state::task::{Stopped, TaskRecord, Work};
use crate::words::error::{ErrorKind, TaskError};

impl Runtime {
    pub(super) fn cancel_object(&self, object: &ObjectRef, force: bool, recursive: bool) {
        let Some(task) = object.producer() else {
            return;
        };
        if !recursive {
            task.spare_children();
        }
        let descendants = if recursive { descendants(&task) } else { Vec::new() };
        let asked_before = task.cancel_requested();
        if !force {
            // An attempt that fails from here on is not followed by another.
            task.request_cancel();
        }
        // Nothing of a task that waits can be asked, and a queue or a rest can be left at once.
        if force || !task.is_running() {
            self.stop(&task, StopReason::Cancelled);
            descendants.iter().for_each(|task| self.end_with_parent(task));
        } else {
            // Who was asked already has its grace: asking again and again must not cost the host more and more.
            let descendants: Vec<_> = descendants.into_iter().filter(|task| !task.cancel_requested()).collect();
            if asked_before && descendants.is_empty() {
                return;
            }
            descendants.iter().for_each(|task| task.request_cancel());
            self.stop_later(task, descendants);
        }
    }

    /// Ends a task because its parent is ended. A call that an actor serves right now is only asked to stop: ending it
    /// would end the actor, which is others' as well.
    pub(super) fn end_with_parent(&self, task: &Arc<TaskRecord>) {
        if !self.ask_running_call(task) {
            self.stop(task, StopReason::Cancelled);
        }
    }

    /// Asks the task to stop if it is a call that an actor serves; false if it is another task.
    pub(super) fn ask_running_call(&self, task: &Arc<TaskRecord>) -> bool {
        if !matches!(task.spec.work, Work::Call { .. }) {
            return false;
        }
        // First, so that a failed attempt is not followed by another one meanwhile.
        task.request_cancel();
        if matches!(task.leave_queue(), Stopped::BeforeStart) {
            self.give_up(task, self.stopped(task, StopReason::Cancelled));
        }
        true
    }

    /// The second stage of a cancellation without force.
    fn stop_later(&self, task: Arc<TaskRecord>, descendants: Vec<Arc<TaskRecord>>) {
        let Some(runtime) = self.strong() else {
            return;
        };
        let grace = self.cancel_grace;
        self.tokio.spawn(async move {
            if let Some(until) = runtime.clock.now().checked_add(grace) {
                runtime.clock.sleep_until(until).await;
                runtime.stop(&task, StopReason::Cancelled);
                descendants.iter().for_each(|task| runtime.end_with_parent(task));
            }
        });
    }

    /// Ends a task, whatever it does. One that has not begun is settled here, one that runs by who runs it.
    pub(super) fn stop(&self, task: &Arc<TaskRecord>, reason: StopReason) {
        match task.stop(reason) {
            Stopped::BeforeStart => self.give_up(task, self.stopped(task, reason)),
            // Its thread has others to run first; who waits for the outcome need not wait for that. A deadline may be
            // followed by another attempt, and the end of an actor's call by the actor's.
            Stopped::WhileSuspended if reason != StopReason::Deadline && task.is_plain() => {
                self.settle(task, Err(Arc::new(self.stopped(task, reason))));
                self.dispatch();
            }
            Stopped::WhileSuspended | Stopped::WhileRunning | Stopped::AlreadyDone => {}
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

/// All that a task submitted, parents first. What a call to an actor submitted is the actor's.
fn descendants(task: &TaskRecord) -> Vec<Arc<TaskRecord>> {
    let mut found = task.children();
    let mut next = 0;
    while let Some(task) = found.get(next) {
        if !matches!(task.spec.work, Work::Call { .. }) {
            let children = task.children();
            found.extend(children);
        }
        next += 1;
    }
    found
}
