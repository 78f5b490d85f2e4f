//! What ended a guest, in the host's words.

use std::fmt;

use wasmtime::component::ResourceTableError;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::types::error::{ErrorKind, TaskError, shorten};
use crate::types::limits::{
    BACKTRACE_FRAMES_MAX, HANDLE_BYTES, HANDLES_FEW, HANDLES_MAX, NAME_BYTES_MAX, TaskLimits, WASI_HANDLES_MAX,
};

/// A limit that was exceeded or a rule that was broken: the guest traps with it.
#[derive(Debug)]
pub struct Violation(pub TaskError);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Violation {}

/// A trap because a guest broke the contract of a host call.
pub fn broken_contract(text: impl Into<String>) -> wasmtime::Error {
    Violation(TaskError::new(ErrorKind::WorkerCrashed, text)).into()
}

/// The code with which a guest left through `exit`.
pub fn exit_code(error: &wasmtime::Error) -> Option<i32> {
    error.downcast_ref::<I32Exit>().map(|exit| exit.0)
}

/// Did the engine stop because it took too much out of the guest? It has no other word for that than its text.
pub fn is_too_much_taken(error: &wasmtime::Error) -> bool {
    error.root_cause().to_string().contains("fuel allocated for hostcalls has been exhausted")
}

/// Why the guest ended. `stderr` is the end of what it wrote there.
pub fn explain(error: &wasmtime::Error, limits: &TaskLimits, stderr: Option<&str>) -> TaskError {
    let mut explained = match (error.downcast_ref::<Violation>(), error.downcast_ref::<Trap>()) {
        (Some(violation), _) => violation.0.clone(),
        _ if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) => {
            // The table of objects and actors says so in our words.
            let max = WASI_HANDLES_MAX as u64;
            TaskError::of_limit(ErrorKind::LimitExceeded, "handles", max, max + 1)
        }
        (None, None) if has_too_many_handles(error) => {
            let max = component_handles(limits.memory_bytes) as u64;
            TaskError::of_limit(ErrorKind::LimitExceeded, "handles", max, max + 1)
        }
        (None, Some(Trap::OutOfFuel)) => {
            let fuel = limits.fuel.unwrap_or(u64::MAX);
            TaskError::of_limit(ErrorKind::OutOfFuel, "fuel", fuel, fuel)
        }
        (None, Some(trap)) => TaskError::new(ErrorKind::WorkerCrashed, crash_message(trap, stderr)),
        (None, None) => TaskError::new(ErrorKind::WorkerCrashed, format!("{:#}", Flat(error))),
    };
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        explained.backtrace = frames(backtrace);
    }
    explained
}

/// How many handles an instance may hold in the tables that wasmtime has for it, those of resources that are its component's own
/// included, of which the host hears nothing: as many as there would be room for in its memory, were they objects. A handle that is lent
/// for a call counts there once more.
pub fn component_handles(memory_bytes: u64) -> usize {
    let of_memory = usize::try_from(memory_bytes / HANDLE_BYTES).unwrap_or(HANDLES_MAX);
    HANDLES_FEW + 2 * of_memory.min(HANDLES_MAX)
}

/// Did a guest have more than [so many](component_handles)? wasmtime has no type for that error.
fn has_too_many_handles(error: &wasmtime::Error) -> bool {
    error.root_cause().to_string().contains("store handle limit exceeded")
}

/// A panic's own words where there are any, else the trap's.
fn crash_message(trap: &Trap, stderr: Option<&str>) -> String {
    let panic = stderr.filter(|_| *trap == Trap::UnreachableCodeReached).and_then(panic_message);
    match trap {
        Trap::StackOverflow => "stack overflow: the call stack is exhausted".to_owned(),
        _ => panic.unwrap_or_else(|| trap.to_string()),
    }
}

/// `panicked at PLACE: TEXT` from what a Rust panic prints.
fn panic_message(stderr: &str) -> Option<String> {
    let at = stderr.rfind("panicked at ")?;
    let mut lines = stderr[at..].lines();
    let place = lines.next()?;
    let text = lines.next().unwrap_or_default();
    Some(format!("{place} {text}").trim().to_owned())
}

/// The frames by name, demangled; the module's name and offset where there is none.
fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let name = |frame: &wasmtime::FrameInfo| match frame.symbols().first().and_then(|symbol| symbol.name()) {
        Some(name) => name.to_owned(),
        None => match frame.func_name() {
            Some(name) => demangle(name),
            None => format!("<function {} at {:#x}>", frame.func_index(), frame.module_offset().unwrap_or_default()),
        },
    };
    let names = backtrace.frames().iter().take(BACKTRACE_FRAMES_MAX).map(|frame| shorten(name(frame), NAME_BYTES_MAX));
    without_panic_machinery(names.collect())
}

/// The frames from the one that panicked on. What the standard library does to end a panic says nothing of its cause.
fn without_panic_machinery(mut frames: Vec<String>) -> Vec<String> {
    let last = frames.iter().rposition(|frame| frame.starts_with("core::panicking::"));
    // A backtrace that ends within the machinery is kept: it is all that there is.
    match last.filter(|last| last + 1 < frames.len()) {
        Some(last) => frames.split_off(last + 1),
        None => frames,
    }
}

/// A Rust symbol as its author wrote it.
fn demangle(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// An error of wasmtime without the backtrace that it prints.
struct Flat<'a>(&'a wasmtime::Error);

impl fmt::Display for Flat<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut seen = 0;
        for cause in self.0.chain() {
            let text = cause.to_string();
            if !text.is_empty() && !text.starts_with("error while executing at wasm backtrace") {
                write!(f, "{}{text}", if seen == 0 { "" } else { ": " })?;
                seen += 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_speaks_for_itself() {
        let stderr =
            "noise\n\nthread 'main' (1) panicked at src/lib.rs:3:5:\nboom\nnote: run with `RUST_BACKTRACE=1`\n";
        let trap = wasmtime::Error::from(Trap::UnreachableCodeReached);
        let error = explain(&trap, &TaskLimits::default(), Some(stderr));
        assert_eq!(error.message, "panicked at src/lib.rs:3:5: boom");
        assert_eq!(error.kind, ErrorKind::WorkerCrashed);
    }

    #[test]
    fn a_trap_without_a_panic_keeps_its_own_words() {
        let trap = wasmtime::Error::from(Trap::IntegerDivisionByZero);
        let error = explain(&trap, &TaskLimits::default(), Some("panicked at elsewhere"));
        assert!(error.message.contains("divide by zero"), "{error}");
    }

    #[test]
    fn a_backtrace_begins_where_the_panic_did() {
        let frames = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let whole = frames(&["abort", "std::panicking::begin", "core::panicking::panic_fmt", "mine::f", "mine::main"]);
        assert_eq!(without_panic_machinery(whole), ["mine::f", "mine::main"]);
        let other = frames(&["mine::f", "mine::main"]);
        assert_eq!(without_panic_machinery(other.clone()), other);
        let cut = frames(&["abort", "core::panicking::panic_fmt"]);
        assert_eq!(without_panic_machinery(cut.clone()), cut);
    }

    #[test]
    fn burnt_fuel_names_its_limit() {
        let limits = TaskLimits { fuel: Some(7), ..TaskLimits::default() };
        let error = explain(&Trap::OutOfFuel.into(), &limits, None);
        assert_eq!((error.kind, error.limit.unwrap().limit), (ErrorKind::OutOfFuel, 7));
    }
}
