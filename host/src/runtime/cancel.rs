//! Ending tasks from outside: cancelled, past their deadline, or because the host shuts down.

use std::sync::Arc;
use std::time::Duration;

use super::Runtime;
use crate::state::object::ObjectRef;
use crate::state::task::cancellation::StopReason;
use crate::state::task::family::Walk;
use crate::state::task::{Stopped, TaskRecord, Work};
use crate::types::budget::Budget;
use crate::types::error::{ErrorKind, TaskError};

impl Runtime {
    pub(super) fn cancel_object(&self, object: &ObjectRef, force: bool, recursive: bool) {
        let Some(task) = object.producer() else {
            return;
        };
        // One that was only told has no grace yet.
        let asked_before = task.grace().is_some();
        task.spare_children(!recursive);
        // Nothing of a task that waits can be asked, and a queue or a rest can be left at once. What it submitted ends with it.
        if force || !(asked_before || self.ask_with_grace(&task)) {
            return self.stop(&task, StopReason::Cancelled);
        }
        if recursive && task.ask_descendants() {
            self.ask_descendants(&task);
        }
    }

    /// Asks all that a task submitted, parents first. What a call to an actor submitted is the actor's.
    fn ask_descendants(&self, task: &TaskRecord) {
        let Some(family) = task.family() else { return };
        let mut walk = Walk::of(family);
        self.apart(move |runtime| {
            let some = walk.next();
            for task in some.iter().flatten() {
                if !matches!(task.spec.work, Work::Call { .. }) {
                    task.family().into_iter().for_each(|family| walk.enter(family));
                }
                if !runtime.ask_with_grace(task) {
                    runtime.stop(task, StopReason::Cancelled);
                }
            }
            some.is_some()
        });
    }

    /// Asks a task that runs to stop, and has it ended if it has not when its grace is over. False if it does not run.
    fn ask_with_grace(&self, task: &Arc<TaskRecord>) -> bool {
        // Before it is asked: its grace begins no later. And after it, where it began between the two.
        let mut begins = self.begin_grace(task);
        // An attempt that fails from here on is not followed by another.
        task.request_cancel();
        if !task.is_running() {
            return false;
        }
        begins |= self.begin_grace(task);
        if begins {
            self.watch_deadline(task);
        }
        true
    }

    /// True if it had none before.
    fn begin_grace(&self, task: &TaskRecord) -> bool {
        task.is_running() && self.clock.now().checked_add(self.cancel_grace).is_some_and(|until| task.set_grace(until))
    }

    /// Ends a task because its parent is ended. A call that an actor serves right now has its grace first: ending it ends the
    /// actor's instance, which is others' as well.
    pub(super) fn end_with_parent(&self, task: &Arc<TaskRecord>) {
        if !self.ask_running_call(task) {
            self.stop(task, StopReason::Cancelled);
        }
    }

    /// Asks the task to stop if it is a call that an actor serves, which ends it after its grace; false if it is another task.
    pub(super) fn ask_running_call(&self, task: &Arc<TaskRecord>) -> bool {
        let is_call = matches!(task.spec.work, Work::Call { .. });
        if is_call {
            let begins = self.begin_grace(task);
            self.tell_running_call(task);
            self.ask_with_grace(task);
            if begins {
                self.watch_deadline(task);
            }
        }
        is_call
    }

    /// Tells the task that it is not wanted if it is a call that an actor serves; false if it is another task.
    pub(super) fn tell_running_call(&self, task: &Arc<TaskRecord>) -> bool {
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

    /// Ends a task, whatever it does. One that has not begun is settled here, one that runs by who runs it.
    pub(super) fn stop(&self, task: &Arc<TaskRecord>, reason: StopReason) {
        match task.stop(reason) {
            Stopped::BeforeStart => self.give_up(task, self.stopped(task, reason)),
            // Its thread has others to run first, perhaps for long; who waits for the outcome need not wait for that. A deadline may
            // be followed by another attempt, and the end of an actor's call by the actor's.
            Stopped::WhileSuspended { last: true } if task.is_plain() => {
                self.complete(task, Err(Arc::new(self.stopped(task, reason))));
                self.dispatch();
            }
            Stopped::WhileSuspended { .. } | Stopped::WhileRunning | Stopped::AlreadyDone => {}
        }
    }

    /// A task that did not begin: ends it here where the reason is its parent's time, which nobody may watch for it any more.
    pub(super) fn end_late(&self, task: &Arc<TaskRecord>) {
        if task.is_late(self.clock.now()) {
            self.stop(task, StopReason::Deadline);
        }
    }

    /// The error of a task that was ended for this reason.
    pub(super) fn stopped(&self, task: &TaskRecord, reason: StopReason) -> TaskError {
        let nanos = |time: Duration| time.as_nanos().min(u64::MAX.into()) as u64;
        match reason {
            StopReason::Cancelled => TaskError::new(ErrorKind::TaskCancelled, "on request, or with its parent"),
            StopReason::ActorKilled => TaskError::new(ErrorKind::ActorDied, "the actor was killed"),
            StopReason::HostShutDown => TaskError::new(ErrorKind::HostShutDown, "the host shut down"),
            StopReason::BudgetBurned => {
                let burned = || TaskError::new(ErrorKind::OutOfFuel, "its budget has no fuel left");
                task.spec.budget.as_ref().map_or_else(burned, Budget::out_of_fuel)
            }
            StopReason::Deadline => {
                let now = self.clock.now();
                let budget = task.spec.budget.as_ref().filter(|budget| {
                    let deadline = budget.deadline(now);
                    deadline.is_some() && deadline == task.deadline()
                });
                if let Some(error) = budget.and_then(|budget| budget.time_is_over(now)) {
                    return error;
                }
                let (limit, used) = task.time_used(now);
                let mut error = TaskError::of_limit(ErrorKind::TaskTimedOut, "timeout-ns", nanos(limit), nanos(used));
                error.message = format!("it had {limit:?}, and was ended after {used:.1?}");
                error
            }
        }
    }
}
