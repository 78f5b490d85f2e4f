//! What runs the host: the workers, threads that run tasks and actors, and on tokio what watches deadlines and cleans up.
//! The only place that starts threads and tokio tasks.

mod actors;
mod arguments;
mod cancel;
mod checkpoints;
mod clock;
mod completion;
mod concurrent_calls;
mod deadlines;
mod deadlocks;
mod describing;
mod endings;
mod events;
mod faults;
mod floating_point;
mod io_threads;
mod journal;
mod lineage;
mod loading;
mod memo;
mod migration;
mod modules;
mod observers;
mod patience;
mod relief;
mod resolve;
mod retries;
mod shutdown;
mod spill;
mod standstill;
mod submit;
mod worker;
mod workers;

use std::any::Any;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use dashmap::DashMap;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tracing::Level;

pub use clock::{GuardedClock, TokioClock};
pub use io_threads::IoThreads;
pub use journal::Keeper;
pub use loading::{on_blocking_threads_of, on_threads_of};
pub(crate) use modules::code_of;
pub use observers::{Observers, Sinks};

use self::deadlocks::Detector;
use self::endings::Endings;
use self::loading::{CompilingLines, DescribingLine};
use self::observers::Guard;
use self::workers::{Job, Workers};
use crate::port::log::{LogLine, LogSource};
use crate::port::{ActorRequest, Begun, CallRequest, Port, TaskRequest};
use crate::sandbox::Sandbox;
use crate::state::actor::concurrent_calls::ConcurrentCalls;
use crate::state::actor::move_turns::MoveTurns;
use crate::state::actor::names::ActorNames;
use crate::state::actor::{ActorRecord, ActorRef};
use crate::state::deadlock::blocked_on::Wait;
use crate::state::deadlock::trigger::Waiter;
use crate::state::modules::Modules;
use crate::state::object::ObjectRef;
use crate::state::object::gathering::{Claimant, Gathering};
use crate::state::object::store::ObjectStore;
use crate::state::object::stream::{Stream, StreamRef};
use crate::state::queue::room::{Place, Room};
use crate::state::queue::scheduler::{Desk, Load, Scheduler};
use crate::state::queue::timers::Timers;
use crate::state::task::running::Running;
use crate::state::task::{TaskRecord, TaskSink};
use crate::storage::spill::SpillFolder;
use crate::types::capabilities::Capabilities;
use crate::types::clock::Clock;
use crate::types::error::TaskError;
use crate::types::event::EventKind;
use crate::types::ids::{ActorId, Counter};
use crate::types::limits::MOVES_AT_ONCE;
use crate::types::options::Address;
use crate::types::panics::caught;
use crate::types::plan::HostLimits;
use crate::types::resources::ResourceSet;
use crate::types::sync::{Mutex, rank};
use spill::Spiller;

/// What a runtime is made from.
pub struct RuntimeConfig {
    /// CPU slots and custom resources.
    pub resources: ResourceSet,
    /// Instances that live at once.
    pub instances: u32,
    /// Tasks that are pending at once.
    pub pending_tasks: usize,
    /// Bytes of the object store.
    pub object_store_bytes: u64,
    /// Where objects go that have no room there; nowhere where there is none.
    pub spill: Option<Arc<SpillFolder>>,
    /// What holds for all tasks.
    pub limits: HostLimits,
    /// What tasks may touch that the embedder submits.
    pub capabilities: Capabilities,
    /// Time between asking a task to stop and ending it.
    pub cancel_grace: std::time::Duration,
    /// May a thread that waits for a task run it?
    pub helping: bool,
    /// Who is told of lines, events and receipts.
    pub observers: Observers,
    /// What outlives the process.
    pub journal: Option<Keeper>,
}

/// The runtime of one host.
pub struct Runtime {
    me: Weak<Runtime>,
    sandbox: Arc<Sandbox>,
    tokio: Handle,
    clock: Arc<dyn Clock>,
    store: Arc<ObjectStore>,
    spiller: Option<Arc<Spiller>>,
    modules: Modules,
    compiling: CompilingLines,
    describing: Arc<DescribingLine>,
    /// Which actors move to another instance.
    moving: Arc<MoveTurns>,
    names: ActorNames,
    /// Held while an actor is looked for that is else created.
    creating: Mutex<(), { rank::CREATING }>,
    /// Stands for all actors for which the store has no room, while anybody holds one.
    nobody: Mutex<Weak<ActorRecord>, { rank::NAMES }>,
    scheduler: Desk<Job>,
    workers: Workers,
    /// The places for pending tasks.
    room: Arc<Room>,
    timers: Mutex<Timers, { rank::TIMERS }>,
    /// There is an earlier deadline.
    timers_changed: Notify,
    /// Tasks and calls that run, those that wait for an object included.
    running: Mutex<Running, { rank::RUNNING }>,
    actors: DashMap<ActorId, Weak<ActorRecord>>,
    /// Tasks to give up, one after the other. They are pending, and so no more than those may be.
    failing: Mutex<VecDeque<(Arc<TaskRecord>, TaskError)>, { rank::FAILING }>,
    /// Is somebody giving them up?
    failing_now: AtomicBool,
    endings: Arc<Endings>,
    detector: Arc<Detector>,
    /// How many ended tasks have descendants that are about to be ended.
    ending: AtomicUsize,
    /// How many have had descendants that were ended.
    ended: AtomicU64,
    /// Is somebody looking whether the host is at a standstill?
    suspicious: AtomicBool,
    /// A task is over, or an instance is gone; told while somebody drains the host.
    progress: Notify,
    /// Does somebody wait for the host to be idle?
    draining: AtomicBool,
    /// Everything is to be ended: nothing begins any more.
    halted: AtomicBool,
    limits: HostLimits,
    capabilities: Arc<Capabilities>,
    cancel_grace: std::time::Duration,
    helping: bool,
    observers: Observers,
    /// Of what an embedder's imports do while a guest runs.
    imports: Guard,
    journal: Option<Keeper>,
    tally: Tally,
    task_ids: Counter,
    actor_ids: Counter,
    module_ids: Counter,
}

#[derive(Default)]
struct Tally {
    succeeded: AtomicU64,
    failed: AtomicU64,
    cancelled: AtomicU64,
    memo: AtomicU64,
}

/// What a host is doing, and what it has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Tasks and calls that wait for arguments or for their turn.
    pub pending: usize,
    /// Tasks and calls that run, those that wait for an object included.
    pub running: usize,
    /// Tasks and calls that gave a value.
    pub succeeded: u64,
    /// Tasks and calls that gave an error.
    pub failed: u64,
    /// Tasks and calls that were cancelled.
    pub cancelled: u64,
    /// Of those that gave a value, pure tasks that did not run: their results were in the journal.
    pub from_journal: u64,
    /// Instances that live: tasks and actors.
    pub instances: u32,
    /// Bytes of memory that these may use together, of [those that there are for guests](crate::HostBuilder::memory_bytes): what a task
    /// or an actor declares, or the limit, from its start to the end of its last call. A task's result is among them until it is in
    /// the object store.
    pub guest_memory_bytes: u64,
    /// Actors that live.
    pub actors: usize,
    /// Versions of modules whose code is held: those that are loaded, and replaced ones that something still needs.
    pub modules: usize,
    /// Bytes of [`object_bytes`](Stats::object_bytes) that are kept of their manifests.
    pub manifest_bytes: u64,
    /// Bytes of native code of all modules, of [those that there may be](crate::HostBuilder::code_bytes).
    pub code_bytes: u64,
    /// Objects that somebody holds.
    pub objects: u64,
    /// Bytes in the object store, those on disk left out: values, and what the host keeps of manifests, and for tasks, actors, streams and
    /// errors.
    pub object_bytes: u64,
    /// Bytes of objects on disk.
    pub spilled_bytes: u64,
    /// Lines of guests that nobody was told: many wrote at the same moment what [`on_log`](crate::HostBuilder::on_log) did not
    /// take.
    pub dropped_lines: u64,
    /// Events that nobody was told: [`on_event`](crate::HostBuilder::on_event) did not keep up.
    pub dropped_events: u64,
    /// Receipts that nobody was told: [`on_receipt`](crate::HostBuilder::on_receipt) did not keep up.
    pub dropped_receipts: u64,
    /// Panics of the embedder's own functions: those that are told of something, imports, the clock. Each ended its own call.
    pub embedder_panics: u64,
}

impl Runtime {
    /// A runtime whose work runs on this tokio runtime, and that watches the `time` on that one.
    pub fn new(
        config: RuntimeConfig,
        sandbox: Arc<Sandbox>,
        clock: Arc<dyn Clock>,
        tokio: Handle,
        time: &Handle,
    ) -> Arc<Self> {
        let room = Room::new(config.pending_tasks);
        let describing = DescribingLine::new(config.resources.memory_bytes);
        let scheduler = Scheduler::new(config.resources, config.instances, room.clone());
        let store = ObjectStore::new(config.object_store_bytes);
        let spiller = config.spill.map(|folder| Arc::new(Spiller::new(folder, &store, &config.observers)));
        spiller.iter().for_each(|spiller| store.relieve_by(Box::new(spiller.clone())));
        let endings = Arc::<Endings>::default();
        store.work_apart_by(Box::new(endings.clone()));
        let runtime = Arc::new_cyclic(|me| Runtime {
            me: me.clone(),
            sandbox,
            clock,
            store,
            spiller,
            modules: Modules::default(),
            compiling: CompilingLines::new(),
            describing,
            moving: MoveTurns::new(MOVES_AT_ONCE),
            names: ActorNames::default(),
            creating: Mutex::new(()),
            nobody: Mutex::new(Weak::new()),
            scheduler: Desk::new(scheduler),
            workers: Workers::new(),
            room,
            timers: Mutex::new(Timers::default()),
            timers_changed: Notify::new(),
            running: Mutex::default(),
            actors: DashMap::new(),
            failing: Mutex::new(VecDeque::new()),
            failing_now: AtomicBool::new(false),
            endings,
            detector: Arc::default(),
            ending: AtomicUsize::new(0),
            ended: AtomicU64::new(0),
            suspicious: AtomicBool::new(false),
            progress: Notify::new(),
            draining: AtomicBool::new(false),
            halted: AtomicBool::new(false),
            limits: config.limits,
            capabilities: Arc::new(config.capabilities),
            cancel_grace: config.cancel_grace,
            helping: config.helping,
            imports: config.observers.guard("a function that the host called for a guest"),
            tokio,
            observers: config.observers,
            journal: config.journal,
            tally: Tally::default(),
            task_ids: Counter::default(),
            actor_ids: Counter::default(),
            module_ids: Counter::default(),
        });
        time.spawn(deadlines::watch(runtime.clone()));
        time.spawn(endings::mind(runtime.clone()));
        time.spawn(relief::watch(runtime.clone()));
        runtime
    }

    /// What it is doing.
    pub fn stats(&self) -> Stats {
        let Load { pending, instances, memory_bytes, .. } = self.scheduler.lock().load();
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let observed = self.observers.figures();
        let (modules, manifest_bytes) = self.modules.versions();
        let (running, beginning) = self.count_running();
        Stats {
            pending: pending + beginning,
            running,
            succeeded: read(&self.tally.succeeded),
            failed: read(&self.tally.failed),
            cancelled: read(&self.tally.cancelled),
            from_journal: read(&self.tally.memo),
            instances,
            guest_memory_bytes: memory_bytes,
            actors: self.actors.len(),
            modules,
            manifest_bytes,
            code_bytes: self.sandbox.code().used(),
            objects: self.store.live_objects(),
            // A version may have gone since its manifest was counted.
            object_bytes: self.store.used_bytes().max(manifest_bytes),
            spilled_bytes: self.spiller.as_ref().map_or(0, |spiller| spiller.used_bytes()),
            dropped_lines: observed.lines,
            dropped_events: observed.events,
            dropped_receipts: observed.receipts,
            embedder_panics: observed.panics,
        }
    }

    /// How many tasks run, and how many have a place among them and are about to begin.
    fn count_running(&self) -> (usize, usize) {
        let running = self.running.lock();
        let begun = running.iter().filter(|task| task.attempt() > 0).count();
        (begun, running.len() - begun)
    }

    /// Who is told of lines, events and receipts.
    pub(crate) fn observers(&self) -> &Observers {
        &self.observers
    }

    /// The tokio runtime that this one's work runs on.
    pub fn tokio(&self) -> &Handle {
        &self.tokio
    }

    /// Waits until another task may be submitted, and takes its place; none where nobody is let in any more.
    pub async fn room(&self) -> Option<Place> {
        self.room.wait().await
    }

    /// This runtime, counted. It exists as long as anybody can call its methods.
    fn strong(&self) -> Option<Arc<Runtime>> {
        self.me.upgrade()
    }

    fn sink(&self) -> Weak<dyn TaskSink> {
        self.me.clone()
    }

    /// The items of what is submitted to give them.
    fn streamed(
        &self,
        taker: Option<&Arc<TaskRecord>>,
        submit: impl FnOnce(Arc<Stream>) -> Begun<ObjectRef>,
    ) -> Begun<StreamRef> {
        let account = taker.map(|taker| taker.spec.module.account.clone()).unwrap_or_default();
        let stream = Stream::new(&self.store, taker, &account);
        let sink = self.sink();
        submit(stream.clone()).map(|task| StreamRef::new(stream, task, sink))
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Nobody has anything by which values could be read any more.
        self.store.let_go_of_references();
    }
}

/// The state of an embedder's imports for a guest that is gone.
struct LetGo {
    state: Vec<Box<dyn Any + Send>>,
    runtime: Weak<Runtime>,
}

impl Drop for LetGo {
    fn drop(&mut self) {
        for state in self.state.drain(..) {
            if let Err(words) = caught(|| drop(state)) {
                self.runtime.upgrade().iter().for_each(|runtime| runtime.imports.note(&words));
            }
        }
    }
}

impl Port for Runtime {
    fn submit(&self, request: TaskRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<ObjectRef> {
        self.submit_task(request, None, caller)
    }

    fn create_actor(&self, request: ActorRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<ActorRef> {
        self.submit_actor(request, caller)
    }

    fn call_actor(&self, request: CallRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<ObjectRef> {
        self.submit_call(request, None, caller)
    }

    fn submit_stream(&self, request: TaskRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<StreamRef> {
        self.streamed(caller, |stream| self.submit_task(request, Some(stream), caller))
    }

    fn call_stream(&self, request: CallRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<StreamRef> {
        self.streamed(caller, |stream| self.submit_call(request, Some(stream), caller))
    }

    fn move_actor(&self, actor: &ActorRef) -> ObjectRef {
        self.ask_to_move(actor)
    }

    fn find_actor(&self, name: &Address, caller: &TaskRecord) -> Result<ActorRef, TaskError> {
        self.actor_for(name, caller)
    }

    fn cancel(&self, object: &ObjectRef, force: bool, recursive: bool) {
        self.cancel_object(object, force, recursive);
    }

    fn store(&self) -> &Arc<ObjectStore> {
        &self.store
    }

    fn gather(&self, objects: Vec<ObjectRef>, bytes: u64, task: Option<&TaskRecord>) -> Gathering {
        let claimant = task.map(|task| Claimant { priority: task.spec.plan.priority, owner: task.owner() });
        self.store.gatherings().join(objects, bytes, claimant.unwrap_or_default())
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    fn log(&self, owner: u64, line: LogLine) {
        self.observers.line(owner, line);
    }

    fn has_log_room(&self, owner: u64) -> bool {
        self.observers.has_room(owner)
    }

    fn log_room(&self, owner: u64) -> BoxFuture<'static, ()> {
        self.observers.room(owner)
    }

    /// On a thread that runs guests an embedder's own holds up what it would hold up with a call; all others, which may end the guests
    /// of others, leave it to one that may wait.
    fn let_go(&self, state: Vec<Box<dyn Any + Send>>) {
        let state = LetGo { state, runtime: self.me.clone() };
        match self.workers.is_here() {
            true => drop(state),
            // Where there is no such thread it is dropped here.
            false => drop(caught(|| self.tokio.spawn_blocking(|| drop(state)))),
        }
    }

    fn say(&self, level: Level, text: String) {
        self.observers.say(level, || text);
    }

    fn inherited(&self, source: LogSource, bytes: &[u8]) {
        self.observers.inherited(source, bytes);
    }

    fn happened(&self, task: &TaskRecord, kind: EventKind) {
        self.tell(task, kind);
    }

    fn pause(&self, task: &Arc<TaskRecord>, wait: Option<Wait>) {
        self.tell(task, EventKind::Waits { for_task: wait.is_some() });
        // Its thread asks for work as soon as it waits.
        let mut scheduler = self.scheduler.lock();
        scheduler.pause(task, wait.is_some());
        // Under the scheduler's lock: whoever is told to look finds it.
        let before = wait.and_then(|wait| {
            let stamp = scheduler.park(Waiter::Task(Arc::downgrade(task)));
            task.blocked_on().park(wait, stamp)
        });
        drop(scheduler);
        drop(before);
    }

    fn rest(&self, concurrent_calls: &Arc<ConcurrentCalls>, wait: Wait) {
        let mut scheduler = self.scheduler.lock();
        scheduler.lull(concurrent_calls.holds());
        let stamp = scheduler.park(Waiter::Calls(Arc::downgrade(concurrent_calls)));
        let before = concurrent_calls.blocked_on().park(wait, stamp);
        drop(scheduler);
        drop(before);
    }

    fn rise(&self, concurrent_calls: &ConcurrentCalls) {
        let parked = concurrent_calls.blocked_on().unpark();
        let mut scheduler = self.scheduler.lock();
        scheduler.stir(concurrent_calls.holds());
        parked.iter().for_each(|parked| scheduler.unpark(parked.stamp()));
        drop(scheduler);
        drop(parked);
    }

    fn resume(&self, task: &TaskRecord, alone: bool) {
        let parked = if alone { task.blocked_on().unpark() } else { None };
        let mut scheduler = self.scheduler.lock();
        scheduler.resume(task, alone);
        parked.iter().for_each(|parked| scheduler.unpark(parked.stamp()));
        drop(scheduler);
        drop(parked);
        self.tell(task, EventKind::GoesOn);
    }
}
