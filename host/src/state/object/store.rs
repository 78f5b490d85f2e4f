//! The account of what the objects of a host take, and who is to make room in it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::cold::{ColdOrder, Mark, Walk};
use super::cycles::Cycles;
use super::gathering::{Claimant, Gatherings};
use super::payload::{Payload, Value};
use super::{ObjectRef, Outcome, WeakObjectRef};
use crate::types::account::Account;
use crate::types::error::{ErrorKind, TaskError, TaskResult};
use crate::types::ids::{Counter, ObjectId};
use crate::types::limits::{
    COLLECT_FROM_PERCENT, COLLECTION_HELP, OBJECT_OVERHEAD_BYTES, ROOM_PATIENCE, SPILL_BYTES_MIN, SPILL_FROM_PERCENT,
    SPILL_TO_PERCENT,
};
use crate::types::panics::Finally;
use crate::types::sync::{Mutex, rank};

/// From this size on what is stored stands back behind those that make room: smaller ones take nothing from them that counts.
const LARGE: u64 = 64 << 10;

/// The account of all objects of a host.
pub struct ObjectStore {
    limit: u64,
    used: AtomicU64,
    live: AtomicU64,
    ids: Counter,
    /// Where cold objects go; nowhere by default.
    watermark: OnceLock<Watermark>,
    /// The objects that can be spilled.
    cold: ColdOrder,
    /// Threads that make room.
    making_room: AtomicUsize,
    gatherings: Arc<Gatherings>,
    /// What stands for errors that found no room.
    brief: Mutex<HashMap<ErrorKind, Arc<TaskError>>, { rank::STORE }>,
    /// Objects of those, while somebody holds them.
    brief_objects: Mutex<HashMap<ErrorKind, WeakObjectRef>, { rank::STORE }>,
    cycles: Cycles,
    /// Does what would take those long who use the store; they do it themselves by default.
    apart: OnceLock<Box<dyn Apart>>,
    /// Bytes from which on cycles are looked for.
    crowded: u64,
}

struct Watermark {
    evictor: Box<dyn Evictor>,
    /// Bytes from which on it is asked for room.
    high: u64,
}

/// What makes room in a full store.
pub trait Evictor: Send + Sync {
    /// The store is fuller than it should be. Returns at once.
    fn above_watermark(&self);

    /// Makes room until what is needed is `taken`, which says whether it is, or nothing is left that can be spilled. Takes as long as
    /// writing that.
    ///
    /// # Errors
    /// `OutOfDisk`.
    fn make_room(&self, taken: &mut dyn FnMut() -> bool) -> Result<(), TaskError>;
}

/// A part of what takes long; true if another is to follow.
pub type Step = Box<dyn FnMut() -> bool + Send>;

/// Does what takes long, step by step, on threads that hold no lock and that nobody waits for.
pub trait Apart: Send + Sync {
    /// Calls `step` until that is false, in turn with others, or drops it at the end of the host. Returns at once.
    fn work(&self, step: Step);
}

impl ObjectStore {
    /// A store that holds at most `limit` bytes.
    pub fn new(limit: u64) -> Arc<Self> {
        Arc::new(ObjectStore {
            limit,
            used: AtomicU64::new(0),
            live: AtomicU64::new(0),
            ids: Counter::default(),
            watermark: OnceLock::new(),
            cold: ColdOrder::default(),
            making_room: AtomicUsize::new(0),
            gatherings: Arc::default(),
            brief: Mutex::default(),
            brief_objects: Mutex::default(),
            cycles: Cycles::default(),
            apart: OnceLock::new(),
            crowded: limit / 100 * COLLECT_FROM_PERCENT,
        })
    }

    /// Has `evictor` asked for room from now on.
    pub fn evict_by(&self, evictor: Box<dyn Evictor>) {
        let threshold = self.limit / 100 * SPILL_FROM_PERCENT;
        let _ = self.watermark.set(Watermark { evictor, high: threshold });
    }

    /// Has `apart` do what takes long, from now on.
    pub fn work_apart_by(&self, apart: Box<dyn Apart>) {
        let _ = self.apart.set(apart);
    }

    /// Does anybody?
    pub(super) fn works_apart(&self) -> bool {
        self.apart.get().is_some()
    }

    /// Has this done where nobody waits for it.
    pub(super) fn work_apart(&self, mut step: Step) {
        match self.apart.get() {
            Some(apart) => apart.work(step),
            None => while step() {},
        }
    }

    /// Bytes that it has to lose before it is as empty as it should be.
    pub fn excess(&self) -> u64 {
        self.used_bytes().saturating_sub(self.limit / 100 * SPILL_TO_PERCENT)
    }

    /// The objects that can be spilled, the one that was not used for longest first.
    pub fn coldest(&self) -> Walk<'_> {
        self.cold.walk()
    }

    /// How many objects that can be spilled it ever had.
    pub fn spillable_added(&self) -> u64 {
        self.cold.added()
    }

    /// Bytes that it holds at most.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Has it somewhere to spill to?
    pub(in crate::state) fn spills(&self) -> bool {
        self.watermark.get().is_some()
    }

    /// Can a value of this payload be spilled?
    pub(super) fn can_spill(&self, payload: &Payload) -> bool {
        self.spills() && payload.data.len() as u64 >= SPILL_BYTES_MIN
    }

    /// The value, if it is one that can be spilled, or refers to objects.
    pub(super) fn to_remember(&self, outcome: &Outcome) -> Option<Arc<Value>> {
        let value = outcome.as_ref().ok()?;
        (self.can_spill(value.payload()) || value.payload().has_objects()).then(|| value.clone())
    }

    /// The store has this value, as that of this object.
    pub(super) fn remember(&self, object: &ObjectRef, value: Arc<Value>) {
        if value.payload().has_objects() {
            self.cycles.add(object, &value);
        }
        if self.can_spill(value.payload()) {
            self.remember_large(object, value);
        }
    }

    /// A large value is in the store, as the value of this object.
    pub(super) fn remember_large(&self, object: &ObjectRef, value: Arc<Value>) {
        self.cold.add(object.downgrade(), |mark| value.mark().set(mark).is_ok());
        // Whoever comes for it now finds it in use no more by this.
        drop(value);
        self.cold.count_one();
        self.gatherings.came();
    }

    /// The value is gone.
    pub(super) fn forget(&self, mark: &Mark) {
        self.cold.remove(mark);
    }

    pub(super) fn touch(&self, value: &Value) {
        if let Some(mark) = value.mark().get() {
            self.cold.touch(mark);
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

    /// Takes a payload in, to seal an object with, where there is room at once.
    ///
    /// # Errors
    /// `ObjectStoreFull`, which names the limit.
    #[cfg(test)]
    pub fn store(self: &Arc<Self>, payload: Payload) -> TaskResult<Arc<Value>> {
        let reservation = self.reserve_at_once(payload.stored_bytes() + OBJECT_OVERHEAD_BYTES)?;
        Ok(Value::new(payload, reservation))
    }

    /// The same, and waits for room on this thread: for an embedder's own.
    ///
    /// # Errors
    /// `ObjectStoreFull`, which names the limit, or `OutOfDisk`.
    pub fn store_here(self: &Arc<Self>, payload: Payload) -> TaskResult<Arc<Value>> {
        let reservation = self.reserve_here(payload.stored_bytes() + OBJECT_OVERHEAD_BYTES)?;
        Ok(Value::new(payload, reservation))
    }

    /// A value that says no more than that it is there. Where there is no room it is the host's own: there is one for each actor, move
    /// or stream at most.
    pub fn token(self: &Arc<Self>, payload: Payload) -> Arc<Value> {
        let room = self.try_reserve(payload.stored_bytes() + OBJECT_OVERHEAD_BYTES);
        Value::new(payload, room.unwrap_or_else(|_| self.nothing()))
    }

    /// Takes an error in, to seal an object with. One that finds no room loses what it says beyond its kind.
    pub(super) fn take_error(
        self: &Arc<Self>,
        error: Arc<TaskError>,
        account: Option<&Arc<Account>>,
    ) -> (Arc<TaskError>, Option<Reservation>) {
        match self.try_reserve(error.kept_bytes()) {
            Ok(reservation) => (error, Some(reservation.on_if(account))),
            Err(_) => (self.brief(error.kind), None),
        }
    }

    /// What stands for errors of this kind that found no room.
    pub(super) fn brief(&self, kind: ErrorKind) -> Arc<TaskError> {
        self.brief.lock().entry(kind).or_insert_with(|| Arc::new(brief(kind, self.limit))).clone()
    }

    /// The object of an error that found no room, the same for all of a kind: a million of them take no more than one.
    pub(super) fn brief_object(self: &Arc<Self>, kind: ErrorKind) -> ObjectRef {
        let held = self.brief_objects.lock().get(&kind).cloned();
        if let Some(object) = held.and_then(|object| object.upgrade()) {
            return object;
        }
        let object = self.failed(self.brief(kind));
        let before = self.brief_objects.lock().insert(kind, object.downgrade());
        drop(before);
        object
    }

    /// Charges bytes to the store, until the reservation is dropped: at once, of what is free, or not at all. Nobody passes who waits for
    /// as little.
    ///
    /// # Errors
    /// `ObjectStoreFull`, which names the limit.
    pub(crate) fn reserve_at_once(self: &Arc<Self>, bytes: u64) -> TaskResult<Reservation> {
        let Some(watermark) = self.watermark.get() else {
            return self.reserve_or_collect(bytes);
        };
        // A large one does not take what others have made room for, which takes them as long as a disk does.
        let passes = bytes < LARGE || self.making_room.load(Ordering::SeqCst) == 0;
        let reserved = match passes && self.gatherings.lets_pass(bytes) {
            true => self.try_reserve(bytes),
            false => Err(self.used_bytes()),
        };
        if self.used_bytes() > watermark.high {
            watermark.evictor.above_watermark();
        }
        reserved.map_err(|used| Arc::new(self.full(used, bytes)))
    }

    /// The same, and waits for room on this thread, as long as [`ROOM_PATIENCE`]: for an embedder's own.
    ///
    /// # Errors
    /// `ObjectStoreFull`, which names the limit, or `OutOfDisk`.
    pub(crate) fn reserve_here(self: &Arc<Self>, bytes: u64) -> TaskResult<Reservation> {
        match self.reserve_at_once(bytes) {
            Err(full) if self.may_come(bytes, &full) => self.wait_here(bytes, full),
            reserved => reserved,
        }
    }

    /// Waits for room on this thread; it was not there for this reason.
    ///
    /// # Errors
    /// `ObjectStoreFull`, which names the limit, or `OutOfDisk`.
    pub(crate) fn wait_here(self: &Arc<Self>, bytes: u64, full: Arc<TaskError>) -> TaskResult<Reservation> {
        let waiting = self.gatherings.join(Vec::new(), bytes, Claimant::default()).unless(full);
        let waiting = waiting.refused_at(Instant::now() + ROOM_PATIENCE);
        waiting.wait_here();
        waiting.take_room()
    }

    /// Will there be room for so many bytes when others let go of what they use, or disks are emptier?
    pub(crate) fn may_come(&self, bytes: u64, full: &TaskError) -> bool {
        self.spills() && bytes <= self.limit && full.kind == ErrorKind::ObjectStoreFull
    }

    /// The same, for a thread that may write to disk what makes room.
    ///
    /// # Errors
    /// `ObjectStoreFull`, which names the limit, or `OutOfDisk`.
    pub(crate) fn reserve_now(self: &Arc<Self>, bytes: u64) -> TaskResult<Reservation> {
        let Some(watermark) = self.watermark.get().filter(|_| bytes <= self.limit) else {
            return self.reserve_free(bytes);
        };
        // Who makes room already comes first: that takes as long as a disk does.
        if self.making_room.load(Ordering::SeqCst) == 0
            && let Ok(reservation) = self.try_reserve(bytes)
        {
            return Ok(reservation);
        }
        let used = self.used_bytes();
        let mut reservation = None;
        self.making_room.fetch_add(1, Ordering::SeqCst);
        let over = Finally::new(|| {
            self.making_room.fetch_sub(1, Ordering::SeqCst);
        });
        let made = watermark.evictor.make_room(&mut || {
            reservation = self.try_reserve(bytes).ok();
            reservation.is_some()
        });
        drop(over);
        reservation.ok_or_else(|| Arc::new(made.err().unwrap_or_else(|| self.full(used, bytes))))
    }

    /// The same, where nothing can be spilled: whoever finds it full helps with the collection that is under way, which has begun before some
    /// was let go that is garbage now, and with the one after it. It is done in a call of the host, and so is bounded.
    fn reserve_or_collect(self: &Arc<Self>, bytes: u64) -> TaskResult<Reservation> {
        let (mut reserved, mut steps) = (self.reserve_free(bytes), COLLECTION_HELP);
        for _ in 0..2 {
            if reserved.is_ok() || bytes > self.limit || !self.help_to_collect(&mut steps) {
                break;
            }
            reserved = self.reserve_free(bytes);
        }
        reserved
    }

    /// The same, of what is free already.
    ///
    /// # Errors
    /// `ObjectStoreFull`, which names the limit.
    pub(crate) fn reserve_free(self: &Arc<Self>, bytes: u64) -> TaskResult<Reservation> {
        self.try_reserve(bytes).map_err(|used| Arc::new(self.full(used, bytes)))
    }

    /// The values that refer to objects.
    pub(super) fn cycles(&self) -> &Cycles {
        &self.cycles
    }

    /// Those who wait for room, and for what was spilled.
    pub(crate) fn gatherings(&self) -> &Arc<Gatherings> {
        &self.gatherings
    }

    /// Nothing of it.
    pub(crate) fn nothing(self: &Arc<Self>) -> Reservation {
        Reservation { store: self.clone(), account: None, bytes: 0 }
    }

    /// `Err` with the bytes in use.
    pub(super) fn try_reserve(self: &Arc<Self>, bytes: u64) -> Result<Reservation, u64> {
        let grow = |used: u64| used.checked_add(bytes).filter(|total| *total <= self.limit);
        let grown = self.used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, grow);
        if grown.map_or(true, |before| before + bytes > self.crowded) {
            self.collect_if_worthwhile(grown.is_err());
        }
        grown.map(|_| Reservation { store: self.clone(), account: None, bytes })
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
        self.gatherings.loosened();
    }

    /// Somebody may find room now.
    fn give_back(&self, bytes: u64) {
        let before = self.used.fetch_sub(bytes, Ordering::SeqCst);
        self.gatherings.freed(before - bytes, self.limit);
    }
}

/// What is left of an error of this kind.
fn brief(kind: ErrorKind, limit: u64) -> TaskError {
    let advice = "drop references, or raise the limit";
    let text = match kind {
        ErrorKind::ObjectStoreFull => format!("the object store, of {limit} bytes, is full: {advice}"),
        _ => format!("the object store, of {limit} bytes, had no room for what else there is to say: {advice}"),
    };
    TaskError::new(kind, text)
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
    /// Whose they are; none of room that nobody has used yet, and of what is the embedder's and the host's own.
    account: Option<Arc<Account>>,
    bytes: u64,
}

impl Reservation {
    pub(super) fn store(&self) -> &Arc<ObjectStore> {
        &self.store
    }

    /// Whose they are.
    pub(super) fn account(&self) -> Option<&Arc<Account>> {
        self.account.as_ref()
    }

    /// The same on this account.
    pub(crate) fn on(self, account: &Arc<Account>) -> Self {
        self.on_if(Some(account))
    }

    /// The same on this account, if there is one.
    pub(crate) fn on_if(mut self, account: Option<&Arc<Account>>) -> Self {
        self.count(|account, bytes| account.take(bytes));
        self.account = account.cloned();
        self.count(|account, bytes| account.add(bytes));
        self
    }

    fn count(&self, count: impl FnOnce(&Account, u64)) {
        if let Some(account) = &self.account {
            count(account, self.bytes);
        }
    }

    /// How many they are.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives a part of it back.
    pub(super) fn give_back(&mut self, bytes: u64) {
        drop(self.split(bytes));
    }

    /// So many of its bytes, as one of their own.
    pub(crate) fn split(&mut self, bytes: u64) -> Reservation {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Reservation { store: self.store.clone(), account: self.account.clone(), bytes }
    }

    /// Takes another one's bytes over, for its own account.
    pub(super) fn join(&mut self, other: Reservation) {
        let mut other = other.on_if(self.account.as_ref());
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.count(|account, bytes| account.take(bytes));
            self.store.give_back(self.bytes);
        }
    }
}
