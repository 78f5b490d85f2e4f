//! Running jobs: an attempt, and what follows from its end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::error::{caused_by, dependency_failed, of_failure};
use super::exports::{Answer, REPLY};
use super::frame::{Ended, Frame};
use super::job::{Job, Work};
use super::object::{ObjectStore, Stored};
use super::stop_reason::Stop;
use super::sync::lock;
use super::timers::Alarm;
use super::world::World;
use crate::bindings::rustyray::core::types::{ErrorKind, TaskError};

/// Why a guest gave no answer.
pub(super) enum Crash {
    /// It was ended.
    Stopped(Stop),
    /// It panicked, with this text.
    Panicked(String),
}

/// Runs guest code in a frame. Its panic is its own; what it left half done is seen by nobody, as what holds it is
/// dropped.
pub(super) fn guarded<T>(frame: &Frame, run: impl FnOnce() -> Answer<T>) -> Result<Answer<T>, Crash> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| match frame.stopped() {
        Some(reason) if payload.is::<Ended>() => Crash::Stopped(reason),
        _ => Crash::Panicked(text_of(&*payload)),
    })
}

fn text_of(payload: &dyn Any) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a text".to_owned())
}

impl World {
    /// Runs a task once.
    pub(super) fn attempt(self: &Arc<Self>, frame: &Arc<Frame>, job: &Arc<Job>) {
        let (Work::Task(function), Some(arguments)) = (&job.work, job.begin(frame.id, self.now())) else { return };
        self.watch_deadline(job);
        let ended = match arguments {
            Ok(arguments) => guarded(frame, || (self.program.run_task)(&function.name, arguments, REPLY)),
            Err(cause) => return self.give_up(job, dependency_failed(&cause)),
        };
        match self.outcome(job, ended) {
            Ok(payload) => self.settle(job, Ok(Stored::from(payload))),
            Err(error) if self.try_again(job, &error) => {}
            Err(error) => self.settle(job, Err(error)),
        }
    }

    /// What came of it, in a host's words.
    pub(super) fn outcome<T>(&self, job: &Job, ended: Result<Answer<T>, Crash>) -> Result<T, TaskError> {
        match ended {
            Ok(outcome) => outcome.map_err(|failure| of_failure(*failure)),
            Err(Crash::Stopped(reason)) => Err(job.stopped(reason, self.now())),
            Err(Crash::Panicked(text)) => {
                let error = super::error::new(ErrorKind::WorkerCrashed, format!("panicked: {text}"));
                Err(TaskError { panic: Some(text), ..error })
            }
        }
    }

    /// Has a task that failed run once more, if it may.
    fn try_again(&self, job: &Arc<Job>, failure: &TaskError) -> bool {
        let (again, at) = self.next_attempt(job, failure);
        match (again, at) {
            (false, _) => {}
            (true, None) => self.released(job),
            (true, Some(at)) => drop(self.set_alarm(at, Alarm::Rest(job.clone()))),
        }
        again
    }

    /// May it run again, and when, if not at once?
    pub(super) fn next_attempt(&self, job: &Arc<Job>, failure: &TaskError) -> (bool, Option<u64>) {
        let rest = job.plan.rest_after(job.attempt());
        let next = self.now().saturating_add(rest);
        (job.retry(failure, next, rest > 0), (rest > 0).then_some(next))
    }

    /// Ends a job that did not begin.
    pub(super) fn give_up(self: &Arc<Self>, job: &Arc<Job>, error: TaskError) {
        self.settle(job, Err(error));
        if job.is_call() {
            // The calls behind it need not wait for what it waited for.
            self.look_at_mailbox_of(job);
        }
    }

    /// One whose argument failed.
    pub(super) fn fail_dependent(self: &Arc<Self>, job: &Arc<Job>) {
        if let Some(cause) = job.failed_argument() {
            self.give_up(job, dependency_failed(&cause));
        }
    }

    /// A job is done, with this outcome: once.
    pub(super) fn settle(self: &Arc<Self>, job: &Arc<Job>, outcome: Result<Stored, TaskError>) {
        let Some(remains) = job.finish() else { return };
        let done = lock(&self.jobs).remove(&job.id);
        drop(done);
        let outcome = outcome.map_err(|error| Arc::new(final_error(job, error)));
        let error = outcome.as_ref().err().cloned();
        if let Some(parent) = &remains.parent {
            parent.disown(job.id);
        }
        let ended = error.as_ref().is_some_and(|error| ends_children(error.kind)) && !remains.spares_children;
        if let Some(stream) = &remains.stream {
            stream.end(&**self, error.as_ref());
        }
        self.seal(&job.output, outcome);
        if let (Work::Construct(actor), Some(error)) = (&job.work, error)
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

    /// Has the clock end the job, when its time is up.
    pub(super) fn watch_deadline(&self, job: &Arc<Job>) {
        if let Some(deadline) = job.deadline() {
            self.set_alarm(deadline, Alarm::Deadline(Arc::downgrade(job), job.attempt()));
        }
    }
}

/// The error as others see it.
fn final_error(job: &Job, error: TaskError) -> TaskError {
    let asked_to_stop = job.was_asked() && error.kind == ErrorKind::TaskFailed;
    job.describe(match asked_to_stop {
        true => {
            caused_by(super::error::new(ErrorKind::TaskCancelled, "it stopped when it was asked to".to_owned()), &error)
        }
        false => error,
    })
}

/// Is nobody left who could want what the job had submitted?
fn ends_children(kind: ErrorKind) -> bool {
    use ErrorKind::{HostShutDown, Internal, TaskCancelled, TaskTimedOut, WorkerCrashed};
    matches!(kind, WorkerCrashed | TaskTimedOut | Internal | TaskCancelled | HostShutDown)
}
