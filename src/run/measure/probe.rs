//! One probe: the curvature of the clean loss at the current weights, each estimate with its error and its cost.

use crate::{
    autodiff::{Objective, Vector, norm, read},
    curvature::{
        self, Effort, Eigenpair, Extremal, Hessian, LinearOperator, Origin, ProbeVectors, SampleMean, Term, Trace,
        TraceEstimator, density, extremal_eigenpairs, hutchinson_by_part, layerwise, paper_layers, perturbation_gaps,
    },
    problem::{Examples, Mode},
    run::{
        Density, Eigenvalue, Estimate, Extra, GapCurve, GapPoint, LayerTrace, Layerwise, Position, Probe, ProbePlan,
        clock::Clock, job::Job,
    },
};

/// An eigenvalue is good enough when its residual is below this share of it.
const TOLERANCE: f64 = 1e-3;

/// When the layerwise sum has settled; the paper's code has the same.
const LAYERWISE_TOLERANCE: f64 = 1e-8;

/// Examples in a minibatch of the layerwise sum, and minibatches at most, as the paper's authors have them.
const LAYERWISE_BATCH: usize = 16;
const LAYERWISE_BATCHES: usize = 63;

/// Parts of a sample whose traces tell how much it matters which examples are in it.
const PARTS: usize = 16;

/// How much of a random vector is mixed into Lanczos's start, so that it is never an eigenvector itself.
const RESTART_NOISE: f64 = 0.3;

/// The vectors at the ends of the spectrum, kept from probe to probe.
#[derive(Debug, Default)]
pub(super) struct WarmStart {
    top: Option<Vector>,
    bottom: Option<Vector>,
}

/// What a probe looks at.
pub(super) struct ProbeTarget<'a> {
    pub job: Job<'a>,
    /// The training examples to measure on.
    pub sample: &'a [usize],
    pub w: &'a Vector,
    /// The buffers of batch normalisation, where there is one.
    pub buffers: Option<&'a Vector>,
    pub start: &'a Vector,
    pub at: Position,
}

/// A trace as a probe tells it, and the products that it took.
struct Traced {
    trace: Estimate,
    layers: Vec<LayerTrace>,
    products: u64,
}

/// A map that is borrowed.
struct Same<'a>(&'a dyn LinearOperator);

impl LinearOperator for Same<'_> {
    fn apply(&self, v: &Vector) -> Vector {
        self.0.apply(v)
    }

    fn dimension(&self) -> usize {
        self.0.dimension()
    }
}

impl ProbeTarget<'_> {
    pub(super) fn plan(&self) -> &ProbePlan {
        &self.job.train.probe
    }

    fn wants(&self, extra: Extra) -> bool {
        self.plan().extras.contains(&extra)
    }

    /// The clean loss on the probe's sample.
    fn objective(&self) -> Box<dyn Objective + '_> {
        self.on(if self.is_everything() { Examples::First(self.sample.len()) } else { Examples::Chosen(self.sample) })
    }

    /// The clean loss on these examples.
    pub(super) fn on(&self, examples: Examples<'_>) -> Box<dyn Objective + '_> {
        let mode = Mode { buffers: self.buffers.cloned(), ..Mode::default() };
        self.job.problem.objective_in(mode, examples)
    }

    /// Trace, eigenvalues and whatever else of the exact Hessian the plan asks for. Besides the products that it tells, it costs one
    /// gradient of the sample.
    ///
    /// Lanczos starts from the last vectors at the ends with a little of a random one.
    pub fn curvature(&self, warm_start: &mut WarmStart) -> Probe {
        let clock = Clock::start();
        let (plan, w) = (self.plan(), self.w);
        let objective = self.objective();
        let hessian = Hessian::new(objective.as_ref(), w);
        let mut vectors = ProbeVectors::new(self.job.train.seed);
        let Traced { trace, layers, mut products } = self.trace(&hessian, &mut vectors);

        let ends = if self.wants(Extra::LambdaMin) { Extremal::Both } else { Extremal::Largest };
        let random = vectors.signs(w);
        let scale = RESTART_NOISE / (w.dims()[0] as f64).sqrt();
        let start = match (warm_start.top.take(), warm_start.bottom.take()) {
            (Some(top), Some(bottom)) if ends == Extremal::Both => top + bottom + random * scale,
            (Some(top), _) => top + random * scale,
            (None, _) => random,
        };
        let effort = Effort { products: plan.lanczos_products, tolerance: TOLERANCE };
        let spectrum = extremal_eigenpairs(&hessian, &start, (ends, effort));
        products += u64::from(spectrum.largest.products);
        let eigenvalue = |pair: &Eigenpair| Eigenvalue {
            value: pair.value,
            residual: pair.residual,
            products: pair.products.into(),
        };
        let lambda_max = eigenvalue(&spectrum.largest);
        let lambda_min = spectrum.smallest.as_ref().map(eigenvalue);
        warm_start.top = lambda_max.value.is_finite().then_some(spectrum.largest.vector);
        warm_start.bottom = spectrum.smallest.map(|pair| pair.vector).filter(|_| warm_start.top.is_some());

        let lambda_layerwise = self.wants(Extra::Layerwise).then(|| self.layerwise(&vectors.normal(w))).flatten();
        products += lambda_layerwise.map_or(0, |found| found.products);
        let density = self.wants(Extra::Density).then(|| {
            let found = density(&hessian, (w, &mut vectors), &spectrum.outliers, plan.density);
            products += u64::from(found.products);
            Density::from(found)
        });
        let clean = objective.gradient(w);
        let [loss, gradient_norm] = match read(vec![clean.loss, norm(&clean.gradient)])[..] {
            [loss, norm] => [Some(loss), Some(norm)],
            _ => [None; 2],
        };
        let Position { step, gradients, seconds } = self.at;
        Probe {
            step,
            gradients,
            seconds,
            trace,
            lambda_max,
            estimator: plan.estimator,
            lambda_min,
            lambda_layerwise,
            layers,
            // A density of a map that is not finite says nothing.
            density: density.filter(|density| density.nodes.iter().all(|node| node.is_finite())),
            loss,
            gradient_norm,
            examples: self.sample.len() as u64,
            products,
            took: clock.seconds(),
        }
    }

    /// The trace of `hessian`, which is that of the whole sample, with the error by which examples are in it, and its parts by tensor.
    fn trace(&self, hessian: &dyn LinearOperator, vectors: &mut ProbeVectors) -> Traced {
        let (plan, w, layout) = (self.plan(), self.w, self.job.problem.layout());
        let several = layout.entries().len() > 1;
        let by_part = |vectors: &mut ProbeVectors| {
            let parts = self.parts().filter(|_| !self.is_everything());
            let parts: Vec<_> = parts.map(|part| (part.len(), self.on(Examples::Chosen(part)))).collect();
            let of_parts = parts.iter().map(|(size, part)| Term {
                weight: *size as f64 / self.sample.len() as f64,
                operator: Box::new(Hessian::new(part.as_ref(), w)),
            });
            let whole = self.is_everything().then(|| Term { weight: 1.0, operator: Box::new(Same(hessian)) });
            let terms = whole.into_iter().chain(of_parts);
            hutchinson_by_part(terms, (layout, w, vectors), plan.trace_probes)
        };
        let share = self.sample.len() as f64 / self.job.problem.examples().max(1) as f64;
        let sampled = |trace: Trace, terms: &[f64]| {
            if self.job.problem.examples() == 0 {
                return trace.into();
            }
            let parts = if self.is_everything() { u64::MAX } else { terms.len() as u64 };
            Estimate::from(trace).sampled(SampleMean::error_of_sampling(terms, share), trace.mean.count.min(parts))
        };
        let named = |tensors: Vec<SampleMean>| {
            let tensors = layout.entries().iter().zip(tensors).filter(|_| several);
            tensors.map(|(entry, trace)| LayerTrace { name: entry.name.clone(), trace: trace.into() }).collect()
        };
        if plan.estimator == TraceEstimator::Hutchinson {
            let found = by_part(vectors);
            let trace = sampled(found.total, &found.terms);
            return Traced { trace, layers: named(found.tensors), products: found.total.products.into() };
        }
        // Other estimators' products do not tell the parts, which cost their own.
        let wants_parts = !self.is_everything() || (several && self.wants(Extra::Layers));
        let parts = wants_parts.then(|| by_part(&mut vectors.clone()));
        let found = plan.estimator.estimate(hessian, (w, vectors), plan.trace_probes);
        let products = found.products + parts.as_ref().map_or(0, |parts| parts.total.products);
        let trace = sampled(found, parts.as_ref().map_or(&[], |parts| &parts.terms));
        let layers = parts.filter(|_| self.wants(Extra::Layers)).map_or_else(Vec::new, |parts| named(parts.tensors));
        Traced { trace, layers, products: products.into() }
    }

    /// Whether the sample is all that there is.
    fn is_everything(&self) -> bool {
        self.sample.len() == self.job.problem.examples()
    }

    /// The sample in [`PARTS`] parts of equal size (to one example), each mixed as the whole.
    fn parts(&self) -> impl Iterator<Item = &[usize]> {
        let (examples, count) = (self.sample.len(), PARTS.min(self.sample.len()));
        (0..count).map(move |part| &self.sample[part * examples / count..(part + 1) * examples / count])
    }

    /// The paper's "lambda", by its authors' protocol on the sample.
    fn layerwise(&self, start: &Vector) -> Option<Layerwise> {
        let layout = self.job.problem.layout();
        let layers = paper_layers(layout);
        let effort = Effort { products: self.plan().lanczos_products, tolerance: LAYERWISE_TOLERANCE };
        let batches =
            self.sample.chunks(LAYERWISE_BATCH).filter(|batch| batch.len() == LAYERWISE_BATCH.min(self.sample.len()));
        let found: Vec<_> = batches
            .take(LAYERWISE_BATCHES)
            .filter_map(|batch| {
                let objective = self.on(Examples::Chosen(batch));
                layerwise(&Hessian::new(objective.as_ref(), self.w), (layout, start), &layers, effort)
            })
            .collect();
        let SampleMean { mean, std_error, count } =
            SampleMean::of(&found.iter().map(|of_batch| of_batch.value).collect::<Vec<_>>());
        (count > 0).then(|| Layerwise {
            value: mean,
            std_error,
            batches: count,
            change: found.iter().map(|of_batch| of_batch.change).max_by(f64::total_cmp).unwrap_or(f64::NAN),
            products: found.iter().map(|of_batch| u64::from(of_batch.products)).sum(),
        })
    }

    /// What noise does to the clean loss, beside what the exact trace predicts.
    pub fn perturbation_gap(&self, trace: Estimate) -> GapCurve {
        let clock = Clock::start();
        let plan = self.plan();
        let objective = self.objective();
        let vectors = ProbeVectors::new(self.job.train.seed);
        let found = perturbation_gaps((objective.as_ref(), self.w), (&plan.gap_sigmas, plan.gap_draws), &vectors);
        let points = found.into_iter().map(|point| GapPoint {
            sigma: point.sigma,
            gap: point.gap.into(),
            smoothed_trace: point.smoothed_trace.into(),
        });
        let Position { step, gradients, seconds } = self.at;
        GapCurve {
            step,
            gradients,
            seconds,
            points: points.collect(),
            trace,
            evaluations: 2 * u64::from(plan.gap_draws) * plan.gap_sigmas.len() as u64,
            took: clock.seconds(),
        }
    }
}

impl From<curvature::Density> for Density {
    fn from(found: curvature::Density) -> Self {
        Self {
            nodes: found.points.iter().map(|point| point.node).collect(),
            weights: found.points.iter().map(|point| point.weight).collect(),
            starts: found
                .points
                .iter()
                .map(|point| match point.origin {
                    Origin::Known => 0,
                    Origin::Start(start) => start + 1,
                })
                .collect(),
            trace: Some(found.trace.into()),
            products: found.products.into(),
        }
    }
}

impl From<SampleMean> for Estimate {
    fn from(mean: SampleMean) -> Self {
        Self::new(mean.mean, mean.std_error, mean.count)
    }
}

impl From<Trace> for Estimate {
    /// Its probes are the products spent, whatever the estimator made of them.
    fn from(trace: Trace) -> Self {
        Self { probes: trace.products.into(), ..trace.mean.into() }
    }
}
