//! Who may run next. CPU slots, custom resources and instances are permits: a task starts when it holds all it needs.
//! What has started takes turns on the threads: a job that was woken, a task that is to start, a job that was preempted.

use std::sync::Arc;

use super::levels::Levels;
use super::lookout::Lookout;
use super::ready_queue::{Pick, ReadyQueue};
use super::task::TaskRecord;
use crate::words::error::{ErrorKind, TaskError};
use crate::words::ids::ModuleId;
use crate::words::resources::ResourceSet;

/// The permits of a host, the tasks that wait for them, and the jobs (`J`) that wait for a thread.
pub struct Scheduler<J> {
    ready: ReadyQueue,
    /// Jobs that waited for something, which came.
    woken: Levels<J>,
    /// Jobs that were preempted after a slice.
    preempted: Levels<J>,
    /// Whose turn it is where all have the same priority.
    turn: Lane,
    /// Nothing in the ready queue fits into what is free. Saves looking again until something changes.
    nothing_fits: bool,
    /// Threads with nothing to do, by number; the one that was busy last is last.
    idle: Vec<usize>,
    /// Threads, at work and resting.
    threads: usize,
    /// The threads are to end.
    over: bool,
    lookout: Lookout,
    total: ResourceSet,
    free: ResourceSet,
    instances_max: u32,
    instances_free: u32,
    /// Instances that compute, or wait for something that comes by itself (a timer, a file, the network). When there
    /// are none, and what is ready does not fit, nothing may ever happen.
    active: u32,
    /// Actors that have nothing to do. What they hold may be given back by whoever drops the last handle.
    idle_actors: u32,
    /// How often permits changed hands.
    moves: u64,
    pending: usize,
    pending_max: usize,
    intake: Intake,
}

/// What waits for a thread. The lanes take turns, so that neither a flood of new tasks nor busy loops keep the others
/// waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Woken,
    Ready,
    Preempted,
}

impl Lane {
    /// The lanes in the order in which they are asked, this one first.
    fn in_turn(self) -> [Lane; 3] {
        match self {
            Lane::Woken => [Lane::Woken, Lane::Ready, Lane::Preempted],
            Lane::Ready => [Lane::Ready, Lane::Preempted, Lane::Woken],
            Lane::Preempted => [Lane::Preempted, Lane::Woken, Lane::Ready],
        }
    }
}

/// Why a job wants a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// What it waited for came.
    Woken,
    /// It was preempted, and has more to do.
    Preempted,
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
pub enum Next<J> {
    /// Go on with this job.
    Resume(J),
    /// Start this task; its permits are taken.
    Start(Arc<TaskRecord>),
    /// Look for deadlocks that were closed by a wait with a later stamp than this, and ask again.
    Look(u64),
    /// Every instance waits for another task and none is free. If nothing moves for a moment, nothing ever will.
    Stuck,
    /// Nobody fits.
    Nobody,
    /// There will be nothing to do any more.
    Over,
}

impl<J> Scheduler<J> {
    /// A scheduler with these permits, all free.
    pub fn new(total: ResourceSet, instances_max: u32, pending_max: usize) -> Self {
        Scheduler {
            ready: ReadyQueue::default(),
            woken: Levels::default(),
            preempted: Levels::default(),
            turn: Lane::Woken,
            nothing_fits: false,
            idle: Vec::new(),
            threads: 0,
            over: false,
            lookout: Lookout::default(),
            free: total.clone(),
            total,
            instances_max,
            instances_free: instances_max,
            active: 0,
            idle_actors: 0,
            moves: 0,
            pending: 0,
            pending_max,
            intake: Intake::Open,
        }
    }

    /// Lets one more task in, which counts as pending. While the host drains, only running tasks may submit.
    ///
    /// # Errors
    /// `HostShutDown`, `TaskUnschedulable` or `QueueFull`.
    pub fn admit(&mut self, needs: &ResourceSet, from_outside: bool) -> Result<(), TaskError> {
        if self.intake == Intake::Closed || (self.intake == Intake::Draining && from_outside) {
            return Err(TaskError::new(ErrorKind::HostShutDown, "the host takes no new tasks: it is shutting down"));
        }
        if !self.total.covers(needs) {
            return Err(TaskError::new(ErrorKind::TaskUnschedulable, self.lacks(needs)));
        }
        if self.pending >= self.pending_max {
            let text = format!("{} tasks are pending already: await some of them first", self.pending);
            return Err(TaskError::new(ErrorKind::QueueFull, text));
        }
        self.pending += 1;
        Ok(())
    }

    /// Why it can never start, in words.
    fn lacks(&self, needs: &ResourceSet) -> String {
        if needs.memory_bytes > self.total.memory_bytes {
            let (asked, there) = (needs.memory_bytes, self.total.memory_bytes);
            return format!(
                "it may use {asked} bytes of memory, and the host has {there} for guests: declare less, or raise the limit"
            );
        }
        format!("it needs {needs}, and the host has no more than {}", self.total)
    }

    /// A task that ran is pending again.
    pub fn count(&mut self, task: &TaskRecord) {
        if !task.count_as_pending(true) {
            self.pending += 1;
        }
    }

    /// The task is pending no more.
    pub fn uncount(&mut self, task: &TaskRecord) -> bool {
        let counted = task.count_as_pending(false);
        if counted {
            self.pending -= 1;
        }
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
        self.ready.drain()
    }

    /// A pending task has its arguments.
    pub fn push(&mut self, task: Arc<TaskRecord>) {
        self.nothing_fits = false;
        self.ready.push(task);
    }

    /// A job of this module wants a thread.
    pub fn resume_soon(&mut self, priority: i32, module: ModuleId, job: J, wants: Wants) {
        match wants {
            Wants::Woken => self.woken.push(priority, module.0, job),
            Wants::Preempted => self.preempted.push(priority, module.0, job),
        }
    }

    /// Takes the first of the jobs that were woken, if it is one of these.
    pub fn woken_if(&mut self, is_wanted: impl FnOnce(&J) -> bool) -> Option<J> {
        self.woken.first().filter(|(_, job)| is_wanted(job))?;
        self.woken.pop()
    }

    /// A pending task was ended; `queued` if it stood in the queue.
    pub fn forget(&mut self, task: &TaskRecord, queued: bool) {
        self.nothing_fits = false;
        if self.uncount(task) && queued {
            self.ready.forget_one();
        }
    }

    /// What a thread is to do next: the highest priority first, the lanes in turn where it is the same.
    pub fn next(&mut self) -> Next<J> {
        self.lookout.turn();
        if self.lookout.is_due(false) && !self.over {
            return Next::Look(self.lookout.begin());
        }
        let pick = self.startable();
        let priority = |lane| match lane {
            Lane::Woken => self.woken.first().map(|(priority, _)| priority),
            Lane::Ready => pick.map(Pick::priority),
            Lane::Preempted => self.preempted.first().map(|(priority, _)| priority),
        };
        // Of several with the same priority `rev` and `max_by_key` give the first one asked.
        let lanes = self.turn.in_turn().into_iter().rev().filter_map(|lane| Some((priority(lane)?, lane)));
        let Some((_, lane)) = lanes.max_by_key(|(priority, _)| *priority) else {
            return match () {
                () if self.over => Next::Over,
                // Whoever asks is the last thread that is not at rest.
                () if self.lookout.is_due(self.idle.len() + 1 >= self.threads) => Next::Look(self.lookout.begin()),
                () if self.is_stuck() => Next::Stuck,
                () => Next::Nobody,
            };
        };
        self.turn = lane.in_turn()[1];
        let next = match lane {
            Lane::Woken => self.woken.pop().map(Next::Resume),
            Lane::Preempted => self.preempted.pop().map(Next::Resume),
            Lane::Ready => pick.and_then(|pick| self.start(pick)).map(Next::Start),
        };
        next.unwrap_or(Next::Nobody)
    }

    /// Starts this task, if it is the next one to start.
    pub fn next_if(&mut self, task: &Arc<TaskRecord>) -> bool {
        let pick = self.startable().filter(|pick| self.ready.is(*pick, task));
        pick.and_then(|pick| self.start(pick)).is_some()
    }

    /// The first task that fits.
    fn startable(&mut self) -> Option<Pick> {
        if self.nothing_fits || self.instances_free == 0 {
            return None;
        }
        let free = &self.free;
        let pick = self.ready.find(|task| free.covers(&task.spec.plan.needs));
        self.nothing_fits = pick.is_none();
        pick
    }

    fn start(&mut self, pick: Pick) -> Option<Arc<TaskRecord>> {
        let task = self.ready.take(pick)?;
        if !self.uncount(&task) {
            // It was ended where it stood; whoever begins it finds out.
            self.ready.remember_one();
        }
        self.moves += 1;
        self.instances_free -= 1;
        self.active += 1;
        self.free.take(&task.spec.plan.needs);
        Some(task)
    }

    /// Nobody computes, and what is ready does not fit: for want of an instance, or beside tasks that wait for it. What
    /// idle actors alone stand in the way of can wait for their end.
    fn is_stuck(&mut self) -> bool {
        let waiting_tasks = self.instances_max - self.instances_free - self.idle_actors;
        self.active == 0
            && !self.ready.is_empty()
            && (self.instances_free == 0 || waiting_tasks > 0)
            && self.startable().is_none()
    }

    /// There is one more thread.
    pub fn enlist(&mut self) {
        self.threads += 1;
    }

    /// A look for deadlocks is over, which went over this many tasks.
    pub fn looked(&mut self, tasks: usize) {
        self.lookout.end(tasks);
    }

    /// A thread found nothing to do. It is in the list until [`rouse`](Self::rouse) gives its number.
    pub fn rest(&mut self, thread: usize) {
        self.idle.push(thread);
    }

    /// A resting thread woke by itself.
    pub fn rise(&mut self, thread: usize) {
        self.idle.retain(|resting| *resting != thread);
    }

    /// The thread to wake, if there is something to do that nobody does.
    pub fn rouse(&mut self) -> Option<usize> {
        if self.idle.is_empty() || !self.has_work() {
            return None;
        }
        self.idle.pop()
    }

    fn has_work(&mut self) -> bool {
        !self.woken.is_empty()
            || !self.preempted.is_empty()
            || self.startable().is_some()
            || self.is_stuck()
            || self.lookout.is_due(self.idle.len() >= self.threads)
    }

    /// The threads are to end when there is nothing left to do.
    pub fn end(&mut self) {
        self.over = true;
    }

    /// How often permits changed hands.
    pub fn moves(&self) -> u64 {
        self.moves
    }

    /// The task to fail if the host is stuck and no permit has changed hands since `moves`.
    pub fn pick_stuck(&mut self, moves: u64) -> Option<Arc<TaskRecord>> {
        if self.moves != moves || !self.is_stuck() {
            return None;
        }
        let pick = self.ready.find(|_| true)?;
        let task = self.ready.take(pick)?;
        self.uncount(&task);
        Some(task)
    }

    /// A task that [`next`](Self::next) gave is over, or an actor ended.
    pub fn release(&mut self, needs: &ResourceSet) {
        self.moves += 1;
        self.nothing_fits = false;
        self.free.give(needs);
        self.instances_free += 1;
        self.active -= 1;
    }

    /// A running task waits for an object: its CPU goes to others. Custom resources stay, as in Ray. `alone` if only
    /// another task can end the wait.
    pub fn pause(&mut self, needs: &ResourceSet, alone: bool) {
        self.moves += 1;
        self.nothing_fits &= needs.cpu_milli == 0;
        self.free.cpu_milli += needs.cpu_milli;
        if alone {
            self.active -= 1;
        }
    }

    /// It goes on, at once: for as long as it takes the CPUs may be overbooked, as in Ray, and no new task starts.
    pub fn resume(&mut self, needs: &ResourceSet, alone: bool) {
        self.moves += 1;
        self.free.cpu_milli -= needs.cpu_milli;
        if alone {
            self.active += 1;
        }
    }

    /// An actor has nothing to do until somebody calls it.
    pub fn idle(&mut self) {
        self.moves += 1;
        self.active -= 1;
        self.idle_actors += 1;
    }

    /// An actor has something to do.
    pub fn busy(&mut self) {
        self.moves += 1;
        self.active += 1;
        self.idle_actors -= 1;
    }

    /// A guest waits that only another task can wake; gives the stamp of its wait.
    pub fn park(&mut self) -> u64 {
        self.lookout.park()
    }

    /// It goes on.
    pub fn unpark(&mut self) {
        self.lookout.unpark();
    }

    /// How full the host is.
    pub fn load(&self) -> Load {
        Load {
            pending: self.pending,
            ready: self.ready.len(),
            instances: self.instances_max - self.instances_free,
            active: self.active,
        }
    }
}
