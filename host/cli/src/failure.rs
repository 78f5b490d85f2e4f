//! Why a command failed: what to say, what to do next, and how to exit.

use rustyray_host::{ErrorKind, LogLine, ModuleError, TaskError};

use super::json_outcome::{ErrorLine, JsonOutcome};

use super::console::Console;
use super::exit::Exit;
use super::host_args::HostArgs;
use super::refusals;

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

    /// A task that has no value. What it wrote to standard error has been shown already, so it is not repeated.
    pub fn of_task(error: &TaskError, args: &HostArgs) -> Self {
        let mut shown = error.clone();
        shown.panic = None;
        let (text, task) = (Some(format!("{shown:#}")), Some(Box::new(error.clone())));
        Failure { exit: Exit::of(error.kind), text, hint: hint(error, args), task }
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

/// What to do about an error of this kind.
fn hint(error: &TaskError, args: &HostArgs) -> Option<String> {
    use ErrorKind::*;
    let fixed = |text: &str| Some(text.to_owned());
    match error.kind {
        // Of a clock that stands still.
        OutOfFuel | TaskTimedOut if denied(error).is_some() => granting(error),
        OutOfFuel | OutOfMemory | TaskTimedOut | LimitExceeded => limit_hint(error, args),
        ObjectStoreFull => {
            fixed("raise it with --object-store, let it write to disk with --spill DIR, or drop references")
        }
        OutOfDisk => fixed("raise the limit with --spill-limit, make room on the disk, or drop references"),
        InstancesExhausted => fixed("raise them with --instances, or nest tasks less deeply"),
        QueueFull => fixed("await some results before more tasks are submitted"),
        PendingCallsLimitExceeded => {
            fixed("await some calls before more are made, or raise the actor's max_pending_calls")
        }
        TaskUnschedulable => match &error.limit {
            Some(_) => fixed("let it use less with --memory, or give all of them more with --host-memory"),
            None => fixed("give the host more with --cpus N or --resource NAME=N"),
        },
        CapabilityDenied => granting(error),
        _ => None,
    }
}

/// The flag that grants what was not granted.
fn granting(error: &TaskError) -> Option<String> {
    denied(error).and_then(refusals::flag).map(|flag| format!("grant it with {flag}"))
}

/// The capability that was not granted, where it is one.
fn denied(error: &TaskError) -> Option<&str> {
    Some(error.message.split_once("' is not granted")?.0.rsplit_once('\'')?.1)
}

/// Where the limit can be raised: on the command line, if it comes from there, else in the program.
fn limit_hint(error: &TaskError, args: &HostArgs) -> Option<String> {
    let limit = error.limit.as_ref()?;
    let limits = args.default_limits();
    let budget = |flag| Some(format!("raise it with --budget-{flag}"));
    match limit.name.as_str() {
        "budget-fuel" => return budget("fuel"),
        "budget-memory-bytes" => return budget("memory"),
        "budget-time-ns" => return budget("time"),
        "budget-tasks" => return budget("tasks"),
        _ => {}
    }
    let (flag, given) = match limit.name.as_str() {
        "fuel" => ("--fuel", limits.fuel),
        "memory-bytes" => ("--memory", Some(limits.memory_bytes)),
        "timeout-ns" => ("--timeout", limits.timeout.map(|time| time.as_nanos() as u64)),
        "output-bytes" => ("--output", Some(limits.output_bytes)),
        _ => return None,
    };
    Some(if given == Some(limit.limit) {
        format!("raise it with {flag}")
    } else {
        "the program sets this limit: raise it in the task's declaration, or in the options of the call".to_owned()
    })
}
