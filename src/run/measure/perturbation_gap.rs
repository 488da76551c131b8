//! What Gaussian weight noise does to the clean loss, with what the exact trace predicts (figure 2 of the paper).

use super::{
    Found, Measurement, MeasurementInfo, Setting, SettingValue,
    declared::Declared,
    target::{MeasurementContext, MeasurementTarget},
};
use crate::{
    curvature::{GapEffort, ProbeVectors, perturbation_gaps},
    optimizer::Hyperparameter,
    run::{Event, GapCurve, clock::Clock},
};

/// E f(w + U) - f(w), U ~ N(0, sigma^2 I), at several sigma. See [`perturbation_gaps`]. Error: the standard error over antithetic
/// pairs. Cost: two gradients of the sample a pair and sigma.
#[derive(Debug, Clone, PartialEq)]
pub struct PerturbationGap {
    /// Scales of the noise.
    pub sigmas: Vec<f64>,
    /// Antithetic pairs at each scale.
    pub draws: u32,
}

impl PerturbationGap {
    /// What presets, files and docs need to know.
    pub const INFO: MeasurementInfo =
        MeasurementInfo { key: "perturbation_gap", name: "perturbation gap", quantities: &[] };
}

impl Default for PerturbationGap {
    fn default() -> Self {
        Self { sigmas: vec![0.01, 0.02, 0.03, 0.04], draws: 20 }
    }
}

/// What is wrong with scales of the noise.
fn check(sigmas: &[f64]) -> Result<(), String> {
    if sigmas.is_empty() || sigmas.len() > 100 {
        return Err("expected 1 to 100 scales of the noise".into());
    }
    for &sigma in sigmas {
        Hyperparameter::Sigma.check(sigma).map_err(|error| error.to_string())?;
        if sigma == 0.0 {
            return Err("a sigma of 0 has no gap".into());
        }
    }
    Ok(())
}

impl Declared for PerturbationGap {
    fn settings(&mut self) -> Vec<Setting<'_>> {
        vec![
            Setting { key: "gap_sigmas", value: SettingValue::Numbers { value: &mut self.sigmas, check } },
            Setting { key: "gap_draws", value: SettingValue::Count { value: &mut self.draws, range: 2..=1_000_000 } },
        ]
    }
}

impl Measurement for PerturbationGap {
    fn measure(&self, target: &MeasurementTarget<'_>, context: &MeasurementContext) -> Option<Found> {
        let clock = Clock::start();
        let objective = target.objective();
        let vectors = ProbeVectors::new(target.seed, target.w);
        let effort = GapEffort { sigmas: &self.sigmas, draws: self.draws };
        Some(Found::Event(Box::new(Event::PerturbationGap(Box::new(GapCurve {
            at: target.at,
            points: perturbation_gaps(objective.as_ref(), target.w, effort, &vectors),
            trace: context.trace,
            evaluations: 2 * u64::from(self.draws) * self.sigmas.len() as u64,
            took: clock.seconds(),
        })))))
    }
}
