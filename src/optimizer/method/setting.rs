//! What a method states of itself: its entry in the tables, and where it keeps each of its hyperparameters.

use std::num::NonZeroU32;

use crate::optimizer::{
    categorical::{Categorical, Words},
    context::SampleKind,
    hyperparameter::Hyperparameter,
    method::MethodInfo,
    noise::Noise,
};

/// A numeric hyperparameter of a method and where its value is kept.
pub struct NumberSlot<'a> {
    /// Its name, range and steps.
    pub hyperparameter: Hyperparameter,
    /// Where the method keeps it.
    pub value: Number<'a>,
}

/// A value that can be changed.
pub enum Number<'a> {
    Real(&'a mut f64),
    /// A count, at least 1.
    Count(&'a mut NonZeroU32),
}

/// A categorical hyperparameter of a method and where its value is kept.
pub struct WordSlot<'a> {
    /// Its name and meaning.
    pub categorical: Categorical,
    /// Where the method keeps the word.
    pub value: &'a mut dyn Words,
}

/// The settings of a method.
pub trait Settings {
    /// Its entry in the tables of methods.
    fn info(&self) -> MethodInfo;

    /// Gradient evaluations that one step costs.
    fn cost(&self) -> u64;

    /// Its numeric hyperparameters.
    fn numbers(&mut self) -> Vec<NumberSlot<'_>>;

    /// Its categorical hyperparameters, but for those of its noise.
    fn words(&mut self) -> Vec<WordSlot<'_>> {
        Vec::new()
    }

    /// Its weight noise, where it has some. The noise's scale, distribution and schedule are hyperparameters of the method.
    fn noise(&mut self) -> Option<&mut Noise> {
        None
    }

    /// What its steps sample of the curvature from gradients that they need anyway; `None` for methods that sample nothing.
    fn sampled_curvature(&self) -> Option<SampleKind> {
        None
    }

    /// The share of the uniform distribution in the labels that it trains on.
    fn label_smoothing(&self) -> f64 {
        0.0
    }
}

/// A real number of a method.
pub fn real(hyperparameter: Hyperparameter, value: &mut f64) -> NumberSlot<'_> {
    NumberSlot { hyperparameter, value: Number::Real(value) }
}

/// A count of a method.
pub fn count(hyperparameter: Hyperparameter, value: &mut NonZeroU32) -> NumberSlot<'_> {
    NumberSlot { hyperparameter, value: Number::Count(value) }
}

impl Number<'_> {
    /// The value as a number.
    pub fn get(&self) -> f64 {
        match self {
            Self::Real(value) => **value,
            Self::Count(count) => f64::from(count.get()),
        }
    }

    /// Sets the value; `None` where it is no count and must be one.
    pub fn set(&mut self, to: f64) -> Option<()> {
        match self {
            Self::Real(value) => **value = to,
            Self::Count(count) => **count = whole(to)?,
        }
        Some(())
    }
}

/// A positive whole number as a count.
pub fn whole(value: f64) -> Option<NonZeroU32> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole and in range")]
    let fits = (value.fract() == 0.0 && value >= 1.0 && value <= f64::from(u32::MAX)).then_some(value as u32);
    fits.and_then(NonZeroU32::new)
}
