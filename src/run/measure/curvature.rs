//! One curvature measurement: trace and largest eigenvalue of the exact Hessian of the clean loss at the current weights, and what
//! else of this Hessian the plan asks for.

use burn::tensor::Device;

use super::{
    CurvaturePlan,
    target::{HessianContext, MeasurementTarget, Shared},
    trace::{Traced, trace},
};
use crate::{
    autodiff::{Archive, Vector, norm, read},
    curvature::{Effort, Eigenpair, Extremal, Hessian, ProbeVectors, extremal_eigenpairs},
    run::{Eigenvalue, Probe, clock::Clock},
};

/// An eigenvalue is good enough when its residual is below this share of it.
const TOLERANCE: f64 = 1e-3;

/// How much of a random vector is mixed into Lanczos's start, so that it is never an eigenvector itself.
const RESTART_NOISE: f64 = 0.3;

/// The vectors at the ends of the spectrum, kept from one curvature measurement to the next.
#[derive(Debug, Clone, Default)]
pub(super) struct WarmStart {
    top: Option<Vector>,
    bottom: Option<Vector>,
}

impl WarmStart {
    pub fn to_archive(&self) -> Archive {
        let mut archive = Archive::default();
        archive.put_some("top", self.top.as_ref());
        archive.put_some("bottom", self.bottom.as_ref());
        archive
    }

    pub fn from_archive(archive: &Archive, device: &Device) -> Self {
        Self { top: archive.find("top", device), bottom: archive.find("bottom", device) }
    }
}

/// Trace, eigenvalues and what else of the exact Hessian the plan asks for. Besides the Hessian-vector products that the event counts
/// it costs one gradient of the sample. Lanczos starts from the last vectors at the ends with a little of a random one.
pub(super) fn curvature(target: &MeasurementTarget<'_>, plan: &CurvaturePlan, warm_start: &mut WarmStart) -> Probe {
    let clock = Clock::start();
    let w = target.w;
    let objective = target.objective();
    let hessian = Hessian::new(objective.as_ref(), w);
    let mut vectors = ProbeVectors::new(target.seed, w);
    let Traced { trace, tensors, products } = trace(target, &hessian, &mut vectors, plan);

    let both = plan.requires(Shared::SmallestEigenvalue);
    let ends = if both { Extremal::Both } else { Extremal::Largest };
    let start = lanczos_start(warm_start, ends, vectors.signs());
    let effort = Effort { products: plan.lanczos_products, tolerance: TOLERANCE };
    let spectrum = extremal_eigenpairs(&hessian, &start, ends, effort);
    warm_start.top = spectrum.largest.value.is_finite().then(|| spectrum.largest.vector.clone());
    warm_start.bottom = spectrum.smallest.as_ref().map(|pair| pair.vector.clone()).filter(|_| warm_start.top.is_some());

    let lambda_max = Eigenvalue::from(&spectrum.largest);
    let event = Probe {
        estimator: plan.estimator,
        examples: target.sample.len() as u64,
        products: products + lambda_max.products,
        ..Probe::new(target.at, trace, lambda_max)
    };
    let mut context = HessianContext {
        plan,
        hessian: &hessian,
        vectors: &mut vectors,
        spectrum: &spectrum,
        tensors: &tensors,
        event,
    };
    for (kind, measurement) in plan.settings.of_the_hessian() {
        if plan.measures(kind) || measurement.is_free(plan) {
            measurement.measure(target, &mut context);
        }
    }
    let clean = objective.gradient(w);
    let [loss, gradient_norm] = match read(vec![clean.loss, norm(&clean.gradient)])[..] {
        [loss, norm] => [Some(loss), Some(norm)],
        _ => [None; 2],
    };
    Probe { loss, gradient_norm, took: clock.seconds(), ..context.event }
}

/// Where Lanczos starts: at the last vectors of the wanted ends plus [`RESTART_NOISE`] of a random one, of signs.
fn lanczos_start(warm_start: &mut WarmStart, ends: Extremal, random: Vector) -> Vector {
    let scale = RESTART_NOISE / (random.dims()[0] as f64).sqrt();
    match (warm_start.top.take(), warm_start.bottom.take()) {
        (Some(top), Some(bottom)) if ends == Extremal::Both => top + bottom + random * scale,
        (Some(top), _) => top + random * scale,
        (None, _) => random,
    }
}

impl From<&Eigenpair> for Eigenvalue {
    fn from(pair: &Eigenpair) -> Self {
        Self { value: pair.value, residual: pair.residual, products: pair.products.into() }
    }
}
