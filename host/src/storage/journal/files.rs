//! What is in a journal, and where: for the thread that writes it, and for those that read meanwhile.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tracing::Level;

use super::reading::Reading;
use super::record::Key;
use super::segment::{Place, Segment};
use crate::state::object::payload::Payload;
use crate::types::voice::Voice;

/// The records of a journal, and its files.
pub struct Files {
    dir: PathBuf,
    held: Mutex<Held>,
    voice: RwLock<Voice>,
}

/// What there is.
#[derive(Default)]
pub(super) struct Held {
    /// Where each record is that is in force.
    pub index: HashMap<Key, Place>,
    /// From the oldest to the newest, which is written to.
    pub segments: VecDeque<Arc<Segment>>,
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
        Files { dir, held: Mutex::default(), voice: RwLock::new(Voice::direct()) }
    }

    /// Does something with all of it; nobody reads or writes meanwhile.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Held) -> T) -> T {
        act(&mut self.held.lock())
    }

    /// Is there a record?
    pub fn has(&self, key: &Key) -> bool {
        self.held.lock().index.contains_key(key)
    }

    /// Begins to read a record, if there is one.
    pub fn find(&self, key: &Key) -> Option<Find> {
        let held = self.held.lock();
        let place = *held.index.get(key)?;
        let segment = held.segments.iter().find(|segment| segment.number == place.segment)?.clone();
        drop(held);
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
        self.forget(&key, &place);
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

    /// This record is of no use; a newer one of its key stays.
    fn forget(&self, key: &Key, place: &Place) {
        let mut held = self.held.lock();
        if held.index.get(key) == Some(place) {
            held.index.remove(key);
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
