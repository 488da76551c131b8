//! One probe: the curvature of the clean loss at the current weights, each estimate with its error and its cost.

use crate::{
    autodiff::{Objective, Vector, read, values},
    curvature::{
        Effort, Ends, Hessian, Ingredients, ProbeVectors, SampleMean, Trace, TraceEstimator, density, extremes,
        hutch_plus_plus, hutchinson_by_tensor, layerwise, perturbation_gaps,
    },
    problem::{Examples, Mode},
    run::{
        Bound, Density, Eigenvalue, Estimate, Extra, GapCurve, GapPoint, LayerTrace, Layerwise, Position, Probe,
        ProbePlan, clock::Clock, train::Job,
    },
};

/// An eigenvalue is good enough when its residual is below this share of it.
const TOLERANCE: f64 = 1e-3;

/// When the layerwise sum has settled; the paper's code has the same.
const LAYERWISE_TOLERANCE: f64 = 1e-8;

/// How much of a random vector is mixed into Lanczos's start, so that it is never an eigenvector itself.
const FRESH: f64 = 0.3;

/// The e at which the bound's best noise is told.
const BOUND_E: f64 = 1.0;

/// Products for the trace of one example's Hessian by Hutch++: a third of them span what K logits make of it, rank K - 1, up to ten
/// classes.
const BOUND_PRODUCTS: u32 = 30;

/// The vectors at the ends of the spectrum, kept from probe to probe.
#[derive(Debug, Default)]
pub(super) struct Warm {
    top: Option<Vector>,
    bottom: Option<Vector>,
}

/// What a probe looks at.
pub(super) struct Subject<'a> {
    pub job: Job<'a>,
    pub w: &'a Vector,
    /// The moments that batch normalisation has stored.
    pub statistics: Option<&'a Vector>,
    pub start: &'a Vector,
    pub at: Position,
}

impl Subject<'_> {
    fn plan(&self) -> &ProbePlan {
        &self.job.train.probe
    }

    fn wants(&self, extra: Extra) -> bool {
        self.plan().extras.contains(&extra)
    }

    /// The clean loss on the probe's sample.
    fn objective(&self) -> Box<dyn Objective + '_> {
        self.on(Examples::First(self.plan().examples))
    }

    fn on(&self, examples: Examples<'_>) -> Box<dyn Objective + '_> {
        let mode = Mode { statistics: self.statistics.cloned(), ..Mode::default() };
        self.job.problem.objective_in(mode, examples)
    }

    /// Trace, eigenvalues and whatever else of the exact Hessian the plan asks for.
    ///
    /// Lanczos starts from the last vectors at the ends with a little of a random one.
    pub fn curvature(&self, warm: &mut Warm) -> Probe {
        let clock = Clock::start();
        let (plan, w, layout) = (self.plan(), self.w, self.job.problem.layout());
        let objective = self.objective();
        let hessian = Hessian::new(objective.as_ref(), w);
        let mut vectors = ProbeVectors::new(self.job.train.seed);
        let mut products = 0;

        let several = layout.entries().len() > 1;
        let by_tensor =
            |vectors: &mut ProbeVectors| hutchinson_by_tensor(&hessian, (layout, w, vectors), plan.trace_probes);
        let (trace, layers) = if several && plan.estimator == TraceEstimator::Hutchinson {
            let parts = by_tensor(&mut vectors);
            (parts.total, parts.tensors)
        } else if several && self.wants(Extra::Layers) {
            // Other estimators' products do not tell the parts, which cost their own.
            let parts = by_tensor(&mut vectors.clone());
            products += u64::from(parts.total.products);
            (plan.estimator.estimate(&hessian, (w, &mut vectors), plan.trace_probes), parts.tensors)
        } else {
            (plan.estimator.estimate(&hessian, (w, &mut vectors), plan.trace_probes), Vec::new())
        };
        products += u64::from(trace.products);

        let ends = if self.wants(Extra::LambdaMin) { Ends::Both } else { Ends::Largest };
        let random = vectors.signs(w);
        let scale = FRESH / (w.dims()[0] as f64).sqrt();
        let start = match (warm.top.take(), warm.bottom.take()) {
            (Some(top), Some(bottom)) if ends == Ends::Both => top + bottom + random * scale,
            (Some(top), _) => top + random * scale,
            (None, _) => random,
        };
        let effort = Effort { products: plan.lanczos_products, tolerance: TOLERANCE };
        let spectrum = extremes(&hessian, &start, (ends, effort));
        products += u64::from(spectrum.largest.products);
        let eigenvalue = |pair: &crate::curvature::Eigenpair| Eigenvalue {
            value: pair.value,
            residual: pair.residual,
            products: pair.products.into(),
        };
        let lambda_max = eigenvalue(&spectrum.largest);
        let lambda_min = spectrum.smallest.as_ref().map(eigenvalue);
        warm.top = lambda_max.value.is_finite().then_some(spectrum.largest.vector);
        warm.bottom = spectrum.smallest.map(|pair| pair.vector).filter(|_| warm.top.is_some());

        let found = self.wants(Extra::Layerwise).then(|| {
            let effort = Effort { tolerance: LAYERWISE_TOLERANCE, ..effort };
            layerwise(&hessian, (layout, &vectors.normal(w)), effort)
        });
        let lambda_layerwise = found.flatten().map(|found| {
            products += u64::from(found.products);
            Layerwise { value: found.value, change: found.change, products: found.products.into() }
        });
        let density = self.wants(Extra::Density).then(|| {
            let found = density(&hessian, (w, &mut vectors), plan.density);
            products += u64::from(found.products);
            Density { nodes: found.nodes, weights: found.weights, products: found.products.into() }
        });
        let gradient = objective.gradient(w).gradient;
        let Position { step, gradients, seconds } = self.at;
        Probe {
            step,
            gradients,
            seconds,
            trace: trace.into(),
            lambda_max,
            estimator: plan.estimator,
            lambda_min,
            lambda_layerwise,
            layers: layout
                .entries()
                .iter()
                .zip(layers)
                .map(|(entry, trace)| LayerTrace { name: entry.name.clone(), trace: trace.into() })
                .collect(),
            // A density of a map that is not finite says nothing.
            density: density.filter(|density| density.nodes.iter().all(|node| node.is_finite())),
            gradient_norm: read(vec![gradient.square().sum().sqrt()]).pop(),
            examples: self.job.problem.examples().min(plan.examples) as u64,
            products,
            took: clock.seconds(),
        }
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

    /// The bound: the largest loss of all training examples; the largest Hessian trace of a sample of them, one by one, half of it those of
    /// largest loss and half spread evenly. A largest is not below the mean, which is `mean`, the trace of the whole loss.
    /// `None` where there are no examples, or where no trace is positive and the bound says nothing.
    pub fn bound(&self, mean: Estimate) -> Option<Bound> {
        let clock = Clock::start();
        let (plan, problem) = (self.plan(), self.job.problem);
        let losses = values(&problem.example_losses(self.w, self.statistics)?);
        let chosen = half_by_loss(&losses, plan.bound_examples);
        let traces: Vec<Trace> = chosen
            .iter()
            .map(|&example| {
                let objective = self.on(Examples::Chosen(&[example]));
                let hessian = Hessian::new(objective.as_ref(), self.w);
                let mut vectors = ProbeVectors::new(self.job.train.seed);
                hutch_plus_plus(&hessian, (self.w, &mut vectors), BOUND_PRODUCTS)
            })
            .collect();
        let each = traces.iter().map(|&trace| Estimate::from(trace));
        let largest_trace = each.chain([mean]).max_by(|a, b| a.mean.total_cmp(&b.mean))?;
        let largest_loss = losses.iter().copied().max_by(f64::total_cmp)?;
        if !(largest_trace.mean > 0.0 && largest_loss.is_finite()) {
            return None;
        }
        let ingredients = Ingredients {
            trace: largest_trace.mean,
            distance: read(vec![(self.w.clone() - self.start.clone()).square().sum().sqrt()]).pop()?,
            largest_loss,
            examples: losses.len() as u64,
        };
        let train_loss = losses.iter().sum::<f64>() / losses.len() as f64;
        let Position { step, gradients, seconds } = self.at;
        Some(Bound {
            step,
            gradients,
            seconds,
            largest_trace,
            travel: ingredients.distance,
            largest_loss: ingredients.largest_loss,
            train_loss,
            examples: ingredients.examples,
            measured: chosen.len() as u64,
            theorem: ingredients.theorem(),
            code: ingredients.code(),
            epsilon: BOUND_E,
            bound: (1.0 + BOUND_E) * (train_loss + ingredients.theorem()),
            best_sigma: ingredients.best_sigma(BOUND_E),
            products: traces.iter().map(|trace| u64::from(trace.products)).sum(),
            took: clock.seconds(),
        })
    }
}

/// So many indices, or all: half of them those of the largest losses, the others spread evenly over what is left.
fn half_by_loss(losses: &[f64], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|&a, &b| losses[b].total_cmp(&losses[a]));
    let count = count.min(order.len());
    let rest = order.split_off(count.div_ceil(2));
    let spread = count - order.len();
    order.extend((0..spread).filter_map(|place| rest.get(place * rest.len() / spread)));
    order
}

impl From<SampleMean> for Estimate {
    fn from(mean: SampleMean) -> Self {
        Self { mean: mean.mean, std_error: mean.std_error, probes: mean.count }
    }
}

impl From<Trace> for Estimate {
    /// Its probes are the products spent, whatever the estimator made of them.
    fn from(trace: Trace) -> Self {
        Self { probes: trace.products.into(), ..trace.mean.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten losses, largest at 3, 8, 1: two by loss, two of the eight others, the first and the middle one by loss.
    #[test]
    fn a_sample_is_half_by_loss_and_half_spread() {
        let losses = [0.5, 0.8, 0.1, 1.0, 0.7, 0.2, 0.6, 0.3, 0.9, 0.4];
        assert_eq!(half_by_loss(&losses, 4), [3, 8, 1, 9]);
        assert_eq!(half_by_loss(&losses, 1), [3]);
        let mut all = half_by_loss(&losses, 99);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}
