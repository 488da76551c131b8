//! The knob table: every hyper-parameter that a user can set or turn, with its range and its natural increments.
//! Presets, the knob panel, live commands and error texts all read this one table.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A numeric hyper-parameter. Which knobs a run has is decided by its method
/// ([`Hyperparameters::get`](super::Hyperparameters::get)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knob {
    /// Learning rate eta.
    Lr,
    /// Momentum factor mu of the base update.
    Momentum,
    /// Weight decay, added to the direction at the clean weights.
    WeightDecay,
    /// Standard deviation of the weight noise, per coordinate.
    Sigma,
    /// Perturbations (WP-SGD) or pairs of them (NSO) per step.
    K,
    /// Radius of SAM's ascent step.
    Rho,
    /// Share of the clean gradient in NSO's direction (lambda in the paper's remark on mixing).
    Mix,
}

/// How `+` and `-` walk along a knob.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ladder {
    /// 1, 1.5, 2, 3, 5, 7, 10, ... times a power of ten; below `floor` comes zero where the range admits it.
    Preferred { floor: f64 },
    /// The values a momentum is usually given.
    Listed(&'static [f64]),
    /// Equal increments.
    Even(f64),
}

struct Entry {
    key: &'static str,
    symbol: &'static str,
    meaning: &'static str,
    low: f64,
    low_open: bool,
    high: f64,
    high_open: bool,
    whole: bool,
    ladder: Ladder,
}

const MOMENTA: &[f64] = &[0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999];
const PREFERRED: [f64; 6] = [1.0, 1.5, 2.0, 3.0, 5.0, 7.0];

/// A value that a knob does not take.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{knob} = {value} is out of range: {meaning}, {range}", knob = .knob.key(), meaning = .knob.meaning(), range = .knob.range())]
pub struct OutOfRange {
    /// The knob that was asked to move.
    pub knob: Knob,
    /// The value that was refused.
    pub value: f64,
}

impl Knob {
    /// Every knob, in the order in which panels list them.
    pub const ALL: [Self; 7] =
        [Self::Sigma, Self::K, Self::Rho, Self::Mix, Self::Lr, Self::Momentum, Self::WeightDecay];

    fn entry(self) -> Entry {
        let positive = Entry {
            key: "lr",
            symbol: "lr",
            meaning: "the learning rate",
            low: 0.0,
            low_open: true,
            high: 1e6,
            high_open: false,
            whole: false,
            ladder: Ladder::Preferred { floor: 1e-8 },
        };
        match self {
            Self::Lr => positive,
            Self::Momentum => Entry {
                key: "momentum",
                symbol: "momentum",
                meaning: "the momentum factor",
                low_open: false,
                high: 1.0,
                high_open: true,
                ladder: Ladder::Listed(MOMENTA),
                ..positive
            },
            Self::WeightDecay => Entry {
                key: "weight_decay",
                symbol: "decay",
                meaning: "the weight decay",
                low_open: false,
                ladder: Ladder::Preferred { floor: 1e-6 },
                ..positive
            },
            Self::Sigma => Entry {
                key: "sigma",
                symbol: "σ",
                meaning: "the standard deviation of the weight noise",
                low_open: false,
                high: 1e3,
                ladder: Ladder::Preferred { floor: 1e-4 },
                ..positive
            },
            Self::K => Entry {
                key: "k",
                symbol: "k",
                meaning: "the number of perturbations a step",
                low: 1.0,
                low_open: false,
                high: 64.0,
                whole: true,
                ladder: Ladder::Even(1.0),
                ..positive
            },
            Self::Rho => Entry {
                key: "rho",
                symbol: "ρ",
                meaning: "the ascent radius",
                low_open: false,
                high: 1e3,
                ladder: Ladder::Preferred { floor: 1e-4 },
                ..positive
            },
            Self::Mix => Entry {
                key: "mix",
                symbol: "mix",
                meaning: "the share of the clean gradient",
                low_open: false,
                high: 1.0,
                ladder: Ladder::Even(0.1),
                ..positive
            },
        }
    }

    /// The name in presets, events and commands.
    pub fn key(self) -> &'static str {
        self.entry().key
    }

    /// The short label on screens and figures.
    pub fn symbol(self) -> &'static str {
        self.entry().symbol
    }

    /// What it is, as a noun phrase.
    pub fn meaning(self) -> &'static str {
        self.entry().meaning
    }

    /// The knob of that key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|knob| knob.key() == key)
    }

    /// The allowed range, in words.
    pub fn range(self) -> String {
        let Entry { low, low_open, high, high_open, whole, .. } = self.entry();
        let kind = if whole { "a whole number " } else { "" };
        let from = if low_open { "above" } else { "at least" };
        let to = if high_open { "below" } else { "at most" };
        format!("{kind}{from} {low} and {to} {high}")
    }

    /// `value`, if the knob takes it.
    ///
    /// # Errors
    /// [`OutOfRange`] if it is not finite, outside of the range, or not whole where it must be.
    pub fn check(self, value: f64) -> Result<f64, OutOfRange> {
        let Entry { low, low_open, high, high_open, whole, .. } = self.entry();
        let above = if low_open { value > low } else { value >= low };
        let below = if high_open { value < high } else { value <= high };
        let fits = value.is_finite() && above && below && (!whole || value.fract() == 0.0);
        fits.then_some(value).ok_or(OutOfRange { knob: self, value })
    }

    /// The next value above `value` on the knob's ladder, or `value` itself at the end of the range.
    pub fn raised(self, value: f64) -> f64 {
        let up = match self.entry().ladder {
            Ladder::Even(by) => tidy((value / by).round() * by + by),
            Ladder::Listed(list) => list.iter().copied().find(|&next| next > value * (1.0 + 1e-9)).unwrap_or(value),
            Ladder::Preferred { floor } => {
                preferred(value, floor).find(|&next| next > value * (1.0 + 1e-9)).unwrap_or(value)
            }
        };
        self.check(up).unwrap_or(value)
    }

    /// The next value below `value` on the knob's ladder, or `value` itself at the end of the range.
    pub fn lowered(self, value: f64) -> f64 {
        let down = match self.entry().ladder {
            Ladder::Even(by) => tidy((value / by).round() * by - by),
            Ladder::Listed(list) => list.iter().copied().rfind(|&next| next < value * (1.0 - 1e-9)).unwrap_or(value),
            Ladder::Preferred { floor } => {
                preferred(value, floor).take_while(|&next| next < value * (1.0 - 1e-9)).last().unwrap_or(0.0)
            }
        };
        self.check(down).unwrap_or(value)
    }
}

/// The preferred numbers from `floor` to a little beyond `value`, rising.
fn preferred(value: f64, floor: f64) -> impl Iterator<Item = f64> {
    #[expect(clippy::cast_possible_truncation, reason = "exponents of numbers within a knob's range")]
    let [lowest, highest] = [floor, value.max(floor)].map(|x| x.log10().floor() as i32);
    (lowest..=highest + 1)
        .flat_map(move |exponent| PREFERRED.into_iter().map(move |digit| tidy(digit * 10f64.powi(exponent))))
}

/// Drops the last bits, so that 0.1 + 0.2 reads 0.3.
fn tidy(value: f64) -> f64 {
    format!("{value:.10e}").parse().unwrap_or(value)
}

impl fmt::Display for Knob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plus_and_minus_walk_tidy_numbers() {
        assert_eq!(Knob::Sigma.raised(0.02), 0.03);
        assert_eq!(Knob::Sigma.lowered(0.02), 0.015);
        assert_eq!(Knob::Sigma.raised(0.0), 1e-4);
        assert_eq!(Knob::Sigma.lowered(1e-4), 0.0);
        assert_eq!(Knob::Lr.raised(0.07), 0.1);
        assert_eq!(Knob::Lr.raised(0.025), 0.03);
        assert_eq!(Knob::Momentum.raised(0.9), 0.95);
        assert_eq!(Knob::Momentum.lowered(0.0), 0.0);
        assert_eq!(Knob::K.raised(1.0), 2.0);
        assert_eq!(Knob::K.lowered(1.0), 1.0);
        assert_eq!(Knob::Mix.raised(0.2), 0.3);
        assert_eq!(Knob::Mix.raised(1.0), 1.0);
    }

    #[test]
    fn ranges_refuse_what_makes_no_sense() {
        assert!(Knob::Lr.check(0.0).is_err());
        assert!(Knob::Momentum.check(1.0).is_err());
        assert!(Knob::K.check(1.5).is_err());
        assert!(Knob::K.check(0.0).is_err());
        assert!(Knob::Rho.check(f64::NAN).is_err());
        assert_eq!(Knob::Sigma.check(0.0), Ok(0.0));
        assert_eq!(
            Knob::K.check(0.0).map_err(|e| e.to_string()),
            Err("k = 0 is out of range: the number of perturbations a step, a whole number at least 1 and at most 64"
                .into())
        );
    }

    #[test]
    fn keys_name_one_knob_each() {
        for knob in Knob::ALL {
            assert_eq!(Knob::from_key(knob.key()), Some(knob));
            assert_eq!(serde_json::to_value(knob).ok(), Some(knob.key().into()));
        }
    }
}
