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
    /// How often permits changed hands.
    moves: u64,
    pending: usize,
    pending_max: usize,
    intake: Intake,
}

/// Who may submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intake {
    Open,
    /// Running tasks only.
    Draining,
    Closed,
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
    /// Every instance waits for another task and none is free. If nothing moves for a moment, nothing ever will.
    Stuck,
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
            moves: 0,
            pending: 0,
            pending_max,
            intake: Intake::Open,
        }
    }

    /// Lets one more task in, before there is a record of it; [`count`](Self::count) follows. While the host drains,
    /// only running tasks may submit.
    ///
    /// # Errors
    /// `HostShutDown`, `TaskUnschedulable` or `QueueFull`.
    pub fn admit(&mut self, needs: &ResourceSet, from_outside: bool) -> Result<(), TaskError> {
        if self.intake == Intake::Closed || (self.intake == Intake::Draining && from_outside) {
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
        Ok(())
    }

    /// The task is pending.
    pub fn count(&mut self, task: &TaskRecord) {
        if !task.count_as_pending(true) {
            self.pending += 1;
        }
    }

    /// The task is pending no more.
    pub fn uncount(&mut self, task: &TaskRecord) -> bool {
        let counted = task.count_as_pending(false);
        self.pending -= usize::from(counted);
        counted
    }

    /// Is there room for another pending task? There is when nobody is let in any more, so that who waits hears of it.
    pub fn has_room(&self) -> bool {
        self.intake != Intake::Open || self.pending < self.pending_max
    }

    /// Lets nobody in from outside any more.
    pub fn drain(&mut self) {
        if self.intake == Intake::Open {
            self.intake = Intake::Draining;
        }
    }

    /// Lets nobody in at all any more, and gives what is still queued.
    pub fn close(&mut self) -> Vec<Arc<TaskRecord>> {
        self.intake = Intake::Closed;
        self.queue.drain()
    }

    /// A pending task has its arguments.
    pub fn push(&mut self, task: Arc<TaskRecord>) {
        self.queue.push(task);
    }

    /// A pending task was ended; `queued` if it stood in the queue.
    pub fn forget(&mut self, task: &TaskRecord, queued: bool) {
        if self.uncount(task) && queued {
            self.queue.forget_one();
        }
    }

    /// The next task, with its permits.
    pub fn next(&mut self) -> Next {
        if self.queue.is_empty() {
            return Next::Nobody;
        }
        if self.instances_free == 0 {
            return if self.active == 0 { Next::Stuck } else { Next::Nobody };
        }
        let free = &self.free;
        match self.queue.pick(|task| free.covers(&task.spec.needs)) {
            Some(task) => {
                self.uncount(&task);
                self.moves += 1;
                self.instances_free -= 1;
                self.active += 1;
                self.free.take(&task.spec.needs);
                Next::Run(task)
            }
            None => Next::Nobody,
        }
    }

    /// How often permits changed hands.
    pub fn moves(&self) -> u64 {
        self.moves
    }

    /// The task to fail if the host is stuck and no permit has changed hands since `moves`.
    pub fn pick_stuck(&mut self, moves: u64) -> Option<Arc<TaskRecord>> {
        let stuck = self.moves == moves && self.instances_free == 0 && self.active == 0;
        let task = stuck.then(|| self.queue.pick(|_| true)).flatten()?;
        self.uncount(&task);
        Some(task)
    }

    /// A task that [`next`](Self::next) gave is over, or an actor ended.
    pub fn release(&mut self, needs: &ResourceSet) {
        self.moves += 1;
        self.free.give(needs);
        self.instances_free += 1;
        self.active -= 1;
    }

    /// A running task waits for an object: its CPU goes to others. Custom resources stay, as in Ray. `alone` if only
    /// another task can end the wait.
    pub fn pause(&mut self, needs: &ResourceSet, alone: bool) {
        self.moves += 1;
        self.free.cpu_milli += needs.cpu_milli;
        self.active -= u32::from(alone);
    }

    /// It goes on, at once: for as long as it takes the CPUs may be overbooked, as in Ray, and no new task starts.
    pub fn resume(&mut self, needs: &ResourceSet, alone: bool) {
        self.moves += 1;
        self.free.cpu_milli -= needs.cpu_milli;
        self.active += u32::from(alone);
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
