//! The cancel slot: a running call, kept where whoever wants to end it can take it.
//!
//! A guest that is suspended (parked in a host call, or waiting for its turn after a preemption) is dropped at once, by
//! the canceller. One that runs right now on another thread ends at its next yield, about a millisecond later.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::task::AtomicWaker;
use parking_lot::Mutex;

/// Why a running call is ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Cancelled by a holder of a reference, or with its parent.
    Cancelled = 1,
    /// Its deadline is past.
    Deadline = 2,
    /// Its actor was killed.
    ActorKilled = 3,
    /// The host shuts down.
    HostShutDown = 4,
    /// Its budget has no fuel left.
    BudgetBurned = 5,
}

impl StopReason {
    fn from_code(code: u8) -> Option<Self> {
        [Self::Cancelled, Self::Deadline, Self::ActorKilled, Self::HostShutDown, Self::BudgetBurned]
            .into_iter()
            .find(|r| *r as u8 == code)
    }
}

/// A running call that can be ended, whatever it gives.
pub trait Stop: Send + Sync {
    /// Ends it; the first reason stays. True if it was suspended, and is gone; one that runs ends at its next yield.
    fn stop(&self, reason: StopReason) -> bool;
}

/// The slot of one running call.
pub struct Cancellation<T> {
    /// No lock on a state, but the door of the room in which the guest runs: it is held as long as that runs, or is dropped, and all
    /// other locks are taken behind it. Nobody waits for it who holds one.
    call: Mutex<Option<BoxFuture<'static, T>>>,
    reason: AtomicU8,
    waker: AtomicWaker,
}

impl<T> Cancellation<T> {
    /// A slot without a call.
    pub fn new() -> Arc<Self> {
        Arc::new(Cancellation { call: Mutex::new(None), reason: AtomicU8::new(0), waker: AtomicWaker::new() })
    }

    /// Puts the call in, to be polled by what this returns. `preempted` is called each time the call gives up its turn, and says
    /// whether that is its end.
    pub fn run(
        self: Arc<Self>,
        call: BoxFuture<'static, T>,
        preempted: impl Fn() -> Option<StopReason> + Send,
    ) -> impl Future<Output = Result<T, StopReason>> + Send
    where
        T: Send + 'static,
    {
        *self.call.lock() = Some(call);
        Running { slot: self, preempted }
    }

    /// The first reason stays.
    fn note(&self, reason: StopReason) {
        let _ = self.reason.compare_exchange(0, reason as u8, Ordering::AcqRel, Ordering::Acquire);
    }

    fn reason(&self) -> Option<StopReason> {
        StopReason::from_code(self.reason.load(Ordering::Acquire))
    }
}

impl<T: Send + 'static> Stop for Cancellation<T> {
    fn stop(&self, reason: StopReason) -> bool {
        self.note(reason);
        // Whoever holds the lock polls the call right now, and looks for the reason when that poll is over.
        let gone = self.call.try_lock().is_some_and(|mut place| {
            let call = place.take();
            let gone = call.is_some();
            // Under the lock: who polls it next gives back what it held, and must not before it is gone.
            drop(call);
            gone
        });
        // After the attempt: a poller that missed the reason is woken to see it.
        self.waker.wake();
        gone
    }
}

struct Running<T, F> {
    slot: Arc<Cancellation<T>>,
    preempted: F,
}

impl<T, F: Fn() -> Option<StopReason>> Future for Running<T, F> {
    type Output = Result<T, StopReason>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let slot = &self.slot;
        slot.waker.register(cx.waker());
        let mut place = slot.call.lock();
        if let Some(reason) = slot.reason() {
            drop(place.take());
            return Poll::Ready(Err(reason));
        }
        let Some(call) = place.as_mut() else {
            return Poll::Pending;
        };
        match call.as_mut().poll(cx) {
            Poll::Ready(done) => {
                *place = None;
                Poll::Ready(Ok(done))
            }
            Poll::Pending => {
                if let Some(reason) = (self.preempted)() {
                    slot.note(reason);
                }
                match slot.reason() {
                    Some(reason) => {
                        drop(place.take());
                        Poll::Ready(Err(reason))
                    }
                    None => Poll::Pending,
                }
            }
        }
    }
}

impl<T, F> Drop for Running<T, F> {
    fn drop(&mut self) {
        drop(self.slot.call.lock().take());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::task::Waker;

    use super::*;

    struct NotesDrop(Arc<AtomicBool>);

    impl Drop for NotesDrop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_suspended_call_is_dropped_by_the_canceller() {
        let dropped = Arc::new(AtomicBool::new(false));
        let note = NotesDrop(dropped.clone());
        let slot = Cancellation::<()>::new();
        let call = Box::pin(async move {
            let _note = note;
            std::future::pending().await
        });
        let mut running = Box::pin(slot.clone().run(call, || None));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(running.as_mut().poll(&mut cx).is_pending());
        slot.stop(StopReason::Deadline);
        assert!(dropped.load(Ordering::Relaxed), "before the next poll");
        slot.stop(StopReason::Cancelled);
        assert_eq!(running.as_mut().poll(&mut cx), Poll::Ready(Err(StopReason::Deadline)), "the first reason stays");
    }

    struct NotesLock(Arc<Cancellation<()>>, Arc<AtomicBool>);

    impl Drop for NotesLock {
        fn drop(&mut self) {
            self.1.store(self.0.call.is_locked(), Ordering::Relaxed);
        }
    }

    #[test]
    fn nobody_takes_a_call_for_ended_before_it_is_gone() {
        let (slot, locked) = (Cancellation::<()>::new(), Arc::new(AtomicBool::new(false)));
        let note = NotesLock(slot.clone(), locked.clone());
        let call = Box::pin(async move {
            let _note = note;
            std::future::pending().await
        });
        let mut running = Box::pin(slot.clone().run(call, || None));
        assert!(running.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(slot.stop(StopReason::Cancelled));
        assert!(locked.load(Ordering::Relaxed), "a poll at that moment would have found nothing, and ended");
    }

    #[test]
    fn a_call_that_is_stopped_while_it_runs_ends_after_that_poll() {
        let slot = Cancellation::<()>::new();
        let inner = slot.clone();
        let call = Box::pin(async move {
            inner.stop(StopReason::Cancelled);
            std::future::pending().await
        });
        let mut running = Box::pin(slot.run(call, || None));
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(running.as_mut().poll(&mut cx), Poll::Ready(Err(StopReason::Cancelled)));
    }
}
