//! What happens to tasks, and on the threads.

use std::sync::Arc;
use std::time::Instant;

use super::super::super::task::{Stopped, TaskRecord};
use super::super::{Busy, plan, task};
use super::{Answer, Before, MODULES, Needs, PENDING, SEEN, Stage, THREADS, TOTAL, Task, Told, World};
use crate::state::deadlock::trigger::Waiter;
use crate::state::queue::scheduler::{Next, Scheduler, Wants};
use crate::state::task::cancellation::StopReason;
use crate::types::clock::Moment;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::ids::ModuleId;
use crate::types::limits::{LOOK_TURNS, LOOK_TURNS_PER_TASK};
use crate::types::plan::TaskPlan;

impl World {
    pub(super) fn submit(&mut self) {
        let needs = Needs::any(&mut self.rng);
        let (priority, module, outside) = (self.rng.i32(0..2), self.rng.u64(..MODULES), self.rng.bool());
        let admitted = self.scheduler.admit(&needs.set(), outside, &mut None).map_err(|error| error.kind);
        let expected = match () {
            () if self.closed || (self.drains && outside) => Err(ErrorKind::HostShutDown),
            () if !needs.fits(TOTAL) => Err(ErrorKind::TaskUnschedulable),
            () if self.count(Stage::is_pending) >= PENDING => Err(ErrorKind::QueueFull),
            () => Ok(()),
        };
        assert_eq!(admitted, expected);
        if expected.is_ok() {
            let name = self.tasks.len();
            let max_retries = self.rng.u32(..3);
            let plan = TaskPlan { needs: needs.set(), priority, max_retries, ..plan() };
            let (record, object) = task(name as u64, module, plan, true, &self.store);
            let told = Arc::<Told>::default();
            object.watch(told.clone()).expect("it is pending");
            self.tasks.push(Task { record, needs, priority, module, stage: Stage::Blocked, overtaken: 0, told });
            if self.rng.bool() {
                self.make_ready(name);
            }
        }
    }

    pub(super) fn make_ready(&mut self, name: usize) {
        if self.ready.len() < SEEN {
            let task = &mut self.tasks[name];
            task.stage = Stage::Ready;
            let gpu = task.needs.gpu;
            // Who waits may hold it.
            self.unseen |= gpu > self.free().gpu;
            let task = &self.tasks[name];
            self.ready.push(task.priority, task.module, name);
            assert!(self.scheduler.push(task.record.clone()).is_none(), "it is open");
        }
    }

    /// A thread asks what to do, and does it.
    pub(super) fn ask(&mut self) -> bool {
        let expected = self.expected();
        let next = match self.scheduler.next() {
            Next::Resume(name) => Answer::Resume(name),
            Next::Start(record) => Answer::Start(record.spec.id.0 as usize),
            Next::Look(_) => Answer::Look,
            Next::Stuck => Answer::Stuck,
            Next::Nobody => Answer::Nobody,
            Next::Again => panic!("so few are looked at in one step"),
            Next::Over => panic!("the threads go on"),
        };
        assert_eq!(next, expected, "{}", self.story());
        match next {
            Answer::Start(name) => self.start(name),
            Answer::Resume(name) => self.resume(name),
            Answer::Look => self.look(),
            Answer::Stuck => self.fail_one_that_is_stuck(),
            Answer::Nobody => return false,
        }
        true
    }

    pub(super) fn start(&mut self, name: usize) {
        let task = &mut self.tasks[name];
        let begins = task.record.begin(Arc::new(Busy), Instant::now());
        assert_eq!(begins, task.stage == Stage::Ready, "nothing runs after its cancel returned");
        match begins {
            true => task.stage = Stage::Runs,
            false => self.scheduler.release(&task.record),
        }
    }

    pub(super) fn resume(&mut self, name: usize) {
        let task = &mut self.tasks[name];
        match task.stage {
            Stage::Woken(Before::Idled) => self.scheduler.busy(&task.needs.set()),
            Stage::Woken(Before::Waited { alone }) => {
                go_on(&mut self.scheduler, &task.record, alone, self.stamps.get(&name))
            }
            Stage::Preempted => {}
            stage => panic!("{stage:?} was in no lane"),
        }
        task.stage = Stage::Runs;
    }

    pub(super) fn look(&mut self) {
        let tasks = self.rng.usize(..20);
        self.scheduler.looked(tasks, None);
        (self.unseen, self.turns) = (false, 0);
        self.patience = LOOK_TURNS + LOOK_TURNS_PER_TASK * tasks as u64;
    }

    /// As the runtime does when nothing has moved for a moment, with one of those in the queue.
    pub(super) fn fail_one_that_is_stuck(&mut self) {
        let moves = self.scheduler.moves();
        let Some(name) = self.rng.choice(self.ready.order()) else { return };
        let task = &self.tasks[name].record;
        assert!(!self.scheduler.fail_if_stuck(task, moves.wrapping_sub(1)), "something has moved since");
        assert!(self.scheduler.fail_if_stuck(task, moves) && !self.scheduler.fail_if_stuck(task, moves));
        self.ready.lose(|lost| lost == name);
        self.scheduler.forget(&self.tasks[name].record);
        self.finish(name);
    }

    /// The outcome is there, and is not replaced by another.
    pub(super) fn finish(&mut self, name: usize) {
        let task = &mut self.tasks[name];
        let outcome = || Err(Arc::new(TaskError::new(ErrorKind::TaskFailed, "over")));
        assert!(task.record.finish(outcome(), false, Moment::of(&self.clock), |_| ()).is_some());
        assert!(task.record.finish(outcome(), false, Moment::of(&self.clock), |_| ()).is_none());
        task.stage = Stage::Over;
    }

    pub(super) fn cancel_a_pending_one(&mut self) {
        let Some(name) = self.any(Stage::is_pending) else {
            return;
        };
        let task = &self.tasks[name];
        assert!(matches!(task.record.stop(StopReason::Cancelled), Stopped::BeforeStart));
        self.scheduler.forget(&task.record);
        self.ready.lose(|lost| lost == name);
        self.finish(name);
    }

    /// A job ends: by itself or from outside, running or waiting; or its attempt does, and another follows.
    pub(super) fn end_one(&mut self) {
        let Some(name) = self.any(|stage| matches!(stage, Stage::Runs | Stage::Waits { .. } | Stage::Idles)) else {
            return;
        };
        let task = &self.tasks[name];
        match task.stage {
            Stage::Waits { alone } => go_on(&mut self.scheduler, &task.record, alone, self.stamps.get(&name)),
            Stage::Idles => self.scheduler.busy(&task.needs.set()),
            _ => {}
        }
        self.scheduler.release(&task.record);
        let crash = TaskError::new(ErrorKind::WorkerCrashed, "over");
        if !self.closed && self.ready.len() < SEEN && task.record.retry(&crash, Instant::now(), false) {
            self.scheduler.count(&task.record);
            self.tasks[name].stage = Stage::Blocked;
            self.make_ready(name);
        } else {
            self.finish(name);
        }
    }

    pub(super) fn wait(&mut self) {
        if let Some(name) = self.any(|stage| stage == Stage::Runs) {
            let alone = self.rng.bool();
            self.scheduler.pause(&self.tasks[name].record, alone);
            if alone {
                let task = &self.tasks[name].record;
                let stamp = self.scheduler.park(Waiter::Task(Arc::downgrade(task)));
                self.stamps.insert(name, stamp);
                self.unseen = true;
            }
            self.tasks[name].stage = Stage::Waits { alone };
        }
    }

    pub(super) fn idle(&mut self) {
        if let Some(name) = self.any(|stage| stage == Stage::Runs) {
            self.scheduler.idle(&self.tasks[name].needs.set());
            self.tasks[name].stage = Stage::Idles;
        }
    }

    pub(super) fn wake(&mut self) {
        if let Some(name) = self.any(|stage| matches!(stage, Stage::Waits { .. } | Stage::Idles)) {
            let task = &mut self.tasks[name];
            task.stage = Stage::Woken(match task.stage {
                Stage::Waits { alone } => Before::Waited { alone },
                _ => Before::Idled,
            });
            self.woken.push(task.priority, task.module, name);
            let refused = self.scheduler.resume_soon(task.priority, ModuleId(task.module), name, Wants::Woken);
            assert_eq!(refused, None);
        }
    }

    pub(super) fn preempt(&mut self) {
        if let Some(name) = self.any(|stage| stage == Stage::Runs) {
            let task = &mut self.tasks[name];
            task.stage = Stage::Preempted;
            self.preempted.push(task.priority, task.module, name);
            let refused = self.scheduler.resume_soon(task.priority, ModuleId(task.module), name, Wants::Preempted);
            assert_eq!(refused, None);
        }
    }

    /// A thread that waits for a task, or for an actor, runs it itself.
    pub(super) fn help(&mut self) {
        if let Some(name) = self.any(|stage| stage == Stage::Ready) {
            let is_next = self.startable() == Some(name);
            assert_eq!(self.scheduler.next_if(&self.tasks[name].record), is_next);
            if is_next {
                self.leave_the_queue(name);
                self.start(name);
            }
        }
        if let Some(name) = self.any(|stage| matches!(stage, Stage::Woken(_))) {
            let is_first = self.woken.order().first() == Some(&name);
            assert_eq!(self.scheduler.woken_if(|job| *job == name), is_first.then_some(name));
            if is_first {
                self.woken.take(name, self.weight(self.tasks[name].module));
                self.resume(name);
            }
        }
    }

    pub(super) fn rest_or_rise(&mut self) {
        if self.rng.bool() && self.resting.len() < THREADS {
            let thread = (0..THREADS).find(|thread| !self.resting.contains(thread)).expect("one is awake");
            self.resting.push(thread);
            self.scheduler.rest(thread);
        } else if let Some(thread) = self.rng.choice(self.resting.clone()) {
            self.resting.retain(|other| *other != thread);
            self.scheduler.rise(thread);
        }
    }

    pub(super) fn rouse(&mut self) {
        let has_work = self.woken.len() + self.preempted.len() > 0
            || self.startable().is_some()
            || self.is_stuck()
            || self.is_look_due(self.resting.len() >= THREADS);
        let expected = if has_work { self.resting.pop() } else { None };
        assert_eq!(self.scheduler.rouse(), expected);
    }
}

/// A wait is over.
fn go_on(scheduler: &mut Scheduler<usize>, task: &TaskRecord, alone: bool, stamp: Option<&u64>) {
    scheduler.resume(task, alone);
    if alone {
        scheduler.unpark(*stamp.expect("it waited"));
    }
}
