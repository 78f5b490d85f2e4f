//! The process's own standard streams, read and written without ever blocking a worker, and whether they block or not: who shares them may
//! have set that.

use std::io;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::task::JoinHandle;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdinStream};
use wasmtime_wasi::p2::pipe::AsyncWriteStream;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use crate::port::log::LogSource;

/// Bytes that a guest may write at once.
const WRITE_BUDGET: usize = 64 << 10;

/// Bytes that are read at once.
const READ_MAX: usize = 64 << 10;

/// What a pipe takes at once when it says that it can be written (`PIPE_BUF` of POSIX, at the least).
const ATOMIC_WRITE: usize = 512;

/// Standard output or standard error.
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
        let later = AsyncWriteStream::new(WRITE_BUDGET, Writer { source, writes: None });
        ProcessStream { source, later, unflushed: false }
    }

    /// Would a short write now come out in its turn, and without blocking?
    fn can_write_now(&mut self) -> StreamResult<bool> {
        let in_turn = !self.unflushed && self.later.check_write()? == WRITE_BUDGET;
        Ok(in_turn && is_open_to(descriptor(self.source), PollFlags::OUT))
    }
}

impl OutputStream for ProcessStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() <= ATOMIC_WRITE && self.can_write_now()? {
            let written = write_all(self.source, &bytes);
            return written.map_err(|error| StreamError::LastOperationFailed(error.into()));
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

/// Writes on a thread that may wait. Tokio's own gives up where the stream does not block, and what it had is lost.
struct Writer {
    source: LogSource,
    writes: Option<JoinHandle<io::Result<()>>>,
}

impl AsyncWrite for Writer {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.as_mut().poll_flush(cx))?;
        let (source, bytes) = (self.source, bytes[..bytes.len().min(WRITE_BUDGET)].to_vec());
        let taken = bytes.len();
        self.writes = Some(tokio::task::spawn_blocking(move || write_all(source, &bytes)));
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(writes) = &mut self.writes else { return Poll::Ready(Ok(())) };
        let written = ready!(Pin::new(writes).poll(cx));
        self.writes = None;
        Poll::Ready(written.unwrap_or_else(|error| Err(io::Error::other(error))))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// Standard input. Nothing is read that the guest does not take: the rest is for whoever has the stream next.
pub struct ProcessInput;

impl InputStream for ProcessInput {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 || !is_open_to(rustix::stdio::stdin(), PollFlags::IN) {
            return Ok(Bytes::new());
        }
        let mut bytes = vec![0; size.min(READ_MAX)];
        match rustix::io::read(rustix::stdio::stdin(), &mut bytes[..]) {
            Ok(0) => Err(StreamError::Closed),
            Ok(read) => {
                bytes.truncate(read);
                Ok(bytes.into())
            }
            // Somebody else took it.
            Err(Errno::AGAIN | Errno::INTR) => Ok(Bytes::new()),
            Err(error) => Err(StreamError::LastOperationFailed(io::Error::from(error).into())),
        }
    }
}

#[async_trait]
impl Pollable for ProcessInput {
    async fn ready(&mut self) {
        let stdin = rustix::stdio::stdin();
        while !is_open_to(stdin, PollFlags::IN) {
            #[expect(
                unsafe_code,
                reason = "the system says when there is something to read, and no thread waits for that"
            )]
            // SAFETY: The descriptor is the process's own, which is not closed as long as it lives.
            let waiting = unsafe { AsyncFd::register_with_interest(stdin, Interest::READABLE) };
            // What can't be waited for, as a file, is always ready.
            let Ok(waiting) = waiting else { return };
            let _ = waiting.readable().await;
        }
    }
}

impl IsTerminal for ProcessInput {
    fn is_terminal(&self) -> bool {
        std::io::IsTerminal::is_terminal(&std::io::stdin())
    }
}

impl StdinStream for ProcessInput {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        // Of WASI 0.3, which is not linked.
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(ProcessInput)
    }
}

fn descriptor(source: LogSource) -> BorrowedFd<'static> {
    match source {
        LogSource::Stderr => rustix::stdio::stderr(),
        _ => rustix::stdio::stdout(),
    }
}

/// Can it be read, or written, without waiting? So can what is closed.
fn is_open_to(descriptor: BorrowedFd<'_>, what: PollFlags) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::from_borrowed_fd(descriptor, what)], Some(&at_once)).is_ok_and(|ready| ready == 1)
}

/// Writes all of it, and waits where there is no room.
fn write_all(source: LogSource, mut bytes: &[u8]) -> io::Result<()> {
    let descriptor = descriptor(source);
    while !bytes.is_empty() {
        match rustix::io::write(descriptor, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::from_borrowed_fd(descriptor, PollFlags::OUT)], None)?;
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
