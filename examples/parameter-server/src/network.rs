//! A network of two layers: pixels, neurons that are bent by `tanh`, and a probability for each digit.

use crate::digits::{Digits, PIXELS, inputs};

const NEURONS: usize = 32;
const CLASSES: usize = 10;

/// Weights of the two layers: a row for each of its neurons, of a weight for each input and one that is always added.
pub const LAYERS: [usize; 2] = [NEURONS * (PIXELS + 1), CLASSES * (NEURONS + 1)];

/// Which way each weight makes the loss grow, summed over some digits, and that loss.
pub struct Gradient {
    pub layers: [Vec<f32>; 2],
    pub loss: f64,
}

/// What a network makes of digits that it may not have seen.
pub struct Reading {
    /// The digit that it takes each for.
    pub labels: Vec<u8>,
    pub loss: f64,
}

/// Small weights from which to start, evenly spread; the more inputs, the smaller.
pub fn first_weights(layer: usize) -> Vec<f32> {
    let reach = 1.0 / [PIXELS as f32, NEURONS as f32][layer].sqrt();
    let mut state = layer as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..LAYERS[layer]).map(|_| next() * reach).collect()
}

/// The gradient of the loss over these digits.
pub fn gradient(hidden: &[f32], output: &[f32], digits: &Digits) -> Gradient {
    let mut layers = LAYERS.map(|weights| vec![0.0; weights]);
    let mut loss = 0.0;
    for (pixels, label) in digits.labelled() {
        let image = inputs(pixels);
        let neurons = bent(hidden, &image);
        let mut faults = probabilities(output, &neurons);
        loss -= f64::from(faults[usize::from(label)]).ln();
        faults[usize::from(label)] -= 1.0;
        let hidden_faults = passed_back(output, &faults, &neurons);
        add_products(&mut layers[1], &faults, &neurons);
        add_products(&mut layers[0], &hidden_faults, &image);
    }
    Gradient { layers, loss }
}

/// Reads digits.
pub fn read(hidden: &[f32], output: &[f32], digits: &Digits) -> Reading {
    let mut reading = Reading { labels: Vec::new(), loss: 0.0 };
    for (pixels, label) in digits.labelled() {
        let likely = probabilities(output, &bent(hidden, &inputs(pixels)));
        reading.loss -= f64::from(likely[usize::from(label)]).ln();
        let best = (0..CLASSES).max_by(|a, b| likely[*a].total_cmp(&likely[*b])).unwrap_or_default();
        reading.labels.push(best as u8);
    }
    reading
}

fn layer(weights: &[f32], inputs: &[f32]) -> impl Iterator<Item = f32> {
    weights.chunks_exact(inputs.len() + 1).map(move |row| {
        let (weights, bias) = row.split_at(inputs.len());
        bias[0] + weights.iter().zip(inputs).map(|(weight, input)| weight * input).sum::<f32>()
    })
}

fn bent(weights: &[f32], inputs: &[f32]) -> Vec<f32> {
    layer(weights, inputs).map(f32::tanh).collect()
}

fn probabilities(weights: &[f32], inputs: &[f32]) -> Vec<f32> {
    let scores: Vec<f32> = layer(weights, inputs).collect();
    let most = scores.iter().copied().fold(f32::MIN, f32::max);
    let shares: Vec<f32> = scores.iter().map(|score| (score - most).exp()).collect();
    let sum: f32 = shares.iter().sum();
    shares.iter().map(|share| share / sum).collect()
}

/// The part that each neuron has in the faults of the layer above.
fn passed_back(weights: &[f32], faults: &[f32], neurons: &[f32]) -> Vec<f32> {
    let rows = || weights.chunks_exact(neurons.len() + 1).zip(faults);
    let part = |(number, neuron): (usize, &f32)| {
        rows().map(|(row, fault)| row[number] * fault).sum::<f32>() * (1.0 - neuron * neuron)
    };
    neurons.iter().enumerate().map(part).collect()
}

fn add_products(gradient: &mut [f32], faults: &[f32], inputs: &[f32]) {
    for (row, fault) in gradient.chunks_exact_mut(inputs.len() + 1).zip(faults) {
        let (weights, bias) = row.split_at_mut(inputs.len());
        weights.iter_mut().zip(inputs).for_each(|(weight, input)| *weight += fault * input);
        bias[0] += fault;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step along a weight changes the loss by as much as the gradient says.
    #[test]
    fn the_gradient_is_the_slope() {
        let line =
            |n: usize| (0..PIXELS).map(|p| format!("{},", p * n % 17)).collect::<String>() + &format!("{}\n", n % 10);
        let digits = Digits::of_csv(&(1..=6).map(line).collect::<String>()).unwrap();
        let weights = [0, 1].map(first_weights);
        let right = gradient(&weights[0], &weights[1], &digits);
        for (layer, weight) in [(0, 3), (0, PIXELS), (0, LAYERS[0] - 2), (1, 0), (1, NEURONS), (1, LAYERS[1] - 2)] {
            let loss_beside = |step: f32| {
                let mut moved = weights.clone();
                moved[layer][weight] += step;
                read(&moved[0], &moved[1], &digits).loss
            };
            let slope = (loss_beside(0.01) - loss_beside(-0.01)) / 0.02;
            let found = f64::from(right.layers[layer][weight]);
            assert!((slope - found).abs() < 0.01 * slope.abs().max(0.1), "{layer} {weight}: {found}, not {slope}");
        }
        assert!((right.loss - read(&weights[0], &weights[1], &digits).loss).abs() < 1e-6);
    }
}
