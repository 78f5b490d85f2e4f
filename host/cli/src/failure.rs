//! Why a command failed: what to say, what to do next, and how to exit.

use rustyray_host::{LogLine, ModuleError, TaskError};

use super::console::Console;
use super::exit::Exit;
use super::json_outcome::{ErrorLine, JsonOutcome};

/// The end of a command that failed.
#[derive(Debug)]
pub struct Failure {
    /// How to exit.
    pub exit: Exit,
    /// What happened; nothing where it has been said.
    text: Option<String>,
    /// What to do next.
    hint: Option<String>,
    /// The error of the task that failed, for scripts.
    task: Option<Box<TaskError>>,
}

impl Failure {
    /// What happened.
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Failure { exit, text: Some(text.into()), hint: None, task: None }
    }

    /// The command line is wrong.
    pub fn usage(text: impl Into<String>) -> Self {
        Failure::new(Exit::Usage, text)
    }

    /// The host cannot start or go on.
    pub fn host(text: impl Into<String>) -> Self {
        Failure::new(Exit::Host, text)
    }

    /// An end of which everything has been said.
    pub fn silent(exit: Exit) -> Self {
        Failure { exit, text: None, hint: None, task: None }
    }

    /// The same with what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with a line of detail.
    pub fn detail(mut self, line: &str) -> Self {
        if let Some(text) = &mut self.text {
            text.push_str("\n  ");
            text.push_str(line);
        }
        self
    }

    /// A file that is no module.
    pub fn of_module(path: &std::path::Path, error: &ModuleError) -> Self {
        let exit = match error {
            ModuleError::HostShutDown => Exit::Host,
            ModuleError::NoRoom { full, .. } => Exit::of(full.kind),
            _ => Exit::NoModule,
        };
        let failure = Failure::new(exit, format!("cannot load '{}': {error}", path.display()));
        match error {
            ModuleError::NoRoom { .. } => failure.hint("raise it with --object-store"),
            ModuleError::CodeTooLarge(_) => failure.hint("raise it with --code-memory"),
            ModuleError::CompilerLimit(_) => failure.hint(
                "`rustyray-host compile` takes --compile-memory and --compile-time, and what it has compiled is found again",
            ),
            _ => failure,
        }
    }

    /// A task that has no value, and what to do about it. What it wrote to standard error has been shown already, so it is not repeated.
    pub fn of_task(error: &TaskError, hint: Option<String>) -> Self {
        let mut shown = error.clone();
        shown.panic = None;
        let (text, task) = (Some(format!("{shown:#}")), Some(Box::new(error.clone())));
        Failure { exit: Exit::of(error.kind), text, hint, task }
    }

    /// The same for a script. What has been said in words already has no text.
    pub fn ending(&self) -> JsonOutcome<'_> {
        let Failure { exit, text, hint, task } = self;
        let error = ErrorLine { text: text.as_deref(), hint: hint.as_deref(), task: task.as_deref() };
        JsonOutcome { exit: exit.code(), error: Some(error), refused: Vec::new(), counts: None }
    }

    /// Tells the user.
    pub fn report(&self, console: &Console) {
        if console.is_json() {
            return if self.text.is_some() {
                self.ending().write(console)
            };
        }
        let colour = console.colour();
        if let Some(text) = &self.text {
            console.line(&format!("{} {}", colour.red("error:"), clean(text)));
        }
        if let Some(hint) = &self.hint {
            console.line(&format!("{} {}", colour.bold("hint:"), clean(hint)));
        }
    }
}

/// A text of many lines, made safe: parts of it come from guests.
fn clean(text: &str) -> String {
    text.lines().map(LogLine::clean).collect::<Vec<_>>().join("\n")
}
