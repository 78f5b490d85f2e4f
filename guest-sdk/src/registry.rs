//! What the program declares with the macros: tasks and actors, found by name.
//!
//! Each declaration is a constant that a constructor of the wasm module links into a list. A fresh instance runs one task,
//! so nothing is built: a name is looked for along the list.

mod arguments;
mod checkpoints;
mod declared;
mod give;
mod reply;
mod state;

use std::any::Any;
use std::cell::RefCell;
use std::pin::Pin;

pub use arguments::Arguments;
pub use checkpoints::Checkpoints;
pub(crate) use checkpoints::{restore, save};
pub use declared::{ActorDefaults, Signature, TaskDefaults, group, path_in_crate};
pub use give::{give_items, give_parts, give_stream};
pub use reply::{constructed, constructed_result, reply_result, reply_value};
pub use state::{Exclusive, Shared, State};

use crate::executor::block_on;
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
#[derive(Clone)]
pub(crate) struct Instance {
    actor: &'static ActorType,
    pub(crate) state: State,
}

impl Instance {
    pub(crate) fn method(&self, name: &str) -> Outcome<&'static Method> {
        self.actor.methods.iter().find(|declared| declared.name == name).ok_or_else(|| missing("method", name))
    }
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
    INSTANCE.set(Some(Instance { actor, state: State::new(state) }));
    Ok(())
}

pub(crate) fn call(method: &str, arguments: Vec<Payload>, reply: Encoding) -> Outcome<Payload> {
    // Borrowed during the call: the host makes one at a time.
    INSTANCE.with_borrow(|instance| {
        let instance = instance.as_ref().ok_or_else(no_actor)?;
        let arguments = Arguments::new(arguments);
        match instance.method(method)?.run {
            Run::Alone(run) => run(&mut **instance.state.exclusive_any(), arguments, reply),
            Run::Beside { start, .. } => block_on(start(instance.state.clone(), arguments, reply)),
        }
    })
}

/// The actor that this instance is, to serve several calls at once.
pub(crate) fn instance() -> Option<Instance> {
    INSTANCE.with_borrow(Clone::clone)
}

/// An actor that serves one call at a time was asked to serve several.
pub(crate) fn alone(method: &str) -> Box<Failure> {
    invalid(format!("`{method}` runs alone: the actor serves one call at a time"))
}

/// Is this type one of this module's own?
pub(crate) fn declares_actor(actor_type: &str) -> bool {
    find_actor(actor_type).is_ok()
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
