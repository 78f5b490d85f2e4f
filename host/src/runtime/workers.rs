//! The threads that run guests.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;
use std::time::Duration;

use super::job::Job;
use super::presence::Presence;
use super::worker_state::{WorkerState, WorkerStates};
use crate::types::sync::{Mutex, rank};

/// The threads of one host.
pub(super) struct Workers {
    /// Tells its threads from those of other hosts in the process.
    pub number: u64,
    pub threads: Mutex<Vec<Thread>, { rank::THREADS }>,
    pub presence: Arc<Presence>,
    pub states: WorkerStates,
}

static SETS_OF_WORKERS: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The workers that this thread belongs to; 0 for none.
    pub static WORKERS: Cell<u64> = const { Cell::new(0) };
    /// What others see of this thread, if it is a worker.
    pub static STATE: RefCell<Option<Arc<WorkerState>>> = const { RefCell::new(None) };
}

impl Workers {
    pub fn new() -> Self {
        let number = SETS_OF_WORKERS.fetch_add(1, Ordering::Relaxed);
        Workers { number, threads: Mutex::default(), presence: Arc::default(), states: WorkerStates::default() }
    }

    /// Is this one of its threads?
    pub fn is_here(&self) -> bool {
        WORKERS.get() == self.number
    }

    /// Wakes a resting thread.
    pub fn wake(&self, thread: Option<usize>) {
        if let Some(number) = thread
            && let Some(thread) = self.threads.lock().get(number)
        {
            thread.unpark();
        }
    }

    /// Waits until no thread is left, at most for `longest`.
    pub fn join(&self, longest: Duration) {
        self.presence.join(longest);
    }
}

/// Has this thread run the job next; gives it back if another one is.
pub(super) fn sit_down(job: Job) -> Option<Job> {
    STATE.with_borrow(|state| match state {
        Some(state) => state.put_lifo_job(job),
        None => Some(job),
    })
}
