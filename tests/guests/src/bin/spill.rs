//! Tasks over data that does not fit into the object store.

use rustyray::prelude::*;

/// Bytes that follow from the seed.
#[rustyray::remote]
fn block(seed: u32, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..count).map(|_| next()).collect()
}

/// A block that follows from another one.
#[rustyray::remote]
fn inverted(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().map(|byte| !byte).collect()
}

/// A block that follows from two others.
#[rustyray::remote]
fn combined(a: Vec<u8>, b: Vec<u8>) -> Vec<u8> {
    a.into_iter().zip(b).map(|(a, b)| a.wrapping_add(b)).collect()
}

/// The same from references inside a value.
#[rustyray::remote]
async fn combined_of(parts: Vec<ObjectRef<Vec<u8>>>) -> Result<Vec<u8>> {
    let mut all = vec![0; 0];
    for part in &parts {
        let bytes = rustyray::get(part).await?;
        all = if all.is_empty() { bytes } else { combined(all, bytes) };
    }
    Ok(all)
}

/// Only once.
#[rustyray::remote(max_retries = 0)]
fn block_once(seed: u32, count: usize) -> Vec<u8> {
    block(seed, count)
}

/// What the file holds, as often as it says.
#[rustyray::remote]
fn of_file(path: String, times: usize) -> Result<Vec<u8>> {
    Ok(std::fs::read(path)?.repeat(times))
}

#[rustyray::actor]
struct Maker;

#[rustyray::actor_methods]
impl Maker {
    fn new() -> Self {
        Maker
    }

    fn made(&self, seed: u32, count: usize) -> Vec<u8> {
        block(seed, count)
    }
}

/// Stores a block, and gives the reference.
#[rustyray::remote]
fn stored(seed: u32, count: usize) -> Result<ObjectRef<Vec<u8>>> {
    rustyray::blocking_put(block(seed, count))
}

/// The sum of the bytes.
#[rustyray::remote]
fn sum(bytes: Vec<u8>) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte)).sum()
}

/// The sums of all, in every way in which a guest can get at them.
#[rustyray::remote]
async fn sums(blocks: Vec<ObjectRef<Vec<u8>>>) -> Result<Vec<u64>> {
    let mut totals = vec![0, 0, 0];
    for part in &blocks {
        totals[0] += sum(rustyray::get(part).await?);
    }
    // Two at a time: all at once would be more than there is room for.
    for pair in blocks.chunks(2) {
        for bytes in rustyray::get_all(pair).await? {
            totals[1] += sum(bytes);
        }
    }
    for part in &blocks {
        let half = part.size().await? / 2;
        totals[2] += sum(part.read(0..half).await?) + sum(part.read(half..u64::MAX).await?);
    }
    Ok(totals)
}

fn main() {}
