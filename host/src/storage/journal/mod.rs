//! What outlives the process: the results of pure tasks and the checkpoints of actors, in a folder of one writer.
//!
//! Two files take turns. Records are appended to the newer one; when it has half of what the journal may take, the older
//! one is deleted, after its checkpoints that are still in force were written once more. A record is found by an index in
//! memory, and its checksums are looked at when it is read.

mod record;
mod segment;

use std::collections::{HashMap, VecDeque};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::Level;

pub use record::{Entry, Key, Kind};
use segment::{Place, Segment};

use crate::state::object::payload::Payload;
use crate::types::limits::{JOURNAL_BYTES_MIN, JOURNAL_RECORDS_MAX};
use crate::types::voice::Voice;

/// Bytes that are written at once.
const WRITE_BYTES: usize = 4 << 20;

/// A file whose head is damaged is kept under this name, one at most, for whoever wants to look at it.
const DAMAGED: &str = "damaged";

/// Why a journal can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refuses.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Another host writes to it.
    #[error("another process uses it: a journal has one writer, so wait for that one, or name another folder")]
    InUse,
    /// It was written by another version.
    #[error("it has the format {0}, which this version does not know: name another folder, or delete this one")]
    OtherVersion(u32),
    /// The limit cannot be.
    #[error("{0} bytes are too few: a journal takes at least {JOURNAL_BYTES_MIN}")]
    TooSmall(u64),
}

/// Where the records are. Shared with those who only want to know whether there is one.
#[derive(Default)]
pub struct Index(Mutex<HashMap<Key, Place>>);

impl Index {
    /// Is there a record?
    pub fn has(&self, key: &Key) -> bool {
        self.0.lock().contains_key(key)
    }
}

/// A journal, as its one writer holds it.
pub struct Journal {
    dir: PathBuf,
    /// Held as long as the journal is open; the system lets go of it when the process ends, however it does.
    _lock: File,
    /// From the oldest to the newest, which is written to.
    segments: VecDeque<Segment>,
    index: Arc<Index>,
    /// Bytes and records of one segment.
    segment_bytes: u64,
    segment_records: usize,
    /// Was something written that the disk may not have yet?
    unsynced: bool,
    voice: Voice,
}

impl Journal {
    /// Opens the journal in a folder, which is made if it is missing, and keeps it below `limit` bytes.
    ///
    /// # Errors
    /// Why it can't be.
    pub fn open(dir: &Path, limit: u64) -> Result<Self, JournalError> {
        if limit < JOURNAL_BYTES_MIN {
            return Err(JournalError::TooSmall(limit));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(dir.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => JournalError::InUse,
            TryLockError::Error(error) => error.into(),
        })?;
        let mut journal = Journal {
            dir: dir.to_owned(),
            _lock: lock,
            segments: VecDeque::new(),
            index: Arc::default(),
            segment_bytes: limit / 2,
            segment_records: JOURNAL_RECORDS_MAX / 2,
            unsynced: false,
            voice: Voice::direct(),
        };
        journal.open_segments()?;
        Ok(journal)
    }

    fn open_segments(&mut self) -> Result<(), JournalError> {
        let mut numbers = Vec::new();
        for file in std::fs::read_dir(&self.dir)? {
            numbers.extend(file?.file_name().to_str().and_then(segment::number_of));
        }
        numbers.sort_unstable();
        let mut damaged = 0;
        for number in &numbers {
            let Some((mut segment, mut found)) = Segment::open(&self.dir, *number)? else {
                self.put_aside(*number)?;
                continue;
            };
            if Some(number) == numbers.last() {
                segment.cut_torn_end(&mut found)?;
            }
            damaged += found.damaged;
            self.index.0.lock().extend(found.records);
            self.segments.push_back(segment);
        }
        if damaged > 0 {
            let places = if damaged == 1 { "place" } else { "places" };
            let what = "was damaged, or cut off while it was written,";
            self.warn(|dir| {
                format!("the journal '{dir}' {what} at {damaged} {places}: what was there is dropped, the rest is kept")
            });
        }
        if self.segments.back().map(|segment| segment.number) != numbers.last().copied() || numbers.is_empty() {
            self.begin_segment(numbers.last().map_or(1, |last| last + 1))?;
        }
        Ok(())
    }

    fn begin_segment(&mut self, number: u64) -> io::Result<()> {
        self.segments.push_back(Segment::create(&self.dir, number)?);
        Ok(())
    }

    /// A file whose head is not whole: nothing in it can be checked.
    fn put_aside(&self, number: u64) -> io::Result<()> {
        let (from, to) = (segment::path(&self.dir, number), self.dir.join(DAMAGED));
        self.warn(|_| format!("'{}' has no whole head, and is put aside as '{}'", from.display(), to.display()));
        std::fs::rename(from, to)
    }

    /// The index, to look at while another thread writes.
    pub fn index(&self) -> Arc<Index> {
        self.index.clone()
    }

    /// Has what it has to say from now on said so.
    pub fn speak_through(&mut self, voice: Voice) {
        self.voice = voice;
    }

    /// Warns of something that concerns this folder.
    pub fn warn(&self, text: impl FnOnce(std::path::Display<'_>) -> String) {
        self.voice.say(Level::WARN, || text(self.dir.display()));
    }

    /// Reads a record. One that is damaged is reported and dropped.
    pub fn read(&self, key: &Key) -> Option<Payload> {
        let place = *self.index.0.lock().get(key)?;
        let read = self.segments.iter().find(|segment| segment.number == place.segment)?.read(&place);
        match read {
            Ok(Some(entry)) if entry.key == *key => return Some(entry.payload),
            Ok(_) => self.warn(|dir| format!("a record of the journal '{dir}' is damaged, and is dropped")),
            Err(error) => self.warn(|dir| format!("a record of the journal '{dir}' cannot be read: {error}")),
        }
        self.index.0.lock().remove(key);
        None
    }

    /// Writes records, in few calls of the system. When it returns they outlive the process; a power failure only after
    /// [`sync`](Self::sync). Of a result that is there already nothing is written, nor of one that is too large for half
    /// a journal.
    ///
    /// # Errors
    /// What could not be written is not kept.
    pub fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let mut batch = Batch::default();
        for entry in entries {
            let size = entry.stored_bytes();
            if size > self.segment_bytes / 2 || (entry.kind == Kind::Memo && self.index.has(&entry.key)) {
                continue;
            }
            if batch.bytes.len() + size as usize > WRITE_BYTES {
                self.flush(&mut batch)?;
            }
            if self.is_full_with(&batch, size) {
                self.flush(&mut batch)?;
                self.rotate()?;
            }
            batch.add(self.newest()?, entry);
        }
        self.flush(&mut batch)
    }

    fn newest(&mut self) -> io::Result<&mut Segment> {
        self.segments.back_mut().ok_or_else(|| io::Error::other("the journal has no file to write to"))
    }

    fn is_full_with(&self, batch: &Batch, size: u64) -> bool {
        self.segments.back().is_some_and(|segment| {
            segment.length + batch.bytes.len() as u64 + size > self.segment_bytes
                || segment.records + batch.places.len() >= self.segment_records
        })
    }

    fn flush(&mut self, batch: &mut Batch) -> io::Result<()> {
        let Batch { bytes, places } = std::mem::take(batch);
        if places.is_empty() {
            return Ok(());
        }
        self.newest()?.append(&bytes, places.len())?;
        self.unsynced = true;
        self.index.0.lock().extend(places);
        Ok(())
    }

    /// Begins a new file, and drops the oldest but for its checkpoints.
    fn rotate(&mut self) -> io::Result<()> {
        self.sync()?;
        let number = self.newest()?.number + 1;
        self.begin_segment(number)?;
        while self.segments.len() > 2 {
            self.carry_over()?;
            // Before what it was written from is gone.
            self.sync()?;
            let Some(oldest) = self.segments.pop_front() else { break };
            self.index.0.lock().retain(|_, place| place.segment != oldest.number);
            oldest.remove()?;
            let full = || format!("the journal '{}' is full: its oldest results are dropped", self.dir.display());
            self.voice.say(Level::INFO, full);
        }
        Ok(())
    }

    /// Writes the checkpoints of the oldest file once more, the newest first, as long as they leave half of the new file to
    /// others.
    fn carry_over(&mut self) -> io::Result<()> {
        let (mut batch, mut room, mut dropped) = (Batch::default(), self.segment_bytes / 2, 0);
        for (index, place) in self.oldest_checkpoints().into_iter().enumerate() {
            if place.length > room || index >= self.segment_records / 2 {
                dropped += 1;
                continue;
            }
            if batch.bytes.len() > WRITE_BYTES {
                self.flush(&mut batch)?;
            }
            if let (Some(oldest), Some(newest)) = (self.segments.front(), self.segments.back())
                && let Some(entry) = oldest.read(&place)?
            {
                room -= place.length;
                batch.add(newest, &entry);
            }
        }
        if dropped > 0 {
            self.warn(|dir| {
                format!("the journal '{dir}' has no room for {dropped} of its checkpoints: raise its limit")
            });
        }
        self.flush(&mut batch)
    }

    fn oldest_checkpoints(&self) -> Vec<Place> {
        let oldest = self.segments.front().map(|segment| segment.number);
        let index = self.index.0.lock();
        let is_one = |place: &&Place| Some(place.segment) == oldest && place.kind == Kind::Checkpoint;
        let mut places: Vec<_> = index.values().filter(is_one).copied().collect();
        places.sort_unstable_by_key(|place| std::cmp::Reverse(place.at));
        places
    }

    /// Was something written that a power failure may take?
    pub fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// Has the disk keep what was written.
    ///
    /// # Errors
    /// The disk's own.
    pub fn sync(&mut self) -> io::Result<()> {
        self.segments.back().map_or(Ok(()), Segment::sync)?;
        self.unsynced = false;
        Ok(())
    }
}

/// Records that are written at once.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    places: Vec<(Key, Place)>,
}

impl Batch {
    fn add(&mut self, to: &Segment, entry: &Entry) {
        let place = to.encode(entry, &mut self.bytes);
        self.places.push((entry.key, place));
    }
}

#[cfg(test)]
mod tests;
