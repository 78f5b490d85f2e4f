//! Parts of an object that is plain bytes.

use std::ops::{Bound, RangeBounds};

use super::ObjectRef;
use super::raw::RawRef;
use crate::error::{Error, Result};
use crate::host::bytes;
use crate::host::types::{self, TaskError};
use crate::wait::wait;

/// Bytes in the object store can be read in parts: the host copies no more than those.
impl ObjectRef<Vec<u8>> {
    /// The bytes of a range, once the object is there. What lies beyond the end is left out, as with files.
    ///
    /// # Errors
    /// What the task failed with; [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when the object holds something
    /// else than bytes.
    ///
    /// ```no_run
    /// # use rustyray::prelude::*;
    /// #[rustyray::remote]
    /// async fn header(files: Vec<ObjectRef<Vec<u8>>>) -> Result<Vec<u8>> {
    ///     files[0].read(..512).await
    /// }
    /// ```
    pub async fn read(&self, range: impl RangeBounds<u64>) -> Result<Vec<u8>> {
        self.arrived().await?;
        self.blocking_read(range)
    }

    /// [`read`](Self::read) for plain functions.
    ///
    /// # Errors
    /// As those of [`read`](Self::read).
    ///
    /// ```no_run
    /// # use rustyray::prelude::*;
    /// # fn example(file: ObjectRef<Vec<u8>>) -> Result<()> {
    /// let last = file.blocking_read(file.blocking_size()? - 16..)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn blocking_read(&self, range: impl RangeBounds<u64>) -> Result<Vec<u8>> {
        let (offset, length) = offset_and_length(&range);
        self.ask(|object| bytes::read(object, offset, length))
    }

    /// How many bytes it has, once it is there.
    ///
    /// # Errors
    /// As those of [`read`](Self::read).
    ///
    /// ```no_run
    /// # use rustyray::prelude::*;
    /// # async fn example(file: ObjectRef<Vec<u8>>) -> Result<()> {
    /// println!("{} bytes", file.size().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn size(&self) -> Result<u64> {
        self.arrived().await?;
        self.blocking_size()
    }

    /// [`size`](Self::size) for plain functions.
    ///
    /// # Errors
    /// As those of [`read`](Self::read).
    ///
    /// ```no_run
    /// # use rustyray::prelude::*;
    /// # fn example(file: ObjectRef<Vec<u8>>) -> Result<u64> {
    /// file.blocking_size()
    /// # }
    /// ```
    pub fn blocking_size(&self) -> Result<u64> {
        self.ask(bytes::size)
    }

    /// Waits as any future does, beside others, where a call of the interface would park them all.
    async fn arrived(&self) -> Result<()> {
        wait(std::slice::from_ref(self), 1, None).await.map(drop)
    }

    fn ask<A>(&self, ask: impl FnOnce(&types::ObjectRef) -> std::result::Result<A, TaskError>) -> Result<A> {
        match &self.raw {
            RawRef::Object(object) => ask(object).map_err(Error::from_host),
            RawRef::Failed(error) => Err(Error::from_host(TaskError::clone(error))),
        }
    }
}

/// As the host counts. Beyond the last number there is nothing to read.
fn offset_and_length(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let start = match range.start_bound() {
        Bound::Included(first) => *first,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    (start, end.saturating_sub(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_kind::ErrorKind;
    use crate::{block_on, mock};

    #[test]
    fn ranges_are_offsets_and_lengths() {
        assert_eq!(offset_and_length(&(..)), (0, u64::MAX));
        assert_eq!(offset_and_length(&(3..5)), (3, 2));
        assert_eq!(offset_and_length(&(3..=5)), (3, 3));
        assert_eq!(offset_and_length(&(u64::MAX..)), (u64::MAX, 0));
        assert_eq!(offset_and_length(&(Bound::Excluded(u64::MAX), Bound::Included(u64::MAX))), (u64::MAX, 0));
        #[expect(clippy::reversed_empty_ranges, reason = "what a program may compute")]
        let reversed = 5..3;
        assert_eq!(offset_and_length(&reversed), (5, 0));
    }

    #[test]
    fn bytes_are_read_in_parts() {
        let object = crate::blocking_put(b"0123456789".to_vec()).unwrap();
        assert_eq!(block_on(object.read(2..5)).unwrap(), b"234");
        assert_eq!(object.blocking_read(8..).unwrap(), b"89");
        assert_eq!(object.blocking_read(20..30).unwrap(), b"");
        assert_eq!((block_on(object.size()).unwrap(), object.blocking_size().unwrap()), (10, 10));
        let calls = ["put-bytes", "wait 1 of 1", "read 2 3", "read 8 18446744073709551607", "read 20 10"];
        assert_eq!(mock::take_calls()[..5], calls);
    }

    #[test]
    fn a_part_is_waited_for_beside_others() {
        let late = mock::later_bytes(10, b"0123");
        let quick = mock::later(5, &7u8);
        let (part, value) = block_on(async { futures::join!(late.read(1..3), quick.get()) });
        assert_eq!((part.unwrap(), value.unwrap()), (b"12".to_vec(), 7));
    }

    #[test]
    fn what_is_not_bytes_has_no_parts() {
        let text: ObjectRef<Vec<u8>> = mock::sealed(&b"in bincode".to_vec());
        assert_eq!(text.blocking_read(..).unwrap_err().kind(), ErrorKind::InvalidArgument);
        let failed: ObjectRef<Vec<u8>> = mock::failed("broken");
        assert_eq!(block_on(failed.size()).unwrap_err().to_string(), "broken");
    }
}
