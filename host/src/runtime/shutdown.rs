//! The end of a host: intake stops, work drains, what is left is ended.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::Runtime;
use crate::state::queue::timers::Due;
use crate::state::task::cancellation::StopReason;
use crate::types::error::{ErrorKind, TaskError};

/// Time for guests to end after they were all stopped. Each does at its next yield, within milliseconds.
const LAST_YIELDS: Duration = Duration::from_secs(5);

impl Runtime {
    /// Takes nothing from outside any more, waits at most `grace` for the work there is, and ends the rest.
    pub(crate) async fn drain(self: Arc<Self>, grace: Duration) {
        self.lifecycle.drain();
        self.room.drain();
        self.until(grace, |runtime| runtime.is_idle()).await;
        // What a driver leaves is cancelled, and not for the end of the host.
        self.within(LAST_YIELDS, |runtime| runtime.ended_families.are_over()).await;
        self.save_actors().await;
        self.halt();
        self.within(LAST_YIELDS, |runtime| runtime.stats().instances == 0).await;
    }

    /// Ends everything now. What waits for it hears so.
    pub(crate) fn halt(&self) {
        self.tell_the_cancelled();
        self.lifecycle.halt();
        self.room.close();
        let queued = self.scheduler.lock().close();
        let resting = self.timers.lock().take_backing_off();
        // Also those whose rest is over, and whom nobody has seen to.
        let rested = self.endings.take_due().into_iter().filter_map(Due::backed_off);
        let resting: Vec<_> = resting.into_iter().chain(rested).collect();
        queued.iter().chain(&resting).for_each(|task| self.give_up(task, shut_down()));
        let running: Vec<_> = self.running.lock().iter().cloned().collect();
        for task in running {
            self.stop(&task, StopReason::HostShutDown);
            self.complete(&task, Err(Arc::new(shut_down())));
        }
        self.actors.names.clear();
        for actor in self.actors.living() {
            self.bury(&actor, Arc::new(shut_down()));
            actor.kill(false, None);
        }
        // Also what was left to a tokio task that will not run any more.
        self.give_up_all();
    }

    /// Those that were cancelled and have not come to their end hear that, and not that the host ends. Before it does: what
    /// begins then is ended for that reason.
    fn tell_the_cancelled(&self) {
        if self.is_halted() {
            return;
        }
        let running = self.running.lock();
        let cancelled: Vec<_> = running.iter().filter(|task| task.was_ended()).cloned().collect();
        drop(running);
        for task in cancelled {
            self.complete(&task, Err(Arc::new(self.stopped(&task, StopReason::Cancelled))));
        }
    }

    /// Is everything to be ended?
    pub(super) fn is_halted(&self) -> bool {
        self.lifecycle.is_halted()
    }

    /// A task is over, or an instance is gone.
    pub(super) fn progressed(&self) {
        self.lifecycle.progressed();
    }

    /// Nothing runs, and nothing is to. Between two looks at the scheduler at which nothing moved: a task that has just been
    /// taken from the queue is not pending any more, and does not run yet.
    fn is_idle(&self) -> bool {
        let quiet = || {
            let scheduler = self.scheduler.lock();
            let load = scheduler.load();
            (load.pending == 0 && load.active == 0).then(|| scheduler.moves())
        };
        let before = quiet();
        before.is_some() && self.running.lock().is_empty() && quiet() == before
    }

    /// Waits until `done`, at most for `longest` of the real clock: an embedder's may stand still, and the host has to end.
    pub(super) async fn within(&self, longest: Duration, done: impl Fn(&Self) -> bool) {
        let _ = tokio::time::timeout(longest, self.once(done)).await;
    }

    async fn once(&self, done: impl Fn(&Self) -> bool) {
        loop {
            let progress = self.lifecycle.progress();
            if done(self) {
                return;
            }
            progress.await;
        }
    }

    /// Waits until `done`, at most for `longest`, of the host's clock or of the real one.
    async fn until(&self, longest: Duration, done: impl Fn(&Self) -> bool) {
        let waiting = self.once(done);
        let Some(until) = self.clock.now().checked_add(longest) else {
            return waiting.await;
        };
        let real = tokio::time::sleep(longest);
        first(waiting, first(self.clock.sleep_until(until), real)).await;
    }
}

/// The error of what a shutdown ends.
pub(super) fn shut_down() -> TaskError {
    TaskError::new(ErrorKind::HostShutDown, "the host shut down")
}

async fn first(a: impl Future<Output = ()>, b: impl Future<Output = ()>) {
    tokio::select! {
        () = a => {}
        () = b => {}
    }
}
