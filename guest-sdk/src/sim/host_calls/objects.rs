//! `rustyray:core/objects`.

use std::sync::Arc;

use super::LOOKS_FREE;
use crate::bindings::rustyray::core::types::{ErrorKind, TaskError};
use crate::sim::runtime::current;
use crate::sim::state::object::{Object, ObjectRef, ObjectStore, Outcome, Value};
use crate::sim::state::payload::Payload;

pub(crate) fn put(value: Payload) -> Result<ObjectRef, TaskError> {
    called!("put");
    let current = current::get();
    Ok(ObjectRef(current.runtime.sealed(Ok(Value::from(value)))))
}

pub(crate) fn clone_object(object: &ObjectRef) -> ObjectRef {
    called!("clone-object");
    object.clone()
}

pub(crate) fn object_id(object: &ObjectRef) -> u64 {
    object.0.id
}

pub(crate) fn get(object: &ObjectRef, timeout_ns: Option<u64>) -> Result<Payload, TaskError> {
    called!("get");
    arrived(object, timeout_ns)?.map(|value| value.payload()).map_err(own)
}

/// What an object has, once it is there.
pub(super) fn arrived(object: &ObjectRef, timeout_ns: Option<u64>) -> Result<Outcome, TaskError> {
    let current = current::get();
    current.wait(std::slice::from_ref(&object.0), 1, timeout_ns)?;
    object.0.outcome().ok_or_else(|| {
        let time = std::time::Duration::from_nanos(timeout_ns.unwrap_or(0));
        crate::sim::error::new(ErrorKind::GetTimeout, format!("no value within {time:?}"))
    })
}

/// The error as a record of its own.
pub(super) fn own(error: Arc<TaskError>) -> TaskError {
    Arc::unwrap_or_clone(error)
}

pub(crate) fn try_get(object: &ObjectRef) -> Option<Result<Payload, TaskError>> {
    called!("try-get");
    look(&object.0);
    let outcome = object.0.outcome()?;
    Some(outcome.map(|value| value.payload()).map_err(own))
}

/// One look is free; who looks again and again lets others go on.
fn look(object: &Object) {
    let current = current::get();
    if !object.is_ready() && current.instance.look() > LOOKS_FREE {
        current.hand_round();
    }
}

pub(crate) fn failure(object: &ObjectRef) -> Option<ErrorKind> {
    called!("failure");
    object.0.outcome()?.err().map(|error| error.kind)
}

pub(crate) fn wait(objects: &[&ObjectRef], count: u32, timeout_ns: Option<u64>) -> Result<Vec<u32>, TaskError> {
    called!("wait {} of {}", count, objects.len());
    let objects: Vec<Arc<Object>> = objects.iter().map(|object| object.0.clone()).collect();
    current::get().wait(&objects, count as usize, timeout_ns)?;
    let ready = (0..).zip(&objects).filter(|(_, object)| object.is_ready());
    Ok(ready.map(|(index, _)| index).collect())
}

pub(crate) fn cancel(object: &ObjectRef, force: bool, recursive: bool) {
    called!("cancel {} {force} {recursive}", object.0.id);
    let current = current::get();
    current.runtime.cancel(&object.0, force, recursive);
    // It may have been itself that it cancelled.
    current.end_if_stopped();
}
