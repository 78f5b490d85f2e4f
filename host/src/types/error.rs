//! Why a task has no value, in a form that can be stored, sent and shown.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ids::TaskId;
use super::limits::{CAUSES_MAX, ERROR_BYTES, ERROR_TEXT_MAX};
use super::text::clean;

/// What a task gives: a value, or the error that everyone who waits for it shares.
pub type TaskResult<T> = Result<T, Arc<TaskError>>;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// The kinds of errors. Where Ray has a name for one, it is Ray's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])* $kind,)*
        }

        impl ErrorKind {
            /// The kind's name.
            pub fn as_str(self) -> &'static str {
                match self { $(ErrorKind::$kind => stringify!($kind),)* }
            }

            /// The kind in words.
            fn words(self) -> &'static str {
                match self { $(ErrorKind::$kind => $name,)* }
            }
        }
    };
}

kinds! {
    /// The program's own error: the function returned it.
    TaskFailed = "failed",
    /// The guest trapped: a panic, an abort, an invalid access, a stack overflow.
    WorkerCrashed = "crashed",
    /// Cancelled by somebody who holds a reference to it, or with its parent.
    TaskCancelled = "was cancelled",
    /// Past its deadline.
    TaskTimedOut = "timed out",
    /// It burned its fuel.
    OutOfFuel = "ran out of fuel",
    /// It asked for more memory than its limit.
    OutOfMemory = "ran out of memory",
    /// It wrote, grew a table, or held handles beyond its limit.
    LimitExceeded = "exceeded a limit",
    /// A task whose result was an argument failed.
    DependencyFailed = "was not run, a dependency failed",
    /// The value did not come in the time that the caller gave.
    GetTimeout = "was not ready in time",
    /// The object store is at its byte limit.
    ObjectStoreFull = "found the object store full",
    /// The object store is full, and what it could write to disk has no room there.
    OutOfDisk = "found the disk full",
    /// The object's bytes are gone and cannot be made again.
    ObjectLost = "lost its object",
    /// A stream was asked for the item after its last one.
    StreamEnded = "has no further item",
    /// The actor ended: killed, its constructor failed, or it crashed more often than it may restart.
    ActorDied = "found its actor dead",
    /// The actor crashed during this call and is being restarted.
    ActorUnavailable = "lost its actor",
    /// There is no actor of this name.
    ActorNotFound = "found no actor",
    /// The name is taken by another actor.
    ActorNameTaken = "found the actor's name taken",
    /// The module has no such task, actor, constructor or method.
    TaskNotFound = "does not exist",
    /// Arguments of the wrong number or type, bytes that do not decode, or options that contradict each other.
    InvalidArgument = "got an invalid argument",
    /// The host's queue of pending tasks is full.
    QueueFull = "found the queue full",
    /// The actor's mailbox is full.
    PendingCallsLimitExceeded = "found the mailbox full",
    /// It asks for more CPUs or resources than the host has.
    TaskUnschedulable = "can never be scheduled",
    /// Every instance that the host may hold is waiting for a task that cannot start.
    InstancesExhausted = "found every instance waiting",
    /// What it waited for waits for it, so that neither would ever go on. The message names the circle.
    Deadlock = "waited in a circle",
    /// It asks for a capability that its parent does not hold.
    CapabilityDenied = "was denied a capability",
    /// The host is shutting down.
    HostShutDown = "was ended by the host's shutdown",
    /// The host failed: a bug, or the machine ran out of something.
    Internal = "met a failure of the host",
}

impl ErrorKind {
    /// Is it a failure of the system, which another attempt may not meet: a trap, a limit (fuel, memory, output, tables,
    /// handles), a deadline, a fault of the host? What a program burns or takes may depend on what it finds, so a limit
    /// counts, though one that computes the same each time meets it each time. The program's own errors, cancellations and
    /// mistakes of the caller are none.
    pub fn is_system_failure(self) -> bool {
        use ErrorKind::*;
        matches!(self, WorkerCrashed | TaskTimedOut | OutOfFuel | OutOfMemory | LimitExceeded | Internal)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The limit that ended a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitReport {
    /// `timeout-ns`, `fuel`, `memory-bytes`, `table-elements`, `output-bytes` or `handles`; of a budget `budget-fuel`,
    /// `budget-memory-bytes`, `budget-time-ns` or `budget-tasks`; of a host `host-memory-bytes`.
    pub name: String,
    /// Its value.
    pub limit: u64,
    /// What had been used, or would have been with the request that was refused.
    pub used: u64,
}

/// One link in the chain of what caused an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCause {
    /// Its kind.
    pub kind: ErrorKind,
    /// The task that failed.
    pub task: String,
    /// Its message.
    pub message: String,
}

/// Why a task has no value.
///
/// `{}` shows one line, `{:#}` all that is known: the chain of causes, the panic's text and the backtrace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskError {
    /// The kind of failure.
    pub kind: ErrorKind,
    /// What happened, in one line.
    pub message: String,
    /// The name of the task, or of the actor and method.
    pub task: String,
    /// The task.
    pub task_id: TaskId,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The module's name.
    pub module: String,
    /// The function, or `Actor.method`.
    pub function: String,
    /// The last lines that the guest wrote on its standard error, where a panic leaves its message.
    pub panic: Option<String>,
    /// The wasm frames, innermost first, demangled.
    pub backtrace: Vec<String>,
    /// The limit that ended it.
    pub limit: Option<LimitReport>,
    /// What caused it, nearest first; at most [`CAUSES_MAX`](crate::limits::CAUSES_MAX), the last of which is the reason of all.
    pub causes: Vec<ErrorCause>,
}

impl TaskError {
    /// An error that knows its kind and message, and no task yet.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        TaskError {
            kind,
            message: shorten(message.into(), ERROR_TEXT_MAX),
            task: String::new(),
            task_id: TaskId(0),
            attempt: 0,
            module: String::new(),
            function: String::new(),
            panic: None,
            backtrace: Vec::new(),
            limit: None,
            causes: Vec::new(),
        }
    }

    /// The same with the limit that was exceeded; the message names it.
    pub fn of_limit(kind: ErrorKind, name: &str, limit: u64, used: u64) -> Self {
        let text = match used > limit {
            true => format!("{name} is limited to {limit}, and it asked for {used}"),
            false => format!("all of its {name} is used, {limit}"),
        };
        let mut error = TaskError::new(kind, text);
        error.limit = Some(LimitReport { name: name.to_owned(), limit, used });
        error
    }

    /// Bytes of its texts.
    pub(crate) fn text_bytes(&self) -> u64 {
        let own = [&self.message, &self.task, &self.module, &self.function].into_iter().chain(&self.panic);
        let causes = self.causes.iter().flat_map(|cause| [&cause.task, &cause.message]);
        own.chain(&self.backtrace).chain(causes).map(|text| text.len() as u64).sum()
    }

    /// Bytes that the host keeps of it with an object that failed.
    pub(crate) fn kept_bytes(&self) -> u64 {
        let parts = (self.causes.len() * size_of::<ErrorCause>() + self.backtrace.len() * size_of::<String>()) as u64;
        self.text_bytes() + parts + ERROR_BYTES
    }

    /// The same with `cause` and what caused that. Of too many the last one stays, which is the reason of all.
    pub fn caused_by(mut self, cause: &TaskError) -> Self {
        let link = ErrorCause { kind: cause.kind, task: cause.task.clone(), message: cause.message.clone() };
        let mut causes: Vec<_> = std::iter::once(link).chain(cause.causes.iter().cloned()).collect();
        if causes.len() > CAUSES_MAX {
            causes.swap_remove(CAUSES_MAX - 1);
            causes.truncate(CAUSES_MAX);
        }
        self.causes = causes;
        self
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.task.is_empty() {
            write!(f, "task {}", self.task)?;
            if self.task_id.0 != 0 {
                write!(f, " (#{}, attempt {})", self.task_id, self.attempt.max(1))?;
            }
            write!(f, " {}: ", self.kind.words())?;
        }
        lines(&self.message).enumerate().try_for_each(|(n, line)| match n {
            0 => write!(f, "{line}"),
            _ => write!(f, "\n    {line}"),
        })?;
        if !f.alternate() {
            return Ok(());
        }
        write!(f, "\n  kind: {}", self.kind)?;
        if !self.module.is_empty() {
            write!(f, "\n  in: {} of module {}", self.function, self.module)?;
        }
        if let Some(panic) = &self.panic {
            write!(f, "\n  stderr:")?;
            lines(panic).try_for_each(|line| write!(f, "\n    {line}"))?;
        }
        if !self.backtrace.is_empty() {
            write!(f, "\n  backtrace:")?;
            self.backtrace.iter().try_for_each(|frame| write!(f, "\n    {}", clean(frame)))?;
        }
        self.causes.iter().try_for_each(|cause| {
            write!(f, "\n  caused by: task {} {}: ", clean(&cause.task), cause.kind.words())?;
            write!(f, "{}", clean(&cause.message))
        })
    }
}

impl std::error::Error for TaskError {}

/// A guest's text as it can be shown, line by line: those after the first are never taken for the host's own.
fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(clean)
}

/// At most `max` bytes of `text`, cut at a character. The rest of a long text is given back to the allocator.
pub fn shorten(mut text: String, max: usize) -> String {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max.saturating_sub('…'.len_utf8())));
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_chain_is_cut_and_keeps_the_nearest_causes_and_the_first() {
        let mut error = TaskError::new(ErrorKind::TaskFailed, "root");
        for step in 0..100 {
            let next = TaskError::new(ErrorKind::DependencyFailed, format!("step {step}"));
            error = next.caused_by(&error);
        }
        assert_eq!(error.causes.len(), CAUSES_MAX);
        assert_eq!(error.causes[0].message, "step 98");
        assert_eq!(error.causes[CAUSES_MAX - 2].message, "step 84");
        assert_eq!(error.causes[CAUSES_MAX - 1].message, "root");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let error = TaskError::new(ErrorKind::TaskFailed, "ä".repeat(ERROR_TEXT_MAX));
        assert!(error.message.len() <= ERROR_TEXT_MAX && error.message.ends_with('…'));
    }

    #[test]
    fn an_error_survives_storage() {
        let mut error = TaskError::of_limit(ErrorKind::OutOfFuel, "fuel", 10, 11)
            .caused_by(&TaskError::new(ErrorKind::TaskFailed, "x"));
        error.panic = Some("boom".to_owned());
        let text = serde_json::to_string(&error).unwrap();
        assert_eq!(serde_json::from_str::<TaskError>(&text).unwrap(), error);
        assert!(format!("{error:#}").contains("boom"));
    }
}
