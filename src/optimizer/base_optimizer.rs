//! Base optimizers: SGD, Adam, AMSGrad, AdamW along a direction, in PyTorch's semantics.

use strum::{EnumDiscriminants, EnumString, IntoStaticStr, VariantNames};

use crate::autodiff::Vector;

/// The optimizer that takes a step along a method's direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BaseOptimizer {
    /// Its update rule.
    pub rule: UpdateRule,
    /// Weight decay wd at the clean weights: added to the direction after averaging, but for AdamW, which shrinks w by eta wd.
    pub weight_decay: f64,
}

/// An update rule with its own hyperparameters.
#[derive(Debug, Clone, Copy, PartialEq, EnumDiscriminants, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
#[strum_discriminants(name(UpdateKind), derive(EnumString, VariantNames), strum(serialize_all = "lowercase"))]
#[strum_discriminants(doc = "The update rules by name.")]
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

/// The hyperparameters of Adam and its variants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// Decay b1 of the mean of g.
    pub beta1: f64,
    /// Decay b2 of the mean of g^2.
    pub beta2: f64,
    /// The term added to the denominator for numerical stability.
    pub epsilon: f64,
}

impl AdamConfig {
    /// The defaults of PyTorch and of the papers.
    pub const USUAL: Self = Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
}

/// What Adam and its variants keep between steps.
#[derive(Debug, Clone)]
pub struct AdamState {
    pub(super) m: Vector,
    pub(super) v: Vector,
    /// The largest v so far, for AMSGrad.
    pub(super) top: Option<Vector>,
    pub(super) steps: i32,
}

/// What a base optimizer keeps between steps.
#[derive(Debug, Clone)]
pub enum BaseState {
    /// Nothing yet.
    Empty,
    /// SGD's momentum buffer.
    Momentum(Box<Vector>),
    /// Adam's moments.
    Adam(Box<AdamState>),
}

impl BaseOptimizer {
    /// Plain SGD: no momentum, no decay.
    pub const SGD: Self = Self { rule: UpdateRule::Sgd { momentum: 0.0 }, weight_decay: 0.0 };

    /// SGD with momentum, without weight decay.
    #[must_use]
    pub const fn sgd(momentum: f64) -> Self {
        Self { rule: UpdateRule::Sgd { momentum }, ..Self::SGD }
    }

    /// One step of size `lr` from `w` along the direction `g`: the weights after it, and what the next step needs. State of
    /// another update rule is dropped.
    pub fn step(&self, w: Vector, g: Vector, lr: f64, state: BaseState) -> (Vector, BaseState) {
        let decayed = |g: Vector| {
            if self.weight_decay == 0.0 { g } else { g + w.clone() * self.weight_decay }
        };
        match self.rule {
            UpdateRule::Sgd { momentum } => {
                let g = decayed(g);
                if momentum == 0.0 {
                    // As in PyTorch: the buffer stays as it was, in case momentum is raised again.
                    return (w - g * lr, state);
                }
                let buffer = match state {
                    BaseState::Momentum(buffer) => *buffer * momentum + g,
                    BaseState::Empty | BaseState::Adam(_) => g,
                };
                (w - buffer.clone() * lr, BaseState::Momentum(Box::new(buffer)))
            }
            UpdateRule::Adam(adam) => {
                let g = decayed(g);
                adam.step(AdamInput { w, g, lr, state, denominator: SecondMoment::Latest })
            }
            UpdateRule::AmsGrad(adam) => {
                let g = decayed(g);
                adam.step(AdamInput { w, g, lr, state, denominator: SecondMoment::Largest })
            }
            UpdateRule::AdamW(adam) => {
                let w = if self.weight_decay == 0.0 { w } else { w * (1.0 - lr * self.weight_decay) };
                adam.step(AdamInput { w, g, lr, state, denominator: SecondMoment::Latest })
            }
        }
    }
}

/// Which second moment the step is divided by the root of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SecondMoment {
    /// v, as Adam and AdamW have it.
    Latest,
    /// The largest v so far, coordinate by coordinate, as AMSGrad has it.
    Largest,
}

/// Where a step of Adam or a variant begins.
struct AdamInput {
    /// The weights, decayed already where the decay is decoupled.
    w: Vector,
    /// The direction, with the decay where it is coupled.
    g: Vector,
    /// The learning rate eta.
    lr: f64,
    /// What earlier steps left.
    state: BaseState,
    /// Which second moment is in the denominator.
    denominator: SecondMoment,
}

impl AdamConfig {
    /// m and v as [`UpdateRule::Adam`] states them, then w - eta m^ / (sqrt v^ + eps).
    fn step(self, from: AdamInput) -> (Vector, BaseState) {
        let AdamInput { w, g, lr, state, denominator } = from;
        let before = match state {
            BaseState::Adam(before) => *before,
            BaseState::Empty | BaseState::Momentum(_) => {
                AdamState { m: g.zeros_like(), v: g.zeros_like(), top: None, steps: 0 }
            }
        };
        let Self { beta1, beta2, epsilon } = self;
        let m = before.m * beta1 + g.clone() * (1.0 - beta1);
        let v = before.v * beta2 + g.square() * (1.0 - beta2);
        let steps = before.steps.saturating_add(1);
        let top = match denominator {
            SecondMoment::Latest => None,
            SecondMoment::Largest => Some(before.top.map_or_else(|| v.clone(), |top| top.max_pair(v.clone()))),
        };
        let spread = top.as_ref().unwrap_or(&v).clone().sqrt() / (1.0 - beta2.powi(steps)).sqrt() + epsilon;
        let w = w - m.clone() / spread * (lr / (1.0 - beta1.powi(steps)));
        (w, BaseState::Adam(Box::new(AdamState { m, v, top, steps })))
    }
}
