//! Frames: threads that run guest code, of which one has its turn and all others wait for theirs.

use std::sync::{Arc, Condvar, Mutex};

use super::concurrent_calls::ConcurrentCalls;
use super::job::Job;
use super::object::Object;
use super::stop_reason::Stop;
use super::sync::{lock, wait_for};
use crate::bindings::rustyray::core::types::TaskError;

/// What unwinds a frame that is to end. It is no panic: no hook is called, and nothing printed.
pub(super) struct Ended;

/// Has its own stack and its own thread-local state, as an instance has its own memory.
pub(crate) struct Frame {
    /// The test's own is 0.
    pub(super) id: u64,
    turn: Mutex<bool>,
    turned: Condvar,
    inner: Mutex<Inner>,
}

struct Inner {
    job: Arc<Job>,
    /// The calls that its actor serves at once.
    concurrent_calls: Option<Arc<ConcurrentCalls>>,
    wait: Option<Wait>,
    /// Of the last wait that began.
    wait_number: u64,
    end: Option<Stop>,
    /// The thread is on its way out: what still runs are its destructors.
    over: bool,
    /// Looks since it last waited.
    looks: u32,
}

/// What a frame waits for.
struct Wait {
    objects: Vec<Arc<Object>>,
    missing: usize,
    /// An actor that waits for a call, and for what its calls wait for if it serves several: nothing that could close a
    /// circle.
    idle: bool,
    /// It has its turn coming.
    woken: bool,
    /// It is told that it waits in vain.
    verdict: Option<TaskError>,
}

impl Frame {
    pub(super) fn new(id: u64, job: Arc<Job>) -> Arc<Self> {
        let inner = Inner { job, concurrent_calls: None, wait: None, wait_number: 0, end: None, over: false, looks: 0 };
        Arc::new(Self { id, turn: Mutex::new(false), turned: Condvar::new(), inner: Mutex::new(inner) })
    }

    pub(super) fn give_turn(&self) {
        *lock(&self.turn) = true;
        self.turned.notify_one();
    }

    pub(super) fn take_turn(&self) {
        let mut turn = wait_for(&self.turned, lock(&self.turn), |turn| *turn);
        *turn = false;
    }

    /// What runs in it.
    pub(super) fn job(&self) -> Arc<Job> {
        lock(&self.inner).job.clone()
    }

    pub(super) fn set_job(&self, job: &Arc<Job>) {
        let before = std::mem::replace(&mut lock(&self.inner).job, job.clone());
        drop(before);
    }

    /// The calls that its actor serves at once, while it does.
    pub(super) fn concurrent_calls(&self) -> Option<Arc<ConcurrentCalls>> {
        lock(&self.inner).concurrent_calls.clone()
    }

    pub(super) fn set_concurrent_calls(&self, concurrent_calls: Option<&Arc<ConcurrentCalls>>) {
        let before = std::mem::replace(&mut lock(&self.inner).concurrent_calls, concurrent_calls.cloned());
        drop(before);
    }

    /// Begins a wait for `missing` of the objects. Later waits of a test have higher numbers.
    pub(super) fn begin_wait(&self, number: u64, objects: Vec<Arc<Object>>, missing: usize, idle: bool) {
        let mut inner = lock(&self.inner);
        inner.wait = Some(Wait { objects, missing, idle, woken: false, verdict: None });
        (inner.wait_number, inner.looks) = (number, 0);
    }

    /// Ends it; gives the verdict, if there was one.
    pub(super) fn end_wait(&self) -> Option<TaskError> {
        let wait = lock(&self.inner).wait.take()?;
        wait.verdict
    }

    /// One of the objects came. True if the frame is to go on for it.
    pub(super) fn arrived(&self, number: u64) -> bool {
        let mut inner = lock(&self.inner);
        let Some(wait) = inner.wait_numbered(number) else { return false };
        wait.missing = wait.missing.saturating_sub(1);
        wait.missing == 0 && !std::mem::replace(&mut wait.woken, true)
    }

    /// The time of a wait is up. True if the frame is to go on for it.
    pub(super) fn timed_out(&self, number: u64) -> bool {
        lock(&self.inner).wait_numbered(number).is_some_and(|wait| !std::mem::replace(&mut wait.woken, true))
    }

    /// Has it go on, whatever it waits for. True if it waits.
    pub(super) fn rouse(&self) -> bool {
        lock(&self.inner).wait.as_mut().is_some_and(|wait| !std::mem::replace(&mut wait.woken, true))
    }

    /// Does it wait for a call?
    pub(super) fn is_idle(&self) -> bool {
        lock(&self.inner).wait.as_ref().is_some_and(|wait| wait.idle)
    }

    /// Tells it that it waits in vain. True if it waits.
    pub(super) fn condemn(&self, verdict: TaskError) -> bool {
        if let Some(wait) = &mut lock(&self.inner).wait {
            wait.verdict = Some(verdict);
        }
        self.rouse()
    }

    /// What it waits for, and since when; `None` if it does not, or for a call.
    pub(super) fn waits_for(&self) -> Option<(u64, Vec<Arc<Object>>)> {
        let inner = lock(&self.inner);
        let wait = inner.wait.as_ref().filter(|wait| !wait.idle)?;
        Some((inner.wait_number, wait.objects.clone()))
    }

    /// Is that still the wait, and nothing come of it?
    pub(super) fn is_waiting(&self, number: u64) -> bool {
        lock(&self.inner).wait_numbered(number).is_some_and(|wait| !wait.woken)
    }

    /// Has it end as soon as it has its turn. The first reason stays.
    pub(super) fn stop(&self, reason: Stop) {
        lock(&self.inner).end.get_or_insert(reason);
    }

    pub(super) fn stopped(&self) -> Option<Stop> {
        lock(&self.inner).end
    }

    /// What runs in it from here on are destructors.
    pub(super) fn close(&self) {
        lock(&self.inner).over = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.inner).over
    }

    /// Counts a look at what may have happened; gives how many there were since it last waited.
    pub(super) fn look(&self) -> u32 {
        let mut inner = lock(&self.inner);
        inner.looks = inner.looks.saturating_add(1);
        inner.looks
    }
}

impl Inner {
    fn wait_numbered(&mut self, number: u64) -> Option<&mut Wait> {
        if self.wait_number == number { self.wait.as_mut() } else { None }
    }
}
