//! Futures that may wait, but not for long, where what they compute does not count; or that may run, where what they wait for does not.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use futures::task::AtomicWaker;

/// Tells whether somebody was woken meanwhile.
#[derive(Default)]
struct Bell {
    has_rung: AtomicBool,
    outer: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        self.outer.wake();
    }
}

/// What comes of `what`; `None` when it has waited for `longest` in all. Where it was woken while it ran it only lets others go first.
pub(super) async fn waiting_at_most<T>(longest: Duration, what: impl Future<Output = T>) -> Option<T> {
    let bell = Arc::<Bell>::default();
    let waker = Waker::from(bell.clone());
    let mut what = pin!(what);
    let (mut waited, mut since) = (Duration::ZERO, None::<Instant>);
    let mut timer = pin!(tokio::time::sleep(longest));
    poll_fn(|cx| {
        bell.outer.register(cx.waker());
        waited += since.take().map_or(Duration::ZERO, |since| since.elapsed());
        bell.has_rung.store(false, Ordering::Release);
        if let Poll::Ready(done) = what.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Poll::Ready(Some(done));
        }
        if bell.has_rung.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        if waited >= longest {
            return Poll::Ready(None);
        }
        let now = *since.insert(Instant::now());
        let Some(until) = now.checked_add(longest - waited) else { return Poll::Pending };
        timer.as_mut().reset(until.into());
        timer.as_mut().poll(cx).map(|()| None)
    })
    .await
}

/// What comes of `what`; `None` when it has run for `longest` in all, and gives up its turn.
pub(super) async fn running_at_most<T>(longest: Duration, what: impl Future<Output = T>) -> Option<T> {
    let (mut what, mut ran) = (pin!(what), Duration::ZERO);
    poll_fn(|cx| {
        let since = Instant::now();
        let done = what.as_mut().poll(cx).map(Some);
        ran += since.elapsed();
        if done.is_pending() && ran >= longest { Poll::Ready(None) } else { done }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_is_run_counts() {
        let nap = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            1
        };
        assert_eq!(running_at_most(Duration::from_secs(3600), nap).await, Some(1));
        let spins = poll_fn(|cx| {
            let since = Instant::now();
            while since.elapsed() < Duration::from_millis(1) {}
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert_eq!(running_at_most(Duration::from_millis(10), spins).await, None);
        assert_eq!(running_at_most(Duration::ZERO, async { 2 }).await, Some(2), "it is done");
    }

    #[tokio::test]
    async fn only_what_is_waited_for_counts() {
        let mut turns = 1000;
        let yields = poll_fn(|cx| {
            turns -= 1;
            cx.waker().wake_by_ref();
            if turns == 0 { Poll::Ready(1) } else { Poll::Pending }
        });
        assert_eq!(waiting_at_most(Duration::ZERO, yields).await, Some(1));
        let naps = async {
            loop {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert_eq!(waiting_at_most(Duration::from_millis(20), naps).await, None::<()>, "in all");
        assert_eq!(waiting_at_most(Duration::from_millis(20), std::future::pending::<()>()).await, None);
        let soon = async {
            tokio::time::sleep(Duration::from_millis(2)).await;
            2
        };
        assert_eq!(waiting_at_most(Duration::MAX, soon).await, Some(2));
    }
}
