// What both versions of `calc` have: tasks and actors for other modules. Included, so that its names are those of the crate.

use std::collections::BTreeMap;

use rustyray::prelude::*;

/// A type that its callers have to know.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
pub struct Point {
    pub x: i32,
    pub y: i32,
}

/// Adds two numbers.
#[rustyray::remote]
fn add(a: i32, b: i32) -> i32 {
    a + b
}

#[rustyray::remote]
fn count(to: u32) -> impl Iterator<Item = u32> {
    0..to
}

/// Quotient and rest.
#[rustyray::remote(num_returns = 2)]
fn divided(a: u32, by: u32) -> Result<(u32, String)> {
    rustyray::ensure!(by > 0, "nothing is divided by 0");
    Ok((a / by, format!("rest {}", a % by)))
}

#[rustyray::remote]
fn moved(point: Point, by: (i32, i32)) -> Point {
    Point { x: point.x + by.0, y: point.y + by.1 }
}

#[rustyray::remote]
fn totals(rows: Vec<(String, u64)>) -> BTreeMap<String, Option<u64>> {
    let mut sums = BTreeMap::new();
    for (name, number) in rows {
        let total = sums.entry(name).or_insert(Some(0));
        *total = total.and_then(|total: u64| total.checked_add(number));
    }
    sums
}

/// The capabilities that a task of this module holds, by name.
#[rustyray::remote]
fn held() -> Vec<String> {
    rustyray::context().grants
}

/// Declares less memory than the host allows.
#[rustyray::remote(memory = "2MiB")]
fn modest() -> usize {
    std::hint::black_box(vec![1u8; 64 << 20]).len()
}

/// Functions deeper in the module.
pub mod ops {
    #[rustyray::remote]
    pub fn negated(n: i32) -> i32 {
        -n
    }
}

/// Which version of the module runs.
#[rustyray::remote]
fn version() -> u32 {
    VERSION
}

/// Waits for a second, then says which version it is, and what it submits to its own module.
#[rustyray::remote]
async fn patient() -> Result<(u32, u32)> {
    println!("patient");
    rustyray::sleep(Duration::from_secs(1)).await;
    Ok((VERSION, version.remote().await?))
}

/// Which version it is, after another one.
#[rustyray::remote]
fn after(_earlier: (u32, u32)) -> u32 {
    VERSION
}

/// Fails the first time, and is tried again a second later.
#[rustyray::remote(max_retries = 1, retry_backoff = "1s")]
fn flaky() -> u32 {
    println!("flaky");
    assert!(rustyray::context().attempt > 1, "the first time");
    VERSION
}

/// Counts.
#[rustyray::actor]
struct Counter {
    total: i32,
}

#[rustyray::actor_methods]
impl Counter {
    /// Begins with nothing.
    fn new() -> Self {
        Counter { total: 0 }
    }

    fn starting_at(total: i32) -> Self {
        Counter { total }
    }

    /// Adds, and gives the total.
    fn add(&mut self, more: i32) -> i32 {
        self.total += more;
        self.total
    }

    /// The numbers up to the total.
    fn up_to_total(&self) -> impl Iterator<Item = i32> {
        0..self.total
    }

    fn version(&self) -> u32 {
        VERSION
    }
}

/// Keeps its state when it moves to another version.
#[rustyray::actor(checkpoint, max_restarts = 5)]
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Ledger {
    entries: Vec<u32>,
}

#[rustyray::actor_methods]
impl Ledger {
    fn new() -> Self {
        Ledger { entries: Vec::new() }
    }

    fn add(&mut self, entry: u32) -> (u32, Vec<u32>) {
        self.entries.push(entry);
        (VERSION, self.entries.clone())
    }

    /// Waits for a second before it adds.
    async fn add_later(&mut self, entry: u32) -> (u32, Vec<u32>) {
        println!("later");
        rustyray::sleep(Duration::from_secs(1)).await;
        self.add(entry)
    }

    /// Which version the tasks are that it submits to its own module.
    async fn child(&self) -> Result<u32> {
        version.remote().await
    }

    fn crash(&self) {
        panic!("the ledger breaks")
    }
}
