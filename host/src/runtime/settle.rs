//! The end of a task: its outcome sealed, its receipt sent, its children looked after.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Runtime;
use super::lineage::still_lost;
use crate::state::object::Outcome;
use crate::state::task::{TaskRecord, Work};
use crate::words::clock::Moment;
use crate::words::error::{ErrorKind, TaskError};
use crate::words::panics::{Finally, caught};
use crate::words::receipt::Receipt;

impl Runtime {
    /// Settles the outcome of a task, if that has not been done. An error is completed with what is known of the task.
    /// Tasks that waited for it may be ready now: a thread that does not ask for work next has to
    /// [`dispatch`](Self::dispatch).
    pub(super) fn settle(&self, task: &Arc<TaskRecord>, outcome: Outcome) {
        let outcome = outcome.map_err(|error| self.final_error(task, &error));
        let error = outcome.as_ref().err().cloned();
        let orphans = if self.ends_children(task, error.as_deref()) { task.children() } else { Vec::new() };
        if !task.finish(outcome, Moment::of(&*self.clock), |receipt| self.account(receipt)) {
            return;
        }
        if let (Work::Construct { actor }, Some(error)) = (&task.spec.work, error) {
            self.bury(actor, error);
        }
        self.end_tree(orphans);
        // What it was called with is in use no more.
        self.store.look_again();
        self.progressed();
    }

    /// Counts a finished task, and sends its receipt.
    pub(super) fn account(&self, receipt: &Receipt) {
        let count = match receipt.error {
            None => &self.tally.succeeded,
            Some(ErrorKind::TaskCancelled) => &self.tally.cancelled,
            Some(_) => &self.tally.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
        if receipt.memo {
            self.tally.memo.fetch_add(1, Ordering::Relaxed);
        }
        self.observers.receipt(receipt);
    }

    /// Ends a task that has not begun, or settles one that could not be queued.
    pub(super) fn give_up(&self, task: &Arc<TaskRecord>, error: TaskError) {
        self.scheduler.lock().forget(task);
        self.settle(task, Err(Arc::new(error)));
        if let Work::Call { actor, .. } = &task.spec.work {
            // The calls behind it need not wait for what it waited for.
            actor.mailbox.wake();
        }
        self.dispatch();
    }

    /// The same, soon, and one after the other: a chain of ten thousand that fails would otherwise fail by recursion. On a thread that
    /// may wait, as all that ends many tasks: what they hold may be an embedder's bytes, whose end is his function.
    pub(super) fn give_up_later(&self, task: Arc<TaskRecord>, error: TaskError) {
        self.failing.lock().push_back((task, error));
        if self.failing_now.swap(true, Ordering::AcqRel) {
            return;
        }
        match self.strong().filter(|_| !self.is_halted()) {
            Some(runtime) => self.apart(move || runtime.give_up_all()),
            // Nothing runs any more that could do it.
            None => self.give_up_all(),
        }
    }

    /// Gives up what is to be given up, and what follows from it. A panic on the way is one task's.
    pub(super) fn give_up_all(&self) {
        loop {
            loop {
                let next = self.failing.lock().pop_front();
                match next {
                    Some((task, error)) => {
                        self.survives("gave up a task", || self.give_up(&task, error));
                    }
                    None => break,
                }
            }
            self.failing_now.store(false, Ordering::Release);
            // One that came in between found somebody at work, and relied on that.
            if self.failing.lock().is_empty() || self.failing_now.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }

    /// Does something on a thread that may wait; here where the system has none.
    pub(super) fn apart(&self, work: impl FnOnce() + Send + 'static) {
        let here = Arc::new(parking_lot::Mutex::new(Some(work)));
        let there = here.clone();
        if caught(|| drop(self.tokio.spawn_blocking(move || run_once(&there)))).is_err() {
            run_once(&here);
        }
    }

    fn final_error(&self, task: &TaskRecord, error: &TaskError) -> Arc<TaskError> {
        if let Work::Task { lost: Some(lost), .. } = &task.spec.work
            && !matches!(error.kind, ErrorKind::TaskCancelled | ErrorKind::HostShutDown)
        {
            return Arc::new(task.describe(still_lost(lost, error)));
        }
        // One that is ended can still meet what was ended with it, before it comes to its own end.
        let to_stop = task.cancel_requested() || task.was_ended();
        let asked_to_stop = to_stop && error.kind == ErrorKind::TaskFailed;
        let error = if asked_to_stop {
            TaskError::new(ErrorKind::TaskCancelled, "it stopped when it was asked to").caused_by(error)
        } else {
            error.clone()
        };
        Arc::new(task.describe(error))
    }

    /// A driver takes what it started with it, and so does a task that was ended or crashed: nobody is left who could
    /// want the results. A task that returns leaves its children to its parent, as in Ray.
    fn ends_children(&self, task: &TaskRecord, error: Option<&TaskError>) -> bool {
        let ended = error.is_some_and(|error| {
            use ErrorKind::{HostShutDown, ObjectLost, TaskCancelled};
            error.kind.is_system_failure() || matches!(error.kind, TaskCancelled | HostShutDown | ObjectLost)
        });
        // One that was ended, or asked to stop, and returned has ended all the same.
        let unwanted = task.was_ended() || task.cancel_requested();
        ((ended || unwanted) && !task.spares_children()) || matches!(task.spec.work, Work::Main { .. })
    }

    /// Ends tasks with all that they submitted. Not here, so that a deep tree is not a deep stack; on a thread that may wait.
    pub(super) fn end_tree(&self, tasks: Vec<Arc<TaskRecord>>) {
        if tasks.is_empty() {
            return;
        }
        let Some(runtime) = self.strong() else {
            return;
        };
        self.ending.fetch_add(1, Ordering::AcqRel);
        let ended = Finally::new({
            let runtime = runtime.clone();
            move || {
                runtime.ending.fetch_sub(1, Ordering::AcqRel);
                runtime.progressed();
            }
        });
        self.apart(move || {
            let _ended = ended;
            for task in &tasks {
                runtime.survives("ended a task with its parent", || runtime.end_with_parent(task));
            }
        });
    }
}

fn run_once(work: &parking_lot::Mutex<Option<impl FnOnce()>>) {
    let work = work.lock().take();
    if let Some(work) = work {
        work();
    }
}
