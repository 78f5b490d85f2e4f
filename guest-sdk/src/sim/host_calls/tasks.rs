//! `rustyray:core/tasks`.

use super::LOOKS_FREE;
use crate::bindings::rustyray::core::types::{ActorInfo, TaskContext, TaskOptions};
use crate::sim::runtime::current;
use crate::sim::runtime::submit::Request;
use crate::sim::state::object::ObjectRef;
use crate::sim::state::payload::Argument;

pub(crate) fn submit(function: &str, arguments: &[Argument<'_>], options: Option<&TaskOptions>) -> ObjectRef {
    called!(options; "submit {function}");
    let current = current::get();
    let caller = current.task();
    let task = current.runtime.submit(Request { function, arguments, options, stream: None, caller: &caller });
    ObjectRef(task.output.clone())
}

/// A task that looks at it again and again lets others go on: one of them may ask it to stop.
pub(crate) fn context() -> TaskContext {
    let current = current::get();
    if current.instance.look() > LOOKS_FREE {
        current.hand_round();
    }
    let task = current.task();
    let now = current.runtime.now();
    let actor = current.runtime.actor_of(&task).map(|actor| ActorInfo {
        actor_id: actor.spec.id,
        actor_type: actor.spec.type_name.clone(),
        name: actor.spec.options.name.clone(),
        generation: actor.generation(),
    });
    TaskContext {
        task_id: task.id,
        task: task.name().to_owned(),
        module: crate::sim::exports::MODULE.to_owned(),
        function: task.function.clone(),
        attempt: task.attempt().max(1),
        actor,
        time_left_ns: task.deadline().map(|deadline| deadline.saturating_sub(now)),
        fuel_left: None,
        cancelled: task.was_asked(),
        grants: Vec::new(),
    }
}
