//! Deadlines of tasks, and the ends of their rests between two attempts, in the order in which they come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::task::TaskRecord;

/// What is to come. What is a finished task's is found dead when it comes up, or swept when there is much of it.
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
    alarm: Alarm,
}

enum Alarm {
    Deadline(Weak<TaskRecord>),
    /// While it rests nobody else need hold it.
    Rested(Arc<TaskRecord>),
}

impl Alarm {
    fn is_dead(&self) -> bool {
        match self {
            Alarm::Deadline(task) => task.upgrade().is_none_or(|task| task.is_done()),
            Alarm::Rested(task) => task.is_done(),
        }
    }
}

/// A task whose time has come.
pub enum Due {
    /// Its deadline is past.
    Deadline(Arc<TaskRecord>),
    /// It may be run once more.
    Rested(Arc<TaskRecord>),
}

impl Timers {
    /// Notes a deadline; true if it is now the earliest.
    pub fn add(&mut self, at: Instant, task: &Arc<TaskRecord>) -> bool {
        self.push(at, Alarm::Deadline(Arc::downgrade(task)))
    }

    /// Notes the end of a task's rest; true if it is now the earliest.
    pub fn rest(&mut self, at: Instant, task: &Arc<TaskRecord>) -> bool {
        self.push(at, Alarm::Rested(task.clone()))
    }

    fn push(&mut self, at: Instant, alarm: Alarm) -> bool {
        if self.heap.len() >= self.sweep_at.max(SWEEP_MIN) {
            self.heap.retain(|Reverse(entry)| !entry.alarm.is_dead());
            self.sweep_at = self.heap.len() * 2;
        }
        let first = self.next().is_none_or(|next| at < next);
        self.heap.push(Reverse(Entry { at, alarm }));
        first
    }

    /// Takes the tasks that rest.
    pub fn take_resting(&mut self) -> Vec<Arc<TaskRecord>> {
        let (resting, deadlines) = std::mem::take(&mut self.heap)
            .into_iter()
            .partition::<Vec<_>, _>(|Reverse(entry)| matches!(entry.alarm, Alarm::Rested(_)));
        self.heap = deadlines.into();
        let task = |Reverse(entry)| match entry {
            Entry { alarm: Alarm::Rested(task), .. } => Some(task),
            _ => None,
        };
        resting.into_iter().filter_map(task).collect()
    }

    /// The earliest moment at which something is due.
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// Takes a task whose time has come.
    pub fn pop_due(&mut self, now: Instant) -> Option<Due> {
        while self.next().is_some_and(|at| at <= now) {
            let Reverse(entry) = self.heap.pop()?;
            // A retried task has a later deadline than the one noted for its first attempt.
            let is_late = |task: &Arc<TaskRecord>| task.deadline().is_some_and(|at| at <= now);
            match entry.alarm {
                Alarm::Rested(task) => return Some(Due::Rested(task)),
                Alarm::Deadline(task) => match task.upgrade().filter(is_late) {
                    Some(task) => return Some(Due::Deadline(task)),
                    None => continue,
                },
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
