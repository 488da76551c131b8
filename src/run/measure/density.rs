//! The spectral density of the exact Hessian.

use super::{
    MeasurementInfo, Setting, SettingValue,
    declared::{Declared, HessianMeasurement},
    target::{HessianContext, MeasurementTarget},
};
use crate::curvature::{DensityEffort, density};

/// The spectral density by stochastic Lanczos quadrature, the eigenvalues that the search for `lambda_max` found pinned. See
/// [`density`]. Cost: `probes` times `steps` products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpectralDensity {
    /// Random starts, averaged.
    pub probes: u32,
    /// Lanczos steps from each.
    pub steps: u32,
}

impl SpectralDensity {
    /// What presets, files and docs need to know.
    pub const INFO: MeasurementInfo = MeasurementInfo { key: "density", name: "spectral density", quantities: &[] };
}

impl Default for SpectralDensity {
    fn default() -> Self {
        Self { probes: 4, steps: 30 }
    }
}

impl Declared for SpectralDensity {
    fn settings(&mut self) -> Vec<Setting<'_>> {
        vec![
            Setting { key: "density_probes", value: SettingValue::Count { value: &mut self.probes, range: 1..=1_000 } },
            Setting { key: "density_steps", value: SettingValue::Count { value: &mut self.steps, range: 2..=1_000 } },
        ]
    }
}

impl HessianMeasurement for SpectralDensity {
    fn measure(&self, _target: &MeasurementTarget<'_>, context: &mut HessianContext<'_>) {
        let effort = DensityEffort { probes: self.probes, steps: self.steps };
        let found = density(context.hessian, context.vectors, &context.spectrum.outliers, effort);
        context.event.products += found.products;
        // A density of a map that is not finite says nothing.
        context.event.density = Some(found).filter(|found| found.nodes.iter().all(|node| node.is_finite()));
    }
}
