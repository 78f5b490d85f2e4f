//! Objects: storing and fetching, from the host and from a guest, and the memory of one that many tasks read.

use std::hint::black_box;

use futures::executor::block_on;
use rustyray_host::{Host, TaskCall, TaskOptions};

use crate::harness::{Bench, Round, Series, repeat, repeat_now};
use crate::ours::Ours;
use crate::probe::{Probe, ask};
use crate::row::{Goal, Row, Unit};
use crate::{Measurement, machine};

pub const MEASUREMENTS: &[Measurement] = &[
    ("object.put.host", put_from_the_host),
    ("object.get.host", get_from_the_host),
    ("object.put.guest", put_from_a_guest),
    ("object.get.guest", get_from_a_guest),
    ("object.shared", one_for_many_tasks),
];

pub const PROBES: &[Probe] = &[("object.shared", memory_of_one_for_many)];

const LARGE: usize = 64 << 20;
const SMALL: usize = 64;
const SMALL_MOST: f64 = 2_000.0;
const READERS: usize = 100;
/// What a guest needs that holds some large objects.
const LARGE_MEMORY: u64 = 1 << 30;

/// Both sides copy into memory that is fresh from the system, as the host must.
fn put_from_the_host(bench: &Bench) -> Vec<Row> {
    let ours = bench.ours();
    let sides = |size| {
        let value = vec![7u8; size];
        bench.rounds([&mut || repeat_now(bench.slice, || ours.host.put(&value).unwrap()), &mut || {
            repeat_now(bench.slice, || black_box(&value).to_vec())
        }])
    };
    rows("object.put.host", "put from the host", sides(LARGE), sides(SMALL))
}

fn get_from_the_host(bench: &Bench) -> Vec<Row> {
    let ours = bench.ours();
    let sides = |size| {
        let (value, object) = (vec![7u8; size], ours.host.put(&vec![7u8; size]).unwrap());
        bench.rounds([&mut || block_on(repeat(bench.slice, || ours.host.get::<Vec<u8>>(&object))), &mut || {
            repeat_now(bench.slice, || black_box(&value).to_vec())
        }])
    };
    rows("object.get.host", "get from the host", sides(LARGE), sides(SMALL))
}

fn put_from_a_guest(bench: &Bench) -> Vec<Row> {
    let sides = |size, count| {
        let value = vec![7u8; size];
        bench.rounds([&mut || in_guest(bench, "put_bytes", size, count), &mut || {
            repeat_now(bench.slice, || black_box(&value).to_vec())
        }])
    };
    rows("object.put.guest", "put from a guest", sides(LARGE, 4), sides(SMALL, 10_000))
}

/// The guest's memory is there already, and so is the floor's.
fn get_from_a_guest(bench: &Bench) -> Vec<Row> {
    let sides = |size, count| {
        let (value, mut copy) = (vec![7u8; size], vec![0u8; size]);
        bench.rounds([&mut || in_guest(bench, "get_bytes", size, count), &mut || {
            repeat_now(bench.slice, || black_box(&mut copy).copy_from_slice(black_box(&value)))
        }])
    };
    rows("object.get.guest", "get from a guest", sides(LARGE, 4), sides(SMALL, 10_000))
}

fn in_guest(bench: &Bench, task: &str, size: usize, count: usize) -> Round {
    let ours = bench.ours();
    let options = TaskOptions::new().memory_bytes(LARGE_MEMORY);
    let call: TaskCall = ours.module.task(task).arg(size).arg(count).options(options);
    Round::of(ours.measured(call) / count as f64)
}

/// Of the large one the bytes count, of the small one the call.
fn rows(id: &str, title: &str, large: [Series; 2], small: [Series; 2]) -> Vec<Row> {
    let row = |suffix: &str, size: &str, [ours, floor]: &[Series; 2]| {
        let title = format!("{title}, {size}; floor: memcpy");
        Row::new(&format!("{id}.{suffix}"), &title, Unit::Nanoseconds, ours).against(ours, floor)
    };
    let large = row("64m", "64 MiB", &large).goals(&[Goal::RatioAtMost(1.0 / 0.8)]);
    vec![large, row("64b", "64 bytes", &small).goals(&[Goal::AtMost(SMALL_MOST)])]
}

/// Two copies at most are out at once, one for each CPU slot, beside the object itself.
fn one_for_many_tasks(bench: &Bench) -> Vec<Row> {
    let figures = ask("object.shared", bench);
    let (peak, after, slots) = (figures[0], figures[1], figures[2]);
    let floor = LARGE as f64 * (1.0 + slots);
    let title = "peak of memory while 100 tasks read 64 MiB; floor: the object and a copy for each CPU slot";
    let row = Row::of("object.shared", title, Unit::Bytes, peak).against_one(floor).with("afterwards", after);
    vec![row.goals(&[Goal::RatioAtMost(1.1)])]
}

/// How much the process grew at most, and how much of it stayed, with the number of CPU slots.
fn memory_of_one_for_many(_: &Bench) -> Vec<f64> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let ours = Ours::with(Host::builder());
    block_on(ours.add());
    let before = machine::resident();
    let object = ours.host.put(&bytes::Bytes::from(vec![7u8; LARGE])).unwrap();
    let reading: Vec<_> = (0..READERS).map(|_| ours.module.task("sum_bytes").arg_ref(&object).try_submit()).collect();
    for sum in &reading {
        assert_eq!(block_on(ours.host.get::<u64>(sum)).unwrap(), 7 * LARGE as u64);
    }
    vec![machine::resident_peak() - before, machine::resident() - before, cores as f64]
}
