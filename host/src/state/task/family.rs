//! What a task submitted. It is kept apart from the task's record: when the task is done and some of it is not, it is an heir of
//! the family above, as one, however many there are; and whoever ends the tasks above finds it.
//!
//! An heir stands in the nearest family whose owner is not done, so that tasks that submit one another without end make no chain.

use std::sync::{Arc, Weak};

use slab::Slab;

use super::TaskRecord;
use crate::types::limits::ENDS_AT_ONCE;
use crate::types::sync::atomic::{AtomicU64, Ordering};
use crate::types::sync::{Mutex, rank};

/// The tasks that one submitted and that are not done, and the families of those that are.
pub struct Family {
    owner: Weak<TaskRecord>,
    /// So many families had been ended when it was last seen that none of those was above this one.
    seen: AtomicU64,
    core: Mutex<Core, { rank::FAMILY }>,
}

/// Where a task, or an heir, stands.
#[derive(Clone, Debug)]
pub struct Home {
    family: Arc<Family>,
    place: usize,
}

#[derive(Default)]
struct Core {
    members: Slab<Weak<TaskRecord>>,
    heirs: Slab<Arc<Family>>,
    closed: Option<Closed>,
}

/// The owner is done.
struct Closed {
    /// The family above, as long as somebody may have to be found there.
    above: Option<Arc<Family>>,
    /// The place there; none where nobody was left, or nobody is.
    place: Option<usize>,
    /// Do they end with their owner?
    ended: bool,
}

impl Core {
    fn is_empty(&self) -> bool {
        self.members.is_empty() && self.heirs.is_empty()
    }

    /// Nobody is left of a family whose owner is done: gives where it stands, and does no more.
    fn leave_if_empty(&mut self) -> Option<Home> {
        let is_empty = self.is_empty();
        let closed = self.closed.as_mut().filter(|_| is_empty)?;
        let place = closed.place.take()?;
        closed.above.clone().map(|family| Home { family, place })
    }
}

impl Family {
    /// What this task submits, which stands there.
    pub fn of(owner: &Arc<TaskRecord>, home: Option<&Home>) -> Arc<Self> {
        let seen = home.map_or(0, |home| home.family.seen.load(Ordering::Acquire));
        Arc::new(Family { owner: Arc::downgrade(owner), seen: AtomicU64::new(seen), core: Mutex::default() })
    }

    /// Takes a task among its members, or among those of the families above where nobody of this one is left. Gives where it stands,
    /// if anywhere, and whether it is to go on: what is submitted for a task that was ended, or below one, ends too. Who ends families
    /// goes down one task at a time, and would never come to the end of those that submit the next one meanwhile. So many families
    /// were `ended` so far.
    pub fn adopt(self: &Arc<Self>, child: &Arc<TaskRecord>, ended: u64) -> (Option<Home>, bool) {
        let mut family = self.clone();
        loop {
            let mut core = family.core.lock();
            let above = match &core.closed {
                Some(Closed { above, place: None, .. }) => above.clone(),
                _ => {
                    let place = core.members.insert(Arc::downgrade(child));
                    drop(core);
                    // After it was put there: whoever ends them either finds it, or has said before that they end.
                    return (Some(Home { family, place }), !self.is_doomed(ended));
                }
            };
            drop(core);
            match above {
                Some(above) => family = above,
                None => return (None, !self.is_doomed(ended)),
            }
        }
    }

    /// Was it looked at when so many families were `ended`?
    pub fn has_seen(&self, ended: u64) -> bool {
        self.seen.load(Ordering::Acquire) == ended
    }

    /// Did a task end with its children that is its owner, or above that? One that was asked to stop is known to who ends them, and
    /// has its grace.
    fn is_doomed(self: &Arc<Self>, ended: u64) -> bool {
        if self.has_seen(ended) && self.core.lock().closed.is_none() {
            return false;
        }
        let mut next = Some(self.clone());
        while let Some(family) = next {
            let closed = family.core.lock().closed.as_ref().map(|closed| (closed.ended, closed.above.clone()));
            next = match closed {
                Some((true, _)) => return true,
                Some((false, above)) => above,
                None => {
                    let owner = family.owner.upgrade().filter(|owner| !owner.cancel_requested());
                    owner.and_then(|owner| owner.home()).map(|home| home.family)
                }
            };
        }
        self.seen.store(ended, Ordering::Release);
        false
    }

    /// Is its owner done and it ended with that, or with one above?
    fn is_ended(self: &Arc<Self>) -> bool {
        let mut next = Some(self.clone());
        while let Some(family) = next {
            match &family.core.lock().closed {
                None => return false,
                Some(Closed { ended: true, .. }) => return true,
                Some(Closed { above, .. }) => next = above.clone(),
            }
        }
        false
    }

    /// The owner is done, and about to leave its `home`. True if they are to end now: they are `ended` with it, or it stood among those
    /// that end with one above, whose end looks for them there, where they may not be any more. So is what is submitted for it from
    /// here on.
    pub fn close(self: &Arc<Self>, home: Option<&Home>, ended: bool) -> bool {
        let ends = || ended || home.is_some_and(|home| home.family.is_ended());
        let mut core = self.core.lock();
        if core.is_empty() {
            let above = home.map(|home| home.family.clone());
            core.closed = Some(Closed { above, place: None, ended });
            drop(core);
            return ends();
        }
        drop(core);
        // Before the owner is gone from where it stood: they are to be found at each moment.
        let heir = home.and_then(|home| home.family.inherit(self));
        // After it: whoever ended one that it passed over has said so.
        let ended = ends();
        // Where nobody goes on above it, that is all that is kept of those.
        let (above, place) = heir.map(|Home { family, place }| (family, place)).unzip();
        let mut core = self.core.lock();
        core.closed = Some(Closed { above, place, ended });
        let left = core.leave_if_empty();
        drop(core);
        left.into_iter().for_each(Home::leave_heir);
        // Once more: one above may have ended, and looked here, before the last was taken in.
        let ended = ended || ends();
        if let Some(closed) = self.core.lock().closed.as_mut() {
            closed.ended = ended;
        }
        ended
    }

    /// Takes another family among its heirs, or has the nearest one above do it whose owner is not done.
    fn inherit(self: &Arc<Self>, heir: &Arc<Family>) -> Option<Home> {
        let mut family = self.clone();
        loop {
            let mut core = family.core.lock();
            let Some(closed) = &core.closed else {
                let place = core.heirs.insert(heir.clone());
                drop(core);
                return Some(Home { family, place });
            };
            let above = closed.above.clone();
            drop(core);
            family = above?;
        }
    }

    /// The task whose they are: who submitted them, or took them over.
    pub fn owner(self: &Arc<Self>) -> Option<Arc<TaskRecord>> {
        let mut family = self.clone();
        loop {
            let closed = family.core.lock().closed.as_ref().map(|closed| closed.above.clone());
            match closed {
                None => return family.owner.upgrade(),
                Some(above) => family = above?,
            }
        }
    }

    /// Is nobody left?
    pub fn is_empty(&self) -> bool {
        self.core.lock().is_empty()
    }
}

impl Home {
    /// Did a task end with its children above this place, when so many families were `ended`?
    pub fn is_doomed(&self, ended: u64) -> bool {
        self.family.is_doomed(ended)
    }

    /// The task that stands here, or above it.
    pub fn owner(&self) -> Option<Arc<TaskRecord>> {
        self.family.owner()
    }

    /// A member is done.
    pub fn leave(&self) {
        let mut core = self.family.core.lock();
        core.members.try_remove(self.place);
        let left = core.leave_if_empty();
        drop(core);
        left.into_iter().for_each(Home::leave_heir);
    }

    /// Nobody is left of an heir, nor perhaps of the family in which it stood, and so on.
    fn leave_heir(self) {
        let mut next = Some(self);
        while let Some(Home { family, place }) = next {
            let mut core = family.core.lock();
            let gone = core.heirs.try_remove(place);
            next = core.leave_if_empty();
            drop(core);
            drop(gone);
        }
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        // One above the other, and not one in the other: they may be as many as tasks were nested.
        let mut next = self.core.lock().closed.take().and_then(|closed| closed.above);
        while let Some(above) = next {
            next = Arc::into_inner(above).and_then(|above| above.core.lock().closed.take()?.above);
        }
    }
}

impl std::fmt::Debug for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Family")
    }
}

/// A walk through all of a family, heirs included, some at a time, while members come and go.
pub struct Walk {
    /// The families that were begun, and how far each was seen.
    begun: Vec<Begun>,
}

struct Begun {
    family: Arc<Family>,
    members: usize,
    heirs: usize,
}

impl Walk {
    /// From its first member.
    pub fn of(family: Arc<Family>) -> Self {
        let mut walk = Walk { begun: Vec::new() };
        walk.enter(family);
        walk
    }

    /// Goes through this one too, and before the rest.
    pub fn enter(&mut self, family: Arc<Family>) {
        self.begun.push(Begun { family, members: 0, heirs: 0 });
    }

    /// The next ones, [`ENDS_AT_ONCE`] at most and perhaps none; `None` at the end.
    pub fn next(&mut self) -> Option<Vec<Arc<TaskRecord>>> {
        let Begun { family, members, heirs } = self.begun.last_mut()?;
        let core = family.core.lock();
        if *members < core.members.capacity() {
            let places = *members..core.members.capacity().min(*members + ENDS_AT_ONCE);
            *members = places.end;
            let few = places.filter_map(|place| core.members.get(place)?.upgrade()).collect();
            drop(core);
            return Some(few);
        }
        let places = *heirs..core.heirs.capacity().min(*heirs + ENDS_AT_ONCE);
        let heir = places.clone().find_map(|place| Some((place, core.heirs.get(place)?.clone())));
        let is_over = heir.is_none() && places.end == core.heirs.capacity();
        *heirs = heir.as_ref().map_or(places.end, |(place, _)| place + 1);
        drop(core);
        if is_over {
            self.begun.pop();
        }
        if let Some((_, heir)) = heir {
            self.enter(heir);
        }
        Some(Vec::new())
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests;
