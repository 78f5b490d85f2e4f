//! The parameters, and how they are moved.

use rustyray::prelude::*;

use crate::network;

/// How far a gradient, averaged over the digits, moves a weight, and how much of the last move is kept up.
const STEP: f32 = 0.25;
const MOMENTUM: f32 = 0.9;

/// Holds the weights of one layer.
#[rustyray::actor]
pub struct ParameterServer {
    weights: Vec<f32>,
    moves: Vec<f32>,
}

#[rustyray::actor_methods]
impl ParameterServer {
    pub fn new(layer: usize) -> Self {
        let weights = network::first_weights(layer);
        ParameterServer { moves: vec![0.0; weights.len()], weights }
    }

    pub fn weights(&self) -> Vec<f32> {
        self.weights.clone()
    }

    /// Moves the weights against the gradients, which were summed over so many digits, and gives them. It waits for the
    /// gradients itself: they go from the tasks to here, and nobody else sees them.
    pub async fn apply(&mut self, gradients: Vec<ObjectRef<Vec<f32>>>, digits: usize) -> Result<Vec<f32>> {
        self.moves.iter_mut().for_each(|step| *step *= MOMENTUM);
        for gradient in rustyray::get_all(&gradients).await? {
            let moves = self.moves.iter_mut().zip(gradient);
            moves.for_each(|(step, slope)| *step -= STEP * slope / digits as f32);
        }
        self.weights.iter_mut().zip(&self.moves).for_each(|(weight, step)| *weight += step);
        Ok(self.weights.clone())
    }
}
