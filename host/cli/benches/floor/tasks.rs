//! Tasks: one at a time, many in flight, from a driver, in a chain.

use std::collections::VecDeque;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rustyray_host::ObjectRef;
use tokio::runtime::{Builder, Runtime};

use crate::Measurement;
use crate::bare::{Bare, Minimal};
use crate::harness::{Bench, Round, Series, repeat, timed};
use crate::ours::Ours;
use crate::row::{Goal, Row, Unit};

pub const MEASUREMENTS: &[Measurement] = &[
    ("task.one.outside", one_from_outside),
    ("task.one.inside", one_from_inside),
    ("task.one.guest", one_from_a_guest),
    ("task.many.host", many_from_the_host),
    ("task.many.guest", many_from_a_guest),
    ("task.chain.host", chain_from_the_host),
    ("task.chain.guest", chain_from_a_guest),
    ("bare.sdk", share_of_the_sdk),
];

/// Tasks that are submitted and not yet fetched.
pub const IN_FLIGHT: usize = 1024;
const LINKS: usize = 1000;

/// As many workers as the host has threads.
pub fn workers() -> Runtime {
    Builder::new_multi_thread().worker_threads(cores()).enable_all().build().unwrap()
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The caller is a plain thread: what it waits for has to wake it through the kernel, with the host as with tokio.
fn one_from_outside(bench: &Bench) -> Vec<Row> {
    let (ours, bare, tokio) = (bench.ours(), bench.bare(), workers());
    let [ours, instance, spawn, both] = bench.rounds([
        &mut || block_on(repeat(bench.slice, || ours.add())),
        &mut || block_on(repeat(bench.slice, || bare.add())),
        &mut || block_on(repeat(bench.slice, || tokio.spawn(async {}))),
        &mut || block_on(repeat(bench.slice, || tokio.spawn(add(&bare)))),
    ]);
    vec![one_row(
        "task.one.outside",
        "a task, one at a time, from a plain thread; floor: a fresh instance, a spawn-and-await",
        [ours, instance, spawn, both],
    )]
}

/// The caller is itself a tokio task on a worker. The host has its own threads and takes no work of others, so that
/// ours still crosses from the embedder's runtime to the host's and back.
fn one_from_inside(bench: &Bench) -> Vec<Row> {
    let (ours, bare, tokio, slice) = (bench.ours(), bench.bare(), workers(), bench.slice);
    let sides = bench.rounds([
        &mut || on_a_worker(&tokio, ours_again(ours.clone(), slice)),
        &mut || on_a_worker(&tokio, bare_again(bare.clone(), slice)),
        &mut || on_a_worker(&tokio, repeat(slice, || tokio::spawn(async {}))),
        &mut || on_a_worker(&tokio, spawned_again(bare.clone(), slice)),
    ]);
    vec![one_row("task.one.inside", "the same from a task on a tokio worker", sides)]
}

/// Runs one side as a tokio task.
pub fn on_a_worker(tokio: &Runtime, side: impl Future<Output = Round> + Send + 'static) -> Round {
    tokio.block_on(tokio.spawn(side)).unwrap()
}

async fn ours_again(ours: Arc<Ours>, slice: Duration) -> Round {
    repeat(slice, || ours.add()).await
}

async fn bare_again(bare: Arc<Bare>, slice: Duration) -> Round {
    repeat(slice, || bare.add()).await
}

async fn spawned_again(bare: Arc<Bare>, slice: Duration) -> Round {
    repeat(slice, || tokio::spawn(add(&bare))).await
}

/// A fresh instance, for a tokio task.
fn add(bare: &Arc<Bare>) -> impl Future<Output = ()> + Send + 'static {
    let bare = bare.clone();
    async move { drop(bare.add().await) }
}

/// The floor is the sum of the parts; what both take in one go is told beside it.
fn one_row(id: &str, title: &str, [ours, instance, spawn, both]: [Series; 4]) -> Row {
    Row::new(id, title, Unit::Nanoseconds, &ours)
        .against(&ours, &instance.then(&spawn))
        .percentiles(&ours)
        .with("instance", instance.figure())
        .with("spawn", spawn.figure())
        .with("both in one", both.figure())
        .with("its p50", both.sample(0.5))
        .goals(&[Goal::RatioAtMost(1.5)])
}

fn one_from_a_guest(bench: &Bench) -> Vec<Row> {
    let (ours, bare) = (bench.ours(), bench.bare());
    let count = bench.amount(5_000, 1_000);
    let driver = || ours.measured(ours.module.task("in_turn").arg(count)) / f64::from(count);
    let [ours, floor] =
        bench.rounds([&mut || Round::of(driver()), &mut || block_on(repeat(bench.slice, || bare.add()))]);
    let title = "a task, one at a time, from a task; floor: a fresh instance";
    vec![Row::new("task.one.guest", title, Unit::Nanoseconds, &ours).against(&ours, &floor)]
}

/// So many fresh instances, one after the other on each of as many threads as the host has.
fn on_all_threads(bare: &Bare, count: usize) -> Round {
    let threads = cores();
    let (begin, mut elapsed) = (Barrier::new(threads + 1), None);
    std::thread::scope(|scope| {
        let working: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    begin.wait();
                    (0..count / threads).for_each(|_| drop(block_on(bare.add())));
                })
            })
            .collect();
        begin.wait();
        let start = Instant::now();
        working.into_iter().for_each(|thread| thread.join().unwrap());
        elapsed = Some(start.elapsed());
    });
    Round::rate(count, elapsed.unwrap())
}

fn many_from_the_host(bench: &Bench) -> Vec<Row> {
    let (ours, bare) = (bench.ours(), bench.bare());
    let count = bench.amount(20_000, 5_000);
    let sides = bench.rounds([
        &mut || Round::rate(count, timed(|| block_on(in_flight(&ours, count, || ours.small().try_submit())))),
        &mut || on_all_threads(&bare, count),
    ]);
    vec![many_row("task.many.host", "tasks from the host, 1,024 in flight", sides, 0.7)]
}

/// Submits, and fetches the oldest once enough are on their way. They are fewer than the queue holds, so that nobody has
/// to wait for room in it.
pub async fn in_flight(ours: &Ours, count: usize, submit: impl Fn() -> ObjectRef) {
    let mut flying: VecDeque<ObjectRef> = VecDeque::with_capacity(IN_FLIGHT);
    for _ in 0..count {
        if flying.len() == IN_FLIGHT
            && let Some(oldest) = flying.pop_front()
        {
            ours.host.get::<i32>(&oldest).await.unwrap();
        }
        flying.push_back(submit());
    }
    ours.get_all(flying.make_contiguous()).await;
}

fn many_from_a_guest(bench: &Bench) -> Vec<Row> {
    let (ours, bare) = (bench.ours(), bench.bare());
    let count = bench.amount(20_000, 5_000);
    let sides = bench.rounds([
        &mut || {
            let nanoseconds = ours.measured(ours.module.task("gather").arg(count as i32));
            Round::of(count as f64 / nanoseconds * 1e9)
        },
        &mut || on_all_threads(&bare, count),
    ]);
    vec![many_row("task.many.guest", "tasks from a driver in a guest, all in flight", sides, 0.6)]
}

fn many_row(id: &str, title: &str, [ours, floor]: [Series; 2], least: f64) -> Row {
    Row::new(id, title, Unit::PerSecond, &ours).against(&ours, &floor).goals(&[Goal::RatioAtLeast(least)])
}

/// Per link, against our own figure for one at a time.
fn chain_from_the_host(bench: &Bench) -> Vec<Row> {
    let ours = bench.ours();
    let chain = || Round::each(LINKS, timed(|| block_on(chained(&ours))));
    let sides = bench.rounds([&mut || chain(), &mut || block_on(repeat(bench.slice, || ours.add()))]);
    vec![chain_row("task.chain.host", "a link of a chain of 1,000 from the host", sides)]
}

async fn chained(ours: &Ours) -> i32 {
    let mut end = ours.module.task("increment").arg(0).submit().await;
    for _ in 1..LINKS {
        end = ours.module.task("increment").arg_ref(&end).submit().await;
    }
    ours.host.get(&end).await.unwrap()
}

fn chain_from_a_guest(bench: &Bench) -> Vec<Row> {
    let ours = bench.ours();
    let chain = || ours.measured(ours.module.task("chain").arg(LINKS as u32)) / LINKS as f64;
    let sides = bench.rounds([&mut || Round::of(chain()), &mut || block_on(repeat(bench.slice, || ours.add()))]);
    vec![chain_row("task.chain.guest", "a link of a chain of 1,000 from a guest", sides)]
}

fn chain_row(id: &str, title: &str, [chain, one]: [Series; 2]) -> Row {
    let title = format!("{title}; floor: ours, one at a time");
    Row::new(id, &title, Unit::Nanoseconds, &chain).against(&chain, &one).goals(&[Goal::RatioAtMost(1.5)])
}

/// For information: what an instance of an SDK's guest costs over one of next to nothing.
fn share_of_the_sdk(bench: &Bench) -> Vec<Row> {
    let (bare, minimal) = (bench.bare(), Minimal::new());
    let [sdk, least] = bench.rounds([&mut || block_on(repeat(bench.slice, || bare.add())), &mut || {
        block_on(repeat(bench.slice, || minimal.add()))
    }]);
    let title = "bare wasmtime: a fresh instance of the guest; floor: of a minimal component";
    vec![Row::new("bare.sdk", title, Unit::Nanoseconds, &sdk).against(&sdk, &least)]
}
