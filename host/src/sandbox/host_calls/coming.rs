//! What a guest has asked for that is on disk: it is read while the guest goes on, whose other futures and timers are not held up.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::component::Resource;

use super::super::guest::Guest;
use super::super::trap::broken_contract;
use crate::port::waiting::Wanted;
use crate::state::gathering::Gathering;
use crate::state::object::{ObjectRef, Outcome};
use crate::state::parking::Awaited;
use crate::words::ids::ObjectId;
use crate::words::limits::{COMING_MAX, HANDLES_MAX};

/// The objects, each with its place among all who wait for the disk; those beyond [`COMING_MAX`] have none yet.
#[derive(Default)]
pub(in super::super) struct Coming(HashMap<ObjectId, Option<Arc<Gathering>>>);

impl Coming {
    /// Its place.
    pub fn get(&self, object: &ObjectRef) -> Option<Arc<Gathering>> {
        self.0.get(&object.id()).cloned().flatten()
    }

    /// It is not to come any more.
    pub fn remove(&mut self, object: &ObjectRef) {
        self.0.remove(&object.id());
    }

    /// Is some of it not there yet?
    pub fn is_awaited(&self) -> bool {
        self.0.values().any(|place| place.as_ref().is_none_or(|gathering| !gathering.is_done()))
    }

    /// Was it asked for, and is not there yet?
    fn lacks(&self, object: &ObjectRef) -> bool {
        !self.0.is_empty()
            && self.0.get(&object.id()).is_some_and(|place| place.as_ref().is_none_or(|gathering| !gathering.is_done()))
            && object.is_away()
    }

    /// Those that come.
    fn underway(&self) -> Vec<Arc<Gathering>> {
        self.0.values().flatten().filter(|gathering| !gathering.is_done()).cloned().collect()
    }
}

impl Guest {
    /// What these handles refer to.
    pub(super) fn objects(&self, handles: &[Resource<ObjectRef>]) -> wasmtime::Result<Arc<[ObjectRef]>> {
        if handles.len() > HANDLES_MAX {
            return Err(broken_contract(format!("a wait for {} objects: it can hold {HANDLES_MAX}", handles.len())));
        }
        handles.iter().map(|object| Ok(self.table.get(object)?.clone())).collect()
    }

    /// Has an object read back that is on disk. Gives its value once it has come.
    pub(super) fn ask_for(&mut self, object: &ObjectRef) -> Option<Outcome> {
        self.coming.0.entry(object.id()).or_default();
        self.begin([object]);
        let gathered = self.coming.get(object)?.take()?;
        self.coming.remove(object);
        gathered.outcomes.into_iter().next().flatten()
    }

    /// What a wait for so many of the objects waits for. What was asked for and is not among them is not waited for any more.
    pub(super) fn wanted(&mut self, objects: &Arc<[ObjectRef]>, count: usize) -> Wanted {
        if self.coming.0.is_empty() {
            return Wanted::of(Awaited::Many(objects.clone()), count);
        }
        let by_id: HashMap<_, _> = objects.iter().map(|object| (object.id(), object)).collect();
        self.coming.0.retain(|id, place| {
            let is_done = place.as_ref().is_some_and(|gathering| gathering.is_done());
            by_id.get(id).is_some_and(|object| !is_done || object.is_ready())
        });
        self.begin(objects.iter());
        let others: Vec<_> = objects.iter().filter(|object| !self.coming.lacks(object)).cloned().collect();
        Wanted {
            objects: Awaited::Many(others.into()),
            count: count.min(objects.len()),
            coming: self.coming.underway(),
        }
    }

    /// Are so many of the objects there, or all?
    pub(super) fn has_enough(&self, objects: &[ObjectRef], count: usize) -> bool {
        self.come(objects).len() >= count.min(objects.len())
    }

    /// The indices of those that are there.
    pub(super) fn come(&self, objects: &[ObjectRef]) -> Vec<u32> {
        let come = (0u32..).zip(objects).filter(|(_, object)| object.is_ready() && !self.coming.lacks(object));
        come.map(|(index, _)| index).collect()
    }

    /// Takes places for those of the objects that were asked for, and have none.
    fn begin<'a>(&mut self, objects: impl IntoIterator<Item = &'a ObjectRef>) {
        let free = COMING_MAX.saturating_sub(self.coming.underway().len());
        let (port, task) = (self.port.clone(), self.task().clone());
        let asked = |object: &&ObjectRef| self.coming.0.get(&object.id()).is_some_and(Option::is_none);
        let begun: Vec<_> = objects.into_iter().filter(asked).take(free).collect();
        for object in begun {
            let gathering = port.gather(vec![object.clone()], 0, Some(&task)).lapsing();
            self.coming.0.insert(object.id(), Some(Arc::new(gathering)));
        }
    }
}
