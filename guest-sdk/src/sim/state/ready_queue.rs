//! What can go on, and in which order.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::sim::state::instance::Instance;
use crate::sim::state::task::TaskRecord;

/// Who gets the turn.
pub(crate) enum Turn {
    Begin(Arc<TaskRecord>),
    Go(Arc<Instance>),
}

/// By priority, then in order.
#[derive(Default)]
pub(crate) struct ReadyQueue(BTreeMap<(Reverse<i32>, u64), Turn>);

impl Turn {
    fn priority(&self) -> i32 {
        match self {
            Self::Begin(task) => task.plan.priority,
            Self::Go(instance) => instance.task().plan.priority,
        }
    }
}

impl ReadyQueue {
    /// Puts a turn behind those of its priority: `number` is higher than theirs.
    pub(crate) fn push(&mut self, turn: Turn, number: u64) {
        self.0.insert((Reverse(turn.priority()), number), turn);
    }

    pub(crate) fn pop(&mut self) -> Option<Turn> {
        self.0.pop_first().map(|(_, turn)| turn)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
