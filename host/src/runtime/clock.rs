//! The real clock.

use std::time::{Instant, SystemTime};

use tokio::runtime::Handle;

use crate::words::clock::{Clock, Sleep};

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
