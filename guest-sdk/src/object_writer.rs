//! Objects that are written piece by piece.

use std::io;

use crate::error::{Error, Result};
use crate::host::bytes;
use crate::object_ref::{ObjectRef, RawRef};

/// Bytes that become an object when they are complete, for more than a guest has memory for. What is written is in the host at
/// once; what is dropped before it is finished is gone.
///
/// It is a [`Write`](io::Write). Each write is a call of the host: many small ones are better buffered.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// use std::io::Write;
///
/// #[rustyray::remote]
/// fn table(rows: u32) -> Result<ObjectRef<Vec<u8>>> {
///     let mut out = std::io::BufWriter::new(rustyray::ObjectWriter::new()?);
///     for row in 0..rows {
///         writeln!(out, "{row};{}", row * row)?;
///     }
///     out.into_inner()?.finish()
/// }
/// ```
#[derive(Debug)]
#[must_use = "what is written becomes an object by `finish`"]
pub struct ObjectWriter(bytes::Writer);

impl ObjectWriter {
    /// A writer for any number of bytes.
    ///
    /// # Errors
    /// [`ObjectStoreFull`](crate::ErrorKind::ObjectStoreFull), and [`OutOfDisk`](crate::ErrorKind::OutOfDisk) on a host that
    /// spills.
    pub fn new() -> Result<Self> {
        bytes::create(None).map(Self).map_err(Error::from_host)
    }

    /// The same, with room for so many bytes: they are not moved then while they are written.
    ///
    /// # Errors
    /// As those of [`new`](Self::new).
    pub fn with_capacity(bytes: u64) -> Result<Self> {
        bytes::create(Some(bytes)).map(Self).map_err(Error::from_host)
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// As those of [`new`](Self::new); nothing is added then.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        bytes::append(&self.0, bytes).map_err(Error::from_host)
    }

    /// Makes the object.
    ///
    /// # Errors
    /// None today.
    pub fn finish(self) -> Result<ObjectRef<Vec<u8>>> {
        let object = bytes::seal(self.0).map_err(Error::from_host)?;
        Ok(ObjectRef::new(RawRef::new(object)))
    }
}

impl io::Write for ObjectWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn pieces_become_one_object() {
        let mut writer = ObjectWriter::with_capacity(9).unwrap();
        writer.append(b"one ").unwrap();
        writer.write_all(b"two").unwrap();
        let object = writer.finish().unwrap();
        assert_eq!(object.blocking_read(..).unwrap(), b"one two");
    }
}
