//! The account of what the objects of a host take, and who is to make room in it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Condvar;
use slab::Slab;

use super::object::{ObjectRef, Outcome, WeakObjectRef};
use super::payload::{Payload, Value};
use crate::words::error::{ErrorKind, TaskError, TaskResult};
use crate::words::ids::{Counter, ObjectId};
use crate::words::limits::{OBJECT_OVERHEAD_BYTES, SPILL_BYTES_MIN, SPILL_FROM_PERCENT, SPILL_RETRY, SPILL_TO_PERCENT};
use crate::words::sync::{Mutex, rank};

/// The account of all objects of a host.
pub struct ObjectStore {
    limit: u64,
    used: AtomicU64,
    live: AtomicU64,
    ids: Counter,
    /// Where cold objects go; nowhere by default.
    relief: OnceLock<Relieved>,
    /// The objects that can be spilled.
    large: Mutex<Slab<(WeakObjectRef, Arc<Mark>)>, { rank::STORE }>,
    /// Counts the uses of large objects: the greater number is the later one.
    uses: AtomicU64,
    /// Threads that wait for room.
    waiting: AtomicUsize,
    freed: (parking_lot::Mutex<()>, Condvar),
    /// What stands for errors that found no room.
    brief: Mutex<HashMap<ErrorKind, Arc<TaskError>>, { rank::STORE }>,
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
            brief: Mutex::default(),
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
            large.iter().map(|(_, (object, mark))| (mark.used.load(Ordering::Relaxed), object.clone())).collect()
        };
        large.sort_unstable_by_key(|(used, _)| *used);
        large.into_iter().filter_map(|(_, object)| object.upgrade())
    }

    /// Bytes that it holds at most.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Has it somewhere to spill to?
    pub(super) fn spills(&self) -> bool {
        self.relief.get().is_some()
    }

    /// Can a value of this payload be spilled?
    pub(super) fn can_spill(&self, payload: &Payload) -> bool {
        self.spills() && payload.data.len() as u64 >= SPILL_BYTES_MIN
    }

    /// The value, if it is one that can be spilled.
    pub(super) fn to_remember(&self, outcome: &Outcome) -> Option<Arc<Value>> {
        let value = outcome.as_ref().ok()?;
        self.can_spill(value.payload()).then(|| value.clone())
    }

    /// A large value is in the store, as the value of this object.
    pub(super) fn remember(&self, object: &ObjectRef, value: &Value) {
        let mut large = self.large.lock();
        let entry = large.vacant_entry();
        let mark = Arc::new(Mark { place: entry.key(), used: AtomicU64::new(self.next_use()) });
        if value.mark().set(mark.clone()).is_ok() {
            entry.insert((object.downgrade(), mark));
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

    pub(super) fn touch(&self, value: &Value) {
        if let Some(mark) = value.mark().get() {
            mark.used.store(self.next_use(), Ordering::Relaxed);
        }
    }

    /// One more object.
    pub(super) fn begin_object(&self) -> ObjectId {
        self.live.fetch_add(1, Ordering::Relaxed);
        self.ids.next()
    }

    /// One less.
    pub(super) fn end_object(&self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
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

    /// Takes an error in, to seal an object with. One that finds no room loses what it says beyond its kind.
    pub(super) fn take_error(self: &Arc<Self>, error: Arc<TaskError>) -> (Arc<TaskError>, Option<Reservation>) {
        match self.try_reserve(error.text_bytes() + OBJECT_OVERHEAD_BYTES) {
            Ok(reservation) => (error, Some(reservation)),
            Err(_) => {
                (self.brief.lock().entry(error.kind).or_insert_with(|| Arc::new(brief(error.kind))).clone(), None)
            }
        }
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
        if bytes > self.limit {
            return self.reserve(bytes);
        }
        let until = Instant::now() + longest;
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let reserved = loop {
            let (lock, freed) = &self.freed;
            let mut held = lock.lock();
            // What is freed from here on notifies.
            let full = match parking_lot::MutexGuard::unlocked(&mut held, || self.reserve(bytes)) {
                Ok(reservation) => break Ok(reservation),
                Err(full) => full,
            };
            if Instant::now() >= until {
                break Err(full);
            }
            let has_room = self.used_bytes().saturating_add(bytes) <= self.limit;
            if !has_room {
                freed.wait_until(&mut held, until.min(Instant::now() + SPILL_RETRY));
            }
        };
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        reserved
    }

    /// `Err` with the bytes in use.
    pub(super) fn try_reserve(self: &Arc<Self>, bytes: u64) -> Result<Reservation, u64> {
        let grow = |used: u64| used.checked_add(bytes).filter(|total| *total <= self.limit);
        let grown = self.used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, grow);
        grown.map(|_| Reservation { store: self.clone(), bytes })
    }

    fn full(&self, used: u64, bytes: u64) -> TaskError {
        let limit = self.limit;
        let advice = match self.spills() {
            _ if bytes > limit => "not even empty: raise the limit, or make several objects of it",
            true => {
                "and spilling could not help, because all that is there is in use or small: drop references, or raise the limit"
            }
            false => "drop references, raise the limit, or let it spill to a folder",
        };
        let text = format!("the object store holds {used} of {limit} bytes, no room for {bytes} more: {advice}");
        TaskError::new(ErrorKind::ObjectStoreFull, text)
    }

    /// Somebody may have let go of a value that others hold as well: it can be spilled now.
    pub(crate) fn look_again(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            let (lock, freed) = &self.freed;
            drop(lock.lock());
            freed.notify_all();
        }
    }

    /// Somebody may find room now.
    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::SeqCst);
        self.look_again();
    }
}

/// What is left of an error of this kind.
fn brief(kind: ErrorKind) -> TaskError {
    TaskError::new(
        kind,
        "the object store had no room for what else there is to say: drop references, or raise the limit",
    )
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

    /// How many they are.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives a part of it back.
    pub(super) fn give_back(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.store.give_back(bytes);
    }

    /// So many of its bytes, as one of their own.
    pub(crate) fn split(&mut self, bytes: u64) -> Reservation {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Reservation { store: self.store.clone(), bytes }
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
