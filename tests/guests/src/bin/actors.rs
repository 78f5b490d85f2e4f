//! Actors, and tasks that hold handles to them.

use rustyray::prelude::*;

/// Counts, and can be broken.
#[rustyray::actor]
struct Counter {
    value: i32,
    log: Vec<i32>,
}

#[rustyray::actor_methods]
impl Counter {
    fn new() -> Self {
        Counter { value: 0, log: Vec::new() }
    }

    fn starting_at(value: i32) -> Self {
        Counter { value, log: Vec::new() }
    }

    fn fails(reason: String) -> Result<Self> {
        Err(Error::msg(reason))
    }

    fn panics() -> Self {
        panic!("no counter today")
    }

    async fn add(&mut self, amount: i32) -> i32 {
        self.value += amount;
        self.log.push(amount);
        self.value
    }

    fn get(&self) -> i32 {
        self.value
    }

    fn history(&self) -> Vec<i32> {
        self.log.clone()
    }

    fn refuse(&self) -> Result<i32> {
        Err(Error::msg("not today"))
    }

    fn crash(&mut self) -> i32 {
        panic!("the counter breaks")
    }

    fn spin(&mut self) -> i32 {
        println!("the counter spins");
        while !rustyray::context().cancelled {
            std::hint::black_box(&self.value);
        }
        println!("the counter was asked to stop");
        self.value
    }

    fn third_generation(&self) -> u32 {
        let generation = rustyray::context().actor.map_or(0, |actor| actor.generation);
        assert!(generation >= 3, "generation {generation} is not enough");
        generation
    }

    fn generation(&self) -> u32 {
        rustyray::context().actor.map_or(0, |actor| actor.generation)
    }
}

/// Passes calls on to a counter whose handle it keeps.
#[rustyray::actor]
struct Relay {
    counter: CounterHandle,
}

#[rustyray::actor_methods]
impl Relay {
    fn new(counter: CounterHandle) -> Self {
        Relay { counter }
    }

    async fn pass_on(&self, amount: i32) -> Result<i32> {
        self.counter.add(amount).await
    }
}

/// Leaves a counter to another actor, which holds its only handle from then on.
#[rustyray::remote]
async fn relayed(amount: i32) -> Result<i32> {
    let relay = Relay::remote(Counter::remote_starting_at(40)).await?;
    relay.pass_on(amount).await?;
    relay.pass_on(amount).await
}

/// Adds to a counter that it was given.
#[rustyray::remote]
async fn add_to(counter: CounterHandle, amount: i32) -> Result<i32> {
    counter.add(amount).await
}

/// Makes a counter and gives its handle away.
#[rustyray::remote]
async fn make(value: i32) -> Result<CounterHandle> {
    let counter = Counter::remote_starting_at(value).await?;
    Ok(counter)
}

/// Makes a counter, has several tasks add to it, and reads it.
#[rustyray::remote]
async fn shared(tasks: i32) -> Result<i32> {
    let counter = Counter::remote();
    let added: Vec<_> = (0..tasks).map(|_| add_to.remote(counter.clone(), 1)).collect();
    rustyray::get_all(&added).await?;
    counter.get().await
}

/// Waits for a call that never returns.
#[rustyray::remote]
fn waits_for_spin(counter: CounterHandle) -> Result<i32> {
    counter.spin().blocking_get()
}

/// Uses a handle that another task made.
#[rustyray::remote]
async fn uses_a_made_one() -> Result<i32> {
    let counter = make.remote(40).await?;
    counter.add(2).await
}

/// Finds an actor by name.
#[rustyray::remote]
async fn find_and_add(name: String, amount: i32) -> Result<i32> {
    let counter = rustyray::get_actor::<Counter>(&name).await?;
    counter.add(amount).await
}

/// Creates a named actor and forgets it; detached, it lives on.
#[rustyray::remote]
async fn leave_behind(name: String, detached: bool) -> Result<i32> {
    let options = Counter::options().name(name);
    let counter = if detached { options.detached().remote_starting_at(7) } else { options.remote_starting_at(7) };
    counter.get().await
}

fn main() {}
