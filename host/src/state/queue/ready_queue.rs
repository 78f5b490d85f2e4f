//! Tasks that could run if there were room: by priority, then in turn by owner, then in the order in which they came.
//!
//! Those of one owner that need the same are in one class, of which only the first has to be looked at: where it does not fit,
//! none of them does. So a thousand that wait for a resource hide nobody who needs none of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::state::task::TaskRecord;
use crate::types::resources::ResourceSet;

/// The queue of ready tasks.
#[derive(Default)]
pub struct ReadyQueue {
    /// A level without tasks exists only when there is none with tasks, and so do lines and classes: those that nearly all tasks
    /// use are not made again for each of them.
    levels: BTreeMap<Reverse<i32>, VecDeque<Line>>,
    len: usize,
    /// The number of the task that came last; from 1 on.
    last: u64,
}

/// The tasks of one owner.
struct Line {
    owner: u64,
    classes: BTreeMap<ResourceSet, BTreeMap<u64, Arc<TaskRecord>>>,
    /// The number of the first task of each class that has tasks, and what it needs.
    heads: BTreeMap<u64, ResourceSet>,
    /// Tasks that were taken in this turn.
    taken: u32,
}

/// The first task of a class, as the queue is gone through.
pub struct Head<'a> {
    /// The task.
    pub task: &'a Arc<TaskRecord>,
    /// Whose it is.
    pub owner: u64,
}

/// What to do with a task that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take it.
    Take,
    /// Look for another one.
    Pass,
}

impl ReadyQueue {
    /// Tasks that could run.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Is there no task?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts a task behind those of its priority and owner. False if one that needs the same stands before it.
    pub fn push(&mut self, task: Arc<TaskRecord>) -> bool {
        if self.len == 0 {
            self.levels.retain(|level, _| level.0 == task.spec.plan.priority);
        }
        self.len += 1;
        self.last += 1;
        task.set_queue_number(self.last);
        let lines = self.levels.entry(Reverse(task.spec.plan.priority)).or_default();
        let owner = task.owner();
        let place = lines.iter().position(|line| line.owner == owner).unwrap_or_else(|| {
            lines.retain(|line| !line.heads.is_empty());
            lines.push_back(Line { owner, classes: BTreeMap::new(), heads: BTreeMap::new(), taken: 0 });
            lines.len() - 1
        });
        lines[place].push(self.last, task)
    }

    /// The first task that `judge` takes. Of each owner the first `deep` classes are looked at; where there are many owners, a part of
    /// them, and one of each at least.
    pub fn find(&self, deep: usize, mut judge: impl FnMut(&Head<'_>) -> Verdict) -> Option<Arc<TaskRecord>> {
        for lines in self.levels.values() {
            let each = (deep / lines.len().max(1)).max(1);
            for line in lines.iter().take(deep) {
                for (number, needs) in line.heads.iter().take(each) {
                    let Some(task) = line.classes.get(needs).and_then(|class| class.get(number)) else { continue };
                    if judge(&Head { task, owner: line.owner }) == Verdict::Take {
                        return Some(task.clone());
                    }
                }
            }
        }
        None
    }

    /// The owners that have tasks here.
    pub fn owners(&self) -> BTreeSet<u64> {
        self.levels.values().flatten().filter(|line| !line.heads.is_empty()).map(|line| line.owner).collect()
    }

    /// Takes a task out. The turn of its owner is over with as many tasks as its weight, and with its last one. `None` if it does not
    /// stand here.
    pub fn take(&mut self, task: &TaskRecord, weight: impl Fn(u64) -> u32) -> Option<Arc<TaskRecord>> {
        let (taken, place) = self.remove(task)?;
        let level = Reverse(task.spec.plan.priority);
        if let Some(lines) = self.levels.get_mut(&level) {
            let several = lines.len() > 1;
            let line = &mut lines[place];
            line.taken += 1;
            if !several {
                line.taken = 0;
            } else if line.heads.is_empty() {
                lines.remove(place);
            } else if line.taken >= weight(line.owner) {
                line.taken = 0;
                let line = lines.remove(place);
                lines.extend(line);
            }
        }
        Some(taken)
    }

    /// Takes out a task that was ended where it stood: its owner keeps its turn.
    pub fn forget(&mut self, task: &TaskRecord) -> Option<Arc<TaskRecord>> {
        let (taken, place) = self.remove(task)?;
        if let Some(lines) = self.levels.get_mut(&Reverse(task.spec.plan.priority))
            && lines[place].heads.is_empty()
        {
            match lines.len() {
                1 => lines[place].taken = 0,
                _ => drop(lines.remove(place)),
            }
        }
        Some(taken)
    }

    fn remove(&mut self, task: &TaskRecord) -> Option<(Arc<TaskRecord>, usize)> {
        let number = task.take_queue_number()?;
        let level = Reverse(task.spec.plan.priority);
        let lines = self.levels.get_mut(&level)?;
        let place = lines.iter().position(|line| line.owner == task.owner())?;
        let taken = lines[place].remove(number, &task.spec.plan.needs)?;
        self.len -= 1;
        let is_last = self.len > 0 && lines.iter().all(|line| line.heads.is_empty());
        if is_last {
            self.levels.remove(&level);
        }
        Some((taken, place))
    }

    /// Takes all, the first one first.
    pub fn drain(&mut self) -> Vec<Arc<TaskRecord>> {
        self.len = 0;
        let lines = std::mem::take(&mut self.levels).into_values().flatten();
        let tasks: Vec<_> = lines.flat_map(Line::into_tasks).collect();
        tasks.iter().for_each(|task| task.set_queue_number(0));
        tasks
    }
}

impl Line {
    fn push(&mut self, number: u64, task: Arc<TaskRecord>) -> bool {
        let needs = &task.spec.plan.needs;
        if let Some(class) = self.classes.get_mut(needs) {
            let is_first = class.is_empty();
            if is_first {
                self.heads.insert(number, needs.clone());
            }
            class.insert(number, task);
            return is_first;
        }
        self.classes.retain(|_, class| !class.is_empty());
        self.heads.insert(number, needs.clone());
        self.classes.insert(needs.clone(), BTreeMap::from([(number, task)]));
        true
    }

    fn remove(&mut self, number: u64, needs: &ResourceSet) -> Option<Arc<TaskRecord>> {
        let class = self.classes.get_mut(needs)?;
        let task = class.remove(&number)?;
        let next = class.first_key_value().map(|(next, _)| *next);
        if self.heads.remove(&number).is_some()
            && let Some(next) = next
        {
            self.heads.insert(next, needs.clone());
        }
        Some(task)
    }

    fn into_tasks(self) -> impl Iterator<Item = Arc<TaskRecord>> {
        let tasks: BTreeMap<_, _> = self.classes.into_values().flatten().collect();
        tasks.into_values()
    }
}
