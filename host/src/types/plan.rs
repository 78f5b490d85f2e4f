//! How tasks run: what a declaration and a call say, within what the host allows. Worked out once for each function, and
//! shared by all its tasks that say nothing of their own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::limits::{PLAN_BYTES, RETRY_BACKOFF, TEXT_BYTES, TaskLimits};
use super::manifest::{ActorTypeInfo, FunctionInfo, Manifest};
use super::options::{ActorOptions, TaskOptions};
use super::resources::ResourceSet;

/// How one task runs.
#[derive(Clone, Debug)]
pub struct TaskPlan {
    /// The function as people see it: `add`, or `Counter.incr`.
    pub function: Arc<str>,
    /// The same as the guest knows it: `add`, or `incr`.
    pub entry: Arc<str>,
    /// The name in logs, errors and receipts.
    pub name: Arc<str>,
    /// How many arguments it takes.
    pub parameters: usize,
    /// The limits of each attempt.
    pub limits: TaskLimits,
    /// What it holds while it runs.
    pub needs: ResourceSet,
    /// Higher first.
    pub priority: i32,
    /// Attempts after the first.
    pub max_retries: u32,
    /// May it run once more if its result is lost? Only where it says that it is never tried again it may not.
    pub may_run_again: bool,
    /// Is it run again after an error of its own, too?
    pub retry_exceptions: bool,
    /// The rest before the second attempt.
    pub retry_backoff: Duration,
    /// The capabilities to keep of those that the host grants; `None` for all.
    pub grants: Option<Vec<String>>,
    /// Does it run without capabilities, and is its result kept?
    pub pure: bool,
    /// Does it give its results one after the other?
    pub streams: bool,
    /// Of an actor's call: the lane of the mailbox that it waits in.
    pub lane: usize,
    /// Is it that of all tasks of a function, and not of some alone?
    pub shared: bool,
    /// Is the time of an attempt not its own, but that of who submits it?
    pub callers_time: bool,
}

/// What a host says about all its tasks.
#[derive(Clone, Debug)]
pub struct HostLimits {
    /// The limits of a task that declares none.
    pub defaults: TaskLimits,
    /// The limits that no task exceeds.
    pub ceiling: TaskLimits,
    /// The highest priority that modules and guests give.
    pub guest_priority: i32,
}

impl TaskPlan {
    /// A task of this function. It takes one CPU slot where nothing else is said.
    pub fn task(declared: &FunctionInfo, options: TaskOptions, host: &HostLimits) -> Self {
        let options = options.over(&declared.options);
        let needs = options.needs(1.0);
        TaskPlan::new(declared.name.clone(), declared, options, needs, host).in_its_own_memory()
    }

    /// The construction of an actor, which takes no CPU slot where nothing else is said.
    pub fn constructor(
        actor: &ActorTypeInfo,
        declared: &FunctionInfo,
        options: TaskOptions,
        host: &HostLimits,
    ) -> Self {
        let options = options.over(&actor.options.call).over(&declared.options);
        let needs = options.needs(0.0);
        TaskPlan::new(qualified(&actor.name, &declared.name), declared, options, needs, host).in_its_own_memory()
    }

    /// A call of an actor that was created with these options. It runs on what the actor holds.
    pub fn call(
        actor: &ActorTypeInfo,
        declared: &FunctionInfo,
        options: TaskOptions,
        created: &ActorOptions,
        host: &HostLimits,
    ) -> Self {
        TaskPlan::call_in(actor.lane(&declared.name), actor, declared, options, created, host)
    }

    /// The same, where its lane is known.
    fn call_in(
        lane: usize,
        actor: &ActorTypeInfo,
        declared: &FunctionInfo,
        options: TaskOptions,
        created: &ActorOptions,
        host: &HostLimits,
    ) -> Self {
        let options = options.over(&declared.options).over(&created.call);
        let name = qualified(&actor.name, &declared.name);
        TaskPlan { lane, ..TaskPlan::new(name, declared, options, ResourceSet::default(), host) }
    }

    /// The module's `main`. A driver waits most of the time; as in Ray it takes no CPU slot.
    pub fn main(options: TaskOptions, host: &HostLimits) -> Self {
        let declared = FunctionInfo::of_host("main");
        let needs = options.needs(0.0);
        TaskPlan::new(declared.name.clone(), &declared, options, needs, host).in_its_own_memory()
    }

    /// A function of the host's own, without an argument and without a claim.
    pub fn of_host(name: &str, limits: TaskLimits) -> Self {
        let declared = FunctionInfo::of_host(name);
        let host = HostLimits { defaults: limits.clone(), ceiling: limits, guest_priority: 0 };
        TaskPlan::new(declared.name.clone(), &declared, TaskOptions::new(), ResourceSet::default(), &host)
    }

    fn new(
        function: Arc<str>,
        declared: &FunctionInfo,
        options: TaskOptions,
        needs: ResourceSet,
        host: &HostLimits,
    ) -> Self {
        TaskPlan {
            limits: options.limits(&host.defaults, &host.ceiling),
            needs,
            priority: options.priority.unwrap_or(0),
            max_retries: options.max_retries.unwrap_or(0),
            may_run_again: options.max_retries != Some(0),
            retry_exceptions: options.retry_exceptions.unwrap_or(false),
            retry_backoff: options.retry_backoff.unwrap_or(RETRY_BACKOFF),
            entry: declared.name.clone(),
            parameters: declared.parameters.len(),
            name: options.name.unwrap_or_else(|| function.clone()),
            function,
            grants: options.grants,
            pure: declared.pure,
            streams: declared.streams,
            lane: 0,
            shared: false,
            callers_time: false,
        }
    }

    /// The plan of what somebody with these limits submits: it has no more time, and no more fuel, than they have. Memory is each
    /// one's own.
    pub fn within(&self, caller: &TaskLimits) -> Self {
        let (timeout, fuel) = (caller.timeout, caller.fuel);
        let limits = self.limits.lower_of(&TaskLimits { timeout, fuel, ..TaskLimits::ceiling() });
        let callers_time = self.callers_time || limits.timeout != self.limits.timeout;
        TaskPlan { limits, shared: false, callers_time, ..self.clone() }
    }

    /// It is that of all tasks of a function, and whoever keeps it for them is charged.
    pub(crate) fn for_all(mut self) -> Arc<Self> {
        self.shared = true;
        Arc::new(self)
    }

    /// Bytes that the host keeps of it, where it is that of some tasks alone.
    pub(crate) fn kept_bytes(&self) -> u64 {
        if self.shared { 0 } else { self.bytes() }
    }

    /// The same, whosever it is.
    pub(crate) fn bytes(&self) -> u64 {
        let grants = self.grants.iter().flatten().map(|grant| grant.len() as u64 + TEXT_BYTES).sum::<u64>();
        PLAN_BYTES + self.name.len() as u64 + self.needs.kept_bytes() + grants
    }

    /// Is it such a plan already?
    pub fn is_within(&self, caller: &TaskLimits) -> bool {
        fn fits<T: Ord>(own: Option<T>, callers: Option<T>) -> bool {
            callers.is_none_or(|callers| own.is_some_and(|own| own <= callers))
        }
        fits(self.limits.timeout, caller.timeout) && fits(self.limits.fuel, caller.fuel)
    }

    /// It holds the memory that it may use. A call does not: it runs in its actor's.
    fn in_its_own_memory(mut self) -> Self {
        self.needs.memory_bytes = self.limits.memory_bytes;
        self
    }
}

/// `Type.function`.
pub fn qualified(type_name: &str, function: &str) -> Arc<str> {
    format!("{type_name}.{function}").into()
}

/// The plans of a module whose callers say nothing of their own.
#[derive(Debug, Default)]
pub struct ModulePlans {
    tasks: HashMap<Arc<str>, Arc<TaskPlan>>,
    actors: HashMap<Arc<str>, Arc<CallPlans>>,
}

impl ModulePlans {
    /// The plans for what a manifest declares.
    pub fn new(manifest: &Manifest, host: &HostLimits) -> Self {
        let task = |info: &FunctionInfo| (info.name.clone(), TaskPlan::task(info, TaskOptions::new(), host).for_all());
        let actor = |info: &ActorTypeInfo| (info.name.clone(), Arc::new(CallPlans::new(info, host)));
        ModulePlans {
            tasks: manifest.tasks.iter().map(task).collect(),
            actors: manifest.actors.iter().map(actor).collect(),
        }
    }

    /// The plan of a task's runs.
    pub fn task(&self, name: &str) -> Option<&Arc<TaskPlan>> {
        self.tasks.get(name)
    }

    /// The plans of the calls of an actor that was created as its type declares.
    pub fn calls(&self, type_name: &str) -> Option<&Arc<CallPlans>> {
        self.actors.get(type_name)
    }
}

/// The plans of the calls of a type's actors where neither they nor their callers say anything of their own.
#[derive(Debug, Default)]
pub struct CallPlans(HashMap<Arc<str>, Arc<TaskPlan>>);

impl CallPlans {
    /// The plans of an actor of this type that is as it declares.
    fn new(actor: &ActorTypeInfo, host: &HostLimits) -> Self {
        let lanes = actor.lanes();
        let plan = |method: &FunctionInfo| {
            let lane = lanes.get(&*method.name).copied().unwrap_or_default();
            TaskPlan::call_in(lane, actor, method, TaskOptions::new(), &actor.options, host).for_all()
        };
        CallPlans(actor.methods.iter().map(|method| (method.name.clone(), plan(method))).collect())
    }

    /// The plan of a method's calls.
    pub fn method(&self, name: &str) -> Option<&Arc<TaskPlan>> {
        self.0.get(name)
    }
}
