//! A record that is read step by step, so that a large one holds up nobody who wants a small one.

use std::io;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::record::{Entry, SEAL_BYTES, read_sealed};
use super::segment::{Place, Segment};
use crate::types::limits::JOURNAL_STEP_BYTES;

/// A record on its way out of the journal.
pub struct Reading {
    segment: Arc<Segment>,
    at: u64,
    /// What was read, and after that what is still to be.
    bytes: Vec<u8>,
    read: usize,
    length: usize,
    /// Over what was read, but for the seal.
    hasher: Sha256,
}

impl Reading {
    /// Of the record that this file has there.
    pub fn new(segment: Arc<Segment>, place: &Place) -> Self {
        let (length, hasher) = (usize::try_from(place.length).unwrap_or(usize::MAX), segment.salt().hasher());
        Reading { segment, at: place.at, bytes: Vec::new(), read: 0, length, hasher }
    }

    /// Reads so much more of it as one may have at a time; true if that was the last.
    ///
    /// # Errors
    /// The disk's own, or there is not so much.
    pub fn step(&mut self) -> io::Result<bool> {
        // Not before its turn, which may be long after it was asked for.
        self.bytes.resize(self.length, 0);
        let end = self.length.min(self.read.saturating_add(JOURNAL_STEP_BYTES));
        let part = &mut self.bytes[self.read..end];
        self.segment.read_at(part, self.at + self.read as u64)?;
        let sealed = self.length.saturating_sub(SEAL_BYTES).clamp(self.read, end);
        self.hasher.update(&self.bytes[self.read..sealed]);
        self.read = end;
        Ok(end == self.length)
    }

    /// Reads the rest at once; `None` if it is damaged.
    ///
    /// # Errors
    /// The disk's own.
    pub fn finish(mut self) -> io::Result<Option<Entry>> {
        loop {
            match self.step() {
                Ok(false) => {}
                Ok(true) => return Ok(self.entry()),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// What was read, when all is; `None` if it is damaged.
    pub fn entry(self) -> Option<Entry> {
        let hash = self.hasher.finalize().into();
        read_sealed(self.bytes, self.segment.salt(), hash)
    }
}
