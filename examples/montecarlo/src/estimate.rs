//! How well the price is known so far.

use std::collections::BTreeMap;

use rustyray::prelude::*;

use crate::sums::Sums;

/// Half the width of the range that holds the true value in 95 of 100 cases, in standard errors.
const RANGE: f64 = 1.96;

/// The estimate after some batches.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
pub struct Point {
    pub batches: u64,
    pub paths: u64,
    pub price: f64,
    /// The true price is at most this far away, in 95 of 100 cases.
    pub range: f64,
}

/// Adds up the batches that tasks report. Whichever comes first, they count in their order: so each run ends with the
/// same price.
#[rustyray::actor]
pub struct Estimate {
    wanted: f64,
    total: Sums,
    curve: Vec<Point>,
    /// Those that came before their turn.
    early: BTreeMap<u64, Sums>,
}

#[rustyray::actor_methods]
impl Estimate {
    /// Until the range is as small as `wanted`.
    pub fn new(wanted: f64) -> Self {
        Estimate { wanted, total: Sums::default(), curve: Vec::new(), early: BTreeMap::new() }
    }

    /// What batch number `batch`, from 0 on, found.
    pub fn report(&mut self, batch: u64, found: Sums) {
        self.early.insert(batch, found);
        while !self.is_done()
            && let Some(next) = self.early.remove(&(self.curve.len() as u64))
        {
            self.total += next;
            let (price, range) = (self.total.mean(), self.total.error() * RANGE);
            let batches = self.curve.len() as u64 + 1;
            self.curve.push(Point { batches, paths: self.total.count, price, range });
        }
    }

    /// The points of the curve from this one on.
    pub fn points(&self, from: usize) -> Vec<Point> {
        self.curve.get(from..).unwrap_or_default().to_vec()
    }
}

impl Estimate {
    /// Is the price known well enough? What comes then is not counted.
    fn is_done(&self) -> bool {
        self.curve.last().is_some_and(|point| point.range <= self.wanted)
    }
}
