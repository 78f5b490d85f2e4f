//! Another attempt of a task that failed: after a rest, which the timers watch.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Runtime;
use super::actors::gone;
use super::shutdown::shut_down;
use crate::state::actor::ActorRecord;
use crate::state::task::TaskRecord;
use crate::types::backoff::backoff;
use crate::types::error::TaskError;

impl Runtime {
    /// Has a task that failed run once more, if it may, without what this attempt submitted. Its permits are given back already.
    pub(super) fn try_again(&self, task: &Arc<TaskRecord>, failure: &TaskError) -> bool {
        let (next, rests) = self.next_attempt(task);
        let mut scheduler = self.scheduler.lock();
        // Under the scheduler's lock: whoever ends the task from now on finds it among the pending.
        let again = task.retry(failure, next, rests);
        let left = if again {
            scheduler.count(task);
            task.leave_children()
        } else {
            None
        };
        let refused = if again && !rests { scheduler.push(task.clone()) } else { None };
        drop(scheduler);
        refused.into_iter().for_each(|task| self.give_up_later(task, shut_down()));
        self.end_family(left);
        if again && rests {
            self.rest_until(next, task);
        }
        again
    }

    /// Has a call that failed served once more, if it may be, before the calls that came later, and without what this attempt submitted.
    pub(super) fn call_again(&self, actor: &ActorRecord, call: &Arc<TaskRecord>, failure: &TaskError) -> bool {
        let (next, rests) = self.next_attempt(call);
        let mut scheduler = self.scheduler.lock();
        let again = call.retry(failure, next, rests);
        let left = if again {
            scheduler.count(call);
            call.leave_children()
        } else {
            None
        };
        drop(scheduler);
        self.end_family(left);
        if again {
            if let Some(call) = actor.mailbox.push_first(call.clone()) {
                self.give_up_later(call, gone());
                return true;
            }
            if rests {
                self.rest_until(next, call);
            }
        }
        again
    }

    /// When the next attempt may begin, and whether there is a rest before it.
    fn next_attempt(&self, task: &TaskRecord) -> (Instant, bool) {
        let plan = &task.spec.plan;
        let now = self.clock.now();
        if plan.max_retries == 0 {
            return (now, false);
        }
        // The keys of its hasher are random, which is all the chance that is needed here.
        let random = RandomState::new().hash_one(task.spec.id);
        let rest = backoff(plan.retry_backoff, task.attempt(), random);
        (now + rest, rest > Duration::ZERO)
    }

    /// Has the timers give it back at the end of its rest. It is pending until then, and can be ended as if it were queued.
    fn rest_until(&self, at: Instant, task: &Arc<TaskRecord>) {
        let mut timers = self.timers.lock();
        // Under the timers' lock: a halt takes all that rest, and nothing comes after it.
        if self.is_halted() {
            drop(timers);
            return self.give_up(task, shut_down());
        }
        let added = timers.rest(at, task);
        drop(timers);
        self.timers.tell(added.is_first);
    }
}
