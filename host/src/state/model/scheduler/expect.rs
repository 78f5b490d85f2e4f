//! What the scheduler should hold, and say.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::super::super::task::TaskRecord;
use super::super::turns::Line;
use super::super::{plan, task};
use super::{Answer, LANES, Lane, Needs, Stage, THREADS, TOTAL, Task, World};
use crate::state::queue::scheduler::Load;

impl World {
    pub(super) fn count(&self, of: impl Fn(Stage) -> bool) -> usize {
        self.tasks.iter().filter(|task| of(task.stage)).count()
    }

    pub(super) fn instances(&self) -> u32 {
        self.count(Stage::has_an_instance) as u32
    }

    /// Those that compute, or wait for something that comes by itself.
    pub(super) fn active(&self) -> u32 {
        self.count(|stage| stage.has_an_instance() && !stage.idles() && !stage.waits_alone()) as u32
    }

    pub(super) fn free(&self) -> Needs {
        let held = |of: fn(Stage) -> bool, amount: fn(&Needs) -> i64| -> i64 {
            self.tasks.iter().filter(|task| of(task.stage)).map(|task| amount(&task.needs)).sum()
        };
        Needs {
            cpu: TOTAL.cpu - held(Stage::has_its_cpu, |needs| needs.cpu),
            gpu: TOTAL.gpu - held(Stage::has_an_instance, |needs| needs.gpu),
            memory: TOTAL.memory - held(Stage::has_an_instance, |needs| needs.memory),
        }
    }

    pub(super) fn is_stuck(&self) -> bool {
        let idle = self.count(Stage::idles) as u32;
        self.active() == 0
            && self.ready.len() > 0
            && (self.ready.order().iter().any(|name| !self.leaves_instances(self.tasks[*name].module))
                || self.instances() > idle)
            && self.startable().is_none()
    }

    pub(super) fn is_look_due(&self, quiet: bool) -> bool {
        let waiting = self.count(Stage::waits_alone);
        waiting > 0 && self.unseen && (quiet || self.turns >= self.patience)
    }

    /// What the next thing to do is, and what follows from that for the model.
    pub(super) fn expected(&mut self) -> Answer {
        self.turns += 1;
        if self.is_look_due(false) {
            return Answer::Look;
        }
        let priority = |name: Option<usize>| name.map(|name| self.tasks[name].priority);
        let first = |line: &Line| line.order().first().copied();
        let heads = LANES.map(|lane| match lane {
            Lane::Woken => first(&self.woken),
            Lane::Ready => self.startable(),
            Lane::Preempted => first(&self.preempted),
        });
        let highest = heads.iter().filter_map(|head| priority(*head)).max();
        let lane =
            (0..3).map(|n| (self.turn + n) % 3).find(|lane| highest.is_some() && priority(heads[*lane]) == highest);
        let Some(name) = lane.and_then(|lane| heads[lane]) else {
            return match () {
                () if self.is_look_due(self.resting.len() + 1 >= THREADS) => Answer::Look,
                () if self.is_stuck() => Answer::Stuck,
                () => Answer::Nobody,
            };
        };
        self.turn = lane.map_or(0, |lane| (lane + 1) % 3);
        match lane.map(|lane| LANES[lane]) {
            Some(Lane::Woken) => self.woken.take(name, self.weight(self.tasks[name].module)),
            Some(Lane::Preempted) => self.preempted.take(name, self.weight(self.tasks[name].module)),
            _ => {
                self.leave_the_queue(name);
                return Answer::Start(name);
            }
        }
        Answer::Resume(name)
    }

    pub(super) fn leave_the_queue(&mut self, name: usize) {
        for before in self.heads().into_iter().take_while(|before| *before != name) {
            self.tasks[before].overtaken += 1;
        }
        self.ready.take(name, self.weight(self.tasks[name].module));
    }

    pub(super) fn is_dead(&self, name: usize) -> bool {
        self.tasks[name].stage == Stage::Over
    }

    /// Both are what they should be.
    pub(super) fn check(&mut self) {
        if !self.closed {
            let stranger = self.stranger();
            assert!(!self.scheduler.next_if(&stranger), "it starts nobody but who is next");
        }
        let free = self.free();
        assert!(free.gpu >= 0 && free.memory >= 0, "{free:?}");
        let pending = self.count(Stage::is_pending);
        let (instances, active, memory_bytes) = (self.instances(), self.active(), (TOTAL.memory - free.memory) as u64);
        let load = Load { pending, ready: self.ready.len(), instances, active, memory_bytes };
        assert_eq!(self.scheduler.load(), load);
        for task in &self.tasks {
            assert_eq!(task.record.overtaken(), task.overtaken, "{:?}", task.record);
            assert_eq!(task.told.0.load(Ordering::Relaxed), u32::from(task.stage == Stage::Over), "{:?}", task.record);
        }
    }

    pub(super) fn stranger(&self) -> Arc<TaskRecord> {
        task(u64::MAX, 0, plan(), false, &self.store).0
    }

    /// Who is ready, in turn, and what is free.
    pub(super) fn story(&self) -> String {
        let ready = self.ready.order().into_iter().map(|name| {
            let Task { needs, priority, module, stage, overtaken, .. } = &self.tasks[name];
            format!("{name}: {needs:?} {stage:?}, priority {priority}, module {module}, overtaken {overtaken}\n")
        });
        format!("free: {:?}\n{}", self.free(), ready.collect::<String>())
    }
}
