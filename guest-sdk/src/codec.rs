//! The one place that turns values into bytes and back. Every payload says how its bytes are to be read, so another
//! encoding is a variant here and nothing elsewhere.
//!
//! Bytes come from anybody: decoding them never panics, and never allocates much more than they are long.

#[cfg(feature = "json")]
mod json;
mod references;

use std::any::Any;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use references::{take_actor, take_object, write_actor, write_object};

use crate::host::types::{Encoding, Payload};

/// What kept a value from being written or read: one line.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// Writes a value. A plain list of bytes is written raw whatever was asked for: its bytes are the value.
pub(crate) fn encode<T: Serialize + 'static>(value: T, encoding: Encoding) -> Result<Payload> {
    let mut slot = Some(value);
    if let Some(data) = take_as::<_, Vec<u8>>(&mut slot) {
        return Ok(Payload { encoding: Encoding::Raw, data, references: Vec::new() });
    }
    let Some(value) = slot else { unreachable!("only a list of bytes is taken out") };
    let (data, references) = references::collect(|| match encoding {
        Encoding::Bincode => rustyray_codec::encode(&value),
        Encoding::Json => encode_json(&value),
        Encoding::Raw => Err(format!("`{}` is not a list of bytes", type_name::<T>())),
    })?;
    Ok(Payload { encoding, data, references })
}

/// Writes an actor's state, which stays where it is. A handle in it would lead nowhere when it is read.
pub(crate) fn encode_state<T: Serialize>(state: &T) -> Result<Payload> {
    let (data, references) = references::collect(|| rustyray_codec::encode(state))?;
    if !references.is_empty() {
        return Err("a checkpoint cannot hold references to objects or actors: they would lead nowhere".to_owned());
    }
    Ok(Payload { encoding: Encoding::Bincode, data, references })
}

/// Reads a value as the payload's tag says.
pub(crate) fn decode<T: DeserializeOwned + 'static>(payload: Payload) -> Result<T> {
    let Payload { encoding, data, references } = payload;
    match encoding {
        Encoding::Raw => decode_raw(data),
        Encoding::Bincode => references::provide(references, || rustyray_codec::decode(&data)),
        Encoding::Json => references::provide(references, || decode_json(&data)),
    }
    .map_err(|reason| format!("not a `{}`: {reason}", type_name::<T>()))
}

fn decode_raw<T: 'static>(data: Vec<u8>) -> Result<T> {
    let mut target = None::<T>;
    let any: &mut dyn Any = &mut target;
    if let Some(bytes) = any.downcast_mut::<Option<Vec<u8>>>() {
        *bytes = Some(data);
    } else if let Some(text) = any.downcast_mut::<Option<String>>() {
        *text = Some(String::from_utf8(data).map_err(|error| error.to_string())?);
    }
    target.ok_or_else(|| "the payload is a plain list of bytes".to_owned())
}

/// Moves the value out when `T` is `U`: large byte lists cross without a copy.
fn take_as<T: 'static, U: 'static>(slot: &mut Option<T>) -> Option<U> {
    (slot as &mut dyn Any).downcast_mut::<Option<U>>().and_then(Option::take)
}

/// `Vec<u32>` rather than `alloc::vec::Vec<u32>`.
fn type_name<T>() -> String {
    let mut short = String::new();
    for part in std::any::type_name::<T>().split_inclusive(['<', '>', ',', ' ', '(', ')', '[', ']', '&']) {
        short.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    short
}

#[cfg(feature = "json")]
use json::{decode as decode_json, encode as encode_json};

#[cfg(not(feature = "json"))]
fn encode_json<T>(_: &T) -> Result<Vec<u8>> {
    Err(NO_JSON.to_owned())
}

#[cfg(not(feature = "json"))]
fn decode_json<T>(_: &[u8]) -> Result<T> {
    Err(NO_JSON.to_owned())
}

#[cfg(not(feature = "json"))]
const NO_JSON: &str = "this module was built without the feature `json` of rustyray";

#[cfg(test)]
mod tests;
