//! Who waits for whom: the tasks on which some that wait depend, and those among them that can never go on.
//!
//! A guest that waits needs some of the tasks that make its objects. A queued task needs those that make its arguments, and
//! a queued call besides the call that its actor serves, or the constructor, and the calls before it. Whatever is none of
//! these goes on by itself, and so does in the end whatever needs only such; the rest waits for itself.

use std::collections::HashMap;
use std::sync::Arc;

use super::actor::ActorRecord;
use super::object::ObjectRef;
use super::parking::{Standing, Wait};
use super::task::{TaskRecord, Work};
use crate::words::limits::WAIT_GRAPH_MAX;

/// The tasks on which some that wait depend.
#[derive(Default)]
pub struct WaitGraph {
    nodes: Vec<Node>,
    places: HashMap<*const TaskRecord, usize>,
    /// For each actor with calls in the graph, the calls that wait, and the nearest before each that holds up those behind.
    queues: HashMap<*const ActorRecord, Queue>,
    size: usize,
}

type Queue = HashMap<*const TaskRecord, Option<Arc<TaskRecord>>>;

struct Node {
    task: Arc<TaskRecord>,
    state: State,
    /// The tasks that it depends on.
    needs: Vec<usize>,
    /// How many of them must come to their end before it goes on; none where it does by itself.
    missing: usize,
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
    /// The task whose wait closed it, last.
    pub tasks: Vec<Arc<TaskRecord>>,
    /// The stamp of that wait.
    pub stamp: u64,
}

impl WaitGraph {
    /// All that `tasks` depend on. With an `earlier` graph, what has moved since counts as going on by itself: what then
    /// still waits for itself did so at the moment between the two. `None` where it is too large to be looked at.
    pub fn of(tasks: &[Arc<TaskRecord>], earlier: Option<&WaitGraph>) -> Option<Self> {
        let mut graph = WaitGraph::default();
        for task in tasks {
            graph.place(task.clone());
        }
        let mut next = 0;
        while let Some(task) = graph.nodes.get(next).map(|node| node.task.clone()) {
            graph.explore(next, &task);
            if earlier.is_some_and(|earlier| earlier.state(&task) != Some(graph.nodes[next].state)) {
                graph.set(next, State::Free, Vec::new(), 0);
            }
            if graph.size() > WAIT_GRAPH_MAX {
                return None;
            }
            next += 1;
        }
        Some(graph)
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
            nodes.push(Node { task, state: State::Free, needs: Vec::new(), missing: 0 });
            nodes.len() - 1
        })
    }

    fn set(&mut self, place: usize, state: State, needs: Vec<usize>, missing: usize) {
        self.size += needs.len();
        let node = &mut self.nodes[place];
        (node.state, node.needs, node.missing) = (state, needs, missing);
    }

    fn explore(&mut self, place: usize, task: &Arc<TaskRecord>) {
        match task.standing() {
            Standing::Free => {}
            Standing::Parked(Wait { objects, count }, stamp) => {
                let needs = self.producers(&objects);
                let there = objects.len() - needs.len();
                let missing = count.min(objects.len()).saturating_sub(there);
                self.set(place, State::Parked(stamp), needs, missing);
            }
            Standing::Queued { attempts, missing } => {
                let mut needs = self.producers(&missing);
                match &task.spec.work {
                    Work::Call { actor, .. } => match self.before(actor, task) {
                        Some(before) => needs.extend(before),
                        // It is about to be served.
                        None => return,
                    },
                    Work::Task { .. } | Work::Main { .. } | Work::Construct { .. } => {}
                }
                let missing = needs.len();
                self.set(place, State::Queued(attempts), needs, missing);
            }
        }
    }

    /// The tasks that make these objects. One that nobody makes is there, or comes from elsewhere.
    fn producers(&mut self, objects: &[ObjectRef]) -> Vec<usize> {
        objects.iter().filter_map(ObjectRef::producer).map(|task| self.place(task)).collect()
    }

    /// What must end before the actor serves this call, its arguments aside; `None` if it is not in the mailbox.
    fn before(&mut self, actor: &Arc<ActorRecord>, call: &Arc<TaskRecord>) -> Option<Vec<usize>> {
        if actor.lanes.is_some() {
            // It may be served beside those that it serves.
            return None;
        }
        let size = &mut self.size;
        let queue = self.queues.entry(Arc::as_ptr(actor)).or_insert_with(|| {
            let queue = queue(actor);
            *size += queue.len();
            queue
        });
        let held_up_by = queue.get(&Arc::as_ptr(call))?.clone();
        // After the mailbox: a call that was taken out of it meanwhile is found here, or has ended.
        let serves = actor.running().or_else(|| actor.ready.producer());
        if serves.as_ref().is_some_and(|serves| Arc::ptr_eq(serves, call)) {
            return None;
        }
        Some(held_up_by.into_iter().chain(serves).map(|task| self.place(task)).collect())
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
            for waiting in &needed_by[place] {
                let missing = &mut self.nodes[*waiting].missing;
                *missing = missing.saturating_sub(1);
                if *missing == 0 {
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
        let stamp = |place: &usize| match self.nodes[*place].state {
            State::Parked(stamp) => Some(stamp),
            State::Free | State::Queued(_) => None,
        };
        let (last, stamp) = ring
            .iter()
            .enumerate()
            .filter_map(|(at, place)| Some((at, stamp(place)?)))
            .max_by_key(|(_, stamp)| *stamp)?;
        ring.rotate_left(last + 1);
        let closer = *ring.last()?;
        let tasks = ring.iter().map(|place| self.nodes[*place].task.clone()).collect();
        Some((Cycle { tasks, stamp }, closer))
    }
}

/// The calls that wait for an actor, each with the nearest before it that is not ready to be served.
fn queue(actor: &ActorRecord) -> Queue {
    let mut held_up_by: Option<Arc<TaskRecord>> = None;
    let mut queue = HashMap::new();
    for call in actor.mailbox.waiting() {
        queue.insert(Arc::as_ptr(&call), held_up_by.clone());
        if !call.is_released() {
            held_up_by = Some(call);
        }
    }
    queue
}

impl Cycle {
    /// The names of its tasks in the order in which each waits for the next; the first is said again at the end.
    pub fn names(&self) -> String {
        let mut names: Vec<String> = self.tasks.iter().map(|task| name(task)).collect();
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
