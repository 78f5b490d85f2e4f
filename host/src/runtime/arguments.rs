//! The arguments of a task that starts: all of them in memory at once, read back where they were spilled.

use std::sync::Arc;

use super::Runtime;
use super::worker::dependency_failed;
use crate::port::waiting::{Claims, Parked, Sealed};
use crate::state::object::ObjectRef;
use crate::state::parking::{Awaited, Wait};
use crate::state::payload::Held;
use crate::state::task::{TaskRecord, Work};
use crate::words::error::{ErrorKind, TaskError};
use crate::words::limits::SPILL_PATIENCE;

impl Runtime {
    /// The values of a task's arguments, held.
    ///
    /// # Errors
    /// One of them failed, or there is no room for those that have to be read back.
    pub(super) async fn arguments(&self, task: &TaskRecord) -> Result<Vec<Held>, TaskError> {
        match resolved(task)? {
            Some(held) => Ok(held),
            // Apart, so that it takes no room in the future of every task.
            None => Box::pin(self.arguments_from_disk(task)).await,
        }
    }

    async fn arguments_from_disk(&self, task: &TaskRecord) -> Result<Vec<Held>, TaskError> {
        let objects: Arc<[ObjectRef]> = task.argument_objects().into();
        loop {
            if let Some(held) = resolved(task)? {
                return Ok(held);
            }
            if objects.iter().any(|object| !object.is_ready()) {
                self.wait_until_made_again(task, &objects).await;
                continue;
            }
            let (needs, limit) = (task.argument_bytes(), self.store.limit());
            if needs > limit {
                return Err(too_large(needs, limit));
            }
            let _parked = (!is_beside(task)).then(|| Parked::new(self, task, None));
            // One that has a single object holds nothing while it waits for room.
            let _turn = if objects.len() > 1 { Some(self.gathering.lock().await) } else { None };
            let mut claims = Claims::new(self, &objects);
            (&mut claims).await;
            let refused = claims.outcomes().flatten().find_map(Result::err);
            if let Some(full) = refused.filter(|error| is_want_of_room(error)) {
                return Err(no_room(needs, &full));
            }
            // The claims hold what is there, so that the next look finds it; what is lost meanwhile is waited for.
            if let Some(held) = resolved(task)? {
                return Ok(held);
            }
        }
    }

    /// The bytes of some are lost: it is other tasks that they need, and nothing of what those may need is kept from them.
    async fn wait_until_made_again(&self, task: &TaskRecord, objects: &Arc<[ObjectRef]>) {
        let wait = Wait { objects: Awaited::Many(objects.clone()), count: objects.len() };
        let (_parked, _beside) = match is_beside(task) {
            true => (None, Some(Beside::new(self, task, wait))),
            false => (Some(Parked::new(self, task, Some(wait))), None),
        };
        Sealed::new(objects, objects.len()).await;
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
    task: &'a TaskRecord,
}

impl<'a> Beside<'a> {
    fn new(runtime: &'a Runtime, task: &'a TaskRecord, wait: Wait) -> Self {
        let mut scheduler = runtime.scheduler.lock();
        // Under the scheduler's lock: whoever is told to look finds it.
        let before = task.parking().park(wait, scheduler.park());
        drop(scheduler);
        drop(before);
        Beside { runtime, task }
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        let parked = self.task.parking().unpark();
        self.runtime.scheduler.lock().unpark();
        drop(parked);
    }
}

fn resolved(task: &TaskRecord) -> Result<Option<Vec<Held>>, TaskError> {
    task.resolve_arguments().map_err(|cause| dependency_failed(&cause))
}

fn is_want_of_room(error: &TaskError) -> bool {
    matches!(error.kind, ErrorKind::ObjectStoreFull | ErrorKind::OutOfDisk)
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
