//! An output stream that takes no more at once than it said there is room for. WASI asks that of guests, and the engine's streams of
//! files take whatever comes: all of it is the host's to keep until the disk has it.

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::types::limits::FILE_WRITE_BYTES;

/// A stream to a file.
pub struct PermittedStream {
    inner: Box<dyn OutputStream>,
    /// So much may be written: what was told last.
    permitted: usize,
}

impl PermittedStream {
    /// This one, within its permits.
    pub fn new(inner: Box<dyn OutputStream>) -> Self {
        PermittedStream { inner, permitted: 0 }
    }
}

/// What is left of a permit behind a write of so many bytes.
///
/// # Errors
/// The trap, where they are more.
pub fn within(permitted: usize, bytes: usize) -> Result<usize, StreamError> {
    let too_much = || StreamError::trap("it wrote more than there was room for: `check-write` says how much that is");
    permitted.checked_sub(bytes).ok_or_else(too_much)
}

#[async_trait]
impl OutputStream for PermittedStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.permitted = within(self.permitted, bytes.len())?;
        self.inner.write(bytes)
    }

    /// WASI has a bound for what is written so, and it is waited for.
    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.permitted = 0;
        self.inner.blocking_write_and_flush(bytes).await
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.permitted = self.inner.check_write()?.min(FILE_WRITE_BYTES);
        Ok(self.permitted)
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

#[async_trait]
impl Pollable for PermittedStream {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use wasmtime_wasi::p2::pipe::MemoryOutputPipe;

    use super::*;

    #[test]
    fn a_stream_takes_what_it_said_and_no_more() {
        let pipe = MemoryOutputPipe::new(1 << 20);
        let mut stream = PermittedStream::new(Box::new(pipe.clone()));
        let trapped = |written: StreamResult<()>| matches!(written, Err(StreamError::Trap(_)));
        assert!(trapped(stream.write(Bytes::from_static(b"x"))), "nobody asked");
        assert_eq!(stream.check_write().unwrap(), FILE_WRITE_BYTES);
        stream.write(Bytes::from(vec![1; FILE_WRITE_BYTES - 1])).unwrap();
        stream.write(Bytes::from_static(b"x")).unwrap();
        assert!(trapped(stream.write(Bytes::from_static(b"x"))), "it asked for less");
        assert_eq!(stream.check_write().unwrap(), FILE_WRITE_BYTES);
        assert!(trapped(stream.write(Bytes::from(vec![1; FILE_WRITE_BYTES + 1]))));
        stream.blocking_write_and_flush(Bytes::from_static(b"yz")).now_or_never().unwrap().unwrap();
        assert_eq!(pipe.contents().len(), FILE_WRITE_BYTES + 2);
        assert!(trapped(stream.write(Bytes::from_static(b"x"))), "what was told before is over");
    }
}
