//! What the table says of a hyperparameter, and the ranges and ladders that several share.

use super::ladder::Ladder;
use crate::optimizer::Categorical;

#[derive(Clone, Copy)]
pub(super) struct Name {
    pub key: &'static str,
    pub symbol: &'static str,
    pub meaning: &'static str,
}

/// What a hyperparameter is a setting of, in the order in which a line of settings names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// The learning rate itself.
    LearningRate,
    /// The base optimizer, or bSAM, which is an update of its own.
    Update,
    /// The warm-up of the learning rate.
    Warmup,
    /// The penalty on the distance to the initial weights.
    Penalty,
    /// The method that gives the direction.
    Method,
    /// The schedule that lowers the learning rate in steps.
    StepSchedule,
    /// The projection back to the initial weights.
    Projection,
}

/// When a line of settings names a hyperparameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Whatever its value: the run is not described without it.
    Always,
    /// Where it is not at its starting value.
    UnlessDefault,
}

#[derive(Clone, Copy)]
pub(super) struct Definition {
    pub owner: Owner,
    pub name: Name,
    pub low: End,
    pub high: End,
    pub whole: bool,
    pub ladder: Ladder,
    pub listed: Listed,
    pub schedule: Option<Categorical>,
}

impl Definition {
    /// The same of whole numbers.
    pub const fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// The same, named in a line of settings whatever its value.
    pub const fn always_listed(self) -> Self {
        Self { listed: Listed::Always, ..self }
    }

    /// The same with a schedule, which that setting chooses.
    pub const fn scheduled(self, schedule: Categorical) -> Self {
        Self { schedule: Some(schedule), ..self }
    }
}

/// An end of a range, which may belong to it or not.
#[derive(Clone, Copy)]
pub(super) enum End {
    In(f64),
    Out(f64),
}

pub(super) const fn name(key: &'static str, symbol: &'static str, meaning: &'static str) -> Name {
    Name { key, symbol, meaning }
}

/// A real number without a schedule, which a line of settings leaves out at its starting value.
pub(super) const fn define(owner: Owner, name: Name, (low, high): (End, End), ladder: Ladder) -> Definition {
    Definition { owner, name, low, high, whole: false, ladder, listed: Listed::UnlessDefault, schedule: None }
}

pub(super) const FREE: Ladder = Ladder::Preferred { floor: 1e-4 };
pub(super) const FINE: Ladder = Ladder::Preferred { floor: 1e-8 };
pub(super) const FROM_MILLIONTHS: Ladder = Ladder::Preferred { floor: 1e-6 };
pub(super) const TENTHS: Ladder = Ladder::Even(0.1);
pub(super) const ONES: Ladder = Ladder::Even(1.0);
pub(super) const MOMENTA: Ladder = Ladder::Listed(&[0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999]);
pub(super) const SHARE: (End, End) = (End::In(0.0), End::In(1.0));
pub(super) const DECAY: (End, End) = (End::In(0.0), End::Out(1.0));
pub(super) const UP_TO_THOUSAND: (End, End) = (End::In(0.0), End::In(1e3));
pub(super) const UP_TO_MILLION: (End, End) = (End::In(0.0), End::In(1e6));
pub(super) const POSITIVE: (End, End) = (End::Out(0.0), End::In(1e6));
