//! The choice table: every hyper-parameter that is one of a few words rather than a number. Presets, the log and the knob
//! panel read it, as they read the [hyperparameter table](super::Hyperparameter) for the numbers.

use std::fmt;

use super::{
    Hyperparameters, Rule,
    base_optimizer::{AdamConfig, UpdateRule},
    distance_regularizer::Projection,
    hyperparameter::Hyperparameter,
    hyperparameters::Refused,
    method::{Method, Scaling},
    noise::{Noise, NoiseDistribution},
    schedule::{LrShape, NoiseSchedule},
};

/// A hyper-parameter that is one of a few words. Which of them a run has is decided by its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Categorical {
    /// The base update.
    Update,
    /// The law of the weight noise.
    Law,
    /// How the scale of the noise grows.
    SigmaSchedule,
    /// ASAM's scaling.
    Scaling,
    /// How the learning rate moves.
    LrSchedule,
    /// Where a projection puts the weights back to.
    Projection,
}

const LAWS: [&str; NoiseDistribution::ALL.len()] = {
    let mut words = [""; NoiseDistribution::ALL.len()];
    let mut place = 0;
    while place < words.len() {
        words[place] = NoiseDistribution::ALL[place].key();
        place += 1;
    }
    words
};

const SIGMA_SCHEDULES: [&str; NoiseSchedule::ALL.len()] = {
    let mut words = [""; NoiseSchedule::ALL.len()];
    let mut place = 0;
    while place < words.len() {
        words[place] = NoiseSchedule::ALL[place].key();
        place += 1;
    }
    words
};

impl Categorical {
    /// Every choice, in the order in which presets are read: what decides the knobs comes first.
    pub const ALL: [Self; 6] =
        [Self::Update, Self::Law, Self::SigmaSchedule, Self::Scaling, Self::LrSchedule, Self::Projection];

    /// The name in presets and events.
    pub fn key(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Law => "law",
            Self::SigmaSchedule => "sigma_schedule",
            Self::Scaling => "scaling",
            Self::LrSchedule => "lr_schedule",
            Self::Projection => "projection",
        }
    }

    /// What it is, as a noun phrase.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Update => "what is done with the direction",
            Self::Law => "the law of the weight noise",
            Self::SigmaSchedule => "how σ comes to its value over the epochs",
            Self::Scaling => "ASAM's scaling of the weights",
            Self::LrSchedule => "how the learning rate moves",
            Self::Projection => "where each step puts the weights back to, around the initial ones",
        }
    }

    /// The words to choose from; the first is what a run has unless it says otherwise.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Update => &["sgd", "adam", "amsgrad", "adamw"],
            Self::Law => &LAWS,
            Self::SigmaSchedule => &SIGMA_SCHEDULES,
            Self::Scaling => &["offset", "plain"],
            Self::LrSchedule => &["constant", "step", "cosine", "linear"],
            Self::Projection => &["none", "frobenius", "rows"],
        }
    }
}

impl fmt::Display for Categorical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl Hyperparameters {
    /// The choices of this run, in the order of presets.
    pub fn choices(&self) -> impl Iterator<Item = (Categorical, &'static str)> + '_ {
        Categorical::ALL.into_iter().filter_map(|choice| Some((choice, self.chosen(choice)?)))
    }

    /// What is chosen; `None` where the method has no such choice.
    pub fn chosen(&self, choice: Categorical) -> Option<&'static str> {
        let noise = match self.rule {
            Rule::Follow { method, .. } => method.noise(),
            Rule::Bsam(_) => None,
        };
        match (choice, self.rule) {
            (Categorical::Update, Rule::Follow { base, .. }) => Some(match base.rule {
                UpdateRule::Sgd { .. } => "sgd",
                UpdateRule::Adam(_) => "adam",
                UpdateRule::AmsGrad(_) => "amsgrad",
                UpdateRule::AdamW(_) => "adamw",
            }),
            (Categorical::Law, _) => noise.map(|noise| noise.law.key()),
            (Categorical::SigmaSchedule, _) => noise.map(|noise| noise.schedule.key()),
            (Categorical::Scaling, Rule::Follow { method: Method::Asam { scaling, .. }, .. }) => Some(match scaling {
                Scaling::Offset => "offset",
                Scaling::Plain => "plain",
            }),
            (Categorical::LrSchedule, _) => Some(match self.schedule.shape {
                LrShape::Constant => "constant",
                LrShape::Step { .. } => "step",
                LrShape::Cosine => "cosine",
                LrShape::Linear => "linear",
            }),
            (Categorical::Projection, _) => Some(match self.anchor.projection {
                Projection::None => "none",
                Projection::Frobenius { .. } => "frobenius",
                Projection::Rows { .. } => "rows",
            }),
            (Categorical::Update | Categorical::Scaling, _) => None,
        }
    }

    /// These hyper-parameters with another word chosen. Numbers that the old and the new choice share keep their values.
    ///
    /// # Errors
    /// [`Refused`] if the method has no such choice or the word is not one of it.
    pub fn choose(mut self, choice: Categorical, word: &str) -> Result<Self, Refused> {
        if self.chosen(choice).is_none() {
            return Err(Refused::NoSuchCategorical { method: self.rule.key(), choice });
        }
        if !choice.words().contains(&word) {
            return Err(Refused::NoSuchWord { choice, word: word.to_owned() });
        }
        let number = |knob, default| self.get(knob).unwrap_or(default);
        match choice {
            Categorical::Update => {
                let moments = AdamConfig {
                    beta1: number(Hyperparameter::Beta1, AdamConfig::USUAL.beta1),
                    beta2: number(Hyperparameter::Beta2, AdamConfig::USUAL.beta2),
                    epsilon: number(Hyperparameter::Epsilon, AdamConfig::USUAL.epsilon),
                };
                let momentum = number(Hyperparameter::Momentum, 0.0);
                if let Rule::Follow { base, .. } = &mut self.rule {
                    base.rule = match word {
                        "adam" => UpdateRule::Adam(moments),
                        "amsgrad" => UpdateRule::AmsGrad(moments),
                        "adamw" => UpdateRule::AdamW(moments),
                        _ => UpdateRule::Sgd { momentum },
                    };
                }
            }
            Categorical::Law => {
                let law = NoiseDistribution::ALL.into_iter().find(|law| law.key() == word).unwrap_or_default();
                self.change_noise(|noise| Noise { law, ..noise });
            }
            Categorical::SigmaSchedule => {
                let schedule = NoiseSchedule::ALL.into_iter().find(|kind| kind.key() == word).unwrap_or_default();
                self.change_noise(|noise| Noise { schedule, ..noise });
            }
            Categorical::Scaling => {
                if let Rule::Follow { method: Method::Asam { scaling, .. }, .. } = &mut self.rule {
                    *scaling = if word == "plain" { Scaling::Plain } else { Scaling::Offset };
                }
            }
            Categorical::LrSchedule => {
                let every = number(Hyperparameter::DropEvery, 30.0);
                let gamma = number(Hyperparameter::Gamma, 0.1);
                self.schedule.shape = match word {
                    "step" => LrShape::Step { every, gamma },
                    "cosine" => LrShape::Cosine,
                    "linear" => LrShape::Linear,
                    _ => LrShape::Constant,
                };
            }
            Categorical::Projection => {
                let radius = number(Hyperparameter::Radius, 1.0);
                self.anchor.projection = match word {
                    "frobenius" => Projection::Frobenius { radius },
                    "rows" => Projection::Rows { radius },
                    _ => Projection::None,
                };
            }
        }
        Ok(self)
    }

    fn change_noise(&mut self, change: impl Fn(Noise) -> Noise) {
        if let Rule::Follow {
            method: Method::WpSgd { noise, .. } | Method::Nso { noise, .. } | Method::Rsam { noise, .. },
            ..
        } = &mut self.rule
        {
            *noise = change(*noise);
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
        let adam = Hyperparameters::new("nso").unwrap().choose(Categorical::Update, "adam").unwrap();
        let turned = adam.with(Hyperparameter::Beta1, 0.5).unwrap().choose(Categorical::Update, "adamw").unwrap();
        assert_eq!(turned.get(Hyperparameter::Beta1), Some(0.5));
        assert_eq!(turned.get(Hyperparameter::Momentum), None);
    }

    #[test]
    fn bsam_says_that_it_is_an_update_of_its_own() {
        let refused = Hyperparameters::new("bsam").unwrap().choose(Categorical::Update, "adam").unwrap_err();
        assert_eq!(refused.to_string(), "bsam is an update of its own and takes no other");
    }
}
