//! What can go wrong, in the one form in which it travels.

mod bail;
mod report;

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;

use crate::error_kind::ErrorKind;
use crate::host::guest::Failure;
use crate::host::types::TaskError;

/// The result of everything in this crate. [`Error`] where nothing else is said.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a task, a call or a reference has no value: the host's report of another task, or the program's own error.
///
/// Any `std::error::Error` becomes one through `?`. `{}` prints a line, `{:#}` and `{:?}` everything that is known: the
/// chain of causes, the panic's text, the limit, the wasm backtrace.
///
/// ```
/// use rustyray::{Error, ErrorKind, Result};
///
/// fn parse(text: &str) -> Result<u32> {
///     Ok(text.parse::<u32>()?)
/// }
///
/// let error = parse("x").unwrap_err().context("the first column");
/// assert_eq!(error.to_string(), "the first column");
/// assert_eq!(error.kind(), ErrorKind::TaskFailed);
/// ```
pub struct Error(Box<Repr>);

enum Repr {
    /// From the host, or made here in its likeness.
    Task(TaskError),
    Message(String),
    Foreign(Box<dyn StdError + 'static>),
    Context {
        message: String,
        cause: Error,
    },
}

/// The limit that ended a task.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # fn example(error: Error) {
/// if let Some(limit) = error.limit() {
///     println!("{} of {}: used {}", limit.name, limit.limit, limit.used);
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit {
    /// `timeout-ns`, `fuel`, `memory-bytes`, `table-elements`, `output-bytes` or `handles`.
    pub name: String,
    /// What was allowed.
    pub limit: u64,
    /// What had been used, or would have been with the request that was refused.
    pub used: u64,
}

/// A link in the chain of what caused an error.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # fn example(error: Error) {
/// for cause in error.causes() {
///     println!("{} ({}): {}", cause.task, cause.kind, cause.message);
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cause {
    /// What kind of failure it was.
    pub kind: ErrorKind,
    /// The task that failed.
    pub task: String,
    /// One line.
    pub message: String,
}

impl Error {
    /// An error of the program's own.
    ///
    /// ```
    /// let error = rustyray::Error::msg("no such column");
    /// assert_eq!(error.to_string(), "no such column");
    /// ```
    pub fn msg(message: impl fmt::Display) -> Self {
        Self::of(Repr::Message(message.to_string()))
    }

    /// The same error with a line before it that says what was being done.
    ///
    /// ```
    /// # use rustyray::Error;
    /// let error = Error::msg("not a number").context("reading line 3");
    /// assert_eq!(error.to_string(), "reading line 3");
    /// assert!(format!("{error:#}").contains("not a number"));
    /// ```
    #[must_use]
    pub fn context(self, message: impl fmt::Display) -> Self {
        Self::of(Repr::Context { message: message.to_string(), cause: self })
    }

    pub(crate) fn from_host(error: TaskError) -> Self {
        Self::of(Repr::Task(error))
    }

    fn of(repr: Repr) -> Self {
        Self(Box::new(repr))
    }

    /// What kind of failure it is; [`ErrorKind::TaskFailed`] for the program's own.
    ///
    /// ```
    /// # use rustyray::{Error, ErrorKind};
    /// assert_eq!(Error::msg("mine").kind(), ErrorKind::TaskFailed);
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.report().map_or(ErrorKind::TaskFailed, |report| ErrorKind::from_host(report.kind))
    }

    /// The name of the task, or of the actor and method, that failed. `None` for an error of the program's own.
    #[must_use]
    pub fn task(&self) -> Option<&str> {
        self.named(|report| &report.task)
    }

    /// The host's number of the task that failed.
    #[must_use]
    pub fn task_id(&self) -> Option<u64> {
        self.report().map(|report| report.task_id).filter(|id| *id != 0)
    }

    /// Which attempt failed: 1 is the first.
    #[must_use]
    pub fn attempt(&self) -> Option<u32> {
        self.report().map(|report| report.attempt).filter(|attempt| *attempt != 0)
    }

    /// The module that the task is from.
    #[must_use]
    pub fn module(&self) -> Option<&str> {
        self.named(|report| &report.module)
    }

    /// The function that the task ran.
    #[must_use]
    pub fn function(&self) -> Option<&str> {
        self.named(|report| &report.function)
    }

    /// The last lines that the task wrote on its standard error, where a panic leaves its message.
    #[must_use]
    pub fn panic(&self) -> Option<&str> {
        self.report()?.panic.as_deref()
    }

    /// The wasm frames of a task that trapped, innermost first.
    #[must_use]
    pub fn backtrace(&self) -> &[String] {
        self.report().map_or(&[], |report| &report.backtrace)
    }

    /// The limit that ended the task.
    #[must_use]
    pub fn limit(&self) -> Option<Limit> {
        let report = self.report()?.limit.as_ref()?;
        Some(Limit { name: report.name.clone(), limit: report.limit, used: report.used })
    }

    /// What caused it, nearest first.
    #[must_use]
    pub fn causes(&self) -> Vec<Cause> {
        let causes = self.report().map_or(&[][..], |report| &report.causes);
        let cause = |cause: &crate::host::types::ErrorCause| Cause {
            kind: ErrorKind::from_host(cause.kind),
            task: cause.task.clone(),
            message: cause.message.clone(),
        };
        causes.iter().map(cause).collect()
    }

    /// The program's own error, where it is an `E`.
    ///
    /// ```
    /// # use rustyray::Error;
    /// let error = Error::from("x".parse::<u8>().unwrap_err());
    /// assert!(error.downcast_ref::<std::num::ParseIntError>().is_some());
    /// ```
    #[must_use]
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        match &*self.0 {
            Repr::Foreign(error) => error.downcast_ref(),
            Repr::Context { cause, .. } => cause.downcast_ref(),
            Repr::Task(_) | Repr::Message(_) => None,
        }
    }

    /// The host's report, however many contexts were put around it.
    fn report(&self) -> Option<&TaskError> {
        match &*self.0 {
            Repr::Task(report) => Some(report),
            Repr::Context { cause, .. } => cause.report(),
            Repr::Message(_) | Repr::Foreign(_) => None,
        }
    }

    fn named(&self, field: impl Fn(&TaskError) -> &String) -> Option<&str> {
        self.report().map(field).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// As a function's failure: a line, and the report of the task that it stems from.
    fn into_failure(self) -> Failure {
        let message = self.chain().join(": ");
        Failure { message, cause: self.into_report(), invalid_argument: false }
    }

    fn into_report(self) -> Option<TaskError> {
        match *self.0 {
            Repr::Task(report) => Some(report),
            Repr::Context { cause, .. } => cause.into_report(),
            Repr::Message(_) | Repr::Foreign(_) => None,
        }
    }
}

/// The failure that a function's error becomes. An [`Error`] keeps its chain; of any other there is only the text.
pub(crate) fn failure<E: fmt::Display + 'static>(error: E) -> Failure {
    let mut slot = Some(error);
    if let Some(own) = (&mut slot as &mut dyn Any).downcast_mut::<Option<Error>>().and_then(Option::take) {
        return own.into_failure();
    }
    // `{:#}` because that is where anyhow and its like print the causes.
    let message = slot.map_or_else(String::new, |error| format!("{error:#}"));
    Failure { message, cause: None, invalid_argument: false }
}

impl<E: StdError + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self::of(Repr::Foreign(Box::new(error)))
    }
}

#[cfg(test)]
mod tests;
