//! What runs the host: the workers, which run tasks and actors; threads that end tasks, look for deadlocks, write to disk; and on tokio what
//! watches the time.

mod actor_table;
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
mod ended_families;
mod endings;
mod events;
mod faults;
mod floating_point;
mod giving_up;
mod io_threads;
mod job;
mod journal;
mod lifecycle;
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
mod stats;
mod submit;
mod timer_queue;
mod waits;
mod worker_loop;
mod worker_state;
mod workers;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

use tokio::runtime::Handle;

pub use clock::{GuardedClock, TokioClock};
pub use io_threads::IoThreads;
pub use journal::JournalHandle;
pub use loading::{on_blocking_threads_of, on_threads_of};
pub use observers::{Observers, Sinks};

use self::actor_table::ActorTable;
use self::detector::Detector;
use self::ended_families::EndedFamilies;
use self::endings::Endings;
use self::giving_up::GivingUp;
use self::job::Job;
use self::lifecycle::Lifecycle;
use self::loading::{CompilingLines, DescribingLine};
use self::observers::Guard;
use self::spiller::Spiller;
use self::timer_queue::TimerQueue;
use self::workers::Workers;
use crate::port::Begun;
use crate::sandbox::Sandbox;
use crate::state::modules::Modules;
use crate::state::object::ObjectRef;
use crate::state::object::store::ObjectStore;
use crate::state::object::stream::{Stream, StreamRef};
use crate::state::queue::desk::Desk;
use crate::state::queue::room::{Place, Room};
use crate::state::task::running::Running;
use crate::state::task::{TaskRecord, TaskSink};
use crate::types::capabilities::Capabilities;
use crate::types::clock::Clock;
use crate::types::ids::Counter;
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
    scheduler: Desk<Job>,
    workers: Workers,
    /// The places for pending tasks.
    room: Arc<Room>,
    timers: TimerQueue,
    /// Tasks and calls that run, those that wait for an object included.
    running: Mutex<Running, { rank::RUNNING }>,
    actors: ActorTable,
    giving_up: GivingUp,
    ended_families: EndedFamilies,
    lifecycle: Lifecycle,
    endings: Arc<Endings<Runtime>>,
    detector: Arc<Detector>,
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
    module_ids: Counter,
}

#[derive(Default)]
struct Tally {
    succeeded: AtomicU64,
    failed: AtomicU64,
    cancelled: AtomicU64,
    memo: AtomicU64,
}

impl Runtime {
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
