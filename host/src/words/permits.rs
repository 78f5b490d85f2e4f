//! Permits to look up names: each look-up takes a thread of the host, for longer than the host can say.

use std::sync::Arc;

use futures::future::{Either, select};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::MODULES_LOOK_UPS_MAX;

/// Those of one owner: one always, whatever others do, and more as long as there are some of those that all share.
#[derive(Debug)]
pub struct Permits {
    /// One, which nobody else can take.
    own: Arc<Semaphore>,
    /// What it may take of those that all share.
    part: Arc<Semaphore>,
}

/// The right to one thread, until it is dropped.
pub struct Permit {
    _held: [Option<OwnedSemaphorePermit>; 2],
}

impl Default for Permits {
    fn default() -> Self {
        Permits { own: Arc::new(Semaphore::new(1)), part: Arc::new(Semaphore::new(MODULES_LOOK_UPS_MAX)) }
    }
}

impl Permits {
    /// Waits for the owner's own or for one of those that all share, whichever comes first.
    pub async fn acquire(&self, shared: &Arc<Semaphore>) -> Permit {
        let own = self.own.clone().acquire_owned();
        let of_all = async {
            let part = self.part.clone().acquire_owned().await;
            // Nobody closes them.
            [part.ok(), shared.clone().acquire_owned().await.ok()]
        };
        let _held = match select(std::pin::pin!(own), std::pin::pin!(of_all)).await {
            Either::Left((own, _)) => [own.ok(), None],
            Either::Right((held, _)) => held,
        };
        Permit { _held }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use futures::FutureExt;

    use super::*;

    #[test]
    fn one_owner_leaves_others_theirs() {
        let shared = Arc::new(Semaphore::new(2 * MODULES_LOOK_UPS_MAX));
        let all_of =
            |owner: &Permits| -> Vec<Permit> { std::iter::from_fn(|| owner.acquire(&shared).now_or_never()).collect() };
        let owners: Vec<_> = (0..4).map(|_| Permits::default()).collect();
        let held: Vec<_> = owners.iter().map(all_of).collect();
        let counts: Vec<_> = held.iter().map(Vec::len).collect();
        assert_eq!(counts, [1 + MODULES_LOOK_UPS_MAX, 1 + MODULES_LOOK_UPS_MAX, 1, 1]);
    }

    #[test]
    fn who_waits_has_the_first_that_is_given_back() {
        let (owner, shared) = (Permits::default(), Arc::new(Semaphore::new(1)));
        // Its own first, and then the one that is shared.
        let mut held: VecDeque<_> = (0..2).map(|_| owner.acquire(&shared).now_or_never().unwrap()).collect();
        for _ in 0..2 {
            let mut waits = std::pin::pin!(owner.acquire(&shared));
            assert!(waits.as_mut().now_or_never().is_none());
            drop(held.pop_front());
            held.push_back(waits.now_or_never().unwrap());
        }
        drop(held);
        assert_eq!(shared.available_permits(), 1);
    }
}
