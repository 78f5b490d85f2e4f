//! A file in Chrome's trace format, a JSON list of events, that is whole at every moment: each write ends the list, and
//! the next one begins where that end was.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustyray_host::ErrorKind;
use serde::Serialize;

use super::output_file;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 64 << 10;

/// Bytes of a file. What shows such files reads them into memory as a whole, and takes several times as much.
pub const TRACE_BYTES_MAX: u64 = 256 << 20;

const END: &[u8] = b"\n]\n";

/// An event, as the format has it.
#[derive(Serialize)]
pub struct Trace<'a> {
    /// What is shown; an end has none, as what it ends has one.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: &'a str,
    /// Its sort.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub cat: &'static str,
    /// `B` and `E` for begin and end, `i` for a moment, `s` and `f` for the ends of an arrow, `M` for a name.
    pub ph: &'static str,
    /// Microseconds since the beginning.
    pub ts: f64,
    /// The group of tracks.
    pub pid: u32,
    /// The track.
    pub tid: u64,
    /// What ties the ends of an arrow together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Of a moment, how far it reaches; of an arrow's end, what it points at.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub extent: Option<Extent>,
    /// What is shown when it is picked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<Details<'a>>,
}

/// What is known of an event.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Details<'a> {
    /// Of a task that begins.
    Begins {
        /// Its number.
        task: u64,
        /// The module's name.
        module: &'a str,
        /// 1 for the first.
        attempt: u32,
        /// Microseconds from its submission.
        queued_us: u64,
    },
    /// Of one that ends.
    Ends(Spent),
    /// Of bytes that moved.
    Moved {
        /// How many.
        bytes: u64,
    },
    /// The name of a track or a group.
    Name {
        /// The name.
        name: &'a str,
    },
    /// Of a task that never ran.
    NeverRan {
        /// Its number.
        task: u64,
        /// Why.
        error: Option<ErrorKind>,
    },
}

/// What a task used, from its receipt.
#[derive(Clone, Copy, Serialize)]
pub struct Spent {
    /// How it ended; none is a value.
    pub error: Option<ErrorKind>,
    /// Fuel.
    pub fuel: u64,
    /// The most memory at once.
    pub memory_peak_bytes: u64,
    /// Bytes of arguments, and of objects read.
    pub bytes_in: u64,
    /// Bytes of the result, and of objects stored.
    pub bytes_out: u64,
    /// Calls of the host.
    pub host_calls: u64,
}

/// How far a thing reaches.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// A moment: `t` for its track, `p` for its group.
    S(char),
    /// An arrow ends at the slice around it: `e`.
    Bp(char),
}

/// The file.
pub struct TraceFile {
    file: File,
    buffer: Vec<u8>,
    /// Where the next write goes.
    offset: u64,
    limit: u64,
}

impl TraceFile {
    /// Creates the file; one that exists is replaced.
    ///
    /// # Errors
    /// It cannot be written, or another process does.
    pub fn create(path: &Path) -> io::Result<Self> {
        output_file::check(path)?;
        output_file::check_seekable(path)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process writes to it"));
        }
        // Of a pipe there is nothing to empty, and what follows says what is wrong with it.
        let _ = file.set_len(0);
        let mut file = TraceFile { file, buffer: b"[".to_vec(), offset: 0, limit: TRACE_BYTES_MAX };
        file.flush()?;
        Ok(file)
    }

    /// One that may have this many bytes.
    #[cfg(test)]
    pub fn limited(path: &Path, limit: u64) -> Self {
        TraceFile { limit, ..TraceFile::create(path).unwrap() }
    }

    /// Has it all that it may have? What has begun may still be ended.
    pub fn is_full(&self) -> bool {
        self.offset + self.buffer.len() as u64 >= self.limit
    }

    /// Adds an event.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn add(&mut self, event: &impl Serialize) -> io::Result<()> {
        let first = self.offset + self.buffer.len() as u64 == 1;
        self.buffer.extend_from_slice(if first { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut self.buffer, event)?;
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Writes what was gathered, in one call.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        let gathered = self.buffer.len();
        self.buffer.extend_from_slice(END);
        let written = self.file.write_all_at(&self.buffer, self.offset);
        self.buffer.clear();
        match written {
            Ok(()) => self.offset += gathered as u64,
            // A full disk took a part: the file ends where it did before, for which it has room.
            Err(_) => drop(self.file.write_all_at(END, self.offset).and_then(|()| self.file.set_len(self.end()))),
        }
        written
    }

    /// Bytes with the end of the list.
    fn end(&self) -> u64 {
        self.offset + END.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_whole_after_each_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.json");
        let read = || {
            let text = std::fs::read_to_string(&path).unwrap();
            serde_json::from_str::<Vec<String>>(&text).unwrap_or_else(|error| panic!("{error}: {text}")).len()
        };
        let mut file = TraceFile::create(&path).unwrap();
        assert_eq!(read(), 0);
        let long = "x".repeat(BUFFER / 10);
        let mut seen = Vec::new();
        for _ in 0..25 {
            file.add(&long).unwrap();
            seen.push(read());
        }
        file.flush().unwrap();
        assert_eq!((seen[0], read()), (0, 25), "they are gathered, and written at last");
        assert!(seen.is_sorted() && seen[24] > 0, "{seen:?}");
    }

    #[test]
    fn extents_are_letters() {
        let event = Trace {
            name: "n",
            cat: "c",
            ph: "i",
            ts: 1.5,
            pid: 1,
            tid: 2,
            id: None,
            extent: Some(Extent::S('t')),
            args: None,
        };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(text, r#"{"name":"n","cat":"c","ph":"i","ts":1.5,"pid":1,"tid":2,"s":"t"}"#);
    }
}
