//! Why a hyperparameter was not set.

use super::{
    categorical::Categorical,
    hyperparameter::{Hyperparameter, OutOfRange},
};

/// Why a hyperparameter was not set.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HyperparameterError {
    /// The value is outside of the range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// The run does not have the hyperparameter.
    #[error("{method} has no {hyperparameter}{}", needs(*.hyperparameter))]
    NoSuchHyperparameter {
        /// The method's key.
        method: &'static str,
        /// The hyperparameter that was asked for.
        hyperparameter: Hyperparameter,
    },
    /// The hyperparameter acts at the start of a run only.
    #[error("{hyperparameter} acts at the start of a run only; set it in the preset and begin again")]
    OnlyAtStart {
        /// The hyperparameter that was asked for.
        hyperparameter: Hyperparameter,
    },
    /// The run does not have the categorical hyperparameter.
    #[error("{}", no_such_categorical(.method, *.categorical))]
    NoSuchCategorical {
        /// The method's key.
        method: &'static str,
        /// The hyperparameter that was asked for.
        categorical: Categorical,
    },
    /// The word is not one of its options.
    #[error("'{}' is none of {}", .word.escape_debug(), .categorical.words().join(", "))]
    NoSuchWord {
        /// What was to be chosen.
        categorical: Categorical,
        /// As asked.
        word: String,
    },
}

/// What a hyperparameter needs that not every run has.
fn needs(hyperparameter: Hyperparameter) -> &'static str {
    match hyperparameter {
        Hyperparameter::Momentum => " with this base optimizer; momentum needs base_optimizer = \"sgd\"",
        Hyperparameter::Beta1 | Hyperparameter::Beta2 | Hyperparameter::Epsilon => {
            " with this base optimizer; it needs base_optimizer = \"adam\", \"amsgrad\" or \"adamw\""
        }
        Hyperparameter::StepSize | Hyperparameter::Gamma => " without lr_schedule = \"step\"",
        Hyperparameter::Radius => " without projection = \"frobenius\" or \"rows\"",
        Hyperparameter::Sigma
        | Hyperparameter::K
        | Hyperparameter::Rho
        | Hyperparameter::Lambda
        | Hyperparameter::Alpha
        | Hyperparameter::Mix
        | Hyperparameter::Smoothing
        | Hyperparameter::Lr
        | Hyperparameter::WeightDecay
        | Hyperparameter::Prior
        | Hyperparameter::Damping
        | Hyperparameter::Precision
        | Hyperparameter::Warmup
        | Hyperparameter::Penalty => "",
    }
}

fn no_such_categorical(method: &str, categorical: Categorical) -> String {
    match categorical {
        Categorical::BaseOptimizer => format!("{method} is an update of its own and takes no base optimizer"),
        Categorical::Distribution
        | Categorical::SigmaSchedule
        | Categorical::Scaling
        | Categorical::LrSchedule
        | Categorical::Projection => format!("{method} has no {categorical}"),
    }
}
