//! The values that can be spilled, in the order in which they were used.
//!
//! To use a value is an atomic store, and says nothing to the order: an entry stands where its value was used when it was put there,
//! and who comes to it moves it on if that was used since. So a step costs the logarithm of what there is, for each use that was.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{ObjectRef, WeakObjectRef};
use crate::types::limits::COLD_AT_ONCE;
use crate::types::sync::{Mutex, rank};

/// The order, from the value that was not used for longest.
#[derive(Default)]
pub struct ColdOrder {
    entries: Mutex<BTreeMap<u64, Entry>, { rank::STORE }>,
    /// Counts uses: the greater number is the later one, and no two are the same.
    uses: AtomicU64,
    /// How many entries were ever added.
    added: AtomicU64,
}

struct Entry {
    object: WeakObjectRef,
    mark: Arc<Mark>,
}

/// What an entry takes in a tree whose nodes are half empty.
#[cfg(test)]
pub const ENTRY_BYTES: u64 = 2 * size_of::<(u64, Entry)>() as u64;

/// A value's place in the order.
#[derive(Debug)]
pub struct Mark {
    /// Its key. Written under the lock.
    place: AtomicU64,
    /// When it was used last.
    used: AtomicU64,
}

impl Mark {
    fn new(used: u64) -> Arc<Self> {
        Arc::new(Mark { place: AtomicU64::new(used), used: AtomicU64::new(used) })
    }
}

impl ColdOrder {
    /// Adds a value, which was used just now, unless `keep` says that it has a place.
    pub fn add(&self, object: WeakObjectRef, keep: impl FnOnce(Arc<Mark>) -> bool) {
        let mut entries = self.entries.lock();
        let place = self.next_use();
        let mark = Mark::new(place);
        if keep(mark.clone()) {
            entries.insert(place, Entry { object, mark });
        }
    }

    /// One more was added.
    pub fn count_one(&self) {
        self.added.fetch_add(1, Ordering::Release);
    }

    /// The value is gone.
    pub fn remove(&self, mark: &Mark) {
        let gone = {
            let mut entries = self.entries.lock();
            entries.remove(&mark.place.load(Ordering::Relaxed))
        };
        // Outside the lock: the object may be the last thing that this weak handle kept.
        drop(gone);
    }

    /// The value was used just now.
    pub fn touch(&self, mark: &Mark) {
        mark.used.store(self.next_use(), Ordering::Relaxed);
    }

    /// How many values were ever added.
    pub fn added(&self) -> u64 {
        self.added.load(Ordering::Acquire)
    }

    /// Goes through those that are there now, each once at most.
    pub fn walk(&self) -> Walk<'_> {
        Walk { order: self, until: self.next_use() }
    }

    fn next_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }

    /// The first that was not used after `until`, which from here on counts as used: if it stays, somebody uses it. At most
    /// [`COLD_AT_ONCE`] entries are looked at; the handles of those that are gone are put with `gone`.
    fn step(&self, until: u64, gone: &mut Vec<Entry>) -> Step {
        let mut entries = self.entries.lock();
        for _ in 0..COLD_AT_ONCE {
            let Some(first) = entries.first_entry().filter(|first| *first.key() < until) else {
                return Step::Over;
            };
            let (place, entry) = first.remove_entry();
            let used = entry.mark.used.load(Ordering::Relaxed);
            if used > place {
                entry.mark.place.store(used, Ordering::Relaxed);
                entries.insert(used, entry);
                continue;
            }
            match entry.object.to_look_at() {
                None => gone.push(entry),
                Some(object) => {
                    let next = self.next_use();
                    entry.mark.place.store(next, Ordering::Relaxed);
                    entry.mark.used.store(next, Ordering::Relaxed);
                    entries.insert(next, entry);
                    return Step::Cold(object);
                }
            }
        }
        Step::Busy
    }
}

enum Step {
    Cold(ObjectRef),
    /// There may be more.
    Busy,
    Over,
}

/// A way through the order, from the coldest.
pub struct Walk<'a> {
    order: &'a ColdOrder,
    until: u64,
}

impl Iterator for Walk<'_> {
    type Item = ObjectRef;

    fn next(&mut self) -> Option<ObjectRef> {
        loop {
            let mut gone = Vec::new();
            let step = self.order.step(self.until, &mut gone);
            drop(gone);
            match step {
                Step::Cold(object) => return Some(object),
                // Others have their turn at the lock.
                Step::Busy => {}
                Step::Over => return None,
            }
        }
    }
}
