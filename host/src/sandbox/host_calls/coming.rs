//! What a guest has asked for that is on disk: it is read while the guest goes on, whose other futures and timers are not held up.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::Resource;

use super::super::guest::Guest;
use super::super::trap::broken_contract;
use crate::port::waiting::Wanted;
use crate::state::deadlock::blocked_on::Awaited;
use crate::state::object::gathering::{Gathering, is_want_of_room};
use crate::state::object::{ObjectRef, Outcome};
use crate::types::error::TaskError;
use crate::types::ids::{ObjectId, TaskId};
use crate::types::limits::{ASKED_MAX, COMING_MAX, HANDLES_MAX, HELD_MAX, SPILL_PATIENCE, WAIT_BYTES};

/// The objects, each with its place among all who wait for the disk; those beyond [`COMING_MAX`] have none yet. Who stops to ask says
/// nothing of it: what came is let go of by itself, and is forgotten with the rest when there is too much of it.
#[derive(Default)]
pub(in super::super) struct Coming(HashMap<ObjectId, Asked>);

/// An object that was asked for, by one call or by several that an actor serves at once.
#[derive(Default)]
struct Asked {
    place: Option<Arc<Gathering>>,
    /// When each of these calls is to hear that it is not to be had.
    until: HashMap<TaskId, Instant>,
    /// Why it was not to be had when one of them heard so, and until when the others may: later they ask anew.
    refusal: Option<(Arc<TaskError>, Instant)>,
}

impl Coming {
    /// Its place.
    pub fn get(&self, object: &ObjectRef) -> Option<Arc<Gathering>> {
        self.0.get(&object.id())?.place.clone()
    }

    /// It is not to come any more.
    pub fn remove(&mut self, object: &ObjectRef) {
        if !self.0.is_empty() {
            self.0.remove(&object.id());
        }
    }

    /// Was it asked for, and has no place?
    fn waits_for_place(&self, object: &ObjectRef) -> bool {
        self.0.get(&object.id()).is_some_and(|asked| asked.place.is_none())
    }

    /// Is some of it not there yet?
    pub fn is_awaited(&self) -> bool {
        self.0.values().any(Asked::lacks)
    }

    /// Those that come.
    fn underway(&self) -> Vec<Arc<Gathering>> {
        let places = self.0.values().filter_map(|asked| asked.place.as_ref());
        places.filter(|gathering| !gathering.is_done()).cloned().collect()
    }

    /// Those that were asked for and are not there.
    fn lacking(&self) -> HashSet<ObjectId> {
        self.0.iter().filter(|(_, asked)| asked.lacks()).map(|(id, _)| *id).collect()
    }

    fn ask(&mut self, object: &ObjectRef, call: TaskId) {
        if self.0.len() >= ASKED_MAX {
            // Whoever still wants one of these is told that it is there, and asks anew.
            self.0.retain(|_, asked| asked.place.is_some() && asked.lacks());
        }
        let asked = self.0.entry(object.id()).or_default();
        asked.until.entry(call).or_insert_with(|| Instant::now() + SPILL_PATIENCE);
    }

    /// What became of it, for this call; `None` where that has to wait on, or to ask anew.
    fn take(&mut self, object: &ObjectRef, call: TaskId) -> Option<Outcome> {
        let asked = self.0.get_mut(&object.id())?;
        if let Some(gathered) = asked.place.as_ref().and_then(|gathering| gathering.take()) {
            match gathered.outcomes.into_iter().next().flatten() {
                Some(Err(why)) if is_want_of_room(&why) => asked.is_refused(why),
                // The others find it themselves.
                outcome => {
                    self.0.remove(&object.id());
                    return outcome;
                }
            }
        }
        asked.refusal_for(call).map(Err)
    }
}

impl Asked {
    fn lacks(&self) -> bool {
        self.place.as_ref().is_none_or(|gathering| !gathering.is_done())
    }

    fn is_refused(&mut self, why: Arc<TaskError>) {
        self.place = None;
        self.refusal = Some((why, Instant::now() + HELD_MAX));
    }

    /// One whose time is not over waits on: it came later than the one for whose time it was refused.
    fn refusal_for(&mut self, call: TaskId) -> Option<Arc<TaskError>> {
        let now = Instant::now();
        let (why, told_until) = self.refusal.as_ref()?;
        if *told_until <= now {
            self.refusal = None;
            self.until.retain(|_, until| *until > now);
            return None;
        }
        let why = why.clone();
        let is_over = self.until.get(&call).is_some_and(|until| *until <= now);
        is_over.then(|| {
            self.until.remove(&call);
            why
        })
    }

    /// When the first of those hears that it is not to be had whose time is not over.
    fn refused_at(&self) -> Option<Instant> {
        let now = Instant::now();
        self.until.values().copied().filter(|until| *until > now).min()
    }
}

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
        if self.coming.0.is_empty() || count == 0 {
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
            let asked = self.coming.0.entry(object.id()).or_default();
            let gathering = port.gather(vec![object.clone()], 0, Some(&task)).lapsing();
            let gathering = match asked.refused_at() {
                Some(until) => gathering.refused_at(until),
                None => gathering,
            };
            asked.place = Some(Arc::new(gathering));
        }
    }
}
