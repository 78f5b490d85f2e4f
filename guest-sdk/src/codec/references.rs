//! Handles inside values. A handle can't be bytes, so it travels beside them and the bytes hold its index; serde knows
//! nothing of that, hence the two thread-locals that are filled while a value is written or read.

use std::cell::RefCell;
use std::sync::Arc;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

use crate::host::types::{ActorRef, ObjectRef, Reference};
use crate::host::{actors, objects};

thread_local! {
    static OUTGOING: RefCell<Option<Vec<Reference>>> = const { RefCell::new(None) };
    static INCOMING: RefCell<Option<Vec<Incoming>>> = const { RefCell::new(None) };
}

/// A handle that came with a payload. The bytes may name it any number of times.
enum Incoming {
    Object(Arc<ObjectRef>),
    Actor(Arc<ActorRef>),
}

impl From<Reference> for Incoming {
    fn from(reference: Reference) -> Self {
        match reference {
            Reference::Object(object) => Self::Object(Arc::new(object)),
            Reference::Actor(actor) => Self::Actor(Arc::new(actor)),
        }
    }
}

/// Runs `write` and gives the handles that it met. A value that is written inside another has its own.
pub(super) fn collect<T>(write: impl FnOnce() -> Result<T, String>) -> Result<(T, Vec<Reference>), String> {
    let outer = OUTGOING.replace(Some(Vec::new()));
    let written = write();
    let met = OUTGOING.replace(outer).unwrap_or_default();
    written.map(|value| (value, met))
}

/// Runs `read` with the handles that the bytes may refer to. What they don't refer to is dropped.
pub(super) fn provide<T>(references: Vec<Reference>, read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let outer = INCOMING.replace(Some(references.into_iter().map(Incoming::from).collect()));
    let value = read();
    INCOMING.replace(outer);
    value
}

/// Writes an object's handle: its index.
pub(crate) fn write_object<S: Serializer>(object: &ObjectRef, serializer: S) -> Result<S::Ok, S::Error> {
    write(serializer, || Reference::Object(objects::clone_object(object)))
}

/// Writes an actor's handle: its index.
pub(crate) fn write_actor<S: Serializer>(actor: &ActorRef, serializer: S) -> Result<S::Ok, S::Error> {
    write(serializer, || Reference::Actor(actors::clone_actor(actor)))
}

fn write<S: Serializer>(serializer: S, reference: impl FnOnce() -> Reference) -> Result<S::Ok, S::Error> {
    let index = OUTGOING.with_borrow_mut(|references| {
        let references = references.as_mut()?;
        references.push(reference());
        u32::try_from(references.len() - 1).ok()
    });
    match index {
        Some(index) => serializer.serialize_u32(index),
        None => Err(S::Error::custom("a reference can only be written as part of a task's argument or result")),
    }
}

/// Reads an object's handle.
pub(crate) fn take_object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<ObjectRef>, D::Error> {
    take(deserializer, |incoming| match incoming {
        Incoming::Object(object) => Ok(object.clone()),
        Incoming::Actor(_) => Err("is an actor, not an object"),
    })
}

/// Reads an actor's handle.
pub(crate) fn take_actor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<ActorRef>, D::Error> {
    take(deserializer, |incoming| match incoming {
        Incoming::Actor(actor) => Ok(actor.clone()),
        Incoming::Object(_) => Err("is an object, not an actor"),
    })
}

fn take<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    pick: impl FnOnce(&Incoming) -> Result<T, &'static str>,
) -> Result<T, D::Error> {
    let index = u32::deserialize(deserializer)?;
    INCOMING.with_borrow(|references| {
        let Some(references) = references else {
            return Err(D::Error::custom("a reference can only be read as part of a task's argument or result"));
        };
        let reference = references.get(index as usize).ok_or_else(|| {
            D::Error::custom(format_args!("reference {index} of {} does not exist", references.len()))
        })?;
        pick(reference).map_err(|reason| D::Error::custom(format_args!("reference {index} {reason}")))
    })
}
