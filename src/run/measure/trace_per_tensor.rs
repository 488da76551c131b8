//! The trace of each parameter tensor's block of the exact Hessian.

use super::{
    CurvaturePlan, MeasurementInfo,
    declared::{Declared, HessianMeasurement},
    target::{HessianContext, MeasurementTarget, Shared},
};
use crate::{curvature::TraceEstimator, run::ProblemConfig};

/// The trace of each tensor's diagonal block, Hutchinson's estimate. It comes with Hutchinson's estimate of the trace at no cost; with
/// the other estimators it takes `trace_probes` products of its own. Error: the standard error over probe vectors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TracePerTensor;

impl TracePerTensor {
    /// What presets, files and docs need to know.
    pub const INFO: MeasurementInfo =
        MeasurementInfo { key: "layers", name: "trace per parameter tensor", quantities: &[] };
}

impl Declared for TracePerTensor {
    fn lacks(&self, problem: &ProblemConfig) -> Option<&'static str> {
        (!problem.has_layers()).then_some("several tensors")
    }
}

impl HessianMeasurement for TracePerTensor {
    fn requires(&self) -> Option<Shared> {
        Some(Shared::TracePerTensor)
    }

    fn is_free(&self, plan: &CurvaturePlan) -> bool {
        plan.estimator == TraceEstimator::Hutchinson
    }

    fn measure(&self, _target: &MeasurementTarget<'_>, context: &mut HessianContext<'_>) {
        context.event.layers = context.tensors.to_vec();
    }
}
