//! Who may run next: CPU slots, custom resources and instances are permits; a task runs when it holds all it needs.

use std::sync::Arc;

use super::ready_queue::ReadyQueue;
use super::task::TaskRecord;
use crate::words::error::{ErrorKind, TaskError};
use crate::words::resources::ResourceSet;

/// The permits of a host and the tasks that wait for them.
pub struct Scheduler {
    queue: ReadyQueue,
    total: ResourceSet,
    free: ResourceSet,
    instances_max: u32,
    instances_free: u32,
    /// Instances that compute, or wait for something that comes by itself (a timer, a file, the network). When there
    /// are none, and no instance is free, nothing will ever happen.
    active: u32,
    pending: usize,
    pending_max: usize,
    accepting: bool,
}

/// How full the host is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Tasks that wait for arguments, or for their turn.
    pub pending: usize,
    /// Of these, the ones that have all their arguments.
    pub ready: usize,
    /// Instances that live: running and waiting tasks, and actors.
    pub instances: u32,
    /// Of these, the ones that compute.
    pub active: u32,
}

/// What the scheduler has to say when it is asked for the next task.
pub enum Next {
    /// Start this one; its permits are taken.
    Run(Arc<TaskRecord>),
    /// Fail this one: no instance will ever be free.
    Exhausted(Arc<TaskRecord>),
    /// Nobody fits.
    Nobody,
}

impl Scheduler {
    /// A scheduler with these permits, all free.
    pub fn new(total: ResourceSet, instances_max: u32, pending_max: usize) -> Self {
        Scheduler {
            queue: ReadyQueue::default(),
            free: total.clone(),
            total,
            instances_max,
            instances_free: instances_max,
            active: 0,
            pending: 0,
            pending_max,
            accepting: true,
        }
    }

    /// Lets one more task in.
    ///
    /// # Errors
    /// `HostShutDown`, `TaskUnschedulable` or `QueueFull`.
    pub fn admit(&mut self, needs: &ResourceSet) -> Result<(), TaskError> {
        if !self.accepting {
            return Err(TaskError::new(ErrorKind::HostShutDown, "the host takes no new tasks: it is shutting down"));
        }
        if !self.total.covers(needs) {
            let text = format!("it needs {needs}, and the host has no more than {}", self.total);
            return Err(TaskError::new(ErrorKind::TaskUnschedulable, text));
        }
        if self.pending >= self.pending_max {
            let text = format!("{} tasks are pending already: await some of them first", self.pending);
            return Err(TaskError::new(ErrorKind::QueueFull, text));
        }
        self.pending += 1;
        Ok(())
    }

    /// Is there room for another pending task?
    pub fn has_room(&self) -> bool {
        !self.accepting || self.pending < self.pending_max
    }

    /// Lets nobody in any more.
    pub fn close(&mut self) {
        self.accepting = false;
    }

    /// A pending task has its arguments.
    pub fn push(&mut self, task: Arc<TaskRecord>) {
        self.queue.push(task);
    }

    /// A running task is to run again: it is pending once more, whatever the bound says.
    pub fn push_again(&mut self, task: Arc<TaskRecord>) {
        self.pending += 1;
        self.queue.push(task);
    }

    /// A pending task was ended; `queued` if it stood in the queue.
    pub fn forget(&mut self, queued: bool) {
        self.pending -= 1;
        if queued {
            self.queue.forget_one();
        }
    }

    /// A pending task that needs no permits of its own starts: an actor's call.
    pub fn start_unqueued(&mut self) {
        self.pending -= 1;
    }

    /// The next task, with its permits.
    pub fn next(&mut self) -> Next {
        if self.queue.is_empty() {
            return Next::Nobody;
        }
        if self.instances_free == 0 {
            let stuck = (self.active == 0).then(|| self.queue.pick(|_| true)).flatten();
            return stuck.map_or(Next::Nobody, |task| {
                self.pending -= 1;
                Next::Exhausted(task)
            });
        }
        let free = &self.free;
        match self.queue.pick(|task| free.covers(&task.spec.needs)) {
            Some(task) => {
                self.pending -= 1;
                self.instances_free -= 1;
                self.active += 1;
                self.free.take(&task.spec.needs);
                Next::Run(task)
            }
            None => Next::Nobody,
        }
    }

    /// A task that [`next`](Self::next) gave is over, or an actor ended.
    pub fn release(&mut self, needs: &ResourceSet) {
        self.free.give(needs);
        self.instances_free += 1;
        self.active -= 1;
    }

    /// A running task waits for an object: its CPU goes to others. Custom resources stay, as in Ray. `alone` if only
    /// another task can end the wait.
    pub fn pause(&mut self, needs: &ResourceSet, alone: bool) {
        self.free.cpu_milli += needs.cpu_milli;
        self.active -= u32::from(alone);
    }

    /// It goes on, at once: for as long as it takes the CPUs may be overbooked, as in Ray, and no new task starts.
    pub fn resume(&mut self, needs: &ResourceSet, alone: bool) {
        self.free.cpu_milli -= needs.cpu_milli;
        self.active += u32::from(alone);
    }

    /// Takes all ready tasks out; they are pending no more.
    pub fn drain(&mut self) -> Vec<Arc<TaskRecord>> {
        let tasks = self.queue.drain();
        let live: Vec<_> = tasks.into_iter().filter(|task| !task.is_done()).collect();
        self.pending -= live.len();
        live
    }

    /// How full the host is.
    pub fn load(&self) -> Load {
        Load {
            pending: self.pending,
            ready: self.queue.len(),
            instances: self.instances_max - self.instances_free,
            active: self.active,
        }
    }
}
