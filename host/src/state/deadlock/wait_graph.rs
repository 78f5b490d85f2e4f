//! Who waits for whom: the tasks on which some that wait depend, and those among them that can never go on.
//!
//! A guest that waits needs some of the tasks that make its objects. A queued task needs those that make its arguments, and
//! a queued call besides the call that its actor serves, or the constructor, and the calls before it in its line; where the actor serves
//! several at once, as many of those it serves, and of the calls that come before it, as leave room. A task that lacks a custom resource
//! needs as many of those that hold it. Whatever is none of these goes on by itself, and so does in the end whatever needs only such; the rest waits for itself.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::blocked_on::{Standing, Wait};
use crate::state::actor::ActorRecord;
use crate::state::actor::concurrent_calls::ConcurrentCalls;
use crate::state::actor::lane::Submitter;
use crate::state::object::ObjectRef;
use crate::state::task::{TaskRecord, Work};
use crate::types::limits::{CYCLE_NAMES_MAX, WAIT_OBJECTS_MAX};
use crate::types::module_info::ModuleInfo;
use crate::types::plan::TaskPlan;
use crate::types::resources::{Milli, ResourceSet};

/// The tasks on which some that wait depend.
#[derive(Default)]
pub struct WaitGraph {
    nodes: Vec<Node>,
    places: HashMap<*const TaskRecord, usize>,
    /// For each actor with calls in the graph, the calls that wait, and the nearest before each that holds up those behind.
    queues: HashMap<*const ActorRecord, Queue>,
    /// What the calls wait for together that an actor serves at once. They are held, so that none has the address of another that was.
    shared_waits: HashMap<*const ConcurrentCalls, (Arc<ConcurrentCalls>, Option<Arc<SharedWait>>)>,
    /// The custom resources of which some that are ready lack, and who holds them: the tasks that lack one share it, so that a thousand
    /// of them beside a thousand holders are no million edges.
    pools: Vec<Pool>,
    /// The place among them of each, by its place among all that are held.
    pool_of: HashMap<usize, usize>,
    /// What the tasks of a plan lack: those of a function need the same, and it is worked out once.
    lacks: HashMap<*const TaskPlan, Arc<[Lack]>>,
    /// What was gone over beside the tasks, whether an edge came of it or not.
    size: usize,
    /// It may have no more.
    max: usize,
    /// Calls wait for an actor that are too many to be listed.
    is_too_large: bool,
}

/// A graph that is too large to be looked at.
pub struct TooLarge {
    /// So far it was pieced together.
    pub size: usize,
}

/// Who holds custom resources, and all that there is of them. What nobody here holds counts as free.
pub struct Holders {
    /// Tasks, and the calls of actors, whether they or their actors hold it.
    tasks: Vec<Arc<TaskRecord>>,
    /// What the host has.
    total: ResourceSet,
    /// Each resource that is held.
    held: Vec<Held>,
    /// Its place there.
    by_name: HashMap<String, usize>,
    /// So many amounts were added up.
    size: usize,
}

/// A custom resource that is held.
#[derive(Default)]
struct Held {
    /// Of all who hold it.
    sum: Milli,
    /// The place of each, and how much it holds; in the order of their places.
    by: Vec<(usize, Milli)>,
}

impl Holders {
    /// Of these tasks, with what each holds, on a host that has `total`. Adds up once what is held of each resource: those that lack
    /// it are many more.
    pub fn new(holders: Vec<(Arc<TaskRecord>, ResourceSet)>, total: ResourceSet) -> Self {
        let mut all =
            Holders { tasks: Vec::new(), total, held: Vec::new(), by_name: HashMap::new(), size: holders.len() };
        for (holder, (task, holds)) in holders.into_iter().enumerate() {
            all.tasks.push(task);
            for (name, amount) in holds.custom() {
                all.size += 1;
                if amount > 0 {
                    let held = all.held_of(name);
                    held.sum += amount;
                    held.by.push((holder, amount));
                }
            }
        }
        all
    }

    /// The amounts that were added up, and who holds them.
    pub fn size(&self) -> usize {
        self.size
    }

    fn held_of(&mut self, name: &str) -> &mut Held {
        let place = self.by_name.get(name).copied().unwrap_or_else(|| {
            self.held.push(Held::default());
            self.by_name.insert(name.to_owned(), self.held.len() - 1);
            self.held.len() - 1
        });
        &mut self.held[place]
    }

    /// How much is lacking, and the place of that resource, where somebody who needs so much of it would have to wait for those that
    /// hold it.
    fn lacking(&self, name: &str, amount: Milli) -> Option<(usize, Milli)> {
        let place = *self.by_name.get(name)?;
        let lacking = amount - (self.total.amount(name) - self.held[place].sum);
        (lacking > 0).then_some((place, lacking))
    }
}

/// A custom resource of which some lack.
struct Pool {
    /// The tasks that hold it, in the order of all that hold something: their place there, and the one in the graph.
    holders: Vec<(usize, usize)>,
    /// So many of the first ones go on.
    gone: usize,
    /// What has come back.
    back: Milli,
    /// How much each task lacks that waits for it, and its place: those that lack least are last.
    lacking: Vec<(Milli, usize)>,
}

/// How much of which pool.
type Lack = (usize, Milli);

type Queue = HashMap<*const TaskRecord, Option<Arc<TaskRecord>>>;

/// Tasks, and how many of them must come to their end.
type Ahead = (Vec<Arc<TaskRecord>>, usize);

struct Node {
    task: Arc<TaskRecord>,
    state: State,
    /// The tasks that it depends on.
    needs: Vec<usize>,
    /// How many of them must come to their end before it goes on, or of how many pools enough must come back; none where it goes on by
    /// itself.
    missing: usize,
    /// What it lacks, where it depends on no task but on those that hold this.
    lacks: Arc<[Lack]>,
    /// What comes back with its end, of what others lack.
    gives: Vec<Lack>,
    /// It waits with the other calls that its actor serves: there is no wait of its own that could fail.
    shares_a_wait: bool,
}

/// The same task in the same state has neither moved nor begun to wait for something else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    Parked(u64),
    Queued(u32),
}

/// Tasks that wait for each other.
pub struct Cycle {
    /// The task that is to fail, last.
    pub tasks: Vec<Arc<TaskRecord>>,
    /// That task.
    pub victim: Victim,
}

/// The cycles that a look found.
pub struct Cycles {
    /// Each of them.
    pub cycles: Vec<Cycle>,
    /// The steps that this took.
    pub steps: usize,
    /// False if others are left.
    pub are_all: bool,
}

/// Who hears of a deadlock: the guest whose wait closed it; or, where that is one of several calls that an actor serves at once, what
/// they wait for in a queue, or else that call.
pub enum Victim {
    /// The wait of this stamp fails, or one of the calls that share it.
    Waits(Arc<TaskRecord>, u64),
    /// It fails in the queue, or in the mailbox.
    Queued(Arc<TaskRecord>),
}

impl WaitGraph {
    /// All that `tasks` depend on. With an `earlier` graph, what has moved since counts as going on by itself: what then
    /// still waits for itself did so at the moment between the two.
    ///
    /// # Errors
    /// It has more than `max` tasks and queue places.
    pub fn of(
        tasks: &[Arc<TaskRecord>],
        holders: &Holders,
        earlier: Option<&WaitGraph>,
        max: usize,
    ) -> Result<Self, TooLarge> {
        if tasks.len() > max {
            return Err(TooLarge { size: 0 });
        }
        let mut graph = WaitGraph { max, ..WaitGraph::default() };
        for task in tasks {
            graph.place(task.clone());
        }
        let mut next = 0;
        while let Some(task) = graph.nodes.get(next).map(|node| node.task.clone()) {
            graph.explore(next, &task, holders);
            if earlier.is_some_and(|earlier| earlier.state(&task) != Some(graph.nodes[next].state)) {
                graph.set(next, State::Free, Vec::new(), 0);
                graph.nodes[next].lacks = Arc::default();
            }
            if graph.is_too_large || graph.size() > max {
                return Err(TooLarge { size: graph.size() });
            }
            next += 1;
        }
        Ok(graph)
    }

    /// The tasks and queue places that were gone over, and the amounts that were compared.
    pub fn size(&self) -> usize {
        self.size + self.nodes.len()
    }

    fn state(&self, task: &Arc<TaskRecord>) -> Option<State> {
        self.places.get(&Arc::as_ptr(task)).map(|place| self.nodes[*place].state)
    }

    fn place(&mut self, task: Arc<TaskRecord>) -> usize {
        let nodes = &mut self.nodes;
        *self.places.entry(Arc::as_ptr(&task)).or_insert_with(|| {
            nodes.push(Node::free(task));
            nodes.len() - 1
        })
    }

    fn set(&mut self, place: usize, state: State, needs: Vec<usize>, missing: usize) {
        self.size += needs.len();
        let node = &mut self.nodes[place];
        (node.state, node.needs, node.missing) = (state, needs, missing);
    }

    fn explore(&mut self, place: usize, task: &Arc<TaskRecord>, holders: &Holders) {
        match task.standing() {
            Standing::Free => {
                if let Some(shared) = self.shared_wait(task) {
                    self.set_parked(place, &shared.wait, shared.stamp);
                    self.nodes[place].shares_a_wait = true;
                    if !shared.is_full {
                        // Another call may let it go on.
                        self.nodes[place].missing = 0;
                    }
                }
            }
            Standing::Parked(wait, stamp) => self.set_parked(place, &wait, stamp),
            Standing::Queued { attempts, missing } => {
                let mut needs = self.producers(&missing);
                let mut missing = needs.len();
                match &task.spec.work {
                    Work::Call { actor, .. } => match self.ahead(actor, task) {
                        Some((ahead, end)) => {
                            missing += end;
                            needs.extend(ahead.into_iter().map(|task| self.place(task)));
                        }
                        // It is about to be served.
                        None => return,
                    },
                    Work::Task { .. } | Work::Main { .. } | Work::Construct { .. } if needs.is_empty() => {
                        return self.set_lacking(place, attempts, task, holders);
                    }
                    Work::Task { .. } | Work::Main { .. } | Work::Construct { .. } => {}
                }
                self.set(place, State::Queued(attempts), needs, missing);
            }
        }
    }

    /// That of this call, if it is one of several that its actor serves at once. It is worked out once for all of them.
    fn shared_wait(&mut self, task: &Arc<TaskRecord>) -> Option<Arc<SharedWait>> {
        let concurrent_calls = task.concurrent_calls().filter(|concurrent_calls| concurrent_calls.knows(task))?;
        let Work::Call { actor, .. } = &task.spec.work else { return None };
        let lanes = actor.lanes.as_ref()?;
        let (_, shared) = self.shared_waits.entry(Arc::as_ptr(&concurrent_calls)).or_insert_with(|| {
            let calls = concurrent_calls.calls();
            self.size += calls.len() + lanes.len();
            let shared = wait_of(&concurrent_calls, &calls, lanes);
            (concurrent_calls, shared)
        });
        shared.clone()
    }

    fn set_parked(&mut self, place: usize, Wait { objects, count }: &Wait, stamp: u64) {
        if objects.len() > WAIT_OBJECTS_MAX {
            return;
        }
        let needs = self.producers(objects);
        let there = objects.len() - needs.len();
        let missing = (*count).min(objects.len()).saturating_sub(there);
        self.set(place, State::Parked(stamp), needs, missing);
    }

    /// A task that is ready: it depends on those that hold what it lacks.
    fn set_lacking(&mut self, place: usize, attempts: u32, task: &Arc<TaskRecord>, holders: &Holders) {
        let plan = Arc::as_ptr(&task.spec.plan);
        let lacks = self.lacks.get(&plan).cloned().unwrap_or_else(|| {
            let lacks = self.lacks_of(&task.spec.plan.needs, holders);
            self.lacks.insert(plan, lacks.clone());
            lacks
        });
        self.size += lacks.len();
        self.set(place, State::Queued(attempts), Vec::new(), lacks.len());
        self.nodes[place].lacks = lacks;
    }

    /// What is lacking of these needs.
    fn lacks_of(&mut self, needs: &ResourceSet, holders: &Holders) -> Arc<[Lack]> {
        let mut lacks = Vec::new();
        let mut fresh = Vec::new();
        for (name, amount) in needs.custom() {
            // Also where nothing is lacking: it was looked up.
            self.size += 1;
            let Some((held, lacking)) = holders.lacking(name, amount) else { continue };
            let pool = self.pool_of.get(&held).copied().unwrap_or_else(|| {
                self.pools.push(Pool { holders: Vec::new(), gone: 0, back: 0, lacking: Vec::new() });
                self.pool_of.insert(held, self.pools.len() - 1);
                fresh.extend(
                    holders.held[held].by.iter().map(|(holder, amount)| (*holder, self.pools.len() - 1, *amount)),
                );
                self.pools.len() - 1
            });
            lacks.push((pool, lacking));
        }
        self.size += fresh.len();
        // In the order of the holders, as if each were looked at for all that it holds.
        fresh.sort_unstable();
        for (holder, pool, amount) in fresh {
            let place = self.place(holders.tasks[holder].clone());
            self.nodes[place].gives.push((pool, amount));
            self.pools[pool].holders.push((holder, place));
        }
        lacks.into()
    }

    /// The tasks that are ready to run, as soon as there is room.
    pub fn ready(&self) -> impl Iterator<Item = &Arc<TaskRecord>> {
        let queued = self.nodes.iter().filter(|node| matches!(node.state, State::Queued(_)) && node.task.is_released());
        queued.map(|node| &node.task).filter(|task| !matches!(task.spec.work, Work::Call { .. }))
    }

    /// The tasks that make these objects, or make room in a stream. What needs none is there, or comes from elsewhere.
    fn producers(&mut self, objects: &[ObjectRef]) -> Vec<usize> {
        objects.iter().filter_map(ObjectRef::awaits).map(|task| self.place(task)).collect()
    }

    /// The calls that wait for an actor. None where the graph has no room for them, which is too large then.
    fn waiting(&mut self, actor: &ActorRecord) -> Vec<(Submitter, Arc<TaskRecord>)> {
        let waiting = actor.mailbox.waiting(self.max.saturating_sub(self.size()));
        self.is_too_large |= waiting.is_none();
        let waiting = waiting.unwrap_or_default();
        self.size += waiting.len();
        waiting
    }

    /// Those of which so many must end before the actor serves this call, its arguments aside; `None` if it is not in the mailbox.
    fn ahead(&mut self, actor: &Arc<ActorRecord>, call: &Arc<TaskRecord>) -> Option<Ahead> {
        if actor.lanes.is_some() && actor.ready.is_ready() {
            return self.beside(actor, call);
        }
        if !self.queues.contains_key(&Arc::as_ptr(actor)) {
            let queue = queue(self.waiting(actor));
            self.queues.insert(Arc::as_ptr(actor), queue);
        }
        let queue = &self.queues[&Arc::as_ptr(actor)];
        let held_up_by = queue.get(&Arc::as_ptr(call))?.clone();
        // After the mailbox: a call that was taken out of it meanwhile is found here, or has ended.
        let serves = actor.running().or_else(|| actor.ready.producer());
        if serves.as_ref().is_some_and(|serves| Arc::ptr_eq(serves, call)) {
            return None;
        }
        let ahead: Vec<_> = held_up_by.into_iter().chain(serves).collect();
        let all = ahead.len();
        Some((ahead, all))
    }

    /// The same where the actor serves several at once. One of those that it serves gives its room to each of those that come before.
    fn beside(&mut self, actor: &Arc<ActorRecord>, call: &Arc<TaskRecord>) -> Option<Ahead> {
        let lane = call.spec.plan.lane;
        let is_its = |other: &TaskRecord| other.spec.plan.lane == lane && !other.is_done();
        let waiting: Vec<_> = self.waiting(actor).into_iter().filter(|(_, other)| is_its(other)).collect();
        // Where it serves none at once it has none: it waits for calls, or starts again.
        let served = actor.concurrent_calls().map(|concurrent_calls| concurrent_calls.calls()).unwrap_or_default();
        let served: Vec<_> = served.into_iter().filter(|other| is_its(other)).collect();
        self.size += served.len();
        let place = waiting.iter().position(|(_, other)| Arc::ptr_eq(other, call))?;
        let line = waiting[place].0;
        let before = waiting.into_iter().take(place);
        if served.len() < capacity(actor, lane) {
            let in_line = before.filter(|(other, call)| *other == line && !call.is_released());
            let starts = actor.running().filter(|_| served.is_empty());
            let ahead: Vec<_> = in_line.last().map(|(_, call)| call).into_iter().chain(starts).collect();
            let all = ahead.len();
            return Some((ahead, all));
        }
        // Of other lines those alone that nobody holds up.
        let mut held_up = HashSet::new();
        let comes_first = |(other, call): &(Submitter, Arc<TaskRecord>)| {
            *other == line || !held_up.contains(other) && (call.is_released() || !held_up.insert(*other))
        };
        let before: Vec<_> = before.filter(comes_first).map(|(_, call)| call).collect();
        let end = 1 + before.len();
        Some((served.into_iter().chain(before).collect(), end))
    }

    /// Is one of those that wait since after the stamp `since` caught in a cycle?
    pub fn has_cycles(&mut self, since: u64) -> bool {
        let suspects = self.suspects(since);
        if suspects.is_empty() {
            return false;
        }
        let (goes_on, _) = self.going_on();
        suspects.into_iter().any(|suspect| !goes_on[suspect])
    }

    /// The cycles that those of the tasks are caught in which wait since after the stamp `since`, as many as are found in `max` steps, one
    /// at least. What each cycle's last wait would give if it ended is taken to come, so that no cycle is told twice.
    pub fn cycles(&mut self, since: u64, max: usize) -> Cycles {
        let mut told = Cycles { cycles: Vec::new(), steps: 0, are_all: true };
        let suspects = self.suspects(since);
        if suspects.is_empty() {
            return told;
        }
        let (mut goes_on, needed_by) = self.going_on();
        for suspect in self.in_turn(suspects) {
            while !goes_on[suspect] {
                if told.steps >= max {
                    told.are_all = false;
                    return told;
                }
                let Some((cycle, closer)) = self.cycle(suspect, &goes_on, &mut told.steps) else { break };
                self.release(vec![closer], &needed_by, &mut goes_on);
                told.cycles.push(cycle);
            }
        }
        told
    }

    /// Those that wait since after this stamp.
    fn suspects(&self, since: u64) -> Vec<usize> {
        let is_suspect = |place: &usize| matches!(self.nodes[*place].state, State::Parked(stamp) if stamp > since);
        (0..self.nodes.len()).filter(is_suspect).collect()
    }

    /// The first one of each owner, then the second ones: one that has very many does not keep others from being told.
    fn in_turn(&self, places: Vec<usize>) -> Vec<usize> {
        let mut before: HashMap<u64, usize> = HashMap::new();
        let mut numbered: Vec<_> = places
            .into_iter()
            .map(|place| {
                let number = before.entry(self.nodes[place].task.owner()).or_insert(0);
                *number += 1;
                (*number, place)
            })
            .collect();
        numbered.sort_unstable();
        numbered.into_iter().map(|(_, place)| place).collect()
    }

    /// Which tasks go on, and for each those that need it.
    fn going_on(&mut self) -> (Vec<bool>, Vec<Vec<usize>>) {
        let needed_by = self.needed_by();
        self.line_up();
        let free = (0..self.nodes.len()).filter(|place| self.nodes[*place].missing == 0).collect();
        let mut goes_on = vec![false; self.nodes.len()];
        self.release(free, &needed_by, &mut goes_on);
        (goes_on, needed_by)
    }

    fn needed_by(&self) -> Vec<Vec<usize>> {
        let mut needed_by = vec![Vec::new(); self.nodes.len()];
        for (place, node) in self.nodes.iter().enumerate() {
            node.needs.iter().for_each(|need| needed_by[*need].push(place));
        }
        needed_by
    }

    /// Those that lack of a pool wait at it, the one that lacks least last.
    fn line_up(&mut self) {
        for (place, node) in self.nodes.iter().enumerate() {
            node.lacks.iter().for_each(|(pool, lacking)| self.pools[*pool].lacking.push((*lacking, place)));
        }
        self.pools.iter_mut().for_each(|pool| pool.lacking.sort_unstable_by_key(|lacks| Reverse(*lacks)));
    }

    /// These tasks go on, and whatever waits for no more than them.
    fn release(&mut self, mut free: Vec<usize>, needed_by: &[Vec<usize>], goes_on: &mut [bool]) {
        while let Some(place) = free.pop() {
            if std::mem::replace(&mut goes_on[place], true) {
                continue;
            }
            for (pool, amount) in std::mem::take(&mut self.nodes[place].gives) {
                let pool = &mut self.pools[pool];
                pool.back += amount;
                while let Some((_, waiting)) = pool.lacking.pop_if(|(lacking, _)| *lacking <= pool.back) {
                    if self.nodes[waiting].loses_one() {
                        free.push(waiting);
                    }
                }
            }
            for waiting in &needed_by[place] {
                if self.nodes[*waiting].loses_one() {
                    free.push(*waiting);
                }
            }
        }
        for pool in &mut self.pools {
            pool.gone += pool.holders[pool.gone..].iter().take_while(|(_, place)| goes_on[*place]).count();
        }
    }

    /// The first of those that this one depends on which does not go on.
    fn first_need(&self, place: usize, goes_on: &[bool]) -> Option<usize> {
        let node = &self.nodes[place];
        let holders = node.lacks.iter().filter_map(|(pool, _)| self.pools[*pool].holders.get(self.pools[*pool].gone));
        let of_pools = holders.min().map(|(_, place)| *place);
        of_pools.or_else(|| node.needs.iter().copied().find(|need| !goes_on[*need]))
    }

    /// All that this one depends on and that was not said before: each pool is gone over once.
    fn new_needs(&self, place: usize, pools_seen: &mut HashSet<usize>) -> Vec<usize> {
        let node = &self.nodes[place];
        if node.lacks.is_empty() {
            return node.needs.clone();
        }
        let new = node.lacks.iter().filter(|(pool, _)| pools_seen.insert(*pool));
        let mut holders: Vec<_> = new.flat_map(|(pool, _)| self.pools[*pool].holders.iter().copied()).collect();
        // As in the cycles: in the order of the holders, and each once.
        holders.sort_unstable();
        holders.dedup();
        holders.into_iter().map(|(_, place)| place).collect()
    }

    /// Follows what does not go on until it comes back to itself. Adds the steps that it takes.
    fn cycle(&self, from: usize, goes_on: &[bool], steps: &mut usize) -> Option<(Cycle, usize)> {
        let mut path = Vec::new();
        let mut seen = HashMap::new();
        let mut place = from;
        let first = loop {
            if let Some(first) = seen.insert(place, path.len()) {
                break first;
            }
            path.push(place);
            *steps += 1;
            place = self.first_need(place, goes_on)?;
        };
        let mut ring = path.split_off(first);
        let mut stamp = self.turn_to_last_wait(&mut ring, false);
        if stamp.is_none() {
            match self.ring_of_one_queued(from, goes_on, steps) {
                Some(other) => ring = other,
                None => stamp = self.turn_to_last_wait(&mut ring, true),
            }
        }
        let closer = *ring.last()?;
        let last = self.nodes[closer].task.clone();
        let victim = match stamp {
            Some(stamp) => Victim::Waits(last, stamp),
            None => Victim::Queued(last),
        };
        let tasks = ring.iter().map(|place| self.nodes[*place].task.clone()).collect();
        Some((Cycle { tasks, victim }, closer))
    }

    /// Turns the ring so that the one is last which began to wait last, by itself or with others; gives the stamp of that wait.
    fn turn_to_last_wait(&self, ring: &mut [usize], with_others: bool) -> Option<u64> {
        let stamp = |place: &usize| match &self.nodes[*place] {
            Node { state: State::Parked(stamp), shares_a_wait, .. } if *shares_a_wait == with_others => Some(*stamp),
            _ => None,
        };
        let stamps = ring.iter().enumerate().filter_map(|(at, place)| Some((at, stamp(place)?)));
        let (last, stamp) = stamps.max_by_key(|(_, stamp)| *stamp)?;
        ring.rotate_left(last + 1);
        Some(stamp)
    }

    /// The nearest of those that it depends on which is queued, with the shortest way from there to itself; that one is last.
    fn ring_of_one_queued(&self, from: usize, goes_on: &[bool], steps: &mut usize) -> Option<Vec<usize>> {
        let is_queued = |place: usize| matches!(self.nodes[place].state, State::Queued(_));
        let queued = *self.way(from, goes_on, is_queued, steps)?.last()?;
        self.way(queued, goes_on, |place| place == queued, steps)
    }

    /// The shortest way along those that do not go on, to one that is looked for; from where it starts, which it leaves out.
    fn way(
        &self,
        from: usize,
        goes_on: &[bool],
        is_it: impl Fn(usize) -> bool,
        steps: &mut usize,
    ) -> Option<Vec<usize>> {
        let mut came_from: HashMap<usize, usize> = HashMap::new();
        let mut next = VecDeque::from([from]);
        let mut pools_seen = HashSet::new();
        while let Some(place) = next.pop_front() {
            let needs = self.new_needs(place, &mut pools_seen);
            *steps += 1 + needs.len();
            for need in needs.into_iter().filter(|need| !goes_on[*need]) {
                if came_from.contains_key(&need) {
                    continue;
                }
                came_from.insert(need, place);
                if is_it(need) {
                    let back = std::iter::successors(Some(need), |at| came_from.get(at).copied());
                    let mut way: Vec<usize> = back.skip(1).take_while(|at| *at != from).collect();
                    way.reverse();
                    way.push(need);
                    return Some(way);
                }
                next.push_back(need);
            }
        }
        None
    }
}

impl Node {
    fn free(task: Arc<TaskRecord>) -> Self {
        let (needs, lacks, gives) = (Vec::new(), Arc::default(), Vec::new());
        Node { task, state: State::Free, needs, missing: 0, lacks, gives, shares_a_wait: false }
    }

    /// One that it depends on has come to its end, or of a pool enough has come back. True if it goes on now.
    fn loses_one(&mut self) -> bool {
        self.missing = self.missing.saturating_sub(1);
        self.missing == 0
    }
}

/// What the calls that an actor serves at once wait for together.
struct SharedWait {
    wait: Wait,
    stamp: u64,
    /// No lane has room for another call.
    is_full: bool,
}

/// That of these calls, which an actor serves at once.
fn wait_of(concurrent_calls: &ConcurrentCalls, calls: &[Arc<TaskRecord>], lanes: &[u32]) -> Option<Arc<SharedWait>> {
    // One that the guest has not heard of yet may let the others go on.
    let all_known = calls.iter().all(|call| concurrent_calls.knows(call));
    let mut room: Vec<u32> = lanes.to_vec();
    for call in calls {
        room.get_mut(call.spec.plan.lane).into_iter().for_each(|room| *room = room.saturating_sub(1));
    }
    let is_full = all_known && room.iter().all(|room| *room == 0);
    match concurrent_calls.blocked_on().standing() {
        Standing::Parked(wait, stamp) if !concurrent_calls.has_news() => {
            Some(Arc::new(SharedWait { wait, stamp, is_full }))
        }
        _ => None,
    }
}

/// How many calls of this lane the actor serves at once.
fn capacity(actor: &ActorRecord, lane: usize) -> usize {
    actor.lanes.as_ref().and_then(|lanes| lanes.get(lane)).map_or(1, |max| *max as usize)
}

/// Calls that wait for an actor, each with the nearest before it in its line that is not ready to be served.
fn queue(waiting: Vec<(Submitter, Arc<TaskRecord>)>) -> Queue {
    let mut held_up_by: HashMap<(usize, Submitter), Arc<TaskRecord>> = HashMap::new();
    let mut queue = HashMap::new();
    for (line, call) in waiting {
        let line = (call.spec.plan.lane, line);
        queue.insert(Arc::as_ptr(&call), held_up_by.get(&line).cloned());
        if !call.is_released() {
            held_up_by.insert(line, call);
        }
    }
    queue
}

impl Cycle {
    /// The names of its tasks in the order in which each waits for the next; the first is said again at the end. Tasks of modules
    /// that the task which is to fail `knows` nothing of keep their names to themselves. Of very many those in the middle are counted.
    pub fn names(&self, knows: impl Fn(&TaskRecord, &ModuleInfo) -> bool) -> String {
        let is_told = |task: &TaskRecord| self.tasks.last().is_none_or(|reader| knows(reader, &task.spec.module));
        let shown =
            |task: &Arc<TaskRecord>| if is_told(task) { name(task) } else { "a task of another module".to_owned() };
        let left_out = self.tasks.len().saturating_sub(CYCLE_NAMES_MAX);
        let (first, rest) = self.tasks.split_at((self.tasks.len() - left_out) / 2);
        let mut names: Vec<String> = first.iter().map(shown).collect();
        names.extend((left_out > 0).then(|| format!("{left_out} others")));
        names.extend(rest[left_out..].iter().map(shown));
        // A call that waits behind another of the same name, which its actor serves.
        names.dedup();
        names.extend(names.first().cloned());
        names.join(" -> ")
    }
}

/// `actor.method` for a named actor's call that has no name of its own, else the task's name.
fn name(task: &TaskRecord) -> String {
    let plan = &task.spec.plan;
    match &task.spec.work {
        Work::Call { actor, .. } | Work::Construct { actor } if plan.name == plan.function => {
            let name = actor.spec.options.name.as_deref().unwrap_or(&actor.spec.type_name);
            format!("{name}.{}", plan.entry)
        }
        _ => plan.name.to_string(),
    }
}

// The models' tasks are not there where threads are shuttled.
#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Instant;

    use fastrand::Rng;
    use rustyray_testkit::seeds;

    use super::super::blocked_on::Awaited;
    use super::*;
    use crate::state::model::{Busy, plan, task, task_of};
    use crate::state::object::store::ObjectStore;

    /// Tasks that run and hold something, and those that are ready, which all have a plan of their own.
    struct Host {
        running: Vec<(Arc<TaskRecord>, ResourceSet)>,
        ready: Vec<(Arc<TaskRecord>, ObjectRef)>,
        total: ResourceSet,
    }

    impl Host {
        fn new(total: ResourceSet, hold: &[ResourceSet], need: &[ResourceSet]) -> Self {
            let store = ObjectStore::new(1 << 30);
            let make = |id: usize, needs: &ResourceSet| {
                task(id as u64, 0, TaskPlan { needs: needs.clone(), ..plan() }, false, &store)
            };
            let running = hold.iter().enumerate().map(|(id, holds)| {
                let (task, _) = make(id, holds);
                assert!(task.begin(Arc::new(Busy), Instant::now()));
                (task, holds.clone())
            });
            let ready = need.iter().enumerate().map(|(id, needs)| make(hold.len() + id, needs));
            Host { running: running.collect(), ready: ready.collect(), total }
        }

        /// A task that runs waits for `count` of these that are ready.
        fn waits(&self, holder: usize, ready: impl Iterator<Item = usize>, count: usize) {
            let objects: Arc<[ObjectRef]> = ready.map(|place| self.ready[place].1.clone()).collect();
            let wait = Wait { objects: Awaited::Many(objects), count };
            assert!(self.running[holder].0.blocked_on().park(wait, 1 + holder as u64).is_none());
        }

        fn holders(&self) -> Holders {
            Holders::new(self.running.clone(), self.total.clone())
        }

        fn look(&self) -> WaitGraph {
            let waiting: Vec<_> = self.running.iter().map(|(task, _)| task.clone()).collect();
            WaitGraph::of(&waiting, &self.holders(), None, usize::MAX).ok().expect("there is no bound")
        }
    }

    fn of_each(resources: usize, milli: Milli) -> ResourceSet {
        (0..resources).fold(ResourceSet::default(), |set, n| set.with_milli(format!("r{n}"), milli))
    }

    /// So much a look goes over where so many that are ready lack one resource of several, which so many hold.
    fn work(ready: usize, holders: usize, resources: usize) -> usize {
        let total = of_each(resources, 2 * holders as Milli).with_milli("r0", holders as Milli);
        let host = Host::new(total, &vec![of_each(resources, 1); holders], &vec![of_each(resources, 1); ready]);
        host.waits(0, 0..ready, ready);
        let mut graph = host.look();
        let cycles = graph.cycles(0, usize::MAX).cycles;
        assert_eq!(cycles.len(), 0, "the other holders give enough back");
        host.holders().size() + graph.size()
    }

    #[test]
    fn a_look_goes_over_tasks_and_holders_and_not_over_each_holder_for_each_task() {
        let (few, many) = (work(100, 50, 15), work(400, 200, 15));
        assert!(few >= 100 * 15 + 50 * 15, "what is compared is counted: {few}");
        assert!(few <= 2 * (100 * 15 + 50 * 15), "{few}");
        assert!(many <= 4 * few + 100, "{few}, then {many}");
    }

    /// A task runs, and waits for this.
    fn waits(task: &Arc<TaskRecord>, stamp: u64, object: &ObjectRef) {
        assert!(task.begin(Arc::new(Busy), Instant::now()));
        let wait = Wait { objects: Awaited::One(object.clone()), count: 1 };
        assert!(task.blocked_on().park(wait, stamp).is_none());
    }

    #[test]
    fn many_cycles_through_one_long_chain_are_told_in_several_looks_and_others_among_the_first() {
        const WAITING: u64 = 100;
        const CHAIN: usize = 1000;
        let store = ObjectStore::new(1 << 30);
        // What they wait for is there before them, and its first task needs what they make.
        let outputs: Vec<_> = (0..WAITING).map(|id| task(id, 1, plan(), false, &store)).collect();
        let needs = outputs.iter().map(|(_, output)| output.clone()).collect();
        let mut chain = vec![task_of(1000, 1, plan(), false, needs, &store)];
        for link in 1..CHAIN as u64 {
            let before = chain.last().expect("there is a first").1.clone();
            chain.push(task_of(1000 + link, 1, plan(), false, vec![before], &store));
        }
        let last = chain.last().expect("it is long").1.clone();
        let mut tasks = Vec::new();
        for (stamp, (task, _)) in outputs.iter().enumerate() {
            waits(task, 1 + stamp as u64, &last);
            tasks.push(task.clone());
        }
        // Another owner's, whose waits are the last.
        let [(one, of_one), (other, of_other)] = [5001, 5002].map(|id| task(id, 2, plan(), false, &store));
        waits(&one, 1 + WAITING, &of_other);
        waits(&other, 2 + WAITING, &of_one);
        tasks.extend([one, other]);
        let holders = || Holders::new(Vec::new(), ResourceSet::default());
        let look = || WaitGraph::of(&tasks, &holders(), None, usize::MAX).ok().expect("there is no bound");
        assert!(look().has_cycles(0) && !look().has_cycles(2 + WAITING));
        let max = 3 * CHAIN;
        let told = look().cycles(0, max);
        assert!(!told.are_all && told.steps <= max + CHAIN + 2, "{}", told.steps);
        let of_others = |cycle: &&Cycle| cycle.tasks.iter().all(|task| task.owner() == 2);
        assert_eq!(told.cycles.iter().filter(of_others).count(), 1);
        assert!((2..=5).contains(&told.cycles.len()));
        assert_eq!(look().cycles(0, 1).cycles.len(), 1, "one at least");
        let all = look().cycles(0, usize::MAX);
        assert!(all.are_all && all.cycles.len() as u64 == WAITING + 1);
        let long = all.cycles.iter().find(|cycle| !of_others(cycle)).expect("there are some");
        let names = long.names(|_, _| true);
        assert!(names.len() < 64 * CYCLE_NAMES_MAX && names.contains("937 others"), "{names}");
    }

    #[test]
    fn what_tasks_of_one_function_lack_is_worked_out_once() {
        let host = Host::new(of_each(15, 1), &[of_each(15, 1)], &[of_each(15, 1)]);
        let mut graph = WaitGraph { max: usize::MAX, ..WaitGraph::default() };
        let (holders, ready) = (host.holders(), &host.ready[0].0);
        let place = graph.place(ready.clone());
        let mut grown_by = || {
            let before = graph.size();
            graph.set_lacking(place, 0, ready, &holders);
            graph.size() - before
        };
        assert!(grown_by() > grown_by());
        assert_eq!(grown_by(), 15, "what it lacks, and nothing was looked up");
    }

    /// Who never goes on, by going over all again and again.
    fn stuck(host: &Host, waits: &[Option<(Vec<usize>, usize)>], names: &[&str]) -> Vec<bool> {
        let mut free = host.running.iter().fold(host.total.clone(), |free, (_, held)| free.less(held));
        let (mut running, mut ready) = (vec![true; host.running.len()], vec![true; host.ready.len()]);
        loop {
            let before = (running.clone(), ready.clone());
            for (place, (task, _)) in host.ready.iter().enumerate() {
                let needs = &task.spec.plan.needs;
                if names.iter().all(|name| needs.amount(name) <= free.amount(name)) {
                    ready[place] = false;
                }
            }
            for (place, (_, held)) in host.running.iter().enumerate() {
                let there =
                    |(tasks, count): &(Vec<usize>, usize)| tasks.iter().filter(|at| !ready[**at]).count() >= *count;
                if running[place] && waits[place].as_ref().is_none_or(there) {
                    running[place] = false;
                    free.give(held);
                }
            }
            if before == (running.clone(), ready.clone()) {
                return running;
            }
        }
    }

    #[test]
    fn whoever_lacks_resources_is_stuck_where_going_over_all_holders_says_so() {
        let [with, without] = [const { AtomicU32::new(0) }; 2];
        seeds::each(300, |seed| {
            let mut rng = Rng::with_seed(seed);
            let names = ["a", "b", "c"];
            let mut any = |most: Milli| {
                let amounts: Vec<_> = names.iter().map(|name| (*name, rng.i64(0..=most))).collect();
                amounts.into_iter().fold(ResourceSet::default(), |set, (name, amount)| set.with_milli(name, amount))
            };
            let hold: Vec<_> = (0..6).map(|_| any(2)).collect();
            let total = hold.iter().fold(any(1), |mut total, held| {
                total.give(held);
                total
            });
            // Who needs more than there is at all is not let in.
            let need: Vec<_> = (0..8).map(|_| any(4).within_share(&total, 1, 1)).collect();
            let host = Host::new(total, &hold, &need);
            let waits: Vec<_> = (0..hold.len())
                .map(|holder| {
                    let mut tasks: Vec<usize> = (0..need.len()).filter(|_| rng.u8(..3) == 0).collect();
                    rng.shuffle(&mut tasks);
                    let count = tasks.len().min(1 + rng.usize(..3));
                    let wait = (count > 0 && rng.u8(..5) > 0).then_some((tasks, count));
                    wait.iter().for_each(|(tasks, count)| host.waits(holder, tasks.iter().copied(), *count));
                    wait
                })
                .collect();
            let stuck = stuck(&host, &waits, &names);
            let is_stuck = |task: &Arc<TaskRecord>| {
                let place = host.running.iter().position(|(running, _)| Arc::ptr_eq(running, task));
                place.is_none_or(|place| stuck[place])
            };
            let cycles = host.look().cycles(0, usize::MAX).cycles;
            assert_eq!(cycles.is_empty(), !stuck.contains(&true), "{stuck:?}");
            assert!(cycles.iter().flat_map(|cycle| &cycle.tasks).all(is_stuck));
            let seen = if cycles.is_empty() { &without } else { &with };
            seen.fetch_add(1, Ordering::Relaxed);
        });
        let seen = [with, without].map(AtomicU32::into_inner);
        assert!(seen.iter().all(|count| *count > 0), "with cycles and without: {seen:?}");
    }
}
