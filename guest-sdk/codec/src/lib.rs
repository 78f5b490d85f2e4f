//! bincode 2 through serde, standard configuration: what Rust guests speak among themselves and with their host.
//!
//! The only crate that knows bincode. Bytes come from anybody: reading them never panics, never overflows a stack, never
//! runs for ever and never allocates much more than they are long. bincode's own limit is a constant and counts only some
//! of what it reserves, so a guard stands between it and the types.

mod guard;

use std::marker::PhantomData;

use bincode::config;
use bincode::error::{DecodeError, EncodeError};
use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer};

use guard::{Budget, Guard};

/// Writes a value.
///
/// # Errors
/// What its `Serialize` says, in one line.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, String> {
    bincode::serde::encode_to_vec(value, config::standard()).map_err(|error| match error {
        EncodeError::OtherString(reason) => reason,
        other => other.to_string(),
    })
}

/// Reads a value.
///
/// # Errors
/// Why the bytes are no such value, in one line.
pub fn decode<T: DeserializeOwned>(data: &[u8]) -> Result<T, String> {
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

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<T, D::Error> {
        T::deserialize(Guard { inner, budget: self.budget })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Tree(Vec<Tree>);

    #[test]
    fn values_come_back() {
        let value = (1u8, "two".to_owned(), Some(3.0f64));
        assert_eq!(decode(&encode(&value).unwrap()), Ok(value));
    }

    #[test]
    fn deep_nesting_ends_before_a_small_stack_does() {
        let reading = std::thread::Builder::new().stack_size(512 << 10);
        let read = reading.spawn(|| decode::<Tree>(&[1; 1 << 20]).unwrap_err()).unwrap();
        assert_eq!(read.join().unwrap(), "nested too deeply");
    }

    #[test]
    fn a_claim_of_endless_nothing_ends() {
        let claim = encode(&u64::MAX).unwrap();
        assert_eq!(decode::<Vec<()>>(&claim).unwrap_err(), "more elements than the bytes can hold");
    }

    #[test]
    fn a_claim_of_more_bytes_than_there_are_reserves_nothing() {
        let claim = encode(&(u64::MAX / 2)).unwrap();
        assert_eq!(decode::<String>(&claim).unwrap_err(), "the bytes are cut off");
        assert_eq!(decode::<Vec<u64>>(&claim).unwrap_err(), "the bytes are cut off");
    }
}
