//! What the program declares with the macros: tasks and actors, found by name.
//!
//! Each declaration is a constant that a constructor of the wasm module links into a list. A fresh instance runs one task,
//! so nothing is built: a name is looked for along the list.

mod arguments;
mod checkpoints;
mod declared;
mod give;
mod reply;

use std::any::Any;
use std::cell::RefCell;

pub use arguments::Arguments;
pub use checkpoints::Checkpoints;
pub(crate) use checkpoints::{restore, save};
pub use declared::{ActorDefaults, Signature, TaskDefaults, path_in_crate};
pub use give::{give_items, give_parts, give_stream};
pub use reply::{constructed, constructed_result, reply_result, reply_value};

use crate::host::guest::Failure;
use crate::host::types::{Encoding, Payload};

/// How the glue of a function answers.
pub type Outcome<T> = Result<T, Box<Failure>>;

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
    /// Reads the arguments, runs it and writes the result.
    pub run: fn(&mut dyn Any, Arguments, Encoding) -> Outcome<Payload>,
}

/// An actor's type has one `impl` with methods: a second is a conflict with the first.
pub trait ActorMethods {}

/// The state of the actor that an instance is.
///
/// # Panics
/// Never: a method comes from the same declaration as the state.
pub fn actor_state<A: 'static>(state: &mut dyn Any) -> &mut A {
    state.downcast_mut().expect("the state is of the type that the methods are declared for")
}

inventory::collect!(Task);
inventory::collect!(ActorType);

/// The actor that this instance is.
struct Instance {
    actor: &'static ActorType,
    state: Box<dyn Any>,
}

thread_local! {
    static INSTANCE: RefCell<Option<Instance>> = const { RefCell::new(None) };
}

pub(crate) fn run_task(name: &str, arguments: Vec<Payload>, reply: Encoding) -> Outcome<Payload> {
    let task = inventory::iter::<Task>().find(|task| task.name == name);
    let task = task.ok_or_else(|| missing("task", name))?;
    (task.run)(Arguments::new(arguments), reply)
}

pub(crate) fn construct(actor_type: &str, constructor: &str, arguments: Vec<Payload>) -> Outcome<()> {
    let actor = find_actor(actor_type)?;
    let made_by = actor.constructors.iter().find(|declared| declared.name == constructor);
    let made_by = made_by.ok_or_else(|| missing("constructor", constructor))?;
    let state = (made_by.run)(Arguments::new(arguments))?;
    INSTANCE.set(Some(Instance { actor, state }));
    Ok(())
}

pub(crate) fn call(method: &str, arguments: Vec<Payload>, reply: Encoding) -> Outcome<Payload> {
    // Borrowed during the call: the host makes one at a time.
    INSTANCE.with_borrow_mut(|instance| {
        let instance = instance.as_mut().ok_or_else(no_actor)?;
        let called = instance.actor.methods.iter().find(|declared| declared.name == method);
        let called = called.ok_or_else(|| missing("method", method))?;
        (called.run)(&mut *instance.state, Arguments::new(arguments), reply)
    })
}

fn find_actor(actor_type: &str) -> Outcome<&'static ActorType> {
    let actor = inventory::iter::<ActorType>().find(|actor| actor.name == actor_type);
    actor.ok_or_else(|| missing("actor", actor_type))
}

fn no_actor() -> Box<Failure> {
    invalid("this instance is not an actor yet".to_owned())
}

fn missing(what: &str, name: &str) -> Box<Failure> {
    invalid(format!("this module has no {what} `{name}`"))
}

/// The caller's fault.
fn invalid(message: String) -> Box<Failure> {
    Box::new(Failure { message, cause: None, invalid_argument: true })
}

#[cfg(test)]
mod tests;
