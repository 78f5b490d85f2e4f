//! The process's own standard output and standard error, written without ever blocking a worker.

use std::io::Write;

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::pipe::AsyncWriteStream;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::port::log::LogSource;

/// Bytes that a guest may write at once.
const WRITE_BUDGET: usize = 64 << 10;

/// What a pipe takes at once when it says that it can be written (`PIPE_BUF` of POSIX, at the least).
const ATOMIC_WRITE: usize = 512;

/// One of the two streams.
///
/// A short write goes out on the spot where the system says that it will not block, as it does for nearly every line.
/// Anything else goes through a tokio task, whose hops cost twenty times as much.
pub struct ProcessStream {
    source: LogSource,
    later: AsyncWriteStream,
    /// Was something written through `later` since it was flushed?
    unflushed: bool,
}

impl ProcessStream {
    /// Standard error, or standard output for any other source.
    pub fn new(source: LogSource) -> Self {
        let later = match source {
            LogSource::Stderr => AsyncWriteStream::new(WRITE_BUDGET, tokio::io::stderr()),
            _ => AsyncWriteStream::new(WRITE_BUDGET, tokio::io::stdout()),
        };
        ProcessStream { source, later, unflushed: false }
    }

    /// Would a short write now come out in its turn, and without blocking?
    fn can_write_now(&mut self) -> StreamResult<bool> {
        let in_turn = !self.unflushed && self.later.check_write()? == WRITE_BUDGET;
        Ok(in_turn && self.is_writable())
    }

    fn is_writable(&self) -> bool {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let descriptor = match self.source {
            LogSource::Stderr => rustix::stdio::stderr(),
            _ => rustix::stdio::stdout(),
        };
        let mut fds = [PollFd::from_borrowed_fd(descriptor, PollFlags::OUT)];
        poll(&mut fds, Some(&at_once)).is_ok_and(|ready| ready == 1)
    }

    fn write_now(&self, bytes: &[u8]) -> std::io::Result<()> {
        match self.source {
            LogSource::Stderr => std::io::stderr().write_all(bytes),
            _ => {
                let mut stdout = std::io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()
            }
        }
    }
}

impl OutputStream for ProcessStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() <= ATOMIC_WRITE && self.can_write_now()? {
            return self.write_now(&bytes).map_err(|error| StreamError::LastOperationFailed(error.into()));
        }
        self.unflushed = true;
        self.later.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        if std::mem::take(&mut self.unflushed) { self.later.flush() } else { Ok(()) }
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.later.check_write()
    }
}

#[async_trait]
impl Pollable for ProcessStream {
    async fn ready(&mut self) {
        self.later.ready().await;
    }
}
