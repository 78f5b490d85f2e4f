//! Calls of an actor: from the host, and from another actor.

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use rustyray_host::ActorHandle;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use crate::Measurement;
use crate::bare::Counter;
use crate::harness::{Bench, Round, Series, repeat, repeat_now, timed};
use crate::ours::Ours;
use crate::row::{Goal, Row, Unit};
use crate::tasks::{IN_FLIGHT, in_flight, on_a_worker, workers};

pub const MEASUREMENTS: &[Measurement] = &[
    ("actor.one.outside", one_from_outside),
    ("actor.one.inside", one_from_inside),
    ("actor.many.host", many_from_the_host),
    ("actor.many.several", many_of_several),
    ("actor.one.guest", one_from_an_actor),
];

/// A tokio task that answers, as an actor would.
#[derive(Clone)]
struct Line(mpsc::UnboundedSender<oneshot::Sender<()>>);

impl Line {
    /// One that only answers, or one that calls an instance first.
    fn open(tokio: &Runtime, mut counter: Option<Counter>) -> Self {
        let (line, mut calls) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
        tokio.spawn(async move {
            while let Some(reply) = calls.recv().await {
                if let Some(counter) = &mut counter {
                    counter.increment().await;
                }
                let _ = reply.send(());
            }
        });
        Line(line)
    }

    async fn call(&self) {
        let (reply, answer) = oneshot::channel();
        self.0.send(reply).unwrap();
        answer.await.unwrap();
    }
}

async fn call_again(line: Line, slice: Duration) -> Round {
    repeat(slice, || line.call()).await
}

/// Calls of an instance that is there, with nothing between.
fn warm_calls(counter: &mut Counter, slice: Duration) -> Round {
    repeat_now(slice, || block_on(counter.increment()))
}

async fn ours_again(ours: Arc<Ours>, actor: ActorHandle, slice: Duration) -> Round {
    repeat(slice, || ours.increment(&actor)).await
}

fn one_from_outside(bench: &Bench) -> Vec<Row> {
    let (ours, bare, tokio, slice) = (bench.ours(), bench.bare(), workers(), bench.slice);
    let (actor, mut warm) = (ours.counter(), block_on(bare.counter()));
    let (line, served) = (Line::open(&tokio, None), Line::open(&tokio, Some(block_on(bare.counter()))));
    let sides = bench.rounds([
        &mut || block_on(repeat(slice, || ours.increment(&actor))),
        &mut || warm_calls(&mut warm, slice),
        &mut || block_on(call_again(line.clone(), slice)),
        &mut || block_on(call_again(served.clone(), slice)),
    ]);
    vec![one_row(
        "actor.one.outside",
        "a call of an actor, one at a time, from a plain thread; floor: channel round trip, warm call",
        sides,
    )]
}

fn one_from_inside(bench: &Bench) -> Vec<Row> {
    let (ours, bare, tokio, slice) = (bench.ours(), bench.bare(), workers(), bench.slice);
    let (actor, mut warm) = (ours.counter(), block_on(bare.counter()));
    let (line, served) = (Line::open(&tokio, None), Line::open(&tokio, Some(block_on(bare.counter()))));
    let sides = bench.rounds([
        &mut || on_a_worker(&tokio, ours_again(ours.clone(), actor.clone(), slice)),
        &mut || warm_calls(&mut warm, slice),
        &mut || on_a_worker(&tokio, call_again(line.clone(), slice)),
        &mut || on_a_worker(&tokio, call_again(served.clone(), slice)),
    ]);
    vec![one_row("actor.one.inside", "the same from a task on a tokio worker", sides)]
}

/// The floor is the sum of the parts; what both take in one go is told beside it.
fn one_row(id: &str, title: &str, [ours, warm, line, both]: [Series; 4]) -> Row {
    Row::new(id, title, Unit::Nanoseconds, &ours)
        .against(&ours, &warm.then(&line))
        .percentiles(&ours)
        .with("warm call", warm.figure())
        .with("channel round trip", line.figure())
        .with("both in one", both.figure())
        .with("its p50", both.sample(0.5))
        .goals(&[Goal::RatioAtMost(1.5)])
}

fn many_from_the_host(bench: &Bench) -> Vec<Row> {
    let (ours, bare) = (bench.ours(), bench.bare());
    let (actor, mut warm) = (ours.counter(), block_on(bare.counter()));
    let count = bench.amount(100_000, 20_000);
    let [ours, floor] = bench
        .rounds([&mut || Round::rate(count, timed(|| many_calls(&ours, &actor, "increment", count))), &mut || {
            Round::of(1e9 / warm_calls(&mut warm, bench.slice).figure)
        }]);
    let title = format!("calls of one actor from the host, {IN_FLIGHT} in flight; floor: warm calls on one thread");
    let row = Row::new("actor.many.host", &title, Unit::PerSecond, &ours).against(&ours, &floor);
    vec![row.goals(&[Goal::AtLeast(500_000.0)])]
}

/// What it costs to be able to serve several calls at once, and what a turn of one of them does.
fn many_of_several(bench: &Bench) -> Vec<Row> {
    let ours = bench.ours();
    let (one, several) = (ours.counter(), ours.actor("Several"));
    let count = bench.amount(100_000, 20_000);
    let rate = |actor: &ActorHandle, method| Round::rate(count, timed(|| many_calls(&ours, actor, method, count)));
    let [several, later, one] =
        bench.rounds([&mut || rate(&several, "increment"), &mut || rate(&several, "increment_later"), &mut || {
            rate(&one, "increment")
        }]);
    let title = "the same of an actor that serves 100 at once; floor: of one that serves one";
    let row = Row::new("actor.many.several", title, Unit::PerSecond, &several).against(&several, &one);
    vec![row.with("with an await in each", later.figure()).goals(&[Goal::RatioAtLeast(0.5)])]
}

fn many_calls(ours: &Ours, actor: &ActorHandle, method: &str, count: usize) {
    let call = actor.call(method);
    block_on(in_flight(ours, count, || call.clone().try_submit()));
}

/// The calling actor measures by itself: nothing of the host's side is in it.
fn one_from_an_actor(bench: &Bench) -> Vec<Row> {
    let (ours, bare, tokio, slice) = (bench.ours(), bench.bare(), workers(), bench.slice);
    let caller = ours.module.actor("Caller").create();
    let count = bench.amount(20_000u32, 2_000);
    let calls = || {
        block_on(async {
            let nanoseconds = caller.call("call").arg(count).submit().await;
            ours.host.get::<u64>(&nanoseconds).await.unwrap() as f64 / f64::from(count)
        })
    };
    let served = Line::open(&tokio, Some(block_on(bare.counter())));
    let [ours, floor] =
        bench.rounds([&mut || Round::of(calls()), &mut || on_a_worker(&tokio, call_again(served.clone(), slice))]);
    let title = "a call from actor to actor, one at a time; floor: channel round trip and warm call, in one";
    let row = Row::new("actor.one.guest", title, Unit::Nanoseconds, &ours).against(&ours, &floor);
    vec![row.goals(&[Goal::AtMost(2_000.0)])]
}
