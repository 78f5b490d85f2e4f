//! Threads beside the usual ones, which work while some of those are held up.

/// Which there are, by number.
#[derive(Default)]
pub(super) struct Spares {
    /// The first of them, if there are any.
    pub first: Option<usize>,
    /// How many may work.
    pub wanted: usize,
    pub awake: usize,
    pub resting: Vec<usize>,
}

impl Spares {
    pub fn has(&self, thread: usize) -> bool {
        self.first.is_some_and(|first| thread >= first)
    }

    /// Do more of them work than may?
    pub fn are_too_many(&self) -> bool {
        self.awake > self.wanted
    }

    /// Is there one that may work, and does not?
    pub fn have_one(&self) -> bool {
        self.awake < self.wanted && !self.resting.is_empty()
    }

    pub fn rest(&mut self, thread: usize) {
        self.awake -= 1;
        self.resting.push(thread);
    }

    /// It woke. Where it was roused it counts as awake already.
    pub fn rise(&mut self, thread: usize) {
        if let Some(place) = self.resting.iter().position(|other| *other == thread) {
            self.resting.swap_remove(place);
            self.awake += 1;
        }
    }

    /// The number of another one, which is awake; `None` where those that there are can do it.
    pub fn enlist(&mut self) -> Option<usize> {
        let number = self.first? + self.awake + self.resting.len();
        if self.awake >= self.wanted || !self.resting.is_empty() {
            return None;
        }
        self.awake += 1;
        Some(number)
    }

    pub fn dismiss(&mut self) {
        self.awake -= 1;
    }

    pub fn rouse(&mut self) -> Option<usize> {
        if !self.have_one() {
            return None;
        }
        self.awake += 1;
        self.resting.pop()
    }
}
