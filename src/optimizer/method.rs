//! The methods: which direction a step follows. A method is data that presets, the log and the knob panel share;
//! asked for a direction it is a pure function of the objective, the weights and the noise stream.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{Knob, NoiseLaw, NoiseStream, OutOfRange, Sgd};
use crate::autodiff::{Objective, Pair, Scalar, Vector};

/// SAM's guard against a zero gradient norm, as its authors have it.
const NORM_FLOOR: f64 = 1e-12;

/// An optimization method with its own knobs. Costs are gradient evaluations a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case")]
pub enum Method {
    /// Stochastic gradient descent: g = grad f(w). Cost 1.
    Sgd,
    /// Weight-perturbed SGD, also called randomized smoothing: g = 1/k sum_j grad f(w + U_j). Cost k.
    WpSgd {
        /// Standard deviation of the noise, per coordinate.
        sigma: f64,
        /// Perturbations a step.
        k: NonZeroU32,
        /// Law of the noise.
        law: NoiseLaw,
    },
    /// Noise stability optimization (arXiv 2306.08553, Algorithm 1):
    /// g = mix grad f(w) + (1 - mix) 1/(2k) sum_j [grad f(w + U_j) + grad f(w - U_j)]. Cost 2k, or 2k + 1 when mixed.
    Nso {
        /// Standard deviation of the noise, per coordinate.
        sigma: f64,
        /// Pairs of perturbations a step.
        k: NonZeroU32,
        /// Law of the noise.
        law: NoiseLaw,
        /// Share of the clean gradient, 0 to 1.
        mix: f64,
    },
    /// Sharpness-aware minimization (Foret 2021): g = grad f(w + e), e = rho g1 / (|g1|_2 + 1e-12), g1 = grad f(w),
    /// one norm over all parameters. Cost 2.
    Sam {
        /// Radius of the ascent step.
        rho: f64,
    },
}

/// Where a step goes, and what its evaluations tell besides.
#[derive(Debug, Clone)]
pub struct Direction {
    /// The descent direction g.
    pub vector: Vector,
    /// The minibatch loss as the method saw it: f(w) for SGD and SAM, the mean over the perturbed points for the others.
    pub loss: Scalar,
    /// NSO with noise: for each pair a sample of the smoothed Hessian's trace, U'(g+ - g-) / (2 sigma^2).
    pub smoothed_traces: Vec<Scalar>,
}

/// Everything that decides a step: the method and the base update.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hyperparameters {
    /// Which direction.
    #[serde(flatten)]
    pub method: Method,
    /// What is done with it.
    #[serde(flatten)]
    pub update: Sgd,
}

/// The mean of values that arrive one by one. Equal values give that value to the last bit, which keeps
/// sigma = 0 on SGD's path for every k.
struct RunningMean {
    mean: Option<Vector>,
    count: f64,
}

impl RunningMean {
    fn new() -> Self {
        Self { mean: None, count: 0.0 }
    }

    fn add(&mut self, value: Vector) {
        self.count += 1.0;
        self.mean = Some(match self.mean.take() {
            None => value,
            Some(mean) => mean.clone() + (value - mean) / self.count,
        });
    }

    fn value(self, like: &Vector) -> Vector {
        self.mean.unwrap_or_else(|| like.zeros_like())
    }
}

impl Method {
    /// The direction of one step at `w`. All its gradients are of the same objective, so of the same minibatch.
    pub fn direction(&self, f: &dyn Objective, w: &Vector, noise: &mut NoiseStream) -> Direction {
        match *self {
            Self::Sgd => {
                let clean = f.gradient(w);
                Direction { vector: clean.gradient, loss: clean.loss, smoothed_traces: Vec::new() }
            }
            Self::WpSgd { sigma, k, law } => {
                let (mut direction, mut loss) = (RunningMean::new(), RunningMean::new());
                for _ in 0..k.get() {
                    let there = f.gradient(&(w.clone() + noise.draw(w, sigma, law)));
                    direction.add(there.gradient);
                    loss.add(there.loss);
                }
                Direction { vector: direction.value(w), loss: loss.value(w), smoothed_traces: Vec::new() }
            }
            Self::Nso { sigma, k, law, mix } => {
                let (mut direction, mut loss) = (RunningMean::new(), RunningMean::new());
                let mut smoothed_traces = Vec::new();
                for _ in 0..k.get() {
                    let pair = Pair::evaluate(f, w, noise.draw(w, sigma, law));
                    direction.add(pair.mean());
                    loss.add(pair.loss());
                    if sigma > 0.0 {
                        smoothed_traces.push(pair.smoothed_curvature() / (sigma * sigma));
                    }
                }
                let mean = direction.value(w);
                let vector = if mix == 0.0 { mean } else { f.gradient(w).gradient * mix + mean * (1.0 - mix) };
                Direction { vector, loss: loss.value(w), smoothed_traces }
            }
            Self::Sam { rho } => {
                let clean = f.gradient(w);
                let norm = clean.gradient.clone().square().sum().sqrt() + NORM_FLOOR;
                let ascent = clean.gradient * (norm.recip() * rho);
                let vector = f.gradient(&(w.clone() + ascent)).gradient;
                Direction { vector, loss: clean.loss, smoothed_traces: Vec::new() }
            }
        }
    }

    /// Gradient evaluations that one step costs.
    pub fn cost(&self) -> u64 {
        match *self {
            Self::Sgd => 1,
            Self::WpSgd { k, .. } => u64::from(k.get()),
            Self::Nso { k, mix, .. } => 2 * u64::from(k.get()) + u64::from(mix != 0.0),
            Self::Sam { .. } => 2,
        }
    }

    /// The name in presets and events.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::WpSgd { .. } => "wp-sgd",
            Self::Nso { .. } => "nso",
            Self::Sam { .. } => "sam",
        }
    }

    /// The noise law, for the methods that have one.
    pub fn law(&self) -> Option<NoiseLaw> {
        match *self {
            Self::WpSgd { law, .. } | Self::Nso { law, .. } => Some(law),
            Self::Sgd | Self::Sam { .. } => None,
        }
    }
}

impl Hyperparameters {
    /// The knobs of this run, in panel order.
    pub fn knobs(&self) -> impl Iterator<Item = Knob> + '_ {
        Knob::ALL.into_iter().filter(|&knob| self.get(knob).is_some())
    }

    /// The value of a knob; `None` where the method has no such knob.
    pub fn get(&self, knob: Knob) -> Option<f64> {
        match (knob, self.method) {
            (Knob::Lr, _) => Some(self.update.lr),
            (Knob::Momentum, _) => Some(self.update.momentum),
            (Knob::WeightDecay, _) => Some(self.update.weight_decay),
            (Knob::Sigma, Method::WpSgd { sigma, .. } | Method::Nso { sigma, .. }) => Some(sigma),
            (Knob::K, Method::WpSgd { k, .. } | Method::Nso { k, .. }) => Some(f64::from(k.get())),
            (Knob::Mix, Method::Nso { mix, .. }) => Some(mix),
            (Knob::Rho, Method::Sam { rho }) => Some(rho),
            (Knob::Sigma | Knob::K | Knob::Mix | Knob::Rho, _) => None,
        }
    }

    /// These hyper-parameters with one knob at another value.
    ///
    /// # Errors
    /// [`Refused`] if the method has no such knob or the knob does not take the value.
    pub fn with(mut self, knob: Knob, value: f64) -> Result<Self, Refused> {
        let value = knob.check(value)?;
        let slot = match (knob, &mut self.method) {
            (Knob::Lr, _) => &mut self.update.lr,
            (Knob::Momentum, _) => &mut self.update.momentum,
            (Knob::WeightDecay, _) => &mut self.update.weight_decay,
            (Knob::Sigma, Method::WpSgd { sigma, .. } | Method::Nso { sigma, .. }) => sigma,
            (Knob::Mix, Method::Nso { mix, .. }) => mix,
            (Knob::Rho, Method::Sam { rho }) => rho,
            (Knob::K, Method::WpSgd { k, .. } | Method::Nso { k, .. }) => {
                *k = whole(value).ok_or(OutOfRange { knob, value })?;
                return Ok(self);
            }
            (Knob::Sigma | Knob::K | Knob::Mix | Knob::Rho, method) => {
                return Err(Refused::NoSuchKnob { method: method.key(), knob });
            }
        };
        *slot = value;
        Ok(self)
    }
}

/// A positive whole number as a count.
fn whole(value: f64) -> Option<NonZeroU32> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole and in range")]
    let fits = (value.fract() == 0.0 && value >= 1.0 && value <= f64::from(u32::MAX)).then_some(value as u32);
    fits.and_then(NonZeroU32::new)
}

/// Why a knob was not turned.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refused {
    /// The value is outside of the knob's range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// The method does not have the knob.
    #[error("{method} has no {knob}")]
    NoSuchKnob {
        /// The method's key.
        method: &'static str,
        /// The knob that was asked for.
        knob: Knob,
    },
}
