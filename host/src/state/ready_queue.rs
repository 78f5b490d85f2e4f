//! Tasks that could run if there were room: by priority, then in the order in which they came.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::task::TaskRecord;
use crate::words::limits::OVERTAKEN_MAX;

/// How far a smaller task may be picked from behind larger ones that do not fit. It bounds the work of one pick.
const LOOKAHEAD: usize = 64;

/// The queue of ready tasks.
#[derive(Default)]
pub struct ReadyQueue {
    by_priority: BTreeMap<Reverse<i32>, VecDeque<Entry>>,
    len: usize,
    /// Entries of tasks that were ended while they stood here.
    dead: usize,
}

struct Entry {
    task: Arc<TaskRecord>,
    overtaken: u32,
}

impl ReadyQueue {
    /// Tasks that could run; the dead are left out.
    pub fn len(&self) -> usize {
        self.len.saturating_sub(self.dead)
    }

    /// Is there no entry, dead or alive? Whoever picks finds out which.
    pub fn is_empty(&self) -> bool {
        self.by_priority.is_empty()
    }

    /// Puts a task behind those of its priority.
    pub fn push(&mut self, task: Arc<TaskRecord>) {
        self.len += 1;
        self.by_priority.entry(Reverse(task.spec.priority)).or_default().push_back(Entry { task, overtaken: 0 });
    }

    /// The first task that `fits`, of the first few; one that was overtaken too often lets nobody pass.
    pub fn pick(&mut self, fits: impl Fn(&TaskRecord) -> bool) -> Option<Arc<TaskRecord>> {
        let (priority, index) = self.find(&fits)?;
        let queue = self.by_priority.get_mut(&priority)?;
        let entry = queue.remove(index)?;
        if queue.is_empty() {
            self.by_priority.remove(&priority);
        }
        self.len -= 1;
        Some(entry.task)
    }

    fn find(&mut self, fits: &impl Fn(&TaskRecord) -> bool) -> Option<(Reverse<i32>, usize)> {
        self.drop_dead_front();
        let mut seen = 0;
        let mut found = None;
        'search: for (priority, queue) in &self.by_priority {
            for (index, entry) in queue.iter().enumerate() {
                if fits(&entry.task) {
                    found = Some((*priority, index));
                    break 'search;
                }
                seen += 1;
                if entry.overtaken >= OVERTAKEN_MAX || seen == LOOKAHEAD {
                    break 'search;
                }
            }
        }
        if found.is_some() && seen > 0 {
            self.by_priority.values_mut().flatten().take(seen).for_each(|entry| entry.overtaken += 1);
        }
        found
    }

    fn drop_dead_front(&mut self) {
        while let Some(mut first) = self.by_priority.first_entry() {
            let queue = first.get_mut();
            while queue.front().is_some_and(|entry| entry.task.is_done()) {
                queue.pop_front();
                self.len -= 1;
                self.dead = self.dead.saturating_sub(1);
            }
            if !queue.is_empty() {
                return;
            }
            first.remove();
        }
    }

    /// A task that stands here was ended. When the dead are the greater part they are swept, so that a storm of
    /// submissions and cancellations leaves nothing behind.
    pub fn forget_one(&mut self) {
        self.dead += 1;
        if self.dead > LOOKAHEAD && self.dead * 2 > self.len {
            self.sweep();
        }
    }

    fn sweep(&mut self) {
        self.by_priority.retain(|_, queue| {
            queue.retain(|entry| !entry.task.is_done());
            !queue.is_empty()
        });
        self.len = self.by_priority.values().map(VecDeque::len).sum();
        self.dead = 0;
    }

    /// Takes all.
    pub fn drain(&mut self) -> Vec<Arc<TaskRecord>> {
        (self.len, self.dead) = (0, 0);
        std::mem::take(&mut self.by_priority).into_values().flatten().map(|entry| entry.task).collect()
    }
}
