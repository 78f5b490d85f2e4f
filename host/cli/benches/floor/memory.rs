//! What waits takes memory: idle actors and queued tasks, each in a process of its own.

use std::time::{Duration, Instant};

use futures::executor::block_on;
use rustyray_host::Host;

use crate::bare::Bare;
use crate::harness::{Bench, Round, Series, timed};
use crate::ours::Ours;
use crate::probe::{Probe, ask};
use crate::row::{Goal, Row, Unit};
use crate::{Measurement, machine};

pub const MEASUREMENTS: &[Measurement] = &[("actor.idle", idle_actors), ("task.queued", queued_tasks)];

pub const PROBES: &[Probe] = &[
    ("actor.idle.ours", our_idle_actors),
    ("actor.idle.floor", bare_idle_actors),
    ("task.queued.all", all_queued_tasks),
    ("task.queued.tenth", a_tenth_of_queued_tasks),
];

const ACTORS: usize = 10_000;
/// A few more than the actors, for the tasks beside them.
const INSTANCES: u32 = 10_016;
const ACTOR_BYTES_MOST: f64 = 40.0 * 1024.0;
const ACTORS_LEAST: f64 = 20_000.0;
const QUEUED: usize = 1_000_000;
const QUICK_QUEUED: usize = 100_000;
const QUEUED_BYTES_MOST: f64 = 600.0;
const LINEAR: f64 = 1.5;
/// Rounds of whole processes: each of them does a second of work or more.
const ROUNDS: usize = 3;

/// Has two probes take turns; the figures of each, probe by probe.
fn in_turn<const N: usize>(bench: &Bench, probes: [&str; 2]) -> [[Series; N]; 2] {
    let mut all = probes.map(|_| std::array::from_fn(|_| Series::default()));
    for _ in 0..bench.amount(ROUNDS, 1) {
        for (probe, series) in probes.iter().zip(&mut all) {
            let figures = ask(probe, bench);
            series.iter_mut().zip(figures).for_each(|(series, figure)| series.0.push(Round::of(figure)));
        }
    }
    all
}

fn idle_actors(bench: &Bench) -> Vec<Row> {
    let [ours, floor] = in_turn::<2>(bench, ["actor.idle.ours", "actor.idle.floor"]);
    let title = "memory of an idle actor, one of 10,000; floor: of a warm instance";
    let memory = Row::new("actor.idle.memory", title, Unit::Bytes, &ours[0]).against(&ours[0], &floor[0]);
    let title = "10,000 actors made, all ready; floor: instances made on one thread";
    let made = Row::new("actor.idle.made", title, Unit::PerSecond, &ours[1]).against(&ours[1], &floor[1]);
    vec![memory.goals(&[Goal::AtMost(ACTOR_BYTES_MOST)]), made.goals(&[Goal::AtLeast(ACTORS_LEAST)])]
}

fn our_idle_actors(_: &Bench) -> Vec<f64> {
    let ours = Ours::with(Host::builder().instances(INSTANCES));
    drop(ours.counter());
    let (before, start) = (machine::resident(), Instant::now());
    let actors: Vec<_> = (0..ACTORS).map(|_| ours.module.actor("Counter").create()).collect();
    let ready: Vec<_> = actors.iter().map(|actor| actor.ready()).collect();
    block_on(ours.host.wait(&ready, ready.len(), None)).expect("each is named once");
    let elapsed = start.elapsed();
    assert_eq!(ours.host.stats().actors, ACTORS);
    made(before, elapsed)
}

fn bare_idle_actors(_: &Bench) -> Vec<f64> {
    let bare = Bare::with(INSTANCES);
    drop(block_on(bare.counter()));
    let (before, start) = (machine::resident(), Instant::now());
    let actors: Vec<_> = (0..ACTORS).map(|_| block_on(bare.counter())).collect();
    let elapsed = start.elapsed();
    let figures = made(before, elapsed);
    drop(actors);
    figures
}

/// Bytes of each, and how many in a second.
fn made(before: f64, elapsed: Duration) -> Vec<f64> {
    vec![(machine::resident() - before) / ACTORS as f64, Round::rate(ACTORS, elapsed).figure]
}

fn queued_tasks(bench: &Bench) -> Vec<Row> {
    let [all, tenth] = in_turn::<2>(bench, ["task.queued.all", "task.queued.tenth"]);
    let number = bench.amount("a million", "100,000");
    let title = format!("memory of a queued task, one of {number}; floor: of a tenth of them");
    let memory = Row::new("task.queued.memory", &title, Unit::Bytes, &all[0]).against(&all[0], &tenth[0]);
    let title = format!("{number} queued tasks, then run in one slot, each; floor: of a tenth of them");
    let run = Row::new("task.queued.run", &title, Unit::Nanoseconds, &all[1]).against(&all[1], &tenth[1]);
    vec![memory.goals(&[Goal::AtMost(QUEUED_BYTES_MOST)]), run.goals(&[Goal::Flat(LINEAR)])]
}

fn all_queued_tasks(bench: &Bench) -> Vec<f64> {
    queued(bench.amount(QUEUED, QUICK_QUEUED))
}

fn a_tenth_of_queued_tasks(bench: &Bench) -> Vec<f64> {
    queued(bench.amount(QUEUED, QUICK_QUEUED) / 10)
}

/// Queues tasks behind one that holds the only slot, and lets them run: bytes and nanoseconds of each.
fn queued(count: usize) -> Vec<f64> {
    let ours = Ours::with(Host::builder().cpus(1.0));
    block_on(ours.add());
    let holder = ours.spinning(1).remove(0);
    let mut tasks = Vec::with_capacity(count);
    let before = machine::resident();
    tasks.extend((0..count).map(|_| ours.small().try_submit()));
    // The list of handles is the caller's own.
    let bytes = (machine::resident() - before) / count as f64 - size_of_val(&tasks[0]) as f64;
    let elapsed = timed(|| {
        ours.host.cancel(&holder);
        block_on(ours.get_all(&tasks));
    });
    vec![bytes, Round::each(count, elapsed).figure]
}
