//! What is run: tasks, constructions and calls, from their submission to their outcome.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};

use crate::bindings::rustyray::core::types::{ErrorKind, TaskError};
use crate::sim::manifest::Function;
use crate::sim::plan::Plan;
use crate::sim::state::actor_spec::ActorSpec;
use crate::sim::state::arguments::Held;
use crate::sim::state::object::Object;
use crate::sim::state::payload::Payload;
use crate::sim::state::stop_reason::StopReason;
use crate::sim::state::stream::Stream;
use crate::sim::sync::lock;

/// What is to be run, and what came of it.
pub(crate) struct TaskRecord {
    pub(crate) id: u64,
    /// As the host would name it: the function's name, or `Actor.method`.
    pub(crate) function: String,
    pub(crate) work: Work,
    pub(crate) plan: Plan,
    /// What it makes.
    pub(crate) output: Arc<Object>,
    /// The actor or the task that made it, whose calls are served in order.
    pub(crate) submitter: u64,
    /// Its parent's, on the test's clock.
    inherited_deadline: Option<u64>,
    inner: Mutex<Inner>,
}

pub(crate) enum Work {
    /// The test itself.
    Test,
    Task(&'static Function),
    Construct(Arc<ActorSpec>),
    Call(Arc<ActorSpec>, String),
}

#[derive(Default)]
struct Inner {
    phase: Phase,
    attempt: u32,
    /// When the attempt began, on the test's clock.
    started: u64,
    arguments: Vec<Held>,
    /// Arguments that are still to come.
    missing: usize,
    /// An argument is an error.
    failed: Option<Arc<TaskError>>,
    /// Between two attempts.
    rests: bool,
    stream: Option<Arc<Stream>>,
    /// Somebody asked it to stop.
    asked: bool,
    /// Waits that were refused since.
    refused: u32,
    spares_children: bool,
    /// Its parent's deadline is none of its any more.
    outlives_parent: bool,
    parent: Weak<TaskRecord>,
    children: BTreeMap<u64, Weak<TaskRecord>>,
}

#[derive(Default)]
enum Phase {
    #[default]
    Waiting,
    /// In the instance of this number.
    Running(u64),
    Done,
}

/// What a task leaves behind.
pub(crate) struct Finished {
    pub(crate) parent: Option<Arc<TaskRecord>>,
    pub(crate) children: Vec<Arc<TaskRecord>>,
    pub(crate) stream: Option<Arc<Stream>>,
    pub(crate) spares_children: bool,
    /// Dropped by whoever ends it, with what only they held.
    _arguments: Vec<Held>,
}

/// What a task is made from.
pub(crate) struct TaskSpec {
    pub(crate) function: String,
    pub(crate) work: Work,
    pub(crate) plan: Plan,
    pub(crate) arguments: Vec<Held>,
    pub(crate) stream: Option<Arc<Stream>>,
}

impl TaskRecord {
    pub(crate) fn new(id: u64, spec: TaskSpec, output: Arc<Object>, parent: Option<&Arc<TaskRecord>>) -> Arc<Self> {
        let TaskSpec { function, work, plan, arguments, stream } = spec;
        let inherited_deadline = parent.and_then(|parent| parent.deadline());
        let inner = Inner { arguments, stream, ..Inner::default() };
        let submitter = parent.map_or(id, |parent| parent.actor().map_or(parent.id, |actor| actor.id));
        let inner = Mutex::new(inner);
        let task = Arc::new(Self { id, function, work, plan, output, submitter, inherited_deadline, inner });
        task.output.made_by(id);
        if let Some(parent) = parent {
            parent.adopt(&task);
        }
        task
    }

    /// The name given with the options, else the function's.
    pub(crate) fn name(&self) -> &str {
        self.plan.name.as_deref().unwrap_or(&self.function)
    }

    pub(crate) fn attempt(&self) -> u32 {
        lock(&self.inner).attempt
    }

    pub(crate) fn actor(&self) -> Option<&Arc<ActorSpec>> {
        match &self.work {
            Work::Construct(actor) | Work::Call(actor, _) => Some(actor),
            Work::Task(_) | Work::Test => None,
        }
    }

    pub(crate) fn is_call(&self) -> bool {
        matches!(self.work, Work::Call(..))
    }

    /// What is called, of a call.
    pub(crate) fn method(&self) -> &str {
        match &self.work {
            Work::Call(_, method) => method,
            Work::Construct(_) | Work::Task(_) | Work::Test => "",
        }
    }

    pub(crate) fn stream(&self) -> Option<Arc<Stream>> {
        lock(&self.inner).stream.clone()
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(lock(&self.inner).phase, Phase::Done)
    }

    /// Where it runs.
    pub(crate) fn instance(&self) -> Option<u64> {
        match lock(&self.inner).phase {
            Phase::Running(instance) => Some(instance),
            Phase::Waiting | Phase::Done => None,
        }
    }

    pub(crate) fn arguments(&self) -> Vec<Held> {
        lock(&self.inner).arguments.clone()
    }

    /// How many of its arguments are to come.
    pub(crate) fn expects(&self, missing: usize) {
        lock(&self.inner).missing = missing;
    }

    /// An argument came. True if the task can be run, or never will be: once.
    pub(crate) fn argument_arrived(&self, error: Option<&Arc<TaskError>>) -> bool {
        let mut inner = lock(&self.inner);
        if inner.failed.is_some() || matches!(inner.phase, Phase::Done) {
            return false;
        }
        inner.missing = inner.missing.saturating_sub(1);
        inner.failed = error.cloned();
        inner.missing == 0 || inner.failed.is_some()
    }

    /// The error of the argument that failed first.
    pub(crate) fn failed_argument(&self) -> Option<Arc<TaskError>> {
        lock(&self.inner).failed.clone()
    }

    /// Is nothing left to wait for?
    pub(crate) fn can_begin(&self) -> bool {
        let inner = lock(&self.inner);
        (inner.missing == 0 || inner.failed.is_some()) && !inner.rests
    }

    /// Begins an attempt, and gives copies of the arguments' values; `None` if the task is done already.
    pub(crate) fn begin(&self, instance: u64, now: u64) -> Option<Result<Vec<Payload>, Arc<TaskError>>> {
        let kept = {
            let mut inner = lock(&self.inner);
            if !matches!(inner.phase, Phase::Waiting) {
                return None;
            }
            inner.phase = Phase::Running(instance);
            inner.attempt += 1;
            inner.started = now;
            inner.arguments.clone()
        };
        Some(kept.iter().map(Held::payload).collect())
    }

    /// Makes it wait for another attempt, if it may have one after this failure.
    pub(crate) fn retry(&self, failure: &TaskError, next: u64, rests: bool) -> bool {
        let counts =
            is_system_failure(failure.kind) || (self.plan.retry_exceptions && failure.kind == ErrorKind::TaskFailed);
        let mut inner = lock(&self.inner);
        let again = counts
            && inner.attempt <= self.plan.max_retries
            && !inner.asked
            && matches!(inner.phase, Phase::Running(_))
            && self.inherited_deadline.is_none_or(|deadline| next < deadline);
        if again {
            (inner.phase, inner.rests) = (Phase::Waiting, rests);
        }
        again
    }

    /// Its rest is over. True if it is still wanted.
    pub(crate) fn rested(&self) -> bool {
        let mut inner = lock(&self.inner);
        matches!(inner.phase, Phase::Waiting) && std::mem::replace(&mut inner.rests, false)
    }

    /// Ends it; `None` if it was done already.
    pub(crate) fn finish(&self) -> Option<Finished> {
        let mut inner = lock(&self.inner);
        if matches!(std::mem::replace(&mut inner.phase, Phase::Done), Phase::Done) {
            return None;
        }
        let children = std::mem::take(&mut inner.children);
        Some(Finished {
            parent: std::mem::take(&mut inner.parent).upgrade(),
            children: children.values().filter_map(Weak::upgrade).collect(),
            stream: inner.stream.take(),
            spares_children: inner.spares_children,
            _arguments: std::mem::take(&mut inner.arguments),
        })
    }

    /// When it must be done: its own time counts from the start of the attempt that runs.
    pub(crate) fn deadline(&self) -> Option<u64> {
        let inner = lock(&self.inner);
        let own = match inner.phase {
            Phase::Running(_) => self.plan.timeout.map(|timeout| inner.started.saturating_add(timeout)),
            Phase::Waiting => None,
            Phase::Done => return None,
        };
        own.into_iter().chain(self.inherited_deadline.filter(|_| !inner.outlives_parent)).min()
    }

    /// Is it its parent's time that is up?
    pub(crate) fn is_past_parents(&self, now: u64) -> bool {
        self.inherited_deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Goes on after its parent's deadline.
    pub(crate) fn outlive_parent(&self) {
        lock(&self.inner).outlives_parent = true;
    }

    /// How long the attempt may take, and has taken.
    pub(crate) fn time_used(&self, now: u64) -> (u64, u64) {
        let started = lock(&self.inner).started;
        let limit = self.deadline().map_or(0, |deadline| deadline.saturating_sub(started));
        (limit, now.saturating_sub(started))
    }

    /// Asks it to stop. True if it was not asked before.
    pub(crate) fn ask(&self) -> bool {
        !std::mem::replace(&mut lock(&self.inner).asked, true)
    }

    pub(crate) fn was_asked(&self) -> bool {
        lock(&self.inner).asked
    }

    /// Counts a wait that is refused because it was asked to stop; gives how many there were.
    pub(crate) fn refuse(&self) -> u32 {
        let mut inner = lock(&self.inner);
        inner.refused += 1;
        inner.refused
    }

    pub(crate) fn spare_children(&self) {
        lock(&self.inner).spares_children = true;
    }

    pub(crate) fn adopt(self: &Arc<Self>, child: &Arc<TaskRecord>) {
        lock(&child.inner).parent = Arc::downgrade(self);
        lock(&self.inner).children.insert(child.id, Arc::downgrade(child));
    }

    pub(crate) fn disown(&self, child: u64) {
        lock(&self.inner).children.remove(&child);
    }

    pub(crate) fn children(&self) -> Vec<Arc<TaskRecord>> {
        lock(&self.inner).children.values().filter_map(Weak::upgrade).collect()
    }

    /// The error with what is known of this task.
    pub(crate) fn describe(&self, mut error: TaskError) -> TaskError {
        self.name().clone_into(&mut error.task);
        self.function.clone_into(&mut error.function);
        crate::sim::exports::MODULE.clone_into(&mut error.module);
        (error.task_id, error.attempt) = (self.id, self.attempt());
        error
    }

    /// The error of one that was ended.
    pub(crate) fn stopped(&self, reason: StopReason, now: u64) -> TaskError {
        use std::time::Duration;
        let (kind, text) = match reason {
            StopReason::Cancelled => (ErrorKind::TaskCancelled, "on request, or with its parent".to_owned()),
            StopReason::ActorKilled => (ErrorKind::ActorDied, "the actor was killed".to_owned()),
            StopReason::HostShutDown => (ErrorKind::HostShutDown, "the test is over".to_owned()),
            StopReason::Deadline => {
                let (limit, used) = self.time_used(now);
                let (limit, used) = (Duration::from_nanos(limit), Duration::from_nanos(used));
                (ErrorKind::TaskTimedOut, format!("it had {limit:?}, and was ended after {used:?}"))
            }
        };
        crate::sim::error::new(kind, text)
    }
}

/// Is it a failure that another attempt may not meet?
fn is_system_failure(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WorkerCrashed | ErrorKind::TaskTimedOut | ErrorKind::Internal)
}

impl fmt::Debug for TaskRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskRecord({} {})", self.id, self.name())
    }
}
