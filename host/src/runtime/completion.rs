//! The end of a task: its outcome sealed, its receipt sent, its children looked after.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Runtime;
use super::actors::starts_again;
use super::lineage::still_lost;
use crate::state::object::Outcome;
use crate::state::task::cancellation::StopReason;
use crate::state::task::family::{Family, Walk};
use crate::state::task::{Finished, TaskRecord, Work};
use crate::types::clock::Moment;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::ENDS_AT_ONCE;
use crate::types::panics::Finally;
use crate::types::receipt::Receipt;

impl Runtime {
    /// Settles the outcome of a task, if that has not been done. An error is completed with what is known of the task.
    /// Tasks that waited for it may be ready now: a thread that does not ask for work next has to
    /// [`dispatch`](Self::dispatch).
    pub(super) fn complete(&self, task: &Arc<TaskRecord>, outcome: Outcome) {
        let outcome = outcome.map_err(|error| self.final_error(task, &error));
        let error = outcome.as_ref().err().cloned();
        let ends_children = self.ends_children(task, error.as_deref());
        let finished = task.finish(outcome, ends_children, Moment::of(&*self.clock), |receipt| self.account(receipt));
        let Some(Finished { to_end }) = finished else { return };
        if let (Work::Construct { actor }, Some(error)) = (&task.spec.work, error)
            && !starts_again(actor, &error)
        {
            self.bury(actor, error);
        }
        self.end_family(to_end);
        if task.had_deadline() {
            let gone = self.timers.lock().task_ended();
            drop(gone);
        }
        // What it was called with is in use no more.
        self.store.look_again();
        self.progressed();
    }

    /// Counts a finished task, and sends its receipt.
    pub(super) fn account(&self, receipt: &Receipt) {
        let count = match receipt.error {
            None => &self.tally.succeeded,
            Some(ErrorKind::TaskCancelled) => &self.tally.cancelled,
            Some(_) => &self.tally.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
        if receipt.memo {
            self.tally.memo.fetch_add(1, Ordering::Relaxed);
        }
        self.observers.receipt(receipt);
    }

    /// Ends a task that has not begun, or settles one that could not be queued.
    pub(super) fn give_up(&self, task: &Arc<TaskRecord>, error: TaskError) {
        self.scheduler.lock().forget(task);
        self.complete(task, Err(Arc::new(error)));
        if let Work::Call { actor, .. } = &task.spec.work {
            actor.mailbox.call_ended(task);
        }
        self.dispatch();
    }

    /// The same, soon, and one after the other: a chain of ten thousand that fails would otherwise fail by recursion.
    pub(super) fn give_up_later(&self, task: Arc<TaskRecord>, error: TaskError) {
        if !self.giving_up.push(task, error) {
            return;
        }
        match self.is_halted() {
            // Nothing runs any more that could do it.
            true => self.give_up_all(),
            false => self.apart(Runtime::give_up_some),
        }
    }

    /// Gives up what is to be given up, and what follows from it.
    pub(super) fn give_up_all(&self) {
        while self.give_up_some() {}
    }

    /// The same, one step. A panic on the way is one task's.
    fn give_up_some(&self) -> bool {
        for _ in 0..ENDS_AT_ONCE {
            let Some((task, error)) = self.giving_up.pop() else { return self.giving_up.goes_on() };
            self.survives("gave up a task", || self.give_up(&task, error));
        }
        true
    }

    fn final_error(&self, task: &TaskRecord, error: &TaskError) -> Arc<TaskError> {
        if let Work::Task { lost: Some(lost), .. } = &task.spec.work
            && !matches!(error.kind, ErrorKind::TaskCancelled | ErrorKind::HostShutDown)
        {
            return Arc::new(task.describe(still_lost(lost, error)));
        }
        // One that is ended can still meet what was ended with it, before it comes to its own end.
        let to_stop = task.cancel_requested() || task.was_ended();
        let asked_to_stop = to_stop && error.kind == ErrorKind::TaskFailed;
        let error = if asked_to_stop {
            TaskError::new(ErrorKind::TaskCancelled, "it stopped when it was asked to").caused_by(error)
        } else {
            self.late(task, error).unwrap_or_else(|| error.clone())
        };
        Arc::new(task.describe(error))
    }

    /// The end of a task that failed when its time was over already: what it met may have been ended by that very moment, before it
    /// was itself.
    pub(super) fn late(&self, task: &TaskRecord, error: &TaskError) -> Option<TaskError> {
        let fails = error.kind == ErrorKind::TaskFailed && !task.cancel_requested() && !task.was_ended();
        let late = fails && task.deadline().is_some_and(|at| at <= self.clock.now());
        late.then(|| self.stopped(task, StopReason::Deadline).caused_by(error))
    }

    /// A driver takes what it started with it, and so does a task that was ended or crashed: nobody is left who could
    /// want the results. A task that returns leaves its children to its parent, as in Ray.
    fn ends_children(&self, task: &TaskRecord, error: Option<&TaskError>) -> bool {
        let ended = error.is_some_and(|error| {
            use ErrorKind::{ActorDied, ActorUnavailable, HostShutDown, ObjectLost, TaskCancelled};
            let ended = matches!(error.kind, TaskCancelled | HostShutDown | ObjectLost);
            // With its actor.
            let crashed = !task.is_plain() && matches!(error.kind, ActorDied | ActorUnavailable);
            error.kind.is_system_failure() || ended || crashed
        });
        // One that was ended, or asked to stop, and returned has ended all the same.
        let unwanted = task.was_ended() || task.cancel_requested();
        ((ended || unwanted) && !task.spares_children()) || matches!(task.spec.work, Work::Main { .. })
    }

    /// Ends tasks with all that they submitted. Not here, so that a deep tree is not a deep stack.
    pub(super) fn end_family(&self, family: Option<Arc<Family>>) {
        let (Some(family), Some(runtime)) = (family.filter(|family| !family.is_empty()), self.strong()) else {
            return;
        };
        // After it was closed: who submits below it from here on looks.
        self.ended_families.begin();
        let ended = Finally::new(move || {
            runtime.ended_families.end();
            runtime.progressed();
        });
        let mut walk = Walk::of(family);
        self.apart(move |runtime| {
            let _ = &ended;
            let some = walk.next();
            for task in some.iter().flatten() {
                if task.is_done() {
                    // It returned at this very moment.
                    task.family().into_iter().for_each(|family| walk.enter(family));
                }
                runtime.survives("ended a task with its parent", || runtime.end_with_parent(task));
            }
            some.is_some()
        });
    }
}
