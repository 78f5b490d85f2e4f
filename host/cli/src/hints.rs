//! What to do about the error of a task.

use rustyray_host::{ErrorKind, TaskError};

use super::host_args::HostArgs;
use super::refusals;

/// What to do about an error of this kind.
pub fn of(error: &TaskError, args: &HostArgs) -> Option<String> {
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
        "fuel" | "checkpoint-fuel" => ("--fuel", limits.fuel),
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
