//! Where a guest's standard output, standard error and log lines go: counted, cut into lines, under the task's name.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::permitted_stream::within;
use super::process_stream::ProcessStream;
use super::trap::Violation;
use crate::port::Port;
use crate::port::log::{LogLine, LogSource};
use crate::port::waiting::Parked;
use crate::state::task::TaskRecord;
use crate::types::error::{ErrorKind, TaskError, shorten};
use crate::types::limits::{LOG_LINE_MAX, LOG_WRITE_BYTES};

/// 128 and the number of SIGPIPE.
const BROKEN_PIPE_EXIT: i32 = 141;

/// What one guest writes, on any of its streams.
pub struct Transcript {
    port: Arc<dyn Port>,
    inner: Mutex<Inner>,
    /// Does the guest wait for room? Counted once, however many of its streams wait.
    waits: AtomicBool,
}

struct Inner {
    /// The task that writes; of an actor, the call that runs.
    task: Arc<TaskRecord>,
    /// What has no line's end yet.
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Transcript {
    pub fn new(port: Arc<dyn Port>, task: Arc<TaskRecord>) -> Arc<Self> {
        let inner = Inner { task, stdout: Vec::new(), stderr: Vec::new() };
        Arc::new(Transcript { port, inner: Mutex::new(inner), waits: AtomicBool::new(false) })
    }

    /// Another call of the same actor begins: its lines are its own.
    pub fn serve(&self, task: Arc<TaskRecord>) {
        let unfinished = {
            let mut inner = self.inner.lock();
            let unfinished = !(inner.stdout.is_empty() && inner.stderr.is_empty());
            if !unfinished {
                inner.task = task.clone();
            }
            unfinished
        };
        if unfinished {
            self.finish();
            self.inner.lock().task = task;
        }
    }

    /// Notes that its guest was refused a capability.
    pub fn refuse(&self, name: String) {
        self.inner.lock().task.meter().refuse(name);
    }

    /// Notes that its guest looked at a clock that stands still.
    pub fn looked_at_still_clock(&self) {
        self.inner.lock().task.meter().still_clock.add(1);
    }

    /// Counts output.
    ///
    /// # Errors
    /// The violation of the limit, to trap with.
    pub fn charge(&self, bytes: usize) -> Result<(), Violation> {
        let inner = self.inner.lock();
        let limit = inner.task.spec.plan.limits.output_bytes;
        match inner.task.meter().output_bytes.add(bytes as u64) {
            used if used > limit => {
                Err(Violation(TaskError::of_limit(ErrorKind::LimitExceeded, "output-bytes", limit, used)))
            }
            _ => Ok(()),
        }
    }

    /// A line that is whole.
    pub fn line(&self, source: LogSource, target: String, text: &str) {
        let task = self.inner.lock().task.clone();
        let line = LogLine {
            task_id: task.spec.id,
            task: task.spec.plan.name.clone(),
            source,
            target,
            // Escapes make it longer.
            text: shorten(LogLine::clean(text), LOG_LINE_MAX),
        };
        self.port.log(task.owner(), line);
    }

    /// May another line be written?
    fn has_room(&self) -> bool {
        let owner = self.inner.lock().task.owner();
        self.port.has_log_room(owner)
    }

    /// Waits until another line may be written. The guest is held back as a process on a full pipe; meanwhile others have its CPU,
    /// and the wait ends by itself, or with the guest.
    pub async fn room(self: Arc<Self>) {
        if self.has_room() {
            return;
        }
        let task = self.inner.lock().task.clone();
        let first = !self.waits.swap(true, Ordering::AcqRel);
        let _held_back = first.then(|| HeldBack { transcript: &self, _parked: Parked::new(&*self.port, &task, None) });
        self.port.log_room(task.owner()).await;
    }

    /// Shows what was written without a line's end.
    pub fn finish(&self) {
        for source in [LogSource::Stdout, LogSource::Stderr] {
            let rest = std::mem::take(self.inner.lock().buffer(source));
            if !rest.is_empty() {
                self.line(source, String::new(), &String::from_utf8_lossy(&rest));
            }
        }
    }

    fn write(&self, source: LogSource, bytes: &[u8]) {
        if source == LogSource::Stderr {
            self.inner.lock().task.meter().note_stderr(bytes);
        }
        let lines = {
            let mut inner = self.inner.lock();
            let buffer = inner.buffer(source);
            buffer.extend_from_slice(bytes);
            whole_lines(buffer)
        };
        lines.iter().for_each(|line| self.line(source, String::new(), line));
    }
}

/// A guest that waits for room; dropping it, also because the guest is ended, lets it go on.
struct HeldBack<'a> {
    transcript: &'a Transcript,
    _parked: Parked<'a>,
}

impl Drop for HeldBack<'_> {
    fn drop(&mut self) {
        self.transcript.waits.store(false, Ordering::Release);
    }
}

impl Inner {
    fn buffer(&mut self, source: LogSource) -> &mut Vec<u8> {
        if source == LogSource::Stderr { &mut self.stderr } else { &mut self.stdout }
    }
}

/// Takes the lines that have their end, and those that are too long to wait for it.
fn whole_lines(buffer: &mut Vec<u8>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut from = 0;
    loop {
        let rest = &buffer[from..];
        let window = &rest[..rest.len().min(LOG_LINE_MAX)];
        let (len, skip) = match window.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end, 1),
            None if window.len() == LOG_LINE_MAX => (whole_characters(window), 0),
            None => break,
        };
        lines.push(String::from_utf8_lossy(&rest[..len]).into_owned());
        from += len + skip;
    }
    buffer.drain(..from);
    lines
}

/// Bytes up to the character that the end cuts in two, if it does.
fn whole_characters(bytes: &[u8]) -> usize {
    // A character has four bytes at most. What ends in none that is cut off stays as it is.
    let last = bytes.len().saturating_sub(3)..bytes.len();
    let begins = last.rev().find(|at| bytes[*at] & 0xc0 != 0x80);
    let is_cut_off = |at: &usize| std::str::from_utf8(&bytes[*at..]).is_err_and(|error| error.error_len().is_none());
    begins.filter(is_cut_off).unwrap_or(bytes.len())
}

/// A driver whose reader has gone leaves with the code of SIGPIPE, as other programs do: an error would only make it
/// panic.
fn or_leave(error: StreamError) -> StreamError {
    match error {
        StreamError::LastOperationFailed(error) if is_broken_pipe(&error) => {
            StreamError::Trap(I32Exit(BROKEN_PIPE_EXIT).into())
        }
        other => other,
    }
}

fn is_broken_pipe(error: &wasmtime::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// One of a guest's output streams.
#[derive(Clone)]
pub struct GuestOutput {
    pub transcript: Arc<Transcript>,
    pub source: LogSource,
    /// Straight to the process's own stream, as a driver's output goes, instead of the log.
    pub inherit: bool,
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        self.inherit
            && match self.source {
                LogSource::Stderr => std::io::IsTerminal::is_terminal(&std::io::stderr()),
                _ => std::io::IsTerminal::is_terminal(&std::io::stdout()),
            }
    }
}

impl StdoutStream for GuestOutput {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only the interfaces of WASI 0.3 ask for it, and none of them is linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        let process = self.inherit.then(|| ProcessStream::new(self.source));
        Box::new(CountedStream { output: self.clone(), process, permitted: 0 })
    }
}

struct CountedStream {
    output: GuestOutput,
    process: Option<ProcessStream>,
    /// So much the guest may write: what it was told last that there is room for.
    permitted: usize,
}

#[async_trait]
impl OutputStream for CountedStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        // Nobody else holds a guest to it that asks for no room, and all that it writes is the host's to keep.
        self.permitted = within(self.permitted, bytes.len())?;
        let GuestOutput { transcript, source, .. } = &self.output;
        transcript.charge(bytes.len()).map_err(|violation| StreamError::Trap(violation.into()))?;
        match &mut self.process {
            Some(process) => {
                if *source == LogSource::Stderr {
                    transcript.inner.lock().task.meter().note_stderr(&bytes);
                }
                transcript.port.inherited(*source, &bytes);
                process.write(bytes).map_err(or_leave)
            }
            None => {
                transcript.write(*source, &bytes);
                Ok(())
            }
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.process.as_mut().map_or(Ok(()), |process| process.flush().map_err(or_leave))
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.permitted = match &mut self.process {
            Some(process) => process.check_write().map_err(or_leave)?,
            None if self.output.transcript.has_room() => LOG_WRITE_BYTES,
            None => 0,
        };
        Ok(self.permitted)
    }

    /// As often as it takes: of many that wait others may be first each time.
    async fn write_ready(&mut self) -> StreamResult<usize> {
        loop {
            self.ready().await;
            match self.check_write()? {
                0 => {}
                bytes => return Ok(bytes),
            }
        }
    }
}

#[async_trait]
impl Pollable for CountedStream {
    async fn ready(&mut self) {
        match &mut self.process {
            Some(process) => process.ready().await,
            None => self.output.transcript.clone().room().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_their_end_or_at_the_bound() {
        let mut buffer = b"one\ntwo\nrest".to_vec();
        assert_eq!(whole_lines(&mut buffer), ["one", "two"]);
        assert_eq!(buffer, b"rest");
        let mut long = vec![b'x'; LOG_LINE_MAX * 2 + 5];
        assert_eq!(whole_lines(&mut long).len(), 2);
        assert_eq!(long.len(), 5);
        // No character is cut in two, wherever the bound falls.
        for before in 0..4 {
            let text = format!("{}{}", "x".repeat(before), "🦀".repeat(LOG_LINE_MAX));
            let mut bytes = text.clone().into_bytes();
            let lines = whole_lines(&mut bytes);
            assert_eq!(lines.concat() + std::str::from_utf8(&bytes).unwrap(), text);
            assert!(lines.iter().all(|line| line.len() > LOG_LINE_MAX - 4 && line.len() <= LOG_LINE_MAX));
        }
        // What is no text is cut where it has to be.
        let mut bytes = vec![0xf0; 2 * LOG_LINE_MAX];
        assert_eq!((whole_lines(&mut bytes).len(), bytes.len()), (2, 2));
    }
}
