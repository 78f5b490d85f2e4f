//! A Rust program that embeds the host: tasks, references, an actor, limits, a cancellation, a module that is none, and
//! an interface of the program's own.

mod prices;

use std::error::Error;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use rustyray_host::limits::TaskLimits;
use rustyray_host::{Capabilities, DirAccess, Host, Module, Receipt, TaskOptions};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What `prices` offers to the guests.
const CENTS: [(&str, u32); 3] = [("rye loaf", 450), ("roll", 60), ("plum cake", 1800)];

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let guest = std::env::args_os().nth(1).map_or_else(built_guest, PathBuf::from);
    match run(&guest).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("embed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn built_guest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/wasm32-wasip2/release/embed_guest.wasm")
}

async fn run(guest: &Path) -> Outcome<()> {
    let (sender, receipts) = mpsc::channel();
    let host = build(sender)?;
    let loading = |error| format!("{} cannot be loaded: {error}", guest.display());
    let bakery = host.load_file(guest).await.map_err(loading)?;

    chained_tasks(&host, &bakery).await?;
    an_actor(&host, &bakery).await?;
    errors(&host, &bakery).await;
    too_slow(&host, &bakery).await;
    no_module(&host).await;

    // After it no thread of the host is left, and no receipt is missing.
    host.shutdown(Duration::from_secs(5)).await;
    show_receipts(receipts.try_iter().collect());
    Ok(())
}

/// A host with limits for tasks that declare none, one folder to read, and a price list to ask.
fn build(receipts: mpsc::Sender<Receipt>) -> Outcome<Host> {
    let orders = Path::new(env!("CARGO_MANIFEST_DIR")).join("orders");
    let limits = TaskLimits { timeout: Some(Duration::from_secs(10)), memory_bytes: 32 << 20, ..TaskLimits::default() };
    let builder = Host::builder()
        .instances(16)
        .default_limits(limits)
        .capabilities(Capabilities::none().dir(orders, "/orders", DirAccess::ReadOnly)?)
        .on_receipt(move |receipt| drop(receipts.send(receipt.clone())));
    Ok(prices::offer(builder, &CENTS).build()?)
}

/// The second task gets the value of the first, which does not pass through here.
async fn chained_tasks(host: &Host, bakery: &Module) -> Outcome<()> {
    let order = bakery.task("read_order").arg("/orders/monday.txt").submit().await;
    let cost = bakery.task("cost").arg_ref(&order).submit().await;
    println!("chained:   Monday's order costs {} cents", host.get::<u32>(&cost).await?);

    let birthday = host.put(&vec![(2u32, "plum cake")])?;
    let cost = bakery.task("cost").arg_ref(&birthday).submit().await;
    println!("put:       two plum cakes cost {} cents", host.get::<u32>(&cost).await?);
    Ok(())
}

async fn an_actor(host: &Host, bakery: &Module) -> Outcome<()> {
    let till = bakery.actor("Till").constructor("starting_with").arg(5000u32).create();
    till.call("pay").arg(450u32).submit().await;
    let cents = till.call("pay").arg(60u32).submit().await;
    println!("actor:     the till holds {} cents", host.get::<u32>(&cents).await?);
    Ok(())
}

/// An error says which task failed, how, and why.
async fn errors(host: &Host, bakery: &Module) {
    let order = bakery.task("read_order").arg("/orders/tuesday.txt").submit().await;
    let cost = bakery.task("cost").arg_ref(&order).submit().await;
    show("its own", host.get::<u32>(&cost).await);

    let cost = bakery.task("cost").arg("no order").submit().await;
    show("no order", host.get::<u32>(&cost).await);

    let order = bakery.task("read_order").arg("/etc/passwd").submit().await;
    show("no folder", host.get::<Vec<(u32, String)>>(&order).await);

    let options = TaskOptions::new().name("bake a little").fuel(10_000_000);
    let loaves = bakery.task("bake").options(options).submit().await;
    show("no fuel", host.get::<u32>(&loaves).await);

    let tea = bakery.task("brew").submit().await;
    show("no task", host.get::<u32>(&tea).await);
}

/// A task in a loop is ended at once.
async fn too_slow(host: &Host, bakery: &Module) {
    let loaves = bakery.task("bake").submit().await;
    show("not yet", host.get_within::<u32>(&loaves, Duration::from_millis(50)).await);
    host.cancel(&loaves);
    show("cancelled", host.get::<u32>(&loaves).await);
}

/// Bytes from a stranger are an error, and the host goes on.
async fn no_module(host: &Host) {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    bytes.extend((0..1000u32).map(|n| (n * n % 251) as u8));
    show("no module", host.load_bytes("stranger", bytes).await);
}

fn show<T, E: Display>(what: &str, outcome: Result<T, E>) {
    match outcome {
        Ok(_) => println!("{:10} a value", format!("{what}:")),
        Err(error) => println!("{:10} {error}", format!("{what}:")),
    }
}

/// Every task leaves one.
fn show_receipts(mut receipts: Vec<Receipt>) {
    receipts.sort_by_key(|receipt| receipt.task_id);
    println!("\n{:20} {:>10} {:>10}  ended with", "task", "fuel", "memory");
    for receipt in receipts {
        let memory = format!("{} KiB", receipt.memory_peak_bytes >> 10);
        let ended = receipt.error.map_or("a value", |kind| kind.as_str());
        println!("{:20} {:>10} {memory:>10}  {ended}", receipt.task, receipt.fuel_used);
    }
}
