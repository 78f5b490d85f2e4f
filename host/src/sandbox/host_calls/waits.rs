//! Waits of a guest for objects, those included that are on disk.

use std::sync::Arc;

use wasmtime::component::Resource;

use super::super::guest::Guest;
use super::super::trap::broken_contract;
use crate::port::waiting::Wanted;
use crate::state::deadlock::blocked_on::Awaited;
use crate::state::object::{ObjectRef, Outcome};
use crate::types::limits::{COMING_MAX, HANDLES_MAX, WAIT_BYTES};

impl Guest {
    /// What these handles refer to, for a wait: what the host keeps for that is the guest's until its [end](Self::end_wait).
    pub(super) fn take_wait(&mut self, handles: Vec<Resource<ObjectRef>>) -> wasmtime::Result<Arc<[ObjectRef]>> {
        if handles.len() > HANDLES_MAX {
            return Err(broken_contract(format!("a wait for {} objects: it can hold {HANDLES_MAX}", handles.len())));
        }
        self.limiter.keep(handles.len() as u64 * WAIT_BYTES)?;
        handles.iter().map(|object| Ok(self.table.get(object)?.clone())).collect()
    }

    /// The wait for these is over.
    pub(super) fn end_wait(&mut self, objects: &[ObjectRef]) {
        self.limiter.let_go(objects.len() as u64 * WAIT_BYTES);
    }

    /// Has an object read back that is on disk. Gives its value once it has come.
    pub(super) fn ask_for(&mut self, object: &ObjectRef) -> Option<Outcome> {
        let call = self.task().spec.id;
        let outcome = self.coming.take(object, call);
        if outcome.is_none() {
            self.coming.ask(object, call);
            self.begin([object]);
        }
        outcome
    }

    /// What a wait for so many of the objects waits for.
    pub(super) fn wanted(&mut self, objects: &Arc<[ObjectRef]>, count: usize) -> Wanted {
        if self.coming.is_empty() || count == 0 {
            return Wanted::of(Awaited::Many(objects.clone()), count);
        }
        // Before it is looked at what is there: what comes between the two ends the wait. Where all of it has come meanwhile there
        // are places again.
        let coming = loop {
            self.begin(objects.iter());
            let coming = self.coming.underway();
            if !coming.is_empty() || !objects.iter().any(|object| self.coming.waits_for_place(object)) {
                break coming;
            }
        };
        let lacking = self.coming.lacking();
        let others = objects.iter().filter(|object| !(lacking.contains(&object.id()) && object.is_away()));
        Wanted { objects: Awaited::Many(others.cloned().collect()), count: count.min(objects.len()), coming }
    }

    /// Are so many of the objects there, or all?
    pub(super) fn has_enough(&self, objects: &[ObjectRef], count: usize) -> bool {
        self.come(objects).len() >= count.min(objects.len())
    }

    /// The indices of those that are there.
    pub(super) fn come(&self, objects: &[ObjectRef]) -> Vec<u32> {
        let lacking = self.coming.lacking();
        let lacks = |object: &ObjectRef| lacking.contains(&object.id()) && object.is_away();
        let come = (0u32..).zip(objects).filter(|(_, object)| object.is_ready() && !lacks(object));
        come.map(|(index, _)| index).collect()
    }

    /// Takes places for those of the objects that were asked for, and have none.
    fn begin<'a>(&mut self, objects: impl IntoIterator<Item = &'a ObjectRef>) {
        let free = COMING_MAX.saturating_sub(self.coming.underway().len());
        let (port, task) = (self.port.clone(), self.task().clone());
        let asked = |object: &&ObjectRef| self.coming.waits_for_place(object);
        let begun: Vec<_> = objects.into_iter().filter(asked).take(free).collect();
        for object in begun {
            let gathering = port.gather(vec![object.clone()], 0, Some(&task)).lapsing();
            self.coming.give_place(object, |refused_at| match refused_at {
                Some(until) => gathering.refused_at(until),
                None => gathering,
            });
        }
    }
}
