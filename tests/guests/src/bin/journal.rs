//! Pure tasks, and what they must not do.

use rustyray::prelude::*;

/// The square, and a line for each time that it is really computed.
#[rustyray::remote(pure)]
fn square(n: u64) -> u64 {
    println!("squaring {n}");
    n * n
}

/// The same under another name.
#[rustyray::remote(pure)]
fn twice_the_square(n: u64) -> u64 {
    println!("doubling the square of {n}");
    2 * n * n
}

/// Not pure: it runs each time.
#[rustyray::remote]
fn cube(n: u64) -> u64 {
    println!("cubing {n}");
    n * n * n
}

/// Is made of other pure tasks.
#[rustyray::remote(pure)]
async fn sum_of_squares(count: u64) -> Result<u64> {
    println!("summing {count}");
    let squares: Vec<_> = (0..count).map(|n| square.remote(n)).collect();
    Ok(rustyray::get_all(&squares).await?.into_iter().sum())
}

/// Fails for odd numbers.
#[rustyray::remote(pure)]
fn half(n: u64) -> Result<u64> {
    println!("halving {n}");
    rustyray::ensure!(n.is_multiple_of(2), "{n} is odd");
    Ok(n / 2)
}

/// So many bytes.
#[rustyray::remote(pure)]
fn make_bytes(count: usize) -> Vec<u8> {
    println!("{count} bytes");
    vec![7; count]
}

/// How many there are.
#[rustyray::remote(pure)]
fn length(bytes: Vec<u8>) -> usize {
    println!("measuring");
    bytes.len()
}

/// Has references in its argument.
#[rustyray::remote(pure)]
async fn total(parts: Vec<ObjectRef<u64>>) -> Result<u64> {
    println!("adding up");
    Ok(rustyray::get_all(&parts).await?.into_iter().sum())
}

/// Makes references and passes them on.
#[rustyray::remote]
async fn total_of_puts(count: u64) -> Result<u64> {
    let mut parts = Vec::new();
    for n in 0..count {
        parts.push(rustyray::put(n).await?);
    }
    total.remote(parts).await
}

/// Gives a reference.
#[rustyray::remote(pure)]
async fn stored(n: u64) -> Result<Vec<ObjectRef<u64>>> {
    println!("storing {n}");
    Ok(vec![rustyray::put(n).await?])
}

/// What it may touch, and what time it takes it to be.
#[rustyray::remote(pure)]
fn held() -> Result<(Vec<String>, u64, bool)> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_err(Error::msg)?;
    Ok((rustyray::context().grants, since.as_secs(), std::fs::read_dir("/").is_ok()))
}

/// What its child may touch.
#[rustyray::remote(pure)]
async fn held_by_a_child() -> Result<Vec<String>> {
    plain_grants.remote().await
}

#[rustyray::remote]
fn plain_grants() -> Vec<String> {
    rustyray::context().grants
}

/// Waits for an actor, made or found.
#[rustyray::remote(pure)]
async fn uses_an_actor(name: Option<String>) -> Result<u32> {
    use_an_actor(name).await
}

/// The same by way of a child.
#[rustyray::remote(pure)]
async fn uses_an_actor_by_a_child(name: Option<String>) -> Result<u32> {
    child_that_uses_an_actor.remote(name).await
}

#[rustyray::remote]
async fn child_that_uses_an_actor(name: Option<String>) -> Result<u32> {
    use_an_actor(name).await
}

async fn use_an_actor(name: Option<String>) -> Result<u32> {
    match name {
        Some(name) => rustyray::get_actor::<One>(&name).await?.one().await,
        None => One::remote().one().await,
    }
}

/// An actor that is out of their reach.
#[rustyray::actor]
struct One;

#[rustyray::actor_methods]
impl One {
    fn new() -> Self {
        One
    }

    fn one(&self) -> u32 {
        1
    }
}

/// Squares so many numbers, one after the other, and tells each.
#[rustyray::main]
async fn main() -> Result<()> {
    let count: u64 = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(10);
    let mut sum = 0;
    for n in 0..count {
        sum += square.options().name(format!("square of {n}")).remote(n).await?;
        println!("{n} done");
    }
    println!("sum {sum}");
    Ok(())
}
