//! Between the words of the host and those of the boundary. What comes from a guest is checked here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::handles::{HandleTable, Handles};
use super::wire;
use crate::state::object::payload::{Argument, Encoding, Payload, Reference};
use crate::types::error::{ErrorCause, ErrorKind, LimitReport, TaskError, shorten};
use crate::types::ids::TaskId;
use crate::types::limits::{
    BACKTRACE_FRAMES_MAX, CAUSES_MAX, ERROR_TEXT_MAX, GRANTS_MAX, NAME_BYTES_MAX, RESOURCES_MAX, RETRIES_MAX,
};
use crate::types::options::{ActorOptions, TaskOptions};

/// A name from a guest: not too long, and fit to be shown.
pub fn checked_name(name: String) -> Result<Arc<str>, String> {
    let plain = |c: char| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(format!("a name of {} bytes: names have 1 to {NAME_BYTES_MAX}", name.len()));
    }
    if !name.chars().all(plain) {
        return Err(format!("the name {name:?} holds control characters"));
    }
    Ok(name.into())
}

impl From<wire::Encoding> for Encoding {
    fn from(encoding: wire::Encoding) -> Self {
        match encoding {
            wire::Encoding::Bincode => Encoding::Bincode,
            wire::Encoding::Json => Encoding::Json,
            wire::Encoding::Raw => Encoding::Raw,
        }
    }
}

impl From<Encoding> for wire::Encoding {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Bincode => wire::Encoding::Bincode,
            Encoding::Json => wire::Encoding::Json,
            Encoding::Raw => wire::Encoding::Raw,
        }
    }
}

/// A payload from a guest; its handles leave the guest's table.
pub fn take_payload(table: &mut HandleTable, payload: wire::Payload) -> wasmtime::Result<Payload> {
    let mut references = Vec::with_capacity(payload.references.len());
    for reference in payload.references {
        references.push(match reference {
            wire::Reference::Object(object) => Reference::Object(table.take(object)?),
            wire::Reference::Actor(actor) => Reference::Actor(table.take(actor)?),
        });
    }
    Ok(Payload { encoding: payload.encoding.into(), data: payload.data, references: references.into() })
}

/// A payload for a guest; its handles enter the guest's table.
pub fn give_payload(handles: &mut Handles<'_>, payload: &Payload) -> wasmtime::Result<wire::Payload> {
    let mut references = Vec::with_capacity(payload.references.len());
    for reference in &payload.references {
        references.push(match reference {
            Reference::Object(object) => wire::Reference::Object(handles.push(object.clone())?),
            Reference::Actor(actor) => wire::Reference::Actor(handles.push(actor.clone())?),
        });
    }
    Ok(wire::Payload { encoding: payload.encoding.into(), data: payload.data.clone(), references })
}

/// Arguments from a guest.
pub fn take_arguments(table: &mut HandleTable, arguments: Vec<wire::Argument>) -> wasmtime::Result<Vec<Argument>> {
    let take = |argument| match argument {
        wire::Argument::Object(object) => Ok(Argument::Object(table.get(&object)?.clone())),
        wire::Argument::Value(payload) => take_payload(table, payload).map(Argument::Value),
    };
    arguments.into_iter().map(take).collect()
}

macro_rules! same_kinds {
    ($($kind:ident)*) => {
        impl From<wire::ErrorKind> for ErrorKind {
            fn from(kind: wire::ErrorKind) -> Self {
                match kind { $(wire::ErrorKind::$kind => ErrorKind::$kind,)* }
            }
        }

        impl From<ErrorKind> for wire::ErrorKind {
            fn from(kind: ErrorKind) -> Self {
                match kind { $(ErrorKind::$kind => wire::ErrorKind::$kind,)* }
            }
        }
    };
}

same_kinds! {
    TaskFailed WorkerCrashed TaskCancelled TaskTimedOut OutOfFuel OutOfMemory LimitExceeded DependencyFailed GetTimeout
    ObjectStoreFull OutOfDisk ObjectLost StreamEnded ActorDied ActorUnavailable ActorNotFound ActorNameTaken TaskNotFound InvalidArgument
    QueueFull PendingCallsLimitExceeded TaskUnschedulable InstancesExhausted Deadlock CapabilityDenied HostShutDown Internal
}

impl From<&TaskError> for wire::TaskError {
    fn from(error: &TaskError) -> Self {
        wire::TaskError {
            kind: error.kind.into(),
            message: error.message.clone(),
            task: error.task.clone(),
            task_id: error.task_id.0,
            attempt: error.attempt,
            module: error.module.clone(),
            function: error.function.clone(),
            panic: error.panic.clone(),
            backtrace: error.backtrace.clone(),
            limit: error.limit.as_ref().map(|limit| wire::LimitReport {
                name: limit.name.clone(),
                limit: limit.limit,
                used: limit.used,
            }),
            causes: error
                .causes
                .iter()
                .map(|cause| wire::ErrorCause {
                    kind: cause.kind.into(),
                    task: cause.task.clone(),
                    message: cause.message.clone(),
                })
                .collect(),
        }
    }
}

/// An error that a guest passes on. It is the guest's word, so each part is cut to size.
impl From<wire::TaskError> for TaskError {
    fn from(error: wire::TaskError) -> Self {
        let name = |text| shorten(text, NAME_BYTES_MAX);
        let text = |text| shorten(text, ERROR_TEXT_MAX);
        TaskError {
            kind: error.kind.into(),
            message: text(error.message),
            task: name(error.task),
            task_id: TaskId(error.task_id),
            attempt: error.attempt,
            module: name(error.module),
            function: name(error.function),
            panic: error.panic.map(text),
            backtrace: error.backtrace.into_iter().take(BACKTRACE_FRAMES_MAX).map(name).collect(),
            limit: error.limit.map(|limit| LimitReport {
                name: name(limit.name),
                limit: limit.limit,
                used: limit.used,
            }),
            causes: error
                .causes
                .into_iter()
                .take(CAUSES_MAX)
                .map(|cause| ErrorCause {
                    kind: cause.kind.into(),
                    task: name(cause.task),
                    message: text(cause.message),
                })
                .collect(),
        }
    }
}

impl TryFrom<wire::TaskOptions> for TaskOptions {
    type Error = String;

    fn try_from(options: wire::TaskOptions) -> Result<Self, String> {
        if options.resources.len() > RESOURCES_MAX {
            return Err(format!("{} custom resources: at most {RESOURCES_MAX} are allowed", options.resources.len()));
        }
        let named = options.grants.as_ref().map_or(0, Vec::len);
        if named > GRANTS_MAX {
            return Err(format!("{named} capabilities: at most {GRANTS_MAX} can be named"));
        }
        let count = options.resources.len();
        let resources = options
            .resources
            .into_iter()
            .map(|(name, amount)| Ok((checked_name(name)?.to_string(), amount.into())))
            .collect::<Result<BTreeMap<_, _>, String>>()?;
        if resources.len() < count {
            return Err("a custom resource is named twice".to_owned());
        }
        let grants = options.grants.map(|grants| {
            grants.into_iter().map(|name| Ok(checked_name(name)?.to_string())).collect::<Result<_, String>>()
        });
        Ok(TaskOptions {
            name: options.name.map(checked_name).transpose()?,
            timeout: options.timeout_ns.map(Duration::from_nanos),
            fuel: options.fuel,
            fuel_share: options.fuel_share,
            memory_bytes: options.memory_bytes,
            table_elements: options.table_elements,
            output_bytes: options.output_bytes,
            max_retries: options.max_retries.map(|retries| retries.min(RETRIES_MAX)),
            retry_exceptions: options.retry_exceptions,
            retry_backoff: options.retry_backoff_ns.map(Duration::from_nanos),
            priority: options.priority,
            cpu_milli: options.cpu_milli.map(Into::into),
            resources,
            grants: grants.transpose()?,
            budget: None,
            fault: None,
        })
    }
}

/// The options of a call, which may say nothing.
pub fn call_options(options: Option<wire::TaskOptions>) -> Result<TaskOptions, String> {
    options.map_or_else(|| Ok(TaskOptions::default()), TaskOptions::try_from)
}

impl TryFrom<wire::ActorOptions> for ActorOptions {
    type Error = String;

    fn try_from(options: wire::ActorOptions) -> Result<Self, String> {
        Ok(ActorOptions {
            name: options.name.map(checked_name).transpose()?,
            namespace: options.namespace.map(checked_name).transpose()?,
            get_if_exists: options.get_if_exists,
            max_restarts: options.max_restarts,
            max_pending_calls: options.max_pending_calls,
            detached: options.detached,
            max_concurrency: options.max_concurrency,
            call: options.call.try_into()?,
        })
    }
}

/// The error that a function of a guest returned.
pub fn program_error(failure: wire::Failure) -> TaskError {
    let kind = if failure.invalid_argument { ErrorKind::InvalidArgument } else { ErrorKind::TaskFailed };
    let error = TaskError::new(kind, failure.message);
    match failure.cause {
        Some(cause) => error.caused_by(&TaskError::from(cause)),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_guests_are_checked() {
        assert!(checked_name("a::b ä".to_owned()).is_ok());
        for name in ["", "a\nb", "\u{1b}[31m", "\u{202e}x", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert!(checked_name(name.to_owned()).is_err(), "{name:?}");
        }
    }
}
