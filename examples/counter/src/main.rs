//! Actors: state that lives in an instance of its own and is reached by calls, one at a time, in order.
//!
//! A story in six scenes: shared, started elsewhere, called in order, found by name, restarted after a crash, killed.

use rustyray::prelude::*;

/// A number that many can add to.
#[rustyray::actor]
struct Counter {
    value: u32,
}

#[rustyray::actor_methods]
impl Counter {
    fn new() -> Self {
        Counter { value: 0 }
    }

    fn starting_at(value: u32) -> Self {
        Counter { value }
    }

    fn add(&mut self, amount: u32) -> u32 {
        self.value += amount;
        self.value
    }

    fn get(&self) -> u32 {
        self.value
    }

    /// How often the actor was started: 1 for the first time.
    fn generation(&self) -> u32 {
        rustyray::context().actor.map_or(0, |actor| actor.generation)
    }

    fn crash(&mut self) {
        panic!("the counter crashes, as it was told to");
    }
}

/// Counts up to `times`. The handle came as an argument, like any value.
#[rustyray::remote]
async fn count_up(counter: CounterHandle, times: u32) -> Result<()> {
    for _ in 0..times {
        counter.add(1).await?;
    }
    Ok(())
}

/// Needs no handle: the name is enough.
#[rustyray::remote]
async fn add_by_name(name: String, amount: u32) -> Result<u32> {
    let counter = rustyray::get_actor::<Counter>(&name).await?;
    counter.add(amount).await
}

#[rustyray::main]
async fn main() -> Result<()> {
    shared().await?;
    started_elsewhere().await?;
    in_order().await?;
    by_name().await?;
    restarted().await?;
    killed().await
}

async fn shared() -> Result<()> {
    let counter = Counter::remote();
    let workers: Vec<_> = (0..4).map(|_| count_up.remote(counter.clone(), 25)).collect();
    rustyray::get_all(&workers).await?;
    println!("shared:     4 tasks counted to 25 each, together {}", counter.get().await?);
    Ok(())
}

async fn started_elsewhere() -> Result<()> {
    let counter = Counter::remote_starting_at(1000);
    println!("elsewhere:  started at 1000, one more is {}", counter.add(1).await?);
    Ok(())
}

async fn in_order() -> Result<()> {
    let counter = Counter::remote();
    // Nobody waits between the calls. They are served in the order in which they were made.
    let calls: Vec<_> = (1..=6).map(|amount| counter.add(amount)).collect();
    println!("in order:   adding 1 to 6 gave {:?}", rustyray::get_all(&calls).await?);
    Ok(())
}

async fn by_name() -> Result<()> {
    let _counter = Counter::options().name("visitors").remote_starting_at(7);
    let sum = add_by_name.remote("visitors".to_owned(), 5).await?;
    println!("by name:    a task found 'visitors' and made it {sum}");
    println!("            looking for 'nobody': {}", kind(&rustyray::get_actor::<Counter>("nobody").await));
    Ok(())
}

async fn restarted() -> Result<()> {
    let counter = Counter::options().max_restarts(1).remote_starting_at(10);
    counter.add(5).await?;
    let crashed = counter.crash().await;
    println!("restarted:  the call that crashed it: {}", kind(&crashed));
    // What it held is gone: it was constructed again, with the same arguments.
    println!("            it came back with {}, as generation {}", counter.get().await?, counter.generation().await?);
    let crashed = counter.crash().await;
    println!("            one restart was allowed, the second crash: {}", kind(&crashed));
    println!("            any call after that: {}", kind(&counter.get().await));
    Ok(())
}

async fn killed() -> Result<()> {
    let counter = Counter::remote().await?;
    rustyray::kill(&counter);
    println!("killed:     a call to the dead: {}", kind(&counter.get().await));
    Ok(())
}

/// What became of a call, in a word.
fn kind<T>(outcome: &Result<T>) -> &'static str {
    outcome.as_ref().map_or_else(|error| error.kind().name(), |_| "a value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rustyray::test]
    async fn the_whole_story_can_be_told() -> Result<()> {
        shared().await?;
        started_elsewhere().await?;
        in_order().await?;
        by_name().await?;
        restarted().await?;
        killed().await
    }

    #[rustyray::test]
    async fn many_share_one() -> Result<()> {
        let counter = Counter::options().name("visitors").remote();
        let workers: Vec<_> = (0..4).map(|_| count_up.remote(counter.clone(), 25)).collect();
        rustyray::get_all(&workers).await?;
        assert_eq!(add_by_name.remote("visitors".to_owned(), 5).await?, 105);
        assert_eq!(kind(&add_by_name.remote("nobody".to_owned(), 5).await), "task-failed");
        Ok(())
    }

    #[rustyray::test]
    async fn it_comes_back_as_it_was_made() -> Result<()> {
        let counter = Counter::options().max_restarts(1).remote_starting_at(10);
        counter.add(5).await?;
        assert_eq!(kind(&counter.crash().await), "actor-unavailable");
        assert_eq!((counter.get().await?, counter.generation().await?), (10, 2));
        assert_eq!(kind(&counter.crash().await), "actor-died");
        Ok(())
    }
}
