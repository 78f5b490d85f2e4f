//! The types of the interface. What it calls resources, and what holds them, is of this host's own; all else is as generated.

pub(crate) use crate::bindings::rustyray::core::types::{
    ActorInfo, ActorOptions, Encoding, ErrorCause, ErrorKind, TaskError, TaskOptions,
};
pub(crate) use crate::sim::runtime::stream_ref::StreamRef;
pub(crate) use crate::sim::state::actor_ref::ActorRef;
pub(crate) use crate::sim::state::object::{ObjectRef, Reference};
pub(crate) use crate::sim::state::payload::{Argument, Payload};
