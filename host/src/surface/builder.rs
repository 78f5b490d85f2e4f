//! Building a host.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::host::Host;
use crate::port::log::{LogLine, LogSink, LogSource, OutputWatch, to_tracing};
use crate::runtime::{ReceiptSink, Runtime, RuntimeConfig, TokioClock};
use crate::sandbox::wasmtime;
use crate::sandbox::wasmtime::component::Linker;
use crate::sandbox::{EngineConfig, Guest, ImportSet, Sandbox};
use crate::words::capabilities::Capabilities;
use crate::words::clock::Clock;
use crate::words::limits::{CANCEL_GRACE, INSTANCES_MAX, OBJECT_STORE_BYTES, PENDING_TASKS_MAX, TaskLimits};
use crate::words::plan::HostLimits;
use crate::words::receipt::Receipt;
use crate::words::resources::ResourceSet;

/// Memory maps that one live instance takes, with its fiber's stack.
const MAPS_PER_INSTANCE: u64 = 4;

/// Threads that wait for files, sockets and timers. What has come is handed to the threads that run guests.
const IO_THREADS: usize = 1;

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
    /// The engine refused: no address space, no cache folder, imports that collide.
    #[error("the engine could not be made: {0}")]
    Engine(String),
    /// The threads could not be started.
    #[error("the worker threads could not be started: {0}")]
    Threads(#[from] std::io::Error),
}

/// What a [`Host`] is built from. Each setting has a default.
pub struct HostBuilder {
    cpus: Option<f64>,
    resources: ResourceSet,
    threads: Option<usize>,
    instances: u32,
    pending_tasks: usize,
    object_store_bytes: u64,
    limits: TaskLimits,
    ceiling: TaskLimits,
    capabilities: Capabilities,
    cancel_grace: Duration,
    helping: bool,
    cache_dir: Option<PathBuf>,
    clock: Option<Arc<dyn Clock>>,
    log: LogSink,
    output_watch: Option<OutputWatch>,
    receipts: Option<ReceiptSink>,
    imports: Vec<ImportSet>,
}

impl Default for HostBuilder {
    fn default() -> Self {
        HostBuilder {
            cpus: None,
            resources: ResourceSet::default(),
            threads: None,
            instances: INSTANCES_MAX,
            pending_tasks: PENDING_TASKS_MAX,
            object_store_bytes: OBJECT_STORE_BYTES,
            limits: TaskLimits::default(),
            ceiling: TaskLimits::ceiling(),
            capabilities: Capabilities::none(),
            cancel_grace: CANCEL_GRACE,
            helping: true,
            cache_dir: None,
            clock: None,
            log: Arc::new(to_tracing),
            output_watch: None,
            receipts: None,
            imports: Vec::new(),
        }
    }
}

impl HostBuilder {
    /// CPU slots: tasks that compute at once. Default: the machine's cores.
    pub fn cpus(mut self, count: f64) -> Self {
        self.cpus = Some(count);
        self
    }

    /// An amount of a custom resource, for tasks that ask for it. Default: none.
    pub fn resource(mut self, name: impl Into<String>, amount: f64) -> Self {
        self.resources = self.resources.with(name, amount);
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

    /// Bytes of the object store. Default: [`OBJECT_STORE_BYTES`].
    pub fn object_store_bytes(mut self, bytes: u64) -> Self {
        self.object_store_bytes = bytes;
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

    /// A folder for compiled modules, made if it is missing. Whoever can write there can run code in the host. Default:
    /// none, modules are compiled each time.
    pub fn cache_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.cache_dir = Some(dir.into());
        self
    }

    /// Where deadlines, waits and receipts take their time from. Default: the real clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Receives what guests print and log, on the thread that runs them: be quick. Default: events of `tracing` with the
    /// target `rustyray::guest`.
    pub fn on_log(mut self, sink: impl Fn(&LogLine) + Send + Sync + 'static) -> Self {
        self.log = Arc::new(sink);
        self
    }

    /// Is told of the bytes that a `main` with [inherited streams](crate::Module::main) is about to write to them: time
    /// to take a progress line off the terminal. Default: nobody.
    pub fn on_inherited_output(mut self, watch: impl Fn(LogSource, &[u8]) + Send + Sync + 'static) -> Self {
        self.output_watch = Some(Arc::new(watch));
        self
    }

    /// Receives the receipt of each finished task and call. Default: nobody.
    pub fn on_receipt(mut self, sink: impl Fn(&Receipt) + Send + Sync + 'static) -> Self {
        self.receipts = Some(Arc::new(sink));
        self
    }

    /// Adds an embedder's own imports, without state for each guest.
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
        let sane = cpus > 0.0 && cpus.is_finite() && threads > 0 && self.instances > 0 && self.pending_tasks > 0;
        if !sane {
            return Err(BuildError::Invalid(
                "CPUs, threads, instances and pending tasks must be more than none".to_owned(),
            ));
        }
        check_maps(self.instances)?;
        let engine = EngineConfig { instances: self.instances, cache_dir: self.cache_dir };
        let sandbox = Sandbox::new(&engine, self.imports).map_err(|error| BuildError::Engine(format!("{error:#}")))?;
        // After all that can fail: a tokio runtime must not be dropped where an embedder's own may be running.
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(IO_THREADS)
            .thread_name("rustyray-io")
            .enable_all()
            .build()?;
        let mut resources = self.resources;
        resources.cpu_milli = ResourceSet::cpus(cpus).cpu_milli;
        let config = RuntimeConfig {
            resources,
            instances: self.instances,
            pending_tasks: self.pending_tasks,
            object_store_bytes: self.object_store_bytes,
            limits: HostLimits { defaults: self.limits, ceiling: self.ceiling },
            capabilities: self.capabilities,
            cancel_grace: self.cancel_grace,
            helping: self.helping,
            log: self.log,
            output_watch: self.output_watch,
            receipts: self.receipts,
        };
        let clock = self.clock.unwrap_or_else(|| Arc::new(TokioClock(tokio.handle().clone())));
        let runtime = Runtime::new(config, sandbox, clock, tokio.handle().clone());
        runtime.start_crew(threads)?;
        Ok(Host::new(runtime, tokio))
    }
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
