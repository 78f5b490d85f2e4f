//! Actors by name, in pools, and one that ends itself.

use rustyray::prelude::*;
use rustyray::{ActorPool, AnyActor};

#[rustyray::actor]
struct Squarer {
    number: u32,
    served: u32,
}

#[rustyray::actor_methods]
impl Squarer {
    fn new(number: u32) -> Self {
        Squarer { number, served: 0 }
    }

    /// The square, and who made it.
    fn square(&mut self, n: u64) -> Result<(u64, u32)> {
        rustyray::ensure!(n != 13, "unlucky");
        self.served += 1;
        Ok((n * n, self.number))
    }

    fn number(&self) -> u32 {
        self.number
    }
}

/// Squares by a pool: in order, out of order, and after an error.
#[rustyray::remote]
async fn pooled(actors: u32, count: u64) -> Result<(Vec<u64>, Vec<u64>, String, usize)> {
    let mut pool = ActorPool::new((0..actors).map(Squarer::remote));
    let ordered = pool.map(0..count, |squarer, n| squarer.square(n)).await;
    let makers: std::collections::HashSet<u32> = ordered.iter().flatten().map(|(_, maker)| *maker).collect();
    let squares = |all: Vec<(u64, u32)>| all.into_iter().map(|(square, _)| square).collect::<Vec<_>>();
    let ordered = squares(ordered?);
    let mut unordered = squares(pool.map_unordered(0..count, |squarer, n| squarer.square(n)).await?);
    unordered.sort_unstable();
    let unlucky = pool.map([13], |squarer, n| squarer.square(n)).await.err().map(|error| error.to_string());
    Ok((ordered, unordered, unlucky.unwrap_or_default(), makers.len()))
}

/// The numbers of the actors that several get at once, of which one creates it.
#[rustyray::remote]
async fn one_for_all(askers: u32) -> Result<Vec<u32>> {
    let asked: Vec<_> = (0..askers).map(|number| one_of.remote(number)).collect();
    rustyray::get_all(&asked).await
}

#[rustyray::remote]
async fn one_of(number: u32) -> Result<u32> {
    // Detached, so that it is there for the last one too.
    let squarer = Squarer::options().name("one").get_if_exists().detached().remote(number);
    squarer.number().await
}

#[rustyray::actor]
struct Other;

#[rustyray::actor_methods]
impl Other {
    fn new() -> Self {
        Other
    }

    fn number(&self) -> u32 {
        0
    }
}

/// What has the name is of another type.
#[rustyray::remote]
async fn of_another_type() -> Result<u32> {
    let squarer = Squarer::options().name("taken").remote(1);
    squarer.number().await?;
    Other::options().name("taken").get_if_exists().remote().number().await
}

/// The same name in three namespaces.
#[rustyray::remote]
async fn namespaces() -> Result<Vec<u32>> {
    let everywhere = Squarer::options().name("same").remote(1);
    let mine = Squarer::options().name("same").namespace("mine").remote(2);
    let yours = Squarer::options().name("same").namespace("yours").remote(3);
    (&everywhere).await?;
    (&mine).await?;
    let mut numbers = vec![rustyray::get_actor::<Squarer>("same").await?.number().await?];
    for namespace in ["mine", "yours"] {
        numbers.push(rustyray::get_actor_in::<Squarer>(namespace, "same").await?.number().await?);
    }
    let nowhere = rustyray::get_actor_in::<Squarer>("nobody's", "same").await;
    rustyray::ensure!(nowhere.is_err_and(|error| error.kind() == ErrorKind::ActorNotFound), "found in nobody's");
    let second = Squarer::options().name("same").namespace("yours").remote(4).number().await;
    rustyray::ensure!(second.is_err_and(|error| error.kind() == ErrorKind::ActorDied), "taken twice");
    yours.kill();
    Ok(numbers)
}

/// Creates a detached actor of a type that may be another module's, or with `get` takes the one that has its name; gives its number.
#[rustyray::remote]
async fn named(type_name: String, name: String, number: u32, get: bool) -> Result<u32> {
    let squarer = rustyray::remote_actor(type_name).arg(number).options(|options| {
        let options = options.name(name).detached();
        if get { options.get_if_exists() } else { options }
    });
    squarer.remote().method("number").remote().await
}

/// The number of the actor of this name, whatever its module.
#[rustyray::remote]
async fn found(name: String, namespace: Option<String>) -> Result<u32> {
    let actor = match namespace {
        Some(namespace) => rustyray::get_actor_in::<AnyActor>(&namespace, &name).await?,
        None => rustyray::get_actor::<AnyActor>(&name).await?,
    };
    actor.method("number").remote().await
}

/// The number of the actor of this name and of a type of this module.
#[rustyray::remote]
async fn found_here(name: String) -> Result<u32> {
    rustyray::get_actor::<Squarer>(&name).await?.number().await
}

/// Looks with fewer capabilities than it holds itself.
#[rustyray::remote]
async fn found_with(grants: Vec<String>, name: String) -> Result<u32> {
    found.options().grants(grants).remote(name, None).await
}

/// Ends itself at the third round.
#[rustyray::actor(max_restarts = 5)]
struct Guard {
    rounds: u32,
}

#[rustyray::actor_methods]
impl Guard {
    fn new() -> Self {
        Guard { rounds: 0 }
    }

    fn round(&mut self) -> Result<u32> {
        self.rounds += 1;
        if self.rounds == 3 {
            rustyray::exit_actor()?;
        }
        Ok(self.rounds)
    }
}

/// What became of five rounds, and of ending what is no actor.
#[rustyray::remote]
async fn rounds() -> Result<(Vec<u32>, Vec<String>, u32)> {
    rustyray::ensure!(rustyray::exit_actor().is_err(), "a task is no actor");
    let guard = Guard::remote();
    let asked: Vec<_> = (0..5).map(|_| guard.round()).collect();
    let (mut served, mut failed) = (Vec::new(), Vec::new());
    for round in asked {
        match round.await {
            Ok(round) => served.push(round),
            Err(error) => failed.push(error.kind().to_string()),
        }
    }
    Ok((served, failed, guard.generation()))
}

fn main() {}
