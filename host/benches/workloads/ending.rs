//! Small tasks beside busy ones, and how the busy ones end.

use std::time::{Duration, Instant};

use rustyray_host::{Host, Module, ObjectRef};

use crate::rounds::{ROUNDS, Rows, median, percentile, seconds_each};

/// CPU slots that let all busy tasks run, and the small one beside them.
const CPUS: f64 = 16.0;

const BUSY: usize = 8;

/// Small tasks in a round: enough for a 99th percentile.
const SMALL_TASKS: usize = 200;

/// All of it.
pub async fn measure(rows: &mut Rows) {
    let (host, module) = crate::host(CPUS).await;
    beside_busy(rows, &host, &module).await;
    // Here the busy one has a core of its own: how fast it ends is in question, not how the cores are shared.
    let cancel = cancelled(&host, &module, true).await;
    rows.lower("cancel-busy", cancel * 1e3, "ms");
    rows.lower("cancel-busy-force", cancel * 1e3, "ms");
    rows.note("what cancelling does by default");
    rows.lower("cancel-stubborn", cancelled(&host, &module, false).await * 1e3, "ms");
    rows.note("asked to stop without effect, and ended after the grace of a second");
    host.shutdown(Duration::from_secs(5)).await;
}

async fn beside_busy(rows: &mut Rows, host: &Host, module: &Module) {
    let busy: Vec<ObjectRef> = (0..BUSY).map(|_| module.task("busy").try_submit()).collect();
    running(host, BUSY).await;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(latencies(host, module).await);
    }
    for (id, percent) in [("task-beside-busy-p50", 50), ("task-beside-busy-p99", 99)] {
        let figures = rounds.iter().map(|round| percentile(round.clone(), percent)).collect();
        rows.lower(id, median(figures) * 1e3, "ms");
    }
    busy.iter().for_each(|busy| host.cancel(busy));
    running(host, 0).await;
}

/// The seconds that each of some small tasks takes.
async fn latencies(host: &Host, module: &Module) -> Vec<f64> {
    let mut seconds = Vec::new();
    for _ in 0..SMALL_TASKS {
        let start = Instant::now();
        let sum = module.task("add").arg(1i64).arg(2i64).submit().await;
        assert_eq!(host.get::<i64>(&sum).await.unwrap(), 3);
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds
}

/// The seconds until a busy task has ended.
async fn cancelled(host: &Host, module: &Module, force: bool) -> f64 {
    seconds_each(1, async || {
        let busy = module.task("busy").submit().await;
        running(host, 1).await;
        let start = Instant::now();
        host.cancel_with(&busy, force, true);
        assert!(host.value(&busy, None).await.is_err());
        start.elapsed()
    })
    .await
}

/// Waits until so many tasks run. Nobody tells; and a look now and then takes nothing from them.
async fn running(host: &Host, count: usize) {
    while host.stats().running != count {
        std::thread::sleep(Duration::from_millis(1));
    }
}
