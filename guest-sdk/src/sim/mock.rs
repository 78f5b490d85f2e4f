//! What this crate's own tests want of a host beside what a guest can ask: objects that come when they are told to.
//! `runtime/recorder.rs` has what was asked.

use serde::Serialize;

use crate::bindings::rustyray::core::types::{Encoding, ErrorKind};
use crate::object_ref::RawRef;
use crate::sim::runtime::current::{self, Current};
pub(crate) use crate::sim::runtime::recorder::{last_options, take_calls};
use crate::sim::state::actor_ref::ActorRef;
use crate::sim::state::object::{ObjectRef, ObjectStore, Value};
use crate::sim::state::payload::Payload;
use crate::sim::state::timers::Alarm;

fn here() -> Current {
    current::get()
}

fn stored<T: Serialize>(value: &T) -> Value {
    let data = ::bincode::serde::encode_to_vec(value, ::bincode::config::standard()).unwrap();
    Value::from(Payload { encoding: Encoding::Bincode, data, references: Vec::new() })
}

fn reference<T>(object: std::sync::Arc<crate::sim::state::object::Object>) -> crate::ObjectRef<T> {
    crate::ObjectRef::new(RawRef::new(ObjectRef(object)))
}

/// An object that is there.
pub(crate) fn sealed<T: Serialize>(value: &T) -> crate::ObjectRef<T> {
    reference(here().runtime.sealed(Ok(stored(value))))
}

/// An object that comes when so much time was waited for.
pub(crate) fn later<T: Serialize>(milliseconds: u64, value: &T) -> crate::ObjectRef<T> {
    comes(milliseconds, stored(value))
}

/// Plain bytes that come when so much time was waited for.
pub(crate) fn later_bytes(milliseconds: u64, data: &[u8]) -> crate::ObjectRef<Vec<u8>> {
    comes(milliseconds, Value::bytes(data))
}

fn comes<T>(milliseconds: u64, value: Value) -> crate::ObjectRef<T> {
    let runtime = here().runtime;
    let object = runtime.promise();
    runtime.set_alarm(runtime.now() + milliseconds * 1_000_000, Alarm::Seal(object.clone(), value));
    reference(object)
}

/// An object that is an error.
pub(crate) fn failed<T>(message: &str) -> crate::ObjectRef<T> {
    let error = crate::sim::error::new(ErrorKind::TaskFailed, message.into());
    reference(here().runtime.sealed(Err(std::sync::Arc::new(error))))
}

/// An object that does not come.
pub(crate) fn never<T>() -> crate::ObjectRef<T> {
    reference(here().runtime.promise())
}

/// A handle of an actor that nobody made.
pub(crate) fn actor(actor_type: &str) -> ActorRef {
    let options = crate::ActorOptions::new().checked().unwrap();
    here().runtime.new_actor((actor_type, "new"), None, options).1
}

/// Asks the test to stop.
pub(crate) fn stop() {
    here().task().ask();
}
