//! How the state of an actor is saved, and made of what was saved.

use std::any::Any;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::outcome::Outcome;
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

    pub(super) fn save(self, state: &dyn Any) -> Outcome<Payload> {
        (self.save)(state).map_err(failed)
    }

    pub(super) fn restore(self, state: Payload) -> Outcome<Box<dyn Any>> {
        (self.restore)(state).map_err(failed)
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

fn failed(message: String) -> Box<Failure> {
    Box::new(Failure { message, cause: None, invalid_argument: false })
}
