//! Looking for guests that wait for each other, and telling the one whose wait closed the circle.

use std::cell::Cell;
use std::sync::Arc;

use super::Runtime;
use crate::state::deadlock::trigger::Waiter;
use crate::state::deadlock::wait_graph::{Cycle, Holders, TooLarge, Victim, WaitGraph};
use crate::state::task::{Stopped, TaskRecord, Work};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::{WAIT_GRAPH_FEW, WAIT_GRAPH_MAX, WAITS_LISTED_MAX};
use crate::types::panics::Finally;

/// Guests that wait.
pub(super) struct Waiting {
    /// Those that wait for longest first.
    pub tasks: Vec<Arc<TaskRecord>>,
    /// When each began.
    stamps: Vec<u64>,
    /// How many were listed.
    listed: usize,
    /// The last stamp of these, where there are more.
    up_to: Option<u64>,
}

/// What a look came to.
struct Looked {
    /// Tasks and queue places that it went over.
    size: usize,
    /// False if it is to be repeated: there are more cycles than are told in one look.
    are_all: bool,
}

impl Runtime {
    /// Looks for deadlocks that were closed by a wait with a later stamp than `since`.
    pub(super) fn look_for_deadlocks(&self, since: u64) {
        let looked = Cell::new((0, None));
        // Also where something of it panics: else nobody would ever look again.
        let _told = Finally::new(|| {
            let (size, up_to) = looked.get();
            self.scheduler.lock().looked(size, up_to);
        });
        let waiting = self.waiting_since(since);
        let holders = self.holders();
        let (size, up_to) = match WaitGraph::of(&waiting.tasks, &holders, None, WAIT_GRAPH_MAX) {
            Ok(mut graph) => {
                let told = self.break_deadlocks(&waiting.tasks, since, &mut graph);
                (graph.size() + told.size, (!told.are_all).then_some(since))
            }
            Err(TooLarge { size }) => {
                let (more, up_to) = self.look_one_by_one(&waiting, since, &holders);
                (size + more, up_to)
            }
        };
        let up_to = up_to.into_iter().chain(waiting.up_to).min();
        looked.set((size + waiting.listed + holders.size(), up_to));
    }

    /// All together are too much: each is looked at for itself. First all that wait for few, and then the others, those that wait for
    /// longest before, as many as are no more together: some that wait for very many make nobody else's wait long. Gives how large that was,
    /// and the last stamp of those that were looked at where others are left. Whoever waits for too much by itself is not looked at.
    fn look_one_by_one(&self, waiting: &Waiting, since: u64, holders: &Holders) -> (usize, Option<u64>) {
        let mut size = 0;
        let mut many = Vec::new();
        let mut up_to = None;
        let mut before = since;
        for (task, stamp) in waiting.tasks.iter().zip(&waiting.stamps) {
            match self.look_alone(task, since, holders, WAIT_GRAPH_FEW) {
                Ok(looked) => {
                    size += looked.size;
                    if !looked.are_all {
                        up_to = Some(before);
                        break;
                    }
                }
                Err(TooLarge { size: few }) => {
                    size += few;
                    many.push((task, *stamp));
                }
            }
            before = *stamp;
            if size > WAIT_GRAPH_MAX {
                up_to = Some(before);
                break;
            }
        }
        // One of them at least in each look, so that all have their turn.
        let few = size;
        before = since;
        for (task, stamp) in many {
            let looked = self.look_alone(task, since, holders, WAIT_GRAPH_MAX);
            let looked = looked.unwrap_or_else(|TooLarge { size }| Looked { size, are_all: true });
            size += looked.size;
            if !looked.are_all {
                return (size, Some(before));
            }
            before = stamp;
            if size - few > WAIT_GRAPH_MAX {
                return (size, Some(before));
            }
        }
        (size, up_to)
    }

    /// Looks for deadlocks of one that waits.
    fn look_alone(
        &self,
        task: &Arc<TaskRecord>,
        since: u64,
        holders: &Holders,
        max: usize,
    ) -> Result<Looked, TooLarge> {
        let alone = std::slice::from_ref(task);
        let mut graph = WaitGraph::of(alone, holders, None, max)?;
        let told = self.break_deadlocks(alone, since, &mut graph);
        Ok(Looked { size: graph.size() + told.size, are_all: told.are_all })
    }

    /// The guests that wait since then. One of several calls that share a wait stands for them all.
    pub(super) fn waiting_since(&self, since: u64) -> Waiting {
        let all = self.scheduler.lock().waiting_since(since, WAITS_LISTED_MAX);
        let up_to = (all.len() == WAITS_LISTED_MAX).then(|| all.last().map(|(stamp, _)| *stamp)).flatten();
        let task = |waiter| match waiter {
            Waiter::Task(task) => task.upgrade(),
            Waiter::Calls(concurrent_calls) => {
                concurrent_calls.upgrade().filter(|concurrent_calls| !concurrent_calls.has_news())?.first_known()
            }
        };
        // Some have gone on meanwhile.
        let waits = |(stamp, waiter)| Some((stamp, task(waiter).filter(|task| task.parked_at() == Some(stamp))?));
        let listed = all.len();
        let (stamps, tasks) = all.into_iter().filter_map(waits).unzip();
        Waiting { tasks, stamps, listed, up_to }
    }

    /// Who holds custom resources, beside actors that have nothing to do: these may end by whoever drops the last handle.
    pub(super) fn holders(&self) -> Holders {
        let (total, _) = self.scheduler.lock().permits();
        // Nobody can lack what the host has none of.
        let has_custom = total.custom().next().is_some();
        let running = if has_custom { self.running.lock().holders() } else { Vec::new() };
        let holds = |task: Arc<TaskRecord>| {
            // One that is to be tried again has given back what it held, and is a moment longer among those that run.
            let holds = match &task.spec.work {
                _ if !task.is_running() => return None,
                // Its actor ends when all its calls have.
                Work::Call { actor, .. } if actor.lanes.is_some() && !task.waits_alone() => return None,
                Work::Call { actor, .. } => actor.spec.holds.clone(),
                Work::Task { .. } | Work::Main { .. } | Work::Construct { .. } => task.spec.plan.needs.clone(),
            };
            Some((task, holds))
        };
        Holders::new(running.into_iter().filter_map(holds).collect(), total)
    }

    /// Tells those whose waits closed a cycle. Tasks go on while they are looked at: what was pieced together need never have been. What
    /// has not moved between two looks has been so between them, and stays so.
    fn break_deadlocks(&self, waiting: &[Arc<TaskRecord>], since: u64, earlier: &mut WaitGraph) -> Looked {
        if !earlier.has_cycles(since) {
            return Looked { size: 0, are_all: true };
        }
        let mut graph = match WaitGraph::of(waiting, &self.holders(), Some(earlier), WAIT_GRAPH_MAX) {
            Ok(graph) => graph,
            // It has grown: the next look is another.
            Err(TooLarge { size }) => return Looked { size, are_all: false },
        };
        let told = graph.cycles(since, WAIT_GRAPH_MAX);
        for cycle in told.cycles {
            let error = self.deadlock(&cycle);
            match cycle.victim {
                Victim::Waits(task, stamp) => task.condemn(stamp, Arc::new(task.describe(error))),
                Victim::Queued(task) => self.fail_in_the_queue(&task, error),
            }
        }
        Looked { size: graph.size() + told.steps, are_all: told.are_all }
    }

    fn deadlock(&self, cycle: &Cycle) -> TaskError {
        let names = cycle.names(|reader, module| self.knows(reader, module));
        let text = format!("{names}: each waits for the next; let one of them not wait, or give it a timeout");
        TaskError::new(ErrorKind::Deadlock, text)
    }

    fn fail_in_the_queue(&self, task: &Arc<TaskRecord>, error: TaskError) {
        if matches!(task.leave_queue(), Stopped::BeforeStart) {
            self.give_up(task, error);
        }
    }
}
