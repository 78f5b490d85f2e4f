//! Runs futures in a guest that has one thread and one thing it can wait in: the host's `objects.wait`.
//!
//! A future that is pending has left an [`Interest`] here: the objects or the time it waits for, and its waker. When no
//! waker was called, everything that is registered goes into one host call, and whatever that reports is woken. So joins
//! and selects over any number of references and timers cost one parked call.

mod interest;
mod reactor;
mod serving;
mod sleep;

use std::future::IntoFuture;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

pub(crate) use interest::Interest;
pub(crate) use serving::{asked_to_stop, look_for_calls, park_for_calls, run_as};
pub use sleep::{Sleep, sleep};

/// A future that wakes itself all the time would never let the others see that their objects came; every so many turns
/// they are looked at without waiting.
const TURNS_BETWEEN_LOOKS: u32 = 32;

/// Runs a future to its end, parking the guest in the host while there is nothing to do.
///
/// Async tasks and an async `main` are run by this already; it is for plain functions that want to await something.
///
/// # Panics
/// When the future waits for something that this executor cannot see, such as another thread: it would never end.
///
/// ```
/// assert_eq!(rustyray::block_on(async { 1 + 1 }), 2);
/// ```
pub fn block_on<F: IntoFuture>(future: F) -> F::Output {
    let mut future = pin!(future.into_future());
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    let mut turns = 0;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        if !woken.0.swap(false, Ordering::Relaxed) {
            reactor::park();
            woken.0.store(false, Ordering::Relaxed);
            turns = 0;
        } else if turns == TURNS_BETWEEN_LOOKS {
            reactor::look();
            turns = 0;
        } else {
            turns += 1;
        }
    }
}

/// Says that the root future is to be polled again.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
