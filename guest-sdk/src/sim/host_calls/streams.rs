//! `rustyray:core/streams`.

use std::sync::Arc;

use crate::bindings::rustyray::core::types::{ErrorKind, TaskError, TaskOptions};
use crate::sim::runtime::Runtime;
use crate::sim::runtime::current;
use crate::sim::runtime::stream_ref::StreamRef;
use crate::sim::runtime::submit::Request;
use crate::sim::state::actor_ref::ActorRef;
use crate::sim::state::object::{ObjectRef, Value};
use crate::sim::state::payload::{Argument, Payload};
use crate::sim::state::stream::{Given, Stream};
use crate::sim::state::task::TaskRecord;

pub(crate) fn submit(function: &str, arguments: &[Argument<'_>], options: Option<&TaskOptions>) -> StreamRef {
    called!(options; "submit {function}");
    let (current, stream) = (current::get(), Arc::<Stream>::default());
    let caller = current.task();
    let request = Request { function, arguments, options, stream: Some(stream.clone()), caller: &caller };
    taking(&current.runtime, stream, &current.runtime.submit(request))
}

pub(crate) fn call(
    actor: &ActorRef,
    method: &str,
    arguments: &[Argument<'_>],
    options: Option<&TaskOptions>,
) -> StreamRef {
    called!(options; "call {method}");
    let (current, stream) = (current::get(), Arc::<Stream>::default());
    let caller = current.task();
    let request = Request { function: method, arguments, options, stream: Some(stream.clone()), caller: &caller };
    taking(&current.runtime, stream, &current.runtime.call(&current.actor(actor), request))
}

fn taking(runtime: &Arc<Runtime>, stream: Arc<Stream>, task: &TaskRecord) -> StreamRef {
    StreamRef::new(runtime, stream, task.id)
}

pub(crate) fn next(items: &StreamRef) -> ObjectRef {
    called!("next");
    items.next()
}

pub(crate) fn give(item: Payload) -> Result<Option<ObjectRef>, TaskError> {
    called!("give");
    let current = current::get();
    let task = current.task();
    let Some(stream) = task.stream() else {
        let text = "what runs here gives one result, and no items";
        return Err(crate::sim::error::new(ErrorKind::InvalidArgument, text.to_owned()));
    };
    match stream.give(&*current.runtime, task.attempt(), Value::from(item)) {
        Given::GoOn => Ok(None),
        Given::Room(room) => Ok(Some(ObjectRef(room))),
        Given::NobodyListens => {
            let text = "nobody will ask for another item";
            Err(crate::sim::error::new(ErrorKind::TaskCancelled, text.to_owned()))
        }
    }
}
