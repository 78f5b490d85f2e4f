//! Where the bytes of objects are that are not in memory. What such a place is made of is not known here: see
//! [`storage`](crate::storage).

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;

use crate::types::error::TaskError;

/// A place for objects' bytes beside memory.
pub trait Place: Send + Sync {
    /// Takes bytes.
    ///
    /// # Errors
    /// `OutOfDisk`: there is no room for them.
    fn store(&self, bytes: &[u8]) -> Result<Arc<dyn Stored>, TaskError>;
}

/// One object's bytes in such a place, which takes them back when this is dropped.
pub trait Stored: Debug + Send + Sync {
    /// How many bytes they are.
    fn byte_count(&self) -> u64;

    /// Are they still there? True where only reading them tells.
    fn exists(&self) -> bool;

    /// The bytes.
    ///
    /// # Errors
    /// Why they are lost.
    fn read(&self) -> Result<Bytes, String>;
}
