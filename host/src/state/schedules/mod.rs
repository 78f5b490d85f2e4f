//! The orders in which threads can run: each test is run some thousand times, with another order each time, by the crate
//! `shuttle`, which also says where nothing goes on. `make schedules` runs them.
//!
//! What it does not see: the atomics of crates (`Arc`, tokio's, and an `AtomicWaker` that is not that of `types/sync.rs`), so that
//! what is done with them is a part of the step before; orders of memory, as all atomics are sequentially consistent; and what is
//! behind the [port](crate::port), the guests and the journal.

mod calls;
mod completion;
mod family;
mod gathering;
mod mailbox;
mod room;
mod workers;

use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};
use std::time::Instant;

use shuttle::thread::Thread;

use super::object::ObjectRef;
use super::object::payload::{Argument, Arguments, Encoding};
use super::object::store::ObjectStore;
use super::task::cancellation::{Stop, StopReason};
use super::task::{TaskRecord, TaskSink, TaskSpec, Work};
use crate::types::capabilities::Capabilities;
use crate::types::clock::{ManualClock, Moment};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::ids::{ModuleId, TaskId};
use crate::types::limits::TaskLimits;
use crate::types::module_info::ModuleInfo;
use crate::types::plan::TaskPlan;
use crate::types::resources::ResourceSet;

/// Orders that are tried for each test: half of them by chance, half with few and well placed changes of threads, which find
/// what needs a certain order.
const ORDERS: usize = 4000;

/// Changes of threads in the latter half.
const CHANGES: usize = 3;

/// Tries the orders.
pub fn explore(test: fn()) {
    shuttle::check_random(test, ORDERS / 2);
    shuttle::check_pct(test, ORDERS / 2, CHANGES);
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What wakes this thread.
pub fn waker() -> Waker {
    Waker::from(Arc::new(Unpark(shuttle::thread::current())))
}

/// The slot of a guest that runs at the moment of a stop.
struct Busy;

impl Stop for Busy {
    fn stop(&self, _: StopReason) -> bool {
        false
    }
}

/// A task that needs so much, and its object.
fn task(
    id: u64,
    needs: ResourceSet,
    arguments: Vec<ObjectRef>,
    store: &Arc<ObjectStore>,
    sink: Weak<dyn TaskSink>,
) -> (Arc<TaskRecord>, ObjectRef) {
    let module = ModuleInfo::empty(ModuleId(1), "explored");
    let spec = TaskSpec {
        id: TaskId(id),
        module,
        work: Work::Task { reply: Encoding::Bincode, lost: None, stream: None },
        plan: Arc::new(TaskPlan { needs, ..TaskPlan::of_host("explored", TaskLimits::default()) }),
        capabilities: Arc::new(Capabilities::none()),
        inherited_deadline: None,
        within_grace: false,
        budget: None,
        queued: Instant::now(),
        own_bytes: 0,
    };
    let arguments = Arguments::new(arguments.into_iter().map(Argument::Object).collect(), store.nothing());
    let output = store.promise();
    (TaskRecord::new(spec, true, arguments, output.clone(), sink), output)
}

/// Settles a task, as who runs it or ends it does. False if somebody did before.
fn settle(task: &TaskRecord, kind: Option<ErrorKind>, store: &Arc<ObjectStore>) -> bool {
    use super::object::payload::Payload;
    let outcome = match kind {
        None => store.store(Payload::new(Encoding::Raw, "")),
        Some(kind) => Err(Arc::new(TaskError::new(kind, "over"))),
    };
    task.finish(outcome, false, Moment::of(&ManualClock::new()), |_| ()).is_some()
}

/// Hears of no task.
struct Nobody;

impl TaskSink for Nobody {
    fn ready(&self, _: Arc<TaskRecord>) {}

    fn abandon(&self, _: &ObjectRef) {}

    fn killed(&self, _: &Arc<TaskRecord>) {}
}

fn nobody() -> Weak<dyn TaskSink> {
    Weak::<Nobody>::new()
}
