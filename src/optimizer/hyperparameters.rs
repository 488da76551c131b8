//! Everything that decides a step, as data: the rule, the learning rate and its schedule, the anchor. Knobs and choices
//! read and change it by name; written, it is a flat table of those names.

use std::{fmt, num::NonZeroU32};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};

use super::{
    Categorical, Hyperparameter, OutOfRange,
    base_optimizer::{AdamConfig, BaseOptimizer, UpdateRule},
    bsam::Bsam,
    distance_regularizer::{DistanceRegularizer, Projection},
    method::{Method, Scaling},
    noise::Noise,
    schedule::{LrSchedule, LrShape},
};

/// Everything that decides a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hyperparameters {
    /// Where a step goes.
    pub rule: Rule,
    /// Learning rate eta.
    pub lr: f64,
    /// How it moves over the steps.
    pub schedule: LrSchedule,
    /// What keeps w near its start.
    pub anchor: DistanceRegularizer,
}

/// How w moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// A base update along a method's direction.
    Follow {
        /// Which direction.
        method: Method,
        /// What is done with it.
        base: BaseOptimizer,
    },
    /// bSAM, which is both in one.
    Bsam(Bsam),
}

impl Rule {
    /// The names in presets and events.
    pub const KEYS: [&str; 9] = ["sgd", "wp-sgd", "nso", "sam", "usam", "asam", "rsam", "bsam", "label-smoothing"];

    /// The name in presets and events.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Bsam(_) => "bsam",
            Self::Follow { method, .. } => match method {
                Method::Sgd => "sgd",
                Method::WpSgd { .. } => "wp-sgd",
                Method::Nso { .. } => "nso",
                Method::Sam { .. } => "sam",
                Method::Usam { .. } => "usam",
                Method::Asam { .. } => "asam",
                Method::Rsam { .. } => "rsam",
                Method::LabelSmoothing { .. } => "label-smoothing",
            },
        }
    }

    /// Gradient evaluations that one step costs.
    pub fn cost(&self) -> u64 {
        match self {
            Self::Follow { method, .. } => method.cost(),
            Self::Bsam(_) => 2,
        }
    }

    /// The share of the uniform distribution in the labels that it wants to be trained on; 0 for all but label smoothing.
    pub fn smoothing(&self) -> f64 {
        match *self {
            Self::Follow { method: Method::LabelSmoothing { smoothing }, .. } => smoothing,
            _ => 0.0,
        }
    }
}

impl Hyperparameters {
    /// The method of that name with plain SGD and the values that its paper starts from; `None` for an unknown name.
    pub fn new(method: &str) -> Option<Self> {
        let (noise, k) = (Noise::gaussian(0.01), NonZeroU32::MIN);
        let method = match method {
            "sgd" => Method::Sgd,
            "wp-sgd" => Method::WpSgd { noise, k },
            "nso" => Method::Nso { noise, k, mix: 0.0 },
            "sam" => Method::Sam { rho: 0.05 },
            "usam" => Method::Usam { rho: 0.05 },
            "asam" => Method::Asam { rho: 1.0, scaling: Scaling::Offset },
            "rsam" => Method::Rsam { rho: 0.05, noise, lambda: 1.0 },
            "label-smoothing" => Method::LabelSmoothing { smoothing: 0.1 },
            "bsam" => return Some(Self::of(Rule::Bsam(Bsam::USUAL))),
            _ => return None,
        };
        Some(Self::of(Rule::Follow { method, base: BaseOptimizer::SGD }))
    }

    /// `rule` at a constant learning rate of 0.01, without an anchor.
    pub const fn of(rule: Rule) -> Self {
        Self { rule, lr: 0.01, schedule: LrSchedule::CONSTANT, anchor: DistanceRegularizer::NONE }
    }

    /// The knobs of this run, in panel order.
    pub fn knobs(&self) -> impl Iterator<Item = Hyperparameter> + '_ {
        Hyperparameter::ALL.into_iter().filter(|&knob| self.get(knob).is_some())
    }

    /// The value of a knob; `None` where there is no such knob.
    pub fn get(&self, knob: Hyperparameter) -> Option<f64> {
        let mut copy = *self;
        if knob == Hyperparameter::K { copy.k().map(|k| f64::from(k.get())) } else { copy.slot(knob).copied() }
    }

    /// These hyper-parameters with one knob at another value.
    ///
    /// # Errors
    /// [`Refused`] if there is no such knob or it does not take the value.
    pub fn with(mut self, knob: Hyperparameter, value: f64) -> Result<Self, Refused> {
        let value = knob.check(value)?;
        let refused = Refused::NoSuchHyperparameter { method: self.rule.key(), knob };
        if knob == Hyperparameter::K {
            *self.k().ok_or(refused)? = whole(value).ok_or(OutOfRange { knob, value })?;
        } else {
            *self.slot(knob).ok_or(refused)? = value;
        }
        Ok(self)
    }

    /// Where the value of a knob is kept, for all but the one that counts.
    fn slot(&mut self, knob: Hyperparameter) -> Option<&mut f64> {
        match knob {
            Hyperparameter::Lr => return Some(&mut self.lr),
            Hyperparameter::Warmup => return Some(&mut self.schedule.warmup),
            Hyperparameter::Penalty => return Some(&mut self.anchor.penalty),
            _ => {}
        }
        match (knob, &mut self.schedule.shape, &mut self.anchor.projection) {
            (Hyperparameter::DropEvery, LrShape::Step { every, .. }, _) => return Some(every),
            (Hyperparameter::Gamma, LrShape::Step { gamma, .. }, _) => return Some(gamma),
            (Hyperparameter::Radius, _, Projection::Frobenius { radius } | Projection::Rows { radius }) => {
                return Some(radius);
            }
            _ => {}
        }
        match &mut self.rule {
            Rule::Follow { method, base } => of_method(method, knob).or_else(|| of_base(base, knob)),
            Rule::Bsam(bsam) => of_bsam(bsam, knob),
        }
    }

    /// Where the number of perturbations is kept.
    fn k(&mut self) -> Option<&mut NonZeroU32> {
        match &mut self.rule {
            Rule::Follow { method: Method::WpSgd { k, .. } | Method::Nso { k, .. }, .. } => Some(k),
            _ => None,
        }
    }
}

fn of_method(method: &mut Method, knob: Hyperparameter) -> Option<&mut f64> {
    match (knob, method) {
        (
            Hyperparameter::Sigma,
            Method::WpSgd { noise, .. } | Method::Nso { noise, .. } | Method::Rsam { noise, .. },
        ) => Some(&mut noise.sigma),
        (
            Hyperparameter::Rho,
            Method::Sam { rho } | Method::Usam { rho } | Method::Asam { rho, .. } | Method::Rsam { rho, .. },
        ) => Some(rho),
        (Hyperparameter::Lambda, Method::Rsam { lambda, .. }) => Some(lambda),
        (Hyperparameter::Mix, Method::Nso { mix, .. }) => Some(mix),
        (Hyperparameter::Smoothing, Method::LabelSmoothing { smoothing }) => Some(smoothing),
        _ => None,
    }
}

fn of_base(base: &mut BaseOptimizer, knob: Hyperparameter) -> Option<&mut f64> {
    match (knob, &mut base.rule) {
        (Hyperparameter::WeightDecay, _) => Some(&mut base.weight_decay),
        (Hyperparameter::Momentum, UpdateRule::Sgd { momentum }) => Some(momentum),
        (_, UpdateRule::Adam(moments) | UpdateRule::AmsGrad(moments) | UpdateRule::AdamW(moments)) => {
            let AdamConfig { beta1, beta2, epsilon } = moments;
            match knob {
                Hyperparameter::Beta1 => Some(beta1),
                Hyperparameter::Beta2 => Some(beta2),
                Hyperparameter::Epsilon => Some(epsilon),
                _ => None,
            }
        }
        _ => None,
    }
}

fn of_bsam(bsam: &mut Bsam, knob: Hyperparameter) -> Option<&mut f64> {
    match knob {
        Hyperparameter::Rho => Some(&mut bsam.rho),
        Hyperparameter::Beta1 => Some(&mut bsam.beta1),
        Hyperparameter::Beta2 => Some(&mut bsam.beta2),
        Hyperparameter::Prior => Some(&mut bsam.prior),
        Hyperparameter::Damping => Some(&mut bsam.damping),
        Hyperparameter::Precision => Some(&mut bsam.precision),
        _ => None,
    }
}

/// A positive whole number as a count.
fn whole(value: f64) -> Option<NonZeroU32> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole and in range")]
    let fits = (value.fract() == 0.0 && value >= 1.0 && value <= f64::from(u32::MAX)).then_some(value as u32);
    fits.and_then(NonZeroU32::new)
}

/// Why a knob was not turned, or a word not chosen.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refused {
    /// The value is outside of the knob's range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// The run does not have the knob.
    #[error("{method} has no {knob}{}", hint(*.knob))]
    NoSuchHyperparameter {
        /// The method's key.
        method: &'static str,
        /// The knob that was asked for.
        knob: Hyperparameter,
    },
    /// The knob acts at the start of a run only.
    #[error("{knob} acts at the start of a run only; set it in the preset and begin again")]
    OnlyAtStart {
        /// The knob that was asked for.
        knob: Hyperparameter,
    },
    /// The run does not have the choice.
    #[error("{}", no_such_choice(.method, *.choice))]
    NoSuchCategorical {
        /// The method's key.
        method: &'static str,
        /// The choice that was asked for.
        choice: Categorical,
    },
    /// The choice does not have the word.
    #[error("'{}' is none of {}", .word.escape_debug(), .choice.words().join(", "))]
    NoSuchWord {
        /// What was to be chosen.
        choice: Categorical,
        /// As asked.
        word: String,
    },
}

/// What a knob needs that not every run has.
fn hint(knob: Hyperparameter) -> &'static str {
    match knob {
        Hyperparameter::Momentum => " with this update; momentum needs update = \"sgd\"",
        Hyperparameter::Beta1 | Hyperparameter::Beta2 | Hyperparameter::Epsilon => {
            " with this update; it needs update = \"adam\", \"amsgrad\" or \"adamw\""
        }
        Hyperparameter::DropEvery | Hyperparameter::Gamma => " without lr_schedule = \"step\"",
        Hyperparameter::Radius => " without projection = \"frobenius\" or \"rows\"",
        _ => "",
    }
}

fn no_such_choice(method: &str, choice: Categorical) -> String {
    match (method, choice) {
        ("bsam", Categorical::Update) => "bsam is an update of its own and takes no other".to_owned(),
        _ => format!("{method} has no {choice}"),
    }
}

impl Serialize for Hyperparameters {
    /// A flat table: method, choices, knobs.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("method", self.rule.key())?;
        for (choice, word) in self.choices() {
            map.serialize_entry(choice.key(), word)?;
        }
        for knob in self.knobs() {
            let value = self.get(knob).unwrap_or_default();
            match (knob.is_whole(), whole(value)) {
                (true, Some(count)) => map.serialize_entry(knob.key(), &count)?,
                _ => map.serialize_entry(knob.key(), &value)?,
            }
        }
        map.end()
    }
}

/// What an entry of the flat table may be.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
    Other(IgnoredAny),
}

impl<'de> Deserialize<'de> for Hyperparameters {
    /// From the flat table; entries of other names are left to others, absent ones have their first values.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Flat;
        impl<'de> Visitor<'de> for Flat {
            type Value = Hyperparameters;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table with a method and its knobs")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Hyperparameters, A::Error> {
                let (mut method, mut words, mut numbers) = (None, Vec::new(), Vec::new());
                while let Some(key) = map.next_key::<String>()? {
                    match map.next_value()? {
                        Written::Word(word) if key == "method" => method = Some(word),
                        Written::Word(word) => {
                            words.extend(
                                Categorical::ALL.into_iter().find(|choice| choice.key() == key).map(|c| (c, word)),
                            );
                        }
                        Written::Number(number) => {
                            numbers.extend(Hyperparameter::from_key(&key).map(|knob| (knob, number)));
                        }
                        Written::Other(IgnoredAny) => {}
                    }
                }
                let method = method.ok_or_else(|| A::Error::missing_field("method"))?;
                let mut read = Hyperparameters::new(&method)
                    .ok_or_else(|| A::Error::custom(format!("unknown method '{}'", method.escape_debug())))?;
                for (choice, word) in words {
                    read = read.choose(choice, &word).map_err(A::Error::custom)?;
                }
                for (knob, number) in numbers {
                    read = read.with(knob, number).map_err(A::Error::custom)?;
                }
                Ok(read)
            }
        }
        deserializer.deserialize_map(Flat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for key in Rule::KEYS {
            let mut written = Hyperparameters::new(key).unwrap();
            for (choice, _) in written.choices().collect::<Vec<_>>() {
                written = written.choose(choice, choice.words().last().unwrap()).unwrap();
            }
            for knob in written.knobs().collect::<Vec<_>>() {
                written = written.with(knob, knob.raised(written.get(knob).unwrap())).unwrap();
            }
            let text = serde_json::to_string(&written).unwrap();
            assert_eq!(serde_json::from_str::<Hyperparameters>(&text).unwrap(), written, "{text}");
            assert_eq!(written.rule.key(), key);
        }
    }

    #[test]
    fn every_knob_turns_alone() {
        for key in Rule::KEYS {
            let plain = Hyperparameters::new(key).unwrap();
            for knob in plain.knobs() {
                let to = knob.raised(plain.get(knob).unwrap());
                let turned = plain.with(knob, to).unwrap();
                assert_eq!(turned.get(knob), Some(to), "{key} {knob}");
                let others = plain.knobs().filter(|&other| other != knob);
                assert!(others.into_iter().all(|other| turned.get(other) == plain.get(other)), "{key} {knob}");
            }
        }
    }

    #[test]
    fn a_knob_that_is_not_there_is_refused_with_what_it_needs() {
        let sgd = Hyperparameters::new("sgd").unwrap();
        let refusal = |knob| sgd.with(knob, 1.0).unwrap_err().to_string();
        assert_eq!(refusal(Hyperparameter::Sigma), "sgd has no sigma");
        assert_eq!(refusal(Hyperparameter::Radius), "sgd has no radius without projection = \"frobenius\" or \"rows\"");
    }
}
