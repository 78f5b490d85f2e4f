//! `rustyray:core/bytes`.

use std::cell::RefCell;

use super::objects;
use crate::bindings::rustyray::core::types::{Encoding, ErrorKind, TaskError};
use crate::sim::runtime::current;
use crate::sim::state::object::{ObjectRef, ObjectStore, Value};

#[derive(Debug)]
pub struct Writer(RefCell<Vec<u8>>);

pub(crate) fn put(data: &[u8]) -> Result<ObjectRef, TaskError> {
    called!("put-bytes");
    Ok(ObjectRef(current::get().runtime.sealed(Ok(Value::bytes(data)))))
}

/// The capacity is about moving bytes in a host, which is no concern here.
pub(crate) fn create(capacity: Option<u64>) -> Result<Writer, TaskError> {
    called!("create-writer {capacity:?}");
    let _ = capacity;
    Ok(Writer(RefCell::default()))
}

pub(crate) fn append(to: &Writer, data: &[u8]) -> Result<(), TaskError> {
    called!("append {}", data.len());
    to.0.borrow_mut().extend_from_slice(data);
    Ok(())
}

pub(crate) fn seal(bytes: Writer) -> Result<ObjectRef, TaskError> {
    put(&bytes.0.into_inner())
}

pub(crate) fn read(object: &ObjectRef, offset: u64, length: u64) -> Result<Vec<u8>, TaskError> {
    called!("read {offset} {length}");
    let value = plain(object)?;
    let place = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(value.data.len());
    Ok(value.data[place(offset)..place(offset.saturating_add(length))].to_vec())
}

pub(crate) fn size(object: &ObjectRef) -> Result<u64, TaskError> {
    called!("size");
    Ok(plain(object)?.data.len() as u64)
}

fn plain(object: &ObjectRef) -> Result<Value, TaskError> {
    let value = objects::arrived(object, None)?.map_err(objects::own)?;
    match value.encoding {
        Encoding::Raw => Ok(value),
        Encoding::Bincode | Encoding::Json => {
            let text = "the object is not plain bytes: only what is stored as `Vec<u8>` has parts";
            Err(crate::sim::error::new(ErrorKind::InvalidArgument, text.to_owned()))
        }
    }
}
