//! What the comparison with Ray runs. The same programs in Python are in `host/cli/benches/ray`.

use std::time::Instant;

use rustyray::prelude::*;

/// The trivial task.
#[rustyray::remote]
fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Says that it runs, and computes until something ends it.
#[rustyray::remote]
fn busy() -> u64 {
    println!("busy");
    let mut n = 0u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

/// The trivial actor.
#[rustyray::actor]
struct Counter {
    value: i64,
}

#[rustyray::actor_methods]
impl Counter {
    fn new() -> Self {
        Counter { value: 0 }
    }

    fn add(&mut self, amount: i64) -> i64 {
        self.value += amount;
        self.value
    }
}

/// An actor that calls another.
#[rustyray::actor]
struct Caller {
    counter: CounterHandle,
}

#[rustyray::actor_methods]
impl Caller {
    fn new() -> Self {
        Caller { counter: Counter::remote() }
    }

    /// Makes these calls one after the other.
    async fn call(&self, calls: u32) -> Result<i64> {
        let mut last = 0;
        for _ in 0..calls {
            last = self.counter.add(1).await?;
        }
        Ok(last)
    }
}

/// Stores bytes and gets them back, as often as it is told; the nanoseconds that took.
#[rustyray::remote]
fn put_get(size: usize, pairs: u32) -> Result<u64> {
    let mut bytes = vec![1u8; size];
    let start = Instant::now();
    for _ in 0..pairs {
        bytes = rustyray::blocking_put(bytes)?.blocking_get()?;
    }
    Ok(start.elapsed().as_nanos() as u64)
}

/// Gets the same bytes as often as it is told; the nanoseconds that took.
#[rustyray::remote]
fn get_again(size: usize, gets: u32) -> Result<u64> {
    let object = rustyray::blocking_put(vec![1u8; size])?;
    let start = Instant::now();
    for _ in 0..gets {
        std::hint::black_box(object.blocking_get()?);
    }
    Ok(start.elapsed().as_nanos() as u64)
}

/// Submits tasks, and waits for whichever is next until none is left; the nanoseconds that took.
#[rustyray::remote]
fn wait_each(tasks: i64) -> Result<u64> {
    let start = Instant::now();
    let mut rest: Vec<_> = (0..tasks).map(|n| add.remote(n, 1)).collect();
    while !rest.is_empty() {
        (_, rest) = rustyray::blocking_wait(&rest, 1, None)?;
    }
    Ok(start.elapsed().as_nanos() as u64)
}

fn main() {}
