//! What is priced: an Asian option, which pays by how far the mean of a year's monthly prices is above the strike.
//!
//! The mean of lognormal prices has no distribution with a formula, so that it takes a simulation.

use rustyray::prelude::*;

use crate::normals::Normals;
use crate::sums::Sums;

/// Months whose last prices are averaged.
const MONTHS: u32 = 12;

/// An option on a share.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
pub struct Contract {
    /// The share's price today.
    pub spot: f64,
    /// What the mean has to exceed.
    pub strike: f64,
    /// Interest for a year.
    pub rate: f64,
    /// Standard deviation of a year's return.
    pub volatility: f64,
}

impl Contract {
    /// What it pays on so many random paths, discounted to today. The same for the same seed.
    pub fn simulate(&self, seed: u64, paths: u64) -> Sums {
        let mut normals = Normals::new(seed);
        (0..paths).map(|_| self.payoff(&mut normals)).collect()
    }

    fn payoff(&self, normals: &mut Normals) -> f64 {
        let month = 1.0 / f64::from(MONTHS);
        let drift = (self.rate - self.volatility * self.volatility / 2.0) * month;
        let spread = self.volatility * month.sqrt();
        let (mut price, mut sum) = (self.spot, 0.0);
        for _ in 0..MONTHS {
            price *= (drift + spread * normals.draw()).exp();
            sum += price;
        }
        (sum / f64::from(MONTHS) - self.strike).max(0.0) * (-self.rate).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: Contract = Contract { spot: 100.0, strike: 0.0, rate: 0.05, volatility: 0.2 };

    #[test]
    fn without_a_strike_it_is_worth_the_mean_of_the_expected_prices() {
        let found = CONTRACT.simulate(1, 40_000);
        let expected: f64 = (1..=MONTHS).map(|month| (0.05 * f64::from(month) / 12.0).exp()).sum();
        let worth = 100.0 * expected / f64::from(MONTHS) * (-0.05f64).exp();
        assert!((found.mean() - worth).abs() < 4.0 * found.error(), "{} instead of {worth}", found.mean());
    }

    #[test]
    fn a_share_that_never_moves_pays_what_is_known() {
        let still = Contract { strike: 90.0, rate: 0.0, volatility: 0.0, ..CONTRACT };
        let found = still.simulate(1, 10);
        assert_eq!((found.mean(), found.error()), (10.0, 0.0));
    }
}
