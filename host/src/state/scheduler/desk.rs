//! The scheduler behind its lock, and what is left to be done when nobody holds that.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::task::Waker;

use super::{Next, Scheduler};
use crate::state::task::TaskRecord;
use crate::words::panics::wake;
use crate::words::sync::{Guard, Mutex, rank};

/// A scheduler that threads share.
pub struct Desk<J>(Mutex<Scheduler<J>, { rank::SCHEDULER }>);

/// What is to be done once the lock is let go: a task that is dropped may be the last to hold an actor, and whoever is woken may
/// want a thread, and both ask for the scheduler.
#[derive(Default)]
pub struct After {
    tasks: Vec<Arc<TaskRecord>>,
    wakers: Vec<Waker>,
}

/// The scheduler, held.
pub struct Turn<'a, J>(Option<Guard<'a, Scheduler<J>>>);

impl After {
    /// The task may be the last one's.
    pub fn drop_later(&mut self, task: Arc<TaskRecord>) {
        self.tasks.push(task);
    }

    /// Somebody is to be woken.
    pub fn wake(&mut self, waker: Option<Waker>) {
        self.wakers.extend(waker);
    }

    fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.wakers.is_empty()
    }

    /// Does it, where no lock is held.
    pub fn run(self) {
        self.wakers.into_iter().for_each(wake);
        drop(self.tasks);
    }
}

impl<J> Desk<J> {
    /// A desk for this scheduler.
    pub fn new(scheduler: Scheduler<J>) -> Self {
        Desk(Mutex::new(scheduler))
    }

    /// What thread `number` is to do next, and the thread to wake, which does the same: where there is more than that. A thread that
    /// finds nothing is among those that rest from then on.
    pub fn next(&self, number: usize) -> (Next<J>, Option<usize>) {
        let mut scheduler = self.lock();
        let next = scheduler.next();
        let other = match next {
            Next::Resume(_) | Next::Start(_) | Next::Look(_) => scheduler.rouse(),
            Next::Nobody | Next::Stuck => {
                scheduler.rest(number);
                None
            }
            Next::Over => None,
        };
        (next, other)
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
        Turn(Some(self.0.lock()))
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
        let after = match &mut self.0 {
            Some(scheduler) if !scheduler.after.is_empty() => std::mem::take(&mut scheduler.after),
            _ => After::default(),
        };
        // The lock first.
        self.0 = None;
        after.run();
    }
}
