//! Tells whoever wants to hear what happens to tasks. Where nobody does, that is found out once for each event.

use std::sync::Arc;

use super::Runtime;
use crate::state::task::{TaskRecord, Work};
use crate::types::event::{Event, EventKind, Started};

impl Runtime {
    /// Gives a task its place among those that run.
    pub(super) fn enter(&self, task: &Arc<TaskRecord>) -> usize {
        let slot = self.running.lock().insert(task.clone());
        if self.observers.hear_events() {
            self.emit(task, EventKind::Started(started(task, slot)));
        }
        slot
    }

    /// Takes it away. It is told before, so that at no moment two tasks seem to have the same place.
    pub(super) fn leave(&self, slot: usize) {
        if self.observers.hear_events() {
            let task = self.running.lock().get(slot).cloned();
            task.iter().for_each(|task| self.emit(task, EventKind::Ended));
        }
        let task = self.running.lock().remove(slot);
        // Outside the lock: it may be the last handle to it.
        drop(task);
    }

    /// Something happened to a task.
    pub(super) fn emit(&self, task: &TaskRecord, kind: EventKind) {
        if self.observers.hear_events() {
            self.observers.event(Event { at: self.clock.now(), task: task.spec.id, kind });
        }
    }
}

fn started(task: &TaskRecord, slot: usize) -> Started {
    let spec = &task.spec;
    let actor = match &spec.work {
        Work::Construct { actor } | Work::Call { actor, .. } => Some((actor.spec.id, actor.spec.type_name.clone())),
        Work::Task { .. } | Work::Main { .. } => None,
    };
    // A task gets its place before it begins, a call of an actor after that.
    let attempt = if actor.is_none() { task.attempt() + 1 } else { task.attempt() };
    Started {
        attempt,
        slot,
        name: spec.plan.name.clone(),
        module: spec.module.name.clone(),
        parent: task.parent().map(|parent| parent.spec.id),
        actor,
        queued: spec.queued,
    }
}
