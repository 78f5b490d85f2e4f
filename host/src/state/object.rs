//! The object store: cells that are sealed once, with a value or an error, and counted by the handles to them.
//!
//! There is no table of objects. A handle is the object's address, so that a lookup costs nothing and a forged number
//! leads nowhere; the store itself is the account of what the cells hold.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use slab::Slab;

use super::payload::{Payload, Value};
use super::task::TaskRecord;
use crate::words::error::{ErrorKind, TaskError, TaskResult};
use crate::words::ids::{Counter, ObjectId};
use crate::words::limits::OBJECT_OVERHEAD_BYTES;
use crate::words::receipt::Receipt;

/// What an object was sealed with.
pub type Outcome = TaskResult<Arc<Value>>;

/// The account of all objects of a host.
#[derive(Debug)]
pub struct ObjectStore {
    limit: u64,
    used: AtomicU64,
    live: AtomicU64,
    ids: Counter,
}

impl ObjectStore {
    /// A store that holds at most `limit` bytes.
    pub fn new(limit: u64) -> Arc<Self> {
        Arc::new(ObjectStore { limit, used: AtomicU64::new(0), live: AtomicU64::new(0), ids: Counter::default() })
    }

    /// Bytes in use.
    pub fn used_bytes(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Objects that somebody holds.
    pub fn live_objects(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    /// Takes a payload in, to seal an object with.
    ///
    /// # Errors
    /// `ObjectStoreFull`, which names the limit.
    pub fn store(self: &Arc<Self>, payload: Payload) -> TaskResult<Arc<Value>> {
        let reservation = self.reserve(payload.stored_bytes() + OBJECT_OVERHEAD_BYTES)?;
        Ok(Value::new(payload, reservation))
    }

    /// An object that nobody has sealed yet.
    pub fn promise(self: &Arc<Self>) -> ObjectRef {
        self.cell(Slot::Pending { watchers: Watchers::None, producer: Weak::new() })
    }

    /// An object with this outcome.
    pub fn sealed(self: &Arc<Self>, outcome: Outcome) -> ObjectRef {
        self.cell(Slot::Sealed(outcome, None))
    }

    fn cell(self: &Arc<Self>, slot: Slot) -> ObjectRef {
        self.live.fetch_add(1, Ordering::Relaxed);
        ObjectRef(Arc::new(Cell { id: self.ids.next(), slot: Mutex::new(slot), store: self.clone() }))
    }

    /// Charges bytes to the store, until the reservation is dropped.
    ///
    /// # Errors
    /// `ObjectStoreFull`, which names the limit.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: u64) -> TaskResult<Reservation> {
        let grow = |used: u64| used.checked_add(bytes).filter(|total| *total <= self.limit);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow) {
            Ok(_) => Ok(Reservation { store: self.clone(), bytes }),
            Err(used) => Err(Arc::new(TaskError::new(
                ErrorKind::ObjectStoreFull,
                format!(
                    "the object store holds {used} of {} bytes, no room for {bytes} more: drop references, or raise the limit",
                    self.limit
                ),
            ))),
        }
    }
}

/// Bytes of the object store that are held; dropping gives them back.
#[derive(Debug)]
pub struct Reservation {
    store: Arc<ObjectStore>,
    bytes: u64,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.store.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Told when an object that it watches is sealed.
pub trait Watcher: Send + Sync {
    /// The object has its outcome; `failed` says which.
    fn sealed(self: Arc<Self>, failed: bool);
}

/// A counted reference to an object. A clone counts as one more; the last one that is dropped frees the object.
#[derive(Clone)]
pub struct ObjectRef(Arc<Cell>);

struct Cell {
    id: ObjectId,
    slot: Mutex<Slot>,
    store: Arc<ObjectStore>,
}

enum Slot {
    Pending {
        /// Whoever is to be told.
        watchers: Watchers,
        /// The task that will seal it, for whoever wants to cancel it.
        producer: Weak<TaskRecord>,
    },
    Sealed(Outcome, Option<Box<Receipt>>),
}

/// Who watches an object. Nearly all have one watcher, or none, and a million that are pending should not take a table each.
enum Watchers {
    None,
    One(Arc<dyn Watcher>),
    Many(Box<Slab<Arc<dyn Watcher>>>),
}

impl Watchers {
    fn insert(&mut self, watcher: Arc<dyn Watcher>) -> WatchKey {
        match std::mem::replace(self, Watchers::None) {
            Watchers::None => {
                *self = Watchers::One(watcher);
                WatchKey(FIRST)
            }
            Watchers::One(first) => {
                let mut many = Box::new(Slab::new());
                debug_assert_eq!(many.insert(first), FIRST, "its key stays what it was");
                let key = many.insert(watcher);
                *self = Watchers::Many(many);
                WatchKey(key)
            }
            Watchers::Many(mut many) => {
                let key = many.insert(watcher);
                *self = Watchers::Many(many);
                WatchKey(key)
            }
        }
    }

    fn remove(&mut self, key: WatchKey) {
        match self {
            Watchers::None => {}
            Watchers::One(_) => *self = Watchers::None,
            Watchers::Many(many) => drop(many.try_remove(key.0)),
        }
    }

    fn tell(self, failed: bool) {
        match self {
            Watchers::None => {}
            Watchers::One(watcher) => watcher.sealed(failed),
            Watchers::Many(many) => many.into_iter().for_each(|(_, watcher)| watcher.sealed(failed)),
        }
    }
}

/// The key of the first watcher.
const FIRST: usize = 0;

impl Drop for Cell {
    fn drop(&mut self) {
        self.store.live.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ObjectRef {
    /// The object's number.
    pub fn id(&self) -> ObjectId {
        self.0.id
    }

    /// Has it a value or an error?
    pub fn is_ready(&self) -> bool {
        matches!(*self.0.slot.lock(), Slot::Sealed(..))
    }

    /// The receipt of the task that made it, once that has finished.
    pub fn receipt(&self) -> Option<Receipt> {
        match &*self.0.slot.lock() {
            Slot::Sealed(_, receipt) => receipt.as_deref().cloned(),
            Slot::Pending { .. } => None,
        }
    }

    /// What it was sealed with, if it is.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match &*self.0.slot.lock() {
            Slot::Sealed(outcome, _) => Some(outcome.clone()),
            Slot::Pending { .. } => None,
        }
    }

    /// Seals it; the first outcome stays.
    pub(crate) fn seal(&self, outcome: Outcome, receipt: Option<Box<Receipt>>) {
        let failed = outcome.is_err();
        let watchers = {
            let mut slot = self.0.slot.lock();
            match &mut *slot {
                Slot::Sealed(..) => return,
                Slot::Pending { watchers, .. } => {
                    let watchers = std::mem::replace(watchers, Watchers::None);
                    *slot = Slot::Sealed(outcome, receipt);
                    watchers
                }
            }
        };
        // Outside the lock: a watcher may ask the object for its outcome.
        watchers.tell(failed);
    }

    /// Has `watcher` told when the object is sealed. `Err` says that it is already, and whether it failed.
    pub(crate) fn watch(&self, watcher: Arc<dyn Watcher>) -> Result<WatchKey, bool> {
        match &mut *self.0.slot.lock() {
            Slot::Pending { watchers, .. } => Ok(watchers.insert(watcher)),
            Slot::Sealed(outcome, _) => Err(outcome.is_err()),
        }
    }

    /// Tells the watcher of this key nothing any more.
    pub(crate) fn unwatch(&self, key: WatchKey) {
        if let Slot::Pending { watchers, .. } = &mut *self.0.slot.lock() {
            watchers.remove(key);
        }
    }

    pub(crate) fn set_producer(&self, task: &Arc<TaskRecord>) {
        if let Slot::Pending { producer, .. } = &mut *self.0.slot.lock() {
            *producer = Arc::downgrade(task);
        }
    }

    /// The task that will seal it; `None` if it is sealed, or was never a task's.
    pub(crate) fn producer(&self) -> Option<Arc<TaskRecord>> {
        match &*self.0.slot.lock() {
            Slot::Pending { producer, .. } => producer.upgrade(),
            Slot::Sealed(..) => None,
        }
    }
}

impl fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectRef({})", self.0.id)
    }
}

/// Where a watcher stands in an object's list.
#[derive(Debug)]
pub struct WatchKey(usize);

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::state::payload::{Encoding, Reference};

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
        let store = ObjectStore::new(1000);
        let held = store.store(payload(800)).unwrap();
        let error = store.store(payload(100)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::ObjectStoreFull);
        assert!(error.message.contains("1000 bytes"), "{error}");
        drop(held);
        assert!(store.store(payload(800)).is_ok());
    }

    #[test]
    fn an_object_keeps_alive_what_it_refers_to() {
        let store = ObjectStore::new(1 << 20);
        let inner = store.sealed(store.store(payload(10)));
        let mut value = payload(1);
        value.references.push(Reference::Object(inner));
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
            value.references.push(Reference::Object(outer));
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
        object.unwatch(key);
        object.seal(store.store(payload(1)), None);
        object.seal(Err(Arc::new(TaskError::new(ErrorKind::Internal, "second"))), None);
        assert_eq!((told.0.load(Ordering::Relaxed), gone.0.load(Ordering::Relaxed)), (1, 0));
        assert!(object.outcome().unwrap().is_ok());
        assert_eq!(object.watch(told).err(), Some(false));
    }
}
