//! Loops that never end.

use std::collections::BTreeMap;
use std::hint::black_box;

use rustyray::prelude::*;

/// Does nothing.
#[rustyray::remote]
#[allow(clippy::empty_loop, reason = "this is the attack")]
fn empty() {
    loop {}
}

/// Calls itself, never deep and never done: the Fibonacci number of a hundred takes centuries.
#[rustyray::remote]
fn recursion() -> u64 {
    fn fibonacci(n: u64) -> u64 {
        if n < 2 { n } else { fibonacci(black_box(n - 1)) + fibonacci(n - 2) }
    }
    fibonacci(100)
}

/// Calls what it finds in a table.
#[rustyray::remote]
fn indirect_calls() {
    let steps: [fn(u64) -> u64; 2] = [|n| n.wrapping_mul(3), |n| n ^ 5];
    let mut n = 1u64;
    loop {
        n = black_box(steps[(n & 1) as usize])(n);
    }
}

/// Moves a mebibyte at a time, each in one instruction.
#[rustyray::remote]
fn bulk_memory() {
    let mut bytes = vec![1u8; 2 << 20];
    loop {
        bytes.copy_within(..1 << 20, 1 << 20);
        black_box(&mut bytes).fill(7);
    }
}

/// Takes memory and gives it back.
#[rustyray::remote]
fn allocation() {
    loop {
        black_box(vec![0u8; 100_000]);
    }
}

/// Catches nothing, and tries again.
#[rustyray::remote]
fn formatting() {
    let mut n = 0u64;
    loop {
        n = n.wrapping_add(black_box(format!("{n:?} {:e}", n as f64)).len() as u64);
    }
}

/// Asks the host for what is there already.
#[rustyray::remote]
fn host_calls() -> Result<()> {
    let object = rustyray::blocking_put(1u32)?;
    loop {
        black_box(object.id());
        black_box(object.blocking_get()?);
    }
}

/// Waits, and is woken at once.
#[rustyray::remote]
async fn wake_ups() {
    loop {
        rustyray::sleep(Duration::ZERO).await;
    }
}

/// Polls what is never ready, for no time at all.
#[rustyray::remote]
fn impatience() -> Result<()> {
    let never = empty.remote();
    loop {
        black_box(rustyray::blocking_wait(std::slice::from_ref(&never), 1, Some(Duration::ZERO))?);
    }
}

/// Spins when it is dropped.
struct SpinsInDrop;

impl Drop for SpinsInDrop {
    fn drop(&mut self) {
        loop {
            black_box(());
        }
    }
}

/// Returns, but for a drop.
#[rustyray::remote]
fn drop_of_a_value() -> u32 {
    let _value = SpinsInDrop;
    1
}

/// Spins while its result is written.
#[rustyray::remote]
fn result() -> SpinsInSerialize {
    SpinsInSerialize
}

struct SpinsInSerialize;

impl Serialize for SpinsInSerialize {
    fn serialize<S: rustyray::serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        loop {
            black_box(());
        }
    }
}

/// Compares keys for ever.
#[rustyray::remote]
fn comparison() -> usize {
    #[derive(PartialEq, Eq)]
    struct Key;
    impl PartialOrd for Key {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Key {
        fn cmp(&self, _: &Self) -> std::cmp::Ordering {
            loop {
                black_box(());
            }
        }
    }
    BTreeMap::from([(Key, 1), (Key, 2)]).len()
}

/// An actor that spins in each part of its life.
#[rustyray::actor]
struct Spinner {
    drops: bool,
}

#[rustyray::actor_methods]
impl Spinner {
    fn new() -> Self {
        loop {
            black_box(());
        }
    }

    fn quiet() -> Self {
        Spinner { drops: false }
    }

    fn spin(&self) {
        while !black_box(self.drops) {}
    }
}

/// One whose every start but the first crashes.
#[rustyray::actor]
struct Ember;

#[rustyray::actor_methods]
impl Ember {
    fn new() -> Self {
        let generation = rustyray::context().actor.map_or(0, |actor| actor.generation);
        assert!(generation <= 1, "it goes out again");
        Ember
    }

    fn crash(&self) {
        panic!("it goes out")
    }
}
