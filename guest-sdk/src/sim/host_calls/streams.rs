//! `rustyray:core/streams`.

use std::sync::Arc;

use crate::bindings::rustyray::core::types::{ErrorKind, TaskError, TaskOptions};
use crate::sim::actor_ref::ActorRef;
use crate::sim::current;
use crate::sim::job::Job;
use crate::sim::object::{ObjectRef, Stored};
use crate::sim::payload::{Argument, Payload};
use crate::sim::stream::{Given, Stream};
use crate::sim::stream_ref::StreamRef;
use crate::sim::submit::Request;
use crate::sim::world::World;

pub(crate) fn submit(function: &str, arguments: &[Argument<'_>], options: Option<&TaskOptions>) -> StreamRef {
    called!(options; "submit {function}");
    let (current, stream) = (current::get(), Arc::<Stream>::default());
    let caller = current.job();
    let request = Request { function, arguments, options, stream: Some(stream.clone()), caller: &caller };
    taking(&current.world, stream, &current.world.submit(request))
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
    taking(&current.world, stream, &current.world.call(&current.actor(actor), request))
}

fn taking(world: &Arc<World>, stream: Arc<Stream>, job: &Job) -> StreamRef {
    StreamRef::new(world, stream, job.id)
}

pub(crate) fn next(items: &StreamRef) -> ObjectRef {
    called!("next");
    items.next()
}

pub(crate) fn give(item: Payload) -> Result<Option<ObjectRef>, TaskError> {
    called!("give");
    let current = current::get();
    let job = current.job();
    let Some(stream) = job.stream() else {
        let text = "what runs here gives one result, and no items";
        return Err(crate::sim::error::new(ErrorKind::InvalidArgument, text.to_owned()));
    };
    match stream.give(&*current.world, job.attempt(), Stored::from(item)) {
        Given::GoOn => Ok(None),
        Given::Room(room) => Ok(Some(ObjectRef(room))),
        Given::NobodyListens => {
            let text = "nobody will ask for another item";
            Err(crate::sim::error::new(ErrorKind::TaskCancelled, text.to_owned()))
        }
    }
}
