//! `rustyray:core/actors`.

use std::sync::Arc;

use crate::bindings::rustyray::core::types::{ActorOptions, ErrorKind, TaskError, TaskOptions};
use crate::sim::error::caused_by;
use crate::sim::runtime::current;
use crate::sim::runtime::submit::{Request, check_reach};
use crate::sim::state::actor::ActorRecord;
use crate::sim::state::actor_ref::ActorRef;
use crate::sim::state::names::Address;
use crate::sim::state::object::{ObjectRef, ObjectStore, Value};
use crate::sim::state::payload::Argument;
use crate::sim::sync::lock;

pub(crate) fn create(
    actor_type: &str,
    constructor: &str,
    arguments: &[Argument<'_>],
    options: &ActorOptions,
) -> ActorRef {
    called!("create {actor_type} {constructor} {:?}", options.name);
    let current = current::get();
    current.runtime.create((actor_type, constructor), arguments, options.clone(), &current.task())
}

pub(crate) fn ready(actor: &ActorRef) -> ObjectRef {
    ObjectRef(current::get().actor(actor).ready.clone())
}

pub(crate) fn call(
    actor: &ActorRef,
    method: &str,
    arguments: &[Argument<'_>],
    options: Option<&TaskOptions>,
) -> ObjectRef {
    called!(options; "call {method}");
    let current = current::get();
    let caller = current.task();
    let request = Request { function: method, arguments, options, stream: None, caller: &caller };
    ObjectRef(current.runtime.call(&current.actor(actor), request).output.clone())
}

pub(crate) fn find(name: &str, namespace: Option<&str>) -> Result<ActorRef, TaskError> {
    called!("find {name} {namespace:?}");
    let current = current::get();
    check_reach(&current.task())?;
    lock(&current.runtime.names).find(&Address::new(namespace, name))
}

pub(crate) fn actor_type(actor: &ActorRef) -> String {
    actor.0.spec.type_name.clone()
}

pub(crate) fn clone_actor(actor: &ActorRef) -> ActorRef {
    actor.clone()
}

pub(crate) fn checkpoint() -> Result<(), TaskError> {
    called!("checkpoint");
    let text = "only a method of an actor that declares checkpoints can ask for one: `#[rustyray::actor(checkpoint)]`";
    let actor = serving(text)?;
    if !actor.spec.is_saved() {
        return Err(refused(text));
    }
    actor.asks_for_save();
    Ok(())
}

pub(crate) fn exit() -> Result<(), TaskError> {
    called!("exit");
    serving("only a method of an actor can end it").map(|actor| actor.exits())
}

/// The actor that serves a call here.
fn serving(otherwise: &str) -> Result<Arc<ActorRecord>, TaskError> {
    let current = current::get();
    let task = current.task();
    let called = task.actor().filter(|_| task.is_call());
    called.and_then(|spec| current.runtime.actor(spec)).ok_or_else(|| refused(otherwise))
}

fn refused(text: &str) -> TaskError {
    crate::sim::error::new(ErrorKind::InvalidArgument, text.to_owned())
}

pub(crate) fn generation(actor: &ActorRef) -> u32 {
    called!("generation {}", actor.0.spec.type_name);
    current::get().actor(actor).generation()
}

/// A test has one version of its module, so that whatever lives is there already.
pub(crate) fn move_to_current(actor: &ActorRef) -> ObjectRef {
    called!("move {}", actor.0.spec.type_name);
    let current = current::get();
    let outcome = match current.actor(actor).death() {
        None => Ok(Value::bytes(&[])),
        Some(cause) => {
            let dead = crate::sim::error::new(ErrorKind::ActorDied, "the actor is dead".to_owned());
            Err(Arc::new(caused_by(dead, &cause)))
        }
    };
    ObjectRef(current.runtime.sealed(outcome))
}

pub(crate) fn kill(actor: &ActorRef, restart: bool, generation: Option<u32>) -> bool {
    called!("kill {} {restart} {generation:?}", actor.0.spec.type_name);
    let current = current::get();
    let hit = current.runtime.kill(&current.actor(actor), restart, generation);
    // It may have been the one that runs here.
    current.end_if_stopped();
    hit
}
