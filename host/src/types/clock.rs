//! Time, injected: deadlines, retries and waits ask a [`Clock`], so a test can turn the hands itself.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

/// A wait that a clock ends.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where the host takes its time from.
pub trait Clock: Send + Sync + 'static {
    /// The time that deadlines are counted in.
    fn now(&self) -> Instant;

    /// The time of day, for receipts.
    fn wall(&self) -> SystemTime;

    /// Ends when `now` has reached `until`.
    fn sleep_until(&self, until: Instant) -> Sleep;
}

/// The present, on both of a clock's scales.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The time that deadlines are counted in.
    pub instant: Instant,
    /// The time of day.
    pub wall: SystemTime,
}

impl Moment {
    /// What the clock shows.
    pub fn of(clock: &dyn Clock) -> Self {
        Moment { instant: clock.now(), wall: clock.wall() }
    }

    /// The time of day of an earlier instant. Counted back from one reading, so that no step is ever negative.
    pub fn wall_at(self, earlier: Instant) -> SystemTime {
        let before = self.instant.saturating_duration_since(earlier);
        self.wall.checked_sub(before).unwrap_or(self.wall)
    }
}

/// A clock that stands still until it is told to go on.
///
/// ```
/// use std::time::Duration;
/// use rustyray_host::clock::{Clock, ManualClock};
/// let clock = ManualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now() - before, Duration::from_secs(60));
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<Mutex<Hands>>);

struct Hands {
    start: Instant,
    wall: SystemTime,
    elapsed: Duration,
    sleepers: Vec<(Instant, Waker)>,
}

impl ManualClock {
    /// A clock that shows the present moment and stops there.
    pub fn new() -> Self {
        let (start, wall) = (Instant::now(), SystemTime::now());
        ManualClock(Arc::new(Mutex::new(Hands { start, wall, elapsed: Duration::ZERO, sleepers: Vec::new() })))
    }

    /// Turns the clock on and wakes whoever slept until then.
    pub fn advance(&self, by: Duration) {
        let due: Vec<_> = {
            let mut hands = self.hands();
            hands.elapsed += by;
            let now = hands.start + hands.elapsed;
            hands.sleepers.extract_if(.., |(until, _)| *until <= now).collect()
        };
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// How many wait for the clock. A test that advances it waits for the sleeper first.
    pub fn sleepers(&self) -> usize {
        self.hands().sleepers.len()
    }

    fn hands(&self) -> std::sync::MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        let hands = self.hands();
        hands.start + hands.elapsed
    }

    fn wall(&self) -> SystemTime {
        let hands = self.hands();
        hands.wall + hands.elapsed
    }

    fn sleep_until(&self, until: Instant) -> Sleep {
        Box::pin(ManualSleep { clock: self.clone(), until })
    }
}

struct ManualSleep {
    clock: ManualClock,
    until: Instant,
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut hands = self.clock.hands();
        if hands.start + hands.elapsed >= self.until {
            return Poll::Ready(());
        }
        hands.sleepers.retain(|(until, waker)| *until != self.until || !waker.will_wake(cx.waker()));
        hands.sleepers.push((self.until, cx.waker().clone()));
        Poll::Pending
    }
}
