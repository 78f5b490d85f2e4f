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

    /// Starts once the parts are there.
    fn starting_with(parts: Vec<ObjectRef<u32>>) -> Result<Self> {
        println!("notes begin");
        let list = parts.iter().map(ObjectRef::blocking_get).collect::<Result<_>>()?;
        Ok(Notes { list })
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

    fn generation(&self) -> u32 {
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

fn generation() -> u32 {
    rustyray::context().actor.map_or(0, |actor| actor.generation)
}

fn main() {}
