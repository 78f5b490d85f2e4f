//! Turns in the line: the owners of those who wait take one after the other, whatever each has there.
//!
//! A turn is a number, given when somebody comes, by which the line is sorted: the next of its owner's, and not before the one that
//! the line has come to. So a thousand of one owner's stand in a thousand turns, and who comes after them stands in the first of those.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Claimant;

/// A place in the line: by priority, then by turn, then in the order in which they came.
pub(super) type Key = (Reverse<i32>, u64, u64);

/// The turns of each priority at which somebody stands.
#[derive(Default)]
pub(super) struct Turns {
    levels: HashMap<i32, Level>,
    /// Places that were given.
    places: u64,
}

#[derive(Default)]
struct Level {
    /// The turn that it has come to: nobody who comes stands before it.
    now: u64,
    owners: HashMap<u64, Own>,
}

/// Those of one owner.
#[derive(Default)]
struct Own {
    standing: usize,
    /// The turn of the next one.
    next: u64,
}

impl Turns {
    /// A place for one more of this owner's.
    pub fn take(&mut self, claimant: Claimant) -> Key {
        let level = self.levels.entry(claimant.priority).or_default();
        let own = level.owners.entry(claimant.owner).or_default();
        let turn = own.next.max(level.now);
        own.next = turn + 1;
        own.standing += 1;
        self.places += 1;
        (Reverse(claimant.priority), turn, self.places)
    }

    /// The one at this place was served: who comes from now on stands in a later turn, also one of the same owner's that has left
    /// nobody in the line.
    pub fn served(&mut self, key: &Key) {
        if let Some(level) = self.levels.get_mut(&key.0.0) {
            level.now = level.now.max(key.1 + 1);
        }
    }

    /// The one at this place has left the line.
    pub fn leave(&mut self, key: &Key, owner: u64) {
        let Entry::Occupied(mut level) = self.levels.entry(key.0.0) else { return };
        if let Entry::Occupied(mut own) = level.get_mut().owners.entry(owner) {
            own.get_mut().standing -= 1;
            if own.get().standing == 0 {
                own.remove();
            }
        }
        if level.get().owners.is_empty() {
            level.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::state::queue::round_robin::RoundRobin;
    use rustyray_testkit::seeds;

    fn of(owner: u64) -> Claimant {
        Claimant { priority: 0, owner }
    }

    /// The line as it is sorted, with what stands at each place.
    #[derive(Default)]
    struct Sorted {
        turns: Turns,
        line: BTreeMap<Key, (u64, u32)>,
    }

    impl Sorted {
        fn push(&mut self, claimant: Claimant, item: u32) {
            self.line.insert(self.turns.take(claimant), (claimant.owner, item));
        }

        fn pop(&mut self) -> Option<u32> {
            let (key, (owner, item)) = self.line.pop_first()?;
            self.turns.served(&key);
            self.turns.leave(&key, owner);
            Some(item)
        }
    }

    #[test]
    fn who_comes_stands_behind_one_of_each_other_owner_and_has_saved_nothing_up() {
        let mut line = Sorted::default();
        (0..100).for_each(|n| line.push(of(1), n));
        assert_eq!([line.pop(), line.pop()], [Some(0), Some(1)]);
        line.push(of(2), 200);
        assert_eq!([line.pop(), line.pop()], [Some(2), Some(200)]);
        // It comes back at once, again and again: the others' turns come all the same.
        line.push(of(3), 300);
        line.push(of(2), 201);
        let mut order = Vec::new();
        for n in 202..206 {
            order.extend([line.pop(), line.pop()].into_iter().flatten());
            line.push(of(2), n);
        }
        assert_eq!(order.iter().filter(|item| **item < 100).count(), 4, "{order:?}");
        assert!(order[..3].contains(&300), "{order:?}");
    }

    #[test]
    fn a_priority_has_turns_of_its_own_and_an_empty_line_keeps_nothing() {
        let mut line = Sorted::default();
        let urgent = Claimant { priority: 5, owner: 1 };
        (0..10).for_each(|n| line.push(urgent, n));
        (10..13).for_each(|n| line.push(of(1), n));
        assert!((0..10).all(|n| line.pop() == Some(n)));
        line.push(of(2), 20);
        assert_eq!(std::iter::from_fn(|| line.pop()).collect::<Vec<_>>(), [10, 20, 11, 12]);
        assert!(line.turns.levels.is_empty());
    }

    /// After as many of each, whichever of two owners comes first of those that have as many left.
    #[test]
    fn the_owners_take_turns_as_in_the_lines_of_those_who_are_ready() {
        seeds::each(50, |seed| {
            let mut rng = fastrand::Rng::with_seed(seed);
            let (mut sorted, mut shares) = (Sorted::default(), RoundRobin::default());
            let mut counts = [0; 4];
            for _ in 0..200 {
                let owner = rng.usize(0..counts.len());
                sorted.push(of(owner as u64), counts[owner]);
                shares.push(owner as u64, counts[owner]);
                counts[owner] += 1;
            }
            let ready: Vec<u32> = std::iter::from_fn(|| shares.pop(|_| 1)).collect();
            assert_eq!(std::iter::from_fn(|| sorted.pop()).collect::<Vec<_>>(), ready);
            assert!(sorted.turns.levels.is_empty());
        });
    }
}
