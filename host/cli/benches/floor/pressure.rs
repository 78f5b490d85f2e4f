//! A host with more to do than threads: who still gets through, and how soon something ends.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rustyray_host::{Host, TaskOptions};

use crate::Measurement;
use crate::harness::{Bench, Round, Series, repeat};
use crate::ours::Ours;
use crate::row::{Goal, Row, Unit};

pub const MEASUREMENTS: &[Measurement] = &[("pressure", beside_busy_loops), ("cancel", cancel)];

const THREADS: usize = 2;
const LOOPS: usize = 8;
/// A slot for each loop and for small tasks beside them: what is scarce is the threads.
const SLOTS: f64 = 16.0;
const SPINNING: usize = 100;
/// Longer than any slice of fuel: the loop that is to be cancelled has had its turn, and waits like the others.
const A_TURN: Duration = Duration::from_millis(3);
/// No slot is given back as late as this, unless it never is.
const GONE: Duration = Duration::from_secs(1);

/// A small task beside busy loops, at their priority and at a higher one. The floor is what the kernel's scheduler gives
/// to a second host, which has nothing else to do, on the same cores.
fn beside_busy_loops(bench: &Bench) -> Vec<Row> {
    let (idle, busy) = (bench.ours(), Ours::with(Host::builder().cpus(SLOTS).threads(THREADS)));
    let loops = busy.spinning(LOOPS);
    let count = bench.amount(200, 60) / bench.rounds + 1;
    let small = |priority: i32| {
        let again = (0..count).map(|_| {
            let start = Instant::now();
            block_on(busy.add_with(TaskOptions::new().priority(priority)));
            start.elapsed().as_nanos() as f64
        });
        Round::of_samples(again.collect())
    };
    let [same, higher, alone] =
        bench.rounds([&mut || small(0), &mut || small(1), &mut || block_on(repeat(bench.slice, || idle.add()))]);
    drop(loops);
    let same = latency_row(
        "pressure.same",
        "a small task beside 8 busy loops, same priority; floor: on an idle host in the process",
        &same,
        &alone,
    )
    .goals(&[Goal::P50AtMost(2e6), Goal::P99AtMost(5e6)]);
    let higher = latency_row("pressure.higher", "the same, at a higher priority", &higher, &alone);
    vec![same, higher.goals(&[Goal::P50AtMost(0.2e6)])]
}

fn latency_row(id: &str, title: &str, ours: &Series, alone: &Series) -> Row {
    Row::new(id, title, Unit::Nanoseconds, ours).against(ours, alone).percentiles(ours)
}

/// From the cancellation to the error, and whether the instance is back in the pool.
fn cancel(bench: &Bench) -> Vec<Row> {
    let (says, said) = mpsc::channel();
    let builder = Host::builder().cpus(SPINNING as f64 + 1.0).threads(THREADS);
    let ours = Ours::with(builder.on_log(move |_| says.send(()).unwrap_or_default()));
    let loops = ours.spinning(SPINNING);
    let count = bench.amount(200, 40) / bench.rounds + 1;
    let mut all_back = true;
    let [took] = bench.rounds([&mut || {
        let again = (0..count).map(|_| {
            let took = cancel_one(&ours, &said);
            all_back &= is_back(&ours);
            took.as_nanos() as f64
        });
        Round::of_samples(again.collect())
    }]);
    drop(loops);
    let row = Row::new("cancel", "cancel a busy loop beside 100 others", Unit::Nanoseconds, &took).percentiles(&took);
    let row = row.goals(&[Goal::P50AtMost(0.1e6), Goal::P99AtMost(2e6)]);
    vec![row.and("memory back", all_back)]
}

fn cancel_one(ours: &Ours, said: &mpsc::Receiver<()>) -> Duration {
    let spinning = ours.module.task("spin_aloud").try_submit();
    said.recv().unwrap();
    std::thread::sleep(A_TURN);
    let start = Instant::now();
    ours.host.cancel(&spinning);
    block_on(ours.host.value(&spinning, None)).unwrap_err();
    start.elapsed()
}

/// Is the instance of the cancelled loop gone, soon?
fn is_back(ours: &Ours) -> bool {
    let start = Instant::now();
    while ours.host.stats().instances as usize > SPINNING {
        if start.elapsed() > GONE {
            return false;
        }
        std::thread::yield_now();
    }
    true
}
