//! Tasks that could run if there were room: by priority, then in turn by module, then in the order in which they came.

use std::sync::Arc;

use super::levels::{Levels, Place};
use super::task::TaskRecord;
use crate::words::limits::OVERTAKEN_MAX;

/// How far a smaller task may be picked from behind larger ones that do not fit. It bounds the work of one pick.
const LOOKAHEAD: usize = 64;

/// The queue of ready tasks.
#[derive(Default)]
pub struct ReadyQueue {
    tasks: Levels<Arc<TaskRecord>>,
    /// Tasks that were ended while they stood here.
    dead: usize,
}

/// A task that fits, where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Pick {
    place: Place,
    /// Those before it, which do not fit.
    overtakes: usize,
}

impl Pick {
    /// The task's priority.
    pub fn priority(self) -> i32 {
        self.place.priority
    }
}

impl ReadyQueue {
    /// Tasks that could run; the dead are left out.
    pub fn len(&self) -> usize {
        self.tasks.len().saturating_sub(self.dead)
    }

    /// Is there no task, dead or alive? Whoever picks finds out which.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Puts a task behind those of its priority and module.
    pub fn push(&mut self, task: Arc<TaskRecord>) {
        self.tasks.push(task.spec.plan.priority, task.spec.module.id.0, task);
    }

    /// The first task that `fits`, of the first few; one that was overtaken too often lets nobody pass.
    pub fn find(&mut self, fits: impl Fn(&TaskRecord) -> bool) -> Option<Pick> {
        self.drop_dead_front();
        for (overtakes, (place, task)) in self.tasks.iter(LOOKAHEAD).take(LOOKAHEAD).enumerate() {
            if fits(task) {
                return Some(Pick { place, overtakes });
            }
            if task.overtaken() >= OVERTAKEN_MAX {
                return None;
            }
        }
        None
    }

    /// Takes a task that was just found.
    pub fn take(&mut self, pick: Pick) -> Option<Arc<TaskRecord>> {
        self.tasks.iter(LOOKAHEAD).take(pick.overtakes).for_each(|(_, task)| task.overtake());
        self.tasks.remove(pick.place)
    }

    /// Is this the task that was just found?
    pub fn is(&self, pick: Pick, task: &Arc<TaskRecord>) -> bool {
        // What is asked for is nearly always the very first.
        self.tasks.iter(LOOKAHEAD).nth(pick.overtakes).is_some_and(|(_, found)| Arc::ptr_eq(found, task))
    }

    fn drop_dead_front(&mut self) {
        while self.tasks.first().is_some_and(|(_, task)| task.is_done()) {
            self.tasks.pop();
            self.dead = self.dead.saturating_sub(1);
        }
    }

    /// A task that stands here was ended. When the dead are the greater part they are swept, so that a storm of
    /// submissions and cancellations leaves nothing behind.
    pub fn forget_one(&mut self) {
        self.dead += 1;
        if self.dead > LOOKAHEAD && self.dead * 2 > self.tasks.len() {
            self.tasks.retain(|task| !task.is_done());
            self.dead = 0;
        }
    }

    /// A task that was ended where it stood has been taken like others.
    pub fn remember_one(&mut self) {
        self.dead = self.dead.saturating_sub(1);
    }

    /// Takes all.
    pub fn drain(&mut self) -> Vec<Arc<TaskRecord>> {
        self.dead = 0;
        self.tasks.drain().collect()
    }
}
