//! Arguments of jobs: kept, since a job may run again.

use std::sync::Arc;

use super::object::{Object, Stored};
use super::payload::{Argument, Payload};
use crate::bindings::rustyray::core::types::{ErrorKind, TaskError};

/// A value, or an object whose value it is to be.
#[derive(Clone)]
pub(super) enum Kept {
    Value(Stored),
    Object(Arc<Object>),
}

impl Kept {
    /// A copy, as one crosses the boundary of a sandbox.
    pub(super) fn of(argument: &Argument<'_>) -> Self {
        match argument {
            Argument::Value(payload) => Self::Value(Stored::of(payload)),
            Argument::Object(object) => Self::Object(object.0.clone()),
        }
    }

    /// The object, if it is one.
    pub(super) fn object(self) -> Option<Arc<Object>> {
        match self {
            Self::Object(object) => Some(object),
            Self::Value(_) => None,
        }
    }

    /// A copy of the value, or the error that the object has.
    pub(super) fn payload(&self) -> Result<Payload, Arc<TaskError>> {
        match self {
            Self::Value(value) => Ok(value.payload()),
            Self::Object(object) => {
                let missing =
                    || Err(Arc::new(super::error::new(ErrorKind::Internal, "an argument is missing".to_owned())));
                object.outcome().unwrap_or_else(missing).map(|value| value.payload())
            }
        }
    }
}
