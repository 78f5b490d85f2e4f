//! The calls that wait for one actor, in the order in which they were made; in lanes, where methods are counted for
//! themselves.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::sim::state::task::TaskRecord;

/// The calls that wait, in their order in each lane.
pub(crate) struct Mailbox(Box<[Lane]>);

/// A call that cannot begin holds up those behind it that the same task or actor made, unless several are served at once.
struct Lane {
    ordered: bool,
    calls: VecDeque<Arc<TaskRecord>>,
}

impl Lane {
    fn next(&mut self) -> Option<Arc<TaskRecord>> {
        self.calls.retain(|call| !call.is_done());
        let mut held_up = BTreeSet::new();
        let goes = |call: &Arc<TaskRecord>| {
            !held_up.contains(&call.submitter) && (call.can_begin() || !held_up.insert(call.submitter))
        };
        let place = match self.ordered {
            true => self.calls.iter().position(goes)?,
            false => self.calls.iter().position(|call| call.can_begin())?,
        };
        self.calls.remove(place)
    }
}

impl Mailbox {
    /// From each of which so many are served at once; one lane at least.
    pub(crate) fn new(room: &[usize]) -> Self {
        let room = if room.is_empty() { &[1] } else { room };
        Self(room.iter().map(|at_once| Lane { ordered: *at_once <= 1, calls: VecDeque::new() }).collect())
    }

    /// How many calls wait, those aside that are done.
    pub(crate) fn waiting(&mut self) -> usize {
        self.0.iter_mut().for_each(|lane| lane.calls.retain(|call| !call.is_done()));
        self.0.iter().map(|lane| lane.calls.len()).sum()
    }

    pub(crate) fn push(&mut self, lane: usize, call: &Arc<TaskRecord>) {
        self.0[lane].calls.push_back(call.clone());
    }

    /// Before all others.
    pub(crate) fn push_first(&mut self, lane: usize, call: &Arc<TaskRecord>) {
        self.0[lane].calls.push_front(call.clone());
    }

    /// What holds up a call: the nearest before it of the same submitter that cannot begin, where they are served in order.
    pub(crate) fn held_up_by(&self, lane: usize, call: &Arc<TaskRecord>) -> Option<&Arc<TaskRecord>> {
        let Lane { ordered, calls } = &self.0[lane];
        let before = calls.iter().take_while(|other| !Arc::ptr_eq(other, call));
        before.filter(|other| *ordered && other.submitter == call.submitter && !other.can_begin()).last()
    }

    /// The first call of the lanes that have room.
    pub(crate) fn next(&mut self, has_room: impl Fn(usize) -> bool) -> Option<Arc<TaskRecord>> {
        let lanes = self.0.iter_mut().enumerate();
        lanes.filter(|(lane, _)| has_room(*lane)).find_map(|(_, lane)| lane.next())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|lane| lane.calls.is_empty())
    }

    /// All of them.
    pub(crate) fn take(&mut self) -> Vec<Arc<TaskRecord>> {
        self.0.iter_mut().flat_map(|lane| std::mem::take(&mut lane.calls)).collect()
    }
}

impl Default for Mailbox {
    fn default() -> Self {
        Self::new(&[1])
    }
}
