//! Errors in the form in which the host's own come.

use crate::bindings::rustyray::core::types::{ErrorKind, TaskError};

/// One that arose on this side of the boundary: no task is known of it.
pub(crate) fn local_error(kind: ErrorKind, message: String) -> TaskError {
    TaskError {
        kind,
        message,
        task: String::new(),
        task_id: 0,
        attempt: 0,
        module: String::new(),
        function: String::new(),
        panic: None,
        backtrace: Vec::new(),
        limit: None,
        causes: Vec::new(),
    }
}
