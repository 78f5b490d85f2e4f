//! Who may run next. CPU slots, custom resources and instances are permits: a task starts when it holds all it needs.
//! What has started takes turns on the threads: a job that was woken, a task that is to start, a job that was preempted.

mod after;
mod holdings;
mod reservation;
mod search;
mod spares;
mod startable;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::after::After;
use self::holdings::Holdings;
use self::search::Search;
use self::spares::Spares;
use super::priority_queue::PriorityQueue;
use super::ready_queue::{ReadyQueue, Standing, Verdict};
use super::room::{Place, Room};
use crate::state::deadlock::trigger::{Trigger, Waiter};
use crate::state::task::TaskRecord;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::ids::ModuleId;
use crate::types::limits::LOOKAHEAD;
use crate::types::resources::ResourceSet;
use crate::types::weight::part;

/// The permits of a host, the tasks that wait for them, and the jobs (`J`) that wait for a thread.
pub struct Scheduler<J> {
    ready: ReadyQueue,
    /// Jobs that waited for something, which came.
    woken: PriorityQueue<J>,
    /// Jobs that were preempted after a slice.
    preempted: PriorityQueue<J>,
    /// Whose turn it is where all have the same priority.
    turn: Lane,
    search: Search,
    /// Threads with nothing to do, by number; the one that was busy last is last.
    idle: Vec<usize>,
    /// Threads, at work and resting, without the spare ones.
    threads: usize,
    spares: Spares,
    /// The owners for which spare threads do not work.
    crowding: Vec<u64>,
    /// The threads are to end.
    over: bool,
    /// Nobody is let in any more.
    closed: bool,
    trigger: Trigger,
    total: ResourceSet,
    free: ResourceSet,
    /// What each owner's tasks and actors hold.
    held: Holdings,
    /// What is held by those that wait for another task, and by actors without a call: it need not come back by itself.
    stalled: ResourceSet,
    instances_max: u32,
    instances_free: u32,
    /// Instances that compute, or wait for something that comes by itself (a timer, a file, the network). When there
    /// are none, and what is ready does not fit, nothing may ever happen.
    active: u32,
    /// Actors that have nothing to do. What they hold may be given back by whoever drops the last handle.
    idle_actors: u32,
    /// How often permits changed hands.
    moves: u64,
    room: Arc<Room>,
    after: After,
}

/// What waits for a thread. The lanes take turns, so that neither a flood of new tasks nor busy loops keep the others
/// waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Woken,
    Ready,
    Preempted,
}

/// What a thread asks for.
struct Asks {
    /// Nothing of these owners.
    crowding: Vec<u64>,
    takes_preempted: bool,
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
    /// Bytes of memory that they may use.
    pub memory_bytes: u64,
}

/// What the scheduler has to say when it is asked for the next task.
pub enum Next<J> {
    /// Go on with this job.
    Resume(J),
    /// Start this task; its permits are taken.
    Start(Arc<TaskRecord>),
    /// Ask again: more was to be looked at than is good at once.
    Again,
    /// Have deadlocks looked for that were closed by a wait with a later stamp than this, and ask again.
    Look(u64),
    /// Every instance waits for another task and none is free. If nothing moves for a moment, nothing ever will.
    Stuck,
    /// Nobody fits.
    Nobody,
    /// There will be nothing to do any more.
    Over,
}

impl<J> Scheduler<J> {
    /// A scheduler with these permits, all free, and room for pending tasks.
    pub fn new(total: ResourceSet, instances_max: u32, room: Arc<Room>) -> Self {
        Scheduler {
            ready: ReadyQueue::default(),
            woken: PriorityQueue::default(),
            preempted: PriorityQueue::default(),
            turn: Lane::Woken,
            search: Search::default(),
            idle: Vec::new(),
            threads: 0,
            spares: Spares::default(),
            crowding: Vec::new(),
            over: false,
            closed: false,
            trigger: Trigger::default(),
            free: total.clone(),
            total,
            held: Holdings::new(instances_max),
            stalled: ResourceSet::default(),
            instances_max,
            instances_free: instances_max,
            active: 0,
            idle_actors: 0,
            moves: 0,
            room,
            after: After::default(),
        }
    }

    /// Lets one more task in, which counts as pending: at the place that it waited for, if it did. While the host drains, only
    /// running tasks may submit. A place that is refused stays the caller's, to be dropped where no lock is held.
    ///
    /// # Errors
    /// `HostShutDown`, `TaskUnschedulable` or `QueueFull`.
    pub fn admit(&self, needs: &ResourceSet, from_outside: bool, place: &mut Option<Place>) -> Result<(), TaskError> {
        if !self.total.covers(needs) {
            // Who is shutting down says so first.
            self.room.is_open_to(from_outside)?;
            return Err(self.never(needs));
        }
        self.room.take(from_outside, place)
    }

    /// Lets one more in whose like was let in before.
    ///
    /// # Errors
    /// `HostShutDown`.
    pub fn admit_again(&self) -> Result<(), TaskError> {
        self.room.is_open_to(false)?;
        self.room.come_back();
        Ok(())
    }

    /// Why it can never start.
    fn never(&self, needs: &ResourceSet) -> TaskError {
        let (asked, there) = (needs.memory_bytes, self.total.memory_bytes);
        if asked <= there {
            let text = format!("it needs {needs}, and the host has no more than {}", self.total);
            return TaskError::new(ErrorKind::TaskUnschedulable, text);
        }
        let mut error = TaskError::of_limit(ErrorKind::TaskUnschedulable, "host-memory-bytes", there, asked);
        error.message = format!(
            "it may use {asked} bytes of memory, and the host has {there} for guests, beside its object store: declare less, \
             or raise the limit"
        );
        error
    }

    /// A task that ran is pending again.
    pub fn count(&mut self, task: &TaskRecord) {
        if !task.count_as_pending(true) {
            self.room.come_back();
        }
    }

    /// The task is pending no more.
    pub fn uncount(&mut self, task: &TaskRecord) {
        // A branch, and no arithmetic with the flag: see `tests/integration/tidy.rs`.
        if task.count_as_pending(false) {
            let next = self.room.leave();
            self.after.wake(next);
        }
    }

    /// Lets nobody in at all any more, and gives what is still queued.
    pub fn close(&mut self) -> Vec<Arc<TaskRecord>> {
        self.closed = true;
        self.ready.drain()
    }

    /// A pending task has its arguments. Gives it back where nobody is let in any more.
    #[must_use = "somebody has to settle what is given back"]
    pub fn push(&mut self, task: Arc<TaskRecord>) -> Option<Arc<TaskRecord>> {
        if self.closed {
            return Some(task);
        }
        if task.is_done() {
            // Ended before it stood here: whoever did that settles it.
            self.after.drop_later(task);
            return None;
        }
        // Who waits may hold it, and for this very task.
        if task.spec.plan.needs.beyond(&self.free).custom().next().is_some() {
            self.trigger.look_at_all();
        }
        let is_seen = match self.ready.push(task) {
            Standing::Behind => false,
            Standing::First => true,
            // Only where all are looked at.
            Standing::Far => self.active == 0,
        };
        self.search.begin_anew_if(is_seen);
        None
    }

    /// A job of this module wants a thread. Gives it back where none is left.
    #[must_use = "what is given back has to be dropped, where no lock is held"]
    pub fn resume_soon(&mut self, priority: i32, module: ModuleId, job: J, wants: Wants) -> Option<J> {
        if self.over && self.threads == 0 {
            return Some(job);
        }
        match wants {
            Wants::Woken => self.woken.push(priority, module.0, job),
            Wants::Preempted => self.preempted.push(priority, module.0, job),
        }
        None
    }

    /// Takes the first of the jobs that were woken, if it is one of these.
    pub fn woken_if(&mut self, is_wanted: impl FnOnce(&J) -> bool) -> Option<J> {
        self.woken.first().filter(|(_, job)| is_wanted(job))?;
        let held = &self.held;
        self.woken.pop(|owner| held.weight_of(owner))
    }

    /// A pending task was ended; it leaves the queue, if it stood there.
    pub fn forget(&mut self, task: &TaskRecord) {
        self.search.begin_anew();
        self.uncount(task);
        if let Some(task) = self.ready.forget(task) {
            self.after.drop_later(task);
        }
    }

    /// What this thread is to do next, which may be a spare one. A spare thread that nobody needs right now takes nothing that was preempted: it
    /// is there for who would have to wait, and not to share out the cores among more threads.
    pub fn next_for(&mut self, thread: usize) -> Next<J> {
        if !self.spares.has(thread) {
            return self.next();
        }
        match () {
            () if self.over => Next::Over,
            () if self.spares.are_too_many() => Next::Nobody,
            () if self.spares.are_needed() => {
                self.next_of(&Asks { crowding: self.crowding.clone(), takes_preempted: true })
            }
            () if self.has_news_for_spares() => {
                self.next_of(&Asks { crowding: self.crowding.clone(), takes_preempted: false })
            }
            () => Next::Nobody,
        }
    }

    /// What a thread is to do next: the highest priority first, the lanes in turn where it is the same.
    pub fn next(&mut self) -> Next<J> {
        self.next_of(&Asks { crowding: Vec::new(), takes_preempted: true })
    }

    fn next_of(&mut self, asks: &Asks) -> Next<J> {
        self.trigger.turn();
        if self.trigger.is_due(false) && !self.over {
            return Next::Look(self.trigger.begin());
        }
        let startable = self.startable_for(&asks.crowding);
        let may = |owner| !asks.crowding.contains(&owner);
        let priority = |lane| match lane {
            Lane::Woken => self.woken.first_of(may).map(|(priority, _)| priority),
            Lane::Ready => startable.as_ref().map(|task| task.spec.plan.priority),
            Lane::Preempted if asks.takes_preempted => self.preempted.first_of(may).map(|(priority, _)| priority),
            Lane::Preempted => None,
        };
        // Of several with the same priority `rev` and `max_by_key` give the first one asked.
        let lanes = self.turn.in_turn().into_iter().rev();
        let lanes = lanes.filter_map(|lane| Some((priority(lane)?, lane)));
        let Some((_, lane)) = lanes.max_by_key(|(priority, _)| *priority) else {
            return match () {
                () if self.over => {
                    // Under the lock: what comes later finds nobody, or somebody who looks again.
                    self.threads = self.threads.saturating_sub(1);
                    Next::Over
                }
                // Whoever asks is the last thread that is not at rest.
                () if self.trigger.is_due(self.is_quiet_but_for(1)) => Next::Look(self.trigger.begin()),
                () if self.searches() => Next::Again,
                () if self.is_stuck() => Next::Stuck,
                () => Next::Nobody,
            };
        };
        self.turn = lane.in_turn()[1];
        let held = &self.held;
        let weight = |owner| held.weight_of(owner);
        let take =
            |jobs: &mut PriorityQueue<J>| if asks.crowding.is_empty() { jobs.pop(weight) } else { jobs.pop_of(may) };
        let next = match lane {
            Lane::Woken => take(&mut self.woken).map(Next::Resume),
            Lane::Preempted => take(&mut self.preempted).map(Next::Resume),
            Lane::Ready => startable.map(|task| Next::Start(self.start(task))),
        };
        next.unwrap_or(Next::Nobody)
    }

    /// The task that a thread would start which is not for these owners.
    fn startable_for(&mut self, crowding: &[u64]) -> Option<Arc<TaskRecord>> {
        let first = self.startable()?;
        match crowding.contains(&first.owner()) {
            true => self.startable_of(|owner| !crowding.contains(&owner)),
            false => Some(first),
        }
    }

    /// The owners that hold up twice as many threads as are their share, at least two more, because they compute in calls of the host:
    /// spare threads work in place of those for others. More threads than cores help nobody, and few keep what is not stuck alive.
    fn crowding(&self, computing: BTreeMap<u64, u32>) -> Vec<u64> {
        if computing.is_empty() {
            return Vec::new();
        }
        let (threads, all) = (self.threads as u64, self.weights_in_use());
        let crowds = |(owner, count): &(u64, u32)| {
            let share = part(threads, self.held.weight_of(*owner), all).max(1);
            u64::from(*count) >= share + share.max(2)
        };
        computing.into_iter().filter(crowds).map(|(owner, _)| owner).collect()
    }

    /// Starts this task, if it is the next one to start.
    pub fn next_if(&mut self, task: &Arc<TaskRecord>) -> bool {
        let next = self.startable().filter(|next| Arc::ptr_eq(next, task));
        next.map(|next| self.start(next)).is_some()
    }

    /// Takes the permits. Those that were looked at before it are overtaken.
    fn start(&mut self, task: Arc<TaskRecord>) -> Arc<TaskRecord> {
        self.ready.find(LOOKAHEAD, |head| {
            let is_it = Arc::ptr_eq(head.task, &task);
            if !is_it {
                head.task.overtake();
            }
            if is_it { Verdict::Take } else { Verdict::Pass }
        });
        let held = &self.held;
        let stood_here = self.ready.take(&task, |owner| held.weight_of(owner));
        self.uncount(&task);
        self.moves += 1;
        self.instances_free -= 1;
        self.active += 1;
        self.free.take(&task.spec.plan.needs);
        self.held.take(task.owner(), &task.spec.plan.needs);
        drop(stood_here);
        task
    }

    /// Nobody computes, and what is ready does not fit: for want of an instance, or while tasks wait, which may be for it. Where none
    /// does it can wait for the end of the idle actors that stand in its way; where one does, it may be that one which holds
    /// their handles, and nobody would hear of it.
    pub fn is_stuck(&mut self) -> bool {
        self.active == 0
            && !self.ready.is_empty()
            && (self.lacks_instances() || self.waiting_tasks() > 0)
            && self.startable().is_none()
            && !self.searches()
            // What a look ends goes on.
            && !self.trigger.is_looking()
    }

    /// Is there no instance for somebody who is ready?
    fn lacks_instances(&self) -> bool {
        self.ready.owners().any(|owner| !self.held.leaves_one(self.instances_free, owner))
    }

    /// What is to be done when nobody holds it any more, if there is anything.
    pub fn take_after(&mut self) -> Option<After> {
        if self.after.is_empty() { None } else { Some(std::mem::take(&mut self.after)) }
    }

    /// There is one more thread.
    pub fn enlist(&mut self) {
        self.threads += 1;
    }

    /// This thread, which was told that all is over, has something to do yet.
    pub fn stay(&mut self, thread: usize) {
        if !self.spares.has(thread) {
            self.enlist();
        }
    }

    /// Is this thread a spare one?
    pub fn is_spare(&self, thread: usize) -> bool {
        self.spares.has(thread)
    }

    /// Threads from this number on are spare ones: they only work while somebody [wants](Self::want_spares) them.
    pub fn spares_from(&mut self, first: usize) {
        self.spares.first = Some(first);
    }

    /// So many spare threads are needed, because others are stuck, and so many may work. `computing` tells by owner how many threads are
    /// stuck because they compute.
    pub fn want_spares(&mut self, needed: usize, wanted: usize, computing: BTreeMap<u64, u32>) {
        (self.spares.needed, self.spares.wanted) = (needed, wanted);
        self.crowding = self.crowding(computing);
    }

    /// The number of a spare thread to start, which counts as awake, if another one is wanted and there is something to do.
    pub fn enlist_spare(&mut self) -> Option<usize> {
        if !self.idle.is_empty() || self.over || !self.has_work_for_spares() {
            return None;
        }
        self.spares.enlist()
    }

    /// The spare thread that was enlisted last could not be started.
    pub fn dismiss_spare(&mut self) {
        self.spares.dismiss();
    }

    /// A look for deadlocks is over, which went over this many tasks, and only `up_to` this stamp where they were too many.
    pub fn looked(&mut self, tasks: usize, up_to: Option<u64>) {
        self.trigger.end(tasks, up_to);
    }

    /// Long ago was the last look for deadlocks: the next is due.
    pub fn hurry_to_look(&mut self) {
        self.trigger.hurry();
    }

    /// A thread found nothing to do. It is in the list until [`rouse`](Self::rouse) gives its number.
    pub fn rest(&mut self, thread: usize) {
        match self.spares.has(thread) {
            true => self.spares.rest(thread),
            false => self.idle.push(thread),
        }
    }

    /// A resting thread woke by itself.
    pub fn rise(&mut self, thread: usize) {
        match self.spares.has(thread) {
            true => self.spares.rise(thread),
            false => self.idle.retain(|resting| *resting != thread),
        }
    }

    /// The thread to wake, if there is something to do that nobody does.
    pub fn rouse(&mut self) -> Option<usize> {
        if !self.idle.is_empty() {
            return if self.has_work() { self.idle.pop() } else { None };
        }
        if self.spares.have_one() && self.has_work_for_spares() { self.spares.rouse() } else { None }
    }

    fn has_work_for_spares(&mut self) -> bool {
        let has_more = self.spares.are_too_few()
            && (self.preempted.first_of(|owner| !self.crowding.contains(&owner)).is_some()
                || self.is_stuck()
                || self.trigger.is_due(self.is_quiet_but_for(0)));
        has_more || self.has_news_for_spares()
    }

    /// Does anything wait that was not preempted, and that is for a spare thread?
    fn has_news_for_spares(&mut self) -> bool {
        let crowding = self.crowding.clone();
        self.woken.first_of(|owner| !crowding.contains(&owner)).is_some()
            || self.startable_for(&crowding).is_some()
            || self.searches()
    }

    fn has_work(&mut self) -> bool {
        !self.woken.is_empty()
            || !self.preempted.is_empty()
            || self.startable().is_some()
            || self.searches()
            || self.is_stuck()
            || self.trigger.is_due(self.is_quiet_but_for(0))
    }

    /// Does every thread rest but `asking` ones, and those that are stuck? What these do may take for ever.
    fn is_quiet_but_for(&self, asking: usize) -> bool {
        self.idle.len() + self.spares.needed + asking >= self.threads + self.spares.awake
    }

    /// The threads are to end when there is nothing left to do.
    pub fn end(&mut self) {
        self.over = true;
    }

    /// How often permits changed hands.
    pub fn moves(&self) -> u64 {
        self.moves
    }

    /// Takes this task out of the queue, to be failed, if the host is stuck and no permit has changed hands since `moves`.
    pub fn fail_if_stuck(&mut self, task: &TaskRecord, moves: u64) -> bool {
        if self.moves != moves || !self.is_stuck() || !self.is_in_vain(task.owner()) {
            return false;
        }
        let stood_here = self.ready.forget(task);
        let stands = stood_here.is_some();
        stood_here.into_iter().for_each(|task| self.after.drop_later(task));
        stands
    }

    /// Where the host is stuck: does a task of this owner wait for more than the end of idle actors?
    fn is_in_vain(&self, owner: u64) -> bool {
        self.waiting_tasks() > 0 || !self.held.leaves_one(self.instances_free, owner)
    }

    /// The first in the queue that waits in vain where the host is stuck.
    pub fn first_ready(&self) -> Option<Arc<TaskRecord>> {
        // The first one of each owner tells of all of them.
        self.ready.find(1, |head| if self.is_in_vain(head.owner) { Verdict::Take } else { Verdict::Pass })
    }

    /// Instances of those that wait for other tasks, or compute.
    fn waiting_tasks(&self) -> u32 {
        self.instances_max - self.instances_free - self.idle_actors
    }

    /// All that there is of each kind, and what of it is free.
    pub fn permits(&self) -> (ResourceSet, ResourceSet) {
        (self.total.clone(), self.free.clone())
    }

    /// A task that [`next`](Self::next) gave is over, or an actor ended.
    pub fn release(&mut self, task: &TaskRecord) {
        let needs = &task.spec.plan.needs;
        self.moved();
        self.search.begin_anew();
        self.free.give(needs);
        self.held.give_back(task.owner(), needs);
        self.instances_free += 1;
        self.active -= 1;
    }

    /// The owners that may want instances at any time, some of which are kept for each, and their weights.
    pub fn keep_for(&mut self, weights: BTreeMap<u64, u32>) {
        self.search.begin_anew();
        self.held.keep_for(weights);
    }

    /// Permits have changed hands, or somebody begins or ends to wait.
    fn moved(&mut self) {
        self.moves += 1;
        // What was kept for another may not be any more.
        self.search.begin_anew_if(self.search.something_kept);
    }

    /// A running task waits for an object: its CPU goes to others. Custom resources stay, as in Ray. `alone` if only
    /// another task can end the wait.
    pub fn pause(&mut self, task: &TaskRecord, alone: bool) {
        let needs = &task.spec.plan.needs;
        self.moved();
        self.search.begin_anew_if(needs.cpu_milli != 0);
        self.free.cpu_milli += needs.cpu_milli;
        self.held.add_cpus(task.owner(), -needs.cpu_milli);
        if alone {
            self.stall(&needs.without_cpu());
        }
    }

    /// It goes on, at once: for as long as it takes the CPUs may be overbooked, as in Ray, and no new task starts.
    pub fn resume(&mut self, task: &TaskRecord, alone: bool) {
        let needs = &task.spec.plan.needs;
        self.moved();
        self.free.cpu_milli -= needs.cpu_milli;
        self.held.add_cpus(task.owner(), needs.cpu_milli);
        if alone {
            self.unstall(&needs.without_cpu());
        }
    }

    /// An actor that serves several calls waits for one of them, or for another call. It keeps what it holds.
    pub fn lull(&mut self, holds: &ResourceSet) {
        self.moved();
        self.stall(holds);
    }

    /// It goes on.
    pub fn stir(&mut self, holds: &ResourceSet) {
        self.moved();
        self.unstall(holds);
    }

    /// An actor has nothing to do until somebody calls it.
    pub fn idle(&mut self, holds: &ResourceSet) {
        self.lull(holds);
        self.idle_actors += 1;
    }

    /// An actor has something to do.
    pub fn busy(&mut self, holds: &ResourceSet) {
        self.stir(holds);
        self.idle_actors -= 1;
    }

    fn stall(&mut self, holds: &ResourceSet) {
        self.stalled.give(holds);
        self.active -= 1;
        // Where nobody computes all tasks are looked at.
        self.search.begin_anew_if(self.active == 0);
    }

    fn unstall(&mut self, holds: &ResourceSet) {
        self.stalled.take(holds);
        self.active += 1;
    }

    /// A guest waits that only another task can wake; gives the stamp of its wait.
    pub fn park(&mut self, waiter: Waiter) -> u64 {
        self.trigger.park(waiter)
    }

    /// Those that wait since after this stamp, with the stamps of their waits, in that order; so many at most.
    pub fn waiting_since(&self, since: u64, max: usize) -> Vec<(u64, Waiter)> {
        self.trigger.waiting_since(since, max)
    }

    /// What somebody waits for who began long ago has changed.
    pub fn look_at_all(&mut self) {
        self.trigger.look_at_all();
    }

    /// Whoever began this wait goes on.
    pub fn unpark(&mut self, stamp: u64) {
        self.trigger.unpark(stamp);
    }

    /// How full the host is.
    pub fn load(&self) -> Load {
        Load {
            pending: self.room.pending(),
            ready: self.ready.len(),
            instances: self.instances_max - self.instances_free,
            active: self.active,
            memory_bytes: self.total.memory_bytes.saturating_sub(self.free.memory_bytes),
        }
    }
}
