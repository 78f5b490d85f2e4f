//! The program of the README, as it stands there.
use rustyray::prelude::*;

#[rustyray::remote]
async fn add(a: i32, b: i32) -> i32 {
    a + b
}

#[rustyray::remote(max_retries = 2, timeout = "5s", fuel = 50_000_000, memory = "64MiB", num_cpus = 1)]
fn parse(line: String) -> Result<Vec<u32>> {
    line.split(',').map(|n| Ok(n.trim().parse::<u32>()?)).collect()
}

#[rustyray::remote]
fn answer() -> u32 {
    42
}

#[rustyray::remote]
fn total(parts: Vec<ObjectRef<i32>>) -> Result<i32> {
    // references nested in a value stay references
    let mut sum = 0;
    for part in &parts {
        sum += part.blocking_get()?;
    } // a plain fn blocks; the host's thread does not
    Ok(sum)
}

#[rustyray::actor]
struct Counter {
    value: i32,
}

#[rustyray::actor_methods]
impl Counter {
    fn new() -> Self {
        Counter { value: 0 }
    }
    fn starting_at(value: i32) -> Self {
        Counter { value }
    } // each further constructor: remote_starting_at
    async fn increment(&mut self) -> i32 {
        self.value += 1;
        self.value
    }
    fn get(&self) -> i32 {
        self.value
    }
}

#[rustyray::main]
async fn main() -> Result<()> {
    let sum = add.remote(5, 3).await?; // 8
    let chained = add.remote(add.remote(1, 2), 4); // an ObjectRef<i32> as an argument, nobody waits here
    let big = rustyray::put(vec![1u8; 1 << 20]).await?;
    let same = rustyray::get(&big).await?;
    let refs: Vec<ObjectRef<i32>> = (0..8).map(|i| add.remote(i, i)).collect();
    let (ready, rest) = rustyray::wait(&refs, 3, Some(Duration::from_secs(5))).await?;
    let sum_of_refs = total.remote(refs.clone()).await?;
    let numbers = parse.remote("1, 2, 3".to_string()).await?;
    let limited =
        add.options().timeout(Duration::from_millis(500)).fuel(1_000_000).max_retries(0).name("quick").remote(1, 1);
    rustyray::cancel(&limited)?;
    let counter = Counter::remote(); // a CounterHandle at once; `.await?` waits for the constructor
    counter.increment().await?;
    let named = Counter::options().name("global").max_restarts(3).remote_starting_at(10);
    named.increment().await?;
    let found = rustyray::get_actor::<Counter>("global").await?;
    println!(
        "{sum} {} {} {} {} {sum_of_refs} {numbers:?} {} {} {}",
        chained.await?,
        same.len(),
        ready.len(),
        rest.len(),
        answer.remote().await?,
        counter.get().await?,
        found.get().await?
    );
    Ok(()) // 8 7 1048576 3 5 56 [1, 2, 3] 42 1 11
}
