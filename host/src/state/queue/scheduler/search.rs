//! How far the search for a task that fits has come.

use crate::state::queue::ready_queue::Cursor;

/// How far the search for a task that fits has come.
#[derive(Default)]
pub struct Search {
    /// Nothing in the ready queue fits into what is free. Saves looking again until something changes.
    pub nothing_fits: bool,
    /// The last look found one.
    pub has_found: bool,
    /// At the last look something was kept for one that was overtaken too often.
    pub something_kept: bool,
    /// Where nothing moves by itself all are looked at, in steps: so many are left, if that has begun, ...
    pub left: Option<usize>,
    /// ... and this is where it goes on. It stays where a search begins anew, so that those that stand far behind are seen however often
    /// that happens.
    pub cursor: Cursor,
}

impl Search {
    /// What did not fit may do so now.
    pub fn begin_anew(&mut self) {
        (self.nothing_fits, self.left) = (false, None);
    }

    /// The same, if this is true.
    pub fn begin_anew_if(&mut self, changed: bool) {
        if changed {
            self.begin_anew();
        }
    }
}
