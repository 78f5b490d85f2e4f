//! Spare threads. A guest gives others their turn after a slice of fuel, but not in the middle of a call of the host: that may copy
//! hundreds of megabytes, give back a gigabyte of memory, or be an embedder's function that blocks. A thread that does not come to the
//! end of what it does is noticed here, and a spare one works in its place meanwhile, so that nobody else waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Runtime;
use super::job::Job;
use super::worker_state::{WorkerState, WorkerStates};
use crate::types::limits::{RELIEF_KEPT, RELIEF_LONG, RELIEF_PATIENCE, RELIEVED_SOON_MAX, SPARE_THREADS_MAX};

/// What was seen of the threads.
#[derive(Default)]
struct Watch {
    /// The pulse of each, and for how many looks it has been the same.
    seen: Vec<(u64, u32)>,
    /// Spare threads that may work.
    wanted: usize,
    /// Looks since as many were needed.
    unneeded: u32,
}

/// What a look has found.
#[derive(Default)]
struct Sight {
    /// Does any thread work?
    any: bool,
    /// How many are to be relieved, because they have begun nothing since the last look.
    stuck: usize,
    /// What those were to run next.
    seated: Vec<Job>,
    /// By owner: how many of them compute.
    computing: BTreeMap<u64, u32>,
}

impl Watch {
    /// Looks at them.
    fn look(&mut self, states: &WorkerStates) -> Sight {
        // New threads do not wait for this.
        let states = states.states.lock().clone();
        let mut sight = Sight::default();
        self.seen.resize(states.len(), (0, 0));
        let (mut short, mut long) = (0, 0);
        for (state, (seen, looks)) in states.iter().zip(&mut self.seen) {
            let now = state.now();
            let is_busy = WorkerState::is_busy(now);
            sight.any |= is_busy;
            if is_busy && now == *seen {
                *looks = looks.saturating_add(1);
                short += 1;
                sight.seated.extend(state.take_lifo_job());
                if state.computes() {
                    *sight.computing.entry(state.owner()).or_insert(0) += 1;
                }
            } else {
                *looks = 0;
            }
            if *looks >= RELIEF_LONG {
                long += 1;
            }
            *seen = now;
        }
        // Where the machine has no core for a thread, that looks the same for a moment, and more threads would make it worse.
        sight.stuck = (long + RELIEVED_SOON_MAX.min(short - long)).min(SPARE_THREADS_MAX);
        sight
    }

    /// So many are stuck, and as many spare ones are wanted: some time longer than they are needed, for one that was stuck often is so
    /// again.
    fn want(&mut self, stuck: usize) -> usize {
        self.unneeded += 1;
        if stuck >= self.wanted || self.unneeded > RELIEF_KEPT {
            (self.wanted, self.unneeded) = (stuck, 0);
        }
        self.wanted
    }
}

impl Runtime {
    /// Has so many spare threads work, if there is something to do that nobody does.
    fn relieve(self: &Arc<Self>, needed: usize, wanted: usize, computing: BTreeMap<u64, u32>) {
        let (roused, another) = {
            let mut scheduler = self.scheduler.lock();
            scheduler.want_spares(needed, wanted, computing);
            let roused = scheduler.rouse();
            let another = if roused.is_none() { scheduler.enlist_spare() } else { None };
            (roused, another)
        };
        self.workers.wake(roused);
        if let Some(number) = another
            && self.start_worker(number).is_err()
        {
            // Where the system has none left, those that are there go on.
            self.scheduler.lock().dismiss_spare();
        }
    }
}

/// Looks at the threads while any of them works. Runs until it is dropped.
pub(super) async fn watch(runtime: Arc<Runtime>) {
    let mut watch = Watch::default();
    loop {
        tokio::time::sleep(RELIEF_PATIENCE).await;
        let Sight { any, stuck, seated, computing } = watch.look(&runtime.workers.states);
        seated.into_iter().for_each(|job| runtime.resume_soon(job));
        let before = watch.wanted;
        let wanted = watch.want(stuck);
        if (before, wanted) != (0, 0) {
            runtime.relieve(stuck, wanted, computing);
        }
        if !any && wanted == 0 {
            runtime.workers.states.stir().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn who_begins_nothing_between_two_looks_is_stuck_and_relieved_for_a_while_longer() {
        let (states, mut watch) = (WorkerStates::default(), Watch::default());
        let look = |watch: &mut Watch| {
            let Sight { any, stuck, .. } = watch.look(&states);
            (any, stuck)
        };
        let [stuck, busy, resting] = [(); 3].map(|()| states.begin());
        [&stuck, &busy, &resting].into_iter().for_each(|state| state.beat());
        resting.rest();
        assert_eq!(look(&mut watch), (true, 0), "nobody has been seen before");
        busy.beat();
        assert_eq!(look(&mut watch), (true, 1));
        assert_eq!(watch.want(1), 1);
        stuck.beat();
        busy.beat();
        assert_eq!(look(&mut watch), (true, 0));
        let looks = (0..).take_while(|_| watch.want(0) == 1).count();
        assert_eq!(looks, RELIEF_KEPT as usize);
        [&stuck, &busy].into_iter().for_each(|state| state.rest());
        assert_eq!(look(&mut watch), (false, 0));
    }

    #[test]
    fn many_are_relieved_only_when_they_are_stuck_for_long() {
        let (states, mut watch) = (WorkerStates::default(), Watch::default());
        let all: Vec<_> = (0..2 * RELIEVED_SOON_MAX).map(|_| states.begin()).collect();
        all.iter().for_each(|state| state.beat());
        watch.look(&states);
        let stuck: Vec<_> = (0..RELIEF_LONG).map(|_| watch.look(&states).stuck).collect();
        let (last, before) = stuck.split_last().unwrap();
        assert!(before.iter().all(|stuck| *stuck == RELIEVED_SOON_MAX), "{stuck:?}");
        assert_eq!(*last, all.len());
        all[0].beat();
        assert_eq!(watch.look(&states).stuck, all.len() - 1);
        // Beside those that are stuck for good others are relieved as soon as ever.
        all[1..=RELIEVED_SOON_MAX].iter().for_each(|state| state.beat());
        watch.look(&states);
        assert_eq!(watch.look(&states).stuck, all.len() - 1);
    }

    #[tokio::test]
    async fn whoever_rises_is_watched() {
        let states = Arc::<WorkerStates>::default();
        let state = states.begin();
        let stirs = tokio::spawn({
            let states = states.clone();
            async move { states.stir().await }
        });
        while !states.is_unwatched.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        states.rise(&state);
        stirs.await.unwrap();
        // One that rose before anybody waited.
        states.stir().await;
        assert!(!states.is_unwatched.load(Ordering::SeqCst));
    }
}
