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
    /// Tasks that ended since then, and may have left something here.
    ended: usize,
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
    fn task(&self) -> Option<Arc<TaskRecord>> {
        match self {
            Alarm::Deadline(task) => task.upgrade(),
            Alarm::Rested(task) => Some(task.clone()),
        }
    }
}

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
    Rested(Arc<TaskRecord>),
    /// Nothing of this one, which is over or has another deadline by now.
    Nothing(Option<Arc<TaskRecord>>),
}

impl Due {
    /// The task, if it is one that has rested.
    pub fn rested(self) -> Option<Arc<TaskRecord>> {
        match self {
            Due::Rested(task) => Some(task),
            Due::Deadline(_) | Due::Nothing(_) => None,
        }
    }
}

impl Timers {
    /// Notes a deadline; tells whether it is now the earliest.
    pub fn add(&mut self, at: Instant, task: &Arc<TaskRecord>) -> Added {
        self.push(at, Alarm::Deadline(Arc::downgrade(task)))
    }

    /// Notes the end of a task's rest; tells whether it is now the earliest.
    pub fn rest(&mut self, at: Instant, task: &Arc<TaskRecord>) -> Added {
        self.push(at, Alarm::Rested(task.clone()))
    }

    fn push(&mut self, at: Instant, alarm: Alarm) -> Added {
        let gone = if self.heap.len() >= self.sweep_at.max(SWEEP_MIN) { self.sweep() } else { Gone::new() };
        let is_first = self.next().is_none_or(|next| at < next);
        self.heap.push(Reverse(Entry { at, alarm }));
        Added { is_first, _gone: gone }
    }

    /// A task ended that had a deadline, or rested. Of a million that were cancelled as many are kept as live, and no more.
    #[must_use = "it holds tasks that are to be dropped where no lock is held"]
    pub fn task_ended(&mut self) -> Gone {
        self.ended += 1;
        let many = self.heap.len() >= SWEEP_MIN && self.ended >= self.heap.len() / 2;
        if many { self.sweep() } else { Gone::new() }
    }

    /// Takes out what is dead. Looking at a task may make it the last handle to it.
    fn sweep(&mut self) -> Gone {
        self.ended = 0;
        let mut gone = Gone::new();
        let entries = std::mem::take(&mut self.heap).into_iter();
        let (dead, alive): (Vec<_>, Vec<_>) = entries.partition(|Reverse(entry)| {
            let task = entry.alarm.task();
            let is_dead = task.as_ref().is_none_or(|task| task.is_done());
            gone.extend(task);
            is_dead
        });
        self.heap = alive.into();
        self.sweep_at = self.heap.len() * 2;
        gone.extend(dead.into_iter().filter_map(|Reverse(entry)| entry.alarm.task()));
        gone
    }

    /// Does anything rest that will run again by itself?
    pub fn has_resting(&self) -> bool {
        self.heap.iter().any(|Reverse(entry)| matches!(&entry.alarm, Alarm::Rested(task) if !task.is_done()))
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

    /// Takes what is due by now, one at a time.
    pub fn pop_due(&mut self, now: Instant) -> Option<Due> {
        if self.next().is_none_or(|at| at > now) {
            return None;
        }
        let Reverse(entry) = self.heap.pop()?;
        Some(match entry.alarm {
            Alarm::Rested(task) => Due::Rested(task),
            Alarm::Deadline(task) => match task.upgrade() {
                // A retried task has a later deadline than the one noted for its first attempt.
                Some(task) if task.deadline().is_some_and(|at| at <= now) => Due::Deadline(task),
                task => Due::Nothing(task),
            },
        })
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
