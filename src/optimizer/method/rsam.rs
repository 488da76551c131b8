//! Random SAM: an ascent step from a randomly perturbed point.

use burn::tensor::Tensor;

use super::{
    Direction, GradientMethod, MethodInfo, NumberSlot, Settings,
    ascent::on_sphere,
    setting::real,
};
use crate::{
    autodiff::{Layout, Objective, Vector},
    optimizer::{
        hyperparameter::Hyperparameter,
        noise::Noise,
        context::{CurvatureSamples, StepContext, StepStats},
    },
};

/// Random SAM (Liu 2022): D noise, scaled by the norms of output rows in tensors of two dimensions and more;
/// g1 = grad f(w + D); e = rho (D + lambda g1) / (|D + lambda g1|_2 + 1e-12); g = grad f(w + e). Cost 2.
///
/// The reported loss is f(w + D).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rsam {
    /// Radius of the ascent step.
    pub rho: f64,
    /// Distribution and scale of D.
    pub noise: Noise,
    /// Weight of the gradient in the ascent.
    pub lambda: f64,
}

impl Rsam {
    /// Name, formula, cost and paper, for presets, panels and docs.
    pub const INFO: MethodInfo = MethodInfo {
        key: "rsam",
        name: "random SAM (RSAM)",
        formula: "g = ∇f(w + ρ (D + λ g₁)/|D + λ g₁|), g₁ = ∇f(w + D)",
        cost: "2",
        source: "Liu et al. 2022",
    };
    /// SAM's radius, Gaussian noise of scale .01.
    pub const USUAL: Self = Self { rho: 0.05, noise: Noise::gaussian(0.01), lambda: 1.0 };
    /// Settings with which every step is SGD's to the last bit.
    pub const AS_SGD: &'static [(&'static str, Self)] =
        &[("RSAM, rho 0", Self { rho: 0.0, noise: Noise::gaussian(0.1), lambda: 1.0 })];
}

impl Settings for Rsam {
    fn info(&self) -> MethodInfo {
        Self::INFO
    }

    fn cost(&self) -> u64 {
        2
    }

    fn numbers(&mut self) -> Vec<NumberSlot<'_>> {
        vec![real(Hyperparameter::Rho, &mut self.rho), real(Hyperparameter::Lambda, &mut self.lambda)]
    }

    fn noise(&mut self) -> Option<&mut Noise> {
        Some(&mut self.noise)
    }
}

impl GradientMethod for Rsam {
    fn direction(&self, f: &dyn Objective, w: &Vector, context: &mut StepContext<'_>) -> Direction {
        let d = by_rows(&context.noise.draw(w, self.noise), w, context.layout);
        let there = f.gradient(&(w.clone() + d.clone()));
        let e = on_sphere(&(d + there.gradient * self.lambda), self.rho);
        let stats = StepStats { loss: there.loss, curvature_samples: CurvatureSamples::none(), batch_statistics: None };
        Direction { vector: f.gradient(&(w.clone() + e)).gradient, stats }
    }
}

/// `noise` with each output row of a tensor of two dimensions and more multiplied by that row's norm in `w`.
fn by_rows(noise: &Vector, w: &Vector, layout: &Layout) -> Vector {
    layout.map([noise, w], |entry, [noise, w]| {
        if entry.shape.len() < 2 {
            return noise;
        }
        let shape = [entry.rows(), entry.len() / entry.rows().max(1)];
        let norms = w.reshape::<2, _>(shape).square().sum_dim(1).sqrt();
        let noise: Tensor<2> = noise.reshape(shape);
        (noise * norms).reshape([entry.len()])
    })
}
