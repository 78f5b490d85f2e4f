//! Rounds of measurement, and the rows that come of them.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Rounds of each figure, of which the median counts: one that the machine disturbed does not.
pub const ROUNDS: usize = 5;

/// A round is no shorter, so that the clock and a single switch of threads do not show.
pub const ROUND: Duration = Duration::from_millis(500);

/// The median over the rounds of the seconds that a unit takes, of which one run does `units`. The run says how long
/// it took, without what it had to prepare.
pub async fn seconds_each(units: u32, run: impl AsyncFn() -> Duration) -> f64 {
    // What happens only once: caches, first touches. A guest's clock that was not granted stands still.
    assert!(run().await > Duration::ZERO, "a run took no time");
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(one_round(units, &run).await);
    }
    median(rounds)
}

async fn one_round(units: u32, run: &impl AsyncFn() -> Duration) -> f64 {
    let (start, mut spent, mut done) = (Instant::now(), Duration::ZERO, 0);
    while start.elapsed() < ROUND {
        spent += run().await;
        done += units;
    }
    spent.as_secs_f64() / f64::from(done)
}

/// The middle one.
pub fn median(figures: Vec<f64>) -> f64 {
    percentile(figures, 50)
}

/// The figure that this share of the others does not exceed.
pub fn percentile(mut figures: Vec<f64>, percent: usize) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[(figures.len() - 1) * percent / 100]
}

/// The rows of the result.
#[derive(Default)]
pub struct Rows(Vec<Value>);

impl Rows {
    /// A figure that is better when it is higher.
    pub fn higher(&mut self, id: &str, value: f64, unit: &str) {
        self.push(id, value, unit, "higher");
    }

    /// A figure that is better when it is lower.
    pub fn lower(&mut self, id: &str, value: f64, unit: &str) {
        self.push(id, value, unit, "lower");
    }

    fn push(&mut self, id: &str, value: f64, unit: &str, better: &str) {
        println!("{id:24} {value:16.6} {unit}");
        self.0.push(json!({ "id": id, "value": value, "unit": unit, "better": better }));
    }

    /// Says what has to be known about the last figure.
    pub fn note(&mut self, note: &str) {
        self.0.last_mut().unwrap()["note"] = note.into();
    }

    /// Writes them, in the format of Ray's side.
    pub fn write(self, path: &Path) {
        let result = json!({ "rustyray-host": env!("CARGO_PKG_VERSION"), "rows": self.0 });
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, serde_json::to_string_pretty(&result).unwrap()).unwrap();
    }
}
