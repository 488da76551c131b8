//! The base update along a direction: SGD with momentum and weight decay, in PyTorch's semantics.

use serde::{Deserialize, Serialize};

use crate::autodiff::Vector;

/// The settings of SGD: `torch.optim.SGD` with dampening 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sgd {
    /// Learning rate eta.
    pub lr: f64,
    /// Momentum factor mu.
    pub momentum: f64,
    /// Weight decay, at the clean weights, added to the direction after averaging.
    pub weight_decay: f64,
}

/// What SGD remembers between steps.
#[derive(Debug, Clone, Default)]
pub struct Momentum(Option<Vector>);

impl Sgd {
    /// One step from `w` along the direction `g`:
    ///
    /// g <- g + wd w; buf <- g at the first step, else mu buf + g; w <- w - eta buf.
    pub fn step(&self, w: Vector, g: Vector, memory: Momentum) -> (Vector, Momentum) {
        let g = if self.weight_decay == 0.0 { g } else { g + w.clone() * self.weight_decay };
        if self.momentum == 0.0 {
            // No buffer, as in PyTorch: momentum turned up later starts afresh.
            return (w - g * self.lr, Momentum(None));
        }
        let buffer = match memory.0 {
            Some(buffer) => buffer * self.momentum + g,
            None => g,
        };
        (w - buffer.clone() * self.lr, Momentum(Some(buffer)))
    }
}
