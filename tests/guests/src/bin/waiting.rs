//! Tasks that wait, and tasks that have others wait for them.

use rustyray::prelude::*;

/// Never returns, and calls nothing.
#[rustyray::remote]
fn spin() -> u64 {
    let mut n = 0u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

/// Waits for the value of a reference inside a list, where nobody resolves it beforehand.
#[rustyray::remote]
fn wait_for(parts: Vec<ObjectRef<i32>>) -> Result<i32> {
    let mut sum = 0;
    for part in &parts {
        sum += part.blocking_get()?;
    }
    Ok(sum)
}

/// Sleeps, in a host call that nothing else ends.
#[rustyray::remote]
async fn sleep(milliseconds: u64) -> u64 {
    rustyray::sleep(Duration::from_millis(milliseconds)).await;
    milliseconds
}

/// Says that it runs, spins, and stops when it is asked to.
#[rustyray::remote]
fn polite() -> Result<u32> {
    println!("polite runs");
    loop {
        if rustyray::context().cancelled {
            println!("polite tidies up");
            return Err(Error::msg("stopped as asked"));
        }
    }
}

/// Says that it runs, and ignores whoever asks it to stop.
#[rustyray::remote]
fn stubborn() -> u32 {
    println!("stubborn runs");
    loop {
        std::hint::black_box(rustyray::context().cancelled);
    }
}

/// Says that it runs, and waits for something that never comes.
#[rustyray::remote]
fn parent(child: String) -> Result<u64> {
    let child = if child == "spin" {
        spin.options().name("child").remote()
    } else {
        sleep.options().name("child").remote(36_000_000)
    };
    println!("parent waits");
    child.blocking_get()
}

/// Starts a task, cancels it, and gives the kind of error that it ended with.
#[rustyray::remote]
async fn cancels(child: String) -> Result<String> {
    let child = if child == "spin" { spin.remote() } else { sleep.remote(36_000_000) };
    rustyray::wait(std::slice::from_ref(&child), 1, Some(Duration::from_millis(20))).await?;
    rustyray::cancel(&child)?;
    Ok(format!("{:?}", child.await.expect_err("it never returns").kind()))
}

/// Starts a task, and returns its reference at once.
#[rustyray::remote]
fn leaves_a_child() -> Vec<ObjectRef<u64>> {
    vec![sleep.options().name("child").remote(3_600_000)]
}

/// The time that its child has, with a timeout of its own.
#[rustyray::remote]
fn childs_time(seconds: u64) -> Result<Option<u64>> {
    let left = time_left.options().timeout(Duration::from_secs(seconds)).remote();
    left.blocking_get()
}

/// The time that it has, in whole seconds.
#[rustyray::remote]
fn time_left() -> Option<u64> {
    rustyray::context().time_left.map(|left| left.as_secs())
}

/// Waits for some of its references, for a while.
#[rustyray::remote]
async fn first_of(parts: Vec<ObjectRef<u64>>, count: usize, milliseconds: u64) -> Result<(usize, usize)> {
    let (ready, rest) = rustyray::wait(&parts, count, Some(Duration::from_millis(milliseconds))).await?;
    Ok((ready.len(), rest.len()))
}

/// Waits for one reference, for a while.
#[rustyray::remote]
fn impatient(parts: Vec<ObjectRef<u64>>, milliseconds: u64) -> Result<u64> {
    parts[0].blocking_get_timeout(Duration::from_millis(milliseconds))
}

/// As deep as it is told, each level waiting for the next.
#[rustyray::remote]
fn descend(depth: u32) -> Result<u32> {
    if depth == 0 { Ok(0) } else { Ok(descend.remote(depth - 1).blocking_get()? + 1) }
}

/// One more than it is given.
#[rustyray::remote]
fn increment(n: u32) -> u32 {
    n + 1
}

/// Submits a chain in which each link takes the one before, and gives its end.
#[rustyray::remote]
fn chain(length: u32) -> Result<u32> {
    let mut link = increment.remote(0);
    for _ in 1..length {
        link = increment.remote(link);
    }
    link.blocking_get()
}

/// How often it was tried, once it is tried often enough.
#[rustyray::remote(max_retries = 3)]
fn third_time() -> u32 {
    let attempt = rustyray::context().attempt;
    assert!(attempt >= 3, "attempt {attempt} is not enough");
    attempt
}

/// Notes that it runs.
#[rustyray::remote]
fn note(text: String) {
    println!("{text}");
}

fn main() {}
