//! The results of an actor that serves several calls at once which wait for room in the object store: they are in memory beside the guest's
//! own, and it runs no further call while they are much.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::types::sync::AtomicWaker;
use crate::types::sync::atomic::{AtomicU64, Ordering};

/// Bytes of results that wait, and how many may.
pub struct Unstored {
    bytes: AtomicU64,
    /// From here on the guest waits. The one that passes it may be as large as the guest's memory.
    max: u64,
    guest: AtomicWaker,
}

/// A result that waits; it does no more when this is dropped.
pub struct UnstoredResult {
    of: Arc<Unstored>,
    bytes: u64,
}

impl Unstored {
    /// None waits yet of an actor that may use so many bytes of memory: half of that may wait beside it.
    pub fn new(memory_bytes: u64) -> Arc<Self> {
        Arc::new(Unstored { bytes: AtomicU64::new(0), max: memory_bytes / 2, guest: AtomicWaker::new() })
    }

    /// A result of so many bytes waits.
    pub fn add(self: &Arc<Self>, bytes: u64) -> UnstoredResult {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
        UnstoredResult { of: self.clone(), bytes }
    }

    /// Do few enough bytes wait that the guest may make more? `cx` is woken when that changes.
    pub fn poll_are_few(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_below() {
            return Poll::Ready(());
        }
        self.guest.register(cx.waker());
        // One may have gone before the waker was there.
        if self.is_below() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn is_below(&self) -> bool {
        let bytes = self.bytes.load(Ordering::Acquire);
        bytes == 0 || bytes < self.max
    }
}

impl Drop for UnstoredResult {
    fn drop(&mut self) {
        self.of.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        self.of.guest.wake();
    }
}

// Another crate's futures are polled here, whose atomics are not the shuttled ones.
#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::task::{Wake, Waker};

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    fn now(unstored: &Unstored) -> Poll<()> {
        unstored.poll_are_few(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_guest_waits_while_more_than_half_of_its_memory_waits_for_room() {
        let unstored = Unstored::new(100);
        let first = unstored.add(49);
        assert_eq!(now(&unstored), Poll::Ready(()));
        let second = unstored.add(1);
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(unstored.poll_are_few(&mut cx).is_pending());
        drop(first);
        assert!(woken.0.load(Ordering::SeqCst));
        assert!(unstored.poll_are_few(&mut cx).is_ready());
        drop(second);
        assert_eq!(unstored.bytes.load(Ordering::Acquire), 0);
    }

    #[test]
    fn a_single_result_is_let_out_of_however_little_memory() {
        let unstored = Unstored::new(1);
        assert_eq!(now(&unstored), Poll::Ready(()));
        let large = unstored.add(1 << 20);
        assert_eq!(now(&unstored), Poll::Pending);
        drop(large);
        assert_eq!(now(&unstored), Poll::Ready(()));
    }
}
