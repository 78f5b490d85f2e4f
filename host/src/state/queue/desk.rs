//! The scheduler behind its lock.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::scheduler::{After, Next, Scheduler};
use crate::types::limits::LOOK_AT_LEAST;
use crate::types::sync::{Guard, Mutex, rank};

/// Turns between two looks at the clock.
const TURNS_PER_CLOCK: u64 = 64;

/// A scheduler that threads share.
pub struct Desk<J> {
    scheduler: Mutex<Scheduler<J>, { rank::SCHEDULER }>,
    /// Turns of all threads, to look at the clock at some of them.
    turns: AtomicU64,
    begun: Instant,
    /// When the last look for deadlocks began, in milliseconds since the beginning.
    looked_ms: AtomicU64,
}

/// The scheduler, held.
pub struct Turn<'a, J>(Option<Guard<'a, Scheduler<J>>>);

impl<J> Desk<J> {
    /// A desk for this scheduler.
    pub fn new(scheduler: Scheduler<J>) -> Self {
        let (turns, looked_ms) = (AtomicU64::new(0), AtomicU64::new(0));
        Desk { scheduler: Mutex::new(scheduler), turns, begun: Instant::now(), looked_ms }
    }

    /// What thread `number` is to do next, and the thread to wake, which does the same: where there is more than that. A thread that
    /// finds nothing is among those that rest from then on.
    pub fn next(&self, number: usize) -> (Next<J>, Option<usize>) {
        let is_late = self.has_not_looked_for_long();
        let mut scheduler = self.lock();
        if is_late {
            scheduler.hurry_to_look();
        }
        let next = scheduler.next_for(number);
        if matches!(next, Next::Look(_)) {
            self.looked_ms.store(self.now_ms(), Ordering::Relaxed);
        }
        let other = match next {
            Next::Resume(_) | Next::Start(_) | Next::Look(_) => scheduler.rouse(),
            Next::Nobody | Next::Stuck => {
                scheduler.rest(number);
                // What a spare thread leaves is somebody's: it may be wanted no more, and the last that was awake.
                if scheduler.is_spare(number) { scheduler.rouse() } else { None }
            }
            // It goes on itself.
            Next::Again | Next::Over => None,
        };
        (next, other)
    }

    /// Turns are no measure of time: those of a busy loop take a millisecond, and a look over many tasks is followed by a pause of
    /// as many turns as it went over tasks. Whoever waits for much must not keep others' deadlocks unfound.
    fn has_not_looked_for_long(&self) -> bool {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let since = || self.now_ms().saturating_sub(self.looked_ms.load(Ordering::Relaxed));
        turn.is_multiple_of(TURNS_PER_CLOCK) && since() >= LOOK_AT_LEAST.as_millis() as u64
    }

    fn now_ms(&self) -> u64 {
        self.begun.elapsed().as_millis() as u64
    }

    /// The thread to wake, if there is something to do that nobody does.
    pub fn rouse(&self) -> Option<usize> {
        self.lock().rouse()
    }

    /// A resting thread woke, by itself or because somebody woke it.
    pub fn rise(&self, number: usize) {
        self.lock().rise(number);
    }

    /// Waits for a turn at the scheduler.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn lock(&self) -> Turn<'_, J> {
        Turn(Some(self.scheduler.lock()))
    }
}

impl<J> Deref for Turn<'_, J> {
    type Target = Scheduler<J>;

    fn deref(&self) -> &Scheduler<J> {
        self.0.as_ref().unwrap_or_else(|| unreachable!("it is held until it is dropped"))
    }
}

impl<J> DerefMut for Turn<'_, J> {
    fn deref_mut(&mut self) -> &mut Scheduler<J> {
        self.0.as_mut().unwrap_or_else(|| unreachable!("it is held until it is dropped"))
    }
}

impl<J> Drop for Turn<'_, J> {
    fn drop(&mut self) {
        let after = self.0.as_deref_mut().and_then(Scheduler::take_after);
        // The lock first.
        self.0 = None;
        after.into_iter().for_each(After::run);
    }
}
