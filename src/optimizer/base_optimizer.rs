//! The base update along a direction: SGD, Adam, AMSGrad, AdamW, in PyTorch's semantics.

use super::step::OptimizerState;
use crate::autodiff::Vector;

/// What is done with a direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BaseOptimizer {
    /// Which update.
    pub rule: UpdateRule,
    /// Weight decay wd at the clean weights: added to the direction after averaging, but for AdamW, which shrinks w by eta wd.
    pub weight_decay: f64,
}

/// A base update with its own knobs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum UpdateRule {
    /// `torch.optim.SGD` with dampening 0: buf <- g at the first step, else mu buf + g; w <- w - eta buf.
    Sgd {
        /// Momentum factor mu.
        momentum: f64,
    },
    /// Adam (Kingma & Ba 2015) as `torch.optim.Adam`, weight decay coupled:
    /// m <- b1 m + (1 - b1) g; v <- b2 v + (1 - b2) g^2; w <- w - eta m^ / (sqrt v^ + eps), m^ = m / (1 - b1^t), v^ = v / (1 - b2^t).
    Adam(AdamConfig),
    /// AMSGrad (Reddi 2018): Adam with the largest v so far in place of v.
    AmsGrad(AdamConfig),
    /// AdamW (Loshchilov & Hutter 2019): Adam after w <- (1 - eta wd) w, with no decay in g.
    AdamW(AdamConfig),
}

/// The settings of Adam and its kin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// Decay b1 of the mean of g.
    pub beta1: f64,
    /// Decay b2 of the mean of g^2.
    pub beta2: f64,
    /// What keeps the denominator from zero.
    pub epsilon: f64,
}

impl AdamConfig {
    /// The values that everybody starts from.
    pub const USUAL: Self = Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
}

/// What Adam and its kin remember.
#[derive(Debug, Clone)]
pub struct AdamState {
    m: Vector,
    v: Vector,
    /// The largest v so far, for AMSGrad.
    top: Option<Vector>,
    steps: i32,
}

impl BaseOptimizer {
    /// Plain SGD: no momentum, no decay.
    pub const SGD: Self = Self { rule: UpdateRule::Sgd { momentum: 0.0 }, weight_decay: 0.0 };

    /// One step of size `lr` from `w` along the direction `g`. State of another update rule is dropped.
    pub fn step(&self, lr: f64, (w, g): (Vector, Vector), memory: OptimizerState) -> (Vector, OptimizerState) {
        let decayed = |g: Vector| {
            if self.weight_decay == 0.0 { g } else { g + w.clone() * self.weight_decay }
        };
        match self.rule {
            UpdateRule::Sgd { momentum } => {
                let g = decayed(g);
                if momentum == 0.0 {
                    // As in PyTorch: the buffer stays as it was, for momentum that is turned up again.
                    return (w - g * lr, memory);
                }
                let buffer = match memory {
                    OptimizerState::Momentum(buffer) => *buffer * momentum + g,
                    _ => g,
                };
                (w - buffer.clone() * lr, OptimizerState::Momentum(Box::new(buffer)))
            }
            UpdateRule::Adam(moments) => moments.step(lr, (w.clone(), decayed(g)), (memory, Largest::Forgotten)),
            UpdateRule::AmsGrad(moments) => moments.step(lr, (w.clone(), decayed(g)), (memory, Largest::Kept)),
            UpdateRule::AdamW(moments) => {
                let shrunk = if self.weight_decay == 0.0 { w } else { w * (1.0 - lr * self.weight_decay) };
                moments.step(lr, (shrunk, g), (memory, Largest::Forgotten))
            }
        }
    }
}

/// Whether the largest second moment is what counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Largest {
    Kept,
    Forgotten,
}

impl AdamConfig {
    fn step(
        self,
        lr: f64,
        (w, g): (Vector, Vector),
        (memory, largest): (OptimizerState, Largest),
    ) -> (Vector, OptimizerState) {
        let before = match memory {
            OptimizerState::AdamConfig(before) => *before,
            _ => AdamState { m: g.zeros_like(), v: g.zeros_like(), top: None, steps: 0 },
        };
        let Self { beta1, beta2, epsilon } = self;
        let m = before.m * beta1 + g.clone() * (1.0 - beta1);
        let v = before.v * beta2 + g.square() * (1.0 - beta2);
        let steps = before.steps.saturating_add(1);
        let top = (largest == Largest::Kept).then(|| match before.top {
            Some(top) => top.max_pair(v.clone()),
            None => v.clone(),
        });
        let spread = top.as_ref().unwrap_or(&v).clone().sqrt() / (1.0 - beta2.powi(steps)).sqrt() + epsilon;
        let w = w - m.clone() / spread * (lr / (1.0 - beta1.powi(steps)));
        (w, OptimizerState::AdamConfig(Box::new(AdamState { m, v, top, steps })))
    }
}
