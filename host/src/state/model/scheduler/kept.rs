//! What is kept for tasks that were overtaken too often, worked out anew from all tasks.

use std::collections::BTreeSet;

use super::{INSTANCES, MODULES, Needs, Stage, TOTAL, Task, World};
use crate::types::limits::OVERTAKEN_MAX;

/// Kinds of which a task has not enough, and how much of them others leave alone.
struct Kept {
    module: u64,
    lacks: [bool; 3],
    share: [i64; 3],
}

impl Needs {
    fn kinds(self) -> [i64; 3] {
        [self.cpu, self.gpu, self.memory]
    }
}

impl World {
    /// The first that fits, and takes nothing that is kept. Where nobody computes, nothing is.
    pub(super) fn startable(&self) -> Option<usize> {
        if self.instances() == super::INSTANCES {
            return None;
        }
        let free = self.free();
        let mut kept = Vec::new();
        let mut passed = None;
        for name in self.heads() {
            let task = &self.tasks[name];
            if !self.leaves_instances(task.module) {
                continue;
            }
            let others = Needs { cpu: 0, ..task.needs };
            let passes = |needs| kept.iter().all(|kept: &Kept| kept.lets_pass(task.module, needs, free));
            if task.needs.fits(free) {
                if passes(task.needs) {
                    return Some(name);
                }
                passed = passed.or(Some(name));
            } else if others.fits(free) && self.has_its_share(name) {
                if passes(others) {
                    self.overbooked.set(self.overbooked.get() + 1);
                    return Some(name);
                }
            } else if task.overtaken >= OVERTAKEN_MAX && task.needs.fits(self.may_come()) {
                kept.push(self.kept_for(name, free));
            }
        }
        if passed.is_some() {
            self.kept.set(self.kept.get() + 1);
        }
        passed.filter(|_| self.active() == 0)
    }

    /// Is one left for each of the other modules that hold none?
    pub(super) fn leaves_instances(&self, module: u64) -> bool {
        let holds = |module| self.tasks.iter().any(|task| task.module == module && task.stage.has_an_instance());
        let free = INSTANCES - self.instances();
        let without = (0..MODULES).filter(|module| self.enrolled && !holds(*module)).count() as u32;
        free > without || (free > 0 && self.enrolled && !holds(module))
    }

    /// May its module have that many CPUs though others hold them? All of its share, rounded up to whole CPUs, and one task at least.
    fn has_its_share(&self, name: usize) -> bool {
        let Task { module, needs, .. } = &self.tasks[name];
        let ready = self.ready.order().into_iter().map(|name| self.tasks[name].module);
        let modules: BTreeSet<_> = ready.chain((0..MODULES).filter(|module| self.held_by(*module)[0] > 0)).collect();
        let held = self.held_by(*module)[0];
        held == 0 || held + needs.cpu <= (self.part(TOTAL.cpu, *module, modules) as u64).next_multiple_of(1000) as i64
    }

    /// The part of all that is due to a module by its weight, where these share it.
    fn part(&self, whole: i64, module: u64, sharers: BTreeSet<u64>) -> i64 {
        let all: u32 = sharers.into_iter().map(|module| self.weight(module)).sum();
        whole * i64::from(self.weight(module)) / i64::from(all)
    }

    /// Of those of one owner that need the same the first; in turn.
    pub(super) fn heads(&self) -> Vec<usize> {
        let mut seen = Vec::new();
        let mut heads = Vec::new();
        for name in self.ready.order() {
            let task = &self.tasks[name];
            let class = (task.module, task.needs);
            if !seen.contains(&class) {
                seen.push(class);
                heads.push(name);
            }
        }
        heads
    }

    /// All but what those hold that wait for others, or idle.
    fn may_come(&self) -> Needs {
        let stalled = |amount: fn(&Needs) -> i64, of: fn(Stage) -> bool| -> i64 {
            self.tasks.iter().filter(|task| of(task.stage)).map(|task| amount(&task.needs)).sum()
        };
        Needs {
            cpu: TOTAL.cpu - stalled(|needs| needs.cpu, Stage::idles),
            gpu: TOTAL.gpu - stalled(|needs| needs.gpu, Stage::is_stalled),
            memory: TOTAL.memory - stalled(|needs| needs.memory, Stage::is_stalled),
        }
    }

    fn kept_for(&self, name: usize, free: Needs) -> Kept {
        let task = &self.tasks[name];
        let modules: BTreeSet<u64> = self.ready.order().iter().map(|name| self.tasks[*name].module).collect();
        let (needs, total, free) = (task.needs.kinds(), TOTAL.kinds(), free.kinds());
        let held = self.held_by(task.module);
        let lacks = [0, 1, 2].map(|kind| needs[kind] > 0 && needs[kind] > free[kind]);
        let share = [0, 1, 2].map(|kind| match lacks[kind] {
            true => needs[kind].min(self.part(total[kind], task.module, modules.clone())) - held[kind],
            false => 0,
        });
        Kept { module: task.module, lacks, share }
    }

    fn held_by(&self, module: u64) -> [i64; 3] {
        let holds = |of: fn(Stage) -> bool, kind: usize| -> i64 {
            let its = self.tasks.iter().filter(|task| task.module == module && of(task.stage));
            its.map(|task| task.needs.kinds()[kind]).sum()
        };
        [holds(Stage::has_its_cpu, 0), holds(Stage::has_an_instance, 1), holds(Stage::has_an_instance, 2)]
    }
}

impl Kept {
    fn lets_pass(&self, module: u64, needs: Needs, free: Needs) -> bool {
        let (needs, free) = (needs.kinds(), free.kinds());
        (0..3).all(|kind| match module == self.module {
            true => !self.lacks[kind] || needs[kind] == 0,
            false => !self.lacks[kind] || needs[kind] == 0 || free[kind] - needs[kind] >= self.share[kind],
        })
    }
}
