//! The table of numeric hyperparameters: each with its key, symbol, meaning, range and increments.
//! Presets, the hyperparameter panel, live commands and error texts all read this one table.

mod definition;
mod ladder;

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{EnumCount, VariantArray};

use self::{
    definition::{
        DECAY, Definition, End, FINE, FREE, FROM_MILLIONTHS, MOMENTA, ONES, POSITIVE, SHARE, TENTHS, UP_TO_MILLION,
        UP_TO_THOUSAND, define, name,
    },
    ladder::Ladder,
};
use super::Categorical;

pub use definition::{Listed, Owner};

/// A numeric hyperparameter. Which of them a run has is decided by its method, its base optimizer and its schedules
/// (`Hyperparameters::get`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, EnumCount, VariantArray)]
#[serde(rename_all = "snake_case")]
pub enum Hyperparameter {
    /// Standard deviation of the weight noise, per coordinate.
    Sigma,
    /// Perturbations (WP-SGD) or antithetic pairs of them (NSO) per step.
    K,
    /// Radius of the ascent step of SAM and its variants.
    Rho,
    /// Share of the gradient in RSAM's ascent direction (lambda in its paper).
    Lambda,
    /// Weight of the perturbed gradient (gradient-norm penalty: the coefficient of the penalty over the radius) or of the
    /// orthogonal component (GSAM); alpha in both papers.
    Alpha,
    /// Share of the clean gradient in NSO's direction (lambda in the paper's remark on mixing).
    Mix,
    /// Share of the uniform distribution in smoothed labels.
    Smoothing,
    /// Learning rate eta.
    Lr,
    /// Momentum factor mu of SGD.
    Momentum,
    /// Decay of the first moment (Adam and its variants, bSAM).
    Beta1,
    /// Decay of the second moment (Adam and its variants), of the precision (bSAM).
    Beta2,
    /// What Adam's denominator never falls below.
    Epsilon,
    /// Weight decay at the clean weights.
    WeightDecay,
    /// Precision of bSAM's Gaussian prior.
    Prior,
    /// Damping c of bSAM: added to the precision at each step, in addition to the gradient's term.
    Damping,
    /// bSAM's precision at the start.
    Precision,
    /// Epochs over which the learning rate rises from zero.
    Warmup,
    /// Epochs between two decays of the learning rate (`step_size` of PyTorch's StepLR).
    #[serde(rename = "drop_every", alias = "step_size")]
    StepSize,
    /// What a decay multiplies the learning rate by (`gamma` of StepLR).
    Gamma,
    /// Weight of the squared distance to the initial weights in the loss.
    Penalty,
    /// Distance to the initial weights that a projection allows each tensor or row.
    Radius,
}

/// A value that a hyperparameter does not take.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{hyperparameter} = {value} is out of range: {}, {}", .hyperparameter.meaning(), .hyperparameter.range())]
pub struct OutOfRange {
    /// The hyperparameter.
    pub hyperparameter: Hyperparameter,
    /// The value that was refused.
    pub value: f64,
}

impl Hyperparameter {
    /// Every one, in the order in which panels list them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::VARIANTS.iter().copied()
    }

    fn definition(self) -> Definition {
        use Owner::{LearningRate, Method, Penalty, Projection, StepSchedule, Update, Warmup};

        match self {
            Self::Sigma => {
                define(Method, name("sigma", "σ", "the standard deviation of the weight noise"), UP_TO_THOUSAND, FREE)
                    .always_listed()
                    .scheduled(Categorical::SigmaSchedule)
            }
            Self::K => define(
                Method,
                name("k", "k", "the number of perturbations a step"),
                (End::In(1.0), End::In(64.0)),
                ONES,
            )
            .whole()
            .always_listed(),
            Self::Rho => define(Method, name("rho", "ρ", "the ascent radius"), UP_TO_THOUSAND, FREE).always_listed(),
            Self::Lambda => define(
                Method,
                name("lambda", "λ", "the weight of the gradient in RSAM's ascent"),
                UP_TO_THOUSAND,
                TENTHS,
            ),
            Self::Alpha => define(
                Method,
                name("alpha", "α", "the weight of GNP's perturbed gradient or GSAM's orthogonal component"),
                UP_TO_THOUSAND,
                TENTHS,
            )
            .always_listed(),
            Self::Mix => define(Method, name("mix", "mix", "the share of the clean gradient"), SHARE, TENTHS),
            Self::Smoothing => define(
                Method,
                name("smoothing", "smoothing", "the share of the uniform distribution in the labels"),
                SHARE,
                TENTHS,
            )
            .always_listed(),
            Self::Lr => define(LearningRate, name("lr", "lr", "the learning rate"), POSITIVE, FINE)
                .always_listed()
                .scheduled(Categorical::LrSchedule),
            Self::Momentum => define(Update, name("momentum", "momentum", "the momentum factor"), DECAY, MOMENTA),
            Self::Beta1 => define(Update, name("beta1", "β1", "the decay of the first moment"), DECAY, MOMENTA),
            Self::Beta2 => define(Update, name("beta2", "β2", "the decay of the second moment"), DECAY, MOMENTA),
            Self::Epsilon => define(
                Update,
                name("epsilon", "ε", "the floor of Adam's denominator"),
                POSITIVE,
                Ladder::Preferred { floor: 1e-12 },
            ),
            Self::WeightDecay => {
                define(Update, name("weight_decay", "decay", "the weight decay"), UP_TO_MILLION, FROM_MILLIONTHS)
            }
            Self::Prior => define(Update, name("prior", "prior", "the precision of bSAM's prior"), UP_TO_MILLION, FREE),
            Self::Damping => {
                define(Update, name("damping", "damping", "the damping of bSAM's precision"), UP_TO_MILLION, FREE)
            }
            Self::Precision => {
                define(Update, name("precision", "s0", "bSAM's precision at the start of a run"), POSITIVE, FREE)
            }
            Self::Warmup => define(
                Warmup,
                name("warmup", "warm-up", "the epochs over which the learning rate rises from zero"),
                UP_TO_MILLION,
                ONES,
            ),
            Self::StepSize => define(
                StepSchedule,
                name("step_size", "step size", "the epochs between two decays of lr"),
                POSITIVE,
                ONES,
            ),
            Self::Gamma => define(
                StepSchedule,
                name("gamma", "γ", "the factor of a decay of lr"),
                (End::Out(0.0), End::In(1.0)),
                TENTHS,
            ),
            Self::Penalty => define(
                Penalty,
                name("penalty", "penalty", "the weight of the squared distance to the start"),
                UP_TO_MILLION,
                FROM_MILLIONTHS,
            ),
            Self::Radius => define(
                Projection,
                name(
                    "radius",
                    "radius",
                    "the distance to the start that a projection allows each tensor or output row",
                ),
                UP_TO_MILLION,
                FREE,
            )
            .always_listed(),
        }
    }

    /// The name in presets, events and commands.
    pub fn key(self) -> &'static str {
        self.definition().name.key
    }

    /// The name in event logs, whose keys never change. Presets take it as an alias.
    pub fn log_key(self) -> &'static str {
        if self == Self::StepSize { "drop_every" } else { self.key() }
    }

    /// The short label on screens and figures.
    pub fn symbol(self) -> &'static str {
        self.definition().name.symbol
    }

    /// What it is, as a noun phrase.
    pub fn meaning(self) -> &'static str {
        self.definition().name.meaning
    }

    /// What it is a setting of.
    pub fn owner(self) -> Owner {
        self.definition().owner
    }

    /// When a line of settings names it.
    pub fn listed(self) -> Listed {
        self.definition().listed
    }

    /// What chooses its schedule; `None` where it cannot have one.
    pub fn schedule(self) -> Option<Categorical> {
        self.definition().schedule
    }

    /// The one of that key, or of that key in logs.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::all().find(|hyperparameter| hyperparameter.key() == key || hyperparameter.log_key() == key)
    }

    /// The allowed range, in words.
    pub fn range(self) -> String {
        let Definition { low, high, whole, .. } = self.definition();
        let kind = if whole { "a whole number " } else { "" };
        let from = match low {
            End::In(low) => format!("at least {low}"),
            End::Out(low) => format!("above {low}"),
        };
        let to = match high {
            End::In(high) => format!("at most {high}"),
            End::Out(high) => format!("below {high}"),
        };
        format!("{kind}{from} and {to}")
    }

    /// `value`, if it is allowed.
    ///
    /// # Errors
    /// [`OutOfRange`] if it is not finite, outside of the range, or not whole where it must be.
    pub fn check(self, value: f64) -> Result<f64, OutOfRange> {
        let Definition { low, high, whole, .. } = self.definition();
        let above = match low {
            End::In(low) => value >= low,
            End::Out(low) => value > low,
        };
        let below = match high {
            End::In(high) => value <= high,
            End::Out(high) => value < high,
        };
        let fits = value.is_finite() && above && below && (!whole || value.fract() == 0.0);
        fits.then_some(value).ok_or(OutOfRange { hyperparameter: self, value })
    }

    /// Whether it has no effect at `value`: what it weighs or adds is absent.
    pub fn is_idle(self, value: f64) -> bool {
        matches!(self, Self::Mix | Self::WeightDecay | Self::Warmup | Self::Penalty) && value == 0.0
    }

    /// Whether it acts at the start of a run only, so that changing it later has no effect.
    pub fn is_initial(self) -> bool {
        self == Self::Precision
    }

    /// Whether it counts something.
    pub fn is_whole(self) -> bool {
        self.definition().whole
    }

    /// The next value above `value` on the ladder, or `value` itself at the end of the range.
    pub fn raised(self, value: f64) -> f64 {
        self.check(self.definition().ladder.above(value)).unwrap_or(value)
    }

    /// The next value below `value` on the ladder, or `value` itself at the end of the range.
    pub fn lowered(self, value: f64) -> f64 {
        self.check(self.definition().ladder.below(value)).unwrap_or(value)
    }
}

impl fmt::Display for Hyperparameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plus_and_minus_walk_tidy_numbers() {
        assert_eq!(Hyperparameter::Sigma.raised(0.02), 0.03);
        assert_eq!(Hyperparameter::Sigma.lowered(0.02), 0.015);
        assert_eq!(Hyperparameter::Sigma.raised(0.0), 1e-4);
        assert_eq!(Hyperparameter::Sigma.lowered(1e-4), 0.0);
        assert_eq!(Hyperparameter::Lr.raised(0.07), 0.1);
        assert_eq!(Hyperparameter::Lr.raised(0.025), 0.03);
        assert_eq!(Hyperparameter::Momentum.raised(0.9), 0.95);
        assert_eq!(Hyperparameter::Momentum.lowered(0.0), 0.0);
        assert_eq!(Hyperparameter::K.raised(1.0), 2.0);
        assert_eq!(Hyperparameter::K.lowered(1.0), 1.0);
        assert_eq!(Hyperparameter::Mix.raised(0.2), 0.3);
        assert_eq!(Hyperparameter::Mix.raised(1.0), 1.0);
    }

    #[test]
    fn ranges_refuse_what_makes_no_sense() {
        assert!(Hyperparameter::Lr.check(0.0).is_err());
        assert!(Hyperparameter::Momentum.check(1.0).is_err());
        assert!(Hyperparameter::K.check(1.5).is_err());
        assert!(Hyperparameter::K.check(0.0).is_err());
        assert!(Hyperparameter::Rho.check(f64::NAN).is_err());
        assert_eq!(Hyperparameter::Sigma.check(0.0), Ok(0.0));
        assert_eq!(
            Hyperparameter::K.check(0.0).map_err(|e| e.to_string()),
            Err("k = 0 is out of range: the number of perturbations a step, a whole number at least 1 and at most 64"
                .into())
        );
    }

    #[test]
    fn keys_name_one_hyperparameter_each() {
        for hyperparameter in Hyperparameter::all() {
            assert_eq!(Hyperparameter::from_key(hyperparameter.key()), Some(hyperparameter));
            assert_eq!(serde_json::to_value(hyperparameter).ok(), Some(hyperparameter.log_key().into()));
        }
    }
}
