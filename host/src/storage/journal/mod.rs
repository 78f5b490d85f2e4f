//! What outlives the process: the results of pure tasks and the checkpoints of actors, in a folder of one writer.
//!
//! Two files take turns. Records are appended to the newer one; when it is full the older one goes. Before that what is to stay of it
//! is written once more ([`carry`]), a little with each thing that is written: its checkpoints that are in force, and results of
//! those owners that have less than their share. A record is found by an index in memory, and its checksums are looked at when it is
//! read. Who writes never waits for the disk, but for one that takes longer to remove a file than others to fill a part of the next
//! one ([`Chores`]).

mod carry;
mod chores;
mod error;
mod files;
mod index;
mod reading;
mod record;
mod segment;

use std::collections::VecDeque;
use std::fs::{DirBuilder, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::Level;

use carry::{Carry, Room};
pub use chores::Chores;
pub use error::JournalError;
pub use files::{Files, Find};
use reading::Reading;
pub use record::{Entry, Key, Kind, Owner};
use segment::{Found, Place, Segment};

use crate::types::limits::{JOURNAL_BYTES_MIN, JOURNAL_RECORDS_MAX};
use crate::types::voice::Voice;

/// Bytes that are written at once.
const WRITE_BYTES: usize = 4 << 20;

/// A file whose head is damaged is kept under this name, one at most, for whoever wants to look at it.
const DAMAGED: &str = "damaged";

/// A journal, as its one writer holds it.
pub struct Journal {
    dir: PathBuf,
    files: Arc<Files>,
    chores: Arc<Chores>,
    newest: Newest,
    /// What is left of the older file; `None` as long as the newer one is rather empty.
    carry: Option<Carry>,
    sizes: Sizes,
}

/// The file that is written to.
struct Newest {
    segment: Arc<Segment>,
    /// Bytes up to the end of the last record.
    length: u64,
    /// Records in it, those included that are out of date.
    records: usize,
}

/// How large the files are.
#[derive(Clone, Copy)]
struct Sizes {
    /// Bytes of one.
    bytes: u64,
    /// Records of one.
    records: usize,
}

impl Sizes {
    /// Where two are full, and the next one has its first part, they are `limit`.
    fn of(limit: u64) -> Self {
        Sizes { bytes: limit / (2 * FIRST_PART + 1) * FIRST_PART, records: JOURNAL_RECORDS_MAX / 2 }
    }

    /// Bytes of a file that are written before anything is carried over.
    fn first_part(&self) -> u64 {
        self.bytes / FIRST_PART
    }

    /// The largest record.
    fn record(&self) -> u64 {
        self.bytes / 2
    }

    /// Room for checkpoints that are carried over: what the largest record leaves.
    fn checkpoints(&self) -> u64 {
        self.bytes / 2 - segment::FILE_HEAD_BYTES as u64
    }
}

/// The part of a file that is filled while the one before the last may be there still.
const FIRST_PART: u64 = 8;

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
        let (files, chores) = (Files::new(dir.to_owned()), Chores::new(dir.to_owned(), lock));
        let newest = open_files(dir, &files, &chores)?;
        let (files, chores, sizes) = (Arc::new(files), Arc::new(chores), Sizes::of(limit));
        Ok(Journal { dir: dir.to_owned(), files, chores, newest, carry: None, sizes })
    }

    /// What is in it, to look at and to read while another thread writes.
    pub fn files(&self) -> Arc<Files> {
        self.files.clone()
    }

    /// What takes as long as a disk does, for another thread to do.
    pub fn chores(&self) -> Arc<Chores> {
        self.chores.clone()
    }

    /// Has what it has to say from now on said so.
    pub fn speak_through(&mut self, voice: Voice) {
        self.files.speak_through(voice);
    }

    /// Writes records, in few calls of the system. When it returns they outlive the process; a power failure only after the
    /// [chores](Self::chores). Of a result that is there already nothing is written, nor of one that is too large for half a file.
    ///
    /// # Errors
    /// What could not be written is not kept.
    pub fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let mut batch = Batch::default();
        for entry in entries {
            let size = entry.stored_bytes();
            if size > self.sizes.record() || (entry.kind == Kind::Memo && self.files.has(&entry.key)) {
                continue;
            }
            if batch.bytes.len() + size as usize > WRITE_BYTES {
                self.flush(&mut batch)?;
            }
            self.make_room(&mut batch, size)?;
            batch.add(&self.newest, entry, 0);
        }
        self.flush(&mut batch)
    }

    /// Carries over some of what is left of the older file: as much for so many bytes that were written as will have it done when the
    /// newer one is full.
    ///
    /// # Errors
    /// It is tried again.
    pub fn carry_for(&mut self, written: u64) -> io::Result<()> {
        let due = self.carry.as_ref().map_or(0, Carry::bytes);
        let free = self.sizes.bytes.saturating_sub(self.newest.length + due).max(1);
        let part = u128::from(written) * u128::from(due) / u128::from(free);
        self.carry_over(u64::try_from(part).unwrap_or(u64::MAX))
    }

    /// So much is to be written behind the batch.
    fn make_room(&mut self, batch: &mut Batch, size: u64) -> io::Result<()> {
        if self.carry.is_none() && self.is_rather_full_with(batch, size) {
            self.flush(batch)?;
            self.finish_chores()?;
            self.plan_to_carry()?;
        }
        if self.is_full_with(batch, size) {
            self.flush(batch)?;
            self.carry_over(u64::MAX)?;
            self.rotate()?;
            if size > self.sizes.first_part() {
                self.finish_chores()?;
            }
        }
        Ok(())
    }

    /// There is no third file from here on: the next one grows.
    fn finish_chores(&self) -> io::Result<()> {
        if self.chores.has_gone() { self.chores.run() } else { Ok(()) }
    }

    fn is_rather_full_with(&self, batch: &Batch, size: u64) -> bool {
        let (bytes, records) = self.with(batch);
        let is_begun = self.newest.records + batch.places.len() > 0;
        is_begun && (bytes + size > self.sizes.first_part() || records >= self.sizes.records / FIRST_PART as usize)
    }

    fn is_full_with(&self, batch: &Batch, size: u64) -> bool {
        let (bytes, records) = self.with(batch);
        let (due, places) = self.carry.as_ref().map_or((0, 0), |carry| (carry.bytes(), carry.records()));
        // One that was just begun takes what comes.
        let is_begun = self.newest.records + batch.places.len() > 0;
        is_begun && (bytes + due + size > self.sizes.bytes || records + places >= self.sizes.records)
    }

    /// Bytes and records of the newest file, when the batch is there as well.
    fn with(&self, batch: &Batch) -> (u64, usize) {
        (self.newest.length + batch.bytes.len() as u64, self.newest.records + batch.places.len())
    }

    fn flush(&mut self, batch: &mut Batch) -> io::Result<()> {
        let Batch { bytes, places } = std::mem::take(batch);
        if places.is_empty() {
            return Ok(());
        }
        self.newest.segment.append(&bytes, self.newest.length)?;
        self.newest.length += bytes.len() as u64;
        self.newest.records += places.len();
        self.chores.note_written(&self.newest.segment);
        places.into_iter().for_each(|(key, place)| self.files.index.insert(key, place));
        Ok(())
    }

    /// From here on what is to stay of the older file has its room in the newer one.
    fn plan_to_carry(&mut self) -> io::Result<()> {
        // More than two are there after an end in the middle of this, and too little room where the limit was another one.
        while self.count() > 2 || self.lacks_room_for_checkpoints() {
            if self.count() <= 2 {
                self.begin_file()?;
            }
            self.plan_from_oldest();
            self.carry_over(u64::MAX)?;
            self.drop_oldest();
        }
        self.finish_chores()?;
        self.plan_from_oldest();
        Ok(())
    }

    fn count(&self) -> usize {
        self.files.with_segments(|segments| segments.len())
    }

    fn oldest(&self) -> Option<Arc<Segment>> {
        self.files.with_segments(|segments| segments.front().filter(|_| segments.len() > 1).cloned())
    }

    fn lacks_room_for_checkpoints(&self) -> bool {
        let Some(oldest) = self.oldest() else { return false };
        let is_one = |place: &Place| place.segment == oldest.number && place.kind == Kind::Checkpoint;
        let mut bytes = 0;
        self.files.index.for_each(|_, place| bytes += if is_one(place) { place.length } else { 0 });
        self.newest.length + bytes.min(self.sizes.checkpoints()) > self.sizes.bytes
    }

    fn plan_from_oldest(&mut self) {
        let Some(oldest) = self.oldest() else { return self.carry = Some(Carry::default()) };
        let Sizes { bytes, records } = self.sizes;
        let free = bytes.saturating_sub(self.newest.length);
        let most = self.sizes.checkpoints() + self.sizes.first_part();
        let room =
            Room { checkpoints: self.sizes.checkpoints().min(free), bytes: most.min(free), records: records / 2 };
        let carry = Carry::plan(&self.files.index, oldest.number, room);
        if carry.dropped > 0 {
            let dropped = carry.dropped;
            self.files.warn(|dir| {
                format!("the journal '{dir}' has no room for {dropped} of its checkpoints: raise its limit")
            });
        }
        self.carry = Some(carry);
    }

    /// Writes so many bytes of what is left of the oldest file once more, or one record.
    fn carry_over(&mut self, bytes: u64) -> io::Result<()> {
        let Some(oldest) = self.oldest().filter(|_| bytes > 0) else { return Ok(()) };
        let (mut batch, mut taken, mut carried) = (Batch::default(), Vec::new(), 0);
        while carried < bytes
            && let Some((key, place)) = self.carry.as_mut().and_then(Carry::next)
        {
            if self.files.index.get(&key) != Some(place) {
                // A newer one has taken its place.
                continue;
            }
            carried += place.length;
            taken.push((key, place));
            match Reading::new(oldest.clone(), &place).finish() {
                Ok(Some(entry)) => batch.add(&self.newest, &entry, place.carried.saturating_add(1)),
                Ok(None) => {
                    self.files.warn(|dir| format!("a record of the journal '{dir}' is damaged, and is dropped"))
                }
                Err(error) => self.files.warn(|dir| format!("a record of the journal '{dir}' cannot be read: {error}")),
            }
            if batch.bytes.len() > WRITE_BYTES {
                self.flush_carried(&mut batch, &mut taken)?;
            }
        }
        self.flush_carried(&mut batch, &mut taken)
    }

    /// What could not be written is to be carried over still.
    fn flush_carried(&mut self, batch: &mut Batch, taken: &mut Vec<(Key, Place)>) -> io::Result<()> {
        let (flushed, taken) = (self.flush(batch), std::mem::take(taken));
        if let (Err(_), Some(carry)) = (&flushed, &mut self.carry) {
            carry.put_back(taken);
        }
        flushed
    }

    /// Begins a new file, and lets go of the oldest, of which nothing is needed any more.
    fn rotate(&mut self) -> io::Result<()> {
        self.begin_file()?;
        while self.count() > 2 {
            self.drop_oldest();
            self.files.say(Level::INFO, |dir| format!("the journal '{dir}' is full: its oldest results are dropped"));
        }
        self.carry = None;
        Ok(())
    }

    fn begin_file(&mut self) -> io::Result<()> {
        self.newest = begin_file(&self.dir, self.newest.segment.number + 1, &self.files, &self.chores)?;
        Ok(())
    }

    /// It is removed when the disk has what was written of it to others.
    fn drop_oldest(&self) {
        let Some(oldest) = self.files.with_segments(VecDeque::pop_front) else { return };
        self.files.index.retain(|place| place.segment != oldest.number);
        self.chores.note_gone(oldest);
    }
}

/// Finds the records of all files, and where to go on.
fn open_files(dir: &Path, files: &Files, chores: &Chores) -> Result<Newest, JournalError> {
    let mut numbers = Vec::new();
    for file in std::fs::read_dir(dir)? {
        numbers.extend(file?.file_name().to_str().and_then(segment::number_of));
    }
    numbers.sort_unstable();
    let (mut damaged, mut newest) = (0, None);
    for number in &numbers {
        let Some((segment, mut found)) = Segment::open(dir, *number)? else {
            put_aside(dir, files, *number)?;
            continue;
        };
        let is_last = Some(number) == numbers.last();
        if is_last {
            cut_torn_end(&segment, &mut found)?;
        }
        let Found { records, damaged: places, length } = found;
        damaged += places;
        newest = is_last.then(|| Newest { segment: segment.clone(), length, records: records.len() });
        records.into_iter().for_each(|(key, place)| files.index.insert(key, place));
        files.with_segments(|segments| segments.push_back(segment));
    }
    if damaged > 0 {
        let places = if damaged == 1 { "place" } else { "places" };
        let what = "was damaged, or cut off while it was written,";
        files.warn(|dir| {
            format!("the journal '{dir}' {what} at {damaged} {places}: what was there is dropped, the rest is kept")
        });
    }
    match newest {
        Some(newest) => Ok(newest),
        None => Ok(begin_file(dir, numbers.last().map_or(1, |last| last + 1), files, chores)?),
    }
}

fn begin_file(dir: &Path, number: u64, files: &Files, chores: &Chores) -> io::Result<Newest> {
    let segment = Arc::new(Segment::create(dir, number)?);
    chores.note_new(&segment);
    files.with_segments(|segments| segments.push_back(segment.clone()));
    Ok(Newest { segment, length: segment::FILE_HEAD_BYTES as u64, records: 0 })
}

/// The newest file goes on behind its last whole record: one that was being written when the process ended is cut off.
fn cut_torn_end(segment: &Arc<Segment>, found: &mut Found) -> io::Result<()> {
    if let Some((_, last)) = found.records.last()
        && Reading::new(segment.clone(), last).finish()?.is_none()
    {
        found.length = last.at;
        found.records.pop();
        found.damaged += 1;
    }
    segment.cut(found.length)
}

/// A file whose head is not whole: nothing in it can be checked.
fn put_aside(dir: &Path, files: &Files, number: u64) -> io::Result<()> {
    let (from, to) = (segment::path(dir, number), dir.join(DAMAGED));
    files.warn(|_| format!("'{}' has no whole head, and is put aside as '{}'", from.display(), to.display()));
    std::fs::rename(from, to)
}

/// Records that are written at once.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    places: Vec<(Key, Place)>,
}

impl Batch {
    /// As one that was written to so many files before.
    fn add(&mut self, to: &Newest, entry: &Entry, carried: u16) {
        let place = to.segment.encode(entry, carried, to.length, &mut self.bytes);
        self.places.push((entry.key, place));
    }
}

#[cfg(test)]
mod tests;
