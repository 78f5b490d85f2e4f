//! The object store: cells that are sealed once, with a value or an error, and counted by the handles to them.
//!
//! There is no table of objects. A handle is the object's address, so that a lookup costs nothing and a forged number
//! leads nowhere; the store itself is the account of what the cells hold.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex, MutexGuard};
use slab::Slab;

use super::payload::{Payload, Value};
use super::spill::{SpillFile, SpillFolder};
use super::task::TaskRecord;
use crate::words::error::{ErrorKind, TaskError, TaskResult};
use crate::words::ids::{Counter, ObjectId};
use crate::words::limits::{OBJECT_OVERHEAD_BYTES, SPILL_BYTES_MIN, SPILL_FROM_PERCENT, SPILL_TO_PERCENT};
use crate::words::receipt::Receipt;

/// What an object was sealed with.
pub type Outcome = TaskResult<Arc<Value>>;

/// The account of all objects of a host.
pub struct ObjectStore {
    limit: u64,
    used: AtomicU64,
    live: AtomicU64,
    ids: Counter,
    /// Where cold objects go; nowhere by default.
    relief: OnceLock<Relieved>,
    /// The objects that can be spilled.
    large: Mutex<Slab<(Weak<Cell>, Arc<Mark>)>>,
    /// Counts the uses of large objects: the greater number is the later one.
    uses: AtomicU64,
    /// Threads that wait for room.
    waiting: AtomicUsize,
    freed: (Mutex<()>, Condvar),
}

struct Relieved {
    relief: Box<dyn Relief>,
    /// Bytes from which on it is asked for relief.
    threshold: u64,
}

/// What makes room in a full store.
pub trait Relief: Send + Sync {
    /// The store is fuller than it should be. Returns at once.
    fn pressed(&self);

    /// Makes room for so many more bytes, as far as that is possible. Takes as long as writing them.
    ///
    /// # Errors
    /// `OutOfDisk`.
    fn make_room(&self, bytes: u64) -> Result<(), TaskError>;
}

/// A large value's place in the store.
#[derive(Debug)]
pub struct Mark {
    place: usize,
    /// When it was used last.
    used: AtomicU64,
}

impl ObjectStore {
    /// A store that holds at most `limit` bytes.
    pub fn new(limit: u64) -> Arc<Self> {
        Arc::new(ObjectStore {
            limit,
            used: AtomicU64::new(0),
            live: AtomicU64::new(0),
            ids: Counter::default(),
            relief: OnceLock::new(),
            large: Mutex::default(),
            uses: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            freed: Default::default(),
        })
    }

    /// Has `relief` asked for room from now on.
    pub fn relieve_by(&self, relief: Box<dyn Relief>) {
        let threshold = self.limit / 100 * SPILL_FROM_PERCENT;
        let _ = self.relief.set(Relieved { relief, threshold });
    }

    /// Bytes that it has to lose before it is as empty as it should be with `bytes` more in it.
    pub fn excess(&self, bytes: u64) -> u64 {
        self.used_bytes().saturating_add(bytes).saturating_sub(self.limit / 100 * SPILL_TO_PERCENT)
    }

    /// The objects that can be spilled, the one that was not used for longest first.
    pub fn coldest(&self) -> impl Iterator<Item = ObjectRef> + use<> {
        let mut large: Vec<_> = {
            let large = self.large.lock();
            large.iter().map(|(_, (cell, mark))| (mark.used.load(Ordering::Relaxed), cell.clone())).collect()
        };
        large.sort_unstable_by_key(|(used, _)| *used);
        large.into_iter().filter_map(|(_, cell)| cell.upgrade().map(ObjectRef))
    }

    /// The value, if it is one that can be spilled.
    fn to_remember(&self, outcome: &Outcome) -> Option<Arc<Value>> {
        self.relief.get()?;
        let value = outcome.as_ref().ok()?;
        (value.payload().data.len() as u64 >= SPILL_BYTES_MIN).then(|| value.clone())
    }

    /// A large value is in the store, as the value of this object.
    fn remember(&self, cell: &Arc<Cell>, value: &Value) {
        let mut large = self.large.lock();
        let entry = large.vacant_entry();
        let mark = Arc::new(Mark { place: entry.key(), used: AtomicU64::new(self.next_use()) });
        if value.mark().set(mark.clone()).is_ok() {
            entry.insert((Arc::downgrade(cell), mark));
        }
    }

    /// The value is gone.
    pub(super) fn forget(&self, mark: &Mark) {
        let gone = self.large.lock().try_remove(mark.place);
        // Outside the lock: the object may be the last thing that this weak handle kept.
        drop(gone);
    }

    fn next_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }

    fn touch(&self, value: &Value) {
        if let Some(mark) = value.mark().get() {
            mark.used.store(self.next_use(), Ordering::Relaxed);
        }
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
        let value = self.to_remember(&outcome);
        let object = self.cell(Slot::Sealed(outcome, None));
        if let Some(value) = value {
            self.remember(&object.0, &value);
        }
        object
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
        match (self.try_reserve(bytes), self.relief.get()) {
            (Ok(reservation), None) => Ok(reservation),
            (Ok(reservation), Some(relieved)) => {
                if self.used_bytes() > relieved.threshold {
                    relieved.relief.pressed();
                }
                Ok(reservation)
            }
            (Err(used), Some(relieved)) if bytes <= self.limit => {
                let made = relieved.relief.make_room(bytes);
                self.try_reserve(bytes).map_err(|_| Arc::new(made.err().unwrap_or_else(|| self.full(used, bytes))))
            }
            (Err(used), _) => Err(Arc::new(self.full(used, bytes))),
        }
    }

    /// The same, and waits until there is room, at most for `longest`.
    ///
    /// # Errors
    /// `ObjectStoreFull` or `OutOfDisk`.
    pub(crate) fn reserve_within(self: &Arc<Self>, bytes: u64, longest: Duration) -> TaskResult<Reservation> {
        let until = Instant::now() + longest;
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let reserved = loop {
            let (lock, freed) = &self.freed;
            let mut held = lock.lock();
            // What is freed from here on notifies.
            let full = match MutexGuard::unlocked(&mut held, || self.reserve(bytes)) {
                Ok(reservation) => break Ok(reservation),
                Err(full) => full,
            };
            let has_room = self.used_bytes().saturating_add(bytes) <= self.limit;
            if !has_room && freed.wait_until(&mut held, until).timed_out() {
                break Err(full);
            }
        };
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        reserved
    }

    /// `Err` with the bytes in use.
    fn try_reserve(self: &Arc<Self>, bytes: u64) -> Result<Reservation, u64> {
        let grow = |used: u64| used.checked_add(bytes).filter(|total| *total <= self.limit);
        let grown = self.used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, grow);
        grown.map(|_| Reservation { store: self.clone(), bytes })
    }

    fn full(&self, used: u64, bytes: u64) -> TaskError {
        let limit = self.limit;
        let text = format!(
            "the object store holds {used} of {limit} bytes, no room for {bytes} more: drop references, or raise the limit"
        );
        TaskError::new(ErrorKind::ObjectStoreFull, text)
    }

    /// Somebody may find room now.
    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            let (lock, freed) = &self.freed;
            drop(lock.lock());
            freed.notify_all();
        }
    }
}

impl fmt::Debug for ObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectStore({} of {} bytes)", self.used_bytes(), self.limit)
    }
}

/// Bytes of the object store that are held; dropping gives them back.
#[derive(Debug)]
pub struct Reservation {
    store: Arc<ObjectStore>,
    bytes: u64,
}

impl Reservation {
    pub(super) fn store(&self) -> &ObjectStore {
        &self.store
    }

    /// Gives a part of it back.
    pub(super) fn give_back(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.store.give_back(bytes);
    }

    /// Takes another one's bytes over.
    pub(super) fn join(&mut self, mut other: Reservation) {
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.store.give_back(self.bytes);
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
    /// Sealed with a value whose bytes are on disk.
    Away(Box<Away>),
}

impl Slot {
    /// What stands there while the lock is held and something moves.
    const PLACEHOLDER: Slot = Slot::Pending { watchers: Watchers::None, producer: Weak::new() };
}

/// A value without its bytes.
struct Away {
    file: Arc<SpillFile>,
    value: Value,
    receipt: Option<Box<Receipt>>,
    /// Who waits for the value.
    watchers: Watchers,
    /// Tells its watchers from those of another time.
    epoch: u32,
    /// Is it being read back?
    coming: bool,
    /// Why it could not be read back for want of room; for one of those who wait.
    refused: Option<Arc<TaskError>>,
}

/// What somebody who wants a value is told.
#[derive(Debug)]
pub enum Wanted {
    /// It is there, or an error is.
    Here,
    /// The watcher will be told.
    Soon(WatchKey),
    /// The same, once somebody has read it back: whoever asked is to see to that.
    ToRead(WatchKey),
}

/// Who watches an object. Nearly all have one watcher, or none, and a million that are pending should not take a table each.
enum Watchers {
    None,
    One(Arc<dyn Watcher>),
    Many(Box<Slab<Arc<dyn Watcher>>>),
}

impl Watchers {
    fn insert(&mut self, watcher: Arc<dyn Watcher>) -> usize {
        match std::mem::replace(self, Watchers::None) {
            Watchers::None => {
                *self = Watchers::One(watcher);
                FIRST
            }
            Watchers::One(first) => {
                let mut many = Box::new(Slab::new());
                // Outside the assertion, which is not there in a release.
                let kept = many.insert(first);
                debug_assert_eq!(kept, FIRST, "its key stays what it was");
                let key = many.insert(watcher);
                *self = Watchers::Many(many);
                key
            }
            Watchers::Many(mut many) => {
                let key = many.insert(watcher);
                *self = Watchers::Many(many);
                key
            }
        }
    }

    fn remove(&mut self, key: usize) {
        match self {
            Watchers::None => {}
            Watchers::One(_) => *self = Watchers::None,
            Watchers::Many(many) => drop(many.try_remove(key)),
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
        !matches!(*self.0.slot.lock(), Slot::Pending { .. })
    }

    /// The receipt of the task that made it, once that has finished.
    pub fn receipt(&self) -> Option<Receipt> {
        match &*self.0.slot.lock() {
            Slot::Sealed(_, receipt) => receipt.as_deref().cloned(),
            Slot::Away(away) => away.receipt.as_deref().cloned(),
            Slot::Pending { .. } => None,
        }
    }

    /// What it was sealed with, if it is and the value is there: one that was spilled has to be [wanted](Self::want) first.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match &mut *self.0.slot.lock() {
            Slot::Sealed(outcome, _) => {
                if let Ok(value) = outcome {
                    self.0.store.touch(value);
                }
                Some(outcome.clone())
            }
            Slot::Away(away) => away.refused.take().map(Err),
            Slot::Pending { .. } => None,
        }
    }

    /// The error that it was sealed with, if it was.
    pub(crate) fn error(&self) -> Option<Arc<TaskError>> {
        match &*self.0.slot.lock() {
            Slot::Sealed(outcome, _) => outcome.as_ref().err().cloned(),
            Slot::Away(_) | Slot::Pending { .. } => None,
        }
    }

    /// Seals it; the first outcome stays.
    pub(crate) fn seal(&self, outcome: Outcome, receipt: Option<Box<Receipt>>) {
        let (failed, value) = (outcome.is_err(), self.0.store.to_remember(&outcome));
        let watchers = {
            let mut slot = self.0.slot.lock();
            match &mut *slot {
                Slot::Sealed(..) | Slot::Away(_) => return,
                Slot::Pending { watchers, .. } => {
                    let watchers = std::mem::replace(watchers, Watchers::None);
                    *slot = Slot::Sealed(outcome, receipt);
                    watchers
                }
            }
        };
        if let Some(value) = value {
            self.0.store.remember(&self.0, &value);
        }
        // Outside the lock: a watcher may ask the object for its outcome.
        watchers.tell(failed);
    }

    /// Has `watcher` told when the object is sealed. `Err` says that it is already, and whether it failed.
    pub(crate) fn watch(&self, watcher: Arc<dyn Watcher>) -> Result<WatchKey, bool> {
        match &mut *self.0.slot.lock() {
            Slot::Pending { watchers, .. } => Ok(WatchKey { key: watchers.insert(watcher), epoch: PENDING }),
            Slot::Sealed(outcome, _) => Err(outcome.is_err()),
            Slot::Away(_) => Err(false),
        }
    }

    /// Has `watcher` told when the value is there.
    pub(crate) fn want(&self, watcher: Arc<dyn Watcher>) -> Wanted {
        match &mut *self.0.slot.lock() {
            Slot::Pending { watchers, .. } => Wanted::Soon(WatchKey { key: watchers.insert(watcher), epoch: PENDING }),
            Slot::Sealed(..) => Wanted::Here,
            Slot::Away(away) => {
                let key = WatchKey { key: away.watchers.insert(watcher), epoch: away.epoch };
                if std::mem::replace(&mut away.coming, true) { Wanted::Soon(key) } else { Wanted::ToRead(key) }
            }
        }
    }

    /// Tells the watcher of this key nothing any more.
    pub(crate) fn unwatch(&self, WatchKey { key, epoch }: WatchKey) {
        match &mut *self.0.slot.lock() {
            Slot::Pending { watchers, .. } if epoch == PENDING => watchers.remove(key),
            Slot::Away(away) if epoch == away.epoch => away.watchers.remove(key),
            _ => {}
        }
    }

    /// Moves the bytes to disk, unless somebody uses them. Gives how many bytes of memory that freed.
    ///
    /// # Errors
    /// `OutOfDisk`.
    pub(crate) fn put_away(&self, folder: &Arc<SpillFolder>) -> Result<u64, TaskError> {
        let value = match &*self.0.slot.lock() {
            Slot::Sealed(Ok(value), _) if is_unused(value, 1) => value.clone(),
            _ => return Ok(0),
        };
        let file = Arc::new(folder.write(&value.payload().data)?);
        Ok(self.leave(value, file))
    }

    /// The second half: leaves the bytes to the file, unless somebody has begun to use them meanwhile.
    fn leave(&self, value: Arc<Value>, file: Arc<SpillFile>) -> u64 {
        let mut slot = self.0.slot.lock();
        let Slot::Sealed(Ok(held), receipt) = &mut *slot else {
            return 0;
        };
        if !Arc::ptr_eq(held, &value) || !is_unused(&value, 2) {
            return 0;
        }
        let receipt = receipt.take();
        *slot = Slot::PLACEHOLDER;
        // The lock is held, and no other handle was there: this is the last one.
        match Arc::try_unwrap(value) {
            Ok(mut value) => {
                let freed = value.hollow();
                let epoch = self.0.store.next_use() as u32 | 1;
                let (watchers, coming, refused) = (Watchers::None, false, None);
                *slot = Slot::Away(Box::new(Away { file, value, receipt, watchers, epoch, coming, refused }));
                freed
            }
            Err(value) => {
                *slot = Slot::Sealed(Ok(value), receipt);
                0
            }
        }
    }

    /// The file that its bytes are in.
    pub(crate) fn file(&self) -> Option<Arc<SpillFile>> {
        match &*self.0.slot.lock() {
            Slot::Away(away) => Some(away.file.clone()),
            Slot::Pending { .. } | Slot::Sealed(..) => None,
        }
    }

    /// The bytes that were spilled are back, or are lost.
    pub(crate) fn come_back(&self, read: TaskResult<(Bytes, Reservation)>) {
        let mut slot = self.0.slot.lock();
        let away = match std::mem::replace(&mut *slot, Slot::PLACEHOLDER) {
            Slot::Away(away) => *away,
            other => {
                *slot = other;
                return;
            }
        };
        let Away { file, mut value, receipt, watchers, .. } = away;
        let failed = read.is_err();
        let outcome = read.map(|(data, room)| {
            value.fill(data, room);
            Arc::new(value)
        });
        let value = self.0.store.to_remember(&outcome);
        *slot = Slot::Sealed(outcome, receipt);
        drop(slot);
        if let Some(value) = value {
            self.0.store.remember(&self.0, &value);
        }
        drop(file);
        watchers.tell(failed);
    }

    /// There is no room to read it back. It stays where it is, and who waits for it now is told why.
    pub(crate) fn stay_away(&self, why: Arc<TaskError>) {
        let watchers = match &mut *self.0.slot.lock() {
            Slot::Away(away) => {
                away.coming = false;
                away.refused = Some(why);
                std::mem::replace(&mut away.watchers, Watchers::None)
            }
            Slot::Pending { .. } | Slot::Sealed(..) => return,
        };
        watchers.tell(false);
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
            Slot::Sealed(..) | Slot::Away(_) => None,
        }
    }
}

impl fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectRef({})", self.0.id)
    }
}

/// Does nobody hold the value, beside these, or its bytes?
fn is_unused(value: &Arc<Value>, holders: usize) -> bool {
    Arc::strong_count(value) == holders && value.payload().data.is_unique()
}

/// Where a watcher stands in an object's list.
#[derive(Debug)]
pub struct WatchKey {
    key: usize,
    epoch: u32,
}

/// The time before an object is sealed. Those in which it is spilled have odd numbers.
const PENDING: u32 = 0;

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
