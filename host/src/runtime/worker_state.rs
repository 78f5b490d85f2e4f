//! What is seen of the threads that run guests, and the job that each runs next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::job::Job;

/// What is seen of a host's workers.
#[derive(Default)]
pub(super) struct WorkerStates {
    pub states: Mutex<Vec<Arc<WorkerState>>>,
    /// Nobody looks at them, because nobody works.
    pub is_unwatched: AtomicBool,
    stirred: Notify,
}

/// What is seen of a thread.
#[derive(Default)]
#[repr(align(64))]
pub(super) struct WorkerState {
    /// Another odd number for each thing that the thread begins, and an even one while it rests.
    pulse: AtomicU64,
    /// The job that it runs next.
    lifo_slot: Mutex<Option<Job>>,
    /// Whose work it does.
    owner: AtomicU64,
    /// Its number in the system; none where it is not known.
    system_thread: Option<u32>,
}

impl WorkerState {
    /// The thread begins something. Nobody else writes here.
    pub fn beat(&self) {
        self.pulse.store((self.pulse.load(Ordering::Relaxed) | 1) + 2, Ordering::Relaxed);
    }

    /// It works for this owner.
    pub fn work_for(&self, owner: u64) {
        self.owner.store(owner, Ordering::Relaxed);
    }

    pub fn owner(&self) -> u64 {
        self.owner.load(Ordering::Relaxed)
    }

    /// Does the thread compute, or would it if there were a core for it? One that sleeps in an embedder's function does not.
    #[cfg(target_os = "linux")]
    pub fn computes(&self) -> bool {
        let state = |thread| std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).ok();
        // Behind its name, which may hold anything.
        self.system_thread
            .and_then(state)
            .is_some_and(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('R')))
    }

    /// Nobody knows.
    #[cfg(not(target_os = "linux"))]
    pub fn computes(&self) -> bool {
        false
    }

    /// It rests.
    pub fn rest(&self) {
        self.pulse.store(self.pulse.load(Ordering::Relaxed) & !1, Ordering::Release);
    }

    pub fn now(&self) -> u64 {
        self.pulse.load(Ordering::SeqCst)
    }

    pub fn is_busy(now: u64) -> bool {
        now & 1 == 1
    }

    /// Has the thread run the job next; gives it back if another one is.
    pub fn put_lifo_job(&self, job: Job) -> Option<Job> {
        let mut lifo_slot = self.lifo_slot.lock();
        if lifo_slot.is_some() {
            return Some(job);
        }
        *lifo_slot = Some(job);
        None
    }

    /// The job that the thread was to run next.
    pub fn take_lifo_job(&self) -> Option<Job> {
        self.lifo_slot.lock().take()
    }

    /// Is there one?
    pub fn has_lifo_job(&self) -> bool {
        self.lifo_slot.lock().is_some()
    }
}

impl WorkerStates {
    /// That of this thread, a new one.
    pub fn begin(&self) -> Arc<WorkerState> {
        let state = Arc::new(WorkerState { system_thread: system_thread(), ..WorkerState::default() });
        self.states.lock().push(state.clone());
        state
    }

    /// The thread works again.
    pub fn rise(&self, state: &WorkerState) {
        state.pulse.store(state.now() | 1, Ordering::SeqCst);
        if self.is_unwatched.load(Ordering::SeqCst) && self.is_unwatched.swap(false, Ordering::SeqCst) {
            self.stirred.notify_one();
        }
    }

    /// Waits until a thread works.
    pub async fn stir(&self) {
        self.is_unwatched.store(true, Ordering::SeqCst);
        // Whoever rose before that has not seen it.
        let is_busy = self.states.lock().iter().any(|state| WorkerState::is_busy(state.now()));
        if !is_busy {
            self.stirred.notified().await;
        }
        self.is_unwatched.store(false, Ordering::SeqCst);
    }
}

#[cfg(target_os = "linux")]
fn system_thread() -> Option<u32> {
    let own = std::fs::read_link("/proc/thread-self").ok()?;
    own.file_name()?.to_str()?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
fn system_thread() -> Option<u32> {
    None
}
