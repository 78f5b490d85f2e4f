//! A handle without its type.

use std::sync::Arc;

use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::call::{Call, Returned, Target};
use crate::codec;
use crate::host::actors;
use crate::host::types::{ActorRef, TaskError};
use crate::object_ref::RawRef;
use crate::options::{ActorOptions, TaskOptions, check_name};
use crate::remote::{Outgoing, call};

/// A handle without its type.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct RawHandle {
    state: State,
    /// For each call; shared, since a handle is cloned more often than it is given options.
    options: Option<Arc<TaskOptions>>,
}

#[derive(Clone, Debug)]
enum State {
    Actor(Arc<ActorRef>),
    /// The actor was never created: every call has this error.
    Failed(Arc<TaskError>),
}

impl RawHandle {
    pub(crate) fn new(actor: ActorRef) -> Self {
        Self { state: State::Actor(Arc::new(actor)), options: None }
    }

    /// Creates an actor of a type by its name. Never blocks; what goes wrong reaches whoever calls it or waits for it.
    pub(crate) fn create(
        type_name: &str,
        constructor: &str,
        options: &ActorOptions,
        outgoing: &mut [Outgoing],
    ) -> Self {
        let created = call(type_name, outgoing, |arguments| {
            [type_name, constructor].into_iter().try_for_each(check_name)?;
            Ok(actors::create(type_name, constructor, arguments, &options.checked()?))
        });
        match created {
            Ok(actor) => Self::new(actor),
            Err(error) => Self { state: State::Failed(error), options: None },
        }
    }

    /// Calls a method.
    pub fn call<R: Returned>(&self, method: &str, outgoing: &mut [Outgoing]) -> R {
        let actor = match &self.state {
            State::Actor(actor) => actor,
            State::Failed(error) => return R::of(Call(Err(error.clone()))),
        };
        let called = call(method, outgoing, |arguments| {
            let options = self.options.as_ref().map(|options| options.checked()).transpose()?.flatten();
            Ok(R::of(Call(Ok(Target { actor: Some(actor), function: method, arguments, options }))))
        });
        called.unwrap_or_else(|error| R::of(Call(Err(error))))
    }

    pub(super) fn ready(&self) -> RawRef {
        match &self.state {
            State::Actor(actor) => RawRef::new(actors::ready(actor)),
            State::Failed(error) => RawRef::Failed(error.clone()),
        }
    }

    pub(super) fn move_to_current(&self) -> RawRef {
        match &self.state {
            State::Actor(actor) => RawRef::new(actors::move_to_current(actor)),
            State::Failed(error) => RawRef::Failed(error.clone()),
        }
    }

    pub(super) fn with_options(&self, options: TaskOptions) -> Self {
        Self { state: self.state.clone(), options: Some(Arc::new(options)) }
    }

    pub(super) fn generation(&self) -> u32 {
        match &self.state {
            State::Actor(actor) => actors::generation(actor),
            State::Failed(_) => 0,
        }
    }

    pub(super) fn kill(&self, restart: bool, generation: Option<u32>) -> bool {
        match &self.state {
            State::Actor(actor) => actors::kill(actor, restart, generation),
            State::Failed(_) => false,
        }
    }
}

impl Serialize for RawHandle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.state {
            State::Actor(actor) => codec::write_actor(actor, serializer),
            State::Failed(error) => {
                Err(S::Error::custom(format_args!("an actor in it was never created: {}", error.message)))
            }
        }
    }
}

impl<'de> Deserialize<'de> for RawHandle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let actor = codec::take_actor(deserializer)?;
        Ok(Self { state: State::Actor(actor), options: None })
    }
}
