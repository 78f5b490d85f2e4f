//! Tasks and an actor for a run in which everything happens to them. Each leaves a log line under its task's name whenever
//! it does something.

use rustyray::prelude::*;

/// Instructions, about, between two lines of one that spins.
const TURN: u32 = 100_000;

fn mark() {
    info!("here");
}

/// Spins until it is ended, or asked to stop.
fn turn_until_asked() {
    while !rustyray::context().cancelled {
        turn();
    }
}

fn turn() {
    mark();
    for n in 0..TURN {
        std::hint::black_box(n);
    }
}

#[rustyray::remote]
fn echo(n: u32) -> u32 {
    mark();
    n
}

#[rustyray::remote]
fn sum(a: u32, b: u32) -> u32 {
    mark();
    a.wrapping_add(b)
}

#[rustyray::remote]
fn refuse(n: u32) -> Result<u32> {
    mark();
    Err(Error::msg(format!("{n} is refused")))
}

/// Traps until it was tried often enough.
#[rustyray::remote]
fn flaky(n: u32, good: u32) -> u32 {
    mark();
    if rustyray::context().attempt < good {
        std::process::abort();
    }
    n
}

#[rustyray::remote]
fn spin(_n: u32) -> u32 {
    loop {
        turn();
    }
}

#[rustyray::remote]
fn polite(_n: u32) -> Result<u32> {
    turn_until_asked();
    Err(Error::msg("stopped as asked"))
}

#[rustyray::remote]
async fn sleep(n: u32, microseconds: u64) -> u32 {
    mark();
    rustyray::sleep(Duration::from_micros(microseconds)).await;
    mark();
    n
}

/// Waits for its child.
#[rustyray::remote]
async fn parent(n: u32, microseconds: u64) -> Result<u32> {
    mark();
    let child = sleep.remote(n, microseconds);
    let n = child.await?;
    mark();
    Ok(n)
}

/// Leaves its children to whoever it was submitted by.
#[rustyray::remote]
fn leave(n: u32, children: u32) -> u32 {
    (0..children).for_each(|child| drop(echo.remote(child)));
    mark();
    n
}

/// Counts its calls.
#[rustyray::actor]
struct Tally {
    calls: u32,
}

#[rustyray::actor_methods]
impl Tally {
    fn new() -> Self {
        Tally { calls: 0 }
    }

    /// In which generation which call this is.
    fn count(&mut self) -> (u32, u32) {
        mark();
        self.calls += 1;
        (rustyray::context().actor.map_or(0, |actor| actor.generation), self.calls)
    }

    fn crash(&mut self) -> (u32, u32) {
        mark();
        std::process::abort()
    }

    fn spin(&mut self) -> (u32, u32) {
        turn_until_asked();
        self.count()
    }
}

fn main() {}
