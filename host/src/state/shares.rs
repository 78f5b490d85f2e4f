//! First-in-first-out lines of several owners that take turns, so that one with a hundred thousand items delays another's
//! next one by a single item.

use std::collections::VecDeque;

/// Items by owner. Whoever's item is taken goes behind the others.
pub struct Shares<T> {
    /// In the order of their turns. A line without items exists only when there is none with items: so the one that all
    /// items are in, as a rule, is not made again for each of them.
    lines: VecDeque<Line<T>>,
}

struct Line<T> {
    owner: u64,
    items: VecDeque<T>,
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    line: usize,
    index: usize,
}

impl Spot {
    /// The item whose turn it is.
    pub const FIRST: Spot = Spot { line: 0, index: 0 };
}

impl<T> Default for Shares<T> {
    fn default() -> Self {
        Shares { lines: VecDeque::new() }
    }
}

impl<T> Shares<T> {
    /// Is there no item?
    pub fn is_empty(&self) -> bool {
        self.lines.front().is_none_or(|line| line.items.is_empty())
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.lines.iter().map(|line| line.items.len()).sum()
    }

    /// Puts an item behind those of its owner. Takes time linear in the number of owners that have items.
    pub fn push(&mut self, owner: u64, item: T) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.owner == owner) {
            return line.items.push_back(item);
        }
        if self.is_empty() {
            self.lines.clear();
        }
        self.lines.push_back(Line { owner, items: VecDeque::from([item]) });
    }

    /// The item whose turn it is.
    pub fn first(&self) -> Option<&T> {
        self.lines.front()?.items.front()
    }

    /// The items in the order of the turns, at most `deep` of each owner.
    pub fn iter(&self, deep: usize) -> impl Iterator<Item = (Spot, &T)> {
        self.lines.iter().enumerate().flat_map(move |(line, queue)| {
            queue.items.iter().take(deep).enumerate().map(move |(index, item)| (Spot { line, index }, item))
        })
    }

    /// How many owners there are.
    pub fn owners(&self) -> usize {
        self.lines.len()
    }

    /// Takes the item that stands there; its owner has had its turn.
    pub fn remove(&mut self, spot: Spot) -> Option<T> {
        let item = self.lines.get_mut(spot.line)?.items.remove(spot.index)?;
        if self.lines.len() > 1
            && let Some(line) = self.lines.remove(spot.line)
            && !line.items.is_empty()
        {
            self.lines.push_back(line);
        }
        Some(item)
    }

    /// Keeps those for which this is true.
    pub fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.lines.iter_mut().for_each(|line| line.items.retain(&keep));
        self.lines.retain(|line| !line.items.is_empty());
    }

    /// All items, line by line.
    pub fn into_items(self) -> impl Iterator<Item = T> {
        self.lines.into_iter().flat_map(|line| line.items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(shares: &mut Shares<u32>) -> Vec<u32> {
        std::iter::from_fn(|| shares.remove(Spot::FIRST)).collect()
    }

    #[test]
    fn owners_take_turns_and_each_is_served_in_order() {
        let mut shares = Shares::default();
        (0..5).for_each(|n| shares.push(1, n));
        shares.push(2, 10);
        shares.push(3, 20);
        shares.push(2, 11);
        assert_eq!((shares.len(), shares.owners(), shares.first()), (8, 3, Some(&0)));
        assert_eq!(taken(&mut shares), [0, 10, 20, 1, 11, 2, 3, 4]);
        assert!(shares.is_empty() && shares.first().is_none());
    }

    #[test]
    fn who_comes_back_has_saved_nothing_up() {
        let mut shares = Shares::default();
        shares.push(1, 0);
        assert_eq!(taken(&mut shares), [0]);
        (0..2).for_each(|n| shares.push(2, n));
        (10..12).for_each(|n| shares.push(1, n));
        assert_eq!(taken(&mut shares), [0, 10, 1, 11]);
    }

    #[test]
    fn an_item_from_the_middle_costs_its_owner_the_turn() {
        let mut shares = Shares::default();
        for (owner, n) in [(1, 0), (1, 1), (2, 10), (2, 11)] {
            shares.push(owner, n);
        }
        let spots: Vec<_> = shares.iter(1).map(|(_, n)| *n).collect();
        assert_eq!(spots, [0, 10], "one of each");
        let spot = shares.iter(9).find(|(_, n)| **n == 11).map(|(spot, _)| spot).unwrap();
        assert_eq!(shares.remove(spot), Some(11));
        shares.retain(|n| *n != 0);
        assert_eq!((taken(&mut shares), shares.remove(spot)), (vec![1, 10], None));
    }
}
