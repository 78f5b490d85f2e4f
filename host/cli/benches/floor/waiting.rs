//! Waiting for many references, and fetching many values: what each of them costs, and whether it stays the same.

use std::time::Duration;

use futures::executor::block_on;
use rustyray_host::{Host, ObjectRef};

use crate::Measurement;
use crate::harness::{Bench, Round, Series, repeat};
use crate::ours::Ours;
use crate::row::{Goal, Row, Unit};

pub const MEASUREMENTS: &[Measurement] = &[
    ("wait.host.ready", wait_from_the_host),
    ("wait.host.pending", wait_for_what_is_not_there),
    ("wait.guest", wait_from_a_guest),
    ("get.host", get_from_the_host),
    ("get.guest", get_from_a_guest),
];

const WAITED: usize = 1_000;
const FETCHED: usize = 10_000;
/// A tenth of the number shows whether the cost is linear.
const TENTH: usize = 10;
const EACH_MOST: f64 = 1_000.0;
const LINEAR: f64 = 1.5;

fn wait_from_the_host(bench: &Bench) -> Vec<Row> {
    let ours = bench.ours();
    let stored = stored(&ours, WAITED);
    let sides =
        numbers(bench, WAITED, |count| per_reference(bench, count, || ours.host.wait(&stored[..count], count, None)));
    vec![row("wait.host.ready", "wait from the host on 1,000 references that are ready, each", sides)]
}

/// Tasks that depend on one which never ends: the wait has to watch each of them, and gives up at once.
fn wait_for_what_is_not_there(bench: &Bench) -> Vec<Row> {
    let ours = Ours::with(Host::builder());
    let never = ours.spinning(1).remove(0);
    let pending: Vec<_> = (0..WAITED).map(|_| ours.module.task("increment").arg_ref(&never).try_submit()).collect();
    let wait = |count| ours.host.wait(&pending[..count], count, Some(Duration::ZERO));
    let sides = numbers(bench, WAITED, |count| per_reference(bench, count, || wait(count)));
    vec![row("wait.host.pending", "the same on references that are not ready, each watched and given up", sides)]
}

fn wait_from_a_guest(bench: &Bench) -> Vec<Row> {
    let ours = bench.ours();
    let wait = |count: usize| ours.measured(ours.module.task("wait_many").arg(count)) / count as f64;
    let sides = numbers(bench, WAITED, |count| Round::of(wait(count)));
    vec![row("wait.guest", "wait from a guest on 1,000 references that are ready, each", sides)]
}

fn get_from_the_host(bench: &Bench) -> Vec<Row> {
    let ours = bench.ours();
    let stored = stored(&ours, FETCHED);
    let sides = numbers(bench, FETCHED, |count| per_reference(bench, count, || ours.get_all(&stored[..count])));
    vec![row("get.host", "get of 10,000 values that are ready, from the host, each", sides)]
}

fn get_from_a_guest(bench: &Bench) -> Vec<Row> {
    let ours = bench.ours();
    let get = |count: usize| ours.measured(ours.module.task("get_many").arg(count)) / count as f64;
    let sides = numbers(bench, FETCHED, |count| Round::of(get(count)));
    vec![row("get.guest", "get of 10,000 values that are ready, from a guest, each", sides)]
}

fn stored(ours: &Ours, count: usize) -> Vec<ObjectRef> {
    (0..count).map(|n| ours.host.put(&(n as i32)).unwrap()).collect()
}

/// All of them, and a tenth.
fn numbers(bench: &Bench, count: usize, mut measure: impl FnMut(usize) -> Round) -> [Series; 2] {
    let measure = std::cell::RefCell::new(&mut measure);
    bench.rounds([&mut || measure.borrow_mut()(count), &mut || measure.borrow_mut()(count / TENTH)])
}

fn per_reference<F: Future>(bench: &Bench, count: usize, operation: impl FnMut() -> F) -> Round {
    Round::of(block_on(repeat(bench.slice / 2, operation)).figure / count as f64)
}

fn row(id: &str, title: &str, [all, tenth]: [Series; 2]) -> Row {
    let title = format!("{title}; floor: of a tenth of them");
    let row = Row::new(id, &title, Unit::Nanoseconds, &all).against(&all, &tenth);
    row.goals(&[Goal::AtMost(EACH_MOST), Goal::Flat(LINEAR)])
}
