//! One task's life: waiting for its arguments, ready, running, done; perhaps ready again when it is retried.

pub mod cancellation;
pub mod family;
pub mod meter;
pub mod receipt;
pub mod running;
pub mod spec;

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use futures::task::AtomicWaker;
use once_cell::race::OnceBox;

use self::cancellation::{Stop, StopReason};
use self::family::{Family, Home};
use self::meter::Meter;
pub use self::spec::{TaskSpec, Work};
use super::actor::concurrent_calls::ConcurrentCalls;
use super::deadlock::blocked_on::{BlockedOn, Standing};
use super::object::lineage::Lineage;
use super::object::payload::{Arguments, Held};
use super::object::{ObjectRef, Origin, Outcome, WatchKey, Watcher};
use crate::types::budget::Budget;
use crate::types::clock::Moment;
use crate::types::error::{ErrorKind, TaskError, TaskResult};
use crate::types::limits::{LINEAGE_BYTES_MAX, SPILL_BYTES_MIN};
use crate::types::plan::TaskPlan;
use crate::types::receipt::Receipt;
use crate::types::sync;
use crate::types::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::types::sync::{Mutex, rank};

/// Where a task watches an argument, and the argument's place.
type Watch = (usize, WatchKey);

/// Nearly all tasks have none.
type Watches = Option<Box<Vec<Watch>>>;

/// Told of a task that can start or fail, of a stream that nobody takes from any more, and of a start whose actor was killed.
pub trait TaskSink: Send + Sync {
    /// The task can start, or can fail.
    fn ready(&self, task: Arc<TaskRecord>);

    /// Nobody wants what the task gives that makes this object.
    fn abandon(&self, object: &ObjectRef);

    /// The actor is killed that this is to start.
    fn killed(&self, start: &Arc<TaskRecord>);
}

/// A task of the host.
pub struct TaskRecord {
    /// What it is.
    pub spec: TaskSpec,
    /// What it has only once it ran.
    live: OnceBox<Live>,
    /// Arguments that are not there yet, and one more until all are watched.
    unresolved: AtomicU32,
    /// Is it in the sink's hands? It is handed over once, however many arguments fail, and once more after each rest
    /// between two attempts.
    released: AtomicBool,
    /// Does it count as pending?
    counted: AtomicBool,
    /// Its number in the queue of ready tasks; 0 where it does not stand there.
    queue_number: AtomicU64,
    /// How often others were started before it that came later.
    overtaken: AtomicU32,
    /// Was it asked to stop?
    cancel_requested: AtomicBool,
    /// Is it to be ended without its children?
    spares_children: AtomicBool,
    /// Was all that it submitted asked to stop?
    descendants_asked: AtomicBool,
    sink: Weak<dyn TaskSink>,
    core: Mutex<Core, { rank::TASK }>,
}

/// What a task has only once it ran: a million that are queued need none of it.
#[derive(Default)]
struct Live {
    meter: Meter,
    /// Wakes the host call in which it is parked when it is asked to stop.
    interrupt: AtomicWaker,
    /// When its last attempt began.
    started: Mutex<Option<Instant>, { rank::NARROWED }>,
    /// When it is ended, if it was asked to stop and has not by then.
    grace: OnceLock<Instant>,
    /// The last plan that was narrowed to its limits, and what came of it: most submit the same again and again.
    narrowed: Mutex<Option<Box<[Arc<TaskPlan>; 2]>>, { rank::NARROWED }>,
    blocked_on: BlockedOn,
}

struct Core {
    phase: Phase,
    /// Kept until the task is done, for another attempt, and an actor's for another start; each holds its object.
    arguments: Arguments,
    /// Where it watches those of them that were not there, by their places.
    watches: Watches,
    /// Sealed when the task is done, and let go then.
    output: Option<ObjectRef>,
    /// Where it stands among those that its parent submitted.
    home: Option<Home>,
    /// What it submits; most tasks nothing.
    family: Option<Arc<Family>>,
    attempt: u32,
    /// Does its parent's deadline concern it no more?
    outlives_parent: bool,
    /// Does it rest between two attempts?
    rests: bool,
    /// Was it ended from outside, for good?
    ended: bool,
    /// Is it done, and what it submitted ended with it?
    ended_children: bool,
}

enum Phase {
    /// For arguments, or in a queue.
    Waiting,
    Running(Arc<dyn Stop>),
    /// Ended before it began, by somebody who settles its outcome next.
    Ending,
    Done,
}

/// What became of an attempt to stop a task.
pub enum Stopped {
    /// It was waiting: nothing of it will run, the caller settles its outcome.
    BeforeStart,
    /// It was running: whoever runs it settles its outcome.
    WhileRunning,
    /// It was running, and suspended: nothing of it will run any more. Whoever ran it settles its outcome, if the caller
    /// does not.
    WhileSuspended {
        /// No other attempt was to follow.
        last: bool,
    },
    /// It was done.
    AlreadyDone,
}

impl TaskRecord {
    /// A task whose result seals `output`; `counted` if it counts as pending already.
    pub fn new(
        spec: TaskSpec,
        counted: bool,
        arguments: Arguments,
        output: ObjectRef,
        sink: Weak<dyn TaskSink>,
    ) -> Arc<Self> {
        let record = Arc::new(TaskRecord {
            spec,
            live: OnceBox::new(),
            unresolved: AtomicU32::new(1),
            released: AtomicBool::new(false),
            counted: AtomicBool::new(counted),
            queue_number: AtomicU64::new(0),
            overtaken: AtomicU32::new(0),
            cancel_requested: AtomicBool::new(false),
            spares_children: AtomicBool::new(false),
            descendants_asked: AtomicBool::new(false),
            sink,
            core: Mutex::new(Core {
                phase: Phase::Waiting,
                arguments,
                watches: None,
                output: Some(output.clone()),
                home: None,
                family: None,
                attempt: 0,
                outlives_parent: false,
                rests: false,
                ended: false,
                ended_children: false,
            }),
        });
        output.set_producer(&record);
        record
    }

    /// Waits for the arguments; the sink hears when they are there.
    pub fn watch_arguments(self: &Arc<Self>) {
        let objects: Vec<_> = {
            let core = self.core.lock();
            core.arguments.places().map(|(place, object)| (place, object.clone())).collect()
        };
        self.unresolved.fetch_add(objects.len() as u32, Ordering::Relaxed);
        let mut watches = Vec::new();
        for (place, object) in &objects {
            match object.watch(self.clone()) {
                Ok(key) => watches.push((*place, key)),
                Err(failed) => self.argument_arrived(failed),
            }
        }
        if !watches.is_empty() {
            self.keep_watches(watches, &objects);
        }
        self.argument_arrived(false);
    }

    /// What watches for a task that was ended meanwhile is told nothing any more.
    fn keep_watches(&self, watches: Vec<Watch>, objects: &[(usize, ObjectRef)]) {
        let mut core = self.core.lock();
        if !matches!(core.phase, Phase::Done) {
            core.watches = Some(Box::new(watches));
            return;
        }
        drop(core);
        let object = |place| objects.iter().find(|(other, _)| *other == place).map(|(_, object)| object);
        watches.iter().for_each(|(place, key)| object(*place).iter().for_each(|object| object.unwatch(key, self)));
    }

    fn argument_arrived(self: &Arc<Self>, failed: bool) {
        let last = self.unresolved.fetch_sub(1, Ordering::AcqRel) == 1;
        if (last || failed)
            && !self.released.swap(true, Ordering::AcqRel)
            && let Some(sink) = self.sink.upgrade()
        {
            sink.ready(self.clone());
        }
    }

    /// Has it all its arguments, or one that failed, and no rest to wait for?
    pub fn is_released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }

    /// The values of its arguments; `None` while some of them are spilled.
    ///
    /// # Errors
    /// The error of the first argument that failed.
    pub fn resolve_arguments(&self) -> TaskResult<Option<Vec<Held>>> {
        self.core.lock().arguments.values()
    }

    /// Bytes that its arguments take in the store together.
    pub fn argument_bytes(&self) -> u64 {
        self.core.lock().arguments.stored_bytes()
    }

    /// The guest has its arguments. What was passed by value is given back, unless another attempt may need it, or whoever makes
    /// the result again; a constructor's stay as long as its actor may start again.
    pub fn arguments_given(&self) {
        let mut core = self.core.lock();
        let again = core.attempt <= self.spec.plan.max_retries || matches!(self.spec.work, Work::Construct { .. });
        if again {
            return;
        }
        let makes_again = matches!(self.spec.work, Work::Task { .. })
            && self.spec.plan.may_run_again
            && core.output.as_ref().is_some_and(|output| output.store().spills());
        let keep = if makes_again { LINEAGE_BYTES_MAX } else { SPILL_BYTES_MIN };
        let gone = core.arguments.let_go(keep);
        drop(core);
        drop(gone);
    }

    /// The objects among its arguments.
    pub fn argument_objects(&self) -> Vec<ObjectRef> {
        self.core.lock().arguments.objects().cloned().collect()
    }

    /// Nobody will ask for the arguments any more: the objects may go.
    pub fn drop_arguments(&self) {
        let arguments = std::mem::take(&mut self.core.lock().arguments);
        drop(arguments);
    }

    /// Starts the actor once more with what that one started it with.
    pub fn take_arguments_of(&self, first: &TaskRecord) {
        let arguments = std::mem::take(&mut first.core.lock().arguments);
        let before = std::mem::replace(&mut self.core.lock().arguments, arguments);
        drop(before);
    }

    /// The actor is killed that it is to start.
    pub fn killed(self: &Arc<Self>) {
        if let Some(sink) = self.sink.upgrade() {
            sink.killed(self);
        }
    }

    /// The error of an argument, if one failed.
    pub fn failed_argument(&self) -> Option<Arc<TaskError>> {
        let core = self.core.lock();
        core.arguments.objects().find_map(ObjectRef::error)
    }

    /// Starts an attempt, which `slot` can end. False if the task was ended before, or [is late](Self::is_late).
    pub fn begin(&self, slot: Arc<dyn Stop>, now: Instant) -> bool {
        let mut core = self.core.lock();
        if self.is_late_in(&core, now) || !matches!(core.phase, Phase::Waiting) {
            return false;
        }
        core.phase = Phase::Running(slot);
        core.attempt += 1;
        self.set_started(Some(now));
        if core.attempt > 1 {
            self.meter().restart();
        }
        true
    }

    /// What is left of the attempt that runs is ended by `slot` from here on.
    pub fn go_on_in(&self, slot: Arc<dyn Stop>) {
        let mut core = self.core.lock();
        let before = match &mut core.phase {
            Phase::Running(running) => std::mem::replace(running, slot),
            _ => slot,
        };
        drop(core);
        drop(before);
    }

    /// Is its parent's time over? Then it does not begin.
    pub fn is_late(&self, now: Instant) -> bool {
        self.is_late_in(&self.core.lock(), now)
    }

    fn is_late_in(&self, core: &Core, now: Instant) -> bool {
        self.parents_deadline(core).is_some_and(|at| at <= now)
    }

    /// Goes back to waiting after a failed attempt, if another may follow, at `next`. Where it `rests` until then,
    /// [`backoff_over`](Self::backoff_over) is to be called.
    pub fn retry(&self, failure: &TaskError, next: Instant, rests: bool) -> bool {
        let plan = &self.spec.plan;
        let counts =
            failure.kind.is_system_failure() || (plan.retry_exceptions && failure.kind == ErrorKind::TaskFailed);
        let mut core = self.core.lock();
        let again = counts
            && core.attempt <= plan.max_retries
            && !self.cancel_requested()
            && !core.ended
            && !self.spec.budget.as_ref().is_some_and(Budget::is_burned)
            && matches!(core.phase, Phase::Running(_))
            && self.parents_deadline(&core).is_none_or(|deadline| next < deadline);
        if again {
            self.released.store(!rests, Ordering::Release);
            core.rests = rests;
            core.phase = Phase::Waiting;
        }
        again
    }

    /// Goes back to waiting for its arguments, some of which are lost: the attempt has not begun. False if it was ended. Then
    /// [`watch_arguments`](Self::watch_arguments) is to be called.
    pub fn wait_once_more(&self) -> bool {
        let mut core = self.core.lock();
        let waits = matches!(core.phase, Phase::Running(_)) && !core.ended && !self.cancel_requested();
        if waits {
            self.unresolved.store(1, Ordering::Relaxed);
            self.released.store(false, Ordering::Release);
            core.attempt -= 1;
            core.rests = false;
            self.set_started(None);
            core.phase = Phase::Waiting;
        }
        waits
    }

    /// Its rest between two attempts is over: the sink has it again.
    pub fn backoff_over(self: &Arc<Self>) {
        if !self.is_done()
            && !self.released.swap(true, Ordering::AcqRel)
            && let Some(sink) = self.sink.upgrade()
        {
            sink.ready(self.clone());
        }
    }

    /// Was it ended from outside, for good, whether it has come to its end or not?
    pub fn was_ended(&self) -> bool {
        self.core.lock().ended
    }

    /// Does an attempt run right now?
    pub fn is_running(&self) -> bool {
        matches!(self.core.lock().phase, Phase::Running(_))
    }

    /// Ends the task if it waits; one that runs goes on.
    pub fn leave_queue(&self) -> Stopped {
        let mut core = self.core.lock();
        match core.phase {
            Phase::Waiting => {
                core.phase = Phase::Ending;
                Stopped::BeforeStart
            }
            Phase::Running(_) => Stopped::WhileRunning,
            Phase::Ending | Phase::Done => Stopped::AlreadyDone,
        }
    }

    /// Ends the task from outside. `BeforeStart` leaves it to the caller to [`finish`](Self::finish) it.
    pub fn stop(&self, reason: StopReason) -> Stopped {
        let (slot, last) = {
            let mut core = self.core.lock();
            // An attempt that fails at this very moment is not followed by another.
            core.ended |= reason != StopReason::Deadline;
            match &core.phase {
                Phase::Running(slot) => (slot.clone(), core.ended || core.attempt > self.spec.plan.max_retries),
                Phase::Ending | Phase::Done => return Stopped::AlreadyDone,
                Phase::Waiting => {
                    // From here on no worker begins it.
                    core.phase = Phase::Ending;
                    return Stopped::BeforeStart;
                }
            }
        };
        // Outside the lock: stopping may drop the guest, and what it held may ask for this record.
        if slot.stop(reason) { Stopped::WhileSuspended { last } } else { Stopped::WhileRunning }
    }

    /// Ends the attempt that runs, if one does; another may follow.
    pub fn stop_attempt(&self, reason: StopReason) {
        let slot = match &self.core.lock().phase {
            Phase::Running(slot) => slot.clone(),
            _ => return,
        };
        // Outside the lock, as in `stop`.
        slot.stop(reason);
    }

    /// Is it a task, or a driver, and nothing of an actor's?
    pub fn is_plain(&self) -> bool {
        matches!(self.spec.work, Work::Task { .. } | Work::Main { .. })
    }

    /// It counts as pending from now on; or not any more, if it did.
    pub fn count_as_pending(&self, pending: bool) -> bool {
        self.counted.swap(pending, Ordering::AcqRel)
    }

    /// Whose it is: its module's.
    pub fn owner(&self) -> u64 {
        self.spec.module.id.0
    }

    /// It stands in the queue of ready tasks, with this number.
    pub fn set_queue_number(&self, number: u64) {
        self.queue_number.store(number, Ordering::Relaxed);
    }

    /// It leaves the queue of ready tasks; gives its number there, if it stood there.
    pub fn take_queue_number(&self) -> Option<u64> {
        match self.queue_number.swap(0, Ordering::Relaxed) {
            0 => None,
            number => Some(number),
        }
    }

    /// Another that came later is started before it.
    pub fn overtake(&self) {
        self.overtaken.fetch_add(1, Ordering::Relaxed);
    }

    /// How often others were started before it that came later.
    pub fn overtaken(&self) -> u32 {
        self.overtaken.load(Ordering::Relaxed)
    }

    /// When it is ended, its children go on, or end with it.
    pub fn spare_children(&self, spare: bool) {
        self.spares_children.store(spare, Ordering::Release);
    }

    /// Do its children go on when it is ended?
    pub fn spares_children(&self) -> bool {
        self.spares_children.load(Ordering::Acquire)
    }

    /// What it may burn, where it has `used` so much: the rest of its own limit, or of its budget; `u64::MAX` without a limit.
    pub fn fuel_left(&self, used: u64) -> u64 {
        let own = self.spec.plan.limits.fuel.map(|limit| limit.saturating_sub(used));
        let budgets = self.spec.budget.as_ref().and_then(Budget::fuel_left);
        own.into_iter().chain(budgets).min().unwrap_or(u64::MAX)
    }

    /// Is its fuel limited?
    pub fn is_metered(&self) -> bool {
        self.spec.plan.limits.fuel.is_some()
            || self.spec.budget.as_ref().is_some_and(|budget| budget.limits().fuel.is_some())
    }

    /// Its budget, if that is what has no fuel left.
    pub fn burned_budget(&self) -> Option<&Budget> {
        let own = self.spec.plan.limits.fuel.is_some_and(|limit| limit <= self.meter().fuel_used());
        self.spec.budget.as_ref().filter(|budget| !own && budget.is_burned())
    }

    /// The plan of what it submits, within its own limits.
    pub fn narrowed(&self, plan: Arc<TaskPlan>) -> Arc<TaskPlan> {
        let limits = &self.spec.plan.limits;
        if plan.is_within(limits) {
            return plan;
        }
        let mut last = self.live().narrowed.lock();
        if let Some(last) = last.as_ref().filter(|last| Arc::ptr_eq(&last[0], &plan)) {
            return last[1].clone();
        }
        let narrowed = Arc::new(plan.within(limits));
        let before = last.replace(Box::new([plan, narrowed.clone()]));
        drop(last);
        drop(before);
        narrowed
    }

    /// It is ended at this moment if it runs on when it is asked to stop. The first such moment stays: false where there is one.
    pub fn set_grace(&self, until: Instant) -> bool {
        self.live().grace.set(until).is_ok()
    }

    /// All that it submitted is asked to stop. False if that was so before: asking again and again must not cost the host more and
    /// more.
    pub fn ask_descendants(&self) -> bool {
        !self.descendants_asked.swap(true, Ordering::AcqRel)
    }

    /// Asks the guest to stop: its context says so, and a call that it waits in fails.
    pub fn request_cancel(&self) {
        self.cancel_requested.store(true, Ordering::Release);
        if let Some(live) = self.live.get() {
            live.interrupt.wake();
        }
    }

    /// Was it asked to stop?
    pub fn cancel_requested(&self) -> bool {
        self.cancel_requested.load(Ordering::Acquire)
    }

    /// What it uses.
    pub fn meter(&self) -> &Meter {
        &self.live().meter
    }

    fn live(&self) -> &Live {
        self.live.get_or_init(|| Box::new(Live { meter: Meter::new(self.spec.budget.clone()), ..Live::default() }))
    }

    /// When its last attempt began, if one did.
    fn started(&self) -> Option<Instant> {
        *self.live.get()?.started.lock()
    }

    fn set_started(&self, at: Option<Instant>) {
        *self.live().started.lock() = at;
    }

    /// Where a parked host call waits to be told that the task was asked to stop.
    pub fn interrupt(&self) -> &AtomicWaker {
        &self.live().interrupt
    }

    /// Where its guest says what it waits for.
    pub fn blocked_on(&self) -> &BlockedOn {
        &self.live().blocked_on
    }

    /// The stamp of its guest's wait, if that waits. Of several calls that an actor serves at once it is that of them all.
    pub fn parked_at(&self) -> Option<u64> {
        let own = self.live.get()?.blocked_on.stamp();
        own.or_else(|| self.concurrent_calls()?.blocked_on().stamp())
    }

    /// Does it wait by itself, whatever the calls do beside which its actor serves it?
    pub fn waits_alone(&self) -> bool {
        self.live.get().is_some_and(|live| live.blocked_on.stamp().is_some())
    }

    /// The calls that its actor serves at once, if it is one of them.
    pub fn concurrent_calls(&self) -> Option<Arc<ConcurrentCalls>> {
        match &self.spec.work {
            Work::Call { actor, .. } if actor.lanes.is_some() && self.is_running() => actor.concurrent_calls(),
            _ => None,
        }
    }

    /// Its guest's wait of this stamp is in vain, and ends with this error; one of several calls that share a wait ends itself.
    pub fn condemn(&self, stamp: u64, error: Arc<TaskError>) {
        match self.concurrent_calls() {
            Some(concurrent_calls) if concurrent_calls.blocked_on().stamp() == Some(stamp) => {
                concurrent_calls.condemn(self, stamp, &error)
            }
            _ => {
                if let Some(live) = self.live.get().filter(|live| live.blocked_on.condemn(stamp, error)) {
                    live.interrupt.wake();
                }
            }
        }
    }

    /// What keeps it from going on.
    pub fn standing(&self) -> Standing {
        let core = self.core.lock();
        match core.phase {
            Phase::Running(_) if !self.cancel_requested() => {
                self.live.get().map_or(Standing::Free, |live| live.blocked_on.standing())
            }
            // A rest between two attempts ends by itself.
            Phase::Waiting if !core.rests || self.is_released() => {
                let missing = core.arguments.objects().filter(|object| !object.is_ready()).cloned().collect();
                Standing::Queued { attempts: core.attempt, missing }
            }
            Phase::Running(_) | Phase::Waiting | Phase::Ending | Phase::Done => Standing::Free,
        }
    }

    /// Settles the outcome; the first one stays. `None` if it was settled before. What it submitted is its parent's from here on, or
    /// given back to be ended: where it `ends_children`, or a task above did right now. `account` gets the receipt before anybody
    /// sees the outcome, so that a parent's receipt never comes before those of the children that it waited for.
    pub fn finish(
        &self,
        outcome: Outcome,
        ends_children: bool,
        now: Moment,
        account: impl FnOnce(&Receipt),
    ) -> Option<Finished> {
        let ended = {
            let mut core = self.core.lock();
            if matches!(core.phase, Phase::Done) {
                return None;
            }
            // An actor's stay for another start of it, if there was a first one.
            let keeps = matches!(self.spec.work, Work::Construct { .. }) && outcome.is_ok();
            core.ended_children = ends_children;
            core.end(keeps, self.started())
        };
        ended.unwatch(self);
        let parent = ended.home.as_ref().and_then(Home::owner);
        let failure = outcome.as_ref().err().cloned();
        let error = failure.as_ref().map(|error| error.kind);
        let receipt = self.receipt(error, ended.started, ended.attempts, parent.as_ref(), now);
        account(&receipt);
        let to_end = ended.family.filter(|family| family.close(ended.home.as_ref(), ends_children));
        ended.home.iter().for_each(Home::leave);
        if let Some(stream) = self.spec.work.stream() {
            stream.end(failure);
        }
        if let Some(output) = ended.output {
            let provenance = match output.to_spill(&outcome) {
                Some(bytes) => Lineage::of(&output, bytes, &self.spec, &ended.arguments),
                None => Err("it is never spilled"),
            };
            output.seal(outcome, Some(Origin::new(receipt, provenance)));
        }
        Some(Finished { to_end })
    }

    /// Is it over? Then nothing of it will run.
    pub fn is_done(&self) -> bool {
        matches!(self.core.lock().phase, Phase::Ending | Phase::Done)
    }

    /// The task that submitted it, or took it over; `None` of the embedder's.
    pub fn parent(&self) -> Option<Arc<TaskRecord>> {
        self.home()?.owner()
    }

    /// Where it stands among those that its parent submitted.
    pub(super) fn home(&self) -> Option<Home> {
        self.core.lock().home.clone()
    }

    /// 1 for the first attempt; 0 before it.
    pub fn attempt(&self) -> u32 {
        self.core.lock().attempt
    }

    /// Was there ever a moment at which it had to be done, or go on?
    pub fn had_deadline(&self) -> bool {
        let plan = &self.spec.plan;
        plan.limits.timeout.is_some() || self.spec.inherited_deadline.is_some() || plan.max_retries > 0
    }

    /// When it must be done; `None` if never, or if it is.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline_of(&self.core.lock())
    }

    /// Its own, counted from the start of the attempt that runs, its parent's, or the end of its grace, whichever is earliest.
    fn deadline_of(&self, core: &Core) -> Option<Instant> {
        let (own, grace) = match core.phase {
            Phase::Running(_) => {
                let plan = &self.spec.plan;
                // What it has of its caller concerns it no more, and would cut its grace short.
                let timeout = plan.limits.timeout.filter(|_| !(core.outlives_parent && plan.callers_time));
                let own = timeout.and_then(|timeout| self.started()?.checked_add(timeout));
                (own, self.grace())
            }
            Phase::Waiting | Phase::Ending => (None, None),
            Phase::Done => return None,
        };
        own.into_iter().chain(grace).chain(self.parents_deadline(core)).min()
    }

    /// When it is ended, if it was asked to stop and runs on.
    pub fn grace(&self) -> Option<Instant> {
        self.live.get()?.grace.get().copied()
    }

    /// Is the end of its grace its deadline, and not its parent's?
    pub fn outlives_parent(&self) -> bool {
        self.core.lock().outlives_parent
    }

    fn parents_deadline(&self, core: &Core) -> Option<Instant> {
        self.spec.inherited_deadline.filter(|_| !core.outlives_parent)
    }

    /// The deadline is the end of its grace from now on, not its parent's. Gives it, if it is still to come.
    pub fn outlive_parent(&self, now: Instant) -> Option<Instant> {
        let mut core = self.core.lock();
        core.outlives_parent = true;
        self.deadline_of(&core).filter(|at| *at > now)
    }

    /// What the deadline's limit is, and how long the attempt has run.
    pub fn time_used(&self, now: Instant) -> (Duration, Duration) {
        let core = self.core.lock();
        let from = self.started().unwrap_or(self.spec.queued);
        let limit = self.deadline_of(&core).map_or(Duration::ZERO, |at| at.saturating_duration_since(from));
        (limit, now.saturating_duration_since(from))
    }

    /// What it submitted, if it did.
    pub fn family(&self) -> Option<Arc<Family>> {
        self.core.lock().family.clone()
    }

    /// Did a task above it end with all that it submitted, when so many families were `ended`, and has nobody come here yet?
    pub fn is_doomed(&self, ended: u64) -> bool {
        let home = {
            let core = self.core.lock();
            if core.ended || core.family.as_ref().is_some_and(|family| family.has_seen(ended)) {
                return false;
            }
            core.home.clone()
        };
        !self.cancel_requested() && home.is_some_and(|home| home.is_doomed(ended))
    }

    /// Takes a task among those that it submitted, when so many families were `ended`. False if that is to end: this one was ended
    /// meanwhile, or one above it.
    pub fn adopt(self: &Arc<Self>, child: &Arc<TaskRecord>, ended: u64) -> bool {
        let family = {
            let mut core = self.core.lock();
            let Core { family, home, phase, ended_children, .. } = &mut *core;
            family
                .get_or_insert_with(|| {
                    let family = Family::of(self, home.as_ref());
                    if matches!(phase, Phase::Done) {
                        family.close(home.as_ref(), *ended_children);
                    }
                    family
                })
                .clone()
        };
        let (home, goes_on) = family.adopt(child, ended);
        let mut core = child.core.lock();
        match core.phase {
            // Somebody had its object already, and ended it.
            Phase::Done => {
                drop(core);
                home.iter().for_each(Home::leave);
            }
            Phase::Waiting | Phase::Running(_) | Phase::Ending => core.home = home,
        }
        goes_on
    }

    /// Another attempt follows. What the last one submitted stands beside it from here on, for the caller to end.
    pub fn leave_children(&self) -> Option<Arc<Family>> {
        let (family, home) = {
            let mut core = self.core.lock();
            (core.family.take()?, core.home.clone())
        };
        family.close(home.as_ref(), true);
        Some(family)
    }
}

/// A task whose outcome is settled.
#[must_use = "what is to end is not ended yet"]
pub struct Finished {
    /// What it submitted, if that is to end.
    pub to_end: Option<Arc<Family>>,
}

/// What a finished task leaves in its record's place.
struct Ended {
    output: Option<ObjectRef>,
    home: Option<Home>,
    family: Option<Arc<Family>>,
    started: Option<Instant>,
    attempts: u32,
    /// Dropped outside the lock, with the objects that only they held.
    arguments: Arguments,
    watches: Watches,
}

impl Ended {
    /// Arguments that never came keep nothing of it.
    fn unwatch(&self, task: &TaskRecord) {
        for (place, key) in self.watches.iter().flat_map(|watches| watches.iter()) {
            self.arguments.object_at(*place).iter().for_each(|object| object.unwatch(key, task));
        }
    }
}

impl Core {
    fn end(&mut self, keeps_arguments: bool, started: Option<Instant>) -> Ended {
        self.phase = Phase::Done;
        Ended {
            output: self.output.take(),
            home: self.home.clone(),
            family: self.family.clone(),
            started,
            attempts: self.attempt,
            watches: std::mem::take(&mut self.watches),
            arguments: if keeps_arguments { Arguments::default() } else { std::mem::take(&mut self.arguments) },
        }
    }
}

impl Drop for TaskRecord {
    fn drop(&mut self) {
        // It may be the last to hold actors, objects, and the code of its module.
        sync::assert_unlocked("a task");
    }
}

impl Watcher for TaskRecord {
    fn sealed(self: Arc<Self>, failed: bool) {
        self.argument_arrived(failed);
    }
}

impl fmt::Debug for TaskRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskRecord({} {})", self.spec.id, self.spec.plan.name)
    }
}
