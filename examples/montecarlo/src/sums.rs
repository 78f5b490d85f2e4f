//! What is kept of any number of samples.

use std::iter::Sum;
use std::ops::AddAssign;

use rustyray::prelude::*;

/// Enough for the mean and its standard error.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
pub struct Sums {
    pub count: u64,
    sum: f64,
    squares: f64,
}

impl Sums {
    pub fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }

    /// The standard deviation of the mean.
    pub fn error(&self) -> f64 {
        let count = self.count as f64;
        let variance = (self.squares / count - self.mean().powi(2)).max(0.0);
        (variance / count).sqrt()
    }
}

impl FromIterator<f64> for Sums {
    fn from_iter<I: IntoIterator<Item = f64>>(samples: I) -> Self {
        samples.into_iter().map(|sample| Sums { count: 1, sum: sample, squares: sample * sample }).sum()
    }
}

impl Sum for Sums {
    fn sum<I: Iterator<Item = Sums>>(all: I) -> Self {
        all.fold(Sums::default(), |mut total, sums| {
            total += sums;
            total
        })
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Sums) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }
}
