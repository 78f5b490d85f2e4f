//! Running jobs: an attempt, and what follows from its end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::frame::{Ended, Frame, Stop};
use super::job::{Job, Work};
use super::object::Stored;
use super::turns::Alarm;
use super::types::{Encoding, ErrorKind, TaskError};
use super::world::World;
use crate::host::guest::Failure;
use crate::registry::{self, Outcome};

/// How guests want their values: the manifest says so, too.
pub(super) const REPLY: Encoding = Encoding::Bincode;

/// Links in the chain of causes, as on a host.
const CAUSES_MAX: usize = 16;

/// Why a guest gave no answer.
pub(super) enum Crash {
    /// It was ended.
    Stopped(Stop),
    /// It panicked, with this text.
    Panicked(String),
}

/// Runs guest code in a frame. Its panic is its own; what it left half done is seen by nobody, as what holds it is
/// dropped.
pub(super) fn guarded<T>(frame: &Frame, run: impl FnOnce() -> Outcome<T>) -> Result<Outcome<T>, Crash> {
    crate::logging::install();
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| match frame.stopped() {
        Some(reason) if payload.is::<Ended>() => Crash::Stopped(reason),
        _ => Crash::Panicked(text_of(&*payload)),
    })
}

fn text_of(payload: &dyn Any) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a text".to_owned())
}

/// The error that a function returned, or an argument that did not decode.
pub(super) fn of_failure(failure: Failure) -> TaskError {
    let Failure { message, cause, invalid_argument } = failure;
    let kind = if invalid_argument { ErrorKind::InvalidArgument } else { ErrorKind::TaskFailed };
    let error = super::error(kind, message);
    match cause {
        Some(cause) => caused_by(error, &cause),
        None => error,
    }
}

/// The same with `cause` and what caused that.
pub(super) fn caused_by(mut error: TaskError, cause: &TaskError) -> TaskError {
    let link = super::types::ErrorCause { kind: cause.kind, task: cause.task.clone(), message: cause.message.clone() };
    let mut causes: Vec<_> = std::iter::once(link).chain(cause.causes.iter().cloned()).collect();
    if causes.len() > CAUSES_MAX {
        causes.swap_remove(CAUSES_MAX - 1);
        causes.truncate(CAUSES_MAX);
    }
    error.causes = causes;
    error
}

/// However long the chain of tasks is whose arguments failed, each tells once why the first one's did.
pub(super) fn dependency_failed(cause: &TaskError) -> TaskError {
    const TEXT: &str = "an argument could not be had";
    let goes_on = cause.kind == ErrorKind::DependencyFailed;
    let message = if goes_on { cause.message.clone() } else { format!("{TEXT}: {}", cause.message) };
    let mut error = caused_by(super::error(ErrorKind::DependencyFailed, message), cause);
    if goes_on {
        error.causes.iter_mut().take(1).for_each(|cause| TEXT.clone_into(&mut cause.message));
    }
    error
}

impl World {
    /// Runs a task once.
    pub(super) fn attempt(self: &Arc<Self>, frame: &Arc<Frame>, job: &Arc<Job>) {
        let (Work::Task(task), Some(arguments)) = (&job.work, job.begin(frame, self.now())) else { return };
        self.watch_deadline(job);
        let ended = match arguments {
            Ok(arguments) => guarded(frame, || registry::run_task(task.name, arguments, REPLY)),
            Err(cause) => return self.give_up(job, dependency_failed(&cause)),
        };
        match self.outcome(job, ended) {
            Ok(payload) => self.settle(job, Ok(Stored::from(payload))),
            Err(error) if self.try_again(job, &error) => {}
            Err(error) => self.settle(job, Err(error)),
        }
    }

    /// What came of it, in a host's words.
    pub(super) fn outcome<T>(&self, job: &Job, ended: Result<Outcome<T>, Crash>) -> Result<T, TaskError> {
        match ended {
            Ok(outcome) => outcome.map_err(|failure| of_failure(*failure)),
            Err(Crash::Stopped(reason)) => Err(job.stopped(reason, self.now())),
            Err(Crash::Panicked(text)) => {
                let error = super::error(ErrorKind::WorkerCrashed, format!("panicked: {text}"));
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
        if let Work::Call(actor, _) = &job.work {
            // The calls behind it need not wait for what it waited for.
            self.look_at_mailbox(actor);
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
        let outcome = outcome.map_err(|error| Arc::new(final_error(job, error)));
        let error = outcome.as_ref().err().cloned();
        if let Some(parent) = &remains.parent {
            parent.disown(job.id);
        }
        let ended = error.as_ref().is_some_and(|error| ends_children(error.kind)) && !remains.spares_children;
        if let Some(stream) = &remains.stream {
            stream.end(self, error.as_ref());
        }
        self.seal(&job.output, outcome);
        if let (Work::Construct(actor), Some(error)) = (&job.work, error) {
            self.bury(actor, error);
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
        true => caused_by(super::error(ErrorKind::TaskCancelled, "it stopped when it was asked to".to_owned()), &error),
        false => error,
    })
}

/// Is nobody left who could want what the job had submitted?
fn ends_children(kind: ErrorKind) -> bool {
    use ErrorKind::{HostShutDown, Internal, TaskCancelled, TaskTimedOut, WorkerCrashed};
    matches!(kind, WorkerCrashed | TaskTimedOut | Internal | TaskCancelled | HostShutDown)
}
