//! How a task or an actor is to run, as it was asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::budget::Budget;
use super::error::{ErrorKind, TaskError};
use super::limits::{PRIORITIES_OF_GUESTS, TEXT_BYTES, TaskLimits};
use super::module_name::split_module;
use super::resources::{CPU, Milli, ResourceSet, checked_milli};

/// What a declaration or a call says about a run. What it leaves out comes from the declaration, then from the host.
///
/// ```
/// use std::time::Duration;
/// use rustyray_host::TaskOptions;
/// let options = TaskOptions::new().name("quick").timeout(Duration::from_millis(500)).fuel(1_000_000);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TaskOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<Arc<str>>,
    #[serde(rename = "timeout_ns", skip_serializing_if = "Option::is_none", serialize_with = "nanoseconds")]
    pub(crate) timeout: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fuel: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fuel_share: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) table_elements: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_retries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_exceptions: Option<bool>,
    #[serde(rename = "retry_backoff_ns", skip_serializing_if = "Option::is_none", serialize_with = "nanoseconds")]
    pub(crate) retry_backoff: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) priority: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_milli: Option<Milli>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) resources: BTreeMap<String, Milli>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grants: Option<Vec<String>>,
    /// Only the embedder's.
    #[serde(skip)]
    pub(crate) budget: Option<Budget>,
    /// What is wrong with an amount that was given first.
    #[serde(skip)]
    pub(crate) fault: Option<Box<str>>,
}

impl TaskOptions {
    /// Bytes that the host keeps of its texts.
    pub(crate) fn kept_bytes(&self) -> u64 {
        let name = self.name.as_ref().map_or(0, |name| name.len());
        let resources: usize = self.resources.keys().map(|name| name.len() + TEXT_BYTES as usize).sum();
        let grants: usize = self.grants.iter().flatten().map(|grant| grant.len() + TEXT_BYTES as usize).sum();
        (name + resources + grants) as u64
    }

    /// Options that say nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A name for logs, errors and receipts. Default: the function's.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Wall-clock time for each attempt. Default: the host's limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Fuel for each attempt, about one unit an instruction. Default: the host's limit.
    pub fn fuel(mut self, fuel: u64) -> Self {
        self.fuel = Some(fuel);
        self
    }

    /// Memory in bytes: linear memory, and what the host keeps for its handles (128 each), for the objects of a wait (112 each) and for
    /// each directory that it reads (48 KiB). Default: the host's limit.
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = Some(bytes);
        self
    }

    /// Elements of all its tables. Default: the host's limit.
    pub fn table_elements(mut self, elements: u64) -> Self {
        self.table_elements = Some(elements);
        self
    }

    /// Bytes of output and log lines. Default: the host's limit.
    pub fn output_bytes(mut self, bytes: u64) -> Self {
        self.output_bytes = Some(bytes);
        self
    }

    /// How often to run again after a [system failure](crate::ErrorKind::is_system_failure): a trap, out of memory, out of
    /// fuel, another limit, a timeout. An actor's call is served again by the restarted actor, if it may restart, before
    /// the calls that came later. What was cancelled is never run again. Default: 0.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = Some(retries);
        self
    }

    /// Does an error that the function returned (`TaskFailed`) count like a system failure? An actor's call is then served
    /// again by the same instance, before the calls that came later. Default: no.
    pub fn retry_exceptions(mut self, retry: bool) -> Self {
        self.retry_exceptions = Some(retry);
        self
    }

    /// The rest before the second attempt. It doubles with each further one up to
    /// [`RETRY_BACKOFF_MAX`](crate::limits::RETRY_BACKOFF_MAX), and a share of it is left to chance; zero is no rest at all.
    /// A task that rests is pending, and holds nothing; one whose parent's deadline comes first is not run again. Default:
    /// [`RETRY_BACKOFF`](crate::limits::RETRY_BACKOFF).
    pub fn retry_backoff(mut self, base: Duration) -> Self {
        self.retry_backoff = Some(base);
        self
    }

    /// Higher runs first. Guests give none that is higher than their own and than
    /// [the host's](crate::HostBuilder::guest_priority), and none further from 0 than
    /// [`PRIORITIES_OF_GUESTS`](crate::limits::PRIORITIES_OF_GUESTS). Default: 0.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = Some(priority);
        self
    }

    /// CPU slots to hold while it runs, to three decimals. What is submitted with these options fails with `InvalidArgument` if that is
    /// less than none, no number, or nothing once it is rounded. Default: 1 for a task, 0 for an actor's call.
    pub fn num_cpus(mut self, count: f64) -> Self {
        match checked_milli(count) {
            Ok(milli) => self.cpu_milli = Some(milli),
            Err(why) => self.note(format!("num_cpus is {count}: {why}")),
        }
        self
    }

    /// An amount of a custom resource to hold while it runs, to three decimals. What is submitted with these options fails as with
    /// [`num_cpus`](Self::num_cpus), and if a resource is named twice. Default: none.
    pub fn resource(mut self, name: impl Into<String>, amount: f64) -> Self {
        let name = name.into();
        match checked_milli(amount) {
            Err(why) => self.note(format!("the resource {name:?} is {amount}: {why}")),
            Ok(_) if self.resources.contains_key(&name) => self.note(format!("the resource {name:?} is named twice")),
            Ok(milli) => drop(self.resources.insert(name, milli)),
        }
        self
    }

    fn note(&mut self, fault: String) {
        self.fault.get_or_insert_with(|| fault.into());
    }

    /// Are all amounts such that can be?
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub(crate) fn check(&self) -> Result<(), TaskError> {
        match &self.fault {
            Some(fault) => Err(TaskError::new(ErrorKind::InvalidArgument, &**fault)),
            None => Ok(()),
        }
    }

    /// The capabilities to keep of those that the host grants, by [name](crate::Capabilities::names). Default: all.
    pub fn grants<I: IntoIterator<Item = S>, S: Into<String>>(mut self, names: I) -> Self {
        self.grants = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// What it may use together with all others that have the same budget, and with all that they submit. Default: none.
    pub fn budget(mut self, budget: &Budget) -> Self {
        self.budget = Some(budget.clone());
        self
    }

    /// Lowers the priority that a guest gives, if that is higher, and keeps it among those that guests have.
    pub(crate) fn cap_priority(&mut self, highest: i32) {
        let highest = highest.min(PRIORITIES_OF_GUESTS);
        self.priority = self.priority.map(|priority| priority.max(-PRIORITIES_OF_GUESTS).min(highest));
    }

    /// Do they say nothing?
    pub(crate) fn is_empty(&self) -> bool {
        *self == TaskOptions::default()
    }

    /// These options, with what they leave out taken from `declared`.
    pub(crate) fn over(self, declared: &TaskOptions) -> TaskOptions {
        let declared = declared.clone();
        TaskOptions {
            name: self.name.or(declared.name),
            timeout: self.timeout.or(declared.timeout),
            fuel: self.fuel.or(declared.fuel),
            fuel_share: self.fuel_share.or(declared.fuel_share),
            memory_bytes: self.memory_bytes.or(declared.memory_bytes),
            table_elements: self.table_elements.or(declared.table_elements),
            output_bytes: self.output_bytes.or(declared.output_bytes),
            max_retries: self.max_retries.or(declared.max_retries),
            retry_exceptions: self.retry_exceptions.or(declared.retry_exceptions),
            retry_backoff: self.retry_backoff.or(declared.retry_backoff),
            priority: self.priority.or(declared.priority),
            cpu_milli: self.cpu_milli.or(declared.cpu_milli),
            resources: if self.resources.is_empty() { declared.resources } else { self.resources },
            grants: self.grants.or(declared.grants),
            budget: self.budget.or(declared.budget),
            fault: self.fault.or(declared.fault),
        }
    }

    /// These options, with no limit above what `declared` says: what another module declares for its functions is not raised from
    /// outside.
    pub(crate) fn within(self, declared: &TaskOptions) -> TaskOptions {
        TaskOptions {
            timeout: no_more_than(self.timeout, declared.timeout),
            fuel: no_more_than(self.fuel, declared.fuel),
            fuel_share: no_more_than(self.fuel_share, declared.fuel),
            memory_bytes: no_more_than(self.memory_bytes, declared.memory_bytes),
            table_elements: no_more_than(self.table_elements, declared.table_elements),
            output_bytes: no_more_than(self.output_bytes, declared.output_bytes),
            ..self
        }
    }

    /// The limits of a run: what is said here, else `defaults`; never above `ceiling`.
    pub(crate) fn limits(&self, defaults: &TaskLimits, ceiling: &TaskLimits) -> TaskLimits {
        TaskLimits {
            timeout: self.timeout.or(defaults.timeout),
            fuel: self.fuel_share.or(self.fuel).or(defaults.fuel),
            memory_bytes: self.memory_bytes.unwrap_or(defaults.memory_bytes),
            table_elements: self.table_elements.unwrap_or(defaults.table_elements),
            output_bytes: self.output_bytes.unwrap_or(defaults.output_bytes),
        }
        .lower_of(ceiling)
    }

    /// What a run holds; `cpus` is what it takes where nothing is said.
    pub(crate) fn needs(&self, cpus: f64) -> ResourceSet {
        let mut needs = ResourceSet::cpus(cpus);
        needs.cpu_milli = self.cpu_milli.unwrap_or(needs.cpu_milli);
        self.resources.iter().fold(needs, |needs, (name, amount)| needs.with_milli(name, *amount))
    }

    /// The declared limits in words, for people.
    pub fn summary(&self) -> String {
        let mut parts = Vec::new();
        let mut say = |name: &str, value: Option<String>| parts.extend(value.map(|value| format!("{name}={value}")));
        say("timeout", self.timeout.map(|t| humantime::format_duration(t).to_string()));
        say("fuel", self.fuel.map(|n| n.to_string()));
        say("memory", self.memory_bytes.map(size));
        say("tables", self.table_elements.map(|n| n.to_string()));
        say("output", self.output_bytes.map(size));
        say("max_retries", self.max_retries.map(|n| n.to_string()));
        say("retry_exceptions", self.retry_exceptions.map(|retry| retry.to_string()));
        say("retry_backoff", self.retry_backoff.map(|t| humantime::format_duration(t).to_string()));
        say("priority", self.priority.map(|n| n.to_string()));
        say("num_cpus", self.cpu_milli.map(|n| (n as f64 / CPU as f64).to_string()));
        for (name, amount) in &self.resources {
            say(name, Some((*amount as f64 / CPU as f64).to_string()));
        }
        say("grants", self.grants.as_ref().map(|names| format!("[{}]", names.join(", "))));
        parts.join(" ")
    }
}

/// What was asked for, where that is less than what is declared, or nothing is.
fn no_more_than<T: Ord>(asked: Option<T>, declared: Option<T>) -> Option<T> {
    asked.map(|asked| match declared {
        Some(declared) => asked.min(declared),
        None => asked,
    })
}

/// Bytes in the largest unit that leaves no rest.
fn size(bytes: u64) -> String {
    [("GiB", 30), ("MiB", 20), ("KiB", 10)]
        .into_iter()
        .find(|(_, shift)| bytes > 0 && bytes.is_multiple_of(1 << shift))
        .map_or_else(|| bytes.to_string(), |(unit, shift)| format!("{}{unit}", bytes >> shift))
}

fn nanoseconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_nanos().min(u64::MAX.into()) as u64).serialize(serializer)
}

/// The name of an actor among those of its module, and the namespace in which it is unique there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    name: Arc<str>,
    namespace: Option<Arc<str>>,
}

impl Address {
    /// A name in a namespace, or in that of all that say none.
    pub fn new(name: &str, namespace: Option<&str>) -> Self {
        Address { name: name.into(), namespace: namespace.map(Into::into) }
    }

    /// The module that the name says, where it is written as `MODULE:NAME`, and what the actor is called there.
    pub fn in_module(&self) -> Option<(&str, Self)> {
        let (module, name) = split_module(&self.name)?;
        Some((module, Address { name: name.into(), namespace: self.namespace.clone() }))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            None => write!(f, "'{}'", self.name.escape_debug()),
            Some(namespace) => {
                write!(f, "'{}' in the namespace '{}'", self.name.escape_debug(), namespace.escape_debug())
            }
        }
    }
}

/// How an actor is to live.
///
/// ```
/// use rustyray_host::ActorOptions;
/// let options = ActorOptions::new().name("global").max_restarts(3);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ActorOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) get_if_exists: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_restarts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_pending_calls: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detached: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_concurrency: Option<u32>,
    /// For its constructor and each call.
    pub(crate) call: TaskOptions,
}

impl ActorOptions {
    /// Options that say nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A name to find it by, unique among the actors of its type's module in its namespace: other modules have names of their own.
    /// Default: none.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Where among its module's names its own is unique. Default: one of all that say nothing.
    pub fn namespace(mut self, namespace: impl Into<Arc<str>>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// If there is an actor of its name already, which has to be of this type, no other is made: that one is meant. It takes a name.
    /// Default: false.
    pub fn get_if_exists(mut self, get: bool) -> Self {
        self.get_if_exists = Some(get);
        self
    }

    /// Has it a name, where it is to be found by one?
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub(crate) fn check_name(&self) -> Result<(), TaskError> {
        let found = [(self.get_if_exists, "get_if_exists"), (self.detached, "detached")];
        match found.into_iter().find(|(asked, _)| *asked == Some(true)) {
            Some((_, option)) if self.name.is_none() => {
                let text = format!("{option} needs a name: without one nobody could find the actor");
                Err(TaskError::new(ErrorKind::InvalidArgument, text))
            }
            _ => Ok(()),
        }
    }

    /// What the host knows a named actor by.
    pub(crate) fn address(&self) -> Option<Address> {
        Some(Address::new(self.name.as_deref()?, self.namespace.as_deref()))
    }

    /// How often it is started again after a crash, with the state of its last checkpoint, or else a fresh one. The call that
    /// ran fails with `ActorUnavailable`, or is [served again](Self::max_task_retries); those that wait stay. Default: 0.
    pub fn max_restarts(mut self, restarts: u32) -> Self {
        self.max_restarts = Some(restarts);
        self
    }

    /// How often a call is served again that runs when the actor crashes; a call's own
    /// [`max_retries`](TaskOptions::max_retries) is stronger. Default: 0, so that each call runs at most once.
    pub fn max_task_retries(mut self, retries: u32) -> Self {
        self.call.max_retries = Some(retries);
        self
    }

    /// Calls that may wait at once. Default: [`PENDING_CALLS_MAX`](crate::limits::PENDING_CALLS_MAX).
    pub fn max_pending_calls(mut self, calls: u32) -> Self {
        self.max_pending_calls = Some(calls);
        self
    }

    /// Lives until it is killed, whoever holds a handle. It takes a name, to be found by. Default: false.
    pub fn detached(mut self, detached: bool) -> Self {
        self.detached = Some(detached);
        self
    }

    /// Calls that it serves at once on its one instance, those of its groups aside; at most
    /// [`CONCURRENCY_MAX`](crate::limits::CONCURRENCY_MAX). An `InvalidArgument` for a type that does not declare that it serves
    /// several. Default: as declared, else 1.
    pub fn max_concurrency(mut self, calls: u32) -> Self {
        self.max_concurrency = Some(calls);
        self
    }

    /// Options of its constructor and of each call; the memory limit holds for its life. What they leave out stays as it
    /// was said before.
    pub fn call(mut self, options: TaskOptions) -> Self {
        self.call = options.over(&self.call);
        self
    }

    /// What is declared in words, for people.
    pub fn summary(&self) -> String {
        let parts = [
            self.name.as_ref().map(|name| format!("name={name}")),
            self.namespace.as_ref().map(|namespace| format!("namespace={namespace}")),
            self.get_if_exists.map(|get| format!("get_if_exists={get}")),
            self.max_restarts.map(|n| format!("max_restarts={n}")),
            self.max_pending_calls.map(|n| format!("max_pending_calls={n}")),
            self.detached.map(|detached| format!("detached={detached}")),
            self.max_concurrency.map(|n| format!("max_concurrency={n}")),
            Some(self.call.summary()).filter(|call| !call.is_empty()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// These options, with what they leave out taken from `declared`.
    pub(crate) fn over(self, declared: &ActorOptions) -> ActorOptions {
        ActorOptions {
            name: self.name.or_else(|| declared.name.clone()),
            namespace: self.namespace.or_else(|| declared.namespace.clone()),
            get_if_exists: self.get_if_exists.or(declared.get_if_exists),
            max_restarts: self.max_restarts.or(declared.max_restarts),
            max_pending_calls: self.max_pending_calls.or(declared.max_pending_calls),
            detached: self.detached.or(declared.detached),
            max_concurrency: self.max_concurrency.or(declared.max_concurrency),
            call: self.call.over(&declared.call),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_for_people() {
        let options = TaskOptions::new()
            .timeout(Duration::from_millis(1500))
            .memory_bytes(64 << 20)
            .output_bytes(1000)
            .grants(["clock", "dir:/data:ro"]);
        assert_eq!(options.summary(), "timeout=1s 500ms memory=64MiB output=1000 grants=[clock, dir:/data:ro]");
        let actor = ActorOptions::new().max_restarts(2).call(TaskOptions::new().fuel(5));
        assert_eq!(actor.summary(), "max_restarts=2 fuel=5");
        assert_eq!(ActorOptions::new().summary(), "");
    }

    #[test]
    fn priorities_of_guests_keep_their_order_and_are_not_very_many() {
        let capped = |given: i32, highest: i32| {
            let mut options = TaskOptions::new().priority(given);
            options.cap_priority(highest);
            options.priority
        };
        let given = [-5, 0, 10, 100];
        assert_eq!(given.map(|priority| capped(priority, i32::MAX)), given.map(Some));
        assert_eq!(given.map(|priority| capped(priority, 5)), [-5, 0, 5, 5].map(Some));
        assert_eq!([i32::MIN, i32::MAX].map(|priority| capped(priority, i32::MAX)), [-1000, 1000].map(Some));
        assert_eq!(capped(0, -5000), Some(-5000), "a host may have them lower");
        let mut options = TaskOptions::new();
        options.cap_priority(-5);
        assert_eq!(options.priority, None);
    }

    #[test]
    fn a_call_overrides_the_declaration_and_the_host_caps_both() {
        let declared = TaskOptions::new().fuel(100).memory_bytes(1 << 20).name("declared");
        let options = TaskOptions::new().fuel(50).over(&declared);
        assert_eq!(options.name.as_deref(), Some("declared"));
        let ceiling = TaskLimits { memory_bytes: 1 << 16, ..TaskLimits::ceiling() };
        let limits = options.limits(&TaskLimits::default(), &ceiling);
        assert_eq!((limits.fuel, limits.memory_bytes), (Some(50), 1 << 16));
    }
}
