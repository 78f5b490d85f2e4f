//! Small tasks beside busy ones, and how the busy ones end.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustyray_host::{Host, Module, ObjectRef};

use crate::rounds::{ROUND, ROUNDS, Rows, median, percentile, seconds_each};

/// CPU slots that let all busy tasks run, and the small one beside them.
const CPUS: f64 = 16.0;

const BUSY: usize = 8;

/// Small tasks in a round, at least: enough for a 99th percentile.
const SMALL_TASKS: usize = 200;

/// All of it.
pub async fn measure(rows: &mut Rows) {
    // A busy task says that it runs. That the host counts it as running would not tell: so it does with one that has
    // just ended.
    let (says, runs) = channel();
    let builder = crate::builder().cpus(CPUS).on_log(move |_| says.send(()).unwrap_or_default());
    let (host, module) = crate::start(builder).await;
    let busy = Busy { host: &host, module: &module, runs };
    beside_busy(rows, &busy).await;
    let cancel = cancelled(&busy, true).await;
    rows.lower("cancel-busy", cancel * 1e3, "ms");
    rows.lower("cancel-busy-force", cancel * 1e3, "ms");
    rows.note("what cancelling does by default");
    rows.lower("cancel-stubborn", cancelled(&busy, false).await * 1e3, "ms");
    rows.note("asked to stop without effect, and ended after the grace of a second");
    host.shutdown(Duration::from_secs(5)).await;
}

/// What starts busy tasks.
struct Busy<'a> {
    host: &'a Host,
    module: &'a Module,
    runs: Receiver<()>,
}

impl Busy<'_> {
    /// Submits one, and waits until it runs.
    fn start(&self) -> ObjectRef {
        let busy = self.module.task("busy").try_submit();
        self.runs.recv().unwrap();
        busy
    }

    /// Cancels one, and waits until it has ended; how long that took.
    async fn end(&self, busy: &ObjectRef, force: bool) -> Duration {
        let start = Instant::now();
        self.host.cancel_with(busy, force, true);
        assert!(self.host.value(busy, None).await.is_err());
        let took = start.elapsed();
        assert_eq!(busy.receipt().unwrap().attempts, 1, "it ran");
        took
    }
}

async fn beside_busy(rows: &mut Rows, busy: &Busy<'_>) {
    let running: Vec<ObjectRef> = (0..BUSY).map(|_| busy.start()).collect();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(latencies(busy.host, busy.module).await);
    }
    for (id, percent) in [("task-beside-busy-p50", 50), ("task-beside-busy-p99", 99)] {
        let figures = rounds.iter().map(|round| percentile(round.clone(), percent)).collect();
        rows.lower(id, median(figures) * 1e3, "ms");
    }
    for task in &running {
        busy.end(task, true).await;
    }
}

/// The seconds that each of some small tasks takes.
async fn latencies(host: &Host, module: &Module) -> Vec<f64> {
    let (round, mut seconds) = (Instant::now(), Vec::new());
    while seconds.len() < SMALL_TASKS || round.elapsed() < ROUND {
        let start = Instant::now();
        let sum = module.task("add").arg(1i64).arg(2i64).submit().await;
        assert_eq!(host.get::<i64>(&sum).await.unwrap(), 3);
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds
}

/// The seconds until a busy task has ended.
async fn cancelled(busy: &Busy<'_>, force: bool) -> f64 {
    seconds_each(1, async || busy.end(&busy.start(), force).await).await
}
