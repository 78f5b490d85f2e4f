//! How the command line ends: one table, for the code and for `--help`.

use rustyray_host::ErrorKind;

/// An end that is not the guest's own, by its exit code. A guest that exits with one of these codes by itself can't be told apart by the
/// code alone: standard error says so, as it says what ended it otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// A called task returned an error, or one of the rarer things of which a program is told.
    TaskFailed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There is nothing to run.
    NoModule = 120,
    /// A panic or another trap.
    Crashed = 121,
    /// Fuel, output, tables, handles, the object store, queues, slots.
    Limit = 122,
    /// Memory.
    OutOfMemory = 123,
    /// A deadline; the code of `timeout(1)`.
    TimedOut = 124,
    /// The host.
    Host = 125,
    /// A capability.
    Denied = 126,
    /// 128 and the signal's number, as shells say it.
    HungUp = 129,
    /// The same.
    Interrupted = 130,
    /// The same.
    PipeClosed = 141,
    /// The same.
    Terminated = 143,
}

const TABLE: &[(Exit, &str)] = &[
    (Exit::TaskFailed, "call: the task returned an error (a program's own code is passed on by run)"),
    (Exit::Usage, "the command line is wrong: flags, the task's name, its arguments"),
    (Exit::NoModule, "the file is missing, or is no component that can run here"),
    (Exit::Crashed, "the guest crashed: a panic, an abort, a stack overflow, another trap"),
    (Exit::Limit, "it ran out of fuel, or met another limit"),
    (Exit::OutOfMemory, "it asked for more memory than it may have"),
    (Exit::TimedOut, "it was not done in time"),
    (Exit::Host, "the host could not start or go on: a folder, the receipts, the machine"),
    (Exit::Denied, "it needs a capability that was not granted"),
    (Exit::HungUp, "SIGHUP (its terminal is gone)"),
    (Exit::Interrupted, "SIGINT (Ctrl-C)"),
    (Exit::PipeClosed, "whoever read standard output has closed it (SIGPIPE)"),
    (Exit::Terminated, "SIGTERM"),
];

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Does this code say something of the host, unless standard error says that it is the program's?
    pub fn is_ours(code: u8) -> bool {
        // `run` never ends with 1 by itself, and a program whose output nobody reads is ended with the other.
        let both_say = |exit: &Exit| matches!(exit, Exit::TaskFailed | Exit::PipeClosed);
        TABLE.iter().any(|(exit, _)| exit.code() == code && !both_say(exit))
    }

    /// Did the user say so, by a signal?
    pub fn is_signal(self) -> bool {
        matches!(self, Exit::HungUp | Exit::Interrupted | Exit::Terminated)
    }

    /// The end that an error of this kind is.
    pub fn of(kind: ErrorKind) -> Self {
        use ErrorKind::*;
        match kind {
            WorkerCrashed => Exit::Crashed,
            OutOfFuel
            | LimitExceeded
            | ObjectStoreFull
            | OutOfDisk
            | QueueFull
            | PendingCallsLimitExceeded
            | TaskUnschedulable
            | InstancesExhausted => Exit::Limit,
            OutOfMemory => Exit::OutOfMemory,
            TaskTimedOut => Exit::TimedOut,
            CapabilityDenied => Exit::Denied,
            InvalidArgument | TaskNotFound => Exit::Usage,
            HostShutDown | Internal => Exit::Host,
            _ => Exit::TaskFailed,
        }
    }
}

/// The table, for `--help`.
pub fn help() -> String {
    let rows = TABLE.iter().map(|(exit, words)| format!("  {:>3}  {words}\n", exit.code()));
    format!(
        "Exit codes:\n    0  success\n{}\nEnvironment: RUST_LOG filters the host's own messages (default: warn), NO_COLOR turns \
         colours off,\nCLICOLOR_FORCE=1 on, XDG_CACHE_HOME says where compiled modules are kept.",
        rows.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_each_code_is_there_once() {
        assert!(TABLE.is_sorted_by(|(a, _), (b, _)| a.code() < b.code()));
    }

    #[test]
    fn what_ends_a_guest_differs() {
        use ErrorKind::*;
        let kinds = [TaskFailed, WorkerCrashed, OutOfFuel, OutOfMemory, TaskTimedOut, CapabilityDenied, Internal];
        let codes: Vec<u8> = kinds.iter().map(|kind| Exit::of(*kind).code()).collect();
        assert_eq!(codes, [1, 121, 122, 123, 124, 126, 125]);
    }
}
