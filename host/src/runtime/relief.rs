//! Spare threads. A guest gives others their turn after a slice of fuel, but not in the middle of a call of the host: that may copy
//! hundreds of megabytes, give back a gigabyte of memory, or be an embedder's function that blocks. A thread that does not come to the
//! end of what it does is noticed here, and a spare one works in its place meanwhile, so that nobody else waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Runtime;
use crate::words::limits::{RELIEF_KEPT, RELIEF_PATIENCE, SPARE_THREADS_MAX};

/// What the threads of a crew show of themselves.
#[derive(Default)]
pub(super) struct Pulses {
    pulses: Mutex<Vec<Arc<Pulse>>>,
    /// Nobody looks at them, because nobody works.
    is_unwatched: AtomicBool,
    stirred: Notify,
}

/// Shows that a thread goes on: another odd number for each thing that it begins, and an even one while it rests.
#[derive(Default)]
#[repr(align(64))]
pub(super) struct Pulse(AtomicU64);

impl Pulse {
    /// The thread begins something. Nobody else writes here.
    pub fn beat(&self) {
        self.0.store((self.0.load(Ordering::Relaxed) | 1) + 2, Ordering::Relaxed);
    }

    /// It rests.
    pub fn rest(&self) {
        self.0.store(self.0.load(Ordering::Relaxed) & !1, Ordering::Release);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn is_busy(now: u64) -> bool {
        now & 1 == 1
    }
}

impl Pulses {
    /// That of a new thread.
    pub fn begin(&self) -> Arc<Pulse> {
        let pulse = Arc::<Pulse>::default();
        self.pulses.lock().push(pulse.clone());
        pulse
    }

    /// The thread works again.
    pub fn rise(&self, pulse: &Pulse) {
        pulse.0.store(pulse.0.load(Ordering::Relaxed) | 1, Ordering::SeqCst);
        if self.is_unwatched.load(Ordering::SeqCst) && self.is_unwatched.swap(false, Ordering::SeqCst) {
            self.stirred.notify_one();
        }
    }

    /// Waits until a thread works.
    async fn stir(&self) {
        self.is_unwatched.store(true, Ordering::SeqCst);
        // Whoever rose before that has not seen it.
        let is_busy = self.pulses.lock().iter().any(|pulse| Pulse::is_busy(pulse.now()));
        if !is_busy {
            self.stirred.notified().await;
        }
        self.is_unwatched.store(false, Ordering::SeqCst);
    }
}

/// What was seen of the threads.
#[derive(Default)]
struct Watch {
    seen: Vec<u64>,
    /// Spare threads that may work.
    wanted: usize,
    /// Looks since as many were needed.
    unneeded: u32,
}

impl Watch {
    /// Looks at them. Gives whether any works, and how many have begun nothing since the last look.
    fn look(&mut self, pulses: &Pulses) -> (bool, usize) {
        let now: Vec<u64> = pulses.pulses.lock().iter().map(|pulse| pulse.now()).collect();
        let is_stuck = |(now, before): &(&u64, &u64)| now == before && Pulse::is_busy(**now);
        let stuck = now.iter().zip(&self.seen).filter(is_stuck).count().min(SPARE_THREADS_MAX);
        let any = now.iter().any(|now| Pulse::is_busy(*now));
        self.seen = now;
        (any, stuck)
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
    fn relieve(self: &Arc<Self>, needed: usize, wanted: usize) {
        let (roused, another) = {
            let mut scheduler = self.scheduler.lock();
            scheduler.want_spares(needed, wanted);
            let roused = scheduler.rouse();
            let another = if roused.is_none() { scheduler.enlist_spare() } else { None };
            (roused, another)
        };
        self.crew.wake(roused);
        if let Some(number) = another
            && self.start_one_of_the_crew(number).is_err()
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
        let (any, stuck) = watch.look(&runtime.crew.pulses);
        let before = watch.wanted;
        let wanted = watch.want(stuck);
        if (before, wanted) != (0, 0) {
            runtime.relieve(stuck, wanted);
        }
        if !any && wanted == 0 {
            runtime.crew.pulses.stir().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_begins_nothing_between_two_looks_is_stuck_and_relieved_for_a_while_longer() {
        let (pulses, mut watch) = (Pulses::default(), Watch::default());
        let [stuck, busy, resting] = [(); 3].map(|()| pulses.begin());
        [&stuck, &busy, &resting].into_iter().for_each(|pulse| pulse.beat());
        resting.rest();
        assert_eq!(watch.look(&pulses), (true, 0), "nobody has been seen before");
        busy.beat();
        assert_eq!(watch.look(&pulses), (true, 1));
        assert_eq!(watch.want(1), 1);
        stuck.beat();
        busy.beat();
        assert_eq!(watch.look(&pulses), (true, 0));
        let looks = (0..).take_while(|_| watch.want(0) == 1).count();
        assert_eq!(looks, RELIEF_KEPT as usize);
        [&stuck, &busy].into_iter().for_each(|pulse| pulse.rest());
        assert_eq!(watch.look(&pulses), (false, 0));
    }

    #[tokio::test]
    async fn whoever_rises_is_watched() {
        let pulses = Arc::<Pulses>::default();
        let pulse = pulses.begin();
        let stirs = tokio::spawn({
            let pulses = pulses.clone();
            async move { pulses.stir().await }
        });
        while !pulses.is_unwatched.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        pulses.rise(&pulse);
        stirs.await.unwrap();
        // One that rose before anybody waited.
        pulses.stir().await;
        assert!(!pulses.is_unwatched.load(Ordering::SeqCst));
    }
}
