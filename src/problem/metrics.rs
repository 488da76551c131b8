//! What an evaluation of a problem finds on its splits.

use serde::{Deserialize, Serialize};

use crate::number;

/// Clean losses and their companions. Keys that a problem does not have are absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metrics {
    /// Mean clean loss on the training set.
    #[serde(with = "number::option", skip_serializing_if = "Option::is_none")]
    pub train_loss: Option<f64>,
    /// Mean clean loss on the validation set: examples of the training set that training never sees.
    #[serde(with = "number::option", skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
    /// Mean clean loss on the test set.
    #[serde(with = "number::option", skip_serializing_if = "Option::is_none")]
    pub test_loss: Option<f64>,
    /// Generalization gap: test loss - train loss.
    #[serde(with = "number::option", skip_serializing_if = "Option::is_none")]
    pub gap: Option<f64>,
    /// Share of training examples classified correctly, 0 to 1.
    #[serde(with = "number::option", skip_serializing_if = "Option::is_none")]
    pub train_accuracy: Option<f64>,
    /// Share of validation examples classified correctly, 0 to 1.
    #[serde(with = "number::option", skip_serializing_if = "Option::is_none")]
    pub validation_accuracy: Option<f64>,
    /// Share of test examples classified correctly, 0 to 1.
    #[serde(with = "number::option", skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<f64>,
    /// Relative squared error on the measurements trained on (matrix sensing).
    #[serde(with = "number::option", skip_serializing_if = "Option::is_none")]
    pub train_error: Option<f64>,
    /// Relative squared error on held-out measurements (matrix sensing).
    #[serde(with = "number::option", skip_serializing_if = "Option::is_none")]
    pub validation_error: Option<f64>,
    /// Distance to the solution: |UU' - X*|_F / |X*|_F (matrix sensing), |w - w*|_2 (quadratic), |y| (valley).
    #[serde(with = "number::option", skip_serializing_if = "Option::is_none")]
    pub distance: Option<f64>,
}
