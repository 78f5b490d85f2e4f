//! What runs the host: the workers, threads that run tasks and actors, and on tokio what watches deadlines and cleans up.
//! The only place that starts threads and tokio tasks.

mod actors;
mod arguments;
mod attempt;
mod cancel;
mod checkpoints;
mod clock;
mod completion;
mod concurrent_calls;
mod deadlines;
mod deadlocks;
mod describing;
mod detector;
mod end_threads;
mod endings;
mod events;
mod faults;
mod floating_point;
mod io_threads;
mod job;
mod journal;
mod lineage;
mod loading;
mod memo;
mod migration;
mod modules;
mod observers;
mod output;
mod patience;
mod presence;
mod relief;
mod resolve;
mod retries;
mod shutdown;
mod spill_threads;
mod spiller;
mod standstill;
pub(crate) mod start;
mod submit;
mod waits;
mod worker_loop;
mod worker_state;
mod workers;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use dashmap::DashMap;
use tokio::runtime::Handle;
use tokio::sync::Notify;

pub use clock::{GuardedClock, TokioClock};
pub use io_threads::IoThreads;
pub use journal::JournalHandle;
pub use loading::{on_blocking_threads_of, on_threads_of};
pub use observers::{Observers, Sinks};

use self::detector::Detector;
use self::endings::Endings;
use self::job::Job;
use self::loading::{CompilingLines, DescribingLine};
use self::observers::Guard;
use self::spiller::Spiller;
use self::workers::Workers;
use crate::port::Begun;
use crate::sandbox::Sandbox;
use crate::state::actor::ActorRecord;
use crate::state::actor::move_turns::MoveTurns;
use crate::state::actor::names::ActorNames;
use crate::state::modules::Modules;
use crate::state::object::ObjectRef;
use crate::state::object::store::ObjectStore;
use crate::state::object::stream::{Stream, StreamRef};
use crate::state::queue::desk::Desk;
use crate::state::queue::room::{Place, Room};
use crate::state::queue::scheduler::Load;
use crate::state::queue::timers::Timers;
use crate::state::task::running::Running;
use crate::state::task::{TaskRecord, TaskSink};
use crate::types::capabilities::Capabilities;
use crate::types::clock::Clock;
use crate::types::error::TaskError;
use crate::types::ids::{ActorId, Counter};
use crate::types::plan::HostLimits;
use crate::types::sync::{Mutex, rank};

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
    endings: Arc<Endings<Runtime>>,
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
    journal: Option<JournalHandle>,
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
