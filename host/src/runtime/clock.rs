//! The real clock, and an embedder's, whose panics go no further.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::observers::Guard;
use crate::types::clock::{Clock, Sleep};

/// Real time, with the timers of a tokio runtime.
pub struct TokioClock(pub Handle);

impl Clock for TokioClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep_until(&self, until: Instant) -> Sleep {
        // Entered, because an embedder may wait on an executor of its own.
        let _inside = self.0.enter();
        Box::pin(tokio::time::sleep_until(until.into()))
    }
}

/// An embedder's clock. It is asked in the middle of what the host does: where it panics, it shows what it showed last, and what
/// it was to wait for is waited for in real time.
pub struct GuardedClock(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    real: TokioClock,
    guard: Guard,
    shown: Mutex<(Instant, SystemTime)>,
}

impl GuardedClock {
    /// With the timers of this tokio runtime where the clock has none.
    pub fn new(clock: Arc<dyn Clock>, tokio: Handle, guard: Guard) -> Self {
        let shown = Mutex::new((Instant::now(), SystemTime::now()));
        GuardedClock(Arc::new(Inner { clock, real: TokioClock(tokio), guard, shown }))
    }
}

impl Clock for GuardedClock {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        let Inner { clock, guard, shown, .. } = &*self.0;
        let wall = guard.call(|| clock.wall());
        let mut shown = shown.lock();
        shown.1 = wall.unwrap_or(shown.1);
        shown.1
    }

    fn sleep_until(&self, until: Instant) -> Sleep {
        let Inner { clock, guard, .. } = &*self.0;
        let sleep = guard.call(|| clock.sleep_until(until)).unwrap_or_else(|| self.0.real_sleep(until));
        Box::pin(GuardedSleep { sleep: Some(sleep), until, clock: self.0.clone() })
    }
}

impl Inner {
    fn now(&self) -> Instant {
        let now = self.guard.call(|| self.clock.now());
        let mut shown = self.shown.lock();
        shown.0 = now.unwrap_or(shown.0);
        shown.0
    }

    /// What is left until then, in real time.
    fn real_sleep(&self, until: Instant) -> Sleep {
        let left = until.saturating_duration_since(self.now());
        self.real.sleep_until(Instant::now().checked_add(left).unwrap_or(until))
    }
}

struct GuardedSleep {
    /// There until it is dropped.
    sleep: Option<Sleep>,
    until: Instant,
    clock: Arc<Inner>,
}

impl GuardedSleep {
    /// The clock's panicked.
    fn replace(&mut self) {
        let broken = self.sleep.replace(self.clock.real_sleep(self.until));
        self.clock.guard.call(|| drop(broken));
    }
}

impl Future for GuardedSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            let Some(sleep) = &mut this.sleep else { return Poll::Ready(()) };
            match this.clock.guard.call(|| sleep.as_mut().poll(cx)) {
                Some(polled) => return polled,
                None => this.replace(),
            }
        }
    }
}

impl Drop for GuardedSleep {
    fn drop(&mut self) {
        let sleep = self.sleep.take();
        self.clock.guard.call(|| drop(sleep));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::runtime::observers::{Observers, Sinks};
    use crate::types::clock::ManualClock;

    /// A clock that panics while it is told to.
    struct Moody(ManualClock, Arc<AtomicBool>);

    impl Moody {
        fn check(&self) {
            assert!(!self.1.load(Ordering::Relaxed), "in a mood");
        }
    }

    impl Clock for Moody {
        fn now(&self) -> Instant {
            self.check();
            self.0.now()
        }

        fn wall(&self) -> SystemTime {
            self.check();
            self.0.wall()
        }

        fn sleep_until(&self, until: Instant) -> Sleep {
            self.check();
            let (sleep, mood) = (self.0.sleep_until(until), self.1.clone());
            Box::pin(MoodySleep(sleep, mood))
        }
    }

    struct MoodySleep(Sleep, Arc<AtomicBool>);

    impl Future for MoodySleep {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            assert!(!self.1.load(Ordering::Relaxed), "in a mood");
            self.0.as_mut().poll(cx)
        }
    }

    impl Drop for MoodySleep {
        fn drop(&mut self) {
            assert!(!self.1.load(Ordering::Relaxed), "in a mood");
        }
    }

    #[tokio::test]
    async fn a_panic_of_the_clock_is_the_time_that_it_showed_last_and_a_real_sleep() {
        let (manual, mood) = (ManualClock::new(), Arc::new(AtomicBool::new(false)));
        let observers = Observers::start(Sinks::default()).unwrap();
        let moody = Arc::new(Moody(manual.clone(), mood.clone()));
        let clock = GuardedClock::new(moody, Handle::current(), observers.guard("the clock"));
        let (now, wall) = (clock.now(), clock.wall());
        assert_eq!((now, wall), (manual.now(), manual.wall()));
        let mut begun = clock.sleep_until(now + Duration::from_millis(5));
        assert!(futures::poll!(&mut begun).is_pending());
        mood.store(true, Ordering::Relaxed);
        manual.advance(Duration::from_millis(1));
        assert_eq!((clock.now(), clock.wall()), (now, wall));
        begun.await;
        clock.sleep_until(now + Duration::from_millis(5)).await;
        mood.store(false, Ordering::Relaxed);
        assert_eq!(clock.now(), manual.now());
        assert!(observers.figures().panics >= 4, "{}", observers.figures().panics);
    }
}
