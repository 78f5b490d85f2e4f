//! Deadlines of tasks, in the order in which they come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::task::TaskRecord;

/// The pending deadlines. Those of finished tasks are found dead when they come up, or swept when they are many.
#[derive(Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<Entry>>,
    /// Length at which the dead are swept: twice what lived after the last sweep.
    sweep_at: usize,
}

/// Below this many a sweep is not worth its while.
const SWEEP_MIN: usize = 1024;

struct Entry {
    at: Instant,
    task: Weak<TaskRecord>,
}

impl Timers {
    /// Notes a deadline; true if it is now the earliest.
    pub fn add(&mut self, at: Instant, task: &Arc<TaskRecord>) -> bool {
        if self.heap.len() >= self.sweep_at.max(SWEEP_MIN) {
            self.heap.retain(|Reverse(entry)| entry.task.upgrade().is_some_and(|task| !task.is_done()));
            self.sweep_at = self.heap.len() * 2;
        }
        let first = self.next().is_none_or(|next| at < next);
        self.heap.push(Reverse(Entry { at, task: Arc::downgrade(task) }));
        first
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// Takes a task whose deadline is past.
    pub fn pop_due(&mut self, now: Instant) -> Option<Arc<TaskRecord>> {
        while self.next().is_some_and(|at| at <= now) {
            let Reverse(entry) = self.heap.pop()?;
            // A retried task has a later deadline than the one noted for its first attempt.
            if let Some(task) = entry.task.upgrade().filter(|task| task.deadline().is_some_and(|at| at <= now)) {
                return Some(task);
            }
        }
        None
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}
