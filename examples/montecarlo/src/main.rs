//! The price of an option by simulation: tasks walk random paths and report to an actor how they went. When the price
//! is known well enough, the tasks that are left are cancelled.

mod contract;
mod estimate;
mod normals;
mod plot;
mod sums;

use contract::Contract;
use estimate::{Estimate, EstimateHandle, Point};
use rustyray::prelude::*;

/// Paths of a task: some milliseconds of work.
const PATHS: u64 = 10_000;

/// Tasks that are submitted. Most are never begun.
const BATCHES: u64 = 2_000;

const PLOT: &str = "/picture/montecarlo.svg";

/// Walks the paths of a batch, and reports what they paid. Its number is its seed.
#[rustyray::remote(memory = "8MiB")]
async fn batch(contract: Contract, number: u64, estimate: EstimateHandle) -> Result<()> {
    estimate.report(number, contract.simulate(number, PATHS)).await
}

#[rustyray::main]
async fn main() -> Result<()> {
    let arguments: Vec<f64> = std::env::args().skip(1).map(number).collect::<Result<_>>()?;
    let (wanted, strike) = match arguments.as_slice() {
        [] => (0.01, 100.0),
        [wanted] => (*wanted, 100.0),
        [wanted, strike] => (*wanted, *strike),
        _ => rustyray::bail!("usage: montecarlo [WANTED [STRIKE]]"),
    };
    let curve = price(Contract { spot: 100.0, strike, rate: 0.05, volatility: 0.2 }, wanted).await?;
    let Some(last) = curve.last() else { rustyray::bail!("there is no batch") };
    rustyray::ensure!(
        last.range <= wanted,
        "{} paths are not enough: it is {} ± {}",
        last.paths,
        last.price,
        last.range
    );
    println!("\n{} of {BATCHES} batches were enough, the others were cancelled", last.batches);
    plot::write(PLOT, &curve)
}

/// The estimate after each batch, until the range is as small as wanted.
async fn price(contract: Contract, wanted: f64) -> Result<Vec<Point>> {
    let estimate = Estimate::remote(wanted);
    let mut running: Vec<_> = (0..BATCHES).map(|number| batch.remote(contract, number, estimate.clone())).collect();
    let mut curve: Vec<Point> = Vec::new();
    println!("{:>10}  {:>7}  {:>7}", "paths", "price", "± 95 %");
    while !running.is_empty() && curve.last().is_none_or(|point| point.range > wanted) {
        let (ready, rest) = rustyray::wait(&running, 1, None).await?;
        rustyray::get_all(&ready).await?;
        running = rest;
        let news = estimate.points(curve.len()).await?;
        news.iter().filter(|point| point.batches.is_power_of_two() || point.range <= wanted).for_each(show);
        curve.extend(news);
    }
    for task in &running {
        rustyray::cancel(task)?;
    }
    Ok(curve)
}

fn number(text: String) -> Result<f64> {
    text.parse().map_err(|_| Error::msg(format!("'{text}' is no number")))
}

fn show(point: &Point) {
    let bar = "█".repeat((point.range * 300.0).round() as usize);
    println!("{:>10}  {:>7.4}  {:>7.4}  {bar}", point.paths, point.price, point.range);
}
