//! Queues by priority, the highest first; within a priority the owners of the items take turns.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::shares::{Shares, Spot};

/// Items by priority, then in turn by owner, then in the order in which they came.
pub struct Levels<T> {
    /// A level without items exists only when there is none with items: so the one that nearly all items use is not made
    /// again for each of them.
    by_priority: BTreeMap<Reverse<i32>, Shares<T>>,
    len: usize,
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its priority.
    pub priority: i32,
    spot: Spot,
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

    /// Puts an item behind those of its priority and owner.
    pub fn push(&mut self, priority: i32, owner: u64, item: T) {
        if self.len == 0 {
            self.by_priority.retain(|level, _| level.0 == priority);
        }
        self.by_priority.entry(Reverse(priority)).or_default().push(owner, item);
        self.len += 1;
    }

    /// The first item, and its priority.
    pub fn first(&self) -> Option<(i32, &T)> {
        let (priority, queue) = self.by_priority.first_key_value()?;
        queue.first().map(|item| (priority.0, item))
    }

    /// Takes the first item.
    pub fn pop(&mut self) -> Option<T> {
        let priority = self.first()?.0;
        self.remove(Place { priority, spot: Spot::FIRST })
    }

    /// The first items, some `deep` of each priority; where there are many owners, one of each at least.
    pub fn iter(&self, deep: usize) -> impl Iterator<Item = (Place, &T)> {
        self.by_priority.iter().flat_map(move |(level, queue)| {
            let each = (deep / queue.owners().max(1)).max(1);
            queue.iter(each).take(deep).map(|(spot, item)| (Place { priority: level.0, spot }, item))
        })
    }

    /// Takes the item that stands there.
    pub fn remove(&mut self, place: Place) -> Option<T> {
        let level = Reverse(place.priority);
        let queue = self.by_priority.get_mut(&level)?;
        let item = queue.remove(place.spot)?;
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
        self.len = self.by_priority.values().map(Shares::len).sum();
    }

    /// Takes all, the first one first.
    pub fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.len = 0;
        std::mem::take(&mut self.by_priority).into_values().flat_map(Shares::into_items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_priority_comes_first_then_the_first_that_came() {
        let mut levels = Levels::default();
        for (priority, item) in [(0, "a"), (1, "b"), (0, "c"), (-1, "d"), (1, "e")] {
            levels.push(priority, 0, item);
        }
        assert_eq!(levels.first(), Some((1, &"b")));
        let order: Vec<_> = std::iter::from_fn(|| levels.pop()).collect();
        assert_eq!((order.concat(), levels.len()), ("beacd".to_owned(), 0));
        levels.push(-7, 0, "f");
        assert_eq!((levels.first(), levels.iter(9).count()), (Some((-7, &"f")), 1), "the emptied level is gone");
    }

    #[test]
    fn an_item_can_be_taken_from_the_middle() {
        let mut levels = Levels::default();
        (0..6).for_each(|n| levels.push(n % 2, 0, n));
        let place = levels.iter(9).find(|(_, n)| **n == 2).map(|(place, _)| place).unwrap();
        assert_eq!(
            (place.priority, levels.remove(place), levels.remove(Place { priority: 9, spot: Spot::FIRST })),
            (0, Some(2), None)
        );
        levels.retain(|n| *n != 1);
        assert_eq!((levels.len(), levels.drain().collect::<Vec<_>>()), (4, vec![3, 5, 0, 4]));
        assert!(levels.is_empty() && levels.pop().is_none());
    }
}
