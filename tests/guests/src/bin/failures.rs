//! Tasks and actors that fail and are tried again.

use rustyray::prelude::*;

/// Fails with an error until it was tried often enough.
#[rustyray::remote(max_retries = 3, retry_exceptions = true, retry_backoff = "4s")]
fn flaky(good: u32) -> Result<u32> {
    tried(good)
}

fn tried(good: u32) -> Result<u32> {
    let attempt = rustyray::context().attempt;
    println!("attempt {attempt}");
    if attempt < good { Err(Error::msg(format!("attempt {attempt} is not enough"))) } else { Ok(attempt) }
}

/// Says that it runs, and fails when it is asked to stop.
#[rustyray::remote(max_retries = 3, retry_exceptions = true)]
fn stops_when_asked() -> Result<u32> {
    println!("attempt {}", rustyray::context().attempt);
    while !rustyray::context().cancelled {}
    Err(Error::msg("stopped as asked"))
}

/// Waits for a task that fails until it was tried often enough.
#[rustyray::remote]
fn waits_for_flaky(good: u32) -> Result<u32> {
    flaky.options().name("child").remote(good).blocking_get()
}

/// Keeps a list of what it was told, and can be broken.
#[rustyray::actor]
struct Notes {
    list: Vec<u32>,
}

#[rustyray::actor_methods]
impl Notes {
    fn new() -> Self {
        Notes { list: Vec::new() }
    }

    /// Says that it runs, and is never ready.
    fn spinning() -> Self {
        println!("notes begin");
        loop {
            std::hint::black_box(());
        }
    }

    fn add(&mut self, n: u32) -> u32 {
        self.list.push(n);
        n
    }

    /// Breaks every generation but the ones from this on.
    fn add_in_generation(&mut self, n: u32, from: u32) -> u32 {
        assert!(generation() >= from, "generation {} is not enough", generation());
        self.add(n)
    }

    /// Fails every attempt but the ones from this on.
    fn add_in_attempt(&mut self, n: u32, from: u32) -> Result<u32> {
        tried(from).map(|_| self.add(n))
    }

    fn list(&self) -> Vec<u32> {
        self.list.clone()
    }

    fn runs_in(&self) -> u32 {
        generation()
    }

    /// Says that it runs, and never returns.
    fn spin(&self) -> u32 {
        println!("spins in generation {}", generation());
        loop {
            std::hint::black_box(&self.list);
        }
    }
}

/// Starts an actor again as two would who saw the same failure; gives whether each hit it, and the generations.
#[rustyray::remote]
async fn two_restart_it() -> Result<(bool, bool, Vec<u32>)> {
    let notes = Notes::options().max_restarts(3).remote().await?;
    let seen = notes.generation();
    let first = notes.restart_generation(seen);
    let second_generation = notes.runs_in().await?;
    let second = notes.restart_generation(seen) || notes.kill_generation(seen);
    Ok((first, second, vec![seen, second_generation, notes.runs_in().await?, notes.generation()]))
}

fn generation() -> u32 {
    rustyray::context().actor.map_or(0, |actor| actor.generation)
}

fn main() {}
