//! The lines of modules that are loaded: to be compiled, and to be asked what they offer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::words::limits::{
    DESCRIBED_AT_ONCE, DESCRIBED_AT_ONCE_MIN, DESCRIBED_MEMORY_OF, LARGE_COMPILED_AT_ONCE, MANIFEST_MEMORY_BYTES,
    SMALL_COMPILED_AT_ONCE,
};

/// The lines in which modules wait to be compiled. Small ones have one of their own, so that they do not wait behind large ones, which
/// take as long, and as much memory, as a hundred of them.
pub(super) struct CompilingLines {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

impl CompilingLines {
    pub(super) fn new() -> Self {
        let line = |at_once| Arc::new(Semaphore::new(at_once));
        CompilingLines { small: line(SMALL_COMPILED_AT_ONCE), large: line(LARGE_COMPILED_AT_ONCE) }
    }

    /// Waits until a module of this size may be compiled. Its turn is over when this is dropped.
    pub(super) async fn turn(&self, is_large: bool) -> Option<OwnedSemaphorePermit> {
        let line = if is_large { &self.large } else { &self.small };
        // Nobody closes it.
        line.clone().acquire_owned().await.ok()
    }
}

/// The line in which modules wait to be asked what they offer.
pub(super) struct DescribingLine {
    turns: Arc<Semaphore>,
    /// Turns that are over.
    over: AtomicU64,
}

/// A module may be asked, until this is dropped.
pub(super) struct DescribingTurn {
    line: Arc<DescribingLine>,
    _turn: OwnedSemaphorePermit,
}

impl Drop for DescribingTurn {
    fn drop(&mut self) {
        self.line.over.fetch_add(1, Ordering::Relaxed);
    }
}

impl DescribingLine {
    /// The line of a host with so much memory for guests.
    pub(super) fn new(guest_memory_bytes: u64) -> Arc<Self> {
        let turns = guest_memory_bytes / DESCRIBED_MEMORY_OF / MANIFEST_MEMORY_BYTES;
        let turns = usize::try_from(turns).unwrap_or(usize::MAX).clamp(DESCRIBED_AT_ONCE_MIN, DESCRIBED_AT_ONCE);
        Arc::new(DescribingLine { turns: Arc::new(Semaphore::new(turns)), over: AtomicU64::new(0) })
    }

    /// Waits for a turn, however many are before it; `None` when no turn has come to its end for so long.
    pub(super) async fn turn(self: &Arc<Self>, patience: Duration) -> Option<DescribingTurn> {
        let mut turn = std::pin::pin!(self.turns.clone().acquire_owned());
        loop {
            let before = self.over.load(Ordering::Relaxed);
            match tokio::time::timeout(patience, turn.as_mut()).await {
                // Nobody closes it.
                Ok(turn) => return Some(DescribingTurn { line: self.clone(), _turn: turn.ok()? }),
                Err(_) if self.over.load(Ordering::Relaxed) == before => return None,
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_small_module_overtakes_large_ones_and_no_more_are_compiled_at_once() {
        let lines = CompilingLines::new();
        let large: Vec<_> = (0..LARGE_COMPILED_AT_ONCE).map(|_| lines.turn(true).now_or_never().unwrap()).collect();
        let mut next = Box::pin(lines.turn(true));
        assert!(next.as_mut().now_or_never().is_none());
        let small: Vec<_> = (0..SMALL_COMPILED_AT_ONCE).map(|_| lines.turn(false).now_or_never().unwrap()).collect();
        assert!(lines.turn(false).now_or_never().is_none());
        drop(small);
        assert!(next.as_mut().now_or_never().is_none(), "a place of a small one");
        drop(large);
        assert!(next.now_or_never().unwrap().is_some());
    }

    #[tokio::test]
    async fn who_waits_to_be_asked_goes_on_as_long_as_others_come_to_an_end() {
        let line = DescribingLine::new(0);
        let turn = async || line.turn(Duration::from_secs(1)).await;
        let stuck: Vec<_> = futures::future::join_all((1..DESCRIBED_AT_ONCE_MIN).map(|_| turn())).await;
        let mut others = turn().await;
        // Before it stand more than there is patience for.
        let all = (0..8).map(async |_| {
            let mine = turn().await;
            assert!(mine.is_some());
            tokio::time::sleep(Duration::from_millis(200)).await;
            drop(mine);
        });
        let end = async { drop(others.take()) };
        futures::future::join(futures::future::join_all(all), end).await;
        let last = turn().await;
        assert!(last.is_some() && stuck.iter().all(Option::is_some));
        assert!(line.turn(Duration::ZERO).await.is_none(), "none comes to its end");
    }

    #[test]
    fn memory_of_those_that_are_asked_is_a_part_of_the_hosts() {
        let at_once = |bytes| DescribingLine::new(bytes).turns.available_permits();
        assert_eq!(at_once(u64::MAX), DESCRIBED_AT_ONCE);
        assert_eq!(at_once(384 << 20), DESCRIBED_AT_ONCE_MIN);
        let four = 4 * MANIFEST_MEMORY_BYTES * DESCRIBED_MEMORY_OF;
        assert_eq!((at_once(four), at_once(four - 1)), (4, 3));
    }
}
