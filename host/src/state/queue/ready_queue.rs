//! Tasks that could run if there were room: by priority, then in turn by owner, then in the order in which they came.
//!
//! Those of one owner that need the same are in one class, of which only the first has to be looked at: where it does not fit,
//! none of them does, whatever their priorities. So a thousand that wait for a resource hide nobody who needs none of it.

use std::cmp::Reverse;
use std::collections::btree_map::{BTreeMap, Iter};
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::Arc;

use crate::state::task::TaskRecord;
use crate::types::limits::{LOOKAHEAD, LOOKAHEAD_OF_ALL, LOOKAHEAD_OF_EACH};
use crate::types::resources::ResourceSet;

/// The queue of ready tasks.
///
/// Maps that are empty keep the room of their first entries, so that one that nearly all tasks go through is not made again for each
/// of them. Where a map holds maps, an empty one stays for the same reason as long as it is the only one.
#[derive(Default)]
pub struct ReadyQueue {
    /// By owner.
    lines: BTreeMap<u64, Line>,
    /// Where each owner's first task stands, and the owner. What else it has is found from there, so that however many priorities
    /// an owner's tasks have, nobody has to go through them.
    firsts: BTreeMap<Place, u64>,
    /// How many owners have tasks of a priority.
    sharers: BTreeMap<Level, usize>,
    len: usize,
    /// Of all owners together.
    heads: usize,
    /// The number of the task that came last; from 1 on.
    last_task: u64,
    /// The number of the turn that began last.
    last_turn: u64,
}

/// A priority; the highest is the first.
type Level = Reverse<i32>;

/// A priority, and the number of an owner's turn there.
type Place = (Level, u64);

/// The tasks of one owner that need the same, by priority, and by the order in which they came.
type Class = BTreeMap<Level, BTreeMap<u64, Arc<TaskRecord>>>;

/// The tasks of one owner.
#[derive(Default)]
struct Line {
    classes: BTreeMap<ResourceSet, Class>,
    /// The first task of each class that has tasks.
    heads: BTreeMap<(Level, u64), Arc<TaskRecord>>,
    /// The priorities of which there are tasks.
    turns: BTreeMap<Level, Turn>,
}

/// An owner's turn at one priority. Who began to wait for it first has it first.
struct Turn {
    number: u64,
    /// Tasks that were taken in it.
    taken: u32,
    tasks: usize,
}

/// Where a task stands that was put into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// One that needs the same stands before it: where that does not fit, it does not fit either.
    Behind,
    /// It is the first that needs this.
    First,
    /// So it is, and has as many before it as are looked at of one owner.
    Far,
}

/// The first task of a class, as the queue is gone through.
pub struct Head<'a> {
    /// The task.
    pub task: &'a Arc<TaskRecord>,
    /// Whose it is.
    pub owner: u64,
}

/// A place among the heads, which need not stand there any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    owner: u64,
    number: Option<(Level, u64)>,
}

/// What to do with a task that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take it.
    Take,
    /// Look for another one.
    Pass,
}

/// One owner's heads, those that were not looked at yet.
struct Walk<'a> {
    owner: u64,
    line: &'a Line,
    heads: Peekable<Iter<'a, (Level, u64), Arc<TaskRecord>>>,
    /// So many may be looked at yet.
    left: usize,
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

    /// Puts a task behind those of its priority and owner.
    pub fn push(&mut self, task: Arc<TaskRecord>) -> Standing {
        let owner = task.owner();
        if self.len == 0 {
            self.lines.retain(|kept, _| *kept == owner);
        }
        self.len += 1;
        self.last_task += 1;
        task.set_queue_number(self.last_task);
        let level = Reverse(task.spec.plan.priority);
        let line = self.lines.entry(owner).or_default();
        if let Some(turn) = line.turns.get_mut(&level) {
            turn.tasks += 1;
        } else {
            self.last_turn += 1;
            let first = line.first_place();
            line.turns.insert(level, Turn { number: self.last_turn, taken: 0, tasks: 1 });
            moved(&mut self.firsts, owner, first, line.first_place());
            *self.sharers.entry(level).or_insert(0) += 1;
        }
        let before = line.heads.len();
        let is_first = line.push(level, self.last_task, task);
        self.heads += line.heads.len() - before;
        match is_first {
            false => Standing::Behind,
            true if line.is_far(level, self.last_task) => Standing::Far,
            true => Standing::First,
        }
    }

    /// The first task that `judge` takes. Of each owner the first `deep` classes are looked at, of all its priorities together; where
    /// there are many owners, a part of them, and some of each at least. So one that has many classes, of which nothing can start, keeps
    /// others no longer from theirs than one that has few.
    pub fn find(&self, deep: usize, mut judge: impl FnMut(&Head<'_>) -> Verdict) -> Option<Arc<TaskRecord>> {
        let owners = self.firsts.len().max(1);
        let few = (LOOKAHEAD_OF_ALL / owners).clamp(1, LOOKAHEAD_OF_EACH).min(deep);
        let each = (deep / owners).max(few);
        let mut firsts = self.firsts.iter().peekable();
        // Of owners whose first heads were looked at: where they go on.
        let mut later: BTreeMap<Place, Walk<'_>> = BTreeMap::new();
        loop {
            let next = later.first_key_value().map(|(place, _)| *place);
            let mut walk = match firsts.next_if(|(first, _)| next.is_none_or(|next| **first < next)) {
                Some((_, owner)) => Walk::of(*owner, self.lines.get(owner)?, each),
                None => later.pop_first()?.1,
            };
            if let Some(task) = walk.find(&mut judge) {
                return Some(task);
            }
            if let Some(place) = walk.place() {
                later.insert(place, walk);
            }
        }
    }

    /// The first that `judge` takes of the `count` heads after this place, in any order; behind the last one it goes on with the first one.
    /// The place is that of the last that was looked at then.
    pub fn find_after(
        &self,
        cursor: &mut Cursor,
        count: usize,
        mut judge: impl FnMut(&Head<'_>) -> Verdict,
    ) -> Option<Arc<TaskRecord>> {
        let Cursor { owner, number } = *cursor;
        let here = self.lines.get(&owner).into_iter();
        let rest = here.flat_map(|line| line.heads_after(number)).map(move |head| (owner, head));
        let others = self.lines.range((Bound::Excluded(owner), Bound::Unbounded)).chain(self.lines.range(..=owner));
        let others = others.flat_map(|(owner, line)| line.heads.iter().map(move |head| (*owner, head)));
        rest.chain(others).take(count).find_map(|(owner, (number, task))| {
            *cursor = Cursor { owner, number: Some(*number) };
            (judge(&Head { task, owner }) == Verdict::Take).then(|| task.clone())
        })
    }

    /// How many tasks are the first of their class.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// The owners that have tasks here.
    pub fn owners(&self) -> impl Iterator<Item = u64> {
        self.firsts.values().copied()
    }

    /// Takes a task out. The turn of its owner is over with as many tasks as its weight, and with its last one. `None` if it does not
    /// stand here.
    pub fn take(&mut self, task: &TaskRecord, weight: impl Fn(u64) -> u32) -> Option<Arc<TaskRecord>> {
        let taken = self.remove(task)?;
        let (owner, level) = (task.owner(), Reverse(task.spec.plan.priority));
        let is_shared = self.sharers.get(&level).is_some_and(|sharers| *sharers > 1);
        let Some(line) = self.lines.get_mut(&owner) else { return Some(taken) };
        let first = line.first_place();
        let Some(turn) = line.turns.get_mut(&level) else { return Some(taken) };
        turn.taken = if is_shared { turn.taken + 1 } else { 0 };
        if turn.taken >= weight(owner) {
            self.last_turn += 1;
            (turn.number, turn.taken) = (self.last_turn, 0);
            moved(&mut self.firsts, owner, first, line.first_place());
        }
        Some(taken)
    }

    /// Takes out a task that was ended where it stood: its owner keeps its turn.
    pub fn forget(&mut self, task: &TaskRecord) -> Option<Arc<TaskRecord>> {
        self.remove(task)
    }

    fn remove(&mut self, task: &TaskRecord) -> Option<Arc<TaskRecord>> {
        let number = task.take_queue_number()?;
        let (owner, level) = (task.owner(), Reverse(task.spec.plan.priority));
        let line = self.lines.get_mut(&owner)?;
        let before = line.heads.len();
        let taken = line.remove(level, number, &task.spec.plan.needs)?;
        self.heads -= before - line.heads.len();
        self.len -= 1;
        let turn = line.turns.get_mut(&level)?;
        turn.tasks -= 1;
        if turn.tasks == 0 {
            let first = line.first_place();
            line.turns.remove(&level);
            moved(&mut self.firsts, owner, first, line.first_place());
            let sharers = self.sharers.get_mut(&level)?;
            *sharers -= 1;
            if *sharers == 0 {
                self.sharers.remove(&level);
            }
        }
        if line.turns.is_empty() && self.len > 0 {
            self.lines.remove(&owner);
        }
        Some(taken)
    }

    /// Takes all, the first one first.
    pub fn drain(&mut self) -> Vec<Arc<TaskRecord>> {
        let lines = std::mem::take(self).lines.into_values();
        let tasks: BTreeMap<_, _> = lines.flat_map(Line::into_tasks).collect();
        tasks.values().for_each(|task| task.set_queue_number(0));
        tasks.into_values().collect()
    }
}

/// An owner's first task stands at another place than before, or has none any more.
fn moved(firsts: &mut BTreeMap<Place, u64>, owner: u64, before: Option<Place>, now: Option<Place>) {
    if before != now {
        before.iter().for_each(|place| _ = firsts.remove(place));
        now.into_iter().for_each(|place| _ = firsts.insert(place, owner));
    }
}

impl Line {
    fn heads_after(&self, number: Option<(Level, u64)>) -> impl Iterator<Item = (&(Level, u64), &Arc<TaskRecord>)> {
        self.heads.range((number.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded))
    }

    fn first_place(&self) -> Option<Place> {
        self.turns.first_key_value().map(|(level, turn)| (*level, turn.number))
    }

    /// Do as many stand before this head as are looked at of one owner?
    fn is_far(&self, level: Level, number: u64) -> bool {
        self.heads.len() > LOOKAHEAD && self.heads.range(..(level, number)).take(LOOKAHEAD).count() == LOOKAHEAD
    }

    /// Is it the first of its class?
    fn push(&mut self, level: Level, number: u64, task: Arc<TaskRecord>) -> bool {
        let needs = &task.spec.plan.needs;
        let Some(class) = self.classes.get_mut(needs) else {
            if self.heads.is_empty() {
                // The one that was kept.
                self.classes.clear();
            }
            self.heads.insert((level, number), task.clone());
            self.classes.insert(needs.clone(), BTreeMap::from([(level, BTreeMap::from([(number, task)]))]));
            return true;
        };
        let first = first_of(class).map(|(first, _)| first);
        let is_first = first.is_none_or(|first| (level, number) < first);
        if is_first {
            first.iter().for_each(|first| _ = self.heads.remove(first));
            self.heads.insert((level, number), task.clone());
        }
        if first.is_none() {
            // The one that was kept.
            class.retain(|kept, _| *kept == level);
        }
        class.entry(level).or_default().insert(number, task);
        is_first
    }

    fn remove(&mut self, level: Level, number: u64, needs: &ResourceSet) -> Option<Arc<TaskRecord>> {
        let class = self.classes.get_mut(needs)?;
        let tasks = class.get_mut(&level)?;
        let task = tasks.remove(&number)?;
        if tasks.is_empty() && class.len() > 1 {
            class.remove(&level);
        }
        let next = first_of(class).map(|(next, task)| (next, task.clone()));
        if next.is_none() && self.classes.len() > 1 {
            // Now: to look for empty ones whenever there is a new one would take the square of their number.
            self.classes.remove(needs);
        }
        if self.heads.remove(&(level, number)).is_some() {
            self.heads.extend(next);
        }
        Some(task)
    }

    /// All, each with its place and its number.
    fn into_tasks(self) -> impl Iterator<Item = ((Place, u64), Arc<TaskRecord>)> {
        let Line { classes, turns, .. } = self;
        let place = move |level| (level, turns.get(&level).map_or(0, |turn| turn.number));
        let levels = classes.into_values().flatten().map(move |(level, tasks)| (place(level), tasks));
        levels.flat_map(|(place, tasks)| tasks.into_iter().map(move |(number, task)| ((place, number), task)))
    }
}

/// The first task of a class, and where it stands.
fn first_of(class: &Class) -> Option<((Level, u64), &Arc<TaskRecord>)> {
    let (level, tasks) = class.first_key_value()?;
    tasks.first_key_value().map(|(number, task)| ((*level, *number), task))
}

impl<'a> Walk<'a> {
    fn of(owner: u64, line: &'a Line, left: usize) -> Self {
        Walk { owner, line, heads: line.heads.iter().peekable(), left }
    }

    /// Where the next head stands, if it is to be looked at.
    fn place(&mut self) -> Option<Place> {
        let ((level, _), _) = self.heads.peek().filter(|_| self.left > 0)?;
        self.line.turns.get(level).map(|turn| (*level, turn.number))
    }

    /// The first that `judge` takes of those that have the same priority as the next one.
    fn find(&mut self, judge: &mut impl FnMut(&Head<'_>) -> Verdict) -> Option<Arc<TaskRecord>> {
        let ((level, _), _) = *self.heads.peek()?;
        while self.left > 0
            && let Some((_, task)) = self.heads.next_if(|((of, _), _)| of == level)
        {
            self.left -= 1;
            if judge(&Head { task, owner: self.owner }) == Verdict::Take {
                return Some(task.clone());
            }
        }
        None
    }
}

// The models' tasks are not there where threads are shuttled.
#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;
    use crate::state::model::{plan, task};
    use crate::state::object::store::ObjectStore;
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
        (0..10_000).for_each(|level| _ = queue.push(ready(1, -level, 1 + i64::from(level))));
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
    fn what_needs_the_same_hides_nothing_whatever_its_priorities() {
        let mut queue = ReadyQueue::default();
        (0..10_000).for_each(|level| _ = queue.push(ready(1, -level, 1)));
        let free = ready(1, -10_000, 0);
        queue.push(free.clone());
        let mut count = 0;
        let found = queue.find(LOOKAHEAD, |head| {
            count += 1;
            if Arc::ptr_eq(head.task, &free) { Verdict::Take } else { Verdict::Pass }
        });
        assert!(found.is_some_and(|found| Arc::ptr_eq(&found, &free)));
        assert_eq!(count, 2);
    }

    #[test]
    fn a_higher_priority_comes_before_what_needs_the_same() {
        let mut queue = ReadyQueue::default();
        let tasks = [ready(1, 0, 1), ready(1, 5, 1), ready(1, 5, 1), ready(1, -5, 1)];
        let pushed = tasks.clone().map(|task| queue.push(task));
        assert_eq!(pushed, [Standing::First, Standing::First, Standing::Behind, Standing::Behind]);
        for expected in [1, 2, 0, 3] {
            let first = queue.find(LOOKAHEAD, |_| Verdict::Take).expect("one stands there");
            assert!(Arc::ptr_eq(&first, &tasks[expected]), "{expected}");
            assert!(queue.take(&first, |_| 1).is_some());
        }
    }

    #[test]
    fn a_task_stands_far_behind_as_many_kinds_of_its_owner_as_are_looked_at() {
        let mut queue = ReadyQueue::default();
        let near = (0..LOOKAHEAD as i64).map(|gpu| queue.push(ready(1, 0, gpu))).collect::<Vec<_>>();
        assert_eq!(near, vec![Standing::First; LOOKAHEAD]);
        let pushed = [(1, 0, 1000), (1, -1, 1001), (1, 1, 1002), (2, 0, 1000), (1, 0, 1000)];
        let pushed = pushed.map(|(owner, priority, gpu)| queue.push(ready(owner, priority, gpu)));
        assert_eq!(pushed, [Standing::Far, Standing::Far, Standing::First, Standing::First, Standing::Behind]);
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
        let classes = |queue: &ReadyQueue| queue.lines.values().map(|line| line.classes.len()).sum::<usize>();
        tasks.iter().for_each(|task| _ = queue.push(task.clone()));
        for (taken, task) in tasks.iter().enumerate() {
            assert_eq!(classes(&queue), 1000 - taken);
            assert!(queue.forget(task).is_some());
        }
        assert_eq!((classes(&queue), queue.len()), (1, 0));
        assert_eq!(queue.push(ready(1, 0, 5000)), Standing::First);
        assert_eq!(classes(&queue), 1, "what is empty makes room");
    }
}
