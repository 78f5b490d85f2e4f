//! The cost of a task when there are many: submitted at once, and all awaited.

use futures::executor::block_on;
use rustyray_host::ObjectRef;

use crate::Measurement;
use crate::harness::{Bench, Round, Series, timed};
use crate::ours::Ours;
use crate::row::{Goal, Row, Unit};

pub const MEASUREMENTS: &[Measurement] = &[("scaling", scaling)];

/// From where on a task's own cost outweighs that of waking threads.
const BASE: usize = 10_000;
const MOST: usize = 1_000_000;
const QUICK_MOST: usize = 100_000;
const FLAT: f64 = 1.5;
/// Tasks of one round, where one lot is less.
const ROUND: usize = 2_000;

fn scaling(bench: &Bench) -> Vec<Row> {
    let (ours, most) = (bench.ours(), bench.amount(MOST, QUICK_MOST));
    let lots = std::iter::successors(Some(1), |lot| Some(lot * 10)).take_while(|lot| *lot <= most);
    let series: Vec<(usize, Series)> = lots.map(|lot| (lot, measured(bench, &ours, lot))).collect();
    let figure = |lot| series.iter().find(|(of, _)| *of == lot).map_or(f64::NAN, |(_, series)| series.figure());
    let title = format!("a task when {most} are submitted at once and awaited; floor: when {BASE} are");
    let row = Row::of("scaling", &title, Unit::Nanoseconds, figure(most)).against_one(figure(BASE));
    let row = series.iter().fold(row, |row, (lot, series)| row.with(&format!("1e{}", lot.ilog10()), series.figure()));
    vec![row.goals(&[Goal::Flat(FLAT)])]
}

/// As many rounds as elsewhere, and one for the lots that take long by themselves.
fn measured(bench: &Bench, ours: &Ours, lot: usize) -> Series {
    let times = (ROUND / lot).max(1);
    let mut round = || Round::each(times * lot, timed(|| (0..times).for_each(|_| at_once(ours, lot))));
    if lot > BASE {
        return Series(vec![round()]);
    }
    let [series] = bench.rounds([&mut round]);
    series
}

fn at_once(ours: &Ours, lot: usize) {
    let sums: Vec<ObjectRef> = (0..lot).map(|_| ours.small().try_submit()).collect();
    block_on(ours.get_all(&sums));
}
