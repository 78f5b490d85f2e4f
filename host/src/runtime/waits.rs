//! Guests that wait: what the scheduler and the detector of deadlocks have to know of them.

use std::sync::Arc;

use super::Runtime;
use crate::port::{ObjectPort, WaitPort};
use crate::state::actor::concurrent_calls::ConcurrentCalls;
use crate::state::deadlock::blocked_on::Wait;
use crate::state::deadlock::trigger::Waiter;
use crate::state::object::ObjectRef;
use crate::state::object::gathering::{Claimant, Gathering};
use crate::state::object::store::ObjectStore;
use crate::state::task::TaskRecord;
use crate::types::clock::Clock;
use crate::types::event::EventKind;

impl ObjectPort for Runtime {
    fn store(&self) -> &Arc<ObjectStore> {
        &self.store
    }

    fn gather(&self, objects: Vec<ObjectRef>, bytes: u64, task: Option<&TaskRecord>) -> Gathering {
        let claimant = task.map(|task| Claimant { priority: task.spec.plan.priority, owner: task.owner() });
        self.store.gatherings().join(objects, bytes, claimant.unwrap_or_default())
    }
}

impl WaitPort for Runtime {
    fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    fn block(&self, task: &Arc<TaskRecord>, wait: Option<Wait>) {
        self.emit(task, EventKind::Waits { for_task: wait.is_some() });
        // Its thread asks for work as soon as it waits.
        let mut scheduler = self.scheduler.lock();
        scheduler.pause(task, wait.is_some());
        // Under the scheduler's lock: whoever is told to look finds it.
        let before = wait.and_then(|wait| {
            let stamp = scheduler.park(Waiter::Task(Arc::downgrade(task)));
            task.blocked_on().park(wait, stamp)
        });
        drop(scheduler);
        drop(before);
    }

    fn unblock(&self, task: &TaskRecord, alone: bool) {
        let parked = if alone { task.blocked_on().unpark() } else { None };
        let mut scheduler = self.scheduler.lock();
        scheduler.resume(task, alone);
        parked.iter().for_each(|parked| scheduler.unpark(parked.stamp()));
        drop(scheduler);
        drop(parked);
        self.emit(task, EventKind::GoesOn);
    }

    fn block_calls(&self, concurrent_calls: &Arc<ConcurrentCalls>, wait: Wait) {
        let mut scheduler = self.scheduler.lock();
        scheduler.lull(concurrent_calls.holds());
        let stamp = scheduler.park(Waiter::Calls(Arc::downgrade(concurrent_calls)));
        let before = concurrent_calls.blocked_on().park(wait, stamp);
        drop(scheduler);
        drop(before);
    }

    fn unblock_calls(&self, concurrent_calls: &ConcurrentCalls) {
        let parked = concurrent_calls.blocked_on().unpark();
        let mut scheduler = self.scheduler.lock();
        scheduler.stir(concurrent_calls.holds());
        parked.iter().for_each(|parked| scheduler.unpark(parked.stamp()));
        drop(scheduler);
        drop(parked);
    }
}
