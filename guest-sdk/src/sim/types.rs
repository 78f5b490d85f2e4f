//! The types of the interface. What it calls resources, and what holds them, is of this host's own; all else is as generated.

pub(crate) use super::actor_ref::ActorRef;
pub(crate) use super::object::{ObjectRef, Reference};
pub(crate) use super::payload::{Argument, Payload};
pub(crate) use super::stream_ref::StreamRef;
pub(crate) use crate::bindings::rustyray::core::types::{
    ActorInfo, ActorOptions, Encoding, ErrorCause, ErrorKind, TaskError, TaskOptions,
};
