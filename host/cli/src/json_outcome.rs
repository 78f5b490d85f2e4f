//! How a command ended, as the line of JSON that `--json` writes last to standard error.

use rustyray_host::{Stats, TaskError};
use serde::Serialize;

use super::console::Console;
use super::escape::escaped;

/// The line.
#[derive(Serialize)]
pub struct JsonOutcome<'a> {
    /// The process's exit code.
    pub exit: u8,
    /// What went wrong; null if nothing did.
    pub error: Option<ErrorLine<'a>>,
    /// Capabilities that guests asked for and were refused.
    pub refused: Vec<String>,
    /// Tasks and calls, where any could run.
    #[serde(flatten)]
    pub counts: Option<Counts>,
}

/// What went wrong.
#[derive(Serialize)]
pub struct ErrorLine<'a> {
    /// In words.
    pub text: Option<&'a str>,
    /// What to do.
    pub hint: Option<&'a str>,
    /// The task's error, if it was one.
    pub task: Option<&'a TaskError>,
}

/// How many tasks and calls ended how.
#[derive(Serialize)]
pub struct Counts {
    succeeded: u64,
    failed: u64,
    cancelled: u64,
    from_journal: u64,
}

impl Counts {
    /// Those of a host.
    pub fn of(stats: &Stats) -> Self {
        let Stats { succeeded, failed, cancelled, from_journal, .. } = *stats;
        Counts { succeeded, failed, cancelled, from_journal }
    }
}

impl JsonOutcome<'_> {
    /// Writes it.
    pub fn write(&self, console: &Console) {
        // Numbers, texts and lists always serialise.
        if let Ok(line) = serde_json::to_string(self) {
            console.line(&escaped(&line));
        }
    }
}
