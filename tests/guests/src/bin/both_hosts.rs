//! What a program meets, told line by line: run on the host and, by the SDK's own tests, on the host that it has for
//! tests. What both tell is in `both_hosts.txt`.

#[path = "both_hosts/several.rs"]
mod several;

use std::collections::BTreeMap;

use rustyray::prelude::*;
use rustyray::{ActorPool, sleep};

#[rustyray::remote(name = "add")]
async fn add(a: i32, b: i32) -> i32 {
    a + b
}

#[rustyray::remote(name = "parse")]
fn parse(text: String) -> Result<u32> {
    Ok(text.parse::<u32>()?)
}

#[rustyray::remote(name = "parse_all")]
fn parse_all(texts: Vec<String>) -> Result<Vec<u32>> {
    let parsed: Vec<_> = texts.into_iter().map(|text| parse.remote(text)).collect();
    rustyray::blocking_get_all(&parsed).map_err(|error| error.context("the first line"))
}

#[rustyray::remote(name = "breaks")]
fn breaks() -> i32 {
    panic!("it breaks on purpose")
}

#[rustyray::remote(name = "flaky", max_retries = 2, retry_backoff = "1ms")]
fn flaky(good: u32) -> u32 {
    let attempt = rustyray::context().attempt;
    assert!(attempt >= good, "attempt {attempt} breaks");
    attempt
}

#[rustyray::remote(name = "moody", max_retries = 2, retry_exceptions = true, retry_backoff = "1ms")]
fn moody(good: u32) -> Result<u32> {
    let attempt = rustyray::context().attempt;
    rustyray::ensure!(attempt >= good, "not at attempt {attempt}");
    Ok(attempt)
}

#[rustyray::remote(name = "naps")]
async fn naps() {
    sleep(Duration::from_secs(3600)).await;
}

/// Says that it has begun.
#[rustyray::remote(name = "naps_aloud")]
async fn naps_aloud(begun: NodeHandle) -> Result<()> {
    begun.add(1).await?;
    sleep(Duration::from_secs(3600)).await;
    Ok(())
}

#[rustyray::remote(name = "waits_for_naps", timeout = "50ms")]
async fn waits_for_naps() -> Result<()> {
    naps.remote().await
}

#[rustyray::remote(name = "numbers")]
fn numbers(end: u32, good: bool) -> impl Iterator<Item = Result<u32>> {
    (0..=end).filter_map(move |n| match (n == end, good) {
        (false, _) => Some(Ok(n)),
        (true, true) => None,
        (true, false) => Some(Err(Error::msg(format!("no {n}")))),
    })
}

#[rustyray::remote(name = "divided", num_returns = 2)]
fn divided(n: u32, by: u32) -> Result<(u32, u32)> {
    n.checked_div(by).zip(n.checked_rem(by)).ok_or_else(|| Error::msg("nothing is divided by zero"))
}

#[rustyray::remote(name = "pure", pure)]
async fn pure() -> Result<i32> {
    let node = Node::remote();
    node.add(1).await
}

#[rustyray::remote(name = "about")]
fn about() -> (String, String, u32, bool) {
    let context = rustyray::context();
    (context.name, context.function, context.attempt, context.actor.is_some())
}

#[rustyray::actor(name = "Node", checkpoint)]
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Node {
    value: i32,
}

#[rustyray::actor_methods]
impl Node {
    fn new() -> Self {
        Node { value: 0 }
    }

    fn starting_at(value: i32) -> Result<Self> {
        rustyray::ensure!(value >= 0, "{value} is negative");
        Ok(Node { value })
    }

    fn add(&mut self, amount: i32) -> i32 {
        self.value += amount;
        self.value
    }

    fn keep(&self) -> Result<()> {
        rustyray::checkpoint()
    }

    fn refuse(&self) -> Result<()> {
        rustyray::bail!("it refuses")
    }

    fn breaks_before(&self, generation: u32) -> u32 {
        let now = rustyray::context().actor.map_or(0, |actor| actor.generation);
        assert!(now >= generation, "generation {now} breaks");
        now
    }

    fn exit(&self) -> Result<()> {
        rustyray::exit_actor()
    }

    fn ask(&self, name: String, path: Vec<String>) -> Result<i32> {
        let other = rustyray::block_on(rustyray::get_actor::<Node>(&name))?;
        match path.split_first() {
            Some((next, rest)) => other.ask(next.clone(), rest.to_vec()).blocking_get(),
            None => Ok(self.value),
        }
    }
}

/// An error as a line: everything that is the same wherever it happened.
fn told<T: std::fmt::Debug>(outcome: Result<T>) -> String {
    let error = match outcome {
        Ok(value) => return format!("{value:?}"),
        Err(error) => error,
    };
    let causes = error.causes().into_iter();
    let causes = causes.map(|cause| format!(" < {} {}: {}", cause.kind, cause.task, placeless(&cause.message)));
    let text = placeless(&error.to_string());
    let attempt = error.attempt().unwrap_or(0);
    format!("{} {attempt}: {text}{}", error.kind(), causes.collect::<String>())
}

/// Where a panic was is known on the host alone.
fn placeless(text: &str) -> String {
    match text.split_once("panicked at ") {
        Some((before, place)) => format!("{before}panicked: {}", place.split_once(": ").map_or("", |(_, text)| text)),
        None => text.to_owned(),
    }
}

async fn tasks(lines: &mut Vec<String>) -> Result<()> {
    let three = add.remote(1, 2);
    lines.push(told(add.remote(&three, add.remote(&three, 4)).await));
    lines.push(told(parse.remote("x".to_owned()).await));
    lines.push(told(parse_all.remote(vec!["1".to_owned(), "y".to_owned()]).await));
    lines.push(told(breaks.remote().await));
    lines.push(told(add.remote(1, breaks.options().name("unlucky").remote()).await));
    for good in [1, 3, 9] {
        lines.push(told(flaky.remote(good).await));
        lines.push(told(moody.remote(good).await));
    }
    lines.push(told(about.options().name("quick").remote().await));
    lines.push(told(pure.remote().await));
    let (quotient, rest) = divided.remote(17, 5);
    lines.push(told(quotient.await) + &told(rest.await));
    lines.push(told(divided.remote(17, 0).1.await));
    Ok(())
}

async fn endings(lines: &mut Vec<String>) -> Result<()> {
    lines.push(told(naps.remote().get().timeout(Duration::from_millis(20)).await));
    let late = waits_for_naps.remote().await;
    lines.push(late.map_err(|error| error.kind().to_string()).unwrap_err());
    for (force, recursive) in [(true, true), (false, false)] {
        let begun = Node::remote();
        let nap = naps_aloud.remote(begun.clone());
        while begun.add(0).await? == 0 {
            sleep(Duration::from_millis(1)).await;
        }
        rustyray::cancel_with(&nap, force, recursive)?;
        lines.push(told(nap.await));
    }
    let (ready, rest) = rustyray::wait(&[naps.remote(), rustyray::put(()).await?], 1, None).await?;
    lines.push(format!("{} ready, {} not", ready.len(), rest.len()));
    Ok(())
}

/// A reference that is a handle of its own.
async fn another(reference: &ObjectRef<()>) -> Result<ObjectRef<()>> {
    Ok(rustyray::put(vec![reference.clone()]).await?.await?.remove(0))
}

/// What can be waited for, and what is there at once.
async fn waits(lines: &mut Vec<String>) -> Result<()> {
    let [there, never] = [rustyray::put(()).await?, naps.remote()];
    let both = [never.clone(), there.clone()];
    let now = Some(Duration::ZERO);
    for (references, count) in [(&both[..], 0), (&both, 1), (&both, 2), (&both, 3), (&[], 0), (&[], 1)] {
        let outcomes = [rustyray::wait(references, count, now).await, rustyray::blocking_wait(references, count, now)];
        lines.extend(outcomes.map(|outcome| told(outcome.map(|(ready, rest)| (ready.len(), rest.len())))));
    }
    for twice in [there.clone(), another(&there).await?] {
        let outcome = rustyray::wait(&[there.clone(), never.clone(), twice], 1, None).await;
        let refused = outcome.map(drop).map_err(|error| (error.kind(), error.to_string().contains("is named twice")));
        lines.push(format!("{refused:?}"));
    }
    lines.push(told(there.get().timeout(Duration::ZERO).await));
    lines.push(told(never.get().timeout(Duration::ZERO).await));
    rustyray::cancel(&never)?;
    Ok(())
}

async fn streams(lines: &mut Vec<String>) -> Result<()> {
    for good in [true, false] {
        let mut items = numbers.remote(3, good);
        while let Some(item) = items.next().await {
            lines.push(told(item));
        }
        lines.push(told(items.next_ref().expect("it was submitted").await));
    }
    let bytes = rustyray::put(b"0123456789".to_vec()).await?;
    lines.push(told(bytes.read(3..6).await) + &told(bytes.size().await));
    Ok(())
}

async fn actors(lines: &mut Vec<String>) -> Result<()> {
    let node = Node::options().name("one").max_restarts(2).remote_starting_at(10);
    lines.push(told(rustyray::get_all(&[node.add(1), node.add(2)]).await));
    lines.push(told(node.refuse().await));
    lines.push(told(Node::options().name("one").remote().await));
    lines.push(told(Node::options().name("one").get_if_exists().remote().add(0).await));
    lines.push(told(rustyray::get_actor::<Node>("nobody").await));
    lines.push(told(rustyray::get_actor_in::<Node>("elsewhere", "one").await));
    let calls = [node.breaks_before(9), node.breaks_before(2)];
    for call in &calls {
        lines.push(told(call.get().await));
    }
    lines.push(told(node.add(1).await));
    node.keep().await?;
    lines.push(told(node.add(1).await));
    lines.push(told(node.breaks_before(9).await));
    lines.push(told(node.add(0).await) + " from the checkpoint");
    lines.push(told(node.breaks_before(9).await));
    lines.push(told(node.add(0).await));
    let refused = Node::remote_starting_at(-1);
    lines.push(told(refused.add(1).await));
    lines.push(told(refused.await));
    let again = Node::options().max_restarts(5).max_task_retries(3).remote();
    lines.push(told(again.breaks_before(3).await));
    Ok(())
}

async fn ends_of_actors(lines: &mut Vec<String>) -> Result<()> {
    let guard = Node::options().max_restarts(5).remote();
    let calls = [guard.exit(), guard.keep()];
    lines.push(told(calls[0].get().await));
    lines.push(told(calls[1].get().await));
    let killed = Node::remote().await?;
    rustyray::kill(&killed);
    lines.push(told(killed.add(1).await));
    lines.push(told(rustyray::exit_actor()) + &told(rustyray::checkpoint()));
    let [a, _b] = ["a", "b"].map(|name| Node::options().name(name).remote());
    let path = ["a", "b"].map(str::to_owned);
    lines.push(told(a.ask("b".to_owned(), path.to_vec()).await));
    let mut pool = ActorPool::new((0..2).map(|_| Node::remote()));
    lines.push(told(pool.map(0..4, |node, n| node.add(n)).await.map(|sums| sums.len())));
    let by_name = BTreeMap::from([("a", a.add(1)), ("b", a.add(2))]);
    lines.push(format!("{:?}", rustyray::get_all(&by_name.into_values().collect::<Vec<_>>()).await?));
    Ok(())
}

/// One whose second start crashes.
#[rustyray::actor(name = "Shaky")]
struct Shaky {}

#[rustyray::actor_methods]
impl Shaky {
    fn new() -> Self {
        let generation = rustyray::context().actor.map_or(0, |actor| actor.generation);
        assert!(generation != 2, "the second start breaks");
        Shaky {}
    }

    fn crash(&self) {
        panic!("it breaks on purpose")
    }

    fn generation(&self) -> u32 {
        rustyray::context().actor.map_or(0, |actor| actor.generation)
    }
}

async fn restarts(lines: &mut Vec<String>) -> Result<()> {
    for restarts in [3, 1] {
        let shaky = Shaky::options().max_restarts(restarts).remote().await?;
        let calls = [shaky.crash(), shaky.crash()];
        lines.push(told(calls[0].get().await));
        lines.push(told(calls[1].get().await));
        lines.push(told(shaky.generation().await));
    }
    Ok(())
}

async fn names_of_the_dead(lines: &mut Vec<String>) -> Result<()> {
    let begun = Node::options().name("bearer").remote().await?;
    begun.add(1).await?;
    let queued = Node::options().name("queued").remote();
    for (bearer, name) in [(&begun, "bearer"), (&queued, "queued")] {
        rustyray::kill(bearer);
        lines.push(told(rustyray::get_actor::<Node>(name).await.map(drop)));
        let next = Node::options().name(name).get_if_exists().remote();
        lines.push(told(next.add(2).await));
        lines.push(told(rustyray::get_actor::<Node>(name).await?.add(3).await));
    }
    lines.push(told(Node::options().get_if_exists().remote().add(1).await));
    lines.push(told(Node::options().detached().remote().add(1).await));
    Ok(())
}

/// Calls an actor, and so is a submitter of its own.
#[rustyray::remote(name = "adds")]
async fn adds(node: NodeHandle, amount: i32) -> Result<i32> {
    node.add(amount).await
}

/// Calls whose arguments are not ready hold up their own submitter's alone, and no deadlock comes of it.
async fn arguments(lines: &mut Vec<String>) -> Result<()> {
    let node = Node::remote();
    // What the first call waits for calls the actor itself, behind it.
    let first = node.add(adds.remote(node.clone(), 1));
    let second = node.add(10);
    lines.push(told(rustyray::get_all(&[first, second]).await));
    // Each of two actors has a call that waits for the other's.
    let [a, b] = [(); 2].map(|()| Node::remote());
    let calls = [a.add(adds.remote(b.clone(), 1)), b.add(adds.remote(a.clone(), 2))];
    lines.push(told(rustyray::get_all(&calls).await.map(|sums| sums.len())));
    Ok(())
}

/// All of it.
#[rustyray::remote(name = "story")]
pub async fn story() -> Result<Vec<String>> {
    let mut lines = Vec::new();
    tasks(&mut lines).await?;
    endings(&mut lines).await?;
    waits(&mut lines).await?;
    streams(&mut lines).await?;
    actors(&mut lines).await?;
    ends_of_actors(&mut lines).await?;
    several::several(&mut lines).await?;
    names_of_the_dead(&mut lines).await?;
    restarts(&mut lines).await?;
    arguments(&mut lines).await?;
    Ok(lines)
}

#[rustyray::main]
pub async fn main() -> Result<()> {
    story.remote().await?.iter().for_each(|line| println!("{line}"));
    Ok(())
}
