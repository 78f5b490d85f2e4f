//! When to look for deadlocks. Most waits end within microseconds, so nobody looks at each: a look comes when no thread has
//! anything else to do, or, while others keep them busy, when they have taken many turns since the last one.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Weak;

use crate::state::actor::concurrent_calls::ConcurrentCalls;
use crate::state::task::TaskRecord;
use crate::types::limits::{LOOK_TURNS, LOOK_TURNS_PER_TASK};

/// The guests that only another task can wake.
#[derive(Default)]
pub struct Trigger {
    /// Those that wait now, by the stamps of their waits: so that a look finds the new ones without going over all that runs.
    waiting: BTreeMap<u64, Waiter>,
    /// How often one began to wait. The count is the stamp of that wait.
    stamps: u64,
    /// The last stamp that a look has seen.
    seen: u64,
    /// Was that not the last that there was?
    is_partial: bool,
    /// Does somebody look?
    is_looked: bool,
    /// What closed a circle may be no wait: the next look goes over all that wait.
    all: bool,
    /// Turns of the threads since then.
    turns: u64,
    /// Turns until the next look on a busy host.
    patience: u64,
}

/// Who waits.
#[derive(Clone)]
pub enum Waiter {
    /// A task.
    Task(Weak<TaskRecord>),
    /// The calls that an actor serves at once, all together.
    Calls(Weak<ConcurrentCalls>),
}

impl Trigger {
    /// This guest waits; gives the stamp of its wait.
    pub fn park(&mut self, waiter: Waiter) -> u64 {
        self.stamps += 1;
        self.waiting.insert(self.stamps, waiter);
        self.stamps
    }

    /// Whoever began this wait goes on.
    pub fn unpark(&mut self, stamp: u64) {
        self.waiting.remove(&stamp);
    }

    /// Those that wait since after this stamp, with the stamps of their waits, in that order; so many at most.
    pub fn waiting_since(&self, since: u64, max: usize) -> Vec<(u64, Waiter)> {
        let late = self.waiting.range((Bound::Excluded(since), Bound::Unbounded));
        late.take(max).map(|(stamp, waiter)| (*stamp, waiter.clone())).collect()
    }

    /// A thread asks what to do next.
    pub fn turn(&mut self) {
        self.turns += 1;
    }

    /// Is it time to look? One look at a time is enough. A deadlock is closed by a wait, or by a task that became ready: where there was neither there is none
    /// that was not there before.
    pub fn is_due(&self, quiet: bool) -> bool {
        !self.is_looked
            && !self.waiting.is_empty()
            && (self.all || self.stamps != self.seen)
            && (quiet || self.turns >= self.patience)
    }

    /// A task that is ready lacks what those that wait may hold.
    pub fn look_at_all(&mut self) {
        self.all = true;
    }

    /// However few turns were taken, it is time; unless somebody looks right now.
    pub fn hurry(&mut self) {
        if self.patience != u64::MAX {
            self.patience = 0;
        }
    }

    /// Somebody looks. Gives the last stamp that was seen before; 0 where all are to be looked at.
    pub fn begin(&mut self) -> u64 {
        (self.turns, self.is_looked) = (0, true);
        // Until the look tells how long it took.
        self.patience = u64::MAX;
        let seen = std::mem::replace(&mut self.seen, self.stamps);
        // Those that were left come first: whoever has all looked at again and again would keep them from ever being.
        if !std::mem::take(&mut self.is_partial) && std::mem::take(&mut self.all) { 0 } else { seen }
    }

    /// A look went over this many tasks: the more, the rarer looks are while the host is busy. Where they were too many for it, it went
    /// `up_to` this stamp, and the next goes on there.
    pub fn end(&mut self, tasks: usize, up_to: Option<u64>) {
        self.patience = LOOK_TURNS + LOOK_TURNS_PER_TASK * tasks as u64;
        self.is_looked = false;
        if let Some(stamp) = up_to {
            (self.seen, self.is_partial) = (stamp, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn park(trigger: &mut Trigger) -> u64 {
        trigger.park(Waiter::Task(Weak::new()))
    }

    #[test]
    fn nobody_looks_where_nobody_waits_or_nothing_is_new() {
        let mut trigger = Trigger::default();
        assert!(!trigger.is_due(true));
        assert_eq!(park(&mut trigger), 1);
        assert!(trigger.is_due(true));
        assert_eq!((trigger.begin(), trigger.is_due(true)), (0, false));
        trigger.end(0, None);
        assert_eq!(park(&mut trigger), 2);
        assert!(trigger.is_due(true));
        trigger.unpark(1);
        trigger.unpark(2);
        assert!(!trigger.is_due(true), "who waited goes on");
    }

    #[test]
    fn what_was_too_much_for_a_look_is_looked_at_in_the_next() {
        let mut trigger = Trigger::default();
        assert_eq!((0..10).map(|_| park(&mut trigger)).max(), Some(10));
        assert_eq!(trigger.begin(), 0);
        trigger.end(100, Some(4));
        assert!(trigger.is_due(true));
        // Before all are looked at once more.
        trigger.look_at_all();
        park(&mut trigger);
        assert_eq!(trigger.begin(), 4);
        trigger.end(100, Some(8));
        assert_eq!(trigger.begin(), 8);
        trigger.end(100, None);
        assert_eq!((trigger.is_due(true), trigger.begin()), (true, 0));
        trigger.end(100, None);
        assert!(!trigger.is_due(true));
    }

    #[test]
    fn those_that_wait_since_a_look_are_found_without_the_others() {
        let mut trigger = Trigger::default();
        (0..10).for_each(|_| _ = park(&mut trigger));
        [2, 7, 9].into_iter().for_each(|stamp| trigger.unpark(stamp));
        let stamps = |since, max| trigger.waiting_since(since, max).iter().map(|(stamp, _)| *stamp).collect::<Vec<_>>();
        assert_eq!((stamps(5, 10), stamps(10, 10)), (vec![6, 8, 10], vec![]));
        assert_eq!(stamps(0, 3), [1, 3, 4]);
    }

    #[test]
    fn who_is_in_a_hurry_does_not_look_while_another_does() {
        let mut trigger = Trigger::default();
        trigger.begin();
        park(&mut trigger);
        trigger.hurry();
        assert!(!trigger.is_due(false) && !trigger.is_due(true));
        trigger.end(1_000_000, None);
        trigger.hurry();
        assert!(trigger.is_due(false));
    }

    #[test]
    fn on_a_busy_host_looks_are_the_rarer_the_longer_they_take() {
        let turns_until_due = |tasks: usize| {
            let mut trigger = Trigger::default();
            trigger.begin();
            trigger.end(tasks, None);
            park(&mut trigger);
            (0..).find(|_| {
                let due = trigger.is_due(false);
                trigger.turn();
                due
            })
        };
        assert_eq!(turns_until_due(0), Some(LOOK_TURNS));
        assert_eq!(turns_until_due(1000), Some(LOOK_TURNS + 1000 * LOOK_TURNS_PER_TASK));
    }
}
