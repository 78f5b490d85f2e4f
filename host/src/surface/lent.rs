//! Bytes that come from an embedder: any thread of the host's may be the last to hold them, and their end may be a function of his,
//! which takes as long as it likes. So the host keeps its own, or what is [given back](Runtime::borrowed) apart.

use bytes::Bytes;
use serde::Serialize;

use super::codec;
use crate::runtime::Runtime;
use crate::state::payload::{Encoding, Payload};
use crate::words::error::TaskError;

/// So many are copied: that is quicker than to give them back.
const COPIED_MAX: usize = 4 << 10;

/// The same payload.
pub fn lent(runtime: &Runtime, mut payload: Payload) -> Payload {
    payload.data = match payload.data.try_into_mut() {
        // A vector that nobody else holds.
        Ok(own) => own.freeze(),
        Err(few) if few.len() <= COPIED_MAX => Bytes::copy_from_slice(&few),
        Err(many) => runtime.borrowed(many),
    };
    payload
}

/// A value, encoded. Of all values only `Bytes` are lent.
///
/// # Errors
/// `InvalidArgument`, when the value's `Serialize` fails.
pub fn encoded<T: Serialize + 'static>(runtime: &Runtime, value: &T) -> Result<Payload, TaskError> {
    let payload = codec::encode(value)?;
    Ok(if payload.encoding == Encoding::Raw { lent(runtime, payload) } else { payload })
}
