//! Tasks and actors that wait for each other.

use rustyray::prelude::*;

/// An actor that calls the next one.
#[rustyray::actor]
struct Node {
    next: Option<NodeHandle>,
}

#[rustyray::actor_methods]
impl Node {
    fn new() -> Self {
        Node { next: None }
    }

    /// Waits for a task that calls the new actor.
    fn impatient(parts: Vec<ObjectRef<u32>>) -> Result<Self> {
        parts[0].blocking_get()?;
        Ok(Node { next: None })
    }

    fn link(&mut self, next: NodeHandle) {
        self.next = Some(next);
    }

    /// As many steps as it is told, each waiting for the next.
    async fn step(&self, steps: u32) -> Result<u32> {
        match &self.next {
            Some(next) if steps > 0 => Ok(next.step(steps - 1).await? + 1),
            _ => Ok(0),
        }
    }

    /// The same, and gives up after a while.
    async fn step_for(&self, seconds: u64) -> Result<u32> {
        match &self.next {
            Some(next) => next.step(0).get().timeout(Duration::from_secs(seconds)).await,
            None => Ok(0),
        }
    }

    fn answer(&self) -> u32 {
        42
    }

    fn echo(&self, n: u32) -> u32 {
        n
    }

    async fn wait_for(&self, parts: Vec<ObjectRef<u32>>) -> Result<u32> {
        parts[0].clone().await
    }

    /// Wanders on, to actors further down the list only, or to any.
    async fn wander(&self, place: u32, nodes: Vec<NodeHandle>, seed: u64, downwards: bool) -> Result<u32> {
        onwards(place, &nodes, seed, downwards).await
    }
}

/// Keeps references, for tasks that could not have them otherwise.
#[rustyray::actor]
struct Shelf {
    parts: Vec<ObjectRef<u32>>,
}

#[rustyray::actor_methods]
impl Shelf {
    fn new() -> Self {
        Shelf { parts: Vec::new() }
    }

    fn put(&mut self, parts: Vec<ObjectRef<u32>>) {
        self.parts = parts;
    }

    fn parts(&self) -> Vec<ObjectRef<u32>> {
        self.parts.clone()
    }
}

/// Asks until somebody has put something there.
async fn on(shelf: &ShelfHandle) -> Result<Vec<ObjectRef<u32>>> {
    loop {
        let parts = shelf.parts().await?;
        if !parts.is_empty() {
            return Ok(parts);
        }
    }
}

/// Waits for all that is on a shelf, perhaps its own result.
#[rustyray::remote]
async fn waits_for_all(shelf: ShelfHandle) -> Result<u32> {
    let parts = on(&shelf).await?;
    rustyray::wait(&parts, parts.len(), None).await?;
    Ok(rustyray::get_all(&parts).await?.iter().sum())
}

/// Waits for the first of what is on a shelf.
#[rustyray::remote]
async fn waits_for_any(shelf: ShelfHandle) -> Result<u32> {
    let parts = on(&shelf).await?;
    println!("waits for one of {}", parts.len());
    let (ready, _) = rustyray::wait(&parts, 1, None).await?;
    ready[0].clone().await
}

/// Waits for one of what is on a shelf, or of a task, again and again.
#[rustyray::remote]
async fn waits_again_and_again(shelf: ShelfHandle) -> Result<u32> {
    let parts = on(&shelf).await?;
    loop {
        let any: Vec<_> = parts.iter().cloned().chain([sleeps.remote(0)]).collect();
        rustyray::wait(&any, 1, None).await?;
    }
}

/// Waits for the first that is on a shelf, for a while.
#[rustyray::remote]
async fn waits_for_a_while(shelf: ShelfHandle, seconds: u64) -> Result<u32> {
    let parts = on(&shelf).await?;
    println!("waits for a while");
    parts[0].get().timeout(Duration::from_secs(seconds)).await
}

/// Waits in vain, and goes on without.
#[rustyray::remote]
async fn goes_on(shelf: ShelfHandle) -> Result<String> {
    match on(&shelf).await?[0].clone().await {
        Ok(_) => Ok("a value".to_owned()),
        Err(error) => Ok(format!("{}: {error}", error.kind())),
    }
}

/// Calls an actor that serves a call which waits for this task.
#[rustyray::remote]
async fn waits_behind_its_waiter(shelf: ShelfHandle, node: NodeHandle) -> Result<u32> {
    let own = on(&shelf).await?;
    let _waiter = node.wait_for(own);
    node.answer().await
}

/// Calls an actor behind a call whose argument is this task's result.
#[rustyray::remote]
async fn waits_behind_its_taker(shelf: ShelfHandle, node: NodeHandle) -> Result<u32> {
    let own = on(&shelf).await?;
    let _taker = node.echo(own[0].clone());
    node.answer().await
}

/// Makes an actor whose constructor waits for this task, and calls it.
#[rustyray::remote]
async fn waits_for_a_constructor(shelf: ShelfHandle) -> Result<u32> {
    let own = on(&shelf).await?;
    Node::remote_impatient(own).answer().await
}

/// Serves several calls at once, and so many that it is one.
#[rustyray::actor(max_concurrency = 1)]
struct Single;

#[rustyray::actor_methods]
impl Single {
    fn new() -> Self {
        Single
    }

    async fn sleep(&self, seconds: u64) -> u32 {
        rustyray::sleep(Duration::from_secs(seconds)).await;
        7
    }

    async fn same(&self, n: u32) -> u32 {
        n
    }
}

/// Calls it, in a line of its own.
#[rustyray::remote]
async fn calls_single(single: SingleHandle, _gate: u32) -> Result<u32> {
    println!("it calls");
    single.same(1).await
}

/// Sleeps.
#[rustyray::remote]
async fn sleeps(seconds: u64) -> u32 {
    rustyray::sleep(Duration::from_secs(seconds)).await;
    7
}

/// Computes until it is ended.
#[rustyray::remote]
fn spins() {
    println!("spins");
    loop {
        std::hint::black_box(());
    }
}

/// As [`Node::wander`], in a task.
#[rustyray::remote]
async fn wanders(place: u32, nodes: Vec<NodeHandle>, seed: u64, downwards: bool) -> Result<u32> {
    onwards(place, &nodes, seed, downwards).await
}

/// Up to three ways at once, of which it waits for all, or for each in turn, or for the first. Gives how far they went.
async fn onwards(place: u32, nodes: &[NodeHandle], seed: u64, downwards: bool) -> Result<u32> {
    let mut chance = seed;
    let mut draw = |below: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % below
    };
    let steps = nodes.len() as u64;
    let mut ways = Vec::new();
    for _ in 0..draw(3) + 1 {
        // Where all may call all, less than one way in the middle goes on, so that there is an end to it.
        let next = if downwards { u64::from(place) + 1 + draw(steps) } else { draw(steps * 5 / 2) };
        if next >= steps {
            continue;
        }
        let (node, seed) = (&nodes[next as usize], draw(u64::MAX));
        let (next, rest) = (next as u32, nodes.to_vec());
        ways.push(match draw(3) {
            0 if downwards => wanders.remote(next, rest, seed, downwards),
            _ => node.wander(next, rest, seed, downwards),
        });
    }
    let furthest = match draw(3) {
        0 if !ways.is_empty() => {
            let (ready, _) = rustyray::wait(&ways, 1, None).await?;
            ready[0].clone().await?
        }
        1 => {
            let mut furthest = 0;
            for way in ways {
                furthest = way.await?.max(furthest);
            }
            furthest
        }
        _ => rustyray::get_all(&ways).await?.into_iter().max().unwrap_or(0),
    };
    Ok(furthest + 1)
}

fn main() {}
