//! Saving the state of the actor that this instance is, and making an actor of it again.

use std::any::Any;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{INSTANCE, Instance, Outcome, State, find_actor, invalid, no_actor};
use crate::codec;
use crate::host::guest::Failure;
use crate::host::types::Payload;

/// How the state of an actor is saved and restored.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoints {
    save: fn(&dyn Any) -> codec::Result<Payload>,
    restore: fn(Payload) -> codec::Result<Box<dyn Any>>,
}

impl Checkpoints {
    /// Of an actor whose type has this definition, as a fingerprint.
    #[must_use]
    pub const fn of<A: Serialize + DeserializeOwned + 'static, const DEFINITION: u64>() -> Self {
        Self { save: save_as::<A, DEFINITION>, restore: restore_as::<A, DEFINITION> }
    }
}

/// The fingerprint stands behind the state, where it is put and taken off without moving the state.
fn save_as<A: Serialize + 'static, const DEFINITION: u64>(state: &dyn Any) -> codec::Result<Payload> {
    let state = state.downcast_ref::<A>().ok_or("the state is of another type")?;
    let mut payload = codec::encode_state(state)?;
    payload.data.extend_from_slice(&DEFINITION.to_le_bytes());
    Ok(payload)
}

fn restore_as<A: DeserializeOwned + 'static, const DEFINITION: u64>(
    mut payload: Payload,
) -> codec::Result<Box<dyn Any>> {
    let definition = payload.data.split_last_chunk().map(|(_, definition)| u64::from_le_bytes(*definition));
    if definition != Some(DEFINITION) {
        return Err("it was saved under another definition of the type".to_owned());
    }
    payload.data.truncate(payload.data.len() - DEFINITION.to_le_bytes().len());
    Ok(Box::new(codec::decode::<A>(payload)?))
}

pub(crate) fn save() -> Outcome<Payload> {
    INSTANCE.with_borrow(|instance| {
        let instance = instance.as_ref().ok_or_else(no_actor)?;
        let checkpoints = instance.actor.checkpoints.ok_or_else(|| undeclared(instance.actor.name))?;
        (checkpoints.save)(&**instance.state.any()).map_err(failed)
    })
}

pub(crate) fn restore(actor_type: &str, state: Payload) -> Outcome<()> {
    let actor = find_actor(actor_type)?;
    let checkpoints = actor.checkpoints.ok_or_else(|| undeclared(actor_type))?;
    let state = (checkpoints.restore)(state).map_err(failed)?;
    INSTANCE.set(Some(Instance { actor, state: State::new(state) }));
    Ok(())
}

fn undeclared(actor: &str) -> Box<Failure> {
    invalid(format!("the actor `{actor}` declares no checkpoints"))
}

fn failed(message: String) -> Box<Failure> {
    Box::new(Failure { message, cause: None, invalid_argument: false })
}
