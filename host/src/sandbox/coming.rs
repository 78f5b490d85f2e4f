//! What a guest has asked for that is on disk: it is read while the guest goes on, whose other futures and timers are not held up.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use crate::state::object::gathering::{Gathering, is_want_of_room};
use crate::state::object::{ObjectRef, Outcome};
use crate::types::error::TaskError;
use crate::types::ids::{ObjectId, TaskId};
use crate::types::limits::{ASKED_MAX, HELD_MAX, SPILL_PATIENCE};

/// The objects, each with its place among all who wait for the disk; those beyond [`COMING_MAX`] have none yet. Who stops to ask says
/// nothing of it: what came is let go of by itself, and is forgotten with the rest when there is too much of it.
#[derive(Default)]
pub struct Coming(HashMap<ObjectId, Asked>);

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
    /// Was nothing asked for?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This one has its place: `begin` is given when it is refused, if it was before.
    pub fn give_place(&mut self, object: &ObjectRef, begin: impl FnOnce(Option<Instant>) -> Gathering) {
        let asked = self.0.entry(object.id()).or_default();
        asked.place = Some(Arc::new(begin(asked.refused_at())));
    }

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
    pub fn waits_for_place(&self, object: &ObjectRef) -> bool {
        self.0.get(&object.id()).is_some_and(|asked| asked.place.is_none())
    }

    /// Is some of it not there yet?
    pub fn is_awaited(&self) -> bool {
        self.0.values().any(Asked::lacks)
    }

    /// Those that come.
    pub fn underway(&self) -> Vec<Arc<Gathering>> {
        let places = self.0.values().filter_map(|asked| asked.place.as_ref());
        places.filter(|gathering| !gathering.is_done()).cloned().collect()
    }

    /// Those that were asked for and are not there.
    pub fn lacking(&self) -> HashSet<ObjectId> {
        self.0.iter().filter(|(_, asked)| asked.lacks()).map(|(id, _)| *id).collect()
    }

    pub fn ask(&mut self, object: &ObjectRef, call: TaskId) {
        if self.0.len() >= ASKED_MAX {
            // Whoever still wants one of these is told that it is there, and asks anew.
            self.0.retain(|_, asked| asked.place.is_some() && asked.lacks());
        }
        let asked = self.0.entry(object.id()).or_default();
        asked.until.entry(call).or_insert_with(|| Instant::now() + SPILL_PATIENCE);
    }

    /// What became of it, for this call; `None` where that has to wait on, or to ask anew.
    pub fn take(&mut self, object: &ObjectRef, call: TaskId) -> Option<Outcome> {
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
