//! Tasks that run into each limit.

use rustyray::prelude::*;

/// Never returns, and calls nothing.
#[rustyray::remote]
fn spin() -> u64 {
    let mut n = 0u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

/// Takes memory, a mebibyte at a time, and touches it.
#[rustyray::remote]
fn hog(mebibytes: usize) -> usize {
    let blocks: Vec<Vec<u8>> = (0..mebibytes).map(|n| vec![n as u8; 1 << 20]).collect();
    blocks.iter().map(Vec::len).sum()
}

/// Writes lines.
#[rustyray::remote]
fn chatter(lines: usize) -> usize {
    for line in 0..lines {
        println!("line {line} of a task that does not stop talking");
    }
    lines
}

/// Holds as many handles as it is told.
#[rustyray::remote]
fn hoard(count: usize) -> Result<usize> {
    let held = (0..count).map(|n| rustyray::blocking_put(n as u32)).collect::<Result<Vec<_>>>()?;
    Ok(held.len())
}

/// Calls itself until the stack is gone.
#[rustyray::remote]
fn recurse(depth: u64) -> u64 {
    fn down(depth: u64) -> u64 {
        let room = std::hint::black_box([depth; 16]);
        if depth == 0 { 0 } else { room[3] + down(depth - 1) }
    }
    down(depth)
}

/// A good neighbour.
#[rustyray::remote]
fn add(a: i32, b: i32) -> i32 {
    a + b
}

/// Declares limits of its own.
#[rustyray::remote(fuel = 1_000_000, memory = "8MiB", timeout = "1h", output = "1KiB")]
fn modest(lines: usize, mebibytes: usize) -> usize {
    for line in 0..lines {
        println!("{line:080}");
    }
    std::hint::black_box(vec![1u8; mebibytes << 20]).len()
}

/// What it may still burn, before and after some work.
#[rustyray::remote]
fn fuel_left() -> (Option<u64>, Option<u64>) {
    let before = rustyray::context().fuel_left;
    std::hint::black_box((0..1000).fold(0u64, |sum, n| sum ^ n));
    (before, rustyray::context().fuel_left)
}

/// Gives a child some of its own fuel.
#[rustyray::remote]
fn share(fuel: u64) -> Result<(u64, u64, u64)> {
    let before = rustyray::context().fuel_left.unwrap_or(0);
    let child = fuel_left.options().fuel_share(fuel).remote();
    let after = rustyray::context().fuel_left.unwrap_or(0);
    let (childs, _) = child.blocking_get()?;
    Ok((before, after, childs.unwrap_or(0)))
}

fn main() {}
