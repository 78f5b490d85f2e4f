//! Pressure on the object store: cold objects are written to disk.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::Instant;

use bytes::Bytes;

use super::observers::Observers;
use crate::state::object::ObjectRef;
use crate::state::object::cold::Walk;
use crate::state::object::gathering::Gatherings;
use crate::state::object::store::{Evictor, ObjectStore};
use crate::storage::spill::SpillFolder;
use crate::types::error::TaskError;
use crate::types::limits::{FUTILE_WALK_REST, SPILL_RETRY};
use crate::types::sync::{Mutex, rank};
use crate::types::voice::Voice;

/// Moves cold objects to a folder, in the background before the store is full, and at once when it is.
pub(super) struct Spiller {
    pub(super) folder: Arc<SpillFolder>,
    pub(super) store: Weak<ObjectStore>,
    pub(super) line: Arc<Gatherings>,
    /// One writes at a time: two would take what the other has made room for.
    pub(super) writing: Mutex<(), { rank::SPILLING }>,
    futile: Mutex<Option<Futile>, { rank::STORE }>,
    /// Was it said that the disk takes no more, since it last refused nothing?
    pub(super) complained: AtomicBool,
    pub(super) voice: Voice,
}

/// A walk over all cold objects of which none could be spilled: the same would come of another one at once.
struct Futile {
    /// When it is worth another one.
    until: Instant,
    /// How many objects that can be spilled there ever were.
    added: u64,
    why: Option<TaskError>,
}

impl Spiller {
    pub fn new(folder: Arc<SpillFolder>, store: &Arc<ObjectStore>, observers: &Observers) -> Self {
        let (store, line) = (Arc::downgrade(store), store.gatherings().clone());
        let littered = line.clone();
        folder.leave_to(move || littered.litter());
        Spiller {
            folder,
            store,
            line,
            writing: Mutex::new(()),
            futile: Mutex::new(None),
            complained: AtomicBool::new(false),
            voice: observers.voice(),
        }
    }

    /// Bytes that are on disk.
    pub fn used_bytes(&self) -> u64 {
        self.folder.used_bytes()
    }

    /// Spills the next object of the walk, unless somebody uses it. What was freed is put with `left`, for where no lock is held.
    /// Gives how much it was; `None` at the end.
    ///
    /// # Errors
    /// `OutOfDisk`.
    fn spill_next(&self, walk: &mut Walk<'_>, left: &mut Vec<(ObjectRef, Bytes)>) -> Option<Result<u64, TaskError>> {
        let object = walk.next()?;
        let freed = object.put_away(&self.folder);
        let bytes = freed.as_ref().map(|bytes| bytes.len() as u64).map_err(TaskError::clone);
        // Whoever else held it may be gone by now.
        left.push((object, freed.unwrap_or_default()));
        Some(bytes)
    }

    /// Spills as few objects as it takes until it is `enough`, the coldest first. False where all that can be spilled is not
    /// enough, with the reason where that is the disk.
    pub(super) fn spill_until(
        &self,
        store: &ObjectStore,
        left: &mut Vec<(ObjectRef, Bytes)>,
        mut enough: impl FnMut(&mut Vec<(ObjectRef, Bytes)>) -> bool,
    ) -> (bool, Option<TaskError>) {
        if enough(left) {
            return (true, None);
        }
        let (began, added) = (Instant::now(), store.spillable_added());
        if let Some(futile) = &*self.futile.lock()
            && futile.until > began
            && futile.added == added
        {
            return (false, futile.why.clone());
        }
        let (mut walk, mut spilled, mut refused) = (store.coldest(), 0, None);
        while let Some(freed) = self.spill_next(&mut walk, left) {
            // A smaller one may find room on the disk yet.
            spilled += freed.map_err(|error| refused.get_or_insert(error)).unwrap_or_default();
            if enough(left) {
                return (true, None);
            }
        }
        if spilled == 0 {
            let rest = (began.elapsed() * FUTILE_WALK_REST).min(SPILL_RETRY);
            let futile = Futile { until: Instant::now() + rest, added, why: refused.clone() };
            let before = self.futile.lock().replace(futile);
            drop(before);
        }
        (false, refused)
    }
}

impl Evictor for Arc<Spiller> {
    fn above_watermark(&self) {
        self.line.evict_soon();
    }

    fn make_room(&self, taken: &mut dyn FnMut() -> bool) -> Result<(), TaskError> {
        let Some(store) = self.store.upgrade() else { return Ok(()) };
        let mut left = Vec::new();
        let writing = self.writing.lock();
        // Others take what is freed before it can be.
        let (_, refused) = self.spill_until(&store, &mut left, |_| taken());
        drop(writing);
        drop(left);
        refused.map_or(Ok(()), Err)
    }
}
