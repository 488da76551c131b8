//! The layerwise number that the paper's code calls lambda, by its authors' protocol.

use super::{
    MeasurementInfo,
    declared::{Declared, HessianMeasurement},
    order::nan_above,
    target::{HessianContext, MeasurementTarget},
};
use crate::{
    curvature::{Effort, Estimate, Hessian, WeightTensors, layerwise, paper_layers},
    problem::Examples,
    run::{Layerwise, ProblemConfig},
};

/// When the layerwise sum has settled; the paper's code has the same.
const TOLERANCE: f64 = 1e-8;

/// Examples in a minibatch of the sum, and minibatches at most, as the paper's authors have them.
const BATCH: usize = 16;
const BATCHES: usize = 63;

/// The mean over minibatches of 16 of sum_l v_l'(H v)_l; no eigenvalue. See [`layerwise`]. Error: the standard error over
/// minibatches. Cost: at most `lanczos_products` products of each of 63 minibatches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerwiseLambda;

impl LayerwiseLambda {
    /// What presets, files and docs need to know.
    pub const INFO: MeasurementInfo =
        MeasurementInfo { key: "lambda_layerwise", name: "layerwise λ of the paper's code", quantities: &[] };
}

impl Declared for LayerwiseLambda {
    fn lacks(&self, problem: &ProblemConfig) -> Option<&'static str> {
        (!problem.has_layers() && !problem.has_labels()).then_some("weight tensors")
    }
}

impl HessianMeasurement for LayerwiseLambda {
    fn measure(&self, target: &MeasurementTarget<'_>, context: &mut HessianContext<'_>) {
        let start = context.vectors.normal();
        let layout = target.problem.layout();
        let weights = WeightTensors { layout, layers: &paper_layers(layout) };
        let effort = Effort { products: context.plan.lanczos_products, tolerance: TOLERANCE };
        let size = BATCH.min(target.sample.len());
        let batches = target.sample.chunks(BATCH).filter(|batch| batch.len() == size).take(BATCHES);
        let found: Vec<_> = batches
            .filter_map(|batch| {
                let objective = target.on(Examples::Chosen(batch));
                layerwise(&Hessian::new(objective.as_ref(), target.w), weights, &start, effort)
            })
            .collect();
        let sums: Vec<f64> = found.iter().map(|of_batch| of_batch.value).collect();
        let Estimate { mean, std_error, samples: count, .. } = Estimate::of(&sums);
        if count == 0 {
            return;
        }
        let products = found.iter().map(|of_batch| u64::from(of_batch.products)).sum();
        context.event.lambda_layerwise = Some(Layerwise {
            value: mean,
            std_error,
            batches: count,
            change: found.iter().map(|of_batch| of_batch.change).max_by(|&a, &b| nan_above(a, b)).unwrap_or(f64::NAN),
            products,
        });
        context.event.products += products;
    }
}
