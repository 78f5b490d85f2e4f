//! Deadlines of tasks, and the ends of their rests between two attempts, in the order in which they come.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::state::task::TaskRecord;

/// What is to come. What is a finished task's is found dead when it comes up, or swept.
#[derive(Default)]
pub struct Timers {
    deadlines: Line<Weak<TaskRecord>>,
    /// While it rests nobody else need hold a task.
    rests: Line<Arc<TaskRecord>>,
}

/// Tasks by a moment.
struct Line<T> {
    entries: BTreeMap<Key, T>,
    /// Numbers those of one moment.
    last: u64,
    /// Where the sweep goes on.
    swept: Option<Key>,
}

/// A moment, and a number.
type Key = (Instant, u64);

impl<T> Default for Line<T> {
    fn default() -> Self {
        Line { entries: BTreeMap::new(), last: 0, swept: None }
    }
}

/// Below this many a sweep is not worth its while.
const SWEEP_MIN: usize = 1024;

/// Entries that are looked at for each task that ends, and for each that is noted, so that no sweep takes long: each is looked at while
/// a quarter as many tasks end.
const SWEPT_AT_ONCE: usize = 4;

/// Tasks that nobody else may hold by now.
type Gone = Vec<Arc<TaskRecord>>;

/// That something was noted.
#[must_use = "it holds tasks that are to be dropped where no lock is held"]
pub struct Added {
    /// It is the earliest from now on.
    pub is_first: bool,
    _gone: Gone,
}

/// A task whose time has come.
pub enum Due {
    /// Its deadline is past.
    Deadline(Arc<TaskRecord>),
    /// It may be run once more.
    BackoffOver(Arc<TaskRecord>),
    /// Nothing of this one, which is over or has another deadline by now.
    Nothing(Option<Arc<TaskRecord>>),
}

impl Due {
    /// The task, if it is one whose backoff is over.
    pub fn backed_off(self) -> Option<Arc<TaskRecord>> {
        match self {
            Due::BackoffOver(task) => Some(task),
            Due::Deadline(_) | Due::Nothing(_) => None,
        }
    }
}

impl Timers {
    /// Notes a deadline; tells whether it is now the earliest.
    pub fn add(&mut self, at: Instant, task: &Arc<TaskRecord>) -> Added {
        let gone = self.sweep();
        let is_first = self.is_first(at);
        self.deadlines.add(at, Arc::downgrade(task));
        Added { is_first, _gone: gone }
    }

    /// Notes the end of a task's rest; tells whether it is now the earliest.
    pub fn rest(&mut self, at: Instant, task: &Arc<TaskRecord>) -> Added {
        let gone = self.sweep();
        let is_first = self.is_first(at);
        self.rests.add(at, task.clone());
        Added { is_first, _gone: gone }
    }

    fn is_first(&self, at: Instant) -> bool {
        self.next().is_none_or(|next| at < next)
    }

    /// A task ended that had a deadline, or rested. Of a million that were cancelled as many are kept as live, and no more.
    #[must_use = "it holds tasks that are to be dropped where no lock is held"]
    pub fn task_ended(&mut self) -> Gone {
        self.sweep()
    }

    /// Looks at some, and takes out what is dead. Looking at a task may make it the last handle to it.
    fn sweep(&mut self) -> Gone {
        let mut gone = Gone::new();
        self.deadlines.sweep(|task| {
            let task = task.upgrade();
            let is_dead = task.as_ref().is_none_or(|task| task.is_done());
            gone.extend(task);
            is_dead
        });
        gone.extend(self.rests.sweep(|task| task.is_done()));
        gone
    }

    /// Does anything rest that will run again by itself?
    pub fn has_backoffs(&self) -> bool {
        self.rests.entries.values().any(|task| !task.is_done())
    }

    /// Takes the tasks that rest.
    pub fn take_backing_off(&mut self) -> Vec<Arc<TaskRecord>> {
        std::mem::take(&mut self.rests).entries.into_values().collect()
    }

    /// The earliest moment at which something is due.
    pub fn next(&self) -> Option<Instant> {
        [self.deadlines.next(), self.rests.next()].into_iter().flatten().min()
    }

    /// Takes what is due by now, one at a time, in its order.
    pub fn pop_due(&mut self, now: Instant) -> Option<Due> {
        let next = self.next().filter(|at| *at <= now)?;
        if self.rests.next() == Some(next) {
            return self.rests.pop().map(Due::BackoffOver);
        }
        let task = self.deadlines.pop()?.upgrade();
        Some(match task {
            // A retried task has a later deadline than the one noted for its first attempt.
            Some(task) if task.deadline().is_some_and(|at| at <= now) => Due::Deadline(task),
            task => Due::Nothing(task),
        })
    }
}

impl<T> Line<T> {
    fn add(&mut self, at: Instant, task: T) {
        self.last += 1;
        self.entries.insert((at, self.last), task);
    }

    fn next(&self) -> Option<Instant> {
        self.entries.first_key_value().map(|((at, _), _)| *at)
    }

    fn pop(&mut self) -> Option<T> {
        self.entries.pop_first().map(|(_, task)| task)
    }

    /// Looks at the next few, and gives those that are dead, if there are many in all.
    fn sweep(&mut self, mut is_dead: impl FnMut(&T) -> bool) -> Vec<T> {
        if self.entries.len() < SWEEP_MIN {
            return Vec::new();
        }
        let from = self.swept.map_or(Bound::Unbounded, Bound::Excluded);
        let next: Vec<_> = self.entries.range((from, Bound::Unbounded)).take(SWEPT_AT_ONCE).collect();
        // From the start again behind the last one.
        self.swept = next.last().filter(|_| next.len() == SWEPT_AT_ONCE).map(|(key, _)| **key);
        let dead: Vec<Key> = next.into_iter().filter(|(_, task)| is_dead(task)).map(|(key, _)| *key).collect();
        dead.iter().filter_map(|key| self.entries.remove(key)).collect()
    }
}
