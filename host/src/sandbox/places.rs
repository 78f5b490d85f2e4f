//! Places for what guests wait for that blocks: names that they look up, and files. Each takes a thread for as long as the system likes,
//! however soon its guest lets go of it or ends. So there are few at once, fewer of one module, and fewer of one guest; the others wait
//! without a thread, in the order in which they came.

use std::io;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi::runtime::AbortOnDropJoinHandle;

use super::permits::{AllPermits, Permit, Permits};
use crate::types::ids::ModuleId;
use crate::types::limits::{
    FILE_THREADS_MAX, GUESTS_FILE_THREADS_MAX, GUESTS_LOOK_UPS_MAX, LOOK_UPS_MAX, MODULES_FILE_THREADS_MAX,
    MODULES_LOOK_UPS_MAX, MODULES_SOCKETS_MAX, SOCKETS_MAX,
};

/// Those of all guests of a host.
pub struct AllPlaces {
    /// Whose blocking threads they are. Nothing else takes them, and these take no others.
    threads: Handle,
    look_ups: AllPermits,
    files: AllPermits,
    sockets: AllPermits,
}

impl AllPlaces {
    /// Places on these threads.
    pub fn new(threads: Handle) -> Arc<Self> {
        let look_ups = AllPermits::new(LOOK_UPS_MAX, MODULES_LOOK_UPS_MAX);
        let files = AllPermits::new(FILE_THREADS_MAX, MODULES_FILE_THREADS_MAX);
        let sockets = AllPermits::new(SOCKETS_MAX, MODULES_SOCKETS_MAX);
        Arc::new(AllPlaces { threads, look_ups, files, sockets })
    }

    /// For the names that one more guest of this module looks up.
    pub fn for_look_ups(&self, owner: ModuleId) -> Places {
        Places::new(self.threads.clone(), GUESTS_LOOK_UPS_MAX, self.look_ups.of(owner))
    }

    /// For its files.
    pub fn for_files(&self, owner: ModuleId) -> Places {
        Places::new(self.threads.clone(), GUESTS_FILE_THREADS_MAX, self.files.of(owner))
    }

    /// The sockets that guests of this module have: they take no thread.
    pub fn for_sockets(&self, owner: ModuleId) -> Arc<Permits> {
        self.sockets.of(owner)
    }
}

/// Those of one guest, for one of the two.
#[derive(Clone)]
pub struct Places {
    threads: Handle,
    guest: Arc<Semaphore>,
    owner: Arc<Permits>,
}

impl Places {
    fn new(threads: Handle, at_once: usize, owner: Arc<Permits>) -> Self {
        Places { threads, guest: Arc::new(Semaphore::new(at_once)), owner }
    }

    /// Waits for what this guest may have, and then for what its owner may.
    pub async fn one(&self) -> Place {
        // Nobody closes it.
        let guest = self.guest.clone().acquire_owned().await.ok();
        Place { threads: self.threads.clone(), _held: (guest, self.owner.clone().acquire().await) }
    }

    /// Runs it in the next place.
    ///
    /// # Errors
    /// The host has ended.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        self.one().await.run(work).await
    }
}

/// The right to one thread.
pub struct Place {
    threads: Handle,
    _held: (Option<OwnedSemaphorePermit>, Permit),
}

impl Place {
    /// Runs it on a thread. The place is given back when that is, whoever waits for it.
    ///
    /// # Errors
    /// The host has ended.
    pub async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let threads = self.threads.clone();
        let mut running = AbortOnDropJoinHandle::from(threads.spawn_blocking(move || (work(), self)));
        let (done, place) = (&mut *running).await?;
        // Not on that thread, which is about to be free: whoever has the place next begins another one less often. Where nobody waits it
        // goes with the work.
        drop(place);
        Ok(done)
    }
}
