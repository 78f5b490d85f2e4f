//! Tasks and actors that call the program that embeds them, wherever a guest runs; and what else a host does, in short.

use rustyray::prelude::*;

/// The embedder's own interface, behind which there may be a mistake.
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package tests:embedder;
            interface mistakes {
                mistake: func(place: string);
            }
            world guest {
                import mistakes;
            }
        ",
    });
}

use bindings::tests::embedder::mistakes::mistake;

/// Calls the embedder.
#[rustyray::remote]
fn calls_out() -> u32 {
    mistake("task");
    1
}

/// Calls an actor, which is woken by that, and the embedder before that is served.
#[rustyray::remote]
fn calls_and_calls_out() -> Result<u32> {
    let caller = Caller::remote();
    caller.fine().blocking_get()?;
    let fine = caller.fine();
    mistake("task");
    fine.blocking_get()
}

/// Gives a value back.
#[rustyray::remote]
fn same(n: u32) -> u32 {
    n
}

/// Fails, each time it is tried.
#[rustyray::remote(max_retries = 1, retry_exceptions = true, retry_backoff = "1ms")]
fn fails() -> Result<u32> {
    Err(Error::msg("as it is meant to"))
}

/// Never returns.
#[rustyray::remote]
fn spins() -> u32 {
    loop {
        std::hint::black_box(());
    }
}

/// Waits for a task that waits in the queue.
#[rustyray::remote]
fn waits_for_the_queue() -> Result<u32> {
    same.options().resource("seat", 1).remote(1).blocking_get()
}

/// Gives numbers, one after the other.
#[rustyray::remote]
fn numbers(count: u32) -> impl Iterator<Item = u32> {
    0..count
}

/// Prints so many lines.
#[rustyray::remote]
fn prints(lines: u32) -> u32 {
    (0..lines).for_each(|line| println!("line {line}"));
    lines
}

/// Logs so many lines.
#[rustyray::remote]
fn logs(lines: u32) -> u32 {
    (0..lines).for_each(|line| info!("line {line}"));
    lines
}

/// Stores so many objects.
#[rustyray::remote]
async fn stores(count: u32) -> Result<u32> {
    for n in 0..count {
        rustyray::put(n).await?;
    }
    Ok(count)
}

/// Calls the embedder.
#[rustyray::actor]
struct Caller;

#[rustyray::actor_methods]
impl Caller {
    fn new() -> Self {
        Caller
    }

    fn mistaken() -> Self {
        mistake("constructor");
        Caller
    }

    fn call(&mut self) -> u32 {
        mistake("call");
        2
    }

    fn fine(&self) -> u32 {
        7
    }

    fn spins(&self) -> u32 {
        loop {
            std::hint::black_box(());
        }
    }
}

/// Calls the embedder while other calls wait.
#[rustyray::actor(max_concurrency = 2)]
struct Several;

#[rustyray::actor_methods]
impl Several {
    fn new() -> Self {
        Several
    }

    async fn call(&self) -> u32 {
        mistake("concurrent call");
        3
    }

    async fn waits(&self) -> u32 {
        println!("it waits");
        rustyray::sleep(Duration::from_secs(1 << 20)).await;
        4
    }
}

fn main() {}
