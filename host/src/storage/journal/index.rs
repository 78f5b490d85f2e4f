//! Where each record of a journal is that is in force.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::record::Key;
use super::segment::Place;

/// Parts of the index, each with its lock. Going over all records holds up whoever looks for one no longer than a part takes: less than
/// a millisecond where there are as many as there may be.
const PARTS: usize = 256;

/// Records by their keys, which are hashes.
pub(super) struct Index(Box<[Mutex<HashMap<Key, Place>>]>);

impl Default for Index {
    fn default() -> Self {
        Index((0..PARTS).map(|_| Mutex::default()).collect())
    }
}

impl Index {
    fn part(&self, key: &Key) -> &Mutex<HashMap<Key, Place>> {
        &self.0[usize::from(key.0[0]) % PARTS]
    }

    /// Where the record of this key is.
    pub fn get(&self, key: &Key) -> Option<Place> {
        self.part(key).lock().get(key).copied()
    }

    /// The record of this key is here from now on.
    pub fn insert(&self, key: Key, place: Place) {
        self.part(&key).lock().insert(key, place);
    }

    /// There is no record of this key any more, unless it is elsewhere by now.
    pub fn remove(&self, key: &Key, place: &Place) {
        let mut part = self.part(key).lock();
        if part.get(key) == Some(place) {
            part.remove(key);
        }
    }

    /// There are no others any more than these.
    pub fn retain(&self, stays: impl Fn(&Place) -> bool) {
        self.0.iter().for_each(|part| part.lock().retain(|_, place| stays(place)));
    }

    /// Goes over all, part by part: others come and go meanwhile.
    pub fn for_each(&self, mut act: impl FnMut(&Key, &Place)) {
        for part in &self.0 {
            part.lock().iter().for_each(|(key, place)| act(key, place));
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.iter().map(|part| part.lock().len()).sum()
    }
}

impl FromIterator<(Key, Place)> for Index {
    fn from_iter<I: IntoIterator<Item = (Key, Place)>>(records: I) -> Self {
        let index = Index::default();
        records.into_iter().for_each(|(key, place)| index.insert(key, place));
        index
    }
}
