//! First-in-first-out lines of several owners that take turns, so that one with a hundred thousand items delays another's
//! next one by a single turn: as many items as the owner's weight, which is one unless it was given another.

use std::collections::VecDeque;

/// Items by owner. An owner that has had its turn goes behind the others.
pub struct RoundRobin<T> {
    /// In the order of their turns. A line without items exists only when there is none with items: so the one that all
    /// items are in, as a rule, is not made again for each of them.
    lines: VecDeque<Line<T>>,
}

struct Line<T> {
    owner: u64,
    items: VecDeque<T>,
    /// Items that were taken in this turn.
    taken: u32,
}

impl<T> Default for RoundRobin<T> {
    fn default() -> Self {
        RoundRobin { lines: VecDeque::new() }
    }
}

impl<T> RoundRobin<T> {
    /// Is there no item?
    pub fn is_empty(&self) -> bool {
        self.lines.front().is_none_or(|line| line.items.is_empty())
    }

    /// Puts an item behind those of its owner. Takes time linear in the number of owners that have items.
    pub fn push(&mut self, owner: u64, item: T) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.owner == owner) {
            return line.items.push_back(item);
        }
        if self.is_empty() {
            self.lines.clear();
        }
        self.lines.push_back(Line { owner, items: VecDeque::from([item]), taken: 0 });
    }

    /// Puts an item before those of its owner: one that was taken, and of which a part is left.
    pub fn push_first(&mut self, owner: u64, item: T) {
        match self.lines.iter_mut().find(|line| line.owner == owner) {
            Some(line) => line.items.push_front(item),
            None => self.push(owner, item),
        }
    }

    /// The item whose turn it is.
    pub fn first(&self) -> Option<&T> {
        self.lines.front()?.items.front()
    }

    /// The first item of an owner that may have a turn now.
    pub fn first_of(&self, may: impl Fn(u64) -> bool) -> Option<&T> {
        self.lines.iter().filter(|line| may(line.owner)).find_map(|line| line.items.front())
    }

    /// Takes that item. It is its owner's turn, out of its order.
    pub fn pop_of(&mut self, may: impl Fn(u64) -> bool) -> Option<T> {
        let place = self.lines.iter().position(|line| may(line.owner) && !line.items.is_empty())?;
        let item = self.lines[place].items.pop_front();
        let is_several = self.lines.len() > 1;
        if is_several
            && let Some(mut line) = self.lines.remove(place)
            && !line.items.is_empty()
        {
            line.taken = 0;
            self.lines.push_back(line);
        }
        item
    }

    /// Takes the item whose turn it is. The turn of its owner is over with as many items as its weight, and with its last one.
    pub fn pop(&mut self, weight: impl Fn(u64) -> u32) -> Option<T> {
        let several = self.lines.len() > 1;
        let line = self.lines.front_mut()?;
        let item = line.items.pop_front()?;
        if several {
            line.taken += 1;
            if line.items.is_empty() || line.taken >= weight(line.owner) {
                self.end_turn();
            }
        }
        Some(item)
    }

    fn end_turn(&mut self) {
        if let Some(mut line) = self.lines.pop_front()
            && !line.items.is_empty()
        {
            line.taken = 0;
            self.lines.push_back(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_may_have_no_turn_are_passed_and_keep_their_items() {
        let mut shares = RoundRobin::default();
        for (owner, item) in [(1, "a"), (1, "b"), (2, "c"), (3, "d"), (2, "e")] {
            shares.push(owner, item);
        }
        assert_eq!((shares.first_of(|_| true), shares.first_of(|owner| owner != 1)), (Some(&"a"), Some(&"c")));
        assert_eq!(shares.first_of(|owner| owner > 3), None);
        let of_others: Vec<_> = std::iter::from_fn(|| shares.pop_of(|owner| owner != 1)).collect();
        assert_eq!(of_others, ["c", "d", "e"], "they take turns");
        assert_eq!([shares.pop(|_| 1), shares.pop(|_| 1), shares.pop(|_| 1)], [Some("a"), Some("b"), None]);
    }

    fn taken(shares: &mut RoundRobin<u32>) -> Vec<u32> {
        std::iter::from_fn(|| shares.pop(|owner| if owner == 7 { 3 } else { 1 })).collect()
    }

    #[test]
    fn owners_take_turns_and_each_is_served_in_order() {
        let mut shares = RoundRobin::default();
        (0..5).for_each(|n| shares.push(1, n));
        shares.push(2, 10);
        shares.push(3, 20);
        shares.push(2, 11);
        assert_eq!(shares.first(), Some(&0));
        assert_eq!(taken(&mut shares), [0, 10, 20, 1, 11, 2, 3, 4]);
        assert!(shares.is_empty() && shares.first().is_none());
    }

    #[test]
    fn a_turn_is_as_long_as_the_owners_weight() {
        let mut shares = RoundRobin::default();
        (0..2).for_each(|n| shares.push(1, n));
        (70..75).for_each(|n| shares.push(7, n));
        (20..23).for_each(|n| shares.push(2, n));
        assert_eq!(taken(&mut shares), [0, 70, 71, 72, 20, 1, 73, 74, 21, 22]);
    }

    #[test]
    fn one_of_which_a_part_is_left_comes_before_its_owners_others_and_after_another_owners() {
        let mut shares = RoundRobin::default();
        (0..3).for_each(|n| shares.push(1, n));
        shares.push(2, 20);
        let begun = shares.pop(|_| 1).unwrap();
        shares.push_first(1, begun);
        assert_eq!(taken(&mut shares), [20, 0, 1, 2]);
        shares.push_first(1, 5);
        assert_eq!(taken(&mut shares), [5]);
    }

    #[test]
    fn who_comes_back_has_saved_nothing_up() {
        let mut shares = RoundRobin::default();
        shares.push(1, 0);
        assert_eq!(taken(&mut shares), [0]);
        (0..2).for_each(|n| shares.push(2, n));
        (10..12).for_each(|n| shares.push(1, n));
        assert_eq!(taken(&mut shares), [0, 10, 1, 11]);
    }
}
