//! Tasks that use much, together.

use rustyray::prelude::*;

/// Burns about so much fuel.
#[rustyray::remote]
fn burns(fuel: u64) -> u64 {
    (0..fuel / 8).fold(0, |sum, n| std::hint::black_box(sum ^ n))
}

/// The same in so many children at once, which have as many each, and so on.
#[rustyray::remote]
async fn forks(fuel: u64, children: u32, levels: u32) -> Result<u64> {
    if levels == 0 {
        return Ok(burns(fuel));
    }
    let each: Vec<_> = (0..children).map(|_| forks.remote(fuel, children, levels - 1)).collect();
    Ok(rustyray::get_all(&each).await?.into_iter().fold(0, |sum, n| sum ^ n))
}

/// One child after the other; gives how many there were before the first that was refused, and why that was.
#[rustyray::remote]
async fn one_by_one(children: u32) -> (u32, String) {
    for done in 0..children {
        if let Err(error) = burns.remote(1).await {
            return (done, error.kind().to_string());
        }
    }
    (children, String::new())
}

/// Holds so much memory until the object is there.
#[rustyray::remote]
async fn holds(mebibytes: usize, until: Vec<ObjectRef<u32>>) -> Result<usize> {
    let held = std::hint::black_box(vec![1u8; mebibytes << 20]);
    println!("it holds");
    rustyray::get_all(&until).await?;
    Ok(held.len())
}

/// Sleeps in a child.
#[rustyray::remote]
async fn sleeps(milliseconds: u64, levels: u32) -> Result<()> {
    match levels {
        0 => rustyray::sleep(Duration::from_millis(milliseconds)).await,
        _ => sleeps.remote(milliseconds, levels - 1).await?,
    }
    Ok(())
}

/// Waits so often in WASI, which ends its turn each time.
#[rustyray::remote]
fn naps(times: u32) -> u32 {
    for nap in 0..times {
        if nap == 100 {
            println!("it has had a hundred");
        }
        std::thread::sleep(Duration::from_micros(1));
    }
    times
}

/// Gives a child some of its fuel, which hardly needs it.
#[rustyray::remote]
async fn shares(fuel: u64) -> Result<u64> {
    burns.options().fuel_share(fuel).remote(1).await
}

#[rustyray::actor]
struct Burner;

#[rustyray::actor_methods]
impl Burner {
    fn new() -> Self {
        Burner
    }

    fn burn(&self, fuel: u64) -> u64 {
        burns(fuel)
    }
}

/// Leaves an actor behind.
#[rustyray::remote]
async fn leaves() -> Result<u64> {
    let burner = Burner::options().name("left").detached().remote();
    burner.burn(1).await
}

/// Calls it.
#[rustyray::remote]
async fn uses_what_was_left(fuel: u64) -> Result<u64> {
    rustyray::get_actor::<Burner>("left").await?.burn(fuel).await
}

/// Serves several calls at once.
#[rustyray::actor(max_concurrency = 2)]
struct Kitchen;

#[rustyray::actor_methods]
impl Kitchen {
    fn new() -> Self {
        Kitchen
    }

    /// In so many parts, between which others run. In each it waits as often in WASI.
    async fn burn(&self, fuel: u64, parts: u32) -> u32 {
        for _ in 0..parts {
            std::hint::black_box(burns(fuel / u64::from(parts)));
            std::hint::black_box(naps(parts));
            rustyray::sleep(Duration::from_millis(1)).await;
        }
        parts
    }

    fn spin(&self) {
        loop {
            std::hint::black_box(self);
        }
    }
}

/// Saves its state after each call, which takes a while.
#[rustyray::actor(checkpoint_every = 1, max_restarts = 10)]
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Shelf {
    books: Vec<u32>,
}

#[rustyray::actor_methods]
impl Shelf {
    fn new(books: u32) -> Self {
        Shelf { books: (0..books).collect() }
    }

    fn count(&self) -> usize {
        self.books.len()
    }
}

fn main() {}
