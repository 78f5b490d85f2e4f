//! Tasks that could run if there were room: by priority, then in turn by owner, then in the order in which they came.
//!
//! Those of one owner that need the same are in one class, of which only the first has to be looked at: where it does not fit,
//! none of them does. So a thousand that wait for a resource hide nobody who needs none of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::state::task::TaskRecord;
use crate::types::limits::LOOKAHEAD_OF_EACH;
use crate::types::resources::ResourceSet;

/// The queue of ready tasks.
#[derive(Default)]
pub struct ReadyQueue {
    /// A level without tasks exists only when there is none with tasks, and so do lines and classes: those that nearly all tasks
    /// use are not made again for each of them.
    levels: BTreeMap<Reverse<i32>, VecDeque<Line>>,
    /// The owners that have tasks, and how many.
    owners: BTreeMap<u64, usize>,
    len: usize,
    /// The number of the task that came last; from 1 on.
    last: u64,
}

/// The tasks of one owner.
struct Line {
    owner: u64,
    /// One without tasks is the only one.
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
        *self.owners.entry(owner).or_insert(0) += 1;
        let place = lines.iter().position(|line| line.owner == owner).unwrap_or_else(|| {
            lines.retain(|line| !line.heads.is_empty());
            lines.push_back(Line { owner, classes: BTreeMap::new(), heads: BTreeMap::new(), taken: 0 });
            lines.len() - 1
        });
        lines[place].push(self.last, task)
    }

    /// The first task that `judge` takes. Of each owner the first `deep` classes are looked at, of all its levels together; where there
    /// are many owners, a part of them, and some of each at least. So one that has many levels, of which nothing can start, keeps others
    /// no longer from theirs than one that has one.
    pub fn find(&self, deep: usize, mut judge: impl FnMut(&Head<'_>) -> Verdict) -> Option<Arc<TaskRecord>> {
        let each = (deep / self.owners.len().max(1)).max(LOOKAHEAD_OF_EACH.min(deep));
        let mut looked_at: BTreeMap<u64, usize> = BTreeMap::new();
        let mut spent = 0;
        for lines in self.levels.values() {
            for line in lines.iter().take(deep) {
                let before = looked_at.get(&line.owner).copied().unwrap_or(0);
                for (number, needs) in line.heads.iter().take(each - before) {
                    let Some(task) = line.classes.get(needs).and_then(|class| class.get(number)) else { continue };
                    if judge(&Head { task, owner: line.owner }) == Verdict::Take {
                        return Some(task.clone());
                    }
                }
                let now = line.heads.len().saturating_add(before).min(each);
                if now > before {
                    looked_at.insert(line.owner, now);
                    if now == each {
                        spent += 1;
                    }
                }
            }
            if spent == self.owners.len() {
                break;
            }
        }
        None
    }

    /// The owners that have tasks here.
    pub fn owners(&self) -> impl Iterator<Item = u64> {
        self.owners.keys().copied()
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
        if let Some(left) = self.owners.get_mut(&task.owner()) {
            *left -= 1;
            if *left == 0 {
                self.owners.remove(&task.owner());
            }
        }
        let is_last = self.len > 0 && lines.iter().all(|line| line.heads.is_empty());
        if is_last {
            self.levels.remove(&level);
        }
        Some((taken, place))
    }

    /// Takes all, the first one first.
    pub fn drain(&mut self) -> Vec<Arc<TaskRecord>> {
        self.len = 0;
        self.owners.clear();
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
        if self.heads.is_empty() {
            // The one that was kept.
            self.classes.clear();
        }
        self.heads.insert(number, needs.clone());
        self.classes.insert(needs.clone(), BTreeMap::from([(number, task)]));
        true
    }

    fn remove(&mut self, number: u64, needs: &ResourceSet) -> Option<Arc<TaskRecord>> {
        let class = self.classes.get_mut(needs)?;
        let task = class.remove(&number)?;
        let next = class.first_key_value().map(|(next, _)| *next);
        if next.is_none() && self.classes.len() > 1 {
            // Now: to look for empty ones whenever there is a new one would take the square of their number.
            self.classes.remove(needs);
        }
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

// The models' tasks are not there where threads are shuttled.
#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;
    use crate::state::model::{plan, task};
    use crate::state::object::store::ObjectStore;
    use crate::types::limits::LOOKAHEAD;
    use crate::types::plan::TaskPlan;

    fn ready(owner: u64, priority: i32, gpu: i64) -> Arc<TaskRecord> {
        let needs = ResourceSet::default().with_milli("gpu", gpu);
        task(0, owner, TaskPlan { priority, needs, ..plan() }, false, &ObjectStore::new(1 << 20)).0
    }

    /// How many heads are looked at before the one of this owner is found, which alone can start.
    fn looked_at(queue: &ReadyQueue, deep: usize, owner: u64) -> Option<usize> {
        let mut count = 0;
        let found = queue.find(deep, |head| {
            count += 1;
            if head.owner == owner { Verdict::Take } else { Verdict::Pass }
        });
        found.map(|_| count)
    }

    #[test]
    fn levels_of_one_that_cannot_start_are_passed_by_another() {
        let mut queue = ReadyQueue::default();
        (0..10_000).for_each(|level| _ = queue.push(ready(1, -level, 1)));
        let others = ready(2, -10_000, 1);
        queue.push(others.clone());
        assert_eq!(looked_at(&queue, LOOKAHEAD, 2), Some(LOOKAHEAD / 2 + 1));
        assert_eq!(looked_at(&queue, usize::MAX, 2), Some(10_001), "all, where nothing moves by itself");
        assert!(queue.owners().eq([1, 2]));
        assert!(queue.take(&others, |_| 1).is_some());
        assert!(queue.owners().eq([1]));
        let mut count = 0;
        queue.find(LOOKAHEAD, |_| {
            count += 1;
            Verdict::Pass
        });
        assert_eq!(count, LOOKAHEAD);
    }

    #[test]
    fn each_of_many_owners_is_looked_at() {
        let mut queue = ReadyQueue::default();
        (0..2000).for_each(|n| _ = queue.push(ready(n % 50, 0, n as i64)));
        queue.push(ready(7, -1, 0));
        queue.push(ready(50, -1, 0));
        assert_eq!(looked_at(&queue, LOOKAHEAD, 50), Some(50 * LOOKAHEAD_OF_EACH + 1));
    }

    #[test]
    fn a_class_goes_with_its_last_task_but_for_the_one_that_is_used_again() {
        let mut queue = ReadyQueue::default();
        let tasks: Vec<_> = (0..1000).map(|gpu| ready(1, 0, gpu)).collect();
        let classes =
            |queue: &ReadyQueue| queue.levels.values().flatten().map(|line| line.classes.len()).sum::<usize>();
        tasks.iter().for_each(|task| _ = queue.push(task.clone()));
        for (taken, task) in tasks.iter().enumerate() {
            assert_eq!(classes(&queue), 1000 - taken);
            assert!(queue.forget(task).is_some());
        }
        assert_eq!((classes(&queue), queue.len()), (1, 0));
        assert!(queue.push(ready(1, 0, 5000)));
        assert_eq!(classes(&queue), 1, "what is empty makes room");
    }
}
