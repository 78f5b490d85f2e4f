//! A host at which nothing moves: every instance waits for another task, and none of those that are ready fits beside them.

use std::sync::Arc;
use std::time::Duration;

use super::Runtime;
use crate::state::deadlock::wait_graph::WaitGraph;
use crate::state::task::TaskRecord;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::WAIT_GRAPH_MAX;
use crate::types::panics::Finally;

/// Time in which something moves on a host that is not at a standstill; what may still be under way takes microseconds.
const STANDSTILL: Duration = Duration::from_millis(50);

impl Runtime {
    /// Looks again in a moment: an actor may have a call in its mailbox and not know it yet. If nothing has moved by
    /// then, a task that will never have an instance is failed, so that those who wait for it go on.
    pub(super) fn suspect_a_standstill(&self) {
        let Some(runtime) = self.strong().filter(|_| self.lifecycle.suspect()) else {
            return;
        };
        let suspicion = Finally::new({
            let runtime = runtime.clone();
            move || runtime.lifecycle.trust()
        });
        let moves = self.scheduler.lock().moves();
        self.tokio.spawn(async move {
            tokio::time::sleep(STANDSTILL).await;
            drop(suspicion);
            runtime.end_a_standstill(moves);
            runtime.dispatch();
        });
    }

    /// What rests between two attempts comes by itself, and is waited for.
    fn end_a_standstill(&self, moves: u64) {
        if self.timers.lock().has_backoffs() {
            return;
        }
        // Some may be gone.
        self.scheduler.lock().keep_for(self.modules.weights());
        let victim =
            self.awaited_and_queued().into_iter().find(|task| self.scheduler.lock().fail_if_stuck(task, moves));
        if let Some(task) = victim {
            let text = format!(
                "everything that runs waits for another task, and holds the instances, the memory or the resources that this \
                 one needs ({}), or idle actors do: nest tasks less deeply, end actors that nobody needs, or raise the host's \
                 limits",
                task.spec.plan.needs
            );
            self.give_up(&task, TaskError::new(ErrorKind::InstancesExhausted, text));
        }
    }

    /// The tasks in the queue whose end would let one go on that waits: no other can end the standstill by its own.
    fn awaited_and_queued(&self) -> Vec<Arc<TaskRecord>> {
        let waiting = self.waiting_since(0).tasks;
        let graph = WaitGraph::of(&waiting, &self.holders(), None, WAIT_GRAPH_MAX);
        let mut queued: Vec<_> = graph.iter().flat_map(WaitGraph::ready).cloned().collect();
        if queued.is_empty() {
            // Too many to be searched, or the circle is closed by what the host does not see.
            queued.extend(self.scheduler.lock().first_ready());
        }
        queued
    }
}
