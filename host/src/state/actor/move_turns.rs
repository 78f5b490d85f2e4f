//! Whose turn it is to move: each actor that moves has two instances meanwhile, and the host has room for a few such.
//!
//! Of each owner one actor moves at a time, and the owners take turns. Who waits serves its calls meanwhile: it stands in line only
//! while it has none, so that a turn is never held by one that computes something else.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::types::sync::{Mutex, rank};

/// The turns of one host.
pub struct MoveTurns {
    inner: Mutex<Inner, { rank::ACTOR }>,
    max: usize,
}

#[derive(Default)]
struct Inner {
    /// By owner: whose turn it is.
    moving: BTreeMap<u64, u64>,
    /// By owner: those that wait, the first one first.
    lines: BTreeMap<u64, VecDeque<Waiting>>,
    /// The owners that wait and of which nobody moves, in turn.
    next: VecDeque<u64>,
    last: u64,
}

struct Waiting {
    number: u64,
    invite: Box<dyn FnOnce() + Send>,
}

/// A place in the line, and the turn once it has come. Both end with it.
pub struct MovePlace {
    turns: Arc<MoveTurns>,
    owner: u64,
    number: u64,
}

impl MoveTurns {
    /// At most so many move at a time.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(MoveTurns { inner: Mutex::default(), max })
    }

    /// A place behind those of the same owner. Where its turn is not at once, whoever waits is invited when it comes: in whichever
    /// thread, which holds no lock.
    pub fn enter(self: &Arc<Self>, owner: u64, invite: impl FnOnce() + Send + 'static) -> MovePlace {
        let mut inner = self.inner.lock();
        inner.last += 1;
        let number = inner.last;
        if inner.moving.len() < self.max && inner.next.is_empty() && !inner.moving.contains_key(&owner) {
            inner.moving.insert(owner, number);
        } else {
            inner.lines.entry(owner).or_default().push_back(Waiting { number, invite: Box::new(invite) });
            if !inner.moving.contains_key(&owner) && !inner.next.contains(&owner) {
                inner.next.push_back(owner);
            }
        }
        MovePlace { turns: self.clone(), owner, number }
    }
}

impl Inner {
    /// Gives turns to those that are next, who are to be invited.
    fn go_on(&mut self, max: usize) -> Vec<Waiting> {
        let mut invited = Vec::new();
        while self.moving.len() < max
            && let Some(owner) = self.next.pop_front()
            && let Some(line) = self.lines.get_mut(&owner)
        {
            if let Some(waiting) = line.pop_front() {
                self.moving.insert(owner, waiting.number);
                invited.push(waiting);
            }
            if line.is_empty() {
                self.lines.remove(&owner);
            }
        }
        invited
    }

    /// Somebody waits no more; gives what it waited with.
    fn leave_line(&mut self, owner: u64, number: u64) -> Option<Waiting> {
        let line = self.lines.get_mut(&owner)?;
        let place = line.iter().position(|waiting| waiting.number == number)?;
        let left = line.remove(place);
        if line.is_empty() {
            self.lines.remove(&owner);
            self.next.retain(|other| *other != owner);
        }
        left
    }
}

impl MovePlace {
    /// Has its turn come?
    pub fn has_turn(&self) -> bool {
        self.turns.inner.lock().moving.get(&self.owner) == Some(&self.number)
    }
}

impl Drop for MovePlace {
    fn drop(&mut self) {
        let mut inner = self.turns.inner.lock();
        let mut left = None;
        if inner.moving.get(&self.owner) == Some(&self.number) {
            inner.moving.remove(&self.owner);
            if inner.lines.contains_key(&self.owner) {
                inner.next.push_back(self.owner);
            }
        } else {
            left = inner.leave_line(self.owner, self.number);
        }
        let invited = inner.go_on(self.turns.max);
        drop(inner);
        drop(left);
        invited.into_iter().for_each(|waiting| (waiting.invite)());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Line {
        turns: Arc<MoveTurns>,
        invited: Arc<AtomicUsize>,
    }

    impl Line {
        fn new() -> Self {
            Line { turns: MoveTurns::new(2), invited: Arc::default() }
        }

        fn enter(&self, owner: u64) -> MovePlace {
            let invited = self.invited.clone();
            self.turns.enter(owner, move || _ = invited.fetch_add(1, Ordering::Relaxed))
        }

        fn invited(&self) -> usize {
            self.invited.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn one_of_each_owner_moves_and_the_owners_take_turns() {
        let line = Line::new();
        let many: Vec<_> = (0..3).map(|_| line.enter(1)).collect();
        assert_eq!(many.iter().filter(|place| place.has_turn()).count(), 1);
        let others = line.enter(2);
        assert!(others.has_turn(), "however many wait of another owner");
        let third = line.enter(3);
        assert!(!third.has_turn(), "two at a time");
        let mut many = many.into_iter();
        drop(many.next());
        assert!(third.has_turn(), "before the owner that had a turn");
        assert_eq!(line.invited(), 1);
        drop(others);
        assert!(many.next().is_some_and(|second| second.has_turn()));
        assert!(many.next().is_some_and(|third| third.has_turn()), "the one before is gone");
        assert_eq!(line.invited(), 3);
    }

    #[test]
    fn who_leaves_the_line_is_not_waited_for() {
        let line = Line::new();
        let (first, other) = (line.enter(1), line.enter(2));
        let (left, second, third) = (line.enter(3), line.enter(4), line.enter(3));
        drop(left);
        drop(first);
        assert!(third.has_turn(), "its owner keeps its place");
        drop((third, other));
        assert!(second.has_turn());
        drop(second);
        let inner = line.turns.inner.lock();
        assert!(inner.moving.is_empty() && inner.lines.is_empty() && inner.next.is_empty());
    }
}
