//! The calls that wait for one actor, in the order in which they were made; in lanes, where methods are counted for
//! themselves.

use std::collections::VecDeque;
use std::sync::Arc;

use super::job::Job;
use super::types::ActorOptions;
use crate::registry::ActorType;

/// How many calls are served at once: of the methods that are in no group, and of each group. None where there is one at
/// a time.
pub(super) fn room(declared: Option<&ActorType>, options: &ActorOptions) -> Option<Box<[usize]>> {
    let defaults = declared.map(|declared| declared.defaults).filter(|defaults| defaults.serves_several())?;
    let groups = defaults.groups.iter().map(|(_, max)| *max);
    Some([options.max_concurrency.unwrap_or(1)].into_iter().chain(groups).map(|max| max as usize).collect())
}

/// The lane of a method's calls.
pub(super) fn lane_of(declared: Option<&ActorType>, method: &str) -> usize {
    let Some(ActorType { methods, defaults, .. }) = declared else { return 0 };
    let group = methods.iter().find(|declared| declared.name == method).and_then(|method| method.group);
    let place = |group| defaults.groups.iter().position(|(name, _)| *name == group);
    group.and_then(place).map_or(0, |place| place + 1)
}

/// The calls that wait, in their order in each lane.
pub(super) struct Lanes(Box<[VecDeque<Arc<Job>>]>);

impl Lanes {
    /// So many; one at least.
    pub(super) fn new(count: usize) -> Self {
        Self((0..count.max(1)).map(|_| VecDeque::new()).collect())
    }

    /// How many calls wait, those aside that are done.
    pub(super) fn waiting(&mut self) -> usize {
        self.0.iter_mut().for_each(|calls| calls.retain(|call| !call.is_done()));
        self.0.iter().map(VecDeque::len).sum()
    }

    pub(super) fn push(&mut self, lane: usize, call: &Arc<Job>) {
        self.0[lane].push_back(call.clone());
    }

    /// Before all others.
    pub(super) fn push_first(&mut self, lane: usize, call: &Arc<Job>) {
        self.0[lane].push_front(call.clone());
    }

    /// The call that is next, where there is one lane.
    pub(super) fn first(&self) -> Option<&Arc<Job>> {
        self.0[0].front()
    }

    /// The first call of the lanes that have room. One that cannot begin holds up those behind it.
    pub(super) fn next(&mut self, has_room: impl Fn(usize) -> bool) -> Option<Arc<Job>> {
        let lanes = self.0.iter_mut().enumerate();
        lanes.filter(|(lane, _)| has_room(*lane)).find_map(|(_, calls)| {
            while calls.front().is_some_and(|call| call.is_done()) {
                calls.pop_front();
            }
            calls.pop_front_if(|call| call.can_begin())
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(VecDeque::is_empty)
    }

    /// All of them.
    pub(super) fn take(&mut self) -> Vec<Arc<Job>> {
        self.0.iter_mut().flat_map(std::mem::take).collect()
    }
}

impl Default for Lanes {
    fn default() -> Self {
        Self::new(1)
    }
}
