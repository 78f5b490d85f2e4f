//! A module beside another one that does what is heavy for the host: how late its naps, small tasks and new actors are.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rustyray_host::{Host, Module, TaskCall, TaskOptions};

use crate::Measurement;
use crate::harness::{Bench, Round, Series};
use crate::ours::{Ours, guest};
use crate::row::{Goal, Row, Unit};

pub const MEASUREMENTS: &[Measurement] = &[
    ("beside.threads", |bench| vec![threads(bench)]),
    ("beside.spin", |bench| {
        beside(bench, "spin", "2 busy loops", &|attacker| (0..2).map(|_| attacker.task("spin")).collect())
    }),
    ("beside.puts", |bench| {
        beside(bench, "puts", "2 guests that put 128 MiB again and again", &|attacker| {
            (0..2).map(|_| roomy(attacker.task("puts").arg(128usize << 20))).collect()
        })
    }),
    ("beside.waits", |bench| {
        beside(bench, "waits", "2 guests that wait for 300,000 copies of a reference", &|attacker| {
            (0..2).map(|_| roomy(attacker.task("waits").arg(300_000usize))).collect()
        })
    }),
    ("beside.crashes", |bench| {
        beside(bench, "crashes", "a guest that crashes with 100,000 children, again and again", &|attacker| {
            vec![attacker.task("crashes").arg(100_000u32)]
        })
    }),
    ("beside.failures", |bench| {
        beside(bench, "failures", "chains of 50,000 tasks that fail", &|attacker| {
            vec![attacker.task("failures").arg(50_000u32)]
        })
    }),
    ("beside.crowds", |bench| {
        beside(bench, "crowds", "100,000 tasks that wait for one that is cancelled", &|attacker| {
            vec![attacker.task("crowds").arg(100_000u32)]
        })
    }),
];

/// Late by more than so many times what it is alone is not fair.
const FAIR: f64 = 3.0;

fn roomy(call: TaskCall) -> TaskCall {
    call.options(TaskOptions::new().memory_bytes(1 << 30))
}

/// What the neighbour sees, beside what the attacker does and without it.
fn beside(bench: &Bench, id: &str, attack: &str, calls: &dyn Fn(&Module) -> Vec<TaskCall>) -> Vec<Row> {
    let ours = Ours::with(Host::builder());
    let attacker = block_on(ours.host.load_file_as("attacker", guest())).unwrap();
    let count = bench.amount(1500, 60) / bench.rounds as u32 + 1;
    let look = || -> [Vec<f64>; 3] {
        let seen = block_on(async {
            let seen = ours.module.task("neighbour").arg(count).submit().await;
            ours.host.get::<Vec<[u64; 3]>>(&seen).await.unwrap()
        });
        std::array::from_fn(|what| seen.iter().map(|times| times[what] as f64).collect())
    };
    let mut disturbed: [Series; 3] = Default::default();
    let mut alone: [Series; 3] = Default::default();
    // The first round fills caches, and is not counted.
    for round in 0..=bench.rounds {
        let attacking: Vec<_> = calls(&attacker).into_iter().map(TaskCall::try_submit).collect();
        while ours.host.stats().running < attacking.len() {
            std::thread::yield_now();
        }
        // Until it is at what it does.
        look();
        let beside = look();
        assert!(!attacking.iter().any(|task| task.is_ready()), "the attack is over: {:?}", attacking[0].receipt());
        attacking.iter().for_each(|task| ours.host.cancel(task));
        while ours.host.stats().pending + ours.host.stats().running > 0 {
            std::thread::yield_now();
        }
        let without = look();
        if round > 0 {
            let add = |to: &mut [Series; 3], times: [Vec<f64>; 3]| {
                to.iter_mut().zip(times).for_each(|(series, times)| series.0.push(Round::of_samples(times)));
            };
            add(&mut disturbed, beside);
            add(&mut alone, without);
        }
    }
    let rows = ["nap", "task", "actor"].into_iter().zip(disturbed.iter().zip(&alone)).map(|(what, (beside, alone))| {
        let title = format!("p99 of how late a neighbour's {what} is beside {attack}; floor: without");
        let row = Row::of(&format!("beside.{id}.{what}"), &title, Unit::Nanoseconds, beside.sample(0.99));
        row.against_one(alone.sample(0.99)).percentiles(beside).goals(&[Goal::RatioAtMost(FAIR)])
    });
    rows.collect()
}

/// What the kernel gives: two plain threads hand each other a turn after a nap, beside two that fill 128 MiB again and again, as many as
/// there are cores on a small machine. What a host's threads do beside others that are in the middle of such a thing cannot be much
/// faster.
fn threads(bench: &Bench) -> Row {
    let count = bench.amount(1500, 60) / bench.rounds as u32 + 1;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut busy = || {
        is_over.store(false, Ordering::Relaxed);
        let spins = || {
            let is_over = is_over.clone();
            std::thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::black_box(vec![7u8; 128 << 20]);
                }
            })
        };
        let spinning = [spins(), spins()];
        let round = Round::of_samples(handovers(count));
        is_over.store(true, Ordering::Relaxed);
        spinning.into_iter().for_each(|thread| thread.join().unwrap());
        round
    };
    let [beside, without] = bench.rounds([&mut busy, &mut || Round::of_samples(handovers(count))]);
    let title = "p99 of a turn that two plain threads hand each other, beside two that fill 128 MiB again and again; floor: without";
    let row = Row::of("beside.threads", title, Unit::Nanoseconds, beside.sample(0.99));
    row.against_one(without.sample(0.99)).percentiles(&beside)
}

/// How long it takes, each time, until a turn that was handed to another thread has come back: nanoseconds.
fn handovers(count: u32) -> Vec<f64> {
    let ((give, take), (give_back, take_back)) = (mpsc::channel::<()>(), mpsc::channel());
    let other = std::thread::spawn(move || while take.recv().is_ok_and(|()| give_back.send(()).is_ok()) {});
    let times = (0..count).map(|_| {
        std::thread::sleep(Duration::from_millis(2));
        let start = Instant::now();
        give.send(()).unwrap();
        take_back.recv().unwrap();
        start.elapsed().as_nanos() as f64
    });
    let times = times.collect();
    drop(give);
    other.join().unwrap();
    times
}
