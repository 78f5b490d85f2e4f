//! Where a guest that waits for others leaves word of what it waits for, and hears that it waits in vain.

use std::ops::Deref;
use std::sync::Arc;

use crate::state::object::ObjectRef;
use crate::types::error::TaskError;
use crate::types::sync::atomic::{AtomicBool, Ordering};
use crate::types::sync::{Mutex, rank};

/// The objects that a guest waits for. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Awaited {
    /// One object, which most waits are for.
    One(ObjectRef),
    /// Several.
    Many(Arc<[ObjectRef]>),
}

impl Deref for Awaited {
    type Target = [ObjectRef];

    fn deref(&self) -> &[ObjectRef] {
        match self {
            Awaited::One(object) => std::slice::from_ref(object),
            Awaited::Many(objects) => objects,
        }
    }
}

/// A wait that ends when `count` of the objects are sealed.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The objects.
    pub objects: Awaited,
    /// How many of them; all where there are fewer.
    pub count: usize,
}

/// What keeps a task from going on.
#[derive(Debug)]
pub enum Standing {
    /// Nothing, or nothing that another task does.
    Free,
    /// Its guest waits. The stamp is this wait's, on the whole host.
    Parked(Wait, u64),
    /// It has not begun this attempt.
    Queued {
        /// The attempts before.
        attempts: u32,
        /// Its arguments that are not there.
        missing: Vec<ObjectRef>,
    },
}

/// One task's place to wait in.
#[derive(Debug, Default)]
pub struct BlockedOn {
    parked: Mutex<Option<Parked>, { rank::BLOCKED_ON }>,
    in_vain: AtomicBool,
}

/// What is dropped with it may ask for other locks: it is dropped by who took it out.
#[derive(Debug)]
pub struct Parked {
    wait: Wait,
    stamp: u64,
    verdict: Option<Arc<TaskError>>,
}

impl Parked {
    /// The stamp of the wait.
    pub fn stamp(&self) -> u64 {
        self.stamp
    }
}

impl BlockedOn {
    /// The guest waits. Gives what it waited for before, which is nothing.
    #[must_use = "to be dropped where no lock is held"]
    pub fn park(&self, wait: Wait, stamp: u64) -> Option<Parked> {
        self.parked.lock().replace(Parked { wait, stamp, verdict: None })
    }

    /// It goes on.
    #[must_use = "to be dropped where no lock is held"]
    pub fn unpark(&self) -> Option<Parked> {
        let mut parked = self.parked.lock();
        self.in_vain.store(false, Ordering::Release);
        parked.take()
    }

    /// The stamp of its wait, if it waits.
    pub fn stamp(&self) -> Option<u64> {
        self.parked.lock().as_ref().map(|parked| parked.stamp)
    }

    /// What it waits for; nothing where it has heard already that it does so in vain.
    pub fn standing(&self) -> Standing {
        match &*self.parked.lock() {
            Some(Parked { wait, stamp, verdict: None }) => Standing::Parked(wait.clone(), *stamp),
            _ => Standing::Free,
        }
    }

    /// The wait of this stamp is in vain. False if it is over. Whoever says so wakes the guest.
    pub fn condemn(&self, stamp: u64, verdict: Arc<TaskError>) -> bool {
        let mut parked = self.parked.lock();
        let Some(parked) = parked.as_mut().filter(|parked| parked.stamp == stamp && parked.verdict.is_none()) else {
            return false;
        };
        parked.verdict = Some(verdict);
        self.in_vain.store(true, Ordering::Release);
        true
    }

    /// Why the wait is in vain, if it is.
    pub fn verdict(&self) -> Option<Arc<TaskError>> {
        if !self.in_vain.load(Ordering::Acquire) {
            return None;
        }
        self.parked.lock().as_ref()?.verdict.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::object::store::ObjectStore;
    use crate::types::error::ErrorKind;

    #[test]
    fn a_verdict_reaches_the_wait_that_is_meant_and_no_other() {
        let store = ObjectStore::new(1 << 20);
        let wait = || Wait { objects: Awaited::One(store.promise()), count: 1 };
        let verdict = || Arc::new(TaskError::new(ErrorKind::Deadlock, "a -> a"));
        let blocked_on = BlockedOn::default();
        assert!(!blocked_on.condemn(1, verdict()));
        drop(blocked_on.park(wait(), 1));
        assert!(!blocked_on.condemn(2, verdict()) && blocked_on.verdict().is_none());
        assert!(blocked_on.condemn(1, verdict()) && !blocked_on.condemn(1, verdict()), "once");
        assert_eq!(blocked_on.verdict(), Some(verdict()));
        assert!(matches!(blocked_on.standing(), Standing::Free), "it is about to go on");
        drop(blocked_on.unpark());
        drop(blocked_on.park(wait(), 3));
        assert_eq!((blocked_on.verdict(), blocked_on.stamp()), (None, Some(3)));
    }
}
