//! Objects: cells that are sealed once, with a value or an error, and counted by the handles to them.
//!
//! There is no table of objects. A handle is the object's address, so that a lookup costs nothing and a forged number
//! leads nowhere.

pub mod cold;
pub mod cycles;
pub mod gathering;
pub mod lineage;
pub mod payload;
pub mod place;
pub mod store;
pub mod stream;
pub mod watchers;
pub mod writer;

use std::fmt;
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Weak};

use bytes::Bytes;

use self::lineage::Provenance;
use self::payload::Value;
use self::place::{Place, Stored};
use self::store::{ObjectStore, Reservation};
use self::watchers::Watchers;
pub use self::watchers::{WatchKey, Watcher};
use super::task::TaskRecord;
use crate::types::account::Account;
use crate::types::error::{ErrorKind, TaskError, TaskResult};
use crate::types::ids::ObjectId;
use crate::types::limits::{OBJECT_OVERHEAD_BYTES, SPILL_BYTES_MIN};
use crate::types::receipt::Receipt;
use crate::types::sync;
use crate::types::sync::{Mutex, rank};

/// What an object was sealed with.
pub type Outcome = TaskResult<Arc<Value>>;

/// A counted reference to an object. A clone counts as one more; the last one that is dropped frees the object.
#[derive(Clone)]
pub struct ObjectRef(Arc<Cell>);

struct Cell {
    id: ObjectId,
    slot: Mutex<Slot, { rank::OBJECT }>,
    /// What it takes without its value, where that was charged when it was made; nothing of the store that it is in otherwise.
    charge: Reservation,
}

enum Slot {
    Pending {
        /// Whoever is to be told.
        watchers: Watchers,
        /// Who will seal it.
        source: Source,
    },
    Sealed(Outcome, Option<Box<Origin>>),
    /// Sealed with a value whose bytes are on disk.
    Away(Box<Away>),
    /// Nobody can come by a reference to it any more, and its value is freed: it was a part of a cycle.
    Gone,
}

/// Who will seal a promise.
enum Source {
    /// The task that makes it, which whoever wants can cancel. Also where nobody is known to.
    Task(Weak<TaskRecord>),
    /// This task, by taking from a stream or by coming to its end.
    Taker(Weak<TaskRecord>),
    /// The embedder, by taking from a stream.
    Outside,
}

impl Slot {
    /// A promise. It also stands there while the lock is held and something moves.
    const PENDING: Slot = Slot::promise(Source::Task(Weak::new()));

    const fn promise(source: Source) -> Slot {
        Slot::Pending { watchers: Watchers::None, source }
    }
}

impl Slot {
    /// What was away, if it was; a promise is in its place.
    fn take_away(&mut self) -> Option<Away> {
        match std::mem::replace(self, Slot::PENDING) {
            Slot::Away(away) => Some(*away),
            other => {
                *self = other;
                None
            }
        }
    }
}

/// Where an object came from.
#[derive(Debug)]
pub struct Origin {
    /// Of the task that made it.
    receipt: Option<Receipt>,
    /// How it can be made again.
    provenance: Provenance,
    /// The bytes that an error takes, or what its receipt says.
    charge: Option<Reservation>,
}

impl Origin {
    /// That of a task's result.
    pub fn new(receipt: Receipt, provenance: Provenance) -> Box<Self> {
        Box::new(Origin { receipt: Some(receipt), provenance, charge: None })
    }
}

/// What was put has no task that could make it again.
const PUT: Provenance = Err("no task made it as its result: it was put, or is one of several results");

/// A value without its bytes.
struct Away {
    bytes: Arc<dyn Stored>,
    value: Value,
    origin: Option<Box<Origin>>,
}

impl Drop for Cell {
    fn drop(&mut self) {
        // Its value may be the last to hold others.
        sync::assert_unlocked("an object");
        self.charge.store().end_object();
    }
}

/// A handle that does not count.
#[derive(Clone)]
pub struct WeakObjectRef(Weak<Cell>);

impl WeakObjectRef {
    /// A counted one, if there still is one. To be called where no lock is held.
    pub fn upgrade(&self) -> Option<ObjectRef> {
        self.to_look_at().filter(ObjectRef::is_reached)
    }

    /// The same for the store itself, also under its lock: a collection of cycles is not to take that for somebody who needs the object.
    pub(super) fn to_look_at(&self) -> Option<ObjectRef> {
        self.0.upgrade().map(ObjectRef)
    }
}

/// Who refers to an object, and to its value, beside itself.
pub(super) struct Holders {
    pub of_object: usize,
    pub of_value: usize,
}

impl fmt::Debug for WeakObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakObjectRef")
    }
}

impl ObjectStore {
    /// An object that nobody has sealed yet. It is the host's own: there is one for each actor or stream at most.
    pub fn promise(self: &Arc<Self>) -> ObjectRef {
        self.object(Slot::PENDING, self.nothing())
    }

    /// The same, for somebody, charged with what the host keeps for it beside its value.
    pub fn promise_charged(self: &Arc<Self>, charge: Reservation) -> ObjectRef {
        self.object(Slot::PENDING, charge)
    }

    /// One that is sealed when somebody has taken from a stream: this task, or where there is none the embedder, and then whoever
    /// waits for it waits for no task.
    pub fn promise_of_room(self: &Arc<Self>, taker: Option<Weak<TaskRecord>>) -> ObjectRef {
        self.object(Slot::promise(taker.map_or(Source::Outside, Source::Taker)), self.nothing())
    }

    /// An object with this outcome.
    pub fn sealed(self: &Arc<Self>, outcome: Outcome) -> ObjectRef {
        match outcome {
            Ok(value) => self.sealed_value(value),
            Err(error) => self.sealed_error(error, None),
        }
    }

    /// An object with this value, which is charged with it.
    fn sealed_value(self: &Arc<Self>, value: Arc<Value>) -> ObjectRef {
        let outcome = Ok(value);
        let value = self.to_remember(&outcome);
        let object = self.object(Slot::Sealed(outcome, None), self.nothing());
        if let Some(value) = value {
            self.remember(&object, value);
        }
        object
    }

    /// An object with this error. Where the store has no room for that it is one that others have as well, unless it is the embedder's.
    pub fn sealed_error(self: &Arc<Self>, error: Arc<TaskError>, account: Option<&Arc<Account>>) -> ObjectRef {
        match self.try_reserve(error.kept_bytes() + OBJECT_OVERHEAD_BYTES) {
            Ok(charge) => self.object(Slot::Sealed(Err(error), None), charge.on_if(account)),
            Err(_) if account.is_some() => self.brief_object(error.kind),
            Err(_) => self.failed(error),
        }
    }

    /// An object with an error that is charged to nobody.
    pub(crate) fn failed(self: &Arc<Self>, error: Arc<TaskError>) -> ObjectRef {
        self.object(Slot::Sealed(Err(error), None), self.nothing())
    }

    fn object(self: &Arc<Self>, slot: Slot, charge: Reservation) -> ObjectRef {
        ObjectRef(Arc::new(Cell { id: self.begin_object(), slot: Mutex::new(slot), charge }))
    }

    /// The outcome, with what it takes in the store where that is not charged yet: a value's is.
    fn charged(
        self: &Arc<Self>,
        outcome: Outcome,
        origin: Option<Box<Origin>>,
        account: Option<&Arc<Account>>,
    ) -> (Outcome, Option<Box<Origin>>) {
        let error = match outcome {
            Ok(value) => return (Ok(value), origin.map(|origin| self.charge_receipt(origin, account))),
            Err(error) => error,
        };
        let (error, charge) = self.take_error(error, account);
        let origin = match origin {
            Some(mut origin) => {
                origin.charge = charge;
                Some(origin)
            }
            None => charge.map(|charge| Box::new(Origin { receipt: None, provenance: PUT, charge: Some(charge) })),
        };
        (Err(error), origin)
    }

    /// What a receipt says takes room as well; without it what the task was refused is not kept with its result.
    fn charge_receipt(self: &Arc<Self>, mut origin: Box<Origin>, account: Option<&Arc<Account>>) -> Box<Origin> {
        let bytes = origin.receipt.as_ref().map_or(0, Receipt::kept_bytes);
        if bytes > 0 {
            match self.try_reserve(bytes) {
                Ok(charge) => origin.charge = Some(charge.on_if(account)),
                Err(_) => origin.receipt.iter_mut().for_each(|receipt| receipt.refused.clear()),
            }
        }
        origin
    }
}

impl ObjectRef {
    /// The object's number.
    pub fn id(&self) -> ObjectId {
        self.0.id
    }

    /// Has it a value or an error?
    pub fn is_ready(&self) -> bool {
        !matches!(*self.0.slot.lock(), Slot::Pending { .. })
    }

    /// The receipt of the task that made it, once that has finished.
    pub fn receipt(&self) -> Option<Receipt> {
        self.origin(|origin| origin?.receipt.clone())
    }

    /// How it can be made again, once it is there.
    pub(super) fn provenance(&self) -> Provenance {
        self.origin(|origin| origin.map_or(PUT, |origin| origin.provenance.clone()))
    }

    fn origin<T>(&self, of: impl FnOnce(Option<&Origin>) -> T) -> T {
        match &*self.0.slot.lock() {
            Slot::Sealed(_, origin) => of(origin.as_deref()),
            Slot::Away(away) => of(away.origin.as_deref()),
            Slot::Pending { .. } | Slot::Gone => of(None),
        }
    }

    /// A handle that does not count.
    pub fn downgrade(&self) -> WeakObjectRef {
        WeakObjectRef(Arc::downgrade(&self.0))
    }

    /// Has it a value that is never spilled, and that keeps nothing else alive?
    pub(super) fn is_small(&self) -> bool {
        match &*self.0.slot.lock() {
            Slot::Sealed(Ok(value), _) => {
                let payload = value.payload();
                payload.references.is_empty() && (payload.data.len() as u64) < SPILL_BYTES_MIN
            }
            _ => false,
        }
    }

    /// Somebody has come by a reference to it; false where it is about to be freed.
    fn is_reached(&self) -> bool {
        match &*self.0.slot.lock() {
            Slot::Sealed(Ok(value), _) => value.standing().is_reached(self.store().cycles()),
            Slot::Away(away) => away.value.standing().is_reached(self.store().cycles()),
            Slot::Gone => false,
            Slot::Pending { .. } | Slot::Sealed(Err(_), _) => true,
        }
    }

    /// Looks at its value, in memory or on disk, while nobody else can get hold of that by this object.
    pub(super) fn examine<T>(&self, look: impl FnOnce(&Value, Holders) -> T) -> Option<T> {
        let slot = self.0.slot.lock();
        let (value, of_value) = match &*slot {
            Slot::Sealed(Ok(value), _) => (&**value, Arc::strong_count(value) - 1),
            Slot::Away(away) => (&away.value, 0),
            Slot::Pending { .. } | Slot::Sealed(Err(_), _) | Slot::Gone => return None,
        };
        let holders = Holders { of_object: Arc::strong_count(&self.0), of_value };
        // Whoever was a holder before had its reads and clones done: these are seen from here on.
        fence(Ordering::Acquire);
        Some(look(value, holders))
    }

    /// Takes its value, because nobody can reach it any more. What comes back is to be dropped where no lock is held.
    pub(super) fn take_value(&self) -> impl Sized + use<> {
        std::mem::replace(&mut *self.0.slot.lock(), Slot::Gone)
    }

    /// Lets go of its value, whoever holds the object, which says why it has none. What comes back is to be dropped where no lock is held.
    pub(super) fn lose_value(&self, why: &Arc<TaskError>) -> impl Sized + use<> {
        let mut slot = self.0.slot.lock();
        let receipt = match &*slot {
            Slot::Sealed(Ok(_), origin) => origin.as_ref().and_then(|origin| origin.receipt.clone()),
            Slot::Away(away) => away.origin.as_ref().and_then(|origin| origin.receipt.clone()),
            Slot::Pending { .. } | Slot::Sealed(Err(_), _) | Slot::Gone => return None,
        };
        let origin = receipt.map(|receipt| Origin::new(receipt, PUT));
        Some(std::mem::replace(&mut *slot, Slot::Sealed(Err(why.clone()), origin)))
    }

    /// Will a value of this outcome be one that can be spilled? Gives its size, in bytes.
    pub(super) fn to_spill(&self, outcome: &Outcome) -> Option<u64> {
        let payload = outcome.as_ref().ok()?.payload();
        self.store().can_spill(payload).then_some(payload.data.len() as u64)
    }

    /// Whose it is, where that is known.
    fn account(&self) -> Option<&Arc<Account>> {
        self.0.charge.account()
    }

    /// The store that it is in.
    pub(super) fn store(&self) -> &Arc<ObjectStore> {
        self.0.charge.store()
    }

    /// What it was sealed with, if it is and the value is there: one that was spilled has to be [gathered](self::gathering) first.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match &mut *self.0.slot.lock() {
            Slot::Sealed(outcome, _) => {
                if let Ok(value) = outcome {
                    self.store().touch(value);
                    value.standing().is_reached(self.store().cycles());
                }
                Some(outcome.clone())
            }
            // Nobody can ask. If a fault of the host's makes it possible all the same, it is told, and not waited for.
            Slot::Gone => Some(Err(Arc::new(freed()))),
            Slot::Away(_) | Slot::Pending { .. } => None,
        }
    }

    /// Bytes that its value takes in the store when it is there, what an object takes beside them included.
    pub(crate) fn stored_bytes(&self) -> u64 {
        match &*self.0.slot.lock() {
            Slot::Sealed(Ok(value), _) => value.payload().stored_bytes() + OBJECT_OVERHEAD_BYTES,
            Slot::Away(away) => away.bytes.byte_count() + away.value.payload().stored_bytes() + OBJECT_OVERHEAD_BYTES,
            Slot::Sealed(Err(_), _) | Slot::Pending { .. } | Slot::Gone => 0,
        }
    }

    /// The error that it was sealed with, if it was.
    pub(crate) fn error(&self) -> Option<Arc<TaskError>> {
        match &*self.0.slot.lock() {
            Slot::Sealed(outcome, _) => outcome.as_ref().err().cloned(),
            Slot::Away(_) | Slot::Pending { .. } | Slot::Gone => None,
        }
    }

    /// Seals it; the first outcome stays.
    pub(crate) fn seal(&self, outcome: Outcome, origin: Option<Box<Origin>>) {
        let (failed, value) = (outcome.is_err(), self.store().to_remember(&outcome));
        let (outcome, origin) = self.store().charged(outcome, origin, self.account());
        let watchers = {
            let mut slot = self.0.slot.lock();
            match &mut *slot {
                Slot::Sealed(..) | Slot::Away(_) | Slot::Gone => return,
                Slot::Pending { watchers, .. } => {
                    let watchers = watchers.take();
                    *slot = Slot::Sealed(outcome, origin);
                    watchers
                }
            }
        };
        if let Some(value) = value {
            self.store().remember(self, value);
        }
        // Outside the lock: a watcher may ask the object for its outcome.
        if let Some(mut telling) = watchers.tell(failed) {
            self.store().work_apart(Box::new(move || telling.step()));
        }
    }

    /// Has `watcher` told when the object is sealed. `Err` says that it is already, and whether it failed.
    pub(crate) fn watch(&self, watcher: Arc<dyn Watcher>) -> Result<WatchKey, bool> {
        match &mut *self.0.slot.lock() {
            Slot::Pending { watchers, source } => Ok(watchers.insert(watcher).of(matches!(source, Source::Outside))),
            Slot::Sealed(outcome, _) => Err(outcome.is_err()),
            Slot::Away(_) | Slot::Gone => Err(false),
        }
    }

    /// Tells this watcher nothing any more.
    pub(crate) fn unwatch<W: Watcher>(&self, key: &WatchKey, watcher: &W) {
        let gone = match &mut *self.0.slot.lock() {
            Slot::Pending { watchers, .. } => watchers.remove(key, watcher),
            Slot::Sealed(..) | Slot::Away(_) | Slot::Gone => None,
        };
        drop(gone);
    }

    /// Moves the bytes to that place, unless somebody uses them. Gives those that are in memory for nothing now, to be dropped where no lock
    /// is held: their owner may be an embedder's.
    ///
    /// # Errors
    /// `OutOfDisk`.
    pub(crate) fn put_away(&self, place: &impl Place) -> Result<Bytes, TaskError> {
        let value = match &*self.0.slot.lock() {
            Slot::Sealed(Ok(value), _) if is_unused(value, 1) => value.clone(),
            _ => return Ok(Bytes::new()),
        };
        let stored = place.store(&value.payload().data)?;
        Ok(self.leave(value, stored))
    }

    /// The second half: leaves the bytes to the place, unless somebody has begun to use them meanwhile.
    fn leave(&self, value: Arc<Value>, bytes: Arc<dyn Stored>) -> Bytes {
        let mut slot = self.0.slot.lock();
        let Slot::Sealed(Ok(held), origin) = &mut *slot else {
            return Bytes::new();
        };
        if !Arc::ptr_eq(held, &value) || !is_unused(&value, 2) {
            return Bytes::new();
        }
        let origin = origin.take();
        *slot = Slot::PENDING;
        // The lock is held, and no other handle was there: this is the last one.
        match Arc::try_unwrap(value) {
            Ok(mut value) => {
                let freed = value.hollow();
                *slot = Slot::Away(Box::new(Away { bytes, value, origin }));
                freed
            }
            Err(value) => {
                *slot = Slot::Sealed(Ok(value), origin);
                Bytes::new()
            }
        }
    }

    /// Are its bytes in another place than memory?
    pub(crate) fn is_away(&self) -> bool {
        matches!(*self.0.slot.lock(), Slot::Away(_))
    }

    /// Its bytes in another place than memory.
    pub(crate) fn stored(&self) -> Option<Arc<dyn Stored>> {
        match &*self.0.slot.lock() {
            Slot::Away(away) => Some(away.bytes.clone()),
            Slot::Pending { .. } | Slot::Sealed(..) | Slot::Gone => None,
        }
    }

    /// The bytes that were spilled are back. Gives the value, which is in use until that is dropped.
    pub(crate) fn come_back(&self, data: Bytes, room: Reservation) -> Option<Outcome> {
        let mut slot = self.0.slot.lock();
        let Away { bytes: stored, mut value, origin } = slot.take_away()?;
        value.fill(data, room);
        value.standing().is_reached(self.store().cycles());
        let value = Arc::new(value);
        *slot = Slot::Sealed(Ok(value.clone()), origin);
        drop(slot);
        self.store().remember_large(self, value.clone());
        drop(stored);
        Some(Ok(value))
    }

    /// The bytes that were spilled are lost: it is pending once more, to be sealed again. Gives how it can be made; `None` if
    /// it was not spilled. Who waits for it has to wait anew: from now on it is another task that it waits for.
    pub(crate) fn unseal(&self) -> Option<Provenance> {
        let away = self.0.slot.lock().take_away()?;
        Some(away.origin.map_or(PUT, |origin| origin.provenance))
    }

    pub(crate) fn set_producer(&self, task: &Arc<TaskRecord>) {
        if let Slot::Pending { source, .. } = &mut *self.0.slot.lock() {
            *source = Source::Task(Arc::downgrade(task));
        }
    }

    /// The task that will seal it; `None` if it is sealed, or was never a task's.
    pub(crate) fn producer(&self) -> Option<Arc<TaskRecord>> {
        match &*self.0.slot.lock() {
            Slot::Pending { source: Source::Task(task), .. } => task.upgrade(),
            Slot::Pending { .. } | Slot::Sealed(..) | Slot::Away(_) | Slot::Gone => None,
        }
    }

    /// The task that has to go on before it is sealed, whether it makes it or takes from a stream; `None` if it is sealed, or
    /// waits for no task.
    pub(crate) fn awaits(&self) -> Option<Arc<TaskRecord>> {
        match &*self.0.slot.lock() {
            Slot::Pending { source: Source::Task(task) | Source::Taker(task), .. } => task.upgrade(),
            Slot::Pending { .. } | Slot::Sealed(..) | Slot::Away(_) | Slot::Gone => None,
        }
    }
}

impl fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectRef({})", self.0.id)
    }
}

fn freed() -> TaskError {
    TaskError::new(
        ErrorKind::Internal,
        "the host freed the object as a part of a cycle: report it as a fault of the host",
    )
}

/// Does nobody hold the value, beside these? Whoever uses it does; the bytes alone do not count, since nobody can tell who holds
/// those that have an owner of their own, as large ones have.
fn is_unused(value: &Arc<Value>, holders: usize) -> bool {
    Arc::strong_count(value) == holders
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::payload::{Encoding, Payload, Reference};
    use super::store::{Apart, Step};
    use super::*;
    use crate::types::limits::TOLD_AT_ONCE;

    fn payload(len: usize) -> Payload {
        Payload::new(Encoding::Raw, vec![0u8; len])
    }

    #[test]
    fn bytes_are_given_back_when_the_last_handle_goes() {
        let store = ObjectStore::new(10_000);
        let object = store.sealed(store.store(payload(1000)));
        let other = object.clone();
        drop(object);
        assert_eq!((store.used_bytes(), store.live_objects()), (1000 + OBJECT_OVERHEAD_BYTES, 1));
        drop(other);
        assert_eq!((store.used_bytes(), store.live_objects()), (0, 0));
    }

    #[test]
    fn a_full_store_says_so_and_has_room_again_later() {
        let store = ObjectStore::new(1100);
        let held = store.store(payload(800)).unwrap();
        let error = store.store(payload(100)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::ObjectStoreFull);
        assert!(error.message.contains("1100 bytes"), "{error}");
        drop(held);
        assert!(store.store(payload(800)).is_ok());
    }

    #[test]
    fn an_object_keeps_alive_what_it_refers_to() {
        let store = ObjectStore::new(1 << 20);
        let inner = store.sealed(store.store(payload(10)));
        let mut value = payload(1);
        value.references = [Reference::Object(inner)].into();
        let outer = store.sealed(store.store(value));
        assert_eq!(store.live_objects(), 2);
        drop(outer);
        assert_eq!((store.live_objects(), store.used_bytes()), (0, 0));
    }

    #[test]
    fn a_million_nested_objects_are_dropped_without_recursion() {
        let store = ObjectStore::new(1 << 40);
        let mut outer = store.sealed(store.store(payload(0)));
        for _ in 0..1_000_000 {
            let mut value = payload(0);
            value.references = [Reference::Object(outer)].into();
            outer = store.sealed(store.store(value));
        }
        drop(outer);
        assert_eq!((store.live_objects(), store.used_bytes()), (0, 0));
    }

    #[derive(Default)]
    struct Told(AtomicUsize);

    impl Watcher for Told {
        fn sealed(self: Arc<Self>, _failed: bool) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn each_watcher_is_told_once_and_the_first_seal_stays() {
        let store = ObjectStore::new(1 << 20);
        let object = store.promise();
        let (told, gone) = (Arc::new(Told::default()), Arc::new(Told::default()));
        object.watch(told.clone()).unwrap();
        let key = object.watch(gone.clone()).unwrap();
        object.unwatch(&key, &*gone);
        object.seal(store.store(payload(1)), None);
        object.seal(Err(Arc::new(TaskError::new(ErrorKind::Internal, "second"))), None);
        assert_eq!((told.0.load(Ordering::Relaxed), gone.0.load(Ordering::Relaxed)), (1, 0));
        assert!(object.outcome().unwrap().is_ok());
        assert_eq!(object.watch(told).err(), Some(false));
    }

    /// Keeps what is to be done apart.
    #[derive(Default)]
    struct Kept(parking_lot::Mutex<Vec<Step>>);

    impl Apart for Arc<Kept> {
        fn work(&self, step: Step) {
            self.0.lock().push(step);
        }
    }

    #[test]
    fn many_watchers_are_told_in_steps_and_none_is_forgotten() {
        let (store, kept) = (ObjectStore::new(1 << 20), Arc::<Kept>::default());
        store.work_apart_by(Box::new(kept.clone()));
        let (object, told) = (store.promise(), Arc::new(Told::default()));
        for _ in 0..4 * TOLD_AT_ONCE + 1 {
            object.watch(told.clone()).unwrap();
        }
        let count = || told.0.load(Ordering::Relaxed);
        object.seal(store.store(payload(1)), None);
        assert_eq!(count(), TOLD_AT_ONCE);
        let mut step = kept.0.lock().pop().expect("the others are told apart");
        assert!(step());
        assert_eq!(count(), 2 * TOLD_AT_ONCE);
        // The host ends.
        drop(step);
        assert_eq!(count(), 4 * TOLD_AT_ONCE + 1);
    }

    #[test]
    fn errors_that_find_no_room_are_one_object_for_all_guests() {
        let (store, account) = (ObjectStore::new(100), Arc::default());
        let full = || Arc::new(TaskError::new(ErrorKind::ObjectStoreFull, "x".repeat(1000)));
        let [one, other] = [0, 1].map(|_| store.sealed_error(full(), Some(&account)));
        assert_eq!((one.id(), store.live_objects(), store.used_bytes()), (other.id(), 1, 0));
        assert!(one.error().unwrap().message.contains("of 100 bytes, is full"));
        // What the embedder asked for is told to it in full.
        assert_eq!(store.sealed_error(full(), None).error().unwrap().message.len(), 1000);
    }

    #[test]
    fn what_is_charged_is_not_less_than_what_it_takes() {
        use super::payload::Argument;
        use super::stream::Stream;
        use crate::state::actor::ActorRecord;
        use crate::types::limits::*;
        use crate::types::plan::TaskPlan;
        // With what the allocator and the counts of references add to each.
        let takes = |size: usize| size as u64 + 24;
        let (cell, origin) = (takes(size_of::<Cell>()), takes(size_of::<Origin>()));
        assert!(cell + takes(size_of::<Value>()) <= OBJECT_OVERHEAD_BYTES);
        // Of a value that can be spilled, and so a small part of its bytes.
        assert!(takes(size_of::<super::cold::Mark>()) + super::cold::ENTRY_BYTES <= SPILL_BYTES_MIN / 32);
        assert!(cell + origin <= RESULT_BYTES, "{}", cell + origin);
        assert!(takes(size_of::<TaskError>()) + origin <= ERROR_BYTES);
        // Queued with those that are ready, or in a line of its own.
        let place = crate::state::actor::lane::PLACE_BYTES.max(100);
        assert!(takes(size_of::<TaskRecord>()) + place <= TASK_BYTES, "{} + {place}", size_of::<TaskRecord>());
        assert!(takes(size_of::<TaskPlan>()) <= PLAN_BYTES);
        assert!(takes(size_of::<ActorRecord>()) + 200 <= ACTOR_BYTES);
        assert!(takes(size_of::<Stream>()) <= STREAM_BYTES);
        assert!(takes(size_of::<Argument>()) <= ARGUMENT_BYTES);
        assert!(cell + size_of::<super::lineage::Ancestor>() as u64 <= ANCESTOR_BYTES);
    }
}
