//! The categorical hyperparameters of a run: which it has, what they may be, and what follows for its numbers.

use strum::VariantNames;

use super::{
    Hyperparameters, Rule,
    base_optimizer::{AdamConfig, UpdateKind, UpdateRule},
    categorical::{Categorical, Words},
    distance_regularizer::{Projection, ProjectionKind},
    error::HyperparameterError,
    hyperparameter::Hyperparameter,
    method::Scaling,
    noise::NoiseDistribution,
    schedule::{LrShape, LrShapeKind, NoiseSchedule},
};

impl Categorical {
    /// The words to choose from; the first is what a run has unless it says otherwise.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::BaseOptimizer => UpdateKind::VARIANTS,
            Self::Distribution => NoiseDistribution::VARIANTS,
            Self::SigmaSchedule => NoiseSchedule::VARIANTS,
            Self::Scaling => Scaling::VARIANTS,
            Self::LrSchedule => LrShapeKind::VARIANTS,
            Self::Projection => ProjectionKind::VARIANTS,
        }
    }
}

impl Hyperparameters {
    /// The categorical hyperparameters of this run with their values, in the order of presets.
    pub fn choices(&self) -> impl Iterator<Item = (Categorical, &'static str)> + '_ {
        Categorical::all().filter_map(|categorical| Some((categorical, self.chosen(categorical)?)))
    }

    /// The value of one; `None` where the method has no such hyperparameter.
    pub fn chosen(&self, categorical: Categorical) -> Option<&'static str> {
        let mut copy = *self;
        match categorical {
            Categorical::BaseOptimizer => copy.update_rule().map(|rule| (&*rule).into()),
            Categorical::Distribution | Categorical::SigmaSchedule | Categorical::Scaling => {
                copy.method_word(categorical).map(|value| value.word())
            }
            Categorical::LrSchedule => Some(self.schedule.shape.into()),
            Categorical::Projection => Some(self.regularizer.projection.into()),
        }
    }

    /// These hyperparameters with another word chosen. Numbers that the old and the new choice share keep their values.
    ///
    /// # Errors
    /// [`HyperparameterError`] if the method has no such hyperparameter or the word is not one of its options.
    pub fn choose(mut self, categorical: Categorical, word: &str) -> Result<Self, HyperparameterError> {
        if self.chosen(categorical).is_none() {
            return Err(HyperparameterError::NoSuchCategorical { method: self.rule.key(), categorical });
        }
        let unknown = || HyperparameterError::NoSuchWord { categorical, word: word.to_owned() };
        let number = |hyperparameter, default| self.get(hyperparameter).unwrap_or(default);
        match categorical {
            Categorical::BaseOptimizer => {
                let adam = AdamConfig {
                    beta1: number(Hyperparameter::Beta1, AdamConfig::USUAL.beta1),
                    beta2: number(Hyperparameter::Beta2, AdamConfig::USUAL.beta2),
                    epsilon: number(Hyperparameter::Epsilon, AdamConfig::USUAL.epsilon),
                };
                let momentum = number(Hyperparameter::Momentum, 0.0);
                let chosen = match word.parse().map_err(|_| unknown())? {
                    UpdateKind::Sgd => UpdateRule::Sgd { momentum },
                    UpdateKind::Adam => UpdateRule::Adam(adam),
                    UpdateKind::AmsGrad => UpdateRule::AmsGrad(adam),
                    UpdateKind::AdamW => UpdateRule::AdamW(adam),
                };
                if let Some(rule) = self.update_rule() {
                    *rule = chosen;
                }
            }
            Categorical::Distribution | Categorical::SigmaSchedule | Categorical::Scaling => {
                self.method_word(categorical).and_then(|value| value.set_word(word)).ok_or_else(unknown)?;
            }
            Categorical::LrSchedule => {
                let every = number(Hyperparameter::StepSize, 30.0);
                let gamma = number(Hyperparameter::Gamma, 0.1);
                self.schedule.shape = match word.parse().map_err(|_| unknown())? {
                    LrShapeKind::Constant => LrShape::Constant,
                    LrShapeKind::Step => LrShape::Step { every, gamma },
                    LrShapeKind::Cosine => LrShape::Cosine,
                    LrShapeKind::Linear => LrShape::Linear,
                };
            }
            Categorical::Projection => {
                let radius = number(Hyperparameter::Radius, 1.0);
                self.regularizer.projection = match word.parse().map_err(|_| unknown())? {
                    ProjectionKind::None => Projection::None,
                    ProjectionKind::Frobenius => Projection::Frobenius { radius },
                    ProjectionKind::Rows => Projection::Rows { radius },
                };
            }
        }
        Ok(self)
    }

    /// The update rule of the base optimizer, for methods that have one.
    fn update_rule(&mut self) -> Option<&mut UpdateRule> {
        match &mut self.rule {
            Rule::Follow { base, .. } => Some(&mut base.rule),
            Rule::Bsam(_) => None,
        }
    }

    /// A categorical hyperparameter of the method itself or of its noise.
    fn method_word(&mut self, categorical: Categorical) -> Option<&mut dyn Words> {
        let method = self.rule.settings();
        match categorical {
            Categorical::Distribution => method.noise().map(|noise| &mut noise.distribution as &mut dyn Words),
            Categorical::SigmaSchedule => method.noise().map(|noise| &mut noise.schedule as &mut dyn Words),
            Categorical::BaseOptimizer | Categorical::Scaling | Categorical::LrSchedule | Categorical::Projection => {
                method.words().into_iter().find(|slot| slot.categorical == categorical).map(|slot| slot.value)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_can_be_chosen_and_is_then_what_is_chosen() {
        for key in Rule::KEYS {
            let plain = Hyperparameters::new(key).unwrap();
            for (choice, first) in plain.choices() {
                assert_eq!(first, choice.words()[0], "{key} {choice}");
                for &word in choice.words() {
                    let chosen = plain.choose(choice, word).unwrap();
                    assert_eq!(chosen.chosen(choice), Some(word), "{key} {choice}");
                }
                assert!(plain.choose(choice, "other").is_err());
            }
        }
    }

    #[test]
    fn a_choice_keeps_the_numbers_that_it_shares_with_the_one_before() {
        let adam = Hyperparameters::new("nso").unwrap().choose(Categorical::BaseOptimizer, "adam").unwrap();
        let changed =
            adam.with(Hyperparameter::Beta1, 0.5).unwrap().choose(Categorical::BaseOptimizer, "adamw").unwrap();
        assert_eq!(changed.get(Hyperparameter::Beta1), Some(0.5));
        assert_eq!(changed.get(Hyperparameter::Momentum), None);
    }

    #[test]
    fn bsam_says_that_it_is_an_update_of_its_own() {
        let refused = Hyperparameters::new("bsam").unwrap().choose(Categorical::BaseOptimizer, "adam").unwrap_err();
        assert_eq!(refused.to_string(), "bsam is an update of its own and takes no base optimizer");
    }
}
