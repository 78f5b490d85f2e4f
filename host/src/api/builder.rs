//! Building a host.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::host::Host;
use crate::port::log::{LogLine, LogSource};
use crate::runtime::start::RuntimeConfig;
use crate::runtime::{GuardedClock, IoThreads, JournalHandle, Observers, Runtime, Sinks, TokioClock};
use crate::sandbox::wasmtime;
use crate::sandbox::wasmtime::component::Linker;
use crate::sandbox::{CompilerProcess, EngineConfig, Guest, ImportSet, ModuleCache, Sandbox};
use crate::storage::journal::Journal;
use crate::storage::spill::SpillFolder;
use crate::types::capabilities::Capabilities;
use crate::types::clock::Clock;
use crate::types::event::Event;
use crate::types::limits::{
    CANCEL_GRACE, CODE_BYTES, INSTANCES_MAX, JOURNAL_BYTES, OBJECT_STORE_BYTES, PENDING_TASKS_MAX, SPILL_BYTES,
    TaskLimits,
};
use crate::types::plan::HostLimits;
use crate::types::receipt::Receipt;
use crate::types::resources::{ResourceSet, checked_milli};

/// Memory maps that one live instance takes, with its fiber's stack.
const MAPS_PER_INSTANCE: u64 = 4;

/// Why a host could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The operating system does not allow that many memory maps.
    #[error(
        "{instances} instances need about {needed} memory maps, and vm.max_map_count allows {allowed} (of which four \
         fifths may be used): raise it with `sysctl -w vm.max_map_count={suggested}`, or ask for fewer instances"
    )]
    TooManyInstances {
        /// What was asked for.
        instances: u32,
        /// The maps it takes.
        needed: u64,
        /// The system's limit.
        allowed: u64,
        /// A limit that would do.
        suggested: u64,
    },
    /// A number that cannot be.
    #[error("{0}")]
    Invalid(String),
    /// The folder for compiled modules cannot be used.
    #[error("the folder for compiled modules '{}' cannot be used: {reason}", path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The engine refused: no address space, imports that collide.
    #[error("the engine could not be made: {0}")]
    Engine(String),
    /// The journal could not be opened.
    #[error("the journal '{}' cannot be used: {reason}", path.display())]
    Journal {
        /// Its folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The threads could not be started.
    #[error("the worker threads could not be started: {0}")]
    Threads(#[from] std::io::Error),
}

/// What a [`Host`] is built from. Each setting has a default.
pub struct HostBuilder {
    cpus: Option<f64>,
    resources: ResourceSet,
    /// What is wrong with a custom resource that was given first.
    fault: Option<String>,
    threads: Option<usize>,
    instances: u32,
    pending_tasks: usize,
    object_store_bytes: Option<u64>,
    memory_bytes: Option<u64>,
    spill: Option<PathBuf>,
    spill_bytes: u64,
    limits: TaskLimits,
    guest_priority: i32,
    ceiling: TaskLimits,
    capabilities: Capabilities,
    cancel_grace: Duration,
    helping: bool,
    cache_dir: Option<PathBuf>,
    compiler: Option<CompilerProcess>,
    code_bytes: u64,
    clock: Option<Arc<dyn Clock>>,
    sinks: Sinks,
    imports: Vec<ImportSet>,
    journal: Option<PathBuf>,
    journal_bytes: u64,
}

impl Default for HostBuilder {
    fn default() -> Self {
        HostBuilder {
            cpus: None,
            resources: ResourceSet::default(),
            fault: None,
            threads: None,
            instances: INSTANCES_MAX,
            pending_tasks: PENDING_TASKS_MAX,
            object_store_bytes: None,
            memory_bytes: None,
            spill: None,
            spill_bytes: SPILL_BYTES,
            limits: TaskLimits::default(),
            guest_priority: 0,
            ceiling: TaskLimits::ceiling(),
            capabilities: Capabilities::none(),
            cancel_grace: CANCEL_GRACE,
            helping: true,
            cache_dir: None,
            compiler: None,
            code_bytes: CODE_BYTES,
            clock: None,
            sinks: Sinks::default(),
            imports: Vec::new(),
            journal: None,
            journal_bytes: JOURNAL_BYTES,
        }
    }
}

impl Host {
    /// A host with the settings still to be made.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }
}

impl HostBuilder {
    /// CPU slots: tasks that compute at once, to three decimals, more than none. Default: the machine's cores.
    pub fn cpus(mut self, count: f64) -> Self {
        self.cpus = Some(count);
        self
    }

    /// An amount of a custom resource, for tasks that ask for it, to three decimals. [`build`](Self::build) fails if that is less than
    /// none, no number, or nothing once it is rounded, and if a resource is named twice. Default: none.
    pub fn resource(mut self, name: impl Into<String>, amount: f64) -> Self {
        let name = name.into();
        let fault = match checked_milli(amount) {
            Err(why) => Some(format!("the resource {name:?} is {amount}: {why}")),
            Ok(_) if self.resources.has(&name) => Some(format!("the resource {name:?} is named twice")),
            Ok(milli) => {
                self.resources = self.resources.with_milli(name, milli);
                None
            }
        };
        self.fault = self.fault.or(fault);
        self
    }

    /// Threads that run guests, beside those that [help](Self::helping). Default: the machine's cores.
    pub fn threads(mut self, count: usize) -> Self {
        self.threads = Some(count);
        self
    }

    /// Instances that live at once: running and waiting tasks, and actors. Each reserves 4 GiB of address space, and no
    /// memory. Default: [`INSTANCES_MAX`].
    pub fn instances(mut self, count: u32) -> Self {
        self.instances = count;
        self
    }

    /// Tasks that are pending at once. Default: [`PENDING_TASKS_MAX`].
    pub fn pending_tasks(mut self, count: usize) -> Self {
        self.pending_tasks = count;
        self
    }

    /// Bytes of the object store: values, arguments, and what the host keeps for tasks that have not ended (some 900 each), actors,
    /// streams and errors. Beyond it a submission fails with `ObjectStoreFull`. Default: [`OBJECT_STORE_BYTES`]; of a limited
    /// [memory](Self::memory_bytes) at most three tenths.
    pub fn object_store_bytes(mut self, bytes: u64) -> Self {
        self.object_store_bytes = Some(bytes);
        self
    }

    /// A folder for objects that have no room in the store, made if it is missing. From [four fifths](crate::limits::SPILL_FROM_PERCENT) of
    /// the store on, those of [4 KiB](crate::limits::SPILL_BYTES_MIN) or more that were not used for longest are written to
    /// files there, checked by a digest, and read back when somebody wants them; whoever holds a [`Value`](crate::Value) keeps it
    /// in memory, and so does a task that runs for the objects that it was given. The host has a folder of its own in it, which
    /// goes with it; that of a host that crashed is removed by the next one. Default: none, a full store refuses.
    pub fn spill(mut self, dir: impl Into<PathBuf>) -> Self {
        self.spill = Some(dir.into());
        self
    }

    /// Bytes of spilled objects on disk. Default: [`SPILL_BYTES`].
    pub fn spill_bytes(mut self, bytes: u64) -> Self {
        self.spill_bytes = bytes;
        self
    }

    /// Bytes for all guests and objects together. What the object store leaves of them is granted to guests: each task, and
    /// each actor for its life, takes what its memory limit says, and waits in the queue until that is free. One that asks
    /// for more than there ever is fails with `TaskUnschedulable`. Modules that are asked what they offer take an eighth of the guests'
    /// part beside it, or what [two of them](crate::limits::MANIFEST_MEMORY_BYTES) take. Default: no limit.
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = Some(bytes);
        self
    }

    /// The limits of a task that declares none. Default: [`TaskLimits::default`].
    pub fn default_limits(mut self, limits: TaskLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The limits that no task exceeds, whatever it declares. Default: [`TaskLimits::ceiling`].
    pub fn ceiling(mut self, limits: TaskLimits) -> Self {
        self.ceiling = limits;
        self
    }

    /// The highest priority that modules may declare and guests may give, unless they have a higher one themselves: a higher
    /// one is lowered to this. So no guest puts its tasks before those of others; what it may do is put some of its own
    /// behind. Raise it on a host whose modules are one program. Default: 0.
    ///
    /// However high this is, what modules declare and guests give is no further from 0 than
    /// [`PRIORITIES_OF_GUESTS`](crate::limits::PRIORITIES_OF_GUESTS), on either side: what is beyond it counts as that. The embedder's own
    /// tasks may have any.
    pub fn guest_priority(mut self, highest: i32) -> Self {
        self.guest_priority = highest;
        self
    }

    /// What the embedder's own tasks may touch, and so the most that any task may. Default: nothing.
    pub fn capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Time between asking a task to stop and ending it. Default: [`CANCEL_GRACE`].
    pub fn cancel_grace(mut self, grace: Duration) -> Self {
        self.cancel_grace = grace;
        self
    }

    /// May a thread that waits in [`Host::get`] run the task that it waits for? It does where that task is the next to run,
    /// until the task waits for something or has used a [slice](crate::limits::FUEL_SLICE) of fuel, which takes a
    /// millisecond at most. That saves waking another thread, which takes longer than most tasks; an executor that must
    /// not be held up so long says no. Default: true.
    pub fn helping(mut self, helping: bool) -> Self {
        self.helping = helping;
        self
    }

    /// A folder for compiled modules, made if it is missing: see [`ModuleCache`]. Whoever can write there can run code in the host.
    /// Default: none, modules are compiled each time.
    pub fn cache_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.cache_dir = Some(dir.into());
        self
    }

    /// Compiles modules in processes of their own, with limits on memory and time: a module may be made to take gigabytes, or hours, to
    /// compile, and what is refused beforehand is only what is known to. Default: none, modules are compiled in this process.
    pub fn compiler(mut self, compiler: CompilerProcess) -> Self {
        self.compiler = Some(compiler);
        self
    }

    /// Bytes of native code of all modules together, beside the [memory](Self::memory_bytes) of guests and objects: it is kept as long as a
    /// module is, ten times as large as that or more. A module that would exceed it is refused with
    /// [`CodeTooLarge`](crate::ModuleError::CodeTooLarge). Default: [`CODE_BYTES`].
    pub fn code_bytes(mut self, bytes: u64) -> Self {
        self.code_bytes = bytes;
        self
    }

    /// A folder, made if it is missing, for what is to outlive the process: the results of [pure](crate::FunctionInfo::pure)
    /// tasks and the checkpoints of named actors. It has one writer at a time. Default: none, nothing is kept.
    ///
    /// Nobody sees the result of a pure task before it is written, so that after the end of the process, however it came,
    /// no pure task runs again whose result anybody saw. A power failure may take the last second. What cannot be written
    /// is told in the log once, and done again when it is asked for. Whoever can write to the folder decides what later
    /// hosts take for results.
    ///
    /// Checkpoints are found by the names of module, type and actor. Of several loaded modules of one name only the first has
    /// its checkpoints here: modules of different users need [names](crate::Host::load_file_as) of their own.
    pub fn journal(mut self, dir: impl Into<PathBuf>) -> Self {
        self.journal = Some(dir.into());
        self
    }

    /// Bytes of the journal on disk; beyond it the oldest results are dropped. Default: [`JOURNAL_BYTES`].
    pub fn journal_bytes(mut self, bytes: u64) -> Self {
        self.journal_bytes = bytes;
        self
    }

    /// Where deadlines, waits and receipts take their time from. Default: the real clock.
    ///
    /// It is asked in the middle of what the host does: be quick, and wait for nothing of the host's. Where it panics it shows
    /// what it showed last, and sleeps are real ones; that is counted in [`Stats`](crate::Stats::embedder_panics) and told once.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Receives what guests print and log. Default: events of `tracing` with the target `rustyray::guest`.
    ///
    /// It is called on a thread of the host's that does nothing else, which it shares with [`on_event`](Self::on_event) and
    /// [`on_receipt`](Self::on_receipt): a moment later, one after the other, in the order in which things happened.
    /// [`Host::flush`] waits until all is told. Be quick: while [lines](crate::limits::OBSERVED_LINES_MAX) wait to be told,
    /// guests that print are held back, as a process is on a full pipe. A panic loses that one line; it is counted in
    /// [`Stats`](crate::Stats::embedder_panics) and told once. Given twice, both are told, in that order.
    pub fn on_log(mut self, sink: impl Fn(&LogLine) + Send + Sync + 'static) -> Self {
        self.sinks.log.push(Arc::new(sink));
        self
    }

    /// Is told of the bytes that a `main` with [inherited streams](crate::Module::main) is about to write to them: time
    /// to take a progress line off the terminal. Default: nobody.
    ///
    /// It is called on the thread that runs the guest, as the bytes do not wait: be quick. A panic does not stop them.
    pub fn on_inherited_output(mut self, watch: impl Fn(LogSource, &[u8]) + Send + Sync + 'static) -> Self {
        self.sinks.output.push(Arc::new(watch));
        self
    }

    /// Receives the receipt of each finished task and call, a moment later, on the thread of [`on_log`](Self::on_log). Default:
    /// nobody.
    ///
    /// No task waits for it: where [many](crate::limits::OBSERVED_RECEIPTS_MAX) wait to be told, further ones are left out,
    /// counted in [`Stats`](crate::Stats::dropped_receipts), and that is told. Given twice, both are told.
    pub fn on_receipt(mut self, sink: impl Fn(&Receipt) + Send + Sync + 'static) -> Self {
        self.sinks.receipts.push(Arc::new(sink));
        self
    }

    /// Is told what happens to tasks and calls, in its order and a moment later, on the thread of [`on_log`](Self::on_log).
    /// Default: nobody.
    ///
    /// No task waits for it: where [many](crate::limits::OBSERVED_EVENTS_MAX) wait to be told, further ones are left out,
    /// counted in [`Stats`](crate::Stats::dropped_events), and that is told. Given twice, both are told.
    pub fn on_event(mut self, sink: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.sinks.events.push(Arc::new(sink));
        self
    }

    /// Adds an embedder's own imports, without state for each guest. A panic in one ends the guest that called it, with an error
    /// that says so.
    ///
    /// `link` is called once, with wasmtime's linker; bindings that `wasmtime::component::bindgen!` made are added with
    /// their `add_to_linker`. The crate is re-exported as [`crate::wasmtime`].
    pub fn imports(
        mut self,
        link: impl Fn(&mut Linker<Guest>) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.imports.push(ImportSet { link: Box::new(link), make: None });
        self
    }

    /// The same, with a `T` for each guest, made by `make` and reached through [`Guest::extension`].
    pub fn imports_with<T: Any + Send>(
        mut self,
        make: impl Fn() -> T + Send + Sync + 'static,
        link: impl Fn(&mut Linker<Guest>) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let make = Box::new(move || Box::new(make()) as Box<dyn Any + Send>);
        self.imports.push(ImportSet { link: Box::new(link), make: Some(make) });
        self
    }

    /// Builds the host and starts its threads.
    ///
    /// # Errors
    /// What the machine does not allow, or which settings can't be.
    pub fn build(self) -> Result<Host, BuildError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cpus = self.cpus.unwrap_or(cores as f64);
        let threads = self.threads.unwrap_or(cores);
        if let Some(fault) = self.fault {
            return Err(BuildError::Invalid(fault));
        }
        let cpu_milli = checked_milli(cpus).map_err(|why| BuildError::Invalid(format!("cpus is {cpus}: {why}")))?;
        let sane = cpu_milli > 0 && threads > 0 && self.instances > 0 && self.pending_tasks > 0;
        if !sane {
            return Err(BuildError::Invalid(
                "CPUs, threads, instances and pending tasks must be more than none".to_owned(),
            ));
        }
        check_maps(self.instances)?;
        let object_store_bytes = self.object_store_bytes.unwrap_or_else(|| default_object_store(self.memory_bytes));
        let guest_memory_bytes = guest_memory(self.memory_bytes, object_store_bytes)?;
        let spill = self.spill.map(|dir| spill_folder(&dir, self.spill_bytes)).transpose()?;
        let cache = self.cache_dir.map(cache).transpose()?;
        let compiler = self.compiler.map(CompilerProcess::checked).transpose().map_err(BuildError::Invalid)?;
        let engine = EngineConfig { instances: self.instances, cache, compiler, code_bytes: self.code_bytes };
        let io = IoThreads::start()?;
        let sandbox = Sandbox::new(engine, self.imports, io.guests.clone())
            .map_err(|error| BuildError::Engine(format!("{error:#}")))?;
        let journal = self.journal.map(|path| journal(path, self.journal_bytes)).transpose()?;
        let observers = Observers::start(self.sinks)?;
        let handle = journal.map(|journal| JournalHandle::start(journal, observers.voice())).transpose()?;
        let clock: Arc<dyn Clock> = match self.clock {
            Some(clock) => Arc::new(GuardedClock::new(clock, io.time.clone(), observers.guard("the clock"))),
            None => Arc::new(TokioClock(io.time.clone())),
        };
        let mut resources = self.resources;
        resources.cpu_milli = cpu_milli;
        resources.memory_bytes = guest_memory_bytes;
        let config = RuntimeConfig {
            resources,
            instances: self.instances,
            pending_tasks: self.pending_tasks,
            object_store_bytes,
            spill,
            limits: HostLimits { defaults: self.limits, ceiling: self.ceiling, guest_priority: self.guest_priority },
            capabilities: self.capabilities,
            cancel_grace: self.cancel_grace,
            helping: self.helping,
            observers,
            journal: handle,
        };
        let runtime = Runtime::new(config, sandbox, clock, io.io.clone(), &io.time);
        runtime.start_workers(threads)?;
        Ok(Host::new(runtime, io))
    }
}

/// The object store's part of a limited memory, as in Ray.
fn default_object_store(memory_bytes: Option<u64>) -> u64 {
    memory_bytes.map_or(OBJECT_STORE_BYTES, |bytes| OBJECT_STORE_BYTES.min(bytes / 10 * 3))
}

fn cache(path: PathBuf) -> Result<ModuleCache, BuildError> {
    ModuleCache::open(&path).map_err(|error| BuildError::Cache { path, reason: error.to_string() })
}

fn spill_folder(dir: &Path, bytes: u64) -> Result<Arc<SpillFolder>, BuildError> {
    SpillFolder::make(dir, bytes).map_err(|error| {
        BuildError::Invalid(format!("objects cannot be spilled to the folder {}: {error}", dir.display()))
    })
}

/// What is left for guests.
fn guest_memory(memory_bytes: Option<u64>, object_store_bytes: u64) -> Result<u64, BuildError> {
    let Some(bytes) = memory_bytes else {
        return Ok(u64::MAX);
    };
    bytes.checked_sub(object_store_bytes).filter(|left| *left > 0).ok_or_else(|| {
        let text = format!(
            "the object store may take {object_store_bytes} of {bytes} bytes of memory, which leaves nothing for guests: \
             lower the one or raise the other"
        );
        BuildError::Invalid(text)
    })
}

fn journal(path: PathBuf, limit: u64) -> Result<Journal, BuildError> {
    Journal::open(&path, limit).map_err(|error| BuildError::Journal { path, reason: error.to_string() })
}

/// Running out of memory maps is not graceful: the allocator fails. So it is refused beforehand.
fn check_maps(instances: u32) -> Result<(), BuildError> {
    let text = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    let Some(allowed) = text.and_then(|text| text.trim().parse::<u64>().ok()) else {
        return Ok(());
    };
    let needed = u64::from(instances) * MAPS_PER_INSTANCE;
    if needed > allowed / 5 * 4 {
        let suggested = needed / 4 * 5 + 5;
        return Err(BuildError::TooManyInstances { instances, needed, allowed, suggested });
    }
    Ok(())
}
