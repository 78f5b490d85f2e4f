//! How far long work is: a line that renews itself on a terminal, a line now and then elsewhere.

use std::convert::Infallible;
use std::fmt;
use std::time::{Duration, Instant};

use rustyray_host::{Host, Stats};

use super::console::Console;

/// Work that is done before is not worth a word.
const SILENCE: Duration = Duration::from_secs(1);
/// Between two looks, where a person watches the line.
const LIVELY: Duration = Duration::from_millis(100);
/// Between two lines of a log.
const CALM: Duration = Duration::from_secs(5);

/// What there is to see of a host's work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    done: u64,
    running: usize,
    queued: usize,
    failed: u64,
    cancelled: u64,
}

impl Counts {
    /// Without the driver itself, which runs all the time.
    fn of(stats: &Stats, driver: bool) -> Self {
        Counts {
            done: stats.succeeded,
            running: if driver { stats.running.saturating_sub(1) } else { stats.running },
            queued: stats.pending,
            failed: stats.failed,
            cancelled: stats.cancelled,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { done, running, queued, failed, cancelled } = self;
        write!(f, "{done} done, {running} running, {queued} queued, {failed} failed")?;
        match cancelled {
            0 => Ok(()),
            _ => write!(f, ", {cancelled} cancelled"),
        }
    }
}

/// Shows the host's progress for as long as it is polled. `driver` says that one of the tasks is a program's `main`.
pub async fn watch(host: &Host, console: &Console, driver: bool) -> Infallible {
    if console.is_quiet() || console.is_json() {
        return std::future::pending().await;
    }
    let began = Instant::now();
    // A program that submits nothing has nothing to show.
    let mut shown = Counts::default();
    let lively = console.is_terminal();
    tokio::time::sleep(if lively { SILENCE } else { CALM }).await;
    loop {
        let counts = Counts::of(&host.stats(), driver);
        if lively && counts != Counts::default() {
            console.show_progress(counts.to_string(), began.elapsed());
        } else if !lively && counts != shown {
            console.line(&format!("progress: {counts} ({}s)", began.elapsed().as_secs()));
            shown = counts;
        }
        tokio::time::sleep(if lively { LIVELY } else { CALM }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_is_not_counted() {
        let mut stats = Stats::default();
        (stats.running, stats.succeeded) = (3, 7);
        assert_eq!(Counts::of(&stats, true).to_string(), "7 done, 2 running, 0 queued, 0 failed");
        stats.running = 0;
        stats.cancelled = 1;
        assert!(Counts::of(&stats, true).to_string().ends_with("0 running, 0 queued, 0 failed, 1 cancelled"));
    }
}
