//! What is written once more before the oldest file of a journal goes: the checkpoints that are in force, and of each owner's results
//! as many as it has a right to, the newest first.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, VecDeque};

use super::index::Index;
use super::record::{Key, Kind, Owner};
use super::segment::Place;

/// Room for what is carried over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// For checkpoints.
    pub checkpoints: u64,
    /// For all of it.
    pub bytes: u64,
    /// Records.
    pub records: usize,
}

/// What is to be carried over, in the order in which it was kept.
#[derive(Default)]
pub(super) struct Carry {
    due: VecDeque<(Key, Place)>,
    bytes: u64,
    /// Checkpoints that find no room.
    pub dropped: usize,
}

impl Carry {
    /// What the file of this number leaves.
    pub fn plan(index: &Index, oldest: u64, room: Room) -> Self {
        let mut holdings = Holdings::of(index, oldest);
        let mut planned = Planned { places: Vec::new(), bytes: 0, records: room.records };
        let checkpoints = candidates(index, oldest, |place| place.kind == Kind::Checkpoint);
        let dropped = planned.take(checkpoints, &mut holdings, room.checkpoints, u64::MAX);
        // Whatever is left, an equal part for each.
        let share = room.bytes.saturating_sub(planned.bytes) / (holdings.count.max(1) as u64);
        let lacks = |place: &Place| place.kind == Kind::Memo && holdings.bytes_of(place.owner) < share;
        let memos = candidates(index, oldest, lacks);
        planned.take(memos, &mut holdings, room.bytes, share);
        planned.places.sort_unstable_by_key(|(_, place)| place.age());
        Carry { bytes: planned.bytes, due: planned.places.into(), dropped }
    }

    /// Bytes that are still to be carried over.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Records that are.
    pub fn records(&self) -> usize {
        self.due.len()
    }

    /// The next one.
    pub fn next(&mut self) -> Option<(Key, Place)> {
        let (key, place) = self.due.pop_front()?;
        self.bytes -= place.length;
        Some((key, place))
    }

    /// These could not be written: they are next once more.
    pub fn put_back(&mut self, places: Vec<(Key, Place)>) {
        for (key, place) in places.into_iter().rev() {
            self.bytes += place.length;
            self.due.push_front((key, place));
        }
    }
}

/// What each owner has in the other files.
struct Holdings {
    bytes: HashMap<Owner, u64>,
    /// Owners that have anything in any file.
    count: usize,
}

impl Holdings {
    fn of(index: &Index, oldest: u64) -> Self {
        let mut bytes: HashMap<Owner, u64> = HashMap::new();
        index.for_each(|_, place| {
            let there = if place.segment == oldest { 0 } else { place.length };
            *bytes.entry(place.owner).or_default() += there;
        });
        Holdings { count: bytes.len(), bytes }
    }

    fn bytes_of(&self, owner: Owner) -> u64 {
        self.bytes.get(&owner).copied().unwrap_or(0)
    }
}

/// Of each owner, the newest first.
fn candidates(index: &Index, oldest: u64, of: impl Fn(&Place) -> bool) -> HashMap<Owner, VecDeque<(Key, Place)>> {
    let mut candidates: HashMap<Owner, VecDeque<(Key, Place)>> = HashMap::new();
    index.for_each(|key, place| {
        if place.segment == oldest && of(place) {
            candidates.entry(place.owner).or_default().push_back((*key, *place));
        }
    });
    for places in candidates.values_mut() {
        places.make_contiguous().sort_unstable_by_key(|(_, place)| Reverse(place.age()));
    }
    candidates
}

struct Planned {
    places: Vec<(Key, Place)>,
    bytes: u64,
    /// How many there may be.
    records: usize,
}

impl Planned {
    /// Takes the next of whoever has least, as long as all together find room, and none gets more than `share`. Gives how many found
    /// none.
    fn take(
        &mut self,
        mut candidates: HashMap<Owner, VecDeque<(Key, Place)>>,
        holdings: &mut Holdings,
        room: u64,
        share: u64,
    ) -> usize {
        let mut left_out = 0;
        let mut owners: BTreeSet<_> = candidates.keys().map(|owner| (holdings.bytes_of(*owner), *owner)).collect();
        while let Some((held, owner)) = owners.pop_first() {
            let Some((key, place)) = candidates.get_mut(&owner).and_then(VecDeque::pop_front) else { continue };
            if held.saturating_add(place.length) > share {
                // What is older than one that is left out is as well.
                continue;
            }
            let fits = self.bytes + place.length <= room && self.places.len() < self.records;
            let more = if fits { place.length } else { 0 };
            if fits {
                self.places.push((key, place));
                self.bytes += place.length;
                *holdings.bytes.entry(owner).or_default() += place.length;
            } else {
                left_out += 1;
            }
            owners.insert((held + more, owner));
        }
        left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(owner: u32, segment: u64, at: u64, length: u64, kind: Kind) -> Place {
        Place { segment, at, length, kind, owner: Owner(owner), carried: 0 }
    }

    fn index(places: &[Place]) -> Index {
        let key = |number: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_le_bytes());
            Key(key)
        };
        places.iter().enumerate().map(|(number, place)| (key(number), *place)).collect()
    }

    fn room(bytes: u64) -> Room {
        Room { checkpoints: bytes * 4 / 5, bytes, records: 1000 }
    }

    /// Whose each is and where it was, of what is carried over.
    fn planned(mut carry: Carry) -> Vec<(u32, u64)> {
        std::iter::from_fn(|| carry.next()).map(|(_, place)| (place.owner.0, place.at)).collect()
    }

    #[test]
    fn who_has_its_share_in_newer_files_loses_its_oldest_and_who_has_less_keeps_its_newest() {
        let mut places: Vec<_> = (0..50).map(|n| place(1, 2, n * 100, 100, Kind::Memo)).collect();
        places.extend((0..10).map(|n| place(1, 1, n * 100, 100, Kind::Memo)));
        places.extend((10..20).map(|n| place(2, 1, n * 100, 100, Kind::Memo)));
        // Two owners: 500 each.
        let carry = Carry::plan(&index(&places), 1, room(1000));
        assert_eq!((carry.bytes(), carry.records(), carry.dropped), (500, 5, 0));
        assert_eq!(planned(carry), [15, 16, 17, 18, 19].map(|n| (2, n * 100)), "the newest, in their order");
        // What it has in the newer one counts.
        places.push(place(2, 2, 5000, 300, Kind::Memo));
        assert_eq!(planned(Carry::plan(&index(&places), 1, room(1000))), [(2, 1800), (2, 1900)]);
        // Alone it has all that there is.
        let alone: Vec<_> = places.iter().filter(|place| place.owner == Owner(1)).copied().collect();
        assert_eq!(Carry::plan(&index(&alone), 1, room(1000)).records(), 0);
    }

    #[test]
    fn no_checkpoint_is_lost_for_results_and_none_of_one_who_has_few_for_those_of_one_who_has_many() {
        let mut places: Vec<_> = (0..100).map(|n| place(1, 1, n, 100, Kind::Checkpoint)).collect();
        places.extend((100..103).map(|n| place(2, 1, n, 100, Kind::Checkpoint)));
        places.extend((200..300).map(|n| place(3, 1, n, 100, Kind::Memo)));
        let carry = Carry::plan(&index(&places), 1, room(1000));
        assert_eq!(carry.dropped, 95, "of 103 eight have room");
        let kept = planned(carry);
        assert_eq!(kept[..8], [(1, 95), (1, 96), (1, 97), (1, 98), (1, 99), (2, 100), (2, 101), (2, 102)]);
        // There is room beside them that none but results have. A third of it is less than one of these takes.
        assert_eq!(kept.len(), 8);
        let kept = planned(Carry::plan(&index(&places), 1, room(2000)));
        assert_eq!(kept.iter().filter(|(owner, _)| *owner == 3).count(), 1);
    }

    #[test]
    fn what_could_not_be_written_is_next_once_more() {
        let places: Vec<_> = (0..5).map(|n| place(1, 1, n * 100, 100, Kind::Checkpoint)).collect();
        let mut carry = Carry::plan(&index(&places), 1, room(1000));
        let taken: Vec<_> = (0..3).filter_map(|_| carry.next()).collect();
        assert_eq!((carry.bytes(), carry.records()), (200, 2));
        carry.put_back(taken);
        assert_eq!(carry.bytes(), 500);
        assert_eq!(planned(carry), [0, 100, 200, 300, 400].map(|at| (1, at)));
    }

    #[test]
    fn what_was_carried_before_is_as_old_as_it_was() {
        let old = Place { carried: 1, ..place(1, 2, 900, 100, Kind::Checkpoint) };
        let new = place(1, 2, 100, 100, Kind::Checkpoint);
        assert!(old.age() < new.age());
        let carry = Carry::plan(&index(&[old, new]), 2, Room { checkpoints: 100, bytes: 100, records: 10 });
        assert_eq!((planned(carry), old.age()), (vec![(1, 100)], (1, 900)));
    }
}
