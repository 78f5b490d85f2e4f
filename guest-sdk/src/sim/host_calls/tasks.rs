//! `rustyray:core/tasks`.

use super::LOOKS_FREE;
use crate::bindings::rustyray::core::types::{ActorInfo, TaskContext, TaskOptions};
use crate::sim::current;
use crate::sim::object::ObjectRef;
use crate::sim::payload::Argument;
use crate::sim::submit::Request;

pub(crate) fn submit(function: &str, arguments: &[Argument<'_>], options: Option<&TaskOptions>) -> ObjectRef {
    called!(options; "submit {function}");
    let current = current::get();
    let caller = current.job();
    let job = current.world.submit(Request { function, arguments, options, stream: None, caller: &caller });
    ObjectRef(job.output.clone())
}

/// A task that looks at it again and again lets others go on: one of them may ask it to stop.
pub(crate) fn context() -> TaskContext {
    let current = current::get();
    if current.frame.look() > LOOKS_FREE {
        current.hand_round();
    }
    let job = current.job();
    let now = current.world.now();
    let actor = current.world.actor_of(&job).map(|actor| ActorInfo {
        actor_id: actor.spec.id,
        actor_type: actor.spec.type_name.clone(),
        name: actor.spec.options.name.clone(),
        generation: actor.generation(),
    });
    TaskContext {
        task_id: job.id,
        task: job.name().to_owned(),
        module: crate::sim::exports::MODULE.to_owned(),
        function: job.function.clone(),
        attempt: job.attempt().max(1),
        actor,
        time_left_ns: job.deadline().map(|deadline| deadline.saturating_sub(now)),
        fuel_left: None,
        cancelled: job.was_asked(),
        grants: Vec::new(),
    }
}
