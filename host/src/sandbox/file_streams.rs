//! Streams of files, whose reads and writes each wait for a place of their guest's. The engine's own take a thread for each stream at once.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::filesystem::{Descriptor, File, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::types::HostDescriptor;
use wasmtime_wasi::p2::{DynOutputStream, FsError, InputStream, OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};

use super::limiter::KeptBytes;
use super::places::Places;
use crate::types::limits::{FILE_READ_BYTES, FILE_WRITE_BYTES};

/// What is read where a guest waits, and has not said how much it will take.
const READ_AHEAD_BYTES: usize = 4096;

/// Goes on while its guest does something else; what has not begun ends with the stream.
type Running<T> = AbortOnDropJoinHandle<io::Result<T>>;

/// Reads a file from a place on.
pub struct FileReader {
    file: Arc<std::fs::File>,
    position: u64,
    places: Places,
    state: Reading,
    /// What was read, and is not taken.
    _kept: KeptBytes,
}

enum Reading {
    Idle,
    Waits(Running<Bytes>),
    Has(Bytes),
    Failed(io::Error),
    Over,
}

impl From<io::Result<Bytes>> for Reading {
    fn from(read: io::Result<Bytes>) -> Self {
        match read {
            Ok(bytes) if bytes.is_empty() => Reading::Over,
            Ok(bytes) => Reading::Has(bytes),
            Err(error) => Reading::Failed(error),
        }
    }
}

impl FileReader {
    pub fn new(file: &File, position: u64, places: Places, kept: KeptBytes) -> Self {
        FileReader { file: file.file.clone(), position, places, state: Reading::Idle, _kept: kept }
    }

    /// The next bytes, some at least.
    fn reading(&self, size: usize) -> impl Future<Output = io::Result<Bytes>> + Send + 'static {
        let (file, position, places) = (self.file.clone(), self.position, self.places.clone());
        async move { places.run(move || read(&file, position, size.min(FILE_READ_BYTES))).await? }
    }

    /// Waits for what was begun.
    async fn finish(&mut self) {
        if let Reading::Waits(running) = &mut self.state {
            self.state = running.await.into();
        }
    }
}

fn read(file: &std::fs::File, position: u64, size: usize) -> io::Result<Bytes> {
    let mut bytes = vec![0; size];
    loop {
        match file.read_at(&mut bytes, position) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => {
                bytes.truncate(read?);
                // A short one would keep the room of a long one.
                bytes.shrink_to_fit();
                return Ok(bytes.into());
            }
        }
    }
}

#[async_trait]
impl InputStream for FileReader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        match &mut self.state {
            Reading::Has(bytes) => {
                let part = bytes.split_to(size.min(bytes.len()));
                self.position += part.len() as u64;
                if bytes.is_empty() {
                    self.state = Reading::Idle;
                }
                Ok(part)
            }
            Reading::Idle if size > 0 => {
                self.state = Reading::Waits(spawn(self.reading(size)));
                Ok(Bytes::new())
            }
            Reading::Idle | Reading::Waits(_) => Ok(Bytes::new()),
            Reading::Over => Err(StreamError::Closed),
            Reading::Failed(_) => match std::mem::replace(&mut self.state, Reading::Over) {
                Reading::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
                _ => Err(StreamError::Closed),
            },
        }
    }

    /// Most guests wait: for them nothing need go on by itself.
    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.finish().await;
        if matches!(self.state, Reading::Idle) && size > 0 {
            self.state = self.reading(size).await.into();
        }
        self.read(size)
    }
}

#[async_trait]
impl Pollable for FileReader {
    async fn ready(&mut self) {
        if matches!(self.state, Reading::Idle) {
            self.state = Reading::Waits(spawn(self.reading(READ_AHEAD_BYTES)));
        }
        self.finish().await;
    }
}

/// Writes to a file.
pub struct FileWriter {
    file: File,
    to: To,
    places: Places,
    state: Writing,
    /// What is not written yet.
    _kept: KeptBytes,
}

/// Where the next bytes go.
#[derive(Clone, Copy)]
pub enum To {
    Position(u64),
    End,
}

enum Writing {
    Ready,
    /// So many bytes.
    Waits(Running<()>, usize),
    Failed(io::Error),
    Over,
}

impl FileWriter {
    pub fn new(file: &File, to: To, places: Places, kept: KeptBytes) -> Self {
        FileWriter { file: file.clone(), to, places, state: Writing::Ready, _kept: kept }
    }

    fn writing(&self, bytes: Bytes) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let (file, to, places) = (self.file.clone(), self.to, self.places.clone());
        async move { places.run(move || write(file, to, bytes)).await? }
    }

    fn written(&mut self, written: io::Result<()>, bytes: usize) {
        if let To::Position(position) = &mut self.to {
            *position = position.saturating_add(bytes as u64);
        }
        self.state = written.map_or_else(Writing::Failed, |()| Writing::Ready);
    }

    /// Is the stream still good? An error is told once.
    fn check(&mut self) -> StreamResult<()> {
        match self.state {
            Writing::Ready | Writing::Waits(..) => Ok(()),
            Writing::Over => Err(StreamError::Closed),
            Writing::Failed(_) => match std::mem::replace(&mut self.state, Writing::Over) {
                Writing::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
                _ => Err(StreamError::Closed),
            },
        }
    }
}

/// As the engine writes: on this thread, since the file is one for which it may block that.
fn write(file: File, to: To, bytes: Bytes) -> io::Result<()> {
    let (mut ctx, mut table) = (WasiFilesystemCtx::default(), ResourceTable::new());
    let written = || -> Result<(), StreamError> {
        let file = table.push(Descriptor::File(file))?;
        let mut files = WasiFilesystemCtxView { ctx: &mut ctx, table: &mut table };
        let stream: Result<Resource<DynOutputStream>, FsError> = match to {
            To::Position(position) => files.write_via_stream(file, position),
            To::End => files.append_via_stream(file),
        };
        let stream = stream.map_err(|error| StreamError::Trap(error.into()))?;
        block_on(table.get_mut(&stream)?.blocking_write_and_flush(bytes))
    };
    written().map_err(|error| match error {
        StreamError::LastOperationFailed(error) => error.downcast().unwrap_or_else(io::Error::other),
        error => io::Error::other(error),
    })
}

#[async_trait]
impl OutputStream for FileWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.check()?;
        if matches!(self.state, Writing::Waits(..)) {
            return Err(StreamError::trap(
                "it wrote before what it wrote last was done: `check-write` says when that is",
            ));
        }
        let size = bytes.len();
        self.state = Writing::Waits(spawn(self.writing(bytes)), size);
        Ok(())
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.ready().await;
        self.check()?;
        let size = bytes.len();
        let written = self.writing(bytes).await;
        self.written(written, size);
        self.check()
    }

    /// Nothing is kept back: who waits for room behind it waits for what was written.
    fn flush(&mut self) -> StreamResult<()> {
        self.check()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.check()?;
        Ok(if matches!(self.state, Writing::Ready) { FILE_WRITE_BYTES } else { 0 })
    }

    /// The guest lets go of the stream: what it wrote gets to the file all the same.
    async fn cancel(&mut self) {
        self.ready().await;
        self.state = Writing::Over;
    }
}

#[async_trait]
impl Pollable for FileWriter {
    async fn ready(&mut self) {
        if let Writing::Waits(running, bytes) = &mut self.state {
            let (bytes, written) = (*bytes, running.await);
            self.written(written, bytes);
        }
    }
}
