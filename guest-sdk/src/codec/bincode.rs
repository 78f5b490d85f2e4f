//! bincode 2 through serde, standard configuration.
//!
//! bincode's own limit is a constant and counts only some of what it reserves, so a guard stands between it and the
//! types: see [`guard`].

mod guard;

use bincode::config;
use bincode::error::{DecodeError, EncodeError};
use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer};
use std::marker::PhantomData;

use super::Result;
use guard::{Budget, Guard};

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    bincode::serde::encode_to_vec(value, config::standard()).map_err(|error| match error {
        EncodeError::OtherString(reason) => reason,
        other => other.to_string(),
    })
}

pub(super) fn decode<T: DeserializeOwned>(data: &[u8]) -> Result<T> {
    let budget = Budget::new(data.len());
    let seed = Guarded { budget: &budget, value: PhantomData };
    let (value, used) =
        bincode::serde::seed_decode_from_slice(seed, data, config::standard()).map_err(|error| describe(&error))?;
    match data.len() - used {
        0 => Ok(value),
        rest => Err(format!("{rest} bytes are left over")),
    }
}

/// bincode's own texts are the names of its variants.
fn describe(error: &DecodeError) -> String {
    match error {
        DecodeError::OtherString(reason) => reason.clone(),
        DecodeError::UnexpectedEnd { .. } => "the bytes are cut off".to_owned(),
        DecodeError::UnexpectedVariant { type_name, found, .. } => format!("`{type_name}` has no variant {found}"),
        DecodeError::InvalidBooleanValue(byte) => format!("{byte} is neither false nor true"),
        DecodeError::Utf8 { inner } => inner.to_string(),
        other => other.to_string(),
    }
}

/// Lets the guard in: bincode hands its deserializer to whatever seed it is given.
struct Guarded<'b, T> {
    budget: &'b Budget,
    value: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Guarded<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> std::result::Result<T, D::Error> {
        T::deserialize(Guard { inner, budget: self.budget })
    }
}
