//! Work for the benchmark: the smallest of tasks and actors, and tasks that measure what only a guest sees.
//!
//! Those need the real clock. What they give is nanoseconds, of the measured part alone.

use std::cell::Cell;
use std::time::Instant;

use rustyray::prelude::*;

#[path = "../copies.rs"]
mod copies;

/// The smallest task that takes and gives something.
#[rustyray::remote]
fn add(a: i32, b: i32) -> i32 {
    a + b
}

/// A link of a chain.
#[rustyray::remote]
fn increment(n: i32) -> i32 {
    n + 1
}

/// Never returns, and calls nothing.
#[rustyray::remote]
fn spin() -> u64 {
    spin_for_ever()
}

/// Says that it runs, and never returns.
#[rustyray::remote]
fn spin_aloud() -> u64 {
    println!("spinning");
    spin_for_ever()
}

fn spin_for_ever() -> ! {
    let mut n = 0u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

/// Touches every byte that it was given.
#[rustyray::remote]
fn sum_bytes(bytes: Vec<u8>) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte)).sum()
}

/// Counts its calls.
#[rustyray::actor]
struct Counter {
    value: i32,
}

#[rustyray::actor_methods]
impl Counter {
    fn new() -> Self {
        Counter { value: 0 }
    }

    fn increment(&mut self) -> i32 {
        self.value += 1;
        self.value
    }
}

/// The same for several calls at once.
#[rustyray::actor(max_concurrency = 100)]
struct Several {
    value: Cell<i32>,
}

#[rustyray::actor_methods]
impl Several {
    fn new() -> Self {
        Several { value: Cell::new(0) }
    }

    async fn increment(&self) -> i32 {
        self.value.update(|value| value + 1);
        self.value.get()
    }

    /// With a turn for the others in between.
    async fn increment_later(&self) -> i32 {
        rustyray::sleep(Duration::ZERO).await;
        self.increment().await
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

    /// Calls the counter so often, one call after the other.
    async fn call(&self, count: u32) -> Result<u64> {
        let start = Instant::now();
        for _ in 0..count {
            self.counter.increment().await?;
        }
        Ok(nanoseconds(start))
    }
}

/// A driver: submits so many tasks, and gathers their results.
#[rustyray::remote]
async fn gather(count: i32) -> Result<u64> {
    let start = Instant::now();
    let sums: Vec<_> = (0..count).map(|n| add.remote(n, 1)).collect();
    rustyray::get_all(&sums).await?;
    Ok(nanoseconds(start))
}

/// A driver that waits for each task before it submits the next.
#[rustyray::remote]
async fn in_turn(count: i32) -> Result<u64> {
    let start = Instant::now();
    for n in 0..count {
        add.remote(n, 1).await?;
    }
    Ok(nanoseconds(start))
}

/// A driver of a chain in which each link takes the result of the one before.
#[rustyray::remote]
async fn chain(links: u32) -> Result<u64> {
    let start = Instant::now();
    let mut end = increment.remote(0);
    for _ in 1..links {
        end = increment.remote(end);
    }
    end.await?;
    Ok(nanoseconds(start))
}

/// Stores so many values of this size.
#[rustyray::remote]
fn put_bytes(size: usize, count: usize) -> Result<u64> {
    let values: Vec<_> = (0..count).map(|_| vec![7u8; size]).collect();
    let mut stored = Vec::with_capacity(count);
    let start = Instant::now();
    for value in values {
        stored.push(rustyray::blocking_put(value)?);
    }
    Ok(nanoseconds(start))
}

/// Gets one value of this size so often. The first time is not measured: it makes the memory grow.
#[rustyray::remote]
fn get_bytes(size: usize, count: usize) -> Result<u64> {
    let stored = rustyray::blocking_put(vec![7u8; size])?;
    stored.blocking_get()?;
    let start = Instant::now();
    for _ in 0..count {
        std::hint::black_box(stored.blocking_get()?);
    }
    Ok(nanoseconds(start))
}

/// Waits for so many references that are all ready.
#[rustyray::remote]
fn wait_many(count: usize) -> Result<u64> {
    let stored = (0..count as u32).map(rustyray::blocking_put).collect::<Result<Vec<_>>>()?;
    let start = Instant::now();
    rustyray::blocking_wait(&stored, count, None)?;
    Ok(nanoseconds(start))
}

/// Gets so many values that are all ready.
#[rustyray::remote]
fn get_many(count: usize) -> Result<u64> {
    let stored = (0..count as u32).map(rustyray::blocking_put).collect::<Result<Vec<_>>>()?;
    let start = Instant::now();
    rustyray::blocking_get_all(&stored)?;
    Ok(nanoseconds(start))
}

/// How late so many naps of 2 ms end, and how long so many small tasks and new actors take: nanoseconds each.
#[rustyray::remote]
async fn neighbour(count: u32) -> Result<Vec<[u64; 3]>> {
    const NAP: Duration = Duration::from_millis(2);
    let mut all = Vec::new();
    for _ in 0..count {
        let start = Instant::now();
        rustyray::sleep(NAP).await;
        let late = nanoseconds(start).saturating_sub(NAP.as_nanos() as u64);
        let start = Instant::now();
        add.remote(1, 2).await?;
        let task = nanoseconds(start);
        let start = Instant::now();
        Counter::remote().increment().await?;
        all.push([late, task, nanoseconds(start)]);
    }
    Ok(all)
}

/// Puts so many bytes, again and again.
#[rustyray::remote]
fn puts(bytes: usize) -> Result<()> {
    let value = vec![7u8; bytes];
    loop {
        rustyray::blocking_put(value.clone())?;
    }
}

/// Waits for so many copies of one reference, again and again.
#[rustyray::remote]
fn waits(copies: usize) {
    let one = copies::submitted("never");
    loop {
        copies::wait(&one, copies, None, copies, Some(Duration::ZERO));
    }
}

/// Crashes with so many children, again and again.
#[rustyray::remote]
fn crashes(children: u32) {
    loop {
        let _ = crash.remote(children).blocking_get();
    }
}

#[rustyray::remote]
fn crash(children: u32) {
    let first = never.remote();
    (0..children).for_each(|_| drop(increment.remote(first.clone())));
    panic!("with all of them");
}

/// Has a chain of so many tasks fail, again and again.
#[rustyray::remote]
fn failures(links: u32) -> Result<()> {
    loop {
        let first = never.remote();
        let last = (0..links).fold(first.clone(), |last, _| increment.remote(last));
        rustyray::cancel(&first)?;
        let _ = last.blocking_get();
    }
}

/// Has so many tasks wait for one that is cancelled, again and again.
#[rustyray::remote]
fn crowds(tasks: u32) -> Result<()> {
    loop {
        let first = never.remote();
        let all: Vec<_> = (0..tasks).map(|_| increment.remote(first.clone())).collect();
        rustyray::cancel(&first)?;
        rustyray::blocking_wait(&all, all.len(), None)?;
    }
}

/// Waits for nothing.
#[rustyray::remote]
fn never() -> i32 {
    loop {
        rustyray::block_on(rustyray::sleep(Duration::from_secs(3600)));
    }
}

fn nanoseconds(start: Instant) -> u64 {
    start.elapsed().as_nanos() as u64
}

fn main() {}
