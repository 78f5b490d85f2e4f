//! What is in a journal, and where: for the thread that writes it, and for those that read meanwhile.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tracing::Level;

use super::index::Index;
use super::reading::Reading;
use super::record::Key;
use super::segment::{Place, Segment};
use crate::state::object::payload::Payload;
use crate::types::voice::Voice;

/// The records of a journal, and its files.
pub struct Files {
    dir: PathBuf,
    /// Where each record is that is in force. The thread that writes is the only one that adds any.
    pub(super) index: Index,
    /// From the oldest to the newest, which is written to.
    segments: Mutex<VecDeque<Arc<Segment>>>,
    voice: RwLock<Voice>,
}

/// A record that was asked for.
pub struct Find {
    key: Key,
    place: Place,
    reading: Reading,
}

impl Files {
    /// Of a journal in this folder, as yet without any.
    pub(super) fn new(dir: PathBuf) -> Self {
        let (index, segments) = (Index::default(), Mutex::default());
        Files { dir, index, segments, voice: RwLock::new(Voice::direct()) }
    }

    /// Does something with its files.
    pub(super) fn with_segments<T>(&self, act: impl FnOnce(&mut VecDeque<Arc<Segment>>) -> T) -> T {
        act(&mut self.segments.lock())
    }

    /// Is there a record?
    pub fn has(&self, key: &Key) -> bool {
        self.index.get(key).is_some()
    }

    /// Bytes of the payload of a record; `None` if there is none.
    pub fn payload_bytes(&self, key: &Key) -> Option<u64> {
        self.index.get(key).map(|place| place.payload_bytes())
    }

    /// Begins to read a record, if there is one.
    pub fn find(&self, key: &Key) -> Option<Find> {
        let place = self.index.get(key)?;
        let segment = self.segments.lock().iter().find(|segment| segment.number == place.segment)?.clone();
        Some(Find { key: *key, place, reading: Reading::new(segment, &place) })
    }

    /// Goes on with reading it. `Some` is the end: its payload, or nothing where it is damaged, which is reported, and the record is
    /// dropped.
    pub fn go_on(&self, mut find: Find) -> Result<Option<Payload>, Find> {
        let (key, place) = (find.key, find.place);
        match find.reading.step() {
            Ok(false) => return Err(find),
            Ok(true) => {
                if let Some(entry) = find.reading.entry().filter(|entry| entry.key == key) {
                    return Ok(Some(entry.payload));
                }
                self.warn(|dir| format!("a record of the journal '{dir}' is damaged, and is dropped"));
            }
            Err(error) => self.warn(|dir| format!("a record of the journal '{dir}' cannot be read: {error}")),
        }
        // Of no use; a newer one of its key stays.
        self.index.remove(&key, &place);
        Ok(None)
    }

    /// Reads a record at once.
    #[cfg(test)]
    pub fn read(&self, key: &Key) -> Option<Payload> {
        let mut find = self.find(key)?;
        loop {
            match self.go_on(find) {
                Ok(found) => return found,
                Err(more) => find = more,
            }
        }
    }

    /// Has what it has to say from now on said so.
    pub(super) fn speak_through(&self, voice: Voice) {
        *self.voice.write() = voice;
    }

    /// Says something that concerns this folder.
    pub(super) fn say(&self, level: Level, text: impl FnOnce(std::path::Display<'_>) -> String) {
        let voice = self.voice.read().clone();
        voice.say(level, || text(self.dir.display()));
    }

    /// Warns of something that concerns this folder.
    pub fn warn(&self, text: impl FnOnce(std::path::Display<'_>) -> String) {
        self.say(Level::WARN, text);
    }
}
