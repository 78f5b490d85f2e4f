//! How an error is printed.

use std::fmt;

use super::{Error, Repr};
use crate::error_kind::ErrorKind;
use crate::host::types::TaskError;

impl Error {
    /// The error and what it stems from, a line each, outermost first.
    pub(super) fn chain(&self) -> Vec<String> {
        match &*self.0 {
            Repr::Task(_) | Repr::Message(_) => vec![self.line()],
            Repr::Foreign(error) => {
                let sources = std::iter::successors(error.source(), |error| error.source());
                std::iter::once(error.to_string()).chain(sources.map(ToString::to_string)).collect()
            }
            Repr::Context { message, cause } => {
                let mut chain = vec![message.clone()];
                chain.extend(cause.chain());
                chain
            }
        }
    }

    fn line(&self) -> String {
        match &*self.0 {
            Repr::Task(report) => headline(report),
            Repr::Message(message) | Repr::Context { message, .. } => message.clone(),
            Repr::Foreign(error) => error.to_string(),
        }
    }

    fn long(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())?;
        let mut causes: Vec<String> = self.chain().split_off(1);
        if let Some(report) = self.report() {
            causes.extend(report.causes.iter().map(|cause| named(&cause.task, &cause.message)));
        }
        section(f, "caused by", causes.iter().map(String::as_str))?;
        self.report().map_or(Ok(()), |report| details(report, f))
    }
}

/// `parse: invalid digit`: whoever awaits many tasks wants to know which.
fn headline(report: &TaskError) -> String {
    named(&report.task, &report.message)
}

fn named(task: &str, message: &str) -> String {
    if task.is_empty() { message.to_owned() } else { format!("{task}: {message}") }
}

fn details(report: &TaskError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "\n\nkind: {}", ErrorKind::from_host(report.kind))?;
    if report.task_id != 0 {
        write!(
            f,
            "\ntask: {} (number {}, attempt {}, function {} of {})",
            report.task, report.task_id, report.attempt, report.function, report.module
        )?;
    } else if report.attempt != 0 {
        write!(f, "\ntask: {} (attempt {})", report.task, report.attempt)?;
    }
    if let Some(limit) = &report.limit {
        write!(f, "\nlimit: {} {}, used {}", limit.name, limit.limit, limit.used)?;
    }
    section(f, "standard error", report.panic.iter().flat_map(|text| text.lines()))?;
    section(f, "backtrace", report.backtrace.iter().map(String::as_str))
}

fn section<'a>(f: &mut fmt::Formatter<'_>, title: &str, lines: impl Iterator<Item = &'a str>) -> fmt::Result {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        write!(f, "\n\n{title}:")?;
    }
    lines.try_for_each(|line| write!(f, "\n    {line}"))
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() { self.long(f) } else { f.write_str(&self.line()) }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.long(f)
    }
}
