//! Waiting for time to pass.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::{Interest, reactor};

/// Ten years: longer than any guest runs.
const FAR: Duration = Duration::from_hours(10 * 365 * 24);

/// Waits for `duration`. Other futures run meanwhile; when there are none, the guest is parked and costs nothing.
///
/// A guest without the capability `clock` has a clock that stands still. Its naps end all the same, but one beside
/// references that keep coming can take longer: only the parks that nothing else ended are known to have taken time.
///
/// It ends early when the task is asked to stop: look at [`context`](crate::context) in a loop that sleeps.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # async fn example() {
/// rustyray::sleep(Duration::from_millis(10)).await;
/// # }
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { duration, deadline: None, interest: None }
}

/// The future of [`sleep`]. The time runs from its first poll.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # async fn example() {
/// let nap: rustyray::Sleep = rustyray::sleep(Duration::from_millis(10));
/// nap.await;
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct Sleep {
    duration: Duration,
    deadline: Option<Instant>,
    interest: Option<Interest>,
}

impl Sleep {
    /// When it ends; `None` for a time that no clock can show.
    fn deadline(&mut self) -> Option<Instant> {
        if self.deadline.is_none() {
            self.deadline = reactor::with(|reactor| reactor.now().checked_add(self.duration));
        }
        self.deadline
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Some(interest) = &self.interest {
            return interest.poll(context).map(|_| ());
        }
        if self.duration.is_zero() {
            return Poll::Ready(());
        }
        // A time beyond the clock is a timer too, or nothing would be waited for.
        let far = || reactor::with(|reactor| reactor.now()) + FAR;
        let deadline = self.deadline().unwrap_or_else(far);
        self.interest = Some(Interest::timer(deadline, context));
        Poll::Pending
    }
}
