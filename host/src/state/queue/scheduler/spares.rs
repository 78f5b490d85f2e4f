//! Threads beside the usual ones, which work while some of those are held up.

/// Which there are, by number.
#[derive(Default)]
pub(super) struct Spares {
    /// The first of them, if there are any.
    pub first: Option<usize>,
    /// How many others are stuck.
    pub needed: usize,
    /// How many may work; more than are needed for a while after that.
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

    /// Do fewer work than others are stuck?
    pub fn are_too_few(&self) -> bool {
        self.awake < self.needed
    }

    /// Do no more work than others are stuck?
    pub fn are_needed(&self) -> bool {
        self.awake <= self.needed
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

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use std::collections::BTreeMap;

    use crate::state::queue::desk::Desk;
    use crate::state::queue::room::Room;
    use crate::state::queue::scheduler::{Next, Scheduler, Wants};
    use crate::types::ids::ModuleId;
    use crate::types::resources::ResourceSet;

    #[test]
    fn spare_threads_work_while_they_are_wanted_and_not_in_place_of_others() {
        let mut scheduler = Scheduler::<u32>::new(ResourceSet::cpus(1.0), 4, Room::new(4));
        scheduler.enlist();
        scheduler.spares_from(1);
        for job in 0..5 {
            assert!(scheduler.resume_soon(0, ModuleId(1), job, Wants::Woken).is_none());
        }
        assert!(matches!(scheduler.next_for(0), Next::Resume(0)));
        // The thread is stuck in it.
        assert_eq!((scheduler.rouse(), scheduler.enlist_spare()), (None, None), "nobody wants one");
        scheduler.want_spares(1, 1, BTreeMap::new());
        assert_eq!(scheduler.enlist_spare(), Some(1));
        assert_eq!(scheduler.enlist_spare(), None, "one is enough");
        assert!(matches!(scheduler.next_for(1), Next::Resume(1)));
        scheduler.want_spares(0, 0, BTreeMap::new());
        assert!(matches!(scheduler.next_for(1), Next::Nobody), "it is wanted no more");
        scheduler.rest(1);
        assert_eq!(scheduler.rouse(), None);
        scheduler.want_spares(2, 2, BTreeMap::new());
        assert_eq!((scheduler.enlist_spare(), scheduler.rouse()), (None, Some(1)), "one that is there comes first");
        assert!(matches!(scheduler.next_for(1), Next::Resume(2)));
        assert_eq!(scheduler.enlist_spare(), Some(2));
        scheduler.dismiss_spare();
        // Nobody is stuck: it is kept for what is new, and leaves what was preempted to the others.
        scheduler.want_spares(0, 2, BTreeMap::new());
        assert!(scheduler.resume_soon(0, ModuleId(1), 5, Wants::Preempted).is_none());
        assert!([3, 4].into_iter().all(|job| matches!(scheduler.next_for(1), Next::Resume(next) if next == job)));
        assert!(matches!(scheduler.next_for(1), Next::Nobody));
        scheduler.rest(1);
        assert_eq!(scheduler.rouse(), None);
        scheduler.want_spares(1, 2, BTreeMap::new());
        assert_eq!(scheduler.rouse(), Some(1));
        assert!(matches!(scheduler.next_for(1), Next::Resume(5)));
        // The usual one is at rest: nobody else is needed.
        scheduler.rest(0);
        assert!(scheduler.resume_soon(0, ModuleId(1), 6, Wants::Woken).is_none());
        assert_eq!((scheduler.enlist_spare(), scheduler.rouse()), (None, Some(0)));
        // One that woke by itself rests again, and counts once.
        scheduler.rest(1);
        scheduler.rise(1);
        scheduler.end();
        assert!(matches!(scheduler.next_for(1), Next::Over));
        assert!(matches!(scheduler.next_for(0), Next::Resume(6)));
        assert!(matches!(scheduler.next_for(0), Next::Over));
        assert_eq!(scheduler.resume_soon(0, ModuleId(1), 7, Wants::Woken), Some(7), "no thread is left");
    }

    #[test]
    fn a_spare_thread_that_is_wanted_no_more_leaves_what_is_ready_to_another() {
        let mut scheduler = Scheduler::<u32>::new(ResourceSet::cpus(1.0), 4, Room::new(4));
        scheduler.enlist();
        scheduler.spares_from(1);
        let desk = Desk::new(scheduler);
        desk.lock().want_spares(1, 1, BTreeMap::new());
        let resume_soon = |wants| assert!(desk.lock().resume_soon(0, ModuleId(1), 7, wants).is_none());
        resume_soon(Wants::Woken);
        assert_eq!(desk.lock().enlist_spare(), Some(1));
        assert!(matches!(desk.next(1).0, Next::Resume(7)));
        // The usual thread has come to its end, and finds nothing to do.
        assert!(matches!(desk.next(0).0, Next::Nobody));
        desk.lock().want_spares(0, 0, BTreeMap::new());
        assert_eq!(desk.rouse(), None);
        // The job wants to go on.
        resume_soon(Wants::Preempted);
        assert!(matches!(desk.next(1), (Next::Nobody, Some(0))));
        desk.rise(0);
        assert!(matches!(desk.next(0).0, Next::Resume(7)));
        assert!(matches!(desk.next(0), (Next::Nobody, None)));
    }

    #[test]
    fn a_spare_thread_takes_nothing_of_one_whose_threads_compute_already() {
        let mut scheduler = Scheduler::<u32>::new(ResourceSet::cpus(2.0), 4, Room::new(4));
        scheduler.enlist();
        scheduler.spares_from(1);
        scheduler.want_spares(1, 1, BTreeMap::from([(1, 2)]));
        for (owner, job) in [(1, 0), (1, 1), (1, 3), (2, 2)] {
            assert!(scheduler.resume_soon(0, ModuleId(owner), job, Wants::Woken).is_none());
            assert!(scheduler.resume_soon(0, ModuleId(owner), 10 + job, Wants::Preempted).is_none());
        }
        assert_eq!(scheduler.enlist_spare(), Some(1));
        assert!(matches!(scheduler.next_for(1), Next::Resume(0)), "two more than its share keep it alive");
        let computing = BTreeMap::from([(1, 3)]);
        scheduler.want_spares(1, 1, computing.clone());
        let others = [scheduler.next_for(1), scheduler.next_for(1)];
        assert!(matches!(others, [Next::Resume(12), Next::Resume(2)]), "the lanes take turns");
        assert!(matches!(scheduler.next_for(1), Next::Nobody), "the rest is for the usual thread");
        scheduler.rest(1);
        assert_eq!(scheduler.rouse(), None, "and it is not woken for that");
        // It slept, or has come to its end.
        scheduler.want_spares(1, 1, BTreeMap::new());
        assert_eq!(scheduler.rouse(), Some(1));
        assert!(matches!(scheduler.next_for(1), Next::Resume(_)));
        scheduler.want_spares(1, 1, computing);
        assert!(matches!(scheduler.next_for(0), Next::Resume(_)), "whoever works for it takes what it has");
    }
}
