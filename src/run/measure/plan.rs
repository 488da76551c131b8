//! What one curvature measurement consists of, and what it may cost.

use super::{MeasurementKind, MeasurementSettings};
use crate::curvature::TraceEstimator;

/// What one curvature measurement consists of, and what it may cost.
#[derive(Debug, Clone, PartialEq)]
pub struct CurvaturePlan {
    /// Training examples to measure on: a balanced sample of so many, drawn by the seed; all where there are no more.
    pub examples: usize,
    /// How the trace is estimated.
    pub estimator: TraceEstimator,
    /// Hessian-vector products for the trace.
    pub trace_probes: u32,
    /// Hessian-vector products that Lanczos may spend on eigenvalues.
    pub lanczos_products: u32,
    /// What is measured besides the trace and `lambda_max`, in the order of the list.
    pub measure: Vec<MeasurementKind>,
    /// The settings of every measurement, asked for or not.
    pub settings: MeasurementSettings,
}

impl Default for CurvaturePlan {
    fn default() -> Self {
        Self {
            examples: 4_000,
            estimator: TraceEstimator::default(),
            trace_probes: 10,
            lanczos_products: 30,
            measure: Vec::new(),
            settings: MeasurementSettings::default(),
        }
    }
}

impl CurvaturePlan {
    /// Whether a measurement is asked for.
    pub fn measures(&self, kind: MeasurementKind) -> bool {
        self.measure.contains(&kind)
    }
}
