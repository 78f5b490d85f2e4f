//! Between an embedder's Rust values and payloads. The only place in the host that reads and writes them: a payload says
//! how it is encoded, so that another encoding can join without touching callers.

use std::any::{Any, TypeId};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::state::object::payload::{Encoding, Payload};
use crate::types::error::{ErrorKind, TaskError};

/// Bytes of a buffer that are not worth a copy.
const SPARE_BYTES: usize = 64;

/// The same payload with bytes that are the host's own: those that somebody else holds as well are copied. Any thread may drop them, and
/// their owner's end may be a function of an embedder's, which may take as long as it likes.
pub fn own(mut payload: Payload) -> Payload {
    let mut own = Vec::from(payload.data);
    // A part of a buffer that nobody else holds would keep the rest of it, which nobody is charged for.
    if own.capacity() - own.len() > own.len() / 8 + SPARE_BYTES {
        own.shrink_to_fit();
    }
    payload.data = own.into();
    payload
}

/// Encodes a value: `Vec<u8>` and `Bytes` as they are, everything else in bincode.
///
/// # Errors
/// `InvalidArgument`, when the value's `Serialize` fails.
pub fn encode<T: Serialize + 'static>(value: &T) -> Result<Payload, TaskError> {
    let any: &dyn Any = value;
    if let Some(bytes) = any.downcast_ref::<Vec<u8>>() {
        return Ok(Payload::new(Encoding::Raw, bytes.clone()));
    }
    if let Some(bytes) = any.downcast_ref::<Bytes>() {
        return Ok(Payload::new(Encoding::Raw, Bytes::copy_from_slice(bytes)));
    }
    let data =
        rustyray_codec::encode(value).map_err(|reason| invalid(format!("the value does not serialise: {reason}")))?;
    // As small as it can be: many wait in queues, and a vector's spare room would wait with each.
    Ok(Payload::new(Encoding::Bincode, data.into_boxed_slice()))
}

/// Decodes a payload by its tag.
///
/// # Errors
/// `InvalidArgument`, when the bytes are no `T`, or hold references to objects or actors, which only guests can read.
pub fn decode<T: DeserializeOwned + 'static>(payload: &Payload) -> Result<T, TaskError> {
    match payload.encoding {
        Encoding::Bincode => rustyray_codec::decode(&payload.data)
            .map_err(|reason| invalid(format!("the bytes are no such value: {reason}"))),
        Encoding::Json => serde_json::from_slice(&payload.data)
            .map_err(|error| invalid(format!("the JSON is no such value: {error}"))),
        Encoding::Raw => decode_raw(&payload.data),
    }
}

/// As `Bytes` they are those of the store, and nothing is copied.
fn decode_raw<T: 'static>(data: &Bytes) -> Result<T, TaskError> {
    let wanted = TypeId::of::<T>();
    let decoded = match () {
        () if wanted == TypeId::of::<Bytes>() => taken(data.clone()),
        () if wanted == TypeId::of::<Vec<u8>>() => taken(data.to_vec()),
        () => None,
    };
    decoded.ok_or_else(|| invalid("the value is plain bytes: get it as Vec<u8> or Bytes".to_owned()))
}

/// The value, where it is of this type.
fn taken<T: 'static>(value: impl Any) -> Option<T> {
    let mut value = Some(value);
    (&mut value as &mut dyn Any).downcast_mut::<Option<T>>().and_then(Option::take)
}

fn invalid(text: String) -> TaskError {
    TaskError::new(ErrorKind::InvalidArgument, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back() {
        let value = (1i32, "two".to_owned(), vec![3.0f64]);
        assert_eq!(decode::<(i32, String, Vec<f64>)>(&encode(&value).unwrap()).unwrap(), value);
        let bytes = vec![7u8; 100];
        let payload = encode(&bytes).unwrap();
        assert_eq!(payload.encoding, Encoding::Raw);
        assert_eq!(decode::<Vec<u8>>(&payload).unwrap(), bytes);
        assert_eq!(decode::<Bytes>(&payload).unwrap(), bytes);
    }

    #[test]
    fn bytes_are_those_of_the_store() {
        let payload = encode(&vec![7u8; 1 << 20]).unwrap();
        assert_eq!(decode::<Bytes>(&payload).unwrap().as_ptr(), payload.data.as_ptr());
        assert!(decode::<String>(&payload).is_err());
    }

    #[test]
    fn a_part_of_a_buffer_that_nobody_else_holds_keeps_nothing_of_the_rest() {
        let buffer = Bytes::from(vec![7u8; 1 << 20]);
        let address = buffer.as_ptr();
        let whole = own(Payload::new(Encoding::Raw, buffer));
        assert_eq!(whole.data.as_ptr(), address, "all of it is taken as it is");
        for part in [0..10, 1000..1010, (1 << 20) - 10..1 << 20] {
            let part = own(Payload::new(Encoding::Raw, Bytes::from(vec![7u8; 1 << 20]).slice(part)));
            let held = Vec::from(part.data);
            assert!(held.len() == 10 && held.capacity() < 1000, "{}", held.capacity());
        }
    }

    #[test]
    fn hostile_bytes_are_an_error() {
        let lying_length = Payload::new(Encoding::Bincode, vec![0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        assert!(decode::<Vec<u64>>(&lying_length).is_err());
        assert!(decode::<String>(&lying_length).is_err());
        assert!(decode::<i32>(&Payload::new(Encoding::Bincode, vec![0xfb])).is_err(), "cut off");
        assert!(decode::<u8>(&Payload::new(Encoding::Bincode, vec![1, 2])).is_err(), "left over");
        assert!(decode::<i32>(&Payload::new(Encoding::Raw, vec![1])).is_err(), "another type");
        assert!(decode::<i32>(&Payload::new(Encoding::Json, "[1")).is_err());
    }
}
