//! The trace of the exact Hessian over the sample, with its errors over probe vectors and over examples.

use super::target::{MeasurementTarget, Shared};
use crate::{
    autodiff::Vector,
    curvature::{
        Estimate, Hessian, LinearOperator, ProbeVectors, Term, Trace, TraceByPart, TraceEstimator, hutchinson_by_part,
    },
    problem::Examples,
    run::{NamedEstimate, measure::CurvaturePlan},
};

/// Parts of a sample whose traces give the error over examples.
const PARTS: usize = 16;

/// A trace, and what its Hessian-vector products found besides.
pub(super) struct Traced {
    pub trace: Estimate,
    /// The trace of each tensor's block; empty where it is not known, or for a single tensor.
    pub tensors: Vec<NamedEstimate>,
    /// Hessian-vector products spent.
    pub products: u64,
}

/// A map that is borrowed.
struct Borrowed<'a>(&'a dyn LinearOperator);

impl LinearOperator for Borrowed<'_> {
    fn apply(&self, v: &Vector) -> Vector {
        self.0.apply(v)
    }

    fn dimension(&self) -> usize {
        self.0.dimension()
    }
}

/// The trace of `hessian`, that of the whole sample. Hutchinson's vectors are the same for the sample and for its parts; with the
/// other estimators the parts cost products of their own.
pub(super) fn trace(
    target: &MeasurementTarget<'_>,
    hessian: &dyn LinearOperator,
    vectors: &mut ProbeVectors,
    plan: &CurvaturePlan,
) -> Traced {
    if plan.estimator == TraceEstimator::Hutchinson {
        let found = by_part(target, hessian, vectors, plan.trace_probes);
        let trace = sampled(target, found.total, &found.terms);
        return Traced { trace, tensors: named(target, found.tensors), products: found.total.products.into() };
    }
    let several = target.problem.layout().entries().len() > 1;
    let wants_parts = !target.has_all_examples() || (several && plan.requires(Shared::TracePerTensor));
    let parts = wants_parts.then(|| by_part(target, hessian, &mut vectors.clone(), plan.trace_probes));
    let found = plan.estimator.estimate(hessian, vectors, plan.trace_probes);
    let products = found.products + parts.as_ref().map_or(0, |parts| parts.total.products);
    let trace = sampled(target, found, parts.as_ref().map_or(&[], |parts| &parts.terms));
    let tensors = parts.map_or_else(Vec::new, |parts| named(target, parts.tensors));
    Traced { trace, tensors, products: products.into() }
}

/// Hutchinson's estimate over the sample as one, or part by part where it is not the whole training set.
fn by_part(
    target: &MeasurementTarget<'_>,
    hessian: &dyn LinearOperator,
    vectors: &mut ProbeVectors,
    products: u32,
) -> TraceByPart {
    let layout = target.problem.layout();
    if target.has_all_examples() {
        let whole = Term { weight: 1.0, operator: Box::new(Borrowed(hessian)) };
        return hutchinson_by_part(std::iter::once(whole), layout, vectors, products);
    }
    let parts: Vec<_> = target.parts(PARTS).map(|part| (part.len(), target.on(Examples::Chosen(part)))).collect();
    let terms = parts.iter().map(|(size, part)| Term {
        weight: *size as f64 / target.sample.len() as f64,
        operator: Box::new(Hessian::new(part.as_ref(), target.w)),
    });
    hutchinson_by_part(terms, layout, vectors, products)
}

/// The trace with its error over examples, from the traces of parts of the sample.
fn sampled(target: &MeasurementTarget<'_>, trace: Trace, terms: &[f64]) -> Estimate {
    let Some(examples) = target.problem.examples() else { return trace.into() };
    let share = target.sample.len() as f64 / examples.get() as f64;
    let parts = if target.has_all_examples() { u64::MAX } else { terms.len() as u64 };
    Estimate::from(trace).sampled(Estimate::error_of_sampling(terms, share), trace.mean.samples.min(parts))
}

/// The traces of several tensors by their names.
fn named(target: &MeasurementTarget<'_>, traces: Vec<Estimate>) -> Vec<NamedEstimate> {
    let entries = target.problem.layout().entries();
    let several = entries.iter().zip(traces).filter(|_| entries.len() > 1);
    several.map(|(entry, trace)| NamedEstimate { name: entry.name.clone(), estimate: trace }).collect()
}
