//! The host as this crate sees it: the imported interfaces, or a stand-in for unit tests, which run natively.

#[cfg(not(test))]
pub(crate) use crate::bindings::rustyray::core::{actors, bytes, logging, objects, streams, tasks, types};

#[cfg(test)]
pub(crate) use crate::mock::{actors, bytes, logging, objects, streams, tasks, types};

pub(crate) use crate::bindings::exports::rustyray::core::guest;

use types::{ErrorKind, TaskError};

/// An error that arose on this side of the boundary, in the form in which the host's own come.
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
