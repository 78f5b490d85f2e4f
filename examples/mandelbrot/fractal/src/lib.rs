//! The colour of a point of the plane.

use std::f64::consts::{LN_2, TAU};

/// Steps after which a point counts as one that never leaves.
const STEPS_MAX: u32 = 1000;

/// Far out the number of steps is smooth in the point; 2 would be enough to know that it leaves.
const FAR: f64 = 256.0;

/// Samples of a pixel along each side, so that edges are soft.
const SAMPLES: u32 = 2;

/// The mean colour, red, green and blue, of the square whose corner is `(x, y)` and whose side is `size`.
pub fn pixel(x: f64, y: f64, size: f64) -> [u8; 3] {
    let offset = |n: u32| (f64::from(n) + 0.5) / f64::from(SAMPLES) * size;
    let samples = (0..SAMPLES).flat_map(|down| (0..SAMPLES).map(move |right| (right, down)));
    let mut sum = [0.0; 3];
    for (right, down) in samples {
        let colour = escape(x + offset(right), y - offset(down)).map_or([0.0; 3], colour);
        sum.iter_mut().zip(colour).for_each(|(sum, part)| *sum += part);
    }
    sum.map(|part| (part / f64::from(SAMPLES * SAMPLES) * 255.0).round() as u8)
}

/// How many steps of `z := z² + c` it takes from 0 to leave, with a fraction; `None` for a point of the set.
fn escape(x: f64, y: f64) -> Option<f64> {
    let (mut re, mut im) = (0.0, 0.0);
    for step in 0..STEPS_MAX {
        let (re2, im2) = (re * re, im * im);
        if re2 + im2 > FAR * FAR {
            let overshoot = ((re2 + im2).ln() / 2.0 / FAR.ln()).ln() / LN_2;
            return Some(f64::from(step) - overshoot);
        }
        (re, im) = (re2 - im2 + x, 2.0 * re * im + y);
    }
    None
}

/// Waves of red, green and blue that come and go at their own places, slower the longer a point stays.
fn colour(steps: f64) -> [f64; 3] {
    let turn = (steps.max(0.0) + 1.0).ln() * 0.23;
    [0.10, 0.19, 0.34].map(|shift: f64| 0.5 + 0.5 * (TAU * (turn + shift)).cos())
}
