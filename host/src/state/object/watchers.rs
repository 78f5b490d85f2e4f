//! Who watches an object.

use std::collections::BTreeMap;
use std::collections::btree_map::IntoValues;
use std::sync::Arc;

use crate::types::limits::TOLD_AT_ONCE;

/// Told when an object that it watches is sealed.
pub trait Watcher: Send + Sync {
    /// The object has its outcome; `failed` says which.
    fn sealed(self: Arc<Self>, failed: bool);
}

/// Nearly all objects have one watcher, or none, and a million that are pending should not take a table each.
pub enum Watchers {
    /// Nobody.
    None,
    /// The usual case.
    One(Arc<dyn Watcher>),
    /// By their keys.
    Many(Box<Many>),
}

/// A tree, which gets smaller where many go and one stays.
pub struct Many {
    watchers: BTreeMap<usize, Arc<dyn Watcher>>,
    /// The key of the next one.
    next: usize,
}

impl Many {
    fn insert(&mut self, watcher: Arc<dyn Watcher>) -> WatchKey {
        let key = self.next;
        self.next += 1;
        self.watchers.insert(key, watcher);
        WatchKey::at(key)
    }
}

/// Where a watcher stands in an object's list.
#[derive(Debug)]
pub struct WatchKey {
    place: usize,
    from_outside: bool,
}

impl WatchKey {
    fn at(place: usize) -> Self {
        WatchKey { place, from_outside: false }
    }

    /// The same, of an object that comes from outside, or does not.
    pub(super) fn of(self, from_outside: bool) -> Self {
        WatchKey { from_outside, ..self }
    }

    /// Is it somebody outside who will seal the object?
    pub fn is_from_outside(&self) -> bool {
        self.from_outside
    }
}

/// The key of the first watcher.
const FIRST: usize = 0;

impl Watchers {
    /// Has `watcher` told.
    pub fn insert(&mut self, watcher: Arc<dyn Watcher>) -> WatchKey {
        match std::mem::replace(self, Watchers::None) {
            Watchers::None => {
                *self = Watchers::One(watcher);
                WatchKey::at(FIRST)
            }
            Watchers::One(first) => {
                // Its key stays what it was.
                let mut many = Box::new(Many { watchers: BTreeMap::from([(FIRST, first)]), next: FIRST + 1 });
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

    /// Tells this watcher nothing any more, and gives it back, to be dropped where no lock is held. The key alone may be of an earlier
    /// list, whose watchers were told.
    pub fn remove<W: Watcher>(
        &mut self,
        WatchKey { place: key, .. }: &WatchKey,
        watcher: &W,
    ) -> Option<Arc<dyn Watcher>> {
        let is_its = |other: &Arc<dyn Watcher>| std::ptr::addr_eq(Arc::as_ptr(other), watcher);
        match std::mem::replace(self, Watchers::None) {
            Watchers::One(one) if is_its(&one) => Some(one),
            Watchers::Many(mut many) if many.watchers.get(key).is_some_and(is_its) => {
                let gone = many.watchers.remove(key);
                if !many.watchers.is_empty() {
                    *self = Watchers::Many(many);
                }
                gone
            }
            others => {
                *self = others;
                None
            }
        }
    }

    /// Leaves nobody, and gives those who are to be told.
    pub fn take(&mut self) -> Watchers {
        std::mem::replace(self, Watchers::None)
    }

    /// Tells the first ones. Gives the others, if there are more.
    pub fn tell(self, failed: bool) -> Option<Telling> {
        match self {
            Watchers::None => None,
            Watchers::One(watcher) => {
                watcher.sealed(failed);
                None
            }
            Watchers::Many(many) => {
                let mut telling = Telling { left: many.watchers.into_values(), failed };
                telling.step().then_some(telling)
            }
        }
    }
}

/// Watchers that are still to be told. Dropping this tells them at once.
pub struct Telling {
    left: IntoValues<usize, Arc<dyn Watcher>>,
    failed: bool,
}

impl Telling {
    /// Tells [`TOLD_AT_ONCE`] of them; true if there are more.
    pub fn step(&mut self) -> bool {
        let failed = self.failed;
        self.left.by_ref().take(TOLD_AT_ONCE).for_each(|watcher| watcher.sealed(failed));
        self.left.len() > 0
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        while self.step() {}
    }
}
