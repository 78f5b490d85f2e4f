//! The lines of modules that are loaded: to be compiled, and to be asked what they offer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::{Either, select};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::sandbox::ModuleError;
use crate::types::limits::{
    DESCRIBED_AT_ONCE, DESCRIBED_AT_ONCE_MIN, DESCRIBED_MEMORY_OF, LARGE_COMPILED_AT_ONCE, MANIFEST_MEMORY_BYTES,
    SMALL_COMPILED_AT_ONCE,
};

/// Runs it on the host's own threads, so that it works on any executor. It ends with the future, or with the host.
///
/// # Errors
/// Its own; the host is gone, or the compiler panicked.
pub async fn on_threads_of<T: Send + 'static>(
    host: &Handle,
    work: impl Future<Output = Result<T, ModuleError>> + Send + 'static,
) -> Result<T, ModuleError> {
    let mut tasks = JoinSet::new();
    tasks.spawn_on(work, host);
    finished(tasks).await
}

/// The same of what blocks: once it has begun it goes on.
///
/// # Errors
/// As those of [`on_threads_of`].
pub async fn on_blocking_threads_of<T: Send + 'static>(
    host: &Handle,
    work: impl FnOnce() -> Result<T, ModuleError> + Send + 'static,
) -> Result<T, ModuleError> {
    let mut tasks = JoinSet::new();
    tasks.spawn_blocking_on(work, host);
    finished(tasks).await
}

async fn finished<T: 'static>(mut tasks: JoinSet<Result<T, ModuleError>>) -> Result<T, ModuleError> {
    match tasks.join_next().await {
        Some(Ok(done)) => done,
        Some(Err(error)) if error.is_panic() => Err(ModuleError::Compiler(PANICKED.to_owned())),
        _ => Err(ModuleError::HostShutDown),
    }
}

const PANICKED: &str = "it panicked, which is a fault of the host's: please report it, with the module";

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
    pub(super) async fn turn(&self, is_large: bool) -> CompilingTurn {
        let line = if is_large { &self.large } else { &self.small };
        // Nobody closes it.
        CompilingTurn { _place: line.clone().acquire_owned().await.ok() }
    }
}

/// A module may be compiled, until this is dropped.
pub(super) struct CompilingTurn {
    _place: Option<OwnedSemaphorePermit>,
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

    /// Waits for a turn, however many are before it; `None` when its patience came to an end and no turn has meanwhile.
    pub(super) async fn turn(self: &Arc<Self>, patience: impl AsyncFn()) -> Option<DescribingTurn> {
        let mut turn = std::pin::pin!(self.turns.clone().acquire_owned());
        loop {
            let before = self.over.load(Ordering::Relaxed);
            match select(turn.as_mut(), std::pin::pin!(patience())).await {
                // Nobody closes it.
                Either::Left((turn, _)) => return Some(DescribingTurn { line: self.clone(), _turn: turn.ok()? }),
                Either::Right(_) if self.over.load(Ordering::Relaxed) == before => return None,
                Either::Right(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::task::Poll;

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
        assert!(next.now_or_never().is_some());
    }

    #[test]
    fn who_waits_to_be_asked_goes_on_as_long_as_others_come_to_an_end() {
        let line = DescribingLine::new(0);
        let is_over = Cell::new(false);
        let patience = || poll_fn(|_| if is_over.take() { Poll::Ready(()) } else { Poll::Pending });
        let turn = || Box::pin(line.turn(async || patience().await));
        let mut turns: Vec<_> = (0..DESCRIBED_AT_ONCE_MIN).map(|_| turn().now_or_never().unwrap()).collect();
        let (mut next, mut last) = (turn(), turn());
        for _ in 0..8 {
            assert!(next.as_mut().now_or_never().is_none() && last.as_mut().now_or_never().is_none());
            drop(turns.pop());
            is_over.set(true);
            assert!(last.as_mut().now_or_never().is_none() && !is_over.get(), "a turn has come to its end");
            turns.push(next.as_mut().now_or_never().unwrap());
            next = std::mem::replace(&mut last, turn());
        }
        assert!(turns.iter().all(Option::is_some));
        is_over.set(true);
        assert!(next.as_mut().now_or_never().unwrap().is_none(), "none comes to its end");
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
