//! Estimates by their names.

use serde::{Deserialize, Serialize};

use crate::curvature::Estimate;

/// An estimate with its name: of a parameter tensor, or of a quantity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedEstimate {
    /// What it is of.
    pub name: String,
    /// Its value with its error.
    #[serde(flatten)]
    pub estimate: Estimate,
}
