//! Random numbers of the normal distribution, the same for the same seed.

use std::f64::consts::TAU;

/// SplitMix64, and Box and Muller's two normals of two even numbers.
pub struct Normals {
    state: u64,
    second: Option<f64>,
}

impl Normals {
    /// Seeds that are near each other give numbers that have nothing to do with each other.
    pub fn new(seed: u64) -> Self {
        Normals { state: scrambled(seed), second: None }
    }

    pub fn draw(&mut self) -> f64 {
        if let Some(second) = self.second.take() {
            return second;
        }
        let radius = (-2.0 * self.even().ln()).sqrt();
        let (sine, cosine) = (TAU * self.even()).sin_cos();
        self.second = Some(radius * sine);
        radius * cosine
    }

    /// Evenly above 0 and up to 1.
    fn even(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        ((scrambled(self.state) >> 11) + 1) as f64 / (1u64 << 53) as f64
    }
}

fn scrambled(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_normal() {
        let mut normals = Normals::new(7);
        let drawn: Vec<f64> = (0..100_000).map(|_| normals.draw()).collect();
        let mean = |power: i32| drawn.iter().map(|x| x.powi(power)).sum::<f64>() / drawn.len() as f64;
        let moments = [1, 2, 3, 4].map(mean);
        let near = moments.iter().zip([0.0, 1.0, 0.0, 3.0]).all(|(found, right)| (found - right).abs() < 0.06);
        assert!(near, "{moments:?}");
    }
}
