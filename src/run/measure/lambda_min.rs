//! The smallest eigenvalue of the exact Hessian.

use super::{
    MeasurementInfo,
    declared::{Declared, HessianMeasurement},
    target::{HessianContext, MeasurementTarget, Shared},
};
use crate::run::Eigenvalue;

/// The smallest (most negative) eigenvalue, from the Krylov space of the largest: within the products of `lambda_max`. Error: the Ritz
/// residual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LambdaMin;

impl LambdaMin {
    /// What presets, files and docs need to know.
    pub const INFO: MeasurementInfo =
        MeasurementInfo { key: "lambda_min", name: "smallest eigenvalue", quantities: &[] };
}

impl Declared for LambdaMin {}

impl HessianMeasurement for LambdaMin {
    fn requires(&self) -> Option<Shared> {
        Some(Shared::SmallestEigenvalue)
    }

    fn measure(&self, _target: &MeasurementTarget<'_>, context: &mut HessianContext<'_>) {
        context.event.lambda_min = context.spectrum.smallest.as_ref().map(Eigenvalue::from);
    }
}
