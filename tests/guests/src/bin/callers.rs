//! Tasks that call another module: by names, and by the stubs that `rustyray-host stubs` wrote.

use std::collections::BTreeMap;

use rustyray::AnyActor;
use rustyray::prelude::*;

/// Of `calc`, which the stubs need.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
pub struct Point {
    x: i32,
    y: i32,
}

#[path = "../stubs/calc.rs"]
mod calc;

#[path = "../stubs/shapes.rs"]
mod shapes;

/// Calls a task of two numbers.
#[rustyray::remote]
async fn sum_of(function: String, a: i32, b: i32) -> Result<i32> {
    rustyray::remote_fn(function).arg(a).arg(b).remote().await
}

/// Calls a task without arguments.
#[rustyray::remote]
async fn version(function: String) -> Result<u32> {
    rustyray::remote_fn(function).remote().await
}

#[rustyray::remote]
async fn streamed(function: String, to: u32) -> Result<Vec<u32>> {
    let mut items = rustyray::remote_fn(function).arg(to).stream();
    let mut taken = Vec::new();
    while let Some(item) = items.next().await {
        taken.push(item?);
    }
    Ok(taken)
}

#[rustyray::remote]
async fn counted(type_name: String) -> Result<i32> {
    let counter = rustyray::remote_actor(type_name).constructor("starting_at").arg(4i32).remote().await?;
    counter.method("add").arg(3i32).remote::<i32>().await?;
    counter.method("add").arg(1i32).remote().await
}

/// What a task holds that gets these capabilities.
#[rustyray::remote]
async fn passed_on(function: String, grants: Option<Vec<String>>) -> Result<Vec<String>> {
    let call = rustyray::remote_fn(function);
    match grants {
        Some(grants) => call.grants(grants).remote().await,
        None => call.remote().await,
    }
}

/// Calls with fewer capabilities than it holds itself.
#[rustyray::remote]
async fn without(grants: Vec<String>, function: String) -> Result<i32> {
    sum_of.options().grants(grants).remote(function, 1, 2).await
}

#[rustyray::remote(pure)]
async fn pure_sum(function: String) -> Result<i32> {
    rustyray::remote_fn(function).arg(1i32).arg(2i32).remote().await
}

/// A function of this module with a name as if it were another's.
#[rustyray::remote(name = "calc:mine")]
fn mine(a: i32, b: i32) -> i32 {
    a * b
}

/// Finds an actor by its name, whatever its type, and adds to it.
#[rustyray::remote]
async fn found_by_name(name: String) -> Result<i32> {
    rustyray::get_actor::<AnyActor>(&name).await?.method("add").arg(1i32).remote().await
}

/// Finds it with its type.
#[rustyray::remote]
async fn found_typed(name: String) -> Result<i32> {
    rustyray::get_actor::<calc::Counter>(&name).await?.add(1).await
}

/// Has a name that an actor of another module has as well.
#[rustyray::actor]
struct Namesake;

#[rustyray::actor_methods]
impl Namesake {
    fn new() -> Self {
        Namesake
    }

    fn add(&self, more: i32) -> i32 {
        -more
    }
}

/// What the actors of this name make of a one: this module's by its type, the other's by its own, and whichever is found by the
/// name alone, and by that of the other module.
#[rustyray::remote]
async fn namesakes(name: String) -> Result<Vec<i32>> {
    let own = Namesake::options().name(&name).remote().await?;
    let typed = rustyray::get_actor::<Namesake>(&name).await?.add(1).await?;
    let foreign = rustyray::get_actor::<calc::Counter>(&name).await?.add(1).await?;
    let any = rustyray::get_actor::<AnyActor>(&name).await?.method("add").arg(1i32).remote().await?;
    let qualified =
        rustyray::get_actor::<AnyActor>(&format!("calc:{name}")).await?.method("add").arg(1i32).remote().await?;
    own.kill();
    Ok(vec![typed, foreign, any, qualified])
}

/// Adds to a ledger of another module, has it move, and adds again.
#[rustyray::remote]
async fn moves(ledger: calc::LedgerHandle) -> Result<Vec<(u32, Vec<u32>)>> {
    let before = ledger.add(1).await?;
    ledger.move_to_current().await?;
    Ok(vec![before, ledger.add(2).await?])
}

/// All of `calc` by its stubs.
#[rustyray::remote]
async fn by_stubs() -> Result<String> {
    let sum = calc::add.remote(2, calc::add.remote(1, 2)).await?;
    let mut items = calc::count.remote(3);
    let mut listed = Vec::new();
    while let Some(item) = items.next().await {
        listed.push(item?);
    }
    let (quotient, rest) = calc::divided.remote(7, 2);
    let point = calc::moved.options().name("moving").remote(Point { x: 1, y: 2 }, (10, 20)).await?;
    let rows = vec![("a".to_owned(), 1), ("a".to_owned(), 2)];
    let totals: BTreeMap<String, Option<u64>> = calc::totals.remote(rows).await?;
    let negated = calc::ops::negated.remote(5).await?;
    let counter = calc::Counter::options().max_restarts(1).remote_starting_at(40);
    counter.add(1).await?;
    let total = counter.add(1).await?;
    let up_to: Option<i32> = counter.up_to_total().next().await.transpose()?;
    let values = (sum, listed, quotient.await?, rest.await?, point, totals, negated, total, up_to);
    Ok(format!("{values:?}"))
}

/// A component that no SDK made, by its stubs.
#[rustyray::remote]
async fn by_types() -> Result<String> {
    let (area, corner) = (shapes::area.remote(2, 5), shapes::corner.remote());
    let turned = shapes::turn_about.remote(&corner, shapes::TurnAboutTo::Right).await?;
    let back = shapes::turn_about.remote(shapes::CornerResult { ..turned.clone() }, shapes::TurnAboutTo::Left).await?;
    Ok(format!("{} {:?} {turned:?} {}", area.await?, corner.clone().await?, back == corner.await?))
}

/// Calls the task that its argument names, with 2 and 3.
#[rustyray::main]
async fn main() -> Result<()> {
    let function = std::env::args().nth(1).unwrap_or_default();
    println!("{}", rustyray::remote_fn(function).arg(2u32).arg(3u32).remote::<u32>().await?);
    Ok(())
}
