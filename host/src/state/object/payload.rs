//! Values on their way: bytes, how to read them, and the handles inside them.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::ObjectRef;
use super::cold::Mark;
use super::cycles::Standing;
use super::store::{ObjectStore, Reservation};
use crate::state::actor::ActorRef;
pub use crate::types::encoding::Encoding;
use crate::types::error::TaskResult;
use crate::types::limits::{OBJECT_OVERHEAD_BYTES, REFERENCES_BYTES};

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
    pub references: Box<[Reference]>,
}

impl Payload {
    /// Bytes without handles.
    pub fn new(encoding: Encoding, data: impl Into<Bytes>) -> Self {
        Payload { encoding, data: data.into(), references: Box::default() }
    }

    /// What it takes in the object store.
    pub(crate) fn stored_bytes(&self) -> u64 {
        let beside = if self.references.is_empty() { 0 } else { REFERENCES_BYTES };
        beside + (self.data.len() + self.references.len() * size_of::<Reference>()) as u64
    }

    /// Does it refer to objects?
    pub(super) fn has_objects(&self) -> bool {
        self.references.iter().any(|reference| matches!(reference, Reference::Object(_)))
    }
}

/// A payload in the object store; its bytes are given back when the last holder lets go.
#[derive(Debug)]
pub struct Value {
    payload: Payload,
    reservation: Reservation,
    /// Its place among those that can be spilled.
    mark: OnceLock<Arc<Mark>>,
    /// Its part in the search for cycles.
    standing: Standing,
}

impl Value {
    pub(crate) fn new(payload: Payload, reservation: Reservation) -> Arc<Self> {
        Arc::new(Value { payload, reservation, mark: OnceLock::new(), standing: Standing::default() })
    }

    /// The payload.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Its place among those that can be spilled.
    pub(super) fn mark(&self) -> &OnceLock<Arc<Mark>> {
        &self.mark
    }

    /// Its part in the search for cycles.
    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Gives the bytes away; the handles stay.
    pub(super) fn hollow(&mut self) -> Bytes {
        let data = std::mem::take(&mut self.payload.data);
        self.reservation.give_back(data.len() as u64);
        self.take_mark();
        data
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
        self.reservation.store().cycles().remove(&self.standing);
        drop_in_turn(std::mem::take(&mut self.payload.references));
    }
}

thread_local! {
    static DROPPING: RefCell<Option<Vec<Box<[Reference]>>>> = const { RefCell::new(None) };
}

/// Drops handles one value after the other. A guest can nest values a million deep, and dropping them by recursion
/// would overflow the host's stack.
fn drop_in_turn(references: Box<[Reference]>) {
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
    /// A value that was so large that it became an object, which can be spilled. Nobody else holds it.
    Large(ObjectRef),
    /// It was passed by value; the guest has it, and nobody needs it any more.
    Given,
}

impl Argument {
    /// A value that can be spilled is held as an object, with its part of the room. One with handles inside is not: lineage must not
    /// keep those alive.
    fn taken_in(self, store: &Arc<ObjectStore>, room: &mut Reservation) -> Self {
        let bytes = self.charged();
        match self {
            Argument::Value(payload) if store.can_spill(&payload) && payload.references.is_empty() => {
                Argument::Large(store.sealed(Ok(Value::new(payload, room.split(bytes)))))
            }
            other => other,
        }
    }

    /// Bytes that are charged with the arguments.
    fn charged(&self) -> u64 {
        match self {
            Argument::Value(payload) => payload.stored_bytes() + OBJECT_OVERHEAD_BYTES,
            Argument::Object(_) | Argument::Large(_) | Argument::Given => 0,
        }
    }

    fn object(&self) -> Option<&ObjectRef> {
        match self {
            Argument::Object(object) | Argument::Large(object) => Some(object),
            Argument::Value(_) | Argument::Given => None,
        }
    }

    /// Its value, held; `None` while that is spilled.
    fn held(&self) -> TaskResult<Option<Held>> {
        let value = |object: &ObjectRef| object.outcome().transpose();
        Ok(match self {
            Argument::Value(payload) => Some(Held::Payload(payload.clone())),
            Argument::Object(object) => value(object)?.map(Held::Object),
            Argument::Large(object) => value(object)?.map(Held::Large),
            Argument::Given => Some(Held::Payload(Payload::new(Encoding::Raw, Bytes::new()))),
        })
    }
}

/// An argument of a task that is about to start. Its value is held, so that it is not spilled before the guest has it.
#[derive(Debug)]
pub enum Held {
    /// It was passed by value.
    Payload(Payload),
    /// It is that of an object.
    Object(Arc<Value>),
    /// It was passed by value, and can be spilled when the guest has it.
    Large(Arc<Value>),
}

impl Held {
    /// The value.
    pub fn payload(&self) -> &Payload {
        match self {
            Held::Payload(payload) => payload,
            Held::Object(value) | Held::Large(value) => value.payload(),
        }
    }

    /// Does it count as used for as long as the guest runs? The engine keeps what a guest was called with until that returns,
    /// in memory of ours: what others hold as well must not be read back next to it. What was passed by value is the guest's
    /// own by then.
    pub fn stays_in_use(&self) -> bool {
        matches!(self, Held::Object(_))
    }
}

/// The arguments of one task. Their bytes are charged to the object store as long as this lives, and with them what else the host keeps
/// of the task until it has ended.
#[derive(Debug, Default)]
pub struct Arguments {
    list: Box<[Argument]>,
    reservation: Option<Reservation>,
}

impl Arguments {
    /// Takes them in, with the room for them and for what else the host keeps of the task.
    pub fn new(list: Vec<Argument>, mut room: Reservation) -> Self {
        let store = room.store().clone();
        let list = list.into_iter().map(|argument| argument.taken_in(&store, &mut room)).collect();
        Arguments { list, reservation: (room.bytes() > 0).then_some(room) }
    }

    /// Bytes of room that these need.
    pub fn needed_bytes(list: &[Argument]) -> u64 {
        list.iter().map(Argument::charged).sum()
    }

    /// Bytes that they take in the store when all of them are there, each object once.
    pub fn stored_bytes(&self) -> u64 {
        let mut objects: Vec<_> = self.objects().collect();
        objects.sort_unstable_by_key(|object| object.id().0);
        objects.dedup_by_key(|object| object.id().0);
        self.charged() + objects.into_iter().map(ObjectRef::stored_bytes).sum::<u64>()
    }

    /// Bytes of them that are charged with them: an object's are with the object.
    fn charged(&self) -> u64 {
        self.list.iter().map(Argument::charged).sum()
    }

    /// Bytes of those that were passed by value.
    fn by_value(&self) -> u64 {
        let large = self.list.iter().map(|argument| match argument {
            Argument::Large(object) => object.stored_bytes(),
            Argument::Value(_) | Argument::Object(_) | Argument::Given => 0,
        });
        self.charged() + large.sum::<u64>()
    }

    /// The guest has them, and nobody needs those again that were passed by value: lets go of them where they take more than
    /// `keep` bytes. What comes back is to be dropped where no lock is held.
    pub fn let_go(&mut self, keep: u64) -> Option<(Vec<Argument>, Option<Reservation>)> {
        if self.by_value() <= keep {
            return None;
        }
        let bytes = self.charged();
        let by_value = self.list.iter_mut().filter(|argument| !matches!(argument, Argument::Object(_)));
        let gone = by_value.map(|argument| std::mem::replace(argument, Argument::Given)).collect();
        Some((gone, self.reservation.as_mut().map(|reserved| reserved.split(bytes))))
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Argument> {
        self.list.iter()
    }

    /// The one at this place, if that is an object.
    pub(in crate::state) fn object_at(&self, place: usize) -> Option<&ObjectRef> {
        self.list.get(place)?.object()
    }

    /// The objects among them, each with its place.
    pub(in crate::state) fn places(&self) -> impl Iterator<Item = (usize, &ObjectRef)> {
        self.list.iter().enumerate().filter_map(|(place, argument)| Some((place, argument.object()?)))
    }

    /// The objects among them.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectRef> {
        self.list.iter().filter_map(Argument::object)
    }

    /// Their values, held; `None` while those of some objects are not there, because they were spilled.
    ///
    /// # Errors
    /// The error of the first object that failed.
    pub fn values(&self) -> TaskResult<Option<Vec<Held>>> {
        self.list.iter().map(Argument::held).collect()
    }
}
