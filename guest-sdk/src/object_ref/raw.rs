//! A reference without its type.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::host::types::{ObjectRef, Payload, TaskError};
use crate::host::{nanoseconds, objects};

/// A reference without its type.
#[derive(Clone, Debug)]
pub(crate) enum RawRef {
    Object(Arc<ObjectRef>),
    /// It never reached the host: whoever awaits it gets this error.
    Failed(Arc<TaskError>),
}

impl RawRef {
    pub(crate) fn new(object: ObjectRef) -> Self {
        Self::Object(Arc::new(object))
    }

    /// Is there a value, or an error?
    pub(super) fn is_there(&self) -> bool {
        match self {
            Self::Object(object) => objects::wait(&[object], 1, Some(0)).is_ok_and(|there| !there.is_empty()),
            Self::Failed(_) => true,
        }
    }

    /// Blocks the guest until the value is there.
    pub(super) fn payload(&self, timeout: Option<Duration>) -> Result<Payload> {
        match self {
            Self::Object(object) => objects::get(object, timeout.map(nanoseconds)).map_err(Error::from_host),
            Self::Failed(error) => Err(Error::from_host(TaskError::clone(error))),
        }
    }
}
