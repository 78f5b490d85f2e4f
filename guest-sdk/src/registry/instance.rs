//! What an instance is asked for: to run a task, or to be an actor. The functions are those of the interface `guest`.

use std::cell::RefCell;

use super::arguments::Arguments;
use super::functions::{ActorType, Method, Run, Task};
use super::outcome::{Outcome, invalid};
use super::state::State;
use crate::executor::block_on;
use crate::host::guest::Failure;
use crate::host::types::{Encoding, Payload};

/// The actor that this instance is.
#[derive(Clone)]
pub(crate) struct Instance {
    actor: &'static ActorType,
    pub(crate) state: State,
}

impl Instance {
    pub(crate) fn method(&self, name: &str) -> Outcome<&'static Method> {
        self.actor.method(name)
    }
}

thread_local! {
    static INSTANCE: RefCell<Option<Instance>> = const { RefCell::new(None) };
}

pub(crate) fn run_task(name: &str, arguments: Vec<Payload>, reply: Encoding) -> Outcome<Payload> {
    (Task::find(name)?.run)(Arguments::new(arguments), reply)
}

pub(crate) fn construct(actor_type: &str, constructor: &str, arguments: Vec<Payload>) -> Outcome<()> {
    let actor = ActorType::find(actor_type)?;
    let state = (actor.constructor(constructor)?.run)(Arguments::new(arguments))?;
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

pub(crate) fn save() -> Outcome<Payload> {
    INSTANCE.with_borrow(|instance| {
        let Instance { actor, state } = instance.as_ref().ok_or_else(no_actor)?;
        let checkpoints = actor.checkpoints.ok_or_else(|| undeclared(actor.name))?;
        checkpoints.save(&**state.any())
    })
}

pub(crate) fn restore(actor_type: &str, state: Payload) -> Outcome<()> {
    let actor = ActorType::find(actor_type)?;
    let state = actor.checkpoints.ok_or_else(|| undeclared(actor_type))?.restore(state)?;
    INSTANCE.set(Some(Instance { actor, state: State::new(state) }));
    Ok(())
}

/// An actor that serves one call at a time was asked to serve several.
pub(crate) fn alone(method: &str) -> Box<Failure> {
    invalid(format!("`{method}` runs alone: the actor serves one call at a time"))
}

fn no_actor() -> Box<Failure> {
    invalid("this instance is not an actor yet".to_owned())
}

fn undeclared(actor: &str) -> Box<Failure> {
    invalid(format!("the actor `{actor}` declares no checkpoints"))
}
