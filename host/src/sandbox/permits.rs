//! Permits for what takes a thread, or memory of the kernel, for longer than the host can say.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use futures::future::{Either, select};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::types::ids::ModuleId;
use crate::types::limits::MODULES_MAX;

/// Those of all modules of a host.
#[derive(Debug)]
pub struct AllPermits {
    shared: Arc<Semaphore>,
    /// What one module may take of those.
    part: usize,
    /// Of the modules that have guests which may need some. Some may be gone.
    owners: Mutex<HashMap<ModuleId, Weak<Permits>>>,
}

impl AllPermits {
    /// So many beside one of each module, of which one module has a part at most.
    pub fn new(shared: usize, part: usize) -> Self {
        AllPermits { shared: Arc::new(Semaphore::new(shared)), part, owners: Mutex::default() }
    }

    /// Those of a module.
    pub fn of(&self, owner: ModuleId) -> Arc<Permits> {
        let mut owners = self.owners.lock();
        if let Some(permits) = owners.get(&owner).and_then(Weak::upgrade) {
            return permits;
        }
        owners.retain(|_, permits| permits.strong_count() > 0);
        let permits = Arc::new(Permits::new(self.shared.clone(), self.part, owners.len() < MODULES_MAX));
        owners.insert(owner, Arc::downgrade(&permits));
        permits
    }
}

/// Those of one module: one always, whatever others do, and more as long as there are some of those that all share. Of more modules than
/// may have names, the last have none of their own: each of these is a thread.
#[derive(Debug)]
pub struct Permits {
    /// One, which nobody else can take, or none.
    own: Arc<Semaphore>,
    /// What it may take of those that all share.
    part: Arc<Semaphore>,
    shared: Arc<Semaphore>,
}

/// The right to one thread, until it is dropped.
pub struct Permit {
    _held: [Option<OwnedSemaphorePermit>; 2],
    /// As long as a thread is taken: guests that ended leave theirs behind, and the next ones are no other owner.
    _owner: Arc<Permits>,
}

impl Permits {
    fn new(shared: Arc<Semaphore>, part: usize, has_own: bool) -> Self {
        Permits { own: Arc::new(Semaphore::new(has_own.into())), part: Arc::new(Semaphore::new(part)), shared }
    }

    /// Waits for the module's own or for one of those that all share, whichever comes first.
    pub async fn acquire(self: Arc<Self>) -> Permit {
        let own = self.own.clone().acquire_owned();
        let of_all = async {
            let part = self.part.clone().acquire_owned().await;
            // Nobody closes them.
            [part.ok(), self.shared.clone().acquire_owned().await.ok()]
        };
        let _held = match select(std::pin::pin!(own), std::pin::pin!(of_all)).await {
            Either::Left((own, _)) => [own.ok(), None],
            Either::Right((held, _)) => held,
        };
        Permit { _held, _owner: self }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use futures::FutureExt;

    use super::*;

    #[test]
    fn one_owner_leaves_others_theirs() {
        const PART: usize = 8;
        let all = AllPermits::new(2 * PART, PART);
        let all_of = |owner: &Arc<Permits>| -> Vec<Permit> {
            std::iter::from_fn(|| owner.clone().acquire().now_or_never()).collect()
        };
        let owners: Vec<_> = (0..4).map(|number| all.of(ModuleId(number))).collect();
        assert!(Arc::ptr_eq(&all.of(ModuleId(2)), &owners[2]));
        let held: Vec<_> = owners.iter().map(all_of).collect();
        let counts: Vec<_> = held.iter().map(Vec::len).collect();
        assert_eq!(counts, [1 + PART, 1 + PART, 1, 1]);
        drop((owners, held));
        let more: Vec<_> = (0..=MODULES_MAX as u64).map(|number| all.of(ModuleId(1000 + number))).collect();
        let has_own = |permits: &&Arc<Permits>| permits.own.available_permits() > 0;
        assert_eq!((more.iter().filter(has_own).count(), has_own(&&more[MODULES_MAX])), (MODULES_MAX, false));
        drop(more);
        let _one = all.of(ModuleId(9));
        assert_eq!(all.owners.lock().len(), 1, "those that are gone leave nothing");
    }

    #[test]
    fn who_waits_has_the_first_that_is_given_back() {
        let owner = Arc::new(Permits::new(Arc::new(Semaphore::new(1)), 8, true));
        // Its own first, and then the one that is shared.
        let mut held: VecDeque<_> = (0..2).map(|_| owner.clone().acquire().now_or_never().unwrap()).collect();
        for _ in 0..2 {
            let mut waits = std::pin::pin!(owner.clone().acquire());
            assert!(waits.as_mut().now_or_never().is_none());
            drop(held.pop_front());
            held.push_back(waits.now_or_never().unwrap());
        }
        drop(held);
        assert_eq!(owner.shared.available_permits(), 1);
    }
}
