//! `rustyray:core/streams`.

use std::sync::Arc;

use crate::sim::current;
use crate::sim::job::Job;
use crate::sim::object::Stored;
use crate::sim::stream::{Given, Stream, Taking};
use crate::sim::submit::Request;
use crate::sim::types::{ActorRef, Argument, ErrorKind, ObjectRef, Payload, StreamRef, TaskError, TaskOptions};
use crate::sim::world::World;

pub(crate) fn submit(function: &str, arguments: &[Argument<'_>], options: Option<&TaskOptions>) -> StreamRef {
    called!(options; "submit {function}");
    let (current, stream) = (current::get(), Arc::<Stream>::default());
    let caller = current.job();
    let request = Request { function, arguments, options, stream: Some(stream.clone()), caller: &caller };
    taking(&current.world, stream, current.world.submit(request))
}

pub(crate) fn call(
    actor: &ActorRef,
    method: &str,
    arguments: &[Argument<'_>],
    options: Option<&TaskOptions>,
) -> StreamRef {
    called!(options; "call {method}");
    let (current, stream) = (current::get(), Arc::<Stream>::default());
    let caller = current.job();
    let request = Request { function: method, arguments, options, stream: Some(stream.clone()), caller: &caller };
    taking(&current.world, stream, current.world.call(&actor.0.actor, request))
}

fn taking(world: &Arc<World>, stream: Arc<Stream>, job: Arc<Job>) -> StreamRef {
    StreamRef(Taking::new(world, stream, job))
}

pub(crate) fn next(items: &StreamRef) -> ObjectRef {
    called!("next");
    ObjectRef(items.0.next())
}

pub(crate) fn give(item: Payload) -> Result<Option<ObjectRef>, TaskError> {
    called!("give");
    let current = current::get();
    let job = current.job();
    let Some(stream) = job.stream() else {
        let text = "what runs here gives one result, and no items";
        return Err(crate::sim::error::new(ErrorKind::InvalidArgument, text.to_owned()));
    };
    match stream.give(&current.world, job.attempt(), Stored::from(item)) {
        Given::GoOn => Ok(None),
        Given::Room(room) => Ok(Some(ObjectRef(room))),
        Given::NobodyListens => {
            let text = "nobody will ask for another item";
            Err(crate::sim::error::new(ErrorKind::TaskCancelled, text.to_owned()))
        }
    }
}
