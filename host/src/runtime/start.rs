//! The beginning of a runtime.

use super::actor_table::ActorTable;
use super::ended_families::EndedFamilies;
use super::giving_up::GivingUp;
use super::journal::JournalHandle;
use super::lifecycle::Lifecycle;
use super::observers::Observers;
use super::timer_queue::TimerQueue;
use super::{Runtime, Tally};
use std::sync::Arc;
use tokio::runtime::Handle;

use super::endings::Endings;
use super::loading::{CompilingLines, DescribingLine};
use super::spiller::Spiller;
use super::workers::Workers;
use crate::sandbox::Sandbox;
use crate::state::modules::Modules;
use crate::state::object::store::ObjectStore;
use crate::state::queue::desk::Desk;
use crate::state::queue::room::Room;
use crate::state::queue::scheduler::Scheduler;
use crate::storage::spill::SpillFolder;
use crate::types::capabilities::Capabilities;
use crate::types::clock::Clock;
use crate::types::ids::Counter;
use crate::types::plan::HostLimits;
use crate::types::resources::ResourceSet;
use crate::types::sync::Mutex;

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
    pub journal: Option<JournalHandle>,
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
        spiller.iter().for_each(|spiller| store.evict_by(Box::new(spiller.clone())));
        let endings = Arc::<Endings<Runtime>>::default();
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
            scheduler: Desk::new(scheduler),
            workers: Workers::new(),
            room,
            timers: TimerQueue::default(),
            running: Mutex::default(),
            actors: ActorTable::default(),
            giving_up: GivingUp::default(),
            ended_families: EndedFamilies::default(),
            lifecycle: Lifecycle::default(),
            endings,
            detector: Arc::default(),
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
            module_ids: Counter::default(),
        });
        time.spawn(super::deadlines::watch(runtime.clone()));
        time.spawn(super::end_threads::mind(runtime.clone()));
        time.spawn(super::relief::watch(runtime.clone()));
        runtime
    }
}
