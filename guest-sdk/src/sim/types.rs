//! Handles and payloads: what the interface calls resources, and what holds them. All else is as generated.

use std::sync::Arc;

use super::actor::Handle;
use super::object::Object;
use super::stream::Taking;
pub(crate) use crate::bindings::rustyray::core::types::{
    ActorInfo, ActorOptions, Encoding, ErrorCause, ErrorKind, TaskContext, TaskError, TaskOptions,
};

#[derive(Clone, Debug)]
pub struct ObjectRef(pub(crate) Arc<Object>);

#[derive(Clone, Debug)]
pub struct ActorRef(pub(crate) Arc<Handle>);

#[derive(Debug)]
pub struct StreamRef(pub(crate) Taking);

#[derive(Clone, Debug)]
pub enum Reference {
    Object(ObjectRef),
    Actor(ActorRef),
}

#[derive(Debug)]
pub struct Payload {
    pub(crate) encoding: Encoding,
    pub(crate) data: Vec<u8>,
    pub(crate) references: Vec<Reference>,
}

#[derive(Debug)]
pub(crate) enum Argument<'a> {
    Value(Payload),
    Object(&'a ObjectRef),
}
