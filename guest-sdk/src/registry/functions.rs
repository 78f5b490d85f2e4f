//! Tasks and types of actors, as the macros declare them and link them into lists; found by name.

use std::any::Any;
use std::pin::Pin;

use super::arguments::Arguments;
use super::checkpoints::Checkpoints;
use super::declared::{ActorDefaults, Signature};
use super::outcome::{Outcome, missing};
use super::state::State;
use crate::host::types::{Encoding, Payload};

/// A remote function.
#[derive(Debug)]
pub struct Task {
    /// Its path in the crate.
    pub name: &'static str,
    /// What the manifest says of it.
    pub signature: Signature,
    /// Reads the arguments, runs it and writes the result.
    pub run: fn(Arguments, Encoding) -> Outcome<Payload>,
}

/// A type of actors.
#[derive(Debug)]
pub struct ActorType {
    /// Its path in the crate.
    pub name: &'static str,
    /// What makes one.
    pub constructors: &'static [Constructor],
    /// What can be called.
    pub methods: &'static [Method],
    /// What was said with `#[rustyray::actor]`.
    pub defaults: ActorDefaults,
    /// The first paragraph of its documentation.
    pub docs: &'static str,
    /// How its state is saved, where it is.
    pub checkpoints: Option<Checkpoints>,
}

/// What makes an actor.
#[derive(Debug)]
pub struct Constructor {
    /// Of the function.
    pub name: &'static str,
    /// What the manifest says of it.
    pub signature: Signature,
    /// Reads the arguments and makes the actor.
    pub run: fn(Arguments) -> Outcome<Box<dyn Any>>,
}

/// What can be called on an actor.
#[derive(Debug)]
pub struct Method {
    /// Of the function.
    pub name: &'static str,
    /// What the manifest says of it.
    pub signature: Signature,
    /// The concurrency group that its calls count in.
    pub group: Option<&'static str>,
    /// How it is run.
    pub run: Run,
}

/// Reads the arguments of a method, runs it and writes the result.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// Alone, to its end.
    Alone(fn(&mut dyn Any, Arguments, Encoding) -> Outcome<Payload>),
    /// Beside others, of an actor that serves several calls at once.
    Beside {
        /// Does it take `&mut self`? Then it runs while no other does.
        exclusive: bool,
        /// Takes the state, for as long as it runs.
        start: fn(State, Arguments, Encoding) -> Served,
    },
}

/// A call that is served beside others.
pub type Served = Pin<Box<dyn Future<Output = Outcome<Payload>>>>;

/// A call that is served, for the glue of a method.
pub fn served(call: impl Future<Output = Outcome<Payload>> + 'static) -> Served {
    Box::pin(call)
}

/// An actor's type has one `impl` with methods: a second is a conflict with the first.
pub trait ActorMethods {}

inventory::collect!(Task);
inventory::collect!(ActorType);

impl Task {
    /// The one of this name.
    pub(super) fn find(name: &str) -> Outcome<&'static Self> {
        inventory::iter::<Self>().find(|task| task.name == name).ok_or_else(|| missing("task", name))
    }
}

impl ActorType {
    /// The one of this name.
    pub(super) fn find(name: &str) -> Outcome<&'static Self> {
        inventory::iter::<Self>().find(|actor| actor.name == name).ok_or_else(|| missing("actor", name))
    }

    /// Its constructor of this name.
    pub(super) fn constructor(&self, name: &str) -> Outcome<&'static Constructor> {
        self.constructors.iter().find(|declared| declared.name == name).ok_or_else(|| missing("constructor", name))
    }

    /// Its method of this name.
    pub(super) fn method(&self, name: &str) -> Outcome<&'static Method> {
        self.methods.iter().find(|declared| declared.name == name).ok_or_else(|| missing("method", name))
    }
}

/// Is this type one of this module's own?
pub(crate) fn declares_actor(actor_type: &str) -> bool {
    ActorType::find(actor_type).is_ok()
}
