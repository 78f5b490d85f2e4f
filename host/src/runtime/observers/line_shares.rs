//! How many lines of each module wait to be told, and which modules' guests are held back: so that one that prints without end
//! keeps no other from printing.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Notify;

use super::notice::Held;
use crate::types::limits::{OBSERVED_LINE_BYTES_MAX, OBSERVED_LINES_FEW, OBSERVED_LINES_MAX};

/// What each may have at least.
const FEW: Held =
    Held { number: OBSERVED_LINES_FEW, bytes: OBSERVED_LINE_BYTES_MAX / (OBSERVED_LINES_MAX / OBSERVED_LINES_FEW) };

/// Half as much again as the bound.
const MOST: Held = Held { number: OBSERVED_LINES_MAX / 2 * 3, bytes: OBSERVED_LINE_BYTES_MAX / 2 * 3 };

/// The lines of all modules that wait to be told.
#[derive(Default)]
pub(super) struct LineShares {
    /// By owner, with those that are being told.
    held: HashMap<u64, Held>,
    total: Held,
    /// Whose guests wait until others of their lines are told, and what wakes them.
    held_back: HashMap<u64, Arc<Notify>>,
}

impl LineShares {
    /// One more line of this owner. True if its guests are held back now.
    pub fn add(&mut self, owner: u64, bytes: usize) -> bool {
        self.total.add(bytes);
        let held = self.held.entry(owner).or_default();
        held.add(bytes);
        let held = *held;
        if is_over(held, self.share()) {
            self.held_back.entry(owner).or_default();
        }
        self.may_not_print(owner)
    }

    /// So many of its lines are told.
    pub fn take(&mut self, owner: u64, told: Held) {
        self.total.take(told);
        if let Some(held) = self.held.get_mut(&owner) {
            held.take(told);
            if held.number == 0 {
                self.held.remove(&owner);
            }
        }
    }

    /// Lets those go on of whose lines half are told; gives what wakes them.
    pub fn let_go(&mut self) -> Vec<Arc<Notify>> {
        let share = self.share();
        let half = Held { number: share.number / 2 + 1, bytes: share.bytes / 2 + 1 };
        let held = &self.held;
        let goes = |owner: &u64, _: &mut _| held.get(owner).is_none_or(|held| !is_over(*held, half));
        self.held_back.extract_if(goes).map(|(_, waiting)| waiting).collect()
    }

    /// Lets all go on, and counts nothing any more.
    pub fn end(&mut self) -> Vec<Arc<Notify>> {
        std::mem::take(self).held_back.into_values().collect()
    }

    /// Are guests of this owner held back?
    pub fn may_not_print(&self, owner: u64) -> bool {
        self.held_back.contains_key(&owner)
    }

    /// What wakes guests of this owner, if they are held back.
    pub fn waiting(&self, owner: u64) -> Option<Arc<Notify>> {
        self.held_back.get(&owner).cloned()
    }

    /// Has this owner so few that another one finds room however many others have?
    pub fn has_few(&self, owner: u64) -> bool {
        self.held.get(&owner).is_none_or(|held| !is_over(*held, FEW))
    }

    /// Is this owner held back, and has written on until it has half as much again as the bound of all? Guests that were told that there is
    /// room before they were held back may write that much; more is lost, so that others' lines find room.
    pub fn has_far_too_many(&self, owner: u64) -> bool {
        self.may_not_print(owner) && self.held.get(&owner).is_some_and(|held| is_over(*held, MOST))
    }

    /// Is anybody held back?
    pub fn hold_back(&self) -> bool {
        !self.held_back.is_empty()
    }

    /// What each may have: its part of the bound, and where all together have half as much again no more than a few.
    fn share(&self) -> Held {
        let whole = Held { number: OBSERVED_LINES_MAX, bytes: OBSERVED_LINE_BYTES_MAX };
        if is_over(self.total, MOST) {
            return FEW;
        }
        let owners = self.held.len().max(1);
        Held { number: (whole.number / owners).max(FEW.number), bytes: (whole.bytes / owners).max(FEW.bytes) }
    }
}

fn is_over(held: Held, share: Held) -> bool {
    held.number >= share.number || held.bytes >= share.bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prints until it is held back; gives how many lines.
    fn print(shares: &mut LineShares, owner: u64) -> usize {
        (1..).find(|_| shares.add(owner, 100)).unwrap_or_default()
    }

    #[test]
    fn one_alone_has_all_and_others_find_a_share_of_theirs() {
        let mut shares = LineShares::default();
        assert_eq!(print(&mut shares, 1), OBSERVED_LINES_MAX);
        assert!(shares.may_not_print(1) && !shares.may_not_print(2));
        assert_eq!(print(&mut shares, 2), OBSERVED_LINES_MAX / 2);
        let few: Vec<_> = (3..20).map(|owner| print(&mut shares, owner)).collect();
        assert_eq!(few, vec![OBSERVED_LINES_FEW; 17], "all together have half as much again");
        assert!(shares.total.number < 2 * OBSERVED_LINES_MAX);
        assert!(!shares.has_few(3) && shares.has_few(100), "and any other its few");
    }

    #[test]
    fn who_writes_on_all_the_same_leaves_room_for_others() {
        let mut shares = LineShares::default();
        let mut written = 0;
        while !shares.has_far_too_many(1) {
            shares.add(1, 1);
            written += 1;
        }
        assert_eq!(written, OBSERVED_LINES_MAX / 2 * 3);
        assert_eq!(print(&mut shares, 2), OBSERVED_LINES_FEW);
        assert!(!shares.has_far_too_many(2));
    }

    #[test]
    fn long_lines_count_for_more() {
        let mut shares = LineShares::default();
        let held_back = (0..8).map(|_| shares.add(1, OBSERVED_LINE_BYTES_MAX / 8)).collect::<Vec<_>>();
        assert_eq!(held_back.iter().filter(|is| **is).count(), 1);
    }

    #[test]
    fn who_is_held_back_goes_on_when_half_of_its_lines_are_told() {
        let mut shares = LineShares::default();
        print(&mut shares, 1);
        print(&mut shares, 2);
        let told = |number| Held { number, bytes: 100 * number };
        shares.take(2, told(OBSERVED_LINES_MAX / 4));
        assert_eq!(shares.let_go().len(), 1);
        assert!(!shares.may_not_print(2) && shares.may_not_print(1) && shares.waiting(1).is_some());
        assert!(shares.let_go().is_empty());
        shares.take(2, told(OBSERVED_LINES_MAX / 4));
        shares.take(1, told(OBSERVED_LINES_MAX / 2));
        assert!(shares.let_go().len() == 1 && !shares.hold_back());
        shares.take(1, told(OBSERVED_LINES_MAX / 2));
        assert!(shares.held.is_empty() && shares.total.number == 0);
    }
}
