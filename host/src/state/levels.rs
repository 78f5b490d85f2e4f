//! First-in-first-out queues by priority, the highest first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

/// Items by priority, then in the order in which they came.
pub struct Levels<T> {
    /// A level without items exists only when there is none with items: so the one that nearly all items use is not made
    /// again for each of them.
    by_priority: BTreeMap<Reverse<i32>, VecDeque<T>>,
    len: usize,
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its priority.
    pub priority: i32,
    index: usize,
}

impl<T> Default for Levels<T> {
    fn default() -> Self {
        Levels { by_priority: BTreeMap::new(), len: 0 }
    }
}

impl<T> Levels<T> {
    /// How many items there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Is there no item?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts an item behind those of its priority.
    pub fn push(&mut self, priority: i32, item: T) {
        if self.len == 0 {
            self.by_priority.retain(|level, _| level.0 == priority);
        }
        self.by_priority.entry(Reverse(priority)).or_default().push_back(item);
        self.len += 1;
    }

    /// The first item, and its priority.
    pub fn first(&self) -> Option<(i32, &T)> {
        let (priority, queue) = self.by_priority.first_key_value()?;
        queue.front().map(|item| (priority.0, item))
    }

    /// Takes the first item.
    pub fn pop(&mut self) -> Option<T> {
        let priority = self.first()?.0;
        self.remove(Place { priority, index: 0 })
    }

    /// All items, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = (Place, &T)> {
        self.by_priority.iter().flat_map(|(level, queue)| {
            queue.iter().enumerate().map(|(index, item)| (Place { priority: level.0, index }, item))
        })
    }

    /// Takes the item that stands there.
    pub fn remove(&mut self, place: Place) -> Option<T> {
        let level = Reverse(place.priority);
        let queue = self.by_priority.get_mut(&level)?;
        let item = queue.remove(place.index)?;
        self.len -= 1;
        if queue.is_empty() && self.len > 0 {
            self.by_priority.remove(&level);
        }
        Some(item)
    }

    /// Keeps those for which this is true.
    pub fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.by_priority.retain(|_, queue| {
            queue.retain(&keep);
            !queue.is_empty()
        });
        self.len = self.by_priority.values().map(VecDeque::len).sum();
    }

    /// Takes all, the first one first.
    pub fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.len = 0;
        std::mem::take(&mut self.by_priority).into_values().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_priority_comes_first_then_the_first_that_came() {
        let mut levels = Levels::default();
        for (priority, item) in [(0, "a"), (1, "b"), (0, "c"), (-1, "d"), (1, "e")] {
            levels.push(priority, item);
        }
        assert_eq!(levels.first(), Some((1, &"b")));
        let order: Vec<_> = std::iter::from_fn(|| levels.pop()).collect();
        assert_eq!((order.concat(), levels.len()), ("beacd".to_owned(), 0));
        levels.push(-7, "f");
        assert_eq!((levels.first(), levels.iter().count()), (Some((-7, &"f")), 1), "the emptied level is gone");
    }

    #[test]
    fn an_item_can_be_taken_from_the_middle() {
        let mut levels = Levels::default();
        (0..6).for_each(|n| levels.push(n % 2, n));
        let place = levels.iter().find(|(_, n)| **n == 2).map(|(place, _)| place).unwrap();
        assert_eq!(
            (place.priority, levels.remove(place), levels.remove(Place { priority: 9, index: 0 })),
            (0, Some(2), None)
        );
        levels.retain(|n| *n != 1);
        assert_eq!((levels.len(), levels.drain().collect::<Vec<_>>()), (4, vec![3, 5, 0, 4]));
        assert!(levels.is_empty() && levels.pop().is_none());
    }
}
