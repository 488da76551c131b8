//! Everything that decides a step, as data: the rule, the learning rate and its schedule, the distance regularizer.
//! Its numbers are read and changed by name.

use super::{
    base_optimizer::{AdamConfig, BaseOptimizer, UpdateRule},
    distance_regularizer::{DistanceRegularizer, Projection},
    error::HyperparameterError,
    hyperparameter::{Hyperparameter, OutOfRange},
    method::{Bsam, METHODS, Method, Number, Settings, real},
    schedule::{LrSchedule, LrShape},
};

/// Everything that decides a step.
///
/// ```
/// use nso_tui::optimizer::{Hyperparameter, Hyperparameters};
///
/// let nso = Hyperparameters::new("nso").unwrap().with(Hyperparameter::K, 2.0)?;
/// assert_eq!(nso.rule.cost(), 4, "two antithetic pairs cost four gradient evaluations");
/// assert_eq!(nso.with(Hyperparameter::Rho, 0.1).unwrap_err().to_string(), "nso has no rho");
/// # Ok::<(), nso_tui::optimizer::HyperparameterError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hyperparameters {
    /// Where a step goes.
    pub rule: Rule,
    /// Learning rate eta.
    pub lr: f64,
    /// How it moves over the steps.
    pub schedule: LrSchedule,
    /// What keeps w near its start.
    pub regularizer: DistanceRegularizer,
}

/// How w moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// A base optimizer along a method's direction.
    Follow {
        /// Which direction.
        method: Method,
        /// What steps along it.
        base: BaseOptimizer,
    },
    /// bSAM, an update of its own.
    Bsam(Bsam),
}

impl Rule {
    /// The names of all methods in presets and events.
    pub const KEYS: [&str; METHODS.len()] = {
        let mut keys = [""; METHODS.len()];
        let mut index = 0;
        while index < keys.len() {
            keys[index] = METHODS[index].key;
            index += 1;
        }
        keys
    };

    /// The method of that key at its usual settings, over plain SGD unless it is an update of its own.
    pub fn from_key(key: &str) -> Option<Self> {
        let follow = |method| Self::Follow { method, base: BaseOptimizer::SGD };
        Method::from_key(key).map(follow).or_else(|| (key == Bsam::INFO.key).then_some(Self::Bsam(Bsam::USUAL)))
    }

    /// The name in presets and events.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Follow { method, .. } => method.info().key,
            Self::Bsam(_) => Bsam::INFO.key,
        }
    }

    /// Gradient evaluations that one step costs.
    pub fn cost(&self) -> u64 {
        match self {
            Self::Follow { method, .. } => method.cost(),
            Self::Bsam(bsam) => bsam.cost(),
        }
    }

    /// The share of the uniform distribution in the labels that it is to be trained on; 0 for all but label smoothing.
    pub fn label_smoothing(&self) -> f64 {
        match self {
            Self::Follow { method, .. } => method.label_smoothing(),
            Self::Bsam(bsam) => bsam.label_smoothing(),
        }
    }

    /// The settings of the method.
    pub(super) fn settings(&mut self) -> &mut dyn Settings {
        match self {
            Self::Follow { method, .. } => method,
            Self::Bsam(bsam) => bsam,
        }
    }
}

impl Hyperparameters {
    /// The method of that name with plain SGD and the values that its paper starts from; `None` for an unknown name.
    pub fn new(method: &str) -> Option<Self> {
        Rule::from_key(method).map(Self::of)
    }

    /// `rule` at a constant learning rate of 0.01, without a regularizer.
    pub const fn of(rule: Rule) -> Self {
        Self { rule, lr: 0.01, schedule: LrSchedule::CONSTANT, regularizer: DistanceRegularizer::NONE }
    }

    /// The numeric hyperparameters of this run, in panel order.
    pub fn numbers(&self) -> impl Iterator<Item = Hyperparameter> + '_ {
        Hyperparameter::all().filter(|&hyperparameter| self.get(hyperparameter).is_some())
    }

    /// The value of a hyperparameter; `None` where the run has none of that name.
    pub fn get(&self, hyperparameter: Hyperparameter) -> Option<f64> {
        let mut copy = *self;
        copy.slot(hyperparameter).map(|value| value.get())
    }

    /// These hyperparameters with one at another value.
    ///
    /// # Errors
    /// [`HyperparameterError`] if there is none of that name or it does not take the value.
    pub fn with(mut self, hyperparameter: Hyperparameter, value: f64) -> Result<Self, HyperparameterError> {
        let value = hyperparameter.check(value)?;
        let method = self.rule.key();
        let mut slot =
            self.slot(hyperparameter).ok_or(HyperparameterError::NoSuchHyperparameter { method, hyperparameter })?;
        slot.set(value).ok_or(OutOfRange { hyperparameter, value })?;
        Ok(self)
    }

    /// Where the value of a hyperparameter is kept.
    fn slot(&mut self, hyperparameter: Hyperparameter) -> Option<Number<'_>> {
        let Self { rule, lr, schedule, regularizer } = self;
        let mut slots = vec![
            real(Hyperparameter::Lr, lr),
            real(Hyperparameter::Warmup, &mut schedule.warmup),
            real(Hyperparameter::Penalty, &mut regularizer.penalty),
        ];
        match &mut schedule.shape {
            LrShape::Step { every, gamma } => {
                slots.extend([real(Hyperparameter::StepSize, every), real(Hyperparameter::Gamma, gamma)]);
            }
            LrShape::Constant | LrShape::Cosine | LrShape::Linear => {}
        }
        match &mut regularizer.projection {
            Projection::Frobenius { radius } | Projection::Rows { radius } => {
                slots.push(real(Hyperparameter::Radius, radius));
            }
            Projection::None => {}
        }
        match rule {
            Rule::Follow { method, base } => {
                slots.push(real(Hyperparameter::WeightDecay, &mut base.weight_decay));
                match &mut base.rule {
                    UpdateRule::Sgd { momentum } => slots.push(real(Hyperparameter::Momentum, momentum)),
                    UpdateRule::Adam(adam) | UpdateRule::AmsGrad(adam) | UpdateRule::AdamW(adam) => {
                        let AdamConfig { beta1, beta2, epsilon } = adam;
                        slots.push(real(Hyperparameter::Beta1, beta1));
                        slots.push(real(Hyperparameter::Beta2, beta2));
                        slots.push(real(Hyperparameter::Epsilon, epsilon));
                    }
                }
                if hyperparameter == Hyperparameter::Sigma {
                    return method.noise().map(|noise| Number::Real(&mut noise.sigma));
                }
                slots.extend(method.numbers());
            }
            Rule::Bsam(bsam) => slots.extend(bsam.numbers()),
        }
        slots.into_iter().find(|slot| slot.hyperparameter == hyperparameter).map(|slot| slot.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_changes_alone() {
        for key in Rule::KEYS {
            let plain = Hyperparameters::new(key).unwrap();
            for hyperparameter in plain.numbers() {
                let to = hyperparameter.raised(plain.get(hyperparameter).unwrap());
                let changed = plain.with(hyperparameter, to).unwrap();
                assert_eq!(changed.get(hyperparameter), Some(to), "{key} {hyperparameter}");
                let others = plain.numbers().filter(|&other| other != hyperparameter);
                assert!(
                    others.into_iter().all(|other| changed.get(other) == plain.get(other)),
                    "{key} {hyperparameter}"
                );
            }
        }
    }

    #[test]
    fn a_number_that_is_not_there_is_refused_with_what_it_needs() {
        let sgd = Hyperparameters::new("sgd").unwrap();
        let refusal = |hyperparameter| sgd.with(hyperparameter, 1.0).unwrap_err().to_string();
        assert_eq!(refusal(Hyperparameter::Sigma), "sgd has no sigma");
        assert_eq!(refusal(Hyperparameter::Radius), "sgd has no radius without projection = \"frobenius\" or \"rows\"");
    }
}
