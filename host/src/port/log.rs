//! What guests print and log.

use std::fmt;
use std::sync::Arc;

use crate::types::ids::TaskId;
use crate::types::text;

/// Where a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSource {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The log, at this level.
    Log(LogLevel),
}

/// The weight of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// For whoever looks for a fault.
    Debug,
    /// Worth knowing.
    Info,
    /// Odd, and survived.
    Warn,
    /// A failure.
    Error,
}

/// A line that a guest wrote.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// The task that wrote it.
    pub task_id: TaskId,
    /// Its name.
    pub task: Arc<str>,
    /// Where it wrote it.
    pub source: LogSource,
    /// The module path of a log line; empty for output.
    pub target: String,
    /// The text, without the line's end; at most [`LOG_LINE_MAX`](crate::limits::LOG_LINE_MAX) bytes, control
    /// characters escaped, so that a guest can't forge lines or drive a terminal.
    pub text: String,
}

impl LogLine {
    /// Makes a guest's text safe to show in one line.
    pub fn clean(text: &str) -> String {
        text::clean(text)
    }
}

/// Where a host sends what its guests print and log.
pub type LogSink = Arc<dyn Fn(&LogLine) + Send + Sync>;

/// Who is told of output that is about to go straight to the process's own streams.
pub type OutputWatch = Arc<dyn Fn(LogSource, &[u8]) + Send + Sync>;

/// The default: events of the `tracing` crate, with the task's name and number.
pub fn to_tracing(line: &LogLine) {
    let (task, id, text) = (&*line.task, line.task_id.0, line.text.as_str());
    match line.source {
        LogSource::Stdout | LogSource::Log(LogLevel::Info) => {
            tracing::info!(target: "rustyray::guest", task, id, "{text}")
        }
        LogSource::Stderr | LogSource::Log(LogLevel::Warn) => {
            tracing::warn!(target: "rustyray::guest", task, id, "{text}")
        }
        LogSource::Log(LogLevel::Error) => tracing::error!(target: "rustyray::guest", task, id, "{text}"),
        LogSource::Log(LogLevel::Debug) => tracing::debug!(target: "rustyray::guest", task, id, "{text}"),
        LogSource::Log(LogLevel::Trace) => tracing::trace!(target: "rustyray::guest", task, id, "{text}"),
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            LogSource::Log(level) => write!(f, "({} #{}) {level:?} {}", self.task, self.task_id, self.text),
            _ => write!(f, "({} #{}) {}", self.task, self.task_id, self.text),
        }
    }
}
