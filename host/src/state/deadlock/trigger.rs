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
    /// What closed a circle may be no wait: looks go over all that wait.
    all: Option<Pass>,
    /// And once more, when they have.
    all_again: bool,
    /// What somebody looks at, and the last stamp when that began.
    looks: Option<(Over, u64)>,
    /// The look before went over a part of all.
    was_part_of_all: bool,
    /// Turns of the threads since then.
    turns: u64,
    /// Turns until the next look on a busy host.
    patience: u64,
}

/// Looks over all that wait: several, where that is too much for one.
#[derive(Clone, Copy)]
struct Pass {
    /// The last stamp that was looked at.
    at: u64,
    /// The last one when it began; none before that.
    until: Option<u64>,
}

/// What a look goes over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    /// The waits that are new.
    News,
    /// All of them.
    All,
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

    /// Is it time to look? One look at a time is enough. A deadlock is closed by a wait, or by a task that became ready: where there was
    /// neither there is none that was not there before.
    pub fn is_due(&self, quiet: bool) -> bool {
        self.looks.is_none()
            && !self.waiting.is_empty()
            && (self.all.is_some() || self.stamps != self.seen)
            && (quiet || self.turns >= self.patience)
    }

    /// Does somebody look right now?
    pub fn is_looking(&self) -> bool {
        self.looks.is_some()
    }

    /// A task that is ready lacks what those that wait may hold.
    pub fn look_at_all(&mut self) {
        match self.all {
            Some(Pass { until: Some(_), .. }) => self.all_again = true,
            _ => self.all = Some(Pass { at: 0, until: None }),
        }
    }

    /// However few turns were taken, it is time; unless somebody looks right now.
    pub fn hurry(&mut self) {
        if self.patience != u64::MAX {
            self.patience = 0;
        }
    }

    /// Somebody looks. Gives the stamp after which the waits are to be looked at. Where there are new ones and all are to be looked at, and
    /// all are too much for one look, they have it in turn: neither keeps the other from ever being done.
    pub fn begin(&mut self) -> u64 {
        self.turns = 0;
        // Until the look tells how long it took.
        self.patience = u64::MAX;
        let stamps = self.stamps;
        let news_first = self.was_part_of_all && stamps != self.seen;
        match &mut self.all {
            Some(pass) if !news_first => {
                pass.until.get_or_insert(stamps);
                self.looks = Some((Over::All, stamps));
                pass.at
            }
            _ => {
                self.looks = Some((Over::News, stamps));
                self.seen
            }
        }
    }

    /// A look went over this many tasks: the more, the rarer looks are while the host is busy. Where they were too many for it, it went
    /// `up_to` this stamp, and the next goes on there.
    pub fn end(&mut self, tasks: usize, up_to: Option<u64>) {
        self.patience = LOOK_TURNS + LOOK_TURNS_PER_TASK * tasks as u64;
        let Some((over, last)) = self.looks.take() else { return };
        let up_to = up_to.unwrap_or(last);
        self.was_part_of_all = false;
        match &mut self.all {
            Some(pass) if over == Over::All && pass.until.is_some_and(|until| up_to < until) => {
                pass.at = up_to;
                self.was_part_of_all = true;
            }
            _ => {
                if over == Over::All {
                    self.all = std::mem::take(&mut self.all_again).then_some(Pass { at: 0, until: None });
                }
                // All up to there are among those that are not new any more.
                self.seen = self.seen.max(up_to);
            }
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
        assert_eq!(trigger.begin(), 4);
        trigger.end(100, None);
        assert!(!trigger.is_due(true));
    }

    #[test]
    fn new_waits_without_end_keep_all_from_being_looked_at_as_little_as_all_keeps_new_ones() {
        let mut trigger = Trigger::default();
        (0..10).for_each(|_| _ = park(&mut trigger));
        trigger.look_at_all();
        let mut begun = Vec::new();
        for up_to in [3, 4, 6, 8, 10, 11] {
            begun.push(trigger.begin());
            // More than a look goes over, of either, again and again.
            park(&mut trigger);
            trigger.look_at_all();
            trigger.end(100, Some(up_to));
        }
        assert_eq!(begun, [0, 0, 3, 4, 6, 0], "all of the first ten and the new ones in turn, and all once more");
        for begins in [10, 11, 0] {
            assert_eq!(trigger.begin(), begins);
            trigger.end(100, None);
        }
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
