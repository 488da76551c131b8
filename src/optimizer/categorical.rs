//! The categorical hyperparameters: those that are one of a few words rather than a number. Presets, the log and the
//! hyperparameter panel read this table, as they read [that of the numbers](super::Hyperparameter).

use std::{fmt, str::FromStr};

use strum::{EnumCount, VariantArray, VariantNames};

/// A hyperparameter that is one of a few words. Which of them a run has is decided by its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, EnumCount, VariantArray)]
pub enum Categorical {
    /// The base optimizer.
    BaseOptimizer,
    /// The distribution of the weight noise.
    Distribution,
    /// How the scale of the noise grows.
    SigmaSchedule,
    /// ASAM's scaling.
    Scaling,
    /// How the learning rate moves.
    LrSchedule,
    /// Where a projection puts the weights back to.
    Projection,
}

impl Categorical {
    /// Every one, in the order in which presets are read: what decides the numbers comes first.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::VARIANTS.iter().copied()
    }

    /// The name in presets.
    pub fn key(self) -> &'static str {
        match self {
            Self::BaseOptimizer => "base_optimizer",
            Self::Distribution => "distribution",
            Self::SigmaSchedule => "sigma_schedule",
            Self::Scaling => "scaling",
            Self::LrSchedule => "lr_schedule",
            Self::Projection => "projection",
        }
    }

    /// The name in event logs, whose keys never change. Presets take it as an alias.
    pub fn log_key(self) -> &'static str {
        match self {
            Self::BaseOptimizer => "update",
            Self::Distribution => "law",
            Self::SigmaSchedule | Self::Scaling | Self::LrSchedule | Self::Projection => self.key(),
        }
    }

    /// The one of that key, or of that key in logs.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::all().find(|categorical| categorical.key() == key || categorical.log_key() == key)
    }

    /// What it is, as a noun phrase.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::BaseOptimizer => "the optimizer that steps along the method's direction",
            Self::Distribution => "the distribution of the weight noise",
            Self::SigmaSchedule => "how σ changes over the epochs",
            Self::Scaling => "ASAM's scaling of the weights",
            Self::LrSchedule => "how the learning rate moves",
            Self::Projection => "where each step puts the weights back to, around the initial ones",
        }
    }
}

impl fmt::Display for Categorical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// The value of a categorical hyperparameter, by its words.
pub trait Words {
    /// All words that it may be.
    fn options(&self) -> &'static [&'static str];

    /// The word that it is.
    fn word(&self) -> &'static str;

    /// Makes it that word; `None` where it is not one of the options.
    fn set_word(&mut self, word: &str) -> Option<()>;
}

impl<T: FromStr + VariantNames + Into<&'static str> + Copy> Words for T {
    fn options(&self) -> &'static [&'static str] {
        T::VARIANTS
    }

    fn word(&self) -> &'static str {
        (*self).into()
    }

    fn set_word(&mut self, word: &str) -> Option<()> {
        *self = word.parse().ok()?;
        Some(())
    }
}
