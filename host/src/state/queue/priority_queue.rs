//! Queues by priority, the highest first; within a priority the owners of the items take turns.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::round_robin::RoundRobin;

/// Items by priority, then in turn by owner, then in the order in which they came.
pub struct PriorityQueue<T> {
    /// A level without items exists only when there is none with items: so the one that nearly all items use is not made
    /// again for each of them.
    by_priority: BTreeMap<Reverse<i32>, RoundRobin<T>>,
    len: usize,
}

impl<T> Default for PriorityQueue<T> {
    fn default() -> Self {
        PriorityQueue { by_priority: BTreeMap::new(), len: 0 }
    }
}

impl<T> PriorityQueue<T> {
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

    /// The first item of an owner that may have a turn now, and its priority.
    pub fn first_of(&self, may: impl Fn(u64) -> bool) -> Option<(i32, &T)> {
        self.by_priority.iter().find_map(|(priority, queue)| queue.first_of(&may).map(|item| (priority.0, item)))
    }

    /// Takes that item.
    pub fn pop_of(&mut self, may: impl Fn(u64) -> bool) -> Option<T> {
        let (priority, item) =
            self.by_priority.iter_mut().find_map(|(priority, queue)| Some((*priority, queue.pop_of(&may)?)))?;
        self.len -= 1;
        if self.len > 0 && self.by_priority.get(&priority).is_some_and(RoundRobin::is_empty) {
            self.by_priority.remove(&priority);
        }
        Some(item)
    }

    /// Takes the first item. The turns of owners are as long as their weights.
    pub fn pop(&mut self, weight: impl Fn(u64) -> u32) -> Option<T> {
        let mut level = self.by_priority.first_entry()?;
        let item = level.get_mut().pop(weight)?;
        self.len -= 1;
        if level.get().is_empty() && self.len > 0 {
            level.remove();
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_priority_comes_first_then_the_first_that_came() {
        let mut levels = PriorityQueue::default();
        for (priority, item) in [(0, "a"), (1, "b"), (0, "c"), (-1, "d"), (1, "e")] {
            levels.push(priority, 0, item);
        }
        assert_eq!(levels.first(), Some((1, &"b")));
        let order: Vec<_> = std::iter::from_fn(|| levels.pop(|_| 1)).collect();
        assert_eq!((order.concat(), levels.is_empty()), ("beacd".to_owned(), true));
        levels.push(-7, 0, "f");
        assert_eq!(levels.first(), Some((-7, &"f")), "the emptied level is gone");
    }
}
