//! Values on their way into a program and out of it.

use crate::bindings::rustyray::core::types::Encoding;
use crate::sim::state::object::{ObjectRef, Reference, Value};

#[derive(Debug)]
pub struct Payload {
    pub(crate) encoding: Encoding,
    pub(crate) data: Vec<u8>,
    pub(crate) references: Vec<Reference>,
}

#[derive(Debug)]
pub(crate) enum Argument<'a> {
    Value(Payload),
    Object(&'a ObjectRef),
}

impl Value {
    /// A copy of a payload that stays where it is.
    pub(crate) fn of(payload: &Payload) -> Self {
        let Payload { encoding, data, references } = payload;
        Self { encoding: *encoding, data: data.as_slice().into(), references: references.as_slice().into() }
    }

    /// A copy of it: whoever reads a value has one of his own.
    pub(crate) fn payload(&self) -> Payload {
        Payload { encoding: self.encoding, data: self.data.to_vec(), references: self.references.to_vec() }
    }
}

impl From<Payload> for Value {
    fn from(payload: Payload) -> Self {
        let Payload { encoding, data, references } = payload;
        Self { encoding, data: data.into(), references: references.into() }
    }
}
