//! Models of what the host remembers: each far simpler than the code, and driven beside it by random operations. After each
//! step both have to agree.

mod lane;
mod mailbox;
mod objects;
mod room;
mod scheduler;
mod timers;
mod turns;

use std::sync::{Arc, Weak};
use std::time::Instant;

use super::object::ObjectRef;
use super::object::payload::{Argument, Arguments, Encoding};
use super::object::store::ObjectStore;
use super::task::cancellation::{Stop, StopReason};
use super::task::{TaskRecord, TaskSink, TaskSpec, Work};
use crate::types::capabilities::Capabilities;
use crate::types::ids::{ModuleId, TaskId};
use crate::types::limits::TaskLimits;
use crate::types::module_info::ModuleInfo;
use crate::types::plan::TaskPlan;

/// Hears of no task: the models say themselves when one is ready.
struct Nobody;

impl TaskSink for Nobody {
    fn ready(&self, _: Arc<TaskRecord>) {}

    fn abandon(&self, _: &ObjectRef) {}

    fn killed(&self, _: &Arc<TaskRecord>) {}
}

/// The slot of a guest that runs at the moment of a stop.
pub(super) struct Busy;

impl Stop for Busy {
    fn stop(&self, _: StopReason) -> bool {
        false
    }
}

/// A plan that asks for nothing.
pub(super) fn plan() -> TaskPlan {
    TaskPlan::of_host("modelled", TaskLimits::default())
}

/// A task of this plan, and its object.
pub(super) fn task(
    id: u64,
    module: u64,
    plan: TaskPlan,
    counted: bool,
    store: &Arc<ObjectStore>,
) -> (Arc<TaskRecord>, ObjectRef) {
    task_of(id, module, plan, counted, Vec::new(), store)
}

/// The same with these arguments.
pub(super) fn task_of(
    id: u64,
    module: u64,
    plan: TaskPlan,
    counted: bool,
    arguments: Vec<ObjectRef>,
    store: &Arc<ObjectStore>,
) -> (Arc<TaskRecord>, ObjectRef) {
    let module = ModuleInfo::empty(ModuleId(module), "modelled");
    let spec = TaskSpec {
        id: TaskId(id),
        module,
        work: Work::Task { reply: Encoding::Bincode, lost: None, stream: None },
        plan: Arc::new(plan),
        capabilities: Arc::new(Capabilities::none()),
        inherited_deadline: None,
        within_grace: false,
        budget: None,
        queued: Instant::now(),
        own_bytes: 0,
    };
    let output = store.promise();
    let sink: Weak<dyn TaskSink> = Weak::<Nobody>::new();
    let arguments = match arguments.is_empty() {
        true => Arguments::default(),
        false => Arguments::new(arguments.into_iter().map(Argument::Object).collect(), store.nothing()),
    };
    (TaskRecord::new(spec, counted, arguments, output.clone(), sink), output)
}
