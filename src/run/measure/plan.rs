//! What one curvature measurement consists of, and what it may cost.

use strum::VariantArray;

use super::{MeasurementKind, MeasurementSettings, Setting, declared::Declared, target::Shared};
use crate::{curvature::TraceEstimator, run::ProblemConfig};

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

    /// Whether a measurement that is asked for requires this.
    pub(super) fn requires(&self, shared: Shared) -> bool {
        let asked = self.settings.of_the_hessian().into_iter().filter(|(kind, _)| self.measures(*kind));
        asked.into_iter().any(|(_, measurement)| measurement.requires() == Some(shared))
    }
}

impl MeasurementSettings {
    /// Every setting of every measurement, in the order of presets.
    pub fn all(&mut self) -> impl Iterator<Item = Setting<'_>> {
        self.declared().into_iter().flat_map(Declared::settings)
    }

    /// What a measurement needs and the problem does not have, in words.
    pub fn lacks(&mut self, kind: MeasurementKind, problem: &ProblemConfig) -> Option<&'static str> {
        let place = MeasurementKind::VARIANTS.iter().position(|&one| one == kind)?;
        self.declared()[place].lacks(problem)
    }
}
