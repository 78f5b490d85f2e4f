//! The host as this crate sees it: the imported interfaces of a component, or the test's own on every other target.

#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::rustyray::core::{actors, bytes, calls, logging, objects, streams, tasks, types};

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::sim::{actors, bytes, calls, logging, now, objects, streams, tasks, types};

/// The guest's clock.
#[cfg(target_family = "wasm")]
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}

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
