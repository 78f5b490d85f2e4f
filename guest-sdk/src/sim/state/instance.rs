//! Instances: threads that run guest code, of which one has its turn and all others wait for theirs.

use std::sync::{Arc, Condvar, Mutex};

use crate::bindings::rustyray::core::types::TaskError;
use crate::sim::state::concurrent_calls::ConcurrentCalls;
use crate::sim::state::object::Object;
use crate::sim::state::stop_reason::StopReason;
use crate::sim::state::task::TaskRecord;
use crate::sim::sync::{lock, wait_for};

/// What unwinds an instance that is to end. It is no panic: no hook is called, and nothing printed.
pub(crate) struct Ended;

/// Has its own stack and its own thread-local state, where one of a component has its own memory.
pub(crate) struct Instance {
    /// The test's own is 0.
    pub(crate) id: u64,
    turn: Mutex<bool>,
    turned: Condvar,
    inner: Mutex<Inner>,
}

struct Inner {
    task: Arc<TaskRecord>,
    /// The calls that its actor serves at once.
    concurrent_calls: Option<Arc<ConcurrentCalls>>,
    wait: Option<Wait>,
    /// Of the last wait that began.
    wait_number: u64,
    end: Option<StopReason>,
    /// The thread is on its way out: what still runs are its destructors.
    over: bool,
    /// Looks since it last waited.
    looks: u32,
}

/// What an instance waits for.
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

impl Instance {
    pub(crate) fn new(id: u64, task: Arc<TaskRecord>) -> Arc<Self> {
        let inner =
            Inner { task, concurrent_calls: None, wait: None, wait_number: 0, end: None, over: false, looks: 0 };
        Arc::new(Self { id, turn: Mutex::new(false), turned: Condvar::new(), inner: Mutex::new(inner) })
    }

    pub(crate) fn give_turn(&self) {
        *lock(&self.turn) = true;
        self.turned.notify_one();
    }

    pub(crate) fn take_turn(&self) {
        let mut turn = wait_for(&self.turned, lock(&self.turn), |turn| *turn);
        *turn = false;
    }

    /// What runs in it.
    pub(crate) fn task(&self) -> Arc<TaskRecord> {
        lock(&self.inner).task.clone()
    }

    pub(crate) fn set_task(&self, task: &Arc<TaskRecord>) {
        let before = std::mem::replace(&mut lock(&self.inner).task, task.clone());
        drop(before);
    }

    /// The calls that its actor serves at once, while it does.
    pub(crate) fn concurrent_calls(&self) -> Option<Arc<ConcurrentCalls>> {
        lock(&self.inner).concurrent_calls.clone()
    }

    pub(crate) fn set_concurrent_calls(&self, concurrent_calls: Option<&Arc<ConcurrentCalls>>) {
        let before = std::mem::replace(&mut lock(&self.inner).concurrent_calls, concurrent_calls.cloned());
        drop(before);
    }

    /// Begins a wait for `missing` of the objects. Later waits of a test have higher numbers.
    pub(crate) fn begin_wait(&self, number: u64, objects: Vec<Arc<Object>>, missing: usize, idle: bool) {
        let mut inner = lock(&self.inner);
        inner.wait = Some(Wait { objects, missing, idle, woken: false, verdict: None });
        (inner.wait_number, inner.looks) = (number, 0);
    }

    /// Ends it; gives the verdict, if there was one.
    pub(crate) fn end_wait(&self) -> Option<TaskError> {
        let wait = lock(&self.inner).wait.take()?;
        wait.verdict
    }

    /// One of the objects came. True if the instance is to go on for it.
    pub(crate) fn arrived(&self, number: u64) -> bool {
        let mut inner = lock(&self.inner);
        let Some(wait) = inner.wait_numbered(number) else { return false };
        wait.missing = wait.missing.saturating_sub(1);
        wait.missing == 0 && !std::mem::replace(&mut wait.woken, true)
    }

    /// The time of a wait is up. True if the instance is to go on for it.
    pub(crate) fn timed_out(&self, number: u64) -> bool {
        lock(&self.inner).wait_numbered(number).is_some_and(|wait| !std::mem::replace(&mut wait.woken, true))
    }

    /// Has it go on, whatever it waits for. True if it waits.
    pub(crate) fn rouse(&self) -> bool {
        lock(&self.inner).wait.as_mut().is_some_and(|wait| !std::mem::replace(&mut wait.woken, true))
    }

    /// Does it wait for a call?
    pub(crate) fn is_idle(&self) -> bool {
        lock(&self.inner).wait.as_ref().is_some_and(|wait| wait.idle)
    }

    /// Tells it that it waits in vain. True if it waits.
    pub(crate) fn condemn(&self, verdict: TaskError) -> bool {
        if let Some(wait) = &mut lock(&self.inner).wait {
            wait.verdict = Some(verdict);
        }
        self.rouse()
    }

    /// What it waits for, and since when; `None` if it does not, or for a call.
    pub(crate) fn waits_for(&self) -> Option<(u64, Vec<Arc<Object>>)> {
        let inner = lock(&self.inner);
        let wait = inner.wait.as_ref().filter(|wait| !wait.idle)?;
        Some((inner.wait_number, wait.objects.clone()))
    }

    /// Is that still the wait, and nothing come of it?
    pub(crate) fn is_waiting(&self, number: u64) -> bool {
        lock(&self.inner).wait_numbered(number).is_some_and(|wait| !wait.woken)
    }

    /// Has it end as soon as it has its turn. The first reason stays.
    pub(crate) fn stop(&self, reason: StopReason) {
        lock(&self.inner).end.get_or_insert(reason);
    }

    pub(crate) fn stopped(&self) -> Option<StopReason> {
        lock(&self.inner).end
    }

    /// What runs in it from here on are destructors.
    pub(crate) fn close(&self) {
        lock(&self.inner).over = true;
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.inner).over
    }

    /// Counts a look at what may have happened; gives how many there were since it last waited.
    pub(crate) fn look(&self) -> u32 {
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
