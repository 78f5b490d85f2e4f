//! Values on their way: bytes, how to read them, and the handles inside them.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::actor::ActorRef;
use super::object::ObjectRef;
use super::store::{Mark, ObjectStore, Reservation};
pub use crate::words::encoding::Encoding;
use crate::words::error::TaskResult;
use crate::words::limits::OBJECT_OVERHEAD_BYTES;

/// A handle that travels inside a value.
#[derive(Clone, Debug)]
pub enum Reference {
    /// An object.
    Object(ObjectRef),
    /// An actor.
    Actor(ActorRef),
}

/// A value: bytes, how to read them, and the handles inside them, to which the bytes refer by index.
#[derive(Clone, Debug)]
pub struct Payload {
    /// How to read the bytes.
    pub encoding: Encoding,
    /// The bytes. Shared, never copied within the host.
    pub data: Bytes,
    /// The handles.
    pub references: Vec<Reference>,
}

impl Payload {
    /// Bytes without handles.
    pub fn new(encoding: Encoding, data: impl Into<Bytes>) -> Self {
        Payload { encoding, data: data.into(), references: Vec::new() }
    }

    /// What it takes in the object store.
    pub(crate) fn stored_bytes(&self) -> u64 {
        (self.data.len() + self.references.len() * size_of::<Reference>()) as u64
    }
}

/// A payload in the object store; its bytes are given back when the last holder lets go.
#[derive(Debug)]
pub struct Value {
    payload: Payload,
    reservation: Reservation,
    /// Its place among those that can be spilled.
    mark: OnceLock<Arc<Mark>>,
}

impl Value {
    pub(crate) fn new(payload: Payload, reservation: Reservation) -> Arc<Self> {
        Arc::new(Value { payload, reservation, mark: OnceLock::new() })
    }

    /// The payload.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Its place among those that can be spilled.
    pub(super) fn mark(&self) -> &OnceLock<Arc<Mark>> {
        &self.mark
    }

    /// Lets go of the bytes; the handles stay. Gives how many bytes that freed.
    pub(super) fn hollow(&mut self) -> u64 {
        let length = std::mem::take(&mut self.payload.data).len() as u64;
        self.reservation.give_back(length);
        self.take_mark();
        length
    }

    /// Has its bytes again, which `room` was made for.
    pub(super) fn fill(&mut self, data: Bytes, room: Reservation) {
        self.payload.data = data;
        self.reservation.join(room);
    }

    fn take_mark(&mut self) {
        if let Some(mark) = self.mark.take() {
            self.reservation.store().forget(&mark);
        }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.take_mark();
        drop_in_turn(std::mem::take(&mut self.payload.references));
    }
}

thread_local! {
    static DROPPING: RefCell<Option<Vec<Vec<Reference>>>> = const { RefCell::new(None) };
}

/// Drops handles one value after the other. A guest can nest values a million deep, and dropping them by recursion
/// would overflow the host's stack.
fn drop_in_turn(references: Vec<Reference>) {
    if references.is_empty() {
        return;
    }
    let outermost = DROPPING.with_borrow_mut(|queue| match queue {
        Some(queue) => {
            queue.push(references);
            false
        }
        None => {
            *queue = Some(vec![references]);
            true
        }
    });
    if outermost {
        while let Some(next) = DROPPING.with_borrow_mut(|queue| queue.as_mut().and_then(Vec::pop)) {
            drop(next);
        }
        DROPPING.set(None);
    }
}

/// An argument of a task.
#[derive(Clone, Debug)]
pub enum Argument {
    /// The value itself.
    Value(Payload),
    /// An object, resolved to its value before the task starts.
    Object(ObjectRef),
}

/// The arguments of one task. Their bytes are charged to the object store as long as this lives.
#[derive(Debug, Default)]
pub struct Arguments {
    list: Box<[Argument]>,
    _reservation: Option<Reservation>,
}

impl Arguments {
    /// Takes them in.
    ///
    /// # Errors
    /// `ObjectStoreFull`, which names the limit.
    pub fn new(list: Vec<Argument>, store: &Arc<ObjectStore>) -> TaskResult<Self> {
        let charge = |argument: &Argument| match argument {
            Argument::Value(payload) => payload.stored_bytes() + OBJECT_OVERHEAD_BYTES,
            Argument::Object(_) => 0,
        };
        let bytes = list.iter().map(charge).sum();
        let reservation = (bytes > 0).then(|| store.reserve(bytes)).transpose()?;
        Ok(Arguments { list: list.into(), _reservation: reservation })
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Argument> {
        self.list.iter()
    }

    /// The objects among them.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectRef> {
        self.list.iter().filter_map(|argument| match argument {
            Argument::Object(object) => Some(object),
            Argument::Value(_) => None,
        })
    }

    /// Their values; `None` while those of some objects are not there, because they were spilled.
    ///
    /// # Errors
    /// The error of the first object that failed.
    pub fn values(&self) -> TaskResult<Option<Vec<Payload>>> {
        let value = |argument: &Argument| match argument {
            Argument::Value(payload) => Ok(Some(payload.clone())),
            Argument::Object(object) => {
                object.outcome().transpose().map(|value| value.map(|value| value.payload().clone()))
            }
        };
        self.list.iter().map(value).collect()
    }
}
