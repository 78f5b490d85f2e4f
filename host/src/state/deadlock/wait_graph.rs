//! Who waits for whom: the tasks on which some that wait depend, and those among them that can never go on.
//!
//! A guest that waits needs some of the tasks that make its objects. A queued task needs those that make its arguments, and
//! a queued call besides the call that its actor serves, or the constructor, and the calls before it in its line; where the actor serves
//! several at once, as many of those it serves, and of the calls that come before it, as leave room. A task that lacks a custom resource
//! needs as many of those that hold it. Whatever is none of these goes on by itself, and so does in the end whatever needs only such; the rest waits for itself.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::blocked_on::{Standing, Wait};
use crate::state::actor::ActorRecord;
use crate::state::actor::lane::Submitter;
use crate::state::object::ObjectRef;
use crate::state::task::{TaskRecord, Work};
use crate::types::limits::WAIT_OBJECTS_MAX;
use crate::types::manifest::ModuleInfo;
use crate::types::resources::{Milli, ResourceSet};

/// The tasks on which some that wait depend.
#[derive(Default)]
pub struct WaitGraph {
    nodes: Vec<Node>,
    places: HashMap<*const TaskRecord, usize>,
    /// For each actor with calls in the graph, the calls that wait, and the nearest before each that holds up those behind.
    queues: HashMap<*const ActorRecord, Queue>,
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
    /// Tasks, and the calls of actors, with what they or their actors hold.
    pub held: Vec<(Arc<TaskRecord>, ResourceSet)>,
    /// What the host has.
    pub total: ResourceSet,
}

type Queue = HashMap<*const TaskRecord, Option<Arc<TaskRecord>>>;

/// Tasks, and how many of them must come to their end.
type Ahead = (Vec<Arc<TaskRecord>>, usize);

struct Node {
    task: Arc<TaskRecord>,
    state: State,
    /// The tasks that it depends on.
    needs: Vec<usize>,
    /// How many of them must come to their end before it goes on; none where it does by itself.
    missing: usize,
    /// How much it lacks of custom resources, which those that it depends on hold.
    lacks: Vec<(String, Milli)>,
    /// What comes back with its end.
    holds: Option<ResourceSet>,
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
        let mut graph = WaitGraph { max, ..WaitGraph::default() };
        for task in tasks {
            graph.place(task.clone());
        }
        let mut next = 0;
        while let Some(task) = graph.nodes.get(next).map(|node| node.task.clone()) {
            graph.explore(next, &task, holders);
            if earlier.is_some_and(|earlier| earlier.state(&task) != Some(graph.nodes[next].state)) {
                graph.set(next, State::Free, Vec::new(), 0);
            }
            if graph.is_too_large || graph.size() > max {
                return Err(TooLarge { size: graph.size() });
            }
            next += 1;
        }
        Ok(graph)
    }

    /// The tasks and queue places that it holds.
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
                if let Some(SharedWait { wait, stamp, is_full }) = shared_wait(task) {
                    self.set_parked(place, &wait, stamp);
                    self.nodes[place].shares_a_wait = true;
                    if !is_full {
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
        let held = |name: &str| holders.held.iter().map(|(_, held)| held.amount(name)).sum::<Milli>();
        let lacks = |(name, amount): (&str, Milli)| {
            let lacking = amount - (holders.total.amount(name) - held(name));
            (lacking > 0).then(|| (name.to_owned(), lacking))
        };
        let lacks: Vec<_> = task.spec.plan.needs.custom().filter_map(lacks).collect();
        let has_some = |held: &ResourceSet| lacks.iter().any(|(name, _)| held.amount(name) > 0);
        let mut needs = Vec::new();
        for (holder, held) in holders.held.iter().filter(|(_, held)| has_some(held)) {
            let holder = self.place(holder.clone());
            self.nodes[holder].holds = Some(held.clone());
            needs.push(holder);
        }
        let missing = needs.len().min(1);
        self.set(place, State::Queued(attempts), needs, missing);
        self.nodes[place].lacks = lacks;
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
        // Without a shift it serves none: it waits for calls, or starts again.
        let served = actor.shift().map(|shift| shift.calls()).unwrap_or_default();
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

    /// The cycles that those of the tasks are caught in which wait since after the stamp `since`. What each cycle's last
    /// wait would give if it ended is taken to come, so that no cycle is told twice.
    pub fn cycles(&mut self, since: u64) -> Vec<Cycle> {
        let suspect = |node: &Node| matches!(node.state, State::Parked(stamp) if stamp > since);
        let suspects: Vec<usize> = (0..self.nodes.len()).filter(|place| suspect(&self.nodes[*place])).collect();
        if suspects.is_empty() {
            return Vec::new();
        }
        let needed_by = self.needed_by();
        let free = (0..self.nodes.len()).filter(|place| self.nodes[*place].missing == 0).collect();
        let mut goes_on = vec![false; self.nodes.len()];
        self.release(free, &needed_by, &mut goes_on);
        let mut cycles = Vec::new();
        for suspect in suspects {
            while !goes_on[suspect]
                && let Some((cycle, closer)) = self.cycle(suspect, &goes_on)
            {
                self.release(vec![closer], &needed_by, &mut goes_on);
                cycles.push(cycle);
            }
        }
        cycles
    }

    fn needed_by(&self) -> Vec<Vec<usize>> {
        let mut needed_by = vec![Vec::new(); self.nodes.len()];
        for (place, node) in self.nodes.iter().enumerate() {
            node.needs.iter().for_each(|need| needed_by[*need].push(place));
        }
        needed_by
    }

    /// These tasks go on, and whatever waits for no more than them.
    fn release(&mut self, mut free: Vec<usize>, needed_by: &[Vec<usize>], goes_on: &mut [bool]) {
        while let Some(place) = free.pop() {
            if std::mem::replace(&mut goes_on[place], true) {
                continue;
            }
            let holds = self.nodes[place].holds.clone().unwrap_or_default();
            for waiting in &needed_by[place] {
                if self.nodes[*waiting].loses(&holds) {
                    free.push(*waiting);
                }
            }
        }
    }

    /// Follows what does not go on until it comes back to itself.
    fn cycle(&self, from: usize, goes_on: &[bool]) -> Option<(Cycle, usize)> {
        let mut path = Vec::new();
        let mut seen = HashMap::new();
        let mut place = from;
        let first = loop {
            if let Some(first) = seen.insert(place, path.len()) {
                break first;
            }
            path.push(place);
            place = *self.nodes[place].needs.iter().find(|need| !goes_on[**need])?;
        };
        let mut ring = path.split_off(first);
        let mut stamp = self.turn_to_last_wait(&mut ring, false);
        if stamp.is_none() {
            match self.ring_of_one_queued(from, goes_on) {
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
    fn ring_of_one_queued(&self, from: usize, goes_on: &[bool]) -> Option<Vec<usize>> {
        let queued = *self.way(from, goes_on, |place| matches!(self.nodes[place].state, State::Queued(_)))?.last()?;
        self.way(queued, goes_on, |place| place == queued)
    }

    /// The shortest way along those that do not go on, to one that is looked for; from where it starts, which it leaves out.
    fn way(&self, from: usize, goes_on: &[bool], is_it: impl Fn(usize) -> bool) -> Option<Vec<usize>> {
        let mut came_from: HashMap<usize, usize> = HashMap::new();
        let mut next = VecDeque::from([from]);
        while let Some(place) = next.pop_front() {
            for need in self.nodes[place].needs.iter().copied().filter(|need| !goes_on[*need]) {
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
        let (state, needs, lacks) = (State::Free, Vec::new(), Vec::new());
        Node { task, state, needs, missing: 0, lacks, holds: None, shares_a_wait: false }
    }

    /// One that it depends on has come to its end, and gives this back. True if it goes on now.
    fn loses(&mut self, holds: &ResourceSet) -> bool {
        if self.lacks.is_empty() {
            self.missing = self.missing.saturating_sub(1);
            return self.missing == 0;
        }
        self.lacks.iter_mut().for_each(|(name, amount)| *amount -= holds.amount(name));
        self.lacks.iter().all(|(_, amount)| *amount <= 0)
    }
}

/// What the calls that an actor serves at once wait for together.
struct SharedWait {
    wait: Wait,
    stamp: u64,
    /// No lane has room for another call.
    is_full: bool,
}

/// That of this call, if it is one of several.
fn shared_wait(task: &Arc<TaskRecord>) -> Option<SharedWait> {
    let shift = task.shift().filter(|shift| shift.knows(task))?;
    let Work::Call { actor, .. } = &task.spec.work else { return None };
    let calls = shift.calls();
    let served = |lane: usize| calls.iter().filter(|call| call.spec.plan.lane == lane).count();
    // One that the guest has not heard of yet may let the others go on.
    let all_known = calls.iter().all(|call| shift.knows(call));
    let is_full = all_known && (0..actor.lanes.as_ref()?.len()).all(|lane| served(lane) >= capacity(actor, lane));
    match shift.parking().standing() {
        Standing::Parked(wait, stamp) if !shift.has_news() => Some(SharedWait { wait, stamp, is_full }),
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
    /// that the task which is to fail `knows` nothing of keep their names to themselves.
    pub fn names(&self, knows: impl Fn(&TaskRecord, &ModuleInfo) -> bool) -> String {
        let is_told = |task: &TaskRecord| self.tasks.last().is_none_or(|reader| knows(reader, &task.spec.module));
        let shown =
            |task: &Arc<TaskRecord>| if is_told(task) { name(task) } else { "a task of another module".to_owned() };
        let mut names: Vec<String> = self.tasks.iter().map(shown).collect();
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
