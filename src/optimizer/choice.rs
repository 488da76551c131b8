//! The choice table: every hyper-parameter that is one of a few words rather than a number. Presets, the log and the knob
//! panel read it, as they read the [knob table](super::Knob) for the numbers.

use std::fmt;

use super::{
    Hyperparameters, Rule,
    anchor::Projection,
    base::{BaseRule, Moments},
    hyperparameters::Refused,
    knob::Knob,
    method::{Method, Scaling},
    noise::{Noise, NoiseLaw},
    schedule::{LrShape, NoiseSchedule},
};

/// A hyper-parameter that is one of a few words. Which of them a run has is decided by its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Choice {
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

const LAWS: [&str; NoiseLaw::ALL.len()] = {
    let mut words = [""; NoiseLaw::ALL.len()];
    let mut place = 0;
    while place < words.len() {
        words[place] = NoiseLaw::ALL[place].key();
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

impl Choice {
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

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl Hyperparameters {
    /// The choices of this run, in the order of presets.
    pub fn choices(&self) -> impl Iterator<Item = (Choice, &'static str)> + '_ {
        Choice::ALL.into_iter().filter_map(|choice| Some((choice, self.chosen(choice)?)))
    }

    /// What is chosen; `None` where the method has no such choice.
    pub fn chosen(&self, choice: Choice) -> Option<&'static str> {
        let noise = match self.rule {
            Rule::Follow { method, .. } => method.noise(),
            Rule::Bsam(_) => None,
        };
        match (choice, self.rule) {
            (Choice::Update, Rule::Follow { base, .. }) => Some(match base.rule {
                BaseRule::Sgd { .. } => "sgd",
                BaseRule::Adam(_) => "adam",
                BaseRule::AmsGrad(_) => "amsgrad",
                BaseRule::AdamW(_) => "adamw",
            }),
            (Choice::Law, _) => noise.map(|noise| noise.law.key()),
            (Choice::SigmaSchedule, _) => noise.map(|noise| noise.schedule.key()),
            (Choice::Scaling, Rule::Follow { method: Method::Asam { scaling, .. }, .. }) => Some(match scaling {
                Scaling::Offset => "offset",
                Scaling::Plain => "plain",
            }),
            (Choice::LrSchedule, _) => Some(match self.schedule.shape {
                LrShape::Constant => "constant",
                LrShape::Step { .. } => "step",
                LrShape::Cosine => "cosine",
                LrShape::Linear => "linear",
            }),
            (Choice::Projection, _) => Some(match self.anchor.projection {
                Projection::None => "none",
                Projection::Frobenius { .. } => "frobenius",
                Projection::Rows { .. } => "rows",
            }),
            (Choice::Update | Choice::Scaling, _) => None,
        }
    }

    /// These hyper-parameters with another word chosen. Numbers that the old and the new choice share keep their values.
    ///
    /// # Errors
    /// [`Refused`] if the method has no such choice or the word is not one of it.
    pub fn choose(mut self, choice: Choice, word: &str) -> Result<Self, Refused> {
        if self.chosen(choice).is_none() {
            return Err(Refused::NoSuchChoice { method: self.rule.key(), choice });
        }
        if !choice.words().contains(&word) {
            return Err(Refused::NoSuchWord { choice, word: word.to_owned() });
        }
        let number = |knob, default| self.get(knob).unwrap_or(default);
        match choice {
            Choice::Update => {
                let moments = Moments {
                    beta1: number(Knob::Beta1, Moments::USUAL.beta1),
                    beta2: number(Knob::Beta2, Moments::USUAL.beta2),
                    epsilon: number(Knob::Epsilon, Moments::USUAL.epsilon),
                };
                let momentum = number(Knob::Momentum, 0.0);
                if let Rule::Follow { base, .. } = &mut self.rule {
                    base.rule = match word {
                        "adam" => BaseRule::Adam(moments),
                        "amsgrad" => BaseRule::AmsGrad(moments),
                        "adamw" => BaseRule::AdamW(moments),
                        _ => BaseRule::Sgd { momentum },
                    };
                }
            }
            Choice::Law => {
                let law = NoiseLaw::ALL.into_iter().find(|law| law.key() == word).unwrap_or_default();
                self.change_noise(|noise| Noise { law, ..noise });
            }
            Choice::SigmaSchedule => {
                let schedule = NoiseSchedule::ALL.into_iter().find(|kind| kind.key() == word).unwrap_or_default();
                self.change_noise(|noise| Noise { schedule, ..noise });
            }
            Choice::Scaling => {
                if let Rule::Follow { method: Method::Asam { scaling, .. }, .. } = &mut self.rule {
                    *scaling = if word == "plain" { Scaling::Plain } else { Scaling::Offset };
                }
            }
            Choice::LrSchedule => {
                let every = number(Knob::DropEvery, 30.0);
                let gamma = number(Knob::Gamma, 0.1);
                self.schedule.shape = match word {
                    "step" => LrShape::Step { every, gamma },
                    "cosine" => LrShape::Cosine,
                    "linear" => LrShape::Linear,
                    _ => LrShape::Constant,
                };
            }
            Choice::Projection => {
                let radius = number(Knob::Radius, 1.0);
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
        let adam = Hyperparameters::new("nso").unwrap().choose(Choice::Update, "adam").unwrap();
        let turned = adam.with(Knob::Beta1, 0.5).unwrap().choose(Choice::Update, "adamw").unwrap();
        assert_eq!(turned.get(Knob::Beta1), Some(0.5));
        assert_eq!(turned.get(Knob::Momentum), None);
    }

    #[test]
    fn bsam_says_that_it_is_an_update_of_its_own() {
        let refused = Hyperparameters::new("bsam").unwrap().choose(Choice::Update, "adam").unwrap_err();
        assert_eq!(refused.to_string(), "bsam is an update of its own and takes no other");
    }
}
