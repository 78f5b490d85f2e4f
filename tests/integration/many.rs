//! More tasks in a row than may be pending at once: a task that starts is no longer pending.

use std::time::{Duration, Instant};

use rustyray_host::Host;
use rustyray_host::limits::PENDING_TASKS_MAX;

use rustyray_tests::{guest, within};

/// Tasks in flight.
const WINDOW: u32 = 2_000;

/// In release more than the limit, which a lost count would reach (`tidy.rs`). An unoptimised build takes several times as
/// long for each task and is not affected; there the count itself is checked after a few windows.
const WINDOWS: u32 = if cfg!(debug_assertions) { 10 } else { PENDING_TASKS_MAX as u32 / WINDOW + 2 };

/// An idle host ends at once; a lost count makes it wait for its whole grace.
const PROMPT: Duration = Duration::from_secs(10);

const GRACE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn more_tasks_than_may_be_pending_run_one_after_another() {
    let host = Host::builder().build().unwrap();
    let module = host.load_file(guest("waiting")).await.unwrap();
    for _ in 0..WINDOWS {
        let window: Vec<_> = (0..WINDOW).map(|n| module.task("increment").arg(n).try_submit()).collect();
        let results = async {
            for (n, object) in window.iter().enumerate() {
                assert_eq!(host.get::<u32>(object).await.unwrap(), n as u32 + 1);
            }
        };
        within(results, "a window of tasks").await;
    }
    let stats = host.stats();
    assert_eq!((stats.pending, stats.succeeded), (0, u64::from(WINDOW * WINDOWS)), "{stats:?}");
    let start = Instant::now();
    host.shutdown(GRACE).await;
    assert!(start.elapsed() < PROMPT, "an idle host took {:?} to shut down", start.elapsed());
}
