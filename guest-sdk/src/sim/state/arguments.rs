//! Arguments of tasks: kept, since a task may run again.

use std::sync::Arc;

use crate::bindings::rustyray::core::types::{ErrorKind, TaskError};
use crate::sim::state::object::{Object, Value};
use crate::sim::state::payload::{Argument, Payload};

/// A value, or an object whose value it is to be.
#[derive(Clone)]
pub(crate) enum Held {
    Value(Value),
    Object(Arc<Object>),
}

impl Held {
    /// A copy, as one crosses the boundary of a sandbox.
    pub(crate) fn of(argument: &Argument<'_>) -> Self {
        match argument {
            Argument::Value(payload) => Self::Value(Value::of(payload)),
            Argument::Object(object) => Self::Object(object.0.clone()),
        }
    }

    /// The object, if it is one.
    pub(crate) fn object(self) -> Option<Arc<Object>> {
        match self {
            Self::Object(object) => Some(object),
            Self::Value(_) => None,
        }
    }

    /// A copy of the value, or the error that the object has.
    pub(crate) fn payload(&self) -> Result<Payload, Arc<TaskError>> {
        match self {
            Self::Value(value) => Ok(value.payload()),
            Self::Object(object) => {
                let missing =
                    || Err(Arc::new(crate::sim::error::new(ErrorKind::Internal, "an argument is missing".to_owned())));
                object.outcome().unwrap_or_else(missing).map(|value| value.payload())
            }
        }
    }
}
