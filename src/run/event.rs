//! Commands to a run and events from it, both plain data. The log on disk is these events, one JSON object a line; every view is a
//! fold over them.

use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, IntoStaticStr, VariantArray};

use super::{
    fork::Fork,
    measured::{Bound, GapCurve, Measured, Probe, Sides, WeightStats},
    non_finite::NonFinitePolicy,
    position::Position,
};
use crate::{
    curvature::Estimate,
    number,
    optimizer::{Hyperparameter, Hyperparameters},
    problem::Metrics,
};

/// A command to a run. Each takes effect between two steps and is answered by an [`Event`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Change a hyperparameter; answered by [`Event::Adjust`] or [`Event::Reject`].
    Adjust {
        /// Which hyperparameter.
        hyperparameter: Hyperparameter,
        /// Its new value.
        value: f64,
    },
    /// Hold before the next step.
    Pause,
    /// Go on after a pause.
    Resume,
    /// End now, keeping what there is.
    Stop,
    /// Hand over the state of now, from which a run of this name goes on; answered by [`Event::Fork`].
    Fork {
        /// The name of the run that branches off.
        run: String,
    },
}

/// One fact of a run. `step` counts optimizer steps taken, `gradients` training gradient evaluations spent;
/// `seconds` is the run's own clock, which stands still while it is paused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run begins. In logs of version 0.1 a run could begin again: what came before is history of an earlier attempt.
    Start(RunHeader),
    /// A step was taken.
    Step {
        /// Where the run was, this step included.
        #[serde(flatten)]
        at: Position,
        /// The minibatch loss as the method saw it: at w where it evaluates the clean gradient first (SGD, SAM and most of its
        /// variants), the mean over w + U for WP-SGD, over w +- U for NSO, at w + noise for RSAM and bSAM, on smoothed labels for
        /// label smoothing.
        #[serde(with = "number")]
        loss: f64,
    },
    /// The clean loss and its companions on whole splits.
    Eval {
        /// Where the run was.
        #[serde(flatten)]
        at: Position,
        /// Examples or measurements evaluated, all splits together; 0 where the problem has none.
        #[serde(default)]
        examples: u64,
        /// Forward passes without a backward one that training took so far besides its gradient evaluations: those by which batch
        /// normalisation updates its buffers where the method has no clean pass.
        #[serde(default, skip_serializing_if = "is_zero")]
        forward_passes: u64,
        /// Seconds it took.
        #[serde(default)]
        took: f64,
        /// What was measured; the keys depend on the problem.
        #[serde(flatten)]
        metrics: Metrics,
        /// Where the weights are and how the next step is taken.
        #[serde(flatten)]
        weight_stats: WeightStats,
    },
    /// The same of the average of the weights, where the run keeps one; right after the `eval` of the weights themselves.
    AverageEval(Box<AverageEval>),
    /// Curvature of the clean loss: the exact Hessian's trace and largest eigenvalue.
    Probe(Box<Probe>),
    /// The same at the average of the weights, where the run keeps one; right after the `probe` of the weights themselves.
    AverageProbe(Box<Probe>),
    /// The smoothed Hessian's trace, from the gradients that the steps since the last such event paid for anyway.
    FreeTrace {
        /// Where the run was.
        #[serde(flatten)]
        at: Position,
        /// The noise scale at which the loss was smoothed: the mean over the samples, where a schedule moves it.
        sigma: f64,
        /// From pairs or from single perturbations.
        #[serde(default)]
        sides: Sides,
        /// Mean over the samples of the window; `probes` counts them.
        trace: Estimate,
    },
    /// The curvature of the minibatch losses along SAM's ascents, e'(grad f(w + e) - grad f(w)) / |e|^2, from the gradients that the
    /// steps since the last such event paid for anyway.
    AscentCurvature {
        /// Where the run was.
        #[serde(flatten)]
        at: Position,
        /// Mean over the steps of the window; `probes` counts them.
        curvature: Estimate,
    },
    /// What noise does to the clean loss, over a range of its scale.
    PerturbationGap(Box<GapCurve>),
    /// The PAC-Bayes bound with its ingredients.
    Bound(Box<Bound>),
    /// The numbers of a measurement that has no event of a kind of its own.
    Measured(Box<Measured>),
    /// A hyperparameter was changed: steps after `step` use the new value.
    Adjust {
        /// Where the run was.
        #[serde(flatten)]
        at: Position,
        /// Which hyperparameter.
        setting: Hyperparameter,
        /// Its value before.
        from: f64,
        /// Its value from the next step on.
        to: f64,
    },
    /// A command was refused.
    Reject {
        /// Steps taken.
        step: u64,
        /// Which hyperparameter.
        setting: Hyperparameter,
        /// The value that was refused.
        #[serde(with = "number")]
        value: f64,
        /// Why, in words.
        reason: String,
    },
    /// A loss that is not finite, where the run does not end with it: the first of a row of them, or one whose step was skipped.
    NonFinite {
        /// Where the run was, this step included.
        #[serde(flatten)]
        at: Position,
        /// The loss.
        #[serde(with = "number")]
        loss: f64,
        /// What the run does about it.
        policy: NonFinitePolicy,
    },
    /// The run holds.
    Pause {
        /// Steps taken.
        step: u64,
    },
    /// The run goes on.
    Resume {
        /// Steps taken.
        step: u64,
    },
    /// Another run branches off: it has the state of this one between two steps.
    Fork {
        /// Steps taken.
        step: u64,
        /// The name of the run that branches off.
        run: String,
    },
    /// The run is over.
    Finish {
        /// How it ended.
        outcome: Outcome,
        /// Where the run was.
        #[serde(flatten)]
        at: Position,
        /// Why, where the outcome needs a reason.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<String>,
        /// The step of the lowest validation loss, whose weights are kept too; absent where there is no validation set.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        best_step: Option<u64>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What a run is: the fields of its first event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// The run's name, unique in its session.
    pub run: String,
    /// Method and hyperparameters at the start.
    #[serde(flatten)]
    pub hyperparameters: Hyperparameters,
    /// The seed of its random streams.
    pub seed: u64,
    /// The name of the device that it trains on; empty in logs that do not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// Number of parameters.
    pub parameters: u64,
    /// Where it ends.
    pub budget: Budget,
    /// Steps in one epoch; 1 where each step uses all data.
    pub steps_per_epoch: u64,
    /// Training examples that probes measure on; 0 where the problem has none.
    pub probe_examples: u64,
    /// Examples of the test set; 0 where the problem has none, and in logs that do not say.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub test_examples: u64,
    /// Where it branched off another run, if it did: its first position is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<Fork>,
}

/// An evaluation of the average of a run's weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AverageEval {
    /// Where the run was.
    #[serde(flatten)]
    pub at: Position,
    /// How the weights are averaged.
    pub average: AverageKind,
    /// How many iterates are averaged.
    pub iterates: u64,
    /// Forward passes of minibatches taken so far for the batch-norm buffers of the average.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub forward_passes: u64,
    /// Seconds it took.
    #[serde(default)]
    pub took: f64,
    /// What was measured; the keys depend on the problem.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Norm of the average and its distance from the initial weights.
    #[serde(flatten)]
    pub weight_stats: WeightStats,
}

/// How weights are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AverageKind {
    /// Stochastic weight averaging.
    Swa,
    /// An exponential moving average.
    Ema,
}

impl AverageKind {
    /// The name in presets and events.
    pub fn key(self) -> &'static str {
        self.into()
    }
}

/// A length of training, in one of three units, whose names are the keys in presets and events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[strum_discriminants(
    name(BudgetUnit),
    vis(pub(super)),
    derive(IntoStaticStr, VariantArray),
    strum(serialize_all = "snake_case"),
    doc = "The unit of a [`Budget`]."
)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Passes over the training set.
    Epochs(u64),
    /// Optimizer steps.
    Steps(u64),
    /// Gradient evaluations: equal cost for every method.
    Gradients(u64),
}

impl BudgetUnit {
    /// So many of this unit.
    pub fn of(self, count: u64) -> Budget {
        match self {
            Self::Epochs => Budget::Epochs(count),
            Self::Steps => Budget::Steps(count),
            Self::Gradients => Budget::Gradients(count),
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// The budget is spent.
    Completed,
    /// Stopped on request.
    Stopped,
    /// The loss is not finite.
    Diverged,
    /// A panic or an I/O error; the reason says which.
    Failed,
}

impl Event {
    /// Whether two events are the same but for what a clock said.
    pub fn equals_but_for_times(&self, other: &Self) -> bool {
        let timeless = |event: &Self| {
            let mut fields = serde_json::to_value(event).ok()?;
            for time in ["seconds", "took"] {
                fields.as_object_mut()?.remove(time);
            }
            Some(fields)
        };
        // Compared as they are written, since NaN equals nothing.
        timeless(self).is_some() && timeless(self) == timeless(other)
    }

    /// Whether it says what a user did, and does not change the training.
    pub(super) fn is_of_a_user(&self) -> bool {
        match self {
            Self::Pause { .. } | Self::Resume { .. } | Self::Reject { .. } | Self::Fork { .. } => true,
            Self::Start(_)
            | Self::Step { .. }
            | Self::Eval { .. }
            | Self::AverageEval(_)
            | Self::Probe(_)
            | Self::AverageProbe(_)
            | Self::FreeTrace { .. }
            | Self::AscentCurvature { .. }
            | Self::PerturbationGap(_)
            | Self::Bound(_)
            | Self::Measured(_)
            | Self::Adjust { .. }
            | Self::NonFinite { .. }
            | Self::Finish { .. } => false,
        }
    }

    /// Seconds that the measurement took which the event reports; 0 for every other event.
    pub fn measuring_seconds(&self) -> f64 {
        match self {
            Self::Eval { took, .. } => *took,
            Self::AverageEval(eval) => eval.took,
            Self::Probe(probe) | Self::AverageProbe(probe) => probe.took,
            Self::PerturbationGap(curve) => curve.took,
            Self::Bound(bound) => bound.took,
            Self::Measured(measured) => measured.took,
            Self::Start(_)
            | Self::Step { .. }
            | Self::FreeTrace { .. }
            | Self::AscentCurvature { .. }
            | Self::Adjust { .. }
            | Self::Reject { .. }
            | Self::NonFinite { .. }
            | Self::Pause { .. }
            | Self::Resume { .. }
            | Self::Fork { .. }
            | Self::Finish { .. } => 0.0,
        }
    }

    /// Where the run was, for the events that say so on every axis.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Start(_) => Some(Position::default()),
            Self::Step { at, .. }
            | Self::Eval { at, .. }
            | Self::FreeTrace { at, .. }
            | Self::AscentCurvature { at, .. }
            | Self::Adjust { at, .. }
            | Self::NonFinite { at, .. }
            | Self::Finish { at, .. } => Some(*at),
            Self::AverageEval(eval) => Some(eval.at),
            Self::Probe(probe) | Self::AverageProbe(probe) => Some(probe.at),
            Self::PerturbationGap(curve) => Some(curve.at),
            Self::Bound(bound) => Some(bound.at),
            Self::Measured(measured) => Some(measured.at),
            Self::Reject { .. } | Self::Pause { .. } | Self::Resume { .. } | Self::Fork { .. } => None,
        }
    }
}
