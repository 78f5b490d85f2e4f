//! The arguments of a task that starts: all of them in memory at once, read back where they were spilled.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::Runtime;
use super::faults::dependency_failed;
use crate::port::ObjectPort;
use crate::port::waiting::{Parked, Sealed};
use crate::state::deadlock::blocked_on::{Awaited, Wait};
use crate::state::deadlock::trigger::Waiter;
use crate::state::object::gathering::is_want_of_room;
use crate::state::object::payload::{Held, Payload, Value};
use crate::state::object::store::Reservation;
use crate::state::object::{ObjectRef, Outcome};
use crate::state::task::{TaskRecord, Work};
use crate::types::error::{ErrorKind, TaskError, TaskResult};
use crate::types::limits::{OBJECT_OVERHEAD_BYTES, SPILL_PATIENCE};
use crate::types::resources::ResourceSet;

/// Why a task has not its arguments.
pub(super) enum Missing {
    /// It fails.
    Failed(Box<TaskError>),
    /// Some are lost, and made again.
    Lost,
}

/// The end of a call that is asked to stop before it has begun.
fn unwanted() -> TaskError {
    TaskError::new(ErrorKind::TaskCancelled, "it was asked to stop before it had begun")
}

impl From<TaskError> for Missing {
    fn from(error: TaskError) -> Self {
        Missing::Failed(Box::new(error))
    }
}

impl Runtime {
    /// The values of the arguments of a call, held. Those that are lost are waited for until they are made again: the instance is the
    /// actor's, and nobody else could have it meanwhile.
    ///
    /// # Errors
    /// One of them failed, or there is no room for those that have to be read back.
    pub(super) async fn arguments(&self, task: &Arc<TaskRecord>) -> Result<Vec<Held>, TaskError> {
        loop {
            match self.arguments_of_task(task).await {
                Ok(held) => return Ok(held),
                Err(Missing::Failed(error)) => return Err(*error),
                // Apart, so that it takes no room in the future of every call.
                Err(Missing::Lost) => Box::pin(self.wait_until_made_again(task)).await?,
            }
        }
    }

    /// The values of the arguments of a task, or of a constructor, held.
    ///
    /// # Errors
    /// One of them failed or is made again, or there is no room for those that have to be read back.
    pub(super) async fn arguments_of_task(&self, task: &Arc<TaskRecord>) -> Result<Vec<Held>, Missing> {
        match resolved(task)? {
            Some(held) => Ok(held),
            // Apart, so that it takes no room in the future of every task.
            None => Box::pin(self.arguments_from_disk(task)).await,
        }
    }

    async fn arguments_from_disk(&self, task: &Arc<TaskRecord>) -> Result<Vec<Held>, Missing> {
        let objects: Arc<[ObjectRef]> = task.argument_objects().into();
        loop {
            if let Some(held) = resolved(task)? {
                return Ok(held);
            }
            if objects.iter().any(|object| !object.is_ready()) {
                return Err(Missing::Lost);
            }
            let (needs, limit) = (task.argument_bytes(), self.store.limit());
            if needs > limit {
                return Err(too_large(needs, limit).into());
            }
            let (_parked, _busy) = self.waits_for_the_disk(task);
            let gathering = self.gather(objects.to_vec(), 0, Some(task));
            (&gathering).await;
            let gathered = gathering.take();
            // It holds what is there, so that this look finds it; what is lost meanwhile is waited for.
            if let Some(held) = resolved(task)? {
                return Ok(held);
            }
            let refused = gathered.and_then(|gathered| gathered.outcomes.into_iter().flatten().find_map(Result::err));
            match refused {
                Some(full) if is_want_of_room(&full) => return Err(no_room(needs, &full).into()),
                Some(refused) => return Err(TaskError::clone(&refused).into()),
                None => {}
            }
        }
    }

    /// Until what this gives is dropped.
    fn waits_for_the_disk<'a>(&'a self, task: &'a Arc<TaskRecord>) -> (Option<Parked<'a>>, Option<Busy<'a>>) {
        match is_beside(task) {
            true => (None, Some(Busy::new(self))),
            false => (Some(Parked::new(self, task, None)), None),
        }
    }

    /// The bytes of some are lost: it is other tasks that they need, and nothing of what those may need is kept from them.
    async fn wait_until_made_again(&self, task: &Arc<TaskRecord>) -> Result<(), TaskError> {
        let objects: Arc<[ObjectRef]> = task.argument_objects().into();
        let wait = Wait { objects: Awaited::Many(objects.clone()), count: objects.len() };
        let (_parked, _beside) = match is_beside(task) {
            true => (None, Some(Beside::new(self, task, wait))),
            false => (Some(Parked::new(self, task, Some(wait))), None),
        };
        let mut sealed = Sealed::new(&objects, objects.len());
        poll_fn(|cx| {
            task.interrupt().register(cx.waker());
            match task.blocked_on().verdict() {
                Some(verdict) => Poll::Ready(Err(TaskError::clone(&verdict))),
                // Its guest has not been called, and needs no grace.
                None if task.cancel_requested() => Poll::Ready(Err(unwanted())),
                None => Pin::new(&mut sealed).poll(cx).map(Ok),
            }
        })
        .await
    }
}

impl Runtime {
    /// A result, in the store.
    pub(super) async fn stored(&self, task: &Arc<TaskRecord>, payload: Payload) -> Outcome {
        let room = self.result_room(task, payload.stored_bytes() + OBJECT_OVERHEAD_BYTES).await?;
        Ok(Value::new(payload, room.on(&task.spec.module.account)))
    }

    /// Room for so much. Where the store is full of what others use, and can be spilled soon, it is waited for.
    ///
    /// # Errors
    /// `ObjectStoreFull`.
    pub(super) async fn result_room(&self, task: &Arc<TaskRecord>, bytes: u64) -> TaskResult<Reservation> {
        match self.store.reserve_at_once(bytes) {
            // Apart, so that it takes no room in the future of every task.
            Err(full) if self.store.may_come(bytes, &full) => Box::pin(self.room_later(task, bytes, full)).await,
            reserved => reserved,
        }
    }

    async fn room_later(&self, task: &Arc<TaskRecord>, bytes: u64, full: Arc<TaskError>) -> TaskResult<Reservation> {
        let (_parked, _busy) = self.waits_for_the_disk(task);
        let gathering = self.gather(Vec::new(), bytes, Some(task)).unless(full);
        (&gathering).await;
        gathering.take_room()
    }
}

/// Is it one of several calls that an actor serves at once? It has no permits of its own: the instance says for all of them whether
/// it computes.
fn is_beside(task: &TaskRecord) -> bool {
    matches!(&task.spec.work, Work::Call { actor, .. } if actor.lanes.is_some())
}

/// A call of several that waits for other tasks; dropping it lets it go on.
struct Beside<'a> {
    runtime: &'a Runtime,
    task: &'a Arc<TaskRecord>,
}

impl<'a> Beside<'a> {
    fn new(runtime: &'a Runtime, task: &'a Arc<TaskRecord>, wait: Wait) -> Self {
        // Before it is known to wait: whoever looks for what it waits for sees what its actor holds.
        runtime.running.lock().begins_to_wait(task);
        let mut scheduler = runtime.scheduler.lock();
        // Under the scheduler's lock: whoever is told to look finds it.
        let stamp = scheduler.park(Waiter::Task(Arc::downgrade(task)));
        let before = task.blocked_on().park(wait, stamp);
        drop(scheduler);
        drop(before);
        Beside { runtime, task }
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        let parked = self.task.blocked_on().unpark();
        let mut scheduler = self.runtime.scheduler.lock();
        parked.iter().for_each(|parked| scheduler.unpark(parked.stamp()));
        drop(scheduler);
        self.runtime.running.lock().goes_on(self.task);
        drop(parked);
    }
}

/// A call of several that waits for the disk, which goes on by itself: its actor does not stand still.
struct Busy<'a>(&'a Runtime);

impl<'a> Busy<'a> {
    fn new(runtime: &'a Runtime) -> Self {
        runtime.scheduler.lock().stir(&ResourceSet::default());
        Busy(runtime)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.scheduler.lock().lull(&ResourceSet::default());
    }
}

fn resolved(task: &TaskRecord) -> Result<Option<Vec<Held>>, TaskError> {
    task.resolve_arguments().map_err(|cause| dependency_failed(&cause))
}

/// What can be done about arguments that are too much.
const ADVICE: &str = "raise the limit of the object store, or pass references inside a value and read ranges of them";

fn too_large(needs: u64, limit: u64) -> TaskError {
    let text = format!(
        "the arguments need {needs} bytes together, and the object store holds at most {limit}; spilling cannot help, because all \
         arguments of a task have to be in memory when it starts: {ADVICE}"
    );
    TaskError::new(ErrorKind::ObjectStoreFull, text)
}

fn no_room(needs: u64, full: &TaskError) -> TaskError {
    let text = format!(
        "the arguments need {needs} bytes together, because all of them have to be in memory when a task starts, and others held \
         the room for {} s ({}): {ADVICE}",
        SPILL_PATIENCE.as_secs(),
        full.message
    );
    TaskError::new(full.kind, text).caused_by(full)
}
