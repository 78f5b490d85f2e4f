//! Tests of a guest, without WebAssembly: under plain `cargo test`, for the machine that they are written on.
//!
//! ```
//! use rustyray::prelude::*;
//!
//! #[rustyray::remote]
//! fn add(a: i32, b: i32) -> i32 {
//!     a + b
//! }
//!
//! #[rustyray::test]
//! async fn sums_are_right() -> Result<()> {
//!     let three = add.remote(1, 2);
//!     assert_eq!(add.remote(three, 4).await?, 7);
//!     Ok(())
//! }
//! # // The attribute makes a `#[test]`, which is nothing here.
//! # rustyray::test(async { assert_eq!(add.remote(add.remote(1, 2), 4).await.unwrap(), 7) });
//! ```
//!
//! Tasks, actors, objects, streams, errors, panics, retries, restarts, checkpoints, names, cancellation and timeouts
//! are as on a host. Values cross as bytes, so what cannot be sent there cannot be sent here.
//!
//! - **Each test has a host of its own.** Tests run beside each other, and know nothing of each other.
//! - **One thing runs at a time,** until it waits; then what became ready first goes on. So a test does the same each
//!   time. Tasks of a higher priority go first; CPUs and resources are not counted.
//! - **Time passes only when all wait.** A nap of an hour takes no time. [`elapsed`] says how long the test would have
//!   taken; `std::time` knows nothing of it.
//! - **What can never come is an error,** [`Deadlock`](crate::ErrorKind::Deadlock), and no test that hangs.
//! - **Calls of an actor that serves several take turns where they await,** as on a host. When they wait in vain, the
//!   error is that of whoever waits for them from outside.
//! - **A panic in a task is that task's error,** `WorkerCrashed` with its text; one in the test fails the test.
//! - **What the test leaves running is ended with it.**
//!
//! What there is no sandbox for is not here: a task's `fuel`, `memory`, `tables`, `output` and `grants` are taken and
//! mean nothing, a loop that never waits is neither timed out nor cancelled, alone or beside other calls, an abort or a
//! stack overflow ends the process, and what a `static` holds is shared by all. Thread-locals are each task's own. A
//! task that is ended where it waits drops what it holds, where an instance would just be gone. Of a host's limits those
//! of streams, mailboxes and calls at once hold; of tasks and actors that wait for others there are at most 1,000 at
//! once. No journal is kept.

use std::future::IntoFuture;
use std::time::Duration;

use crate::executor::block_on;
use crate::export::EXPORTS;
use crate::{logging, sim};

/// Runs a test with a host of its own, in this process: what `#[rustyray::test]` does, for a plain `#[test]`.
///
/// # Panics
/// When the future does, and inside of another test.
///
/// ```
/// # use rustyray::prelude::*;
/// # #[rustyray::remote] fn half(n: u32) -> Result<u32> { rustyray::ensure!(n % 2 == 0, "{n} is odd"); Ok(n / 2) }
/// let error = rustyray::test(async { half.remote(3).await.unwrap_err() });
/// assert!(error.to_string().ends_with("3 is odd"));
/// ```
pub fn test<F: IntoFuture>(future: F) -> F::Output {
    run(|| block_on(future))
}

/// [`test()`] for a plain function, which waits with `blocking_get` and its like.
///
/// # Panics
/// As [`test()`].
///
/// ```
/// # use rustyray::prelude::*;
/// # #[rustyray::remote] fn answer() -> u32 { 42 }
/// assert_eq!(rustyray::testing::run(|| answer.remote().blocking_get().unwrap()), 42);
/// ```
pub fn run<T>(test: impl FnOnce() -> T) -> T {
    sim::run(EXPORTS, || {
        logging::install();
        test()
    })
}

/// How much time has passed since the test began, on its own clock.
///
/// # Panics
/// Outside of a test.
///
/// ```
/// # use rustyray::prelude::*;
/// rustyray::test(async {
///     rustyray::sleep(Duration::from_secs(3600)).await;
///     assert_eq!(rustyray::testing::elapsed(), Duration::from_secs(3600));
/// });
/// ```
#[must_use]
pub fn elapsed() -> Duration {
    sim::elapsed()
}

/// How many objects somebody holds a reference to, once everything has gone on that can without time passing: none at
/// the end of a test whose program lets go of what it no longer needs.
///
/// # Panics
/// Outside of a test.
///
/// ```
/// # use rustyray::prelude::*;
/// rustyray::test(async {
///     let kept = rustyray::put(1u8).await.unwrap();
///     assert_eq!(rustyray::testing::live_objects(), 1);
///     drop(kept);
///     assert_eq!(rustyray::testing::live_objects(), 0);
/// });
/// ```
#[must_use]
pub fn live_objects() -> usize {
    sim::live_objects()
}
