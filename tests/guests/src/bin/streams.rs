//! Tasks and methods that give several results.

use futures::stream::{self, Stream, StreamExt};
use rustyray::prelude::*;

#[rustyray::remote]
fn numbers(count: u64) -> impl Iterator<Item = u64> {
    0..count
}

/// Says what it gives next.
#[rustyray::remote]
fn endless() -> impl Iterator<Item = u64> {
    (1..).inspect(|n| println!("{n}"))
}

/// Fails instead of the item after so many.
#[rustyray::remote]
fn failing(after: u32) -> impl Iterator<Item = Result<u32>> {
    (0..).map(move |n| if n < after { Ok(n) } else { Err(Error::msg(format!("no {n}"))) })
}

#[rustyray::remote]
fn refused() -> Result<impl Iterator<Item = u32>> {
    rustyray::ensure!(rustyray::context().attempt > 1, "not at all");
    Ok(0..3)
}

/// Crashes once, before the item of this number.
#[rustyray::remote(max_retries = 1, retry_backoff = "0s")]
fn flaky(at: u32, count: u32) -> impl Iterator<Item = u32> {
    let first = rustyray::context().attempt == 1;
    (0..count).inspect(move |n| assert!(!first || *n != at, "the first time"))
}

#[rustyray::remote]
async fn ticking(count: u32) -> impl Stream<Item = u32> {
    rustyray::sleep(Duration::from_millis(1)).await;
    stream::iter(0..count).then(async |n| {
        rustyray::sleep(Duration::from_millis(1)).await;
        n
    })
}

#[rustyray::remote]
fn blocks(count: u8, bytes: usize) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(move |n| vec![n; bytes])
}

#[rustyray::remote]
fn len(block: Vec<u8>) -> usize {
    block.len()
}

/// The sum of what a stream gives, of what a plain function takes from one, and of the lengths of items that go to other tasks.
#[rustyray::remote]
async fn sums(count: u64) -> Result<(u64, u64, usize)> {
    let mut sum = 0;
    let mut items = numbers.remote(count);
    while let Some(item) = items.next().await {
        sum += item?;
    }
    let mut plain = 0;
    let mut items = numbers.remote(count);
    while let Some(item) = items.blocking_next() {
        plain += item?;
    }
    let mut items = blocks.remote(3, 100);
    let lengths: Vec<_> = (0..3).filter_map(|_| items.next_ref()).map(|block| len.remote(block)).collect();
    let lengths = rustyray::get_all(&lengths).await?.into_iter().sum();
    Ok((sum, plain, lengths))
}

/// Asks for so many items before the first is there.
#[rustyray::remote]
async fn ahead(count: u32) -> Result<usize> {
    let mut items = ticking.remote(count.min(50));
    let asked: Vec<_> = (0..count).filter_map(|_| items.next_ref()).collect();
    let mut there = 0;
    for item in asked.iter().rev() {
        match item.await {
            Err(error) if error.kind() == ErrorKind::StreamEnded => {}
            item => drop(item?),
        }
        there += 1;
    }
    Ok(there)
}

/// Takes from two streams as they come, and from a third that never ends, which it drops.
#[rustyray::remote]
async fn merged() -> Result<Vec<u32>> {
    let mut items = endless.remote();
    let first = items.next().await.transpose()?;
    drop(items);
    let both = stream::select(ticking.remote(3), ticking.remote(3));
    let mut all: Vec<u32> = both.map(|item| item.unwrap_or(u32::MAX)).collect().await;
    all.sort_unstable();
    all.extend(first.map(|n| n as u32));
    Ok(all)
}

#[rustyray::remote(num_returns = 2)]
fn divided(a: u32, b: u32) -> Result<(u32, String)> {
    let quotient = a.checked_div(b).ok_or_else(|| Error::msg("by zero"))?;
    Ok((quotient, format!("rest {}", a % b)))
}

/// What became of a division.
#[rustyray::remote]
async fn division(a: u32, b: u32) -> Result<String> {
    let (quotient, rest) = divided.remote(a, b);
    match (quotient.await, rest.await) {
        (Ok(quotient), Ok(rest)) => Ok(format!("{quotient}, {rest}")),
        (Err(one), Err(other)) => Ok(format!("{one}; {other}")),
        _ => rustyray::bail!("one failed, and the other did not"),
    }
}

#[rustyray::actor]
struct Feed {
    given: u64,
}

#[rustyray::actor_methods]
impl Feed {
    fn new() -> Self {
        Feed { given: 0 }
    }

    fn items(&mut self) -> impl Iterator<Item = u64> {
        std::iter::repeat_with(|| {
            self.given += 1;
            self.given
        })
    }

    fn given(&self) -> u64 {
        self.given
    }
}

/// Takes three items from an actor's stream, then asks the actor how many it gave.
#[rustyray::remote]
async fn fed() -> Result<(Vec<u64>, u64)> {
    let feed = Feed::remote();
    let mut items = feed.items();
    let mut taken = Vec::new();
    while taken.len() < 3 {
        taken.extend(items.next().await.transpose()?);
    }
    drop(items);
    Ok((taken, feed.given().await?))
}

/// In place they are what they return.
#[rustyray::remote]
async fn in_place() -> Result<u64> {
    let sum: u64 = numbers(4).sum();
    let error = refused().is_err();
    let ticks: Vec<u32> = ticking(2).await.collect().await;
    rustyray::ensure!(error && ticks == [0, 1] && divided(7, 2)?.0 == 3, "something else");
    Ok(sum)
}

fn main() {}
