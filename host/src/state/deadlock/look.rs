//! One look for deadlocks where all that wait are too much for one graph: owner by owner, so that nobody's deadlock is told late
//! because another waits for very much.

use std::collections::HashMap;

use super::wait_graph::TooLarge;
use crate::types::limits::{WAIT_GRAPH_FEW, WAIT_GRAPH_MAX};

/// A guest that waits.
#[derive(Clone)]
pub struct Waits<T> {
    /// The guest.
    pub waiter: T,
    /// The stamp of its wait.
    pub stamp: u64,
    /// Whose it is.
    pub owner: u64,
}

/// What looking at some that wait came to.
pub struct Looked {
    /// Tasks and queue places that were gone over.
    pub size: usize,
    /// False if they are to be looked at again: there are more cycles than are told at once.
    pub are_all: bool,
}

/// How far a look went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Tasks and queue places that were gone over.
    pub size: usize,
    /// The last stamp up to which all were looked at, where others are left.
    pub up_to: Option<u64>,
}

/// The waits of one owner, in the order of their stamps.
struct OfOwner<T> {
    waiters: Vec<T>,
    stamps: Vec<u64>,
}

/// Looks at those that wait, given in the order of their stamps: `look` builds the graph of some, which
/// may have so many tasks and queue places, and tells its deadlocks.
///
/// The owner whose guest waits for longest may have as much as a whole look, and the others have a share each of as much again. Where an
/// owner's waits are too much together, each is looked at for itself.
pub fn look_by_owner<T: Clone>(
    waits: impl IntoIterator<Item = Waits<T>>,
    mut look: impl FnMut(&[T], usize) -> Result<Looked, TooLarge>,
) -> Progress {
    let owners = by_owner(waits);
    let count = owners.len();
    let (mut all, mut others) = (Progress::default(), 0);
    for (place, owner) in owners.into_iter().enumerate() {
        let is_first = place == 0;
        let share = || WAIT_GRAPH_MAX.saturating_sub(others) / (count - place);
        let max = if is_first { WAIT_GRAPH_MAX } else { share() };
        let Progress { size, up_to } = owner.look(max, is_first, &mut look);
        all.size += size;
        others += if is_first { 0 } else { size };
        all.up_to = all.up_to.into_iter().chain(up_to).min();
    }
    all
}

/// The owner first whose guest waits for longest, and then those before that have fewer.
fn by_owner<T>(waits: impl IntoIterator<Item = Waits<T>>) -> Vec<OfOwner<T>> {
    let mut places = HashMap::new();
    let mut owners: Vec<OfOwner<T>> = Vec::new();
    for Waits { waiter, stamp, owner } in waits {
        let place = *places.entry(owner).or_insert_with(|| {
            owners.push(OfOwner { waiters: Vec::new(), stamps: Vec::new() });
            owners.len() - 1
        });
        owners[place].waiters.push(waiter);
        owners[place].stamps.push(stamp);
    }
    if let Some((_, others)) = owners.split_first_mut() {
        others.sort_by_key(|owner| owner.waiters.len());
    }
    owners
}

impl<T: Clone> OfOwner<T> {
    fn look(
        &self,
        max: usize,
        is_first: bool,
        look: &mut impl FnMut(&[T], usize) -> Result<Looked, TooLarge>,
    ) -> Progress {
        match look(&self.waiters, max) {
            Ok(Looked { size, are_all }) => Progress { size, up_to: (!are_all).then(|| before(self.stamps[0])) },
            Err(TooLarge { size }) => {
                let alone = self.look_one_by_one(max, is_first, look);
                Progress { size: size + alone.size, ..alone }
            }
        }
    }

    /// First all that wait for few, and then, if it is this owner's turn, the others, those that wait for longest before, as many as are no
    /// more together: some that wait for very many make nobody else's wait long. Whoever waits for too much by itself is not looked at.
    fn look_one_by_one(
        &self,
        max: usize,
        is_first: bool,
        look: &mut impl FnMut(&[T], usize) -> Result<Looked, TooLarge>,
    ) -> Progress {
        let mut few = Progress::default();
        let mut many = Vec::new();
        for (waiter, stamp) in self.waiters.iter().zip(&self.stamps) {
            if few.size > max {
                few.up_to = Some(before(*stamp));
                break;
            }
            match look(std::slice::from_ref(waiter), WAIT_GRAPH_FEW.min(max)) {
                Ok(Looked { size, are_all }) => {
                    few.size += size;
                    if !are_all {
                        few.up_to = Some(before(*stamp));
                        break;
                    }
                }
                Err(TooLarge { size }) => {
                    few.size += size;
                    many.push((waiter, *stamp));
                }
            }
        }
        if is_first { Self::look_at_many(many, few, look) } else { Self::leave_many(&many, few) }
    }

    /// One of them at least in each look, so that all have their turn. Each with its stamp.
    fn look_at_many(
        many: Vec<(&T, u64)>,
        few: Progress,
        look: &mut impl FnMut(&[T], usize) -> Result<Looked, TooLarge>,
    ) -> Progress {
        let mut size = 0;
        for (waiter, stamp) in many {
            let looked = if size <= WAIT_GRAPH_MAX {
                let looked = look(std::slice::from_ref(waiter), WAIT_GRAPH_MAX);
                looked.unwrap_or_else(|TooLarge { size }| Looked { size, are_all: true })
            } else {
                Looked { size: 0, are_all: false }
            };
            size += looked.size;
            if !looked.are_all {
                return Progress { size: few.size + size, up_to: Some(before(stamp)) };
            }
        }
        Progress { size: few.size + size, ..few }
    }

    fn leave_many(many: &[(&T, u64)], few: Progress) -> Progress {
        let left = many.first().map(|(_, stamp)| before(*stamp));
        Progress { up_to: few.up_to.into_iter().chain(left).min(), ..few }
    }
}

/// All before that wait.
fn before(stamp: u64) -> u64 {
    stamp.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits for so much, and who looks at it is counted.
    type Waiter = (u64, usize);

    fn wait(stamp: u64, owner: u64, size: usize) -> Waits<Waiter> {
        Waits { waiter: (stamp, size), stamp, owner }
    }

    /// A look at these after `since`; gives how far it went, and the stamps of those that it went over.
    fn look(waits: &[Waits<Waiter>], since: u64) -> (Progress, Vec<u64>) {
        let mut seen = Vec::new();
        let late = waits.iter().filter(|wait| wait.stamp > since).cloned();
        let progress = look_by_owner(late, |waiters, max| {
            let size = waiters.iter().map(|(_, size)| size).sum();
            if size > max {
                return Err(TooLarge { size: max + 1 });
            }
            seen.extend(waiters.iter().map(|(stamp, _)| *stamp));
            Ok(Looked { size, are_all: true })
        });
        seen.sort_unstable();
        (progress, seen)
    }

    #[test]
    fn whoever_waits_for_little_is_looked_at_in_the_first_look_beside_anothers_very_much() {
        // Each goes over the same long chain.
        let mut waits: Vec<_> = (1..=1500).map(|stamp| wait(stamp, 1, WAIT_GRAPH_MAX - 1)).collect();
        waits.extend([wait(1501, 2, 3), wait(1502, 2, 3), wait(1503, 3, 2)]);
        let (progress, seen) = look(&waits, 0);
        assert!(seen.ends_with(&[1501, 1502, 1503]), "{seen:?}");
        assert_eq!(progress.up_to, seen.iter().copied().take_while(|stamp| *stamp <= 1500).last());
        assert!(progress.size < 8 * WAIT_GRAPH_MAX, "{}", progress.size);
    }

    #[test]
    fn all_have_their_turn_in_look_after_look() {
        let sizes = [1, WAIT_GRAPH_FEW + 1, WAIT_GRAPH_MAX / 2, WAIT_GRAPH_MAX - 1];
        let waits: Vec<_> = (1..=400).map(|stamp| wait(stamp, stamp % 7, sizes[stamp as usize % 4])).collect();
        let (mut since, mut all) = (0, Vec::new());
        loop {
            let (progress, seen) = look(&waits, since);
            assert!(progress.size < 8 * WAIT_GRAPH_MAX, "{}", progress.size);
            all.extend(seen);
            let Some(up_to) = progress.up_to else { break };
            assert!(up_to > since, "each look goes on");
            since = up_to;
        }
        all.sort_unstable();
        all.dedup();
        assert_eq!(all, (1..=400).collect::<Vec<_>>());
    }

    #[test]
    fn who_waits_for_more_than_any_look_goes_over_keeps_nobody_from_a_turn() {
        let waits = [wait(1, 1, WAIT_GRAPH_MAX + 1), wait(2, 1, 1), wait(3, 1, WAIT_GRAPH_MAX)];
        let (progress, seen) = look(&waits, 0);
        assert_eq!((progress.up_to, seen), (Some(2), vec![2]), "the first took all that the look may");
        assert_eq!(look(&waits, 2), (Progress { size: WAIT_GRAPH_MAX, up_to: None }, vec![3]));
    }

    #[test]
    fn very_many_of_little_are_gone_over_in_several_looks() {
        let count = WAIT_GRAPH_MAX as u64 + 100;
        let waits: Vec<_> = (1..=count).map(|stamp| wait(stamp, 1, 1)).collect();
        let (progress, seen) = look(&waits, 0);
        assert_eq!(progress.up_to, Some(WAIT_GRAPH_MAX as u64 + 1));
        assert_eq!(seen.len(), WAIT_GRAPH_MAX + 1);
        assert_eq!(look(&waits, WAIT_GRAPH_MAX as u64 + 1).0.up_to, None);
    }
}
