//! What can go on, and in which order.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::frame::Frame;
use super::job::Job;

/// Who gets the turn.
pub(super) enum Turn {
    Begin(Arc<Job>),
    Go(Arc<Frame>),
}

/// By priority, then in order.
#[derive(Default)]
pub(super) struct ReadyQueue(BTreeMap<(Reverse<i32>, u64), Turn>);

impl Turn {
    fn priority(&self) -> i32 {
        match self {
            Self::Begin(job) => job.plan.priority,
            Self::Go(frame) => frame.job().plan.priority,
        }
    }
}

impl ReadyQueue {
    /// Puts a turn behind those of its priority: `number` is higher than theirs.
    pub(super) fn push(&mut self, turn: Turn, number: u64) {
        self.0.insert((Reverse(turn.priority()), number), turn);
    }

    pub(super) fn pop(&mut self) -> Option<Turn> {
        self.0.pop_first().map(|(_, turn)| turn)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
