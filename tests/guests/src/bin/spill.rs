//! Tasks over data that does not fit into the object store.

use rustyray::prelude::*;
use rustyray::serde::{Deserialize, Serialize};

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

/// The sums of two blocks that have to be there together.
#[rustyray::remote]
fn sum_of_both(a: Vec<u8>, b: Vec<u8>) -> u64 {
    sum(a) + sum(b)
}

/// Uses a block for a while.
#[rustyray::remote]
async fn uses(bytes: Vec<u8>, milliseconds: u64) -> u64 {
    rustyray::sleep(Duration::from_millis(milliseconds)).await;
    sum(bytes)
}

/// The bytes of five blocks.
#[rustyray::remote]
fn length(a: Vec<u8>, b: Vec<u8>, c: Vec<u8>, d: Vec<u8>, e: Vec<u8>) -> usize {
    [a, b, c, d, e].iter().map(Vec::len).sum()
}

/// Is made of five blocks, or takes them.
#[rustyray::actor]
struct Taker(usize);

#[rustyray::actor_methods]
impl Taker {
    fn new() -> Self {
        Taker(0)
    }

    fn of(a: Vec<u8>, b: Vec<u8>, c: Vec<u8>, d: Vec<u8>, e: Vec<u8>) -> Self {
        Taker(length(a, b, c, d, e))
    }

    fn take(&mut self, a: Vec<u8>, b: Vec<u8>, c: Vec<u8>, d: Vec<u8>, e: Vec<u8>) -> usize {
        self.0 += length(a, b, c, d, e);
        self.0
    }
}

/// The same, several at once.
#[rustyray::actor(max_concurrency = 2)]
struct Takers;

#[rustyray::actor_methods]
impl Takers {
    fn new() -> Self {
        Takers
    }

    async fn take(&self, a: Vec<u8>, b: Vec<u8>, c: Vec<u8>, d: Vec<u8>, e: Vec<u8>) -> usize {
        length(a, b, c, d, e)
    }
}

/// Gets blocks, for several at once.
#[rustyray::actor(max_concurrency = 3)]
struct Getters;

#[rustyray::actor_methods]
impl Getters {
    fn new() -> Self {
        Getters
    }

    async fn sums(&self, blocks: Vec<ObjectRef<Vec<u8>>>) -> Result<Vec<u64>> {
        let mut totals = Vec::new();
        for part in &blocks {
            totals.push(sum(rustyray::get(part).await?));
        }
        Ok(totals)
    }

    /// The sum of the first block, or 0 once the time is over.
    async fn first(&self, blocks: Vec<ObjectRef<Vec<u8>>>, milliseconds: u64) -> Result<u64> {
        let over = std::pin::pin!(rustyray::sleep(Duration::from_millis(milliseconds)));
        match futures::future::select(blocks[0].get(), over).await {
            futures::future::Either::Left((bytes, _)) => Ok(sum(bytes?)),
            futures::future::Either::Right(_) => Ok(0),
        }
    }

    async fn ping(&self) -> u32 {
        1
    }

    async fn take(&self, bytes: Vec<u8>) -> u64 {
        sum(bytes)
    }

    async fn numbers(&self, numbers: Vec<ObjectRef<u64>>) -> Result<Vec<u64>> {
        rustyray::get_all(&numbers).await
    }

    async fn give(&self, seed: u32, count: usize) -> Vec<u8> {
        block(seed, count)
    }
}

/// The same, one at a time.
#[rustyray::actor]
struct Getter;

#[rustyray::actor_methods]
impl Getter {
    fn new() -> Self {
        Getter
    }

    fn take(&self, bytes: Vec<u8>) -> u64 {
        sum(bytes)
    }
}

/// Gives a number on.
#[rustyray::remote]
fn same(n: u64) -> u64 {
    n
}

/// Waits for numbers.
#[rustyray::remote]
async fn waits_for(numbers: Vec<ObjectRef<u64>>) -> Result<u64> {
    Ok(rustyray::get_all(&numbers).await?.into_iter().sum())
}

/// Needs a block, and something that comes later.
#[rustyray::remote]
fn with_both(bytes: Vec<u8>, _later: u64) -> u64 {
    sum(bytes)
}

/// Submits the same, and waits for it.
#[rustyray::remote]
async fn leaves_pending(bytes_and_later: Vec<ObjectRef<Vec<u8>>>) -> Result<u64> {
    let [bytes, later] = <[_; 2]>::try_from(bytes_and_later).expect("two of them");
    rustyray::remote_fn("with_both").arg_ref(&bytes).arg_ref(&later).remote().await
}

/// A block that takes its time.
#[rustyray::remote]
async fn slow_block(milliseconds: u64, seed: u32, count: usize) -> Vec<u8> {
    rustyray::sleep(Duration::from_millis(milliseconds)).await;
    block(seed, count)
}

/// Sleeps.
#[rustyray::remote]
async fn nap(milliseconds: u64) -> u64 {
    rustyray::sleep(Duration::from_millis(milliseconds)).await;
    milliseconds
}

/// Saves a block after each call.
#[rustyray::actor(checkpoint_every = 1, max_restarts = 3)]
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Saves {
    block: Vec<u8>,
}

#[rustyray::actor_methods]
impl Saves {
    fn new() -> Self {
        Saves { block: Vec::new() }
    }

    fn grow(&mut self, seed: u32, count: usize) -> usize {
        self.block = block(seed, count);
        self.block.len()
    }

    fn sum(&self) -> u64 {
        sum(self.block.clone())
    }

    fn crash(&self) {
        panic!("as it is meant to");
    }
}

/// Passes a block to another task by value.
#[rustyray::remote]
async fn passes(seed: u32, count: usize) -> Result<u64> {
    sum.remote(block(seed, count)).await
}

/// Stores a block piece by piece, and gives the reference.
#[rustyray::remote]
fn written(seed: u32, count: usize) -> Result<ObjectRef<Vec<u8>>> {
    let mut writer = rustyray::ObjectWriter::new()?;
    block(seed, count).chunks(1 << 20).try_for_each(|piece| writer.append(piece))?;
    writer.finish()
}

/// The blocks of these seeds, one after the other.
#[rustyray::remote]
fn streamed(seeds: Vec<u32>, count: usize) -> impl Iterator<Item = Vec<u8>> {
    seeds.into_iter().map(move |seed| block(seed, count))
}

/// Sorts: each half is passed by value to a task that does the same.
#[rustyray::remote]
async fn sorted(bytes: Vec<u8>, alone: usize) -> Result<Vec<u8>> {
    if bytes.len() <= alone {
        return Ok(sorted_here(bytes));
    }
    let (left, right) = halves(bytes);
    let (left, right) = (sorted.remote(left, alone), sorted.remote(right, alone));
    Ok(merged(&left.await?, &right.await?))
}

/// The same, and each task may be tried again.
#[rustyray::remote(max_retries = 1)]
async fn sorted_safely(bytes: Vec<u8>, alone: usize) -> Result<Vec<u8>> {
    if bytes.len() <= alone {
        return Ok(sorted_here(bytes));
    }
    let (left, right) = halves(bytes);
    let (left, right) = (sorted_safely.remote(left, alone), sorted_safely.remote(right, alone));
    Ok(merged(&left.await?, &right.await?))
}

fn sorted_here(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.sort_unstable();
    bytes
}

fn halves(mut bytes: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    let right = bytes.split_off(bytes.len() / 2);
    (bytes, right)
}

fn merged<'a>(mut left: &'a [u8], mut right: &'a [u8]) -> Vec<u8> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    while let (Some(a), Some(b)) = (left.first(), right.first()) {
        let from = if a <= b { &mut left } else { &mut right };
        merged.extend(from.split_off_first());
    }
    merged.extend_from_slice(left);
    merged.extend_from_slice(right);
    merged
}

/// What becomes of blocks that are all asked for, each within so many milliseconds, with what could be napped meanwhile.
#[rustyray::remote]
async fn within(blocks: Vec<ObjectRef<Vec<u8>>>, milliseconds: u64) -> (Vec<String>, u64) {
    let timeout = Duration::from_millis(milliseconds);
    let gets = blocks.iter().map(async |part| match part.get().timeout(timeout).await {
        Ok(bytes) => sum(bytes).to_string(),
        Err(error) => error.to_string(),
    });
    let mut napped = 0;
    let naps = async {
        while napped < milliseconds {
            rustyray::sleep(Duration::from_millis(10)).await;
            napped += 10;
        }
    };
    let (texts, ()) = futures::join!(futures::future::join_all(gets), naps);
    (texts, napped)
}

/// The sums of blocks that are there, of which none is waited for: one after the other, and then all at once.
#[rustyray::remote]
async fn sums_at_once(blocks: Vec<ObjectRef<Vec<u8>>>) -> Result<Vec<u64>> {
    let mut all = Vec::new();
    for part in &blocks {
        all.push(sum(part.blocking_get_timeout(Duration::ZERO)?));
    }
    for part in &blocks {
        all.push(sum(part.get().timeout(Duration::ZERO).await?));
    }
    let gets = blocks.iter().map(async |part| part.get().timeout(Duration::ZERO).await);
    all.extend(futures::future::try_join_all(gets).await?.into_iter().map(*sum));
    Ok(all)
}

/// The sums of blocks, after all were asked for and hardly waited for.
#[rustyray::remote]
async fn sums_after_a_try(blocks: Vec<ObjectRef<Vec<u8>>>) -> Result<Vec<u64>> {
    let gets = blocks.iter().map(async |part| {
        // Whether it was there or not.
        let _ = part.get().timeout(Duration::from_millis(1)).await;
        Ok(sum(rustyray::get(part).await?))
    });
    futures::future::try_join_all(gets).await
}

/// Fills the store with so many blocks, and fails the first time.
#[rustyray::remote(max_retries = 1, retry_backoff = "0s")]
fn sum_the_second_time(bytes: Vec<u8>, blocks: u32, count: usize) -> Result<u64> {
    let mut held = Vec::new();
    for seed in 0..blocks {
        held.push(stored(seed, count)?);
    }
    assert!(rustyray::context().attempt > 1, "the first time");
    Ok(sum(bytes))
}

/// Is made of a block.
#[rustyray::actor(max_restarts = 1)]
struct Keeper(u64);

#[rustyray::actor_methods]
impl Keeper {
    fn of(bytes: Vec<u8>) -> Self {
        Keeper(sum(bytes))
    }

    fn sum(&self) -> u64 {
        self.0
    }

    /// Fills the store with so many blocks, and crashes.
    fn crash(&self, blocks: u32, count: usize) -> Result<()> {
        let mut held = Vec::new();
        for seed in 0..blocks {
            held.push(stored(seed, count)?);
        }
        panic!("the keeper breaks with {} blocks", held.len())
    }
}

fn main() {}
