//! Looking for guests that wait for each other, and telling the one whose wait closed the circle.

use std::sync::Arc;

use tracing::Level;

use super::Runtime;
use crate::state::task::TaskRecord;
use crate::state::wait_graph::{Cycle, WaitGraph};
use crate::words::error::{ErrorKind, TaskError};

impl Runtime {
    /// Looks for deadlocks that were closed by a wait with a later stamp than `since`.
    pub(super) fn look_for_deadlocks(&self, since: u64) {
        let (waiting, running) = self.waiting_since(since);
        let size = match WaitGraph::of(&waiting, None) {
            Some(mut graph) => {
                if !graph.cycles(since).is_empty() {
                    self.break_deadlocks(&waiting, since, &graph);
                }
                graph.size()
            }
            None => {
                let text = "too many tasks wait for each other to be searched for deadlocks";
                self.observers.say(Level::DEBUG, || text.to_owned());
                crate::words::limits::WAIT_GRAPH_MAX
            }
        };
        self.scheduler.lock().looked(size + running);
    }

    /// The guests that wait since then, and how many run at all.
    fn waiting_since(&self, since: u64) -> (Vec<Arc<TaskRecord>>, usize) {
        let running = self.running.lock();
        let late = |task: &TaskRecord| task.parked_at().is_some_and(|stamp| stamp > since);
        let waiting = running.iter().filter(|(_, task)| late(task)).map(|(_, task)| task.clone()).collect();
        (waiting, running.len())
    }

    /// Tasks go on while they are looked at: what was pieced together need never have been. What has not moved between
    /// two looks has been so between them, and stays so.
    fn break_deadlocks(&self, waiting: &[Arc<TaskRecord>], since: u64, earlier: &WaitGraph) {
        let Some(mut graph) = WaitGraph::of(waiting, Some(earlier)) else {
            return;
        };
        for cycle in graph.cycles(since) {
            let Some(closer) = cycle.tasks.last() else { continue };
            let error = Arc::new(closer.describe(error_of(&cycle)));
            closer.condemn(cycle.stamp, error);
        }
    }
}

fn error_of(cycle: &Cycle) -> TaskError {
    let names = cycle.names();
    let text = format!("{names}: each waits for the next; let one of them not wait, or give it a timeout");
    TaskError::new(ErrorKind::Deadlock, text)
}
