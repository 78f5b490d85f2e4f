//! What this crate's own tests want of a host beside what a guest can ask: objects that come when they are told to, and
//! what was asked. A test that says nothing has a world from its first call on.

use std::cell::RefCell;

use serde::Serialize;

use super::End;
use super::actor_ref::ActorRef;
use super::current::{self, Current};
use super::object::{ObjectRef, ObjectStore, Stored};
use super::payload::Payload;
use super::sync::lock;
use super::timers::Alarm;
use super::world::World;
use crate::bindings::rustyray::core::types::{Encoding, ErrorKind, TaskOptions};
use crate::object_ref::RawRef;

thread_local! {
    /// Ends with the test's thread.
    static OWN: RefCell<Option<End>> = const { RefCell::new(None) };
}

/// What a world was asked.
#[derive(Default)]
pub(crate) struct Recorded {
    calls: Vec<String>,
    options: Option<TaskOptions>,
}

pub(super) fn enter_if_nowhere() {
    if current::find().is_none() {
        let (world, frame) = World::new(crate::export::EXPORTS);
        current::enter(&world, &frame);
        OWN.set(Some(End(Current { world, frame })));
    }
}

fn here() -> Current {
    enter_if_nowhere();
    current::get()
}

pub(super) fn note(call: String) {
    lock(&here().world.recorded).calls.push(call);
}

pub(super) fn note_options(options: Option<&TaskOptions>) {
    lock(&here().world.recorded).options = options.cloned();
}

/// What the host was asked since the last time, in order.
pub(crate) fn take_calls() -> Vec<String> {
    std::mem::take(&mut lock(&here().world.recorded).calls)
}

/// The options of the last call, if it said anything.
pub(crate) fn last_options() -> Option<TaskOptions> {
    lock(&here().world.recorded).options.clone()
}

fn stored<T: Serialize>(value: &T) -> Stored {
    let data = ::bincode::serde::encode_to_vec(value, ::bincode::config::standard()).unwrap();
    Stored::from(Payload { encoding: Encoding::Bincode, data, references: Vec::new() })
}

fn reference<T>(object: std::sync::Arc<super::object::Object>) -> crate::ObjectRef<T> {
    crate::ObjectRef::new(RawRef::new(ObjectRef(object)))
}

/// An object that is there.
pub(crate) fn sealed<T: Serialize>(value: &T) -> crate::ObjectRef<T> {
    reference(here().world.sealed(Ok(stored(value))))
}

/// An object that comes when so much time was waited for.
pub(crate) fn later<T: Serialize>(milliseconds: u64, value: &T) -> crate::ObjectRef<T> {
    comes(milliseconds, stored(value))
}

/// Plain bytes that come when so much time was waited for.
pub(crate) fn later_bytes(milliseconds: u64, data: &[u8]) -> crate::ObjectRef<Vec<u8>> {
    comes(milliseconds, Stored::bytes(data))
}

fn comes<T>(milliseconds: u64, value: Stored) -> crate::ObjectRef<T> {
    let world = here().world;
    let object = world.promise();
    world.set_alarm(world.now() + milliseconds * 1_000_000, Alarm::Seal(object.clone(), value));
    reference(object)
}

/// An object that is an error.
pub(crate) fn failed<T>(message: &str) -> crate::ObjectRef<T> {
    let error = super::error::new(ErrorKind::TaskFailed, message.into());
    reference(here().world.sealed(Err(std::sync::Arc::new(error))))
}

/// An object that does not come.
pub(crate) fn never<T>() -> crate::ObjectRef<T> {
    reference(here().world.promise())
}

/// A handle of an actor that nobody made.
pub(crate) fn actor(actor_type: &str) -> ActorRef {
    let options = crate::ActorOptions::new().checked().unwrap();
    here().world.new_actor((actor_type, "new"), None, options).1
}

/// Asks the test to stop.
pub(crate) fn stop() {
    here().job().ask();
}
