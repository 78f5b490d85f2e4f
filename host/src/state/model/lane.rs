//! A lane: one list in the order in which calls came, gone through from its beginning.

use std::collections::HashSet;
use std::sync::Arc;

use fastrand::Rng;

use super::super::task::TaskRecord;
use super::{plan, task};
use crate::state::actor::lane::{Gone, Lane, Submitter};
use crate::state::object::store::ObjectStore;
use crate::types::clock::{ManualClock, Moment};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::ids::{ActorId, TaskId};
use rustyray_testkit::seeds;

struct Call {
    record: Arc<TaskRecord>,
    submitter: Submitter,
    released: bool,
    over: bool,
}

struct World {
    rng: Rng,
    store: Arc<ObjectStore>,
    ordered: bool,
    lane: Lane,
    calls: Vec<Call>,
    /// Those that wait, by their places in `calls`.
    list: Vec<usize>,
}

/// A task and an actor of one number, and the embedder.
fn submitters() -> [Submitter; 3] {
    [Submitter::EMBEDDER, Submitter::task(TaskId(1)), Submitter::actor(ActorId(1))]
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let at_once = rng.u32(1..=2);
        World {
            rng,
            store: ObjectStore::new(1 << 20),
            ordered: at_once == 1,
            lane: Lane::new(at_once),
            calls: Vec::new(),
            list: Vec::new(),
        }
    }

    /// The first of all that nobody of its submitter stands before, and that can be served.
    fn expected(&self) -> Option<usize> {
        let mut held_up = HashSet::new();
        self.list.iter().copied().find(|name| {
            let Call { submitter, released, over, .. } = self.calls[*name];
            let goes = !over && released && !held_up.contains(&submitter);
            if self.ordered && !over {
                held_up.insert(submitter);
            }
            goes
        })
    }

    fn push(&mut self, first: bool) {
        let (name, mut gone) = (self.calls.len(), Gone::new());
        let record = task(name as u64, 0, plan(), false, &self.store).0;
        let (submitter, released) = (submitters()[self.rng.usize(..3)], self.rng.bool());
        if released {
            record.watch_arguments();
        }
        match first {
            true => self.lane.push_first(record.clone(), submitter, &mut gone),
            false => self.lane.push(record.clone(), submitter, &mut gone),
        }
        self.gone(&gone);
        self.calls.push(Call { record, submitter, released, over: false });
        self.list.insert(if first { 0 } else { self.list.len() }, name);
    }

    /// What the lane has let go of was over.
    fn gone(&mut self, gone: &Gone) {
        for record in gone {
            let name = record.spec.id.0 as usize;
            assert!(self.calls[name].over);
            self.list.retain(|other| *other != name);
        }
    }

    fn change(&mut self) {
        let Some(name) = self.rng.choice(self.list.iter().copied()).filter(|name| !self.calls[*name].over) else {
            return;
        };
        let call = &mut self.calls[name];
        match self.rng.bool() {
            true if call.released => return,
            true => {
                call.record.watch_arguments();
                call.released = true;
            }
            false => {
                let over = Err(Arc::new(TaskError::new(ErrorKind::TaskCancelled, "over")));
                assert!(call.record.finish(over, false, Moment::of(&ManualClock::new()), |_| ()).is_some());
                call.over = true;
            }
        }
        let mut gone = Gone::new();
        self.lane.changed(&call.record, call.submitter, &mut gone);
        self.gone(&gone);
    }

    fn next(&mut self) {
        let expected = self.expected();
        let mut gone = Gone::new();
        let next = self.lane.next(&mut gone).map(|record| record.spec.id.0 as usize);
        assert_eq!(next, expected);
        self.gone(&gone);
        self.list.retain(|name| Some(*name) != next);
    }

    fn sweep(&mut self) {
        let mut gone = Gone::new();
        self.lane.sweep(&mut gone);
        self.gone(&gone);
        assert!(self.list.iter().all(|name| !self.calls[*name].over));
    }

    fn step(&mut self) {
        match self.rng.u8(..20) {
            0..6 => self.push(false),
            6..8 => self.push(true),
            8..14 => self.change(),
            14..19 => self.next(),
            _ => self.sweep(),
        }
        let mut waiting: Vec<_> =
            self.lane.waiting().map(|(number, _, call)| (number, call.spec.id.0 as usize)).collect();
        waiting.sort_unstable();
        let waiting: Vec<_> = waiting.into_iter().map(|(_, name)| name).collect();
        assert_eq!(
            (&waiting, self.lane.len(), self.lane.is_empty()),
            (&self.list, self.list.len(), self.list.is_empty())
        );
        if !self.list.is_empty() && self.list.iter().all(|name| self.calls[*name].over) {
            // Nobody stands before them.
            panic!("those that were ended are gone where nobody is before them");
        }
    }
}

#[test]
fn a_lane_serves_each_submitter_in_order_and_holds_up_no_other() {
    seeds::each(300, |seed| {
        let mut world = World::new(seed);
        for _ in 0..300 {
            world.step();
        }
        drop(world.lane);
        world.calls.clear();
        assert_eq!(world.store.live_objects(), 0);
    });
}
