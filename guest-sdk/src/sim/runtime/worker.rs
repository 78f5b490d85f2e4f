//! Running tasks: an attempt, and what follows from its end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::bindings::rustyray::core::types::{ErrorKind, TaskError};
use crate::sim::error::{caused_by, dependency_failed, of_failure};
use crate::sim::exports::{Answer, REPLY};
use crate::sim::runtime::Runtime;
use crate::sim::state::instance::{Ended, Instance};
use crate::sim::state::object::{ObjectStore, Value};
use crate::sim::state::stop_reason::StopReason;
use crate::sim::state::task::{TaskRecord, Work};
use crate::sim::state::timers::Alarm;
use crate::sim::sync::lock;

/// Why a guest gave no answer.
pub(crate) enum Crash {
    /// It was ended.
    Stopped(StopReason),
    /// It panicked, with this text.
    Panicked(String),
}

/// Runs guest code in an instance. Its panic is its own; what it left half done is seen by nobody, as what holds it is
/// dropped.
pub(crate) fn guarded<T>(instance: &Instance, run: impl FnOnce() -> Answer<T>) -> Result<Answer<T>, Crash> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| match instance.stopped() {
        Some(reason) if payload.is::<Ended>() => Crash::Stopped(reason),
        _ => Crash::Panicked(text_of(&*payload)),
    })
}

fn text_of(payload: &dyn Any) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a text".to_owned())
}

impl Runtime {
    /// Runs a task once.
    pub(crate) fn attempt(self: &Arc<Self>, instance: &Arc<Instance>, task: &Arc<TaskRecord>) {
        let (Work::Task(function), Some(arguments)) = (&task.work, task.begin(instance.id, self.now())) else { return };
        self.watch_deadline(task);
        let ended = match arguments {
            Ok(arguments) => guarded(instance, || (self.program.run_task)(&function.name, arguments, REPLY)),
            Err(cause) => return self.give_up(task, dependency_failed(&cause)),
        };
        match self.outcome(task, ended) {
            Ok(payload) => self.settle(task, Ok(Value::from(payload))),
            Err(error) if self.try_again(task, &error) => {}
            Err(error) => self.settle(task, Err(error)),
        }
    }

    /// What came of it, in a host's words.
    pub(crate) fn outcome<T>(&self, task: &TaskRecord, ended: Result<Answer<T>, Crash>) -> Result<T, TaskError> {
        match ended {
            Ok(outcome) => outcome.map_err(|failure| of_failure(*failure)),
            Err(Crash::Stopped(reason)) => Err(task.stopped(reason, self.now())),
            Err(Crash::Panicked(text)) => {
                let error = crate::sim::error::new(ErrorKind::WorkerCrashed, format!("panicked: {text}"));
                Err(TaskError { panic: Some(text), ..error })
            }
        }
    }

    /// Has a task that failed run once more, if it may.
    fn try_again(&self, task: &Arc<TaskRecord>, failure: &TaskError) -> bool {
        let (again, at) = self.next_attempt(task, failure);
        match (again, at) {
            (false, _) => {}
            (true, None) => self.released(task),
            (true, Some(at)) => drop(self.set_alarm(at, Alarm::Rest(task.clone()))),
        }
        again
    }

    /// May it run again, and when, if not at once?
    pub(crate) fn next_attempt(&self, task: &Arc<TaskRecord>, failure: &TaskError) -> (bool, Option<u64>) {
        let rest = task.plan.rest_after(task.attempt());
        let next = self.now().saturating_add(rest);
        (task.retry(failure, next, rest > 0), (rest > 0).then_some(next))
    }

    /// Ends a task that did not begin.
    pub(crate) fn give_up(self: &Arc<Self>, task: &Arc<TaskRecord>, error: TaskError) {
        self.settle(task, Err(error));
        if task.is_call() {
            // The calls behind it need not wait for what it waited for.
            self.look_at_mailbox_of(task);
        }
    }

    /// One whose argument failed.
    pub(crate) fn fail_dependent(self: &Arc<Self>, task: &Arc<TaskRecord>) {
        if let Some(cause) = task.failed_argument() {
            self.give_up(task, dependency_failed(&cause));
        }
    }

    /// A task is done, with this outcome: once.
    pub(crate) fn settle(self: &Arc<Self>, task: &Arc<TaskRecord>, outcome: Result<Value, TaskError>) {
        let Some(remains) = task.finish() else { return };
        let done = lock(&self.tasks).remove(&task.id);
        drop(done);
        let outcome = outcome.map_err(|error| Arc::new(final_error(task, error)));
        let error = outcome.as_ref().err().cloned();
        if let Some(parent) = &remains.parent {
            parent.disown(task.id);
        }
        let ended = error.as_ref().is_some_and(|error| ends_children(error.kind)) && !remains.spares_children;
        if let Some(stream) = &remains.stream {
            stream.end(&**self, error.as_ref());
        }
        self.seal(&task.output, outcome);
        if let (Work::Construct(actor), Some(error)) = (&task.work, error)
            && let Some(actor) = self.actor(actor)
        {
            self.bury(&actor, error);
        }
        match &remains.parent {
            // As in Ray, what a task left behind goes on.
            Some(parent) if !ended => remains.children.iter().for_each(|child| parent.adopt(child)),
            _ => remains.children.iter().for_each(|child| self.end_with_parent(child)),
        }
    }

    /// Has the clock end the task, when its time is up.
    pub(crate) fn watch_deadline(&self, task: &Arc<TaskRecord>) {
        if let Some(deadline) = task.deadline() {
            self.set_alarm(deadline, Alarm::Deadline(Arc::downgrade(task), task.attempt()));
        }
    }
}

/// The error as others see it.
fn final_error(task: &TaskRecord, error: TaskError) -> TaskError {
    let asked_to_stop = task.was_asked() && error.kind == ErrorKind::TaskFailed;
    task.describe(match asked_to_stop {
        true => caused_by(
            crate::sim::error::new(ErrorKind::TaskCancelled, "it stopped when it was asked to".to_owned()),
            &error,
        ),
        false => error,
    })
}

/// Is nobody left who could want what the task had submitted?
fn ends_children(kind: ErrorKind) -> bool {
    use ErrorKind::{HostShutDown, Internal, TaskCancelled, TaskTimedOut, WorkerCrashed};
    matches!(kind, WorkerCrashed | TaskTimedOut | Internal | TaskCancelled | HostShutDown)
}
