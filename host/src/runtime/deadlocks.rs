//! Looking for guests that wait for each other, and telling the one whose wait closed the circle.

use std::cell::Cell;
use std::sync::{Arc, Weak};

use super::Runtime;
use super::detector::Detector;
use super::presence::Presence;
use crate::state::deadlock::look::{Looked, Progress, Waits, look_by_owner};
use crate::state::deadlock::trigger::Waiter;
use crate::state::deadlock::wait_graph::{Cycle, Holders, TooLarge, Victim, WaitGraph};
use crate::state::task::{Stopped, TaskRecord, Work};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::{WAIT_GRAPH_MAX, WAITS_LISTED_MAX};
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

impl Waiting {
    fn each(&self) -> impl Iterator<Item = Waits<Arc<TaskRecord>>> {
        let waits = |(task, stamp): (&Arc<TaskRecord>, &u64)| Waits {
            waiter: task.clone(),
            stamp: *stamp,
            owner: task.owner(),
        };
        self.tasks.iter().zip(&self.stamps).map(waits)
    }
}

impl Runtime {
    /// Starts the thread that looks for deadlocks.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn start_detector(self: &Arc<Self>, presence: &Arc<Presence>) -> std::io::Result<()> {
        let (detector, runtime) = (self.detector.clone(), Arc::downgrade(self));
        let thread = std::thread::Builder::new().name("rustyray-waits".to_owned());
        presence.spawn(thread, move || detect(&detector, &runtime)).map(drop)
    }

    /// Looks for deadlocks that were closed by a wait with a later stamp than `since`.
    fn look_for_deadlocks(&self, since: u64) {
        let looked = Cell::new((0, None));
        // Also where something of it panics: else nobody would ever look again.
        let _told = Finally::new(|| {
            let (size, up_to) = looked.get();
            self.scheduler.lock().looked(size, up_to);
        });
        let waiting = self.waiting_since(since);
        let holders = self.holders();
        let Waiting { tasks, listed, up_to, .. } = &waiting;
        let Progress { size, up_to: reached } = match self.look_at(tasks, since, &holders, WAIT_GRAPH_MAX) {
            Ok(Looked { size, are_all }) => Progress { size, up_to: (!are_all).then_some(since) },
            Err(TooLarge { size }) => {
                let look = |tasks: &[_], max| self.look_at(tasks, since, &holders, max);
                let progress = look_by_owner(waiting.each(), look);
                Progress { size: size + progress.size, ..progress }
            }
        };
        looked.set((size + listed + holders.size(), reached.into_iter().chain(*up_to).min()));
    }

    /// Looks for deadlocks of these that wait.
    fn look_at(
        &self,
        tasks: &[Arc<TaskRecord>],
        since: u64,
        holders: &Holders,
        max: usize,
    ) -> Result<Looked, TooLarge> {
        let mut graph = WaitGraph::of(tasks, holders, None, max)?;
        let told = self.break_deadlocks(tasks, since, &mut graph);
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

fn detect(detector: &Detector, runtime: &Weak<Runtime>) {
    while let Some(since) = detector.asked() {
        let Some(runtime) = runtime.upgrade() else { return };
        // A panic on the way ends this look, and not the thread.
        runtime.survives("looked for deadlocks", || runtime.look_for_deadlocks(since));
        // Another may be due, or the host be at a standstill, and all workers rest.
        runtime.dispatch();
    }
}
