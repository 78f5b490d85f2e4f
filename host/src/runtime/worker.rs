//! Workers: each takes a task with its permits, runs it in a fresh instance, and takes the next.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Runtime;
use super::shutdown::shut_down;
use crate::port::Port;
use crate::sandbox::Instance;
use crate::state::payload::{Encoding, Payload};
use crate::state::scheduler::Next;
use crate::state::slot::{CancelSlot, StopReason};
use crate::state::task::{Conductor, TaskRecord, Work};
use crate::words::error::{ErrorKind, TaskError};

/// Time in which something moves on a host that is not at a standstill; what may still be under way takes microseconds.
const STANDSTILL: Duration = Duration::from_millis(50);

impl Conductor for Runtime {
    fn ready(&self, task: Arc<TaskRecord>) {
        if let Work::Call { actor, .. } = &task.spec.work {
            return actor.mailbox.wake();
        }
        match task.failed_argument() {
            Some(cause) => self.give_up_later(task, dependency_failed(&cause)),
            None if self.is_halted() => self.give_up_later(task, shut_down()),
            None => {
                self.scheduler.lock().push(task);
                self.dispatch();
            }
        }
    }
}

/// A task on its way to a worker. One that never gets there, because the threads are gone, is settled all the same.
struct HandedOver {
    runtime: Arc<Runtime>,
    task: Option<Arc<TaskRecord>>,
}

impl Drop for HandedOver {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            self.runtime.stop(&task, StopReason::HostShutDown);
        }
    }
}

/// The error of a task whose argument failed.
pub(super) fn dependency_failed(cause: &TaskError) -> TaskError {
    TaskError::new(ErrorKind::DependencyFailed, format!("an argument could not be had: {}", cause.message))
        .caused_by(cause)
}

impl Runtime {
    /// Starts a worker for each task that has room.
    pub(super) fn dispatch(&self) {
        while let Some(task) = self.next_task() {
            if let Some(runtime) = self.strong() {
                self.tokio.spawn(runtime.clone().work(HandedOver { runtime, task: Some(task) }));
            }
        }
    }

    /// The next task with its permits.
    fn next_task(&self) -> Option<Arc<TaskRecord>> {
        let next = self.scheduler.lock().next();
        match next {
            Next::Run(task) => Some(task),
            Next::Nobody => None,
            Next::Stuck => {
                self.suspect_a_standstill();
                None
            }
        }
    }

    /// Looks again in a moment: an actor may have a call in its mailbox and not know it yet. If nothing has moved by
    /// then, a task that will never have an instance is failed, so that those who wait for it go on.
    fn suspect_a_standstill(&self) {
        let Some(runtime) = self.strong().filter(|_| !self.suspicious.swap(true, Ordering::AcqRel)) else {
            return;
        };
        let moves = self.scheduler.lock().moves();
        self.tokio.spawn(async move {
            tokio::time::sleep(STANDSTILL).await;
            runtime.suspicious.store(false, Ordering::Release);
            let stuck = runtime.scheduler.lock().pick_stuck(moves);
            if let Some(task) = stuck {
                let text = "every instance of the host waits for another task, and none is free to run one: nest tasks \
                            less deeply, or raise the host's instances";
                runtime.give_up(&task, TaskError::new(ErrorKind::InstancesExhausted, text));
            }
            runtime.dispatch();
        });
    }

    async fn work(self: Arc<Self>, mut task: HandedOver) {
        let mut next = task.task.take();
        while let Some(task) = next {
            if matches!(task.spec.work, Work::Construct { .. }) {
                // The actor keeps the permits for its life.
                self.tokio.spawn(self.clone().live(task));
            } else {
                self.run(&task).await;
            }
            self.room.notify_waiters();
            next = self.next_task();
            // What was given back may be room for more than one.
            self.dispatch();
        }
    }

    /// Runs one attempt, and settles its outcome unless another follows.
    async fn run(self: &Arc<Self>, task: &Arc<TaskRecord>) {
        let slot = CancelSlot::new();
        // Seen by a halt from here on; one that came before is seen by this task.
        self.running.insert(task.spec.id, task.clone());
        if self.is_halted() {
            self.stop(task, StopReason::HostShutDown);
        }
        if task.begin(slot.clone(), self.clock.now()) {
            self.watch_deadline(task);
            let guest = Box::pin(self.clone().run_guest(task.clone()));
            let ended = slot.run(guest, || task.meter.preempted()).await;
            let outcome = ended.unwrap_or_else(|reason| Err(self.stopped(task, reason)));
            self.release(task);
            self.conclude(task, outcome);
        } else {
            self.release(task);
        }
        // Last, so that at no moment the host looks idle while a task is between two places.
        self.running.remove(&task.spec.id);
        self.progress.notify_waiters();
    }

    /// Gives back what a task held.
    pub(super) fn release(&self, task: &TaskRecord) {
        self.scheduler.lock().release(&task.spec.needs);
    }

    async fn run_guest(self: Arc<Self>, task: Arc<TaskRecord>) -> Result<Payload, TaskError> {
        let arguments = task.resolve_arguments().map_err(|cause| dependency_failed(&cause))?;
        let mut instance = self.instance(&task).await?;
        match &task.spec.work {
            Work::Main { .. } => {
                let code = instance.run_main().await?;
                Ok(Payload::new(Encoding::Json, code.to_string()))
            }
            Work::Task { reply } => instance.run_task(&arguments, *reply).await,
            Work::Construct { .. } | Work::Call { .. } => {
                Err(TaskError::new(ErrorKind::Internal, "an actor's work came to a worker"))
            }
        }
    }

    /// A fresh instance of the task's module.
    pub(super) async fn instance(self: &Arc<Self>, task: &Arc<TaskRecord>) -> Result<Instance, TaskError> {
        let gone = || TaskError::new(ErrorKind::Internal, "the module's code is gone");
        let code = self.code(task.spec.module.id).ok_or_else(gone)?;
        let port: Arc<dyn Port> = self.clone();
        Instance::start(&self.sandbox, &code, task.clone(), port).await
    }

    /// The end of an attempt: another one, or the outcome.
    fn conclude(&self, task: &Arc<TaskRecord>, outcome: Result<Payload, TaskError>) {
        match outcome {
            Ok(payload) => self.settle(task, self.store.store(payload)),
            Err(error) => {
                if task.retry(&error) {
                    tracing::debug!(task = %task.spec.name, id = task.spec.id.0, "attempt {} failed: {error}", task.attempt());
                    self.end_children(task);
                    let mut scheduler = self.scheduler.lock();
                    scheduler.count(task);
                    scheduler.push(task.clone());
                } else {
                    self.settle(task, Err(Arc::new(error)));
                }
            }
        }
    }
}
