//! Timers: a list of moments, gone through from its start whenever the clock has moved.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::super::task::TaskRecord;
use super::{Busy, plan, task};
use crate::state::object::store::ObjectStore;
use crate::state::queue::timers::{Due, Timers};
use crate::types::clock::{Clock, ManualClock, Moment};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::plan::TaskPlan;
use rustyray_testkit::seeds;

/// Attempts after the first.
const RETRIES: u32 = 3;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Purpose {
    Deadline,
    Rest,
}

struct Task {
    record: Arc<TaskRecord>,
    /// Of the attempt that runs.
    deadline: Option<Instant>,
    rests: bool,
    done: bool,
}

struct World {
    rng: Rng,
    store: Arc<ObjectStore>,
    clock: ManualClock,
    timers: Timers,
    tasks: Vec<Task>,
    /// All that was noted and has not come yet.
    noted: Vec<(Instant, Purpose, usize)>,
}

impl World {
    fn new(seed: u64) -> Self {
        let (rng, store, clock) = (Rng::with_seed(seed), ObjectStore::new(1 << 20), ManualClock::new());
        World { rng, store, clock, timers: Timers::default(), tasks: Vec::new(), noted: Vec::new() }
    }

    fn any(&mut self, of: impl Fn(&Task) -> bool) -> Option<usize> {
        let found: Vec<usize> = (0..self.tasks.len()).filter(|name| of(&self.tasks[*name])).collect();
        self.rng.choice(found)
    }

    fn note(&mut self, at: Instant, purpose: Purpose, name: usize) {
        let before = self.timers.next();
        let record = &self.tasks[name].record;
        let added = match purpose {
            Purpose::Deadline => self.timers.add(at, record),
            Purpose::Rest => self.timers.rest(at, record),
        };
        // Where the dead were swept it may be the first one now.
        assert!(
            added.is_first || before.is_some_and(|before| before <= at),
            "who waits for the first has to hear of it"
        );
        self.noted.push((at, purpose, name));
    }

    fn begin(&mut self, name: usize) {
        let (now, task) = (self.clock.now(), &mut self.tasks[name]);
        assert!(task.record.begin(Arc::new(Busy), now));
        task.deadline = task.record.spec.plan.limits.timeout.map(|timeout| now + timeout);
        assert_eq!(task.record.deadline(), task.deadline);
        if let Some(at) = task.deadline {
            self.note(at, Purpose::Deadline, name);
        }
    }

    fn submit(&mut self) {
        let mut plan = TaskPlan { max_retries: RETRIES, ..plan() };
        plan.limits.timeout = self.rng.bool().then(|| Duration::from_millis(self.rng.u64(1..500)));
        let name = self.tasks.len();
        let (record, _) = task(name as u64, 0, plan, false, &self.store);
        self.tasks.push(Task { record, deadline: None, rests: false, done: false });
        self.begin(name);
    }

    /// An attempt fails: the task rests, or is over.
    fn fail(&mut self, name: usize) {
        let at = self.clock.now() + Duration::from_millis(self.rng.u64(0..200));
        let crash = TaskError::new(ErrorKind::WorkerCrashed, "over");
        let task = &mut self.tasks[name];
        if task.record.retry(&crash, at, true) {
            (task.deadline, task.rests) = (None, true);
            self.note(at, Purpose::Rest, name);
        } else {
            self.finish(name);
        }
    }

    fn finish(&mut self, name: usize) {
        let task = &mut self.tasks[name];
        let over = Err(Arc::new(TaskError::new(ErrorKind::TaskFailed, "over")));
        assert!(task.record.finish(over, false, Moment::of(&self.clock), |_| ()).is_some());
        (task.deadline, task.rests, task.done) = (None, false, true);
        drop(self.timers.task_ended());
    }

    /// Time passes; what comes is what was noted, in order, and each once.
    fn advance(&mut self) {
        self.clock.advance(Duration::from_millis(self.rng.u64(0..50)));
        let now = self.clock.now();
        let mut came: Vec<(Instant, Purpose, usize)> = Vec::new();
        while let Some(due) = self.timers.pop_due(now) {
            let (purpose, record) = match due {
                Due::Deadline(record) => (Purpose::Deadline, record),
                Due::BackoffOver(record) => (Purpose::Rest, record),
                Due::Nothing(_) => continue,
            };
            let name = record.spec.id.0 as usize;
            let is_it = |(at, of, whose): &(Instant, Purpose, usize)| *at <= now && (*of, *whose) == (purpose, name);
            let at = self.noted.iter().filter(|noted| is_it(noted)).map(|(at, ..)| *at).min().expect("it was noted");
            assert!(came.last().is_none_or(|(before, ..)| *before <= at || purpose == Purpose::Deadline));
            came.push((at, purpose, name));
        }
        assert!(self.timers.next().is_none_or(|at| at > now));
        let (due, later) = std::mem::take(&mut self.noted).into_iter().partition(|(at, ..)| *at <= now);
        self.noted = later;
        self.expect(due, came, now);
    }

    fn expect(&mut self, due: Vec<(Instant, Purpose, usize)>, came: Vec<(Instant, Purpose, usize)>, now: Instant) {
        for (name, task) in self.tasks.iter().enumerate() {
            let count =
                |of: Purpose| came.iter().filter(|(_, purpose, whose)| (*purpose, *whose) == (of, name)).count();
            let noted = |of: Purpose| due.iter().filter(|(_, purpose, whose)| (*purpose, *whose) == (of, name)).count();
            let past = task.deadline.is_some_and(|at| at <= now);
            assert_eq!(count(Purpose::Deadline) > 0, past && noted(Purpose::Deadline) > 0, "{:?}", task.record);
            // What was ended while it rested may have been swept.
            assert!(count(Purpose::Rest) <= noted(Purpose::Rest));
            assert!(!task.rests || count(Purpose::Rest) == noted(Purpose::Rest), "{:?}", task.record);
        }
        for (_, purpose, name) in came {
            match (purpose, self.tasks[name].done) {
                (Purpose::Deadline, false) if self.tasks[name].deadline.is_some() => self.fail(name),
                (Purpose::Rest, false) => {
                    self.tasks[name].rests = false;
                    self.begin(name);
                }
                _ => {}
            }
        }
    }

    /// The host ends: nobody rests any more.
    fn halt(mut self) {
        let mut resting: Vec<usize> =
            self.timers.take_backing_off().iter().map(|task| task.spec.id.0 as usize).collect();
        resting.retain(|name| !self.tasks[*name].done);
        resting.sort_unstable();
        let expected: Vec<usize> = (0..self.tasks.len()).filter(|name| self.tasks[*name].rests).collect();
        assert_eq!(resting, expected);
        self.noted.retain(|(_, purpose, _)| *purpose == Purpose::Deadline);
        self.advance();
    }
}

#[test]
fn timers_do_as_a_list_of_moments_would() {
    seeds::each(20, |seed| {
        let mut world = World::new(seed);
        for _ in 0..1_500 {
            match world.rng.u8(..10) {
                0..5 => world.submit(),
                5..7 => {
                    if let Some(name) = world.any(|task| !task.done && !task.rests) {
                        world.fail(name);
                    }
                }
                7..9 => {
                    if let Some(name) = world.any(|task| !task.done) {
                        world.finish(name);
                    }
                }
                _ => world.advance(),
            }
        }
        world.halt();
    });
}
