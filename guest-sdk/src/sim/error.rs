//! Errors as a host words them.

use crate::bindings::rustyray::core::types::{ErrorCause, ErrorKind, TaskError};
use crate::sim::exports::Failure;
use crate::task_error::local_error;

/// Bytes of an error's message, as on a host: each task of a chain that fails says what the one before it said.
const ERROR_TEXT_MAX: usize = 4096;

pub(crate) fn new(kind: ErrorKind, mut message: String) -> TaskError {
    message.truncate(message.floor_char_boundary(ERROR_TEXT_MAX));
    local_error(kind, message)
}

/// Links in the chain of causes, as on a host.
const CAUSES_MAX: usize = 16;

/// The error that a function returned, or an argument that did not decode.
pub(crate) fn of_failure(failure: Failure) -> TaskError {
    let Failure { message, cause, invalid_argument } = failure;
    let kind = if invalid_argument { ErrorKind::InvalidArgument } else { ErrorKind::TaskFailed };
    let error = new(kind, message);
    match cause {
        Some(cause) => caused_by(error, &cause),
        None => error,
    }
}

/// The same with `cause` and what caused that.
pub(crate) fn caused_by(mut error: TaskError, cause: &TaskError) -> TaskError {
    let link = ErrorCause { kind: cause.kind, task: cause.task.clone(), message: cause.message.clone() };
    let mut causes: Vec<_> = std::iter::once(link).chain(cause.causes.iter().cloned()).collect();
    if causes.len() > CAUSES_MAX {
        causes.swap_remove(CAUSES_MAX - 1);
        causes.truncate(CAUSES_MAX);
    }
    error.causes = causes;
    error
}

/// However long the chain of tasks is whose arguments failed, each tells once why the first one's did.
pub(crate) fn dependency_failed(cause: &TaskError) -> TaskError {
    const TEXT: &str = "an argument could not be had";
    let goes_on = cause.kind == ErrorKind::DependencyFailed;
    let message = if goes_on { cause.message.clone() } else { format!("{TEXT}: {}", cause.message) };
    let mut error = caused_by(new(ErrorKind::DependencyFailed, message), cause);
    if goes_on {
        error.causes.iter_mut().take(1).for_each(|cause| TEXT.clone_into(&mut cause.message));
    }
    error
}

/// The error of a wait that nothing can end.
pub(crate) fn in_vain(text: String) -> TaskError {
    new(ErrorKind::Deadlock, text)
}
