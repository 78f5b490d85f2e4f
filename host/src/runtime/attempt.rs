//! Running a task: an attempt in a fresh instance, and what follows from its end.

use std::sync::Arc;

use tracing::Level;

use super::Runtime;
use super::arguments::Missing;
use super::faults::{dependency_failed, host_failed};
use super::shutdown::shut_down;
use crate::port::Port;
use crate::sandbox::{Instance, LoadedModule};
use crate::state::object::payload::{Encoding, Payload};
use crate::state::object::{ObjectRef, Outcome};
use crate::state::task::cancellation::{Cancellation, StopReason};
use crate::state::task::{Stopped, TaskRecord, TaskSink, Work};
use crate::types::error::{ErrorKind, TaskError};

impl TaskSink for Runtime {
    fn ready(&self, task: Arc<TaskRecord>) {
        if let Work::Call { actor, .. } = &task.spec.work {
            return actor.mailbox.released(&task);
        }
        // At the end of the host the arguments that are not there fail for that very reason.
        let halted = self.is_halted().then(shut_down);
        match halted.or_else(|| task.failed_argument().map(|cause| dependency_failed(&cause))) {
            Some(error) => self.give_up_later(task, error),
            // Whoever sealed its last argument sees to it that somebody looks.
            None => self.queue(task),
        }
    }

    fn abandon(&self, object: &ObjectRef) {
        // Not here: whoever takes from a stream may be a task whose own stream was abandoned, and so on, as deep as a guest
        // likes.
        let object = object.clone();
        self.apart(move |runtime| {
            // An actor is others' as well: its call ends by itself at the next item.
            if object.producer().is_some_and(|task| !runtime.tell_running_call(&task)) {
                runtime.cancel_object(&object, true, true);
            }
            false
        });
    }

    fn killed(&self, start: &Arc<TaskRecord>) {
        if matches!(start.leave_queue(), Stopped::BeforeStart) {
            self.give_up(start, self.stopped(start, StopReason::ActorKilled));
        }
    }
}

impl Runtime {
    /// A task is ready. Where nobody is let in any more it ends with the host.
    pub(super) fn queue(&self, task: Arc<TaskRecord>) {
        let refused = self.scheduler.lock().push(task);
        refused.into_iter().for_each(|task| self.give_up_later(task, shut_down()));
    }

    /// Runs one attempt, and settles its outcome unless another follows.
    pub(super) async fn run(self: Arc<Self>, task: Arc<TaskRecord>) {
        // Seen by a halt from here on; one that came before is seen by this task.
        let place = self.enter(&task);
        let attempt = Attempt { runtime: self, task, place, released: false, over: false };
        let outcome = attempt.outcome().await;
        attempt.end(outcome);
    }

    /// Gives back what a task held.
    pub(super) fn release(&self, task: &TaskRecord) {
        self.scheduler.lock().release(task);
    }

    async fn run_guest(self: Arc<Self>, task: Arc<TaskRecord>) -> Result<Outcome, Missing> {
        let arguments = self.arguments_of_task(&task).await?;
        if let Work::Task { reply, stream: None, .. } = task.spec.work
            && task.spec.plan.pure
        {
            // Apart, so that what it waits for takes no room in the future of every task.
            return Ok(Box::pin(self.run_pure(task, arguments, reply)).await?);
        }
        let mut instance = self.instance(&task).await?;
        let payload = match &task.spec.work {
            Work::Main { .. } => {
                let code = instance.run_main().await?;
                if code != 0 {
                    let failed = TaskError::new(ErrorKind::TaskFailed, format!("it exited with code {code}"));
                    self.late(&task, &failed).map_or(Ok(()), Err)?;
                }
                Payload::new(Encoding::Json, code.to_string())
            }
            Work::Task { reply, .. } => instance.run_task(arguments, *reply).await?,
            Work::Construct { .. } | Work::Call { .. } => {
                return Err(TaskError::new(ErrorKind::Internal, "an actor's work came to a worker").into());
            }
        };
        drop(instance);
        Ok(self.stored(&task, payload).await)
    }

    /// A fresh instance of the task's module.
    pub(super) async fn instance(self: &Arc<Self>, task: &Arc<TaskRecord>) -> Result<Instance, TaskError> {
        let gone = || TaskError::new(ErrorKind::Internal, "the module's code is gone");
        let code = LoadedModule::code_of(&task.spec.module).ok_or_else(gone)?;
        let port: Arc<dyn Port> = self.clone();
        Instance::start(&self.sandbox, &code, task.clone(), port).await
    }

    /// The end of an attempt: another one, or the outcome.
    fn conclude(&self, task: &Arc<TaskRecord>, outcome: Result<Outcome, Missing>) {
        match outcome {
            Ok(outcome) => self.complete(task, outcome),
            Err(Missing::Lost) => self.wait_once_more(task),
            Err(Missing::Failed(error)) => {
                let error = self.late(task, &error).map_or(error, Into::into);
                let attempt = task.attempt();
                if self.try_again(task, &error) {
                    let failed =
                        || format!("attempt {attempt} of {} #{} failed: {error}", task.spec.plan.name, task.spec.id);
                    self.observers.say(Level::DEBUG, failed);
                } else {
                    self.complete(task, Err(Arc::from(error)));
                }
            }
        }
    }
}

impl Runtime {
    /// An argument is lost, and made again. The task has not begun: it waits as it did before it was started, and what it held may be
    /// what that needs.
    pub(super) fn wait_once_more(&self, task: &Arc<TaskRecord>) {
        let waits = {
            let mut scheduler = self.scheduler.lock();
            // Under the scheduler's lock: whoever ends the task from now on finds it among the pending.
            let waits = task.wait_once_more();
            if waits {
                scheduler.count(task);
                scheduler.look_at_all();
            }
            waits
        };
        match waits {
            true => {
                // One that passed meanwhile found an attempt that was over.
                self.watch_deadline(task);
                task.watch_arguments();
            }
            false => self.complete(task, Err(Arc::new(self.stopped(task, StopReason::Cancelled)))),
        }
        self.dispatch();
    }
}

/// An attempt, with the permits of its task. Dropping it before its end, which only a fault of the host's does, gives them
/// back and fails the task.
struct Attempt {
    runtime: Arc<Runtime>,
    task: Arc<TaskRecord>,
    /// Its place among those that run.
    place: usize,
    /// Are its permits given back?
    released: bool,
    over: bool,
}

impl Attempt {
    /// What came of it; `None` if it was ended before it began.
    async fn outcome(&self) -> Option<Result<Outcome, Missing>> {
        let Attempt { runtime, task, .. } = self;
        let slot = Cancellation::new();
        if runtime.is_halted() {
            runtime.stop(task, StopReason::HostShutDown);
        }
        if !task.begin(slot.clone(), runtime.clock.now()) {
            runtime.end_late(task);
            return None;
        }
        runtime.watch_deadline(task);
        let guest = runtime.sheltered(runtime.clone().run_guest(task.clone()), |error| Err(error.into()));
        let ended = slot.run(guest, || task.meter().preempted()).await;
        Some(ended.unwrap_or_else(|reason| Err(runtime.stopped(task, reason).into())))
    }

    fn end(mut self, outcome: Option<Result<Outcome, Missing>>) {
        self.released = true;
        self.runtime.release(&self.task);
        if let Some(outcome) = outcome {
            self.runtime.conclude(&self.task, outcome);
        }
        self.over = true;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let Attempt { runtime, task, place, released, over } = self;
        if !*released {
            runtime.release(task);
        }
        if !*over {
            runtime.survives("failed a task", || runtime.complete(task, Err(host_failed())));
        }
        // Last, so that at no moment the host looks idle while a task is between two places.
        runtime.leave(*place);
        runtime.progressed();
    }
}
