//! What once kept a host from moving, or made it believe that nothing would.

use std::cell::Cell;

use rustyray::prelude::*;

#[path = "../copies.rs"]
mod copies;

#[rustyray::remote]
fn one() -> u32 {
    1
}

/// Sleeps, in a host call.
#[rustyray::remote]
async fn nap(milliseconds: u64) -> u64 {
    rustyray::sleep(Duration::from_millis(milliseconds)).await;
    milliseconds
}

/// Computes for ever.
#[rustyray::remote]
fn spin() -> u64 {
    let mut n = 0u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

/// So many children, one after the other.
#[rustyray::remote]
async fn parent(count: u32) -> Result<u32> {
    let mut sum = 0;
    for _ in 0..count {
        sum += one.remote().await?;
    }
    Ok(sum)
}

/// Crashes at its first attempt.
#[rustyray::remote]
fn crashes_once() -> u32 {
    assert!(rustyray::context().attempt > 1, "the first attempt");
    7
}

/// Waits for a child that rests before its second attempt.
#[rustyray::remote]
async fn parent_of_retried(rest: u64) -> Result<u32> {
    crashes_once.options().max_retries(2).retry_backoff(Duration::from_millis(rest)).remote().await
}

/// Holds a gpu, if it was given one, and waits for a child that needs it.
#[rustyray::remote]
async fn parent_of_one_with_gpu() -> Result<u32> {
    one.options().resource("gpu", 1.0).remote().await
}

#[rustyray::remote]
fn numbers(count: u32) -> impl Iterator<Item = u32> {
    0..count
}

#[rustyray::actor]
struct Counter {
    value: u32,
}

#[rustyray::actor_methods]
impl Counter {
    fn new() -> Self {
        Counter { value: 0 }
    }

    fn add(&mut self, n: u32) -> u32 {
        self.value += n;
        self.value
    }

    async fn nap(&mut self, milliseconds: u64) -> u64 {
        rustyray::sleep(Duration::from_millis(milliseconds)).await;
        milliseconds
    }

    fn numbers(&mut self, count: u32) -> impl Iterator<Item = u32> {
        0..count
    }

    /// Waits for a task that needs what this actor holds.
    async fn wait_for_one_with_gpu(&mut self) -> Result<u32> {
        one.options().resource("gpu", 1.0).remote().await
    }
}

/// Holds two others.
#[rustyray::actor]
struct Two {
    _held: (CounterHandle, CounterHandle),
}

#[rustyray::actor_methods]
impl Two {
    fn new(a: CounterHandle, b: CounterHandle) -> Self {
        Two { _held: (a, b) }
    }

    fn hold(&mut self) -> u32 {
        2
    }
}

/// Leaves an actor behind that waits for CPUs in the queue, and is the last to hold two others; then crashes.
#[rustyray::remote]
async fn leaves_one_in_the_queue(cpus: f64) -> Result<u32> {
    let (a, b) = (Counter::remote(), Counter::remote());
    a.add(1).await?;
    b.add(1).await?;
    let two = Two::options().num_cpus(cpus).remote(a.clone(), b.clone());
    drop((a, b));
    let _call = two.hold();
    // Computes, so that its CPU is not given back meanwhile.
    for n in 0..20_000_000u64 {
        std::hint::black_box(n);
    }
    panic!("the parent crashes");
}

/// What is left in the queue is dropped, by whoever finds it there.
#[rustyray::remote]
async fn drops_what_was_queued(cpus: f64) -> Result<u32> {
    let left = leaves_one_in_the_queue.remote(cpus).await;
    if left.is_ok() {
        return Err(Error::msg("it does not crash"));
    }
    rustyray::sleep(Duration::from_millis(5)).await;
    one.remote().await
}

/// Serves two calls at once that call the host for long.
#[rustyray::actor(max_concurrency = 2)]
struct Busy {
    served: Cell<u32>,
}

#[rustyray::actor_methods]
impl Busy {
    fn new() -> Self {
        Busy { served: Cell::new(0) }
    }

    /// Computes for ever, without an await or a call of the host.
    async fn spin(&self) -> u64 {
        println!("it spins");
        loop {
            std::hint::black_box(());
        }
    }

    /// Stores so many values of `size` bytes: host calls that take long and burn little fuel.
    async fn puts(&self, count: u32, size: usize) -> Result<u32> {
        for _ in 0..count {
            drop(rustyray::blocking_put(vec![0u8; size])?);
        }
        self.served.set(self.served.get() + 1);
        Ok(self.served.get())
    }
}

/// Two calls at once, each of which waits for another of the same actor.
#[rustyray::actor(max_concurrency = 2, concurrency_groups = "side=1")]
struct Ring {}

#[rustyray::actor_methods]
impl Ring {
    fn new() -> Self {
        Ring {}
    }

    async fn again(&self, me: RingHandle, depth: u32) -> Result<u32> {
        if depth == 0 { Ok(0) } else { Ok(1 + me.again(me.clone(), depth - 1).await?) }
    }

    /// Waits for a task, beside which another call could be served.
    async fn parent(&self) -> Result<u32> {
        one.remote().await
    }

    #[rustyray::method(concurrency_group = "side")]
    async fn nap(&self, milliseconds: u64) -> u64 {
        rustyray::sleep(Duration::from_millis(milliseconds)).await;
        milliseconds
    }
}

/// A ring without groups.
#[rustyray::actor(max_concurrency = 2)]
struct Narrow {}

#[rustyray::actor_methods]
impl Narrow {
    fn new() -> Self {
        Narrow {}
    }

    async fn again(&self, me: NarrowHandle, depth: u32) -> Result<u32> {
        if depth == 0 { Ok(0) } else { Ok(1 + me.again(me.clone(), depth - 1).await?) }
    }

    /// Waits for the other, which waits for a call of this one.
    async fn over(&self, other: NarrowHandle, me: NarrowHandle, depth: u32) -> Result<u32> {
        if depth == 0 { Ok(0) } else { Ok(1 + other.over(me, other.clone(), depth - 1).await?) }
    }
}

#[rustyray::remote]
async fn ring(depth: u32) -> Result<u32> {
    let actor = Narrow::remote();
    actor.again(actor.clone(), depth).await
}

#[rustyray::remote]
async fn ring_of_two(depth: u32) -> Result<u32> {
    let (a, b) = (Narrow::remote(), Narrow::remote());
    a.over(b.clone(), a.clone(), depth).await
}

/// The same where another group has room: its methods may let the others go on, as far as the host knows.
#[rustyray::remote]
async fn ring_with_a_side(depth: u32) -> Result<u32> {
    let actor = Ring::remote();
    let side = actor.nap(1).await?;
    Ok(side as u32 + actor.again(actor.clone(), depth).await?)
}

/// So many bytes.
#[rustyray::remote]
fn block(seed: u32, count: usize) -> Vec<u8> {
    vec![seed as u8; count]
}

#[rustyray::actor]
struct Taker {}

#[rustyray::actor_methods]
impl Taker {
    fn new() -> Self {
        Taker {}
    }

    fn given(_bytes: Vec<u8>) -> Self {
        Taker {}
    }

    fn take(&self, bytes: Vec<u8>) -> usize {
        bytes.len()
    }
}

#[rustyray::actor(max_concurrency = 3)]
struct Takers {}

#[rustyray::actor_methods]
impl Takers {
    fn new() -> Self {
        Takers {}
    }

    async fn take(&self, bytes: Vec<u8>) -> usize {
        bytes.len()
    }
}

/// Serves one call at a time, as those do that serve several.
#[rustyray::actor(max_concurrency = 1)]
struct Waiter {}

#[rustyray::actor_methods]
impl Waiter {
    fn new() -> Self {
        Waiter {}
    }

    async fn wait_for(&self, parts: Vec<ObjectRef<u32>>) -> Result<u32> {
        parts[0].clone().await
    }
}

#[rustyray::actor(max_concurrency = 2)]
struct Shelf {
    parts: std::cell::RefCell<Vec<ObjectRef<u32>>>,
}

#[rustyray::actor_methods]
impl Shelf {
    fn new() -> Self {
        Shelf { parts: Default::default() }
    }

    async fn put(&self, parts: Vec<ObjectRef<u32>>) {
        self.parts.replace(parts);
    }

    async fn parts(&self) -> Vec<ObjectRef<u32>> {
        self.parts.borrow().clone()
    }
}

/// Waits for a call of an actor that serves several, which waits for this very task.
#[rustyray::remote]
async fn waits_for_its_waiter(shelf: ShelfHandle) -> Result<u32> {
    let own = loop {
        let parts = shelf.parts().await?;
        if !parts.is_empty() {
            break parts;
        }
    };
    let waiter = Waiter::remote();
    waiter.wait_for(own).await
}

/// Serves two calls at once, each of which waits for what stands at its place on a shelf.
#[rustyray::actor(max_concurrency = 2)]
struct Waiters {}

#[rustyray::actor_methods]
impl Waiters {
    fn new() -> Self {
        Waiters {}
    }

    async fn wait_for(&self, shelf: ShelfHandle, place: usize) -> Result<u32> {
        loop {
            if let Some(part) = shelf.parts().await?.get(place) {
                return part.clone().await;
            }
        }
    }
}

/// Four calls of two actors that have room for no fifth: each waits for one of the other's. Gives what became of them.
#[rustyray::remote]
async fn circle_of_calls() -> Result<Vec<String>> {
    let (shelf, a, b) = (Shelf::remote(), Waiters::remote(), Waiters::remote());
    let calls: Vec<_> = (0..4).map(|n| [&a, &b][n % 2].wait_for(shelf.clone(), n)).collect();
    let other = |n: usize| calls[(n + 1) % 4].clone();
    shelf.put((0..4).map(other).collect::<Vec<_>>()).await?;
    let mut ends = Vec::new();
    for call in calls {
        ends.push(call.await.map_or_else(|error| error.to_string(), |value: u32| value.to_string()));
    }
    Ok(ends)
}

/// Waits behind a call that gives it more than it has room for, and then takes what that gives; says how both ended.
#[rustyray::remote]
async fn waits_behind_its_stream(count: u32) -> Result<(String, String)> {
    let counter = Counter::remote();
    let mut items = counter.numbers(count);
    let next = counter.add(1).await.map_or_else(|error| error.to_string(), |value: u32| value.to_string());
    let mut sum = 0;
    let stream = loop {
        match items.next().await {
            Some(Ok(n)) => sum += n,
            Some(Err(error)) => break error.to_string(),
            None => break sum.to_string(),
        }
    };
    Ok((next, stream))
}

/// Waits for one object very often named, again and again.
#[rustyray::remote]
fn hoards(count: u32) {
    let long = copies::submitted("rests");
    loop {
        copies::wait(&long, count as usize, Some(&copies::submitted("naps")), 1, None);
    }
}

/// Sleeps for a moment.
#[rustyray::remote]
async fn naps() {
    rustyray::sleep(Duration::from_millis(20)).await;
}

/// Sleeps for an hour.
#[rustyray::remote]
async fn rests() {
    rustyray::sleep(Duration::from_secs(3600)).await;
}

/// Waits for itself.
#[rustyray::remote]
async fn waits_for_itself(shelf: ShelfHandle) -> Result<u32> {
    let own = loop {
        let parts = shelf.parts().await?;
        if !parts.is_empty() {
            break parts;
        }
    };
    own[0].clone().await
}

fn main() {}
