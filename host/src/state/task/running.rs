//! The register of what runs: tasks, and the calls that actors serve.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Weak};

use slab::Slab;

use super::{TaskRecord, Work};
use crate::types::ids::{ActorId, TaskId};
use crate::types::resources::ResourceSet;

/// What runs, each in a place of its own.
#[derive(Default)]
pub struct Running {
    tasks: Slab<Arc<TaskRecord>>,
    /// The places of those that hold custom resources, or whose actors do: who looks for them does not go over all others.
    holding: BTreeSet<usize>,
    /// Of actors that serve several calls at once and hold custom resources: the calls that wait by themselves.
    beside: BTreeMap<(ActorId, TaskId), Weak<TaskRecord>>,
}

impl Running {
    /// Gives a task its place.
    pub fn insert(&mut self, task: Arc<TaskRecord>) -> usize {
        let holds = held(&task).is_some();
        let place = self.tasks.insert(task);
        if holds {
            self.holding.insert(place);
        }
        place
    }

    /// Takes it away.
    pub fn remove(&mut self, place: usize) -> Arc<TaskRecord> {
        self.holding.remove(&place);
        self.tasks.remove(place)
    }

    /// The task at this place.
    pub fn get(&self, place: usize) -> Option<&Arc<TaskRecord>> {
        self.tasks.get(place)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TaskRecord>> {
        self.tasks.iter().map(|(_, task)| task)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// This call, one of several that its actor serves at once, waits by itself.
    pub fn begins_to_wait(&mut self, call: &Arc<TaskRecord>) {
        if let Some(key) = beside(call) {
            self.beside.insert(key, Arc::downgrade(call));
        }
    }

    /// It goes on.
    pub fn goes_on(&mut self, call: &TaskRecord) {
        if let Some(key) = beside(call) {
            self.beside.remove(&key);
        }
    }

    /// Those that hold custom resources, beside actors that have nothing to do. Of an actor that serves several calls at once one stands
    /// for all that wait by themselves, since no other call helps it.
    pub fn holders(&self) -> Vec<Arc<TaskRecord>> {
        let mut holders: Vec<_> = self.holding.iter().map(|place| self.tasks[*place].clone()).collect();
        let mut after = Bound::Unbounded;
        while let Some(((actor, first), _)) = self.beside.range((after, Bound::Unbounded)).next() {
            let last = (*actor, TaskId(u64::MAX));
            let mut calls = self.beside.range((*actor, *first)..=last).filter_map(|(_, call)| call.upgrade());
            // Some have ended, or are about to wait.
            holders.extend(calls.find(|call| call.is_running() && call.waits_alone()));
            after = Bound::Excluded(last);
        }
        holders
    }
}

/// What a task holds of custom resources, or the actor whose call it is; `None` if that is none, or the actor's whatever its calls do.
fn held(task: &TaskRecord) -> Option<&ResourceSet> {
    let holds = match &task.spec.work {
        Work::Call { actor, .. } if actor.lanes.is_some() => return None,
        Work::Call { actor, .. } => &actor.spec.holds,
        Work::Task { .. } | Work::Main { .. } | Work::Construct { .. } => &task.spec.plan.needs,
    };
    Some(holds).filter(|holds| has_custom(holds))
}

fn beside(call: &TaskRecord) -> Option<(ActorId, TaskId)> {
    match &call.spec.work {
        Work::Call { actor, .. } if has_custom(&actor.spec.holds) => Some((actor.spec.id, call.spec.id)),
        _ => None,
    }
}

fn has_custom(holds: &ResourceSet) -> bool {
    holds.custom().any(|(_, amount)| amount > 0)
}
