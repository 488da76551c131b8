//! What measurements find, as the log has it: curvature, what noise does to the loss, bounds, where the weights are.
//! Part of the vocabulary of events; plain data with its errors and its cost.

use serde::{Deserialize, Serialize};

use super::{estimate::NamedEstimate, position::Position};
use crate::{
    curvature::{Density, Estimate, GapPoint, TraceEstimator},
    number,
};

/// One curvature measurement of the clean loss at the current weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Where the run was when the measurement began.
    #[serde(flatten)]
    pub at: Position,
    /// Trace of the exact Hessian.
    pub trace: Estimate,
    /// Largest eigenvalue of the exact Hessian.
    pub lambda_max: Eigenvalue,
    /// How the trace was estimated.
    #[serde(default)]
    pub estimator: TraceEstimator,
    /// Smallest eigenvalue of the exact Hessian, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda_min: Option<Eigenvalue>,
    /// The sum over weight tensors that the paper's code calls lambda, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda_layerwise: Option<Layerwise>,
    /// Trace of each tensor's block of the Hessian, in the order of the layout; empty for a single tensor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<NamedEstimate>,
    /// The spectral density, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub density: Option<Density>,
    /// The clean loss of the very examples that the curvature is of.
    #[serde(default, with = "number::option", skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// |grad f|_2 of the clean loss.
    #[serde(default, with = "number::option", skip_serializing_if = "Option::is_none")]
    pub gradient_norm: Option<f64>,
    /// Training examples measured on; 0 where the problem has none.
    pub examples: u64,
    /// Hessian-vector products spent, all estimates together.
    pub products: u64,
    /// Seconds the measurement took.
    pub took: f64,
}

impl Probe {
    /// A measurement of the trace and the largest eigenvalue alone.
    pub fn new(at: Position, trace: Estimate, lambda_max: Eigenvalue) -> Self {
        Self {
            at,
            trace,
            lambda_max,
            estimator: TraceEstimator::default(),
            lambda_min: None,
            lambda_layerwise: None,
            layers: Vec::new(),
            density: None,
            loss: None,
            gradient_norm: None,
            examples: 0,
            products: trace.samples + lambda_max.products,
            took: 0.0,
        }
    }
}

/// Where the weights are, and how the next step is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WeightStats {
    /// |w|_2.
    #[serde(with = "number::option", skip_serializing_if = "Option::is_none")]
    pub weight_norm: Option<f64>,
    /// |w - w0|_2, w0 the weights that training began from.
    #[serde(rename = "travel", with = "number::option", skip_serializing_if = "Option::is_none")]
    pub distance_from_init: Option<f64>,
    /// The learning rate of the next step, as its schedule has it.
    #[serde(with = "number::option", skip_serializing_if = "Option::is_none")]
    pub lr_now: Option<f64>,
    /// The scale of the noise of the next step, as its schedule has it.
    #[serde(with = "number::option", skip_serializing_if = "Option::is_none")]
    pub sigma_now: Option<f64>,
}

/// How a smoothed trace was sampled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sides {
    /// U'(g+ - g-) / (2 sigma^2), as NSO's pairs give it.
    #[default]
    TwoPoint,
    /// U'g / sigma^2, as WP-SGD's single perturbations give it.
    #[serde(rename = "one-sided")]
    OnePoint,
}

/// The sum over weight tensors that the paper's code calls lambda, a mean over minibatches of 16; not an eigenvalue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Layerwise {
    /// The mean of the sums.
    #[serde(with = "number")]
    pub value: f64,
    /// Its standard error over the minibatches.
    #[serde(default = "number::nan", with = "number")]
    pub std_error: f64,
    /// Minibatches; 0 in logs of the time when it was one sum over the whole sample.
    #[serde(default)]
    pub batches: u64,
    /// The largest relative change of a sum in its last iteration.
    #[serde(with = "number")]
    pub change: f64,
    /// Hessian-vector products spent on it.
    pub products: u64,
}

/// The numbers of a measurement that has no event of a kind of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Where the run was when the measurement began.
    #[serde(flatten)]
    pub at: Position,
    /// Which measurement, by its key in presets.
    pub measurement: String,
    /// What it found, each number by the key of its quantity.
    pub values: Vec<NamedEstimate>,
    /// Training examples measured on; 0 where the problem has none.
    pub examples: u64,
    /// Losses and gradients evaluated for it, of however many examples each.
    pub evaluations: u64,
    /// Seconds it took.
    pub took: f64,
}

/// The perturbation gap against the noise scale, with what two Hessians predict (figure 2 of the paper).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GapCurve {
    /// Where the run was when the measurement began.
    #[serde(flatten)]
    pub at: Position,
    /// One entry a scale, in the order of the preset.
    pub points: Vec<GapPoint>,
    /// Trace of the exact Hessian at the same weights: it predicts a gap of sigma^2 / 2 times itself, to leading order in sigma.
    pub trace: Estimate,
    /// Gradient evaluations spent on it.
    pub evaluations: u64,
    /// Seconds it took.
    pub took: f64,
}

impl GapCurve {
    /// The gap that the exact Hessian predicts at each scale: sigma^2 / 2 Tr H.
    pub fn from_trace(&self) -> Vec<Estimate> {
        self.points.iter().map(|point| self.trace.times(0.5 * point.sigma * point.sigma)).collect()
    }

    /// The gap that the smoothed traces predict at each scale, by the heat equation d gap / d(sigma^2) = Tr H_sigma / 2: the measured
    /// gap at the smallest scale and half the integral of the trace from there on, by the trapezoidal rule in sigma^2. Points come
    /// in the order of the preset; the errors of one set of draws add up.
    pub fn from_smoothed_traces(&self) -> Vec<Estimate> {
        let mut order: Vec<usize> = (0..self.points.len()).collect();
        order.sort_by(|&a, &b| self.points[a].sigma.total_cmp(&self.points[b].sigma));
        let mut predicted: Vec<Estimate> = self.points.iter().map(|point| point.gap).collect();
        for pair in order.windows(2) {
            let [from, to] = [pair[0], pair[1]].map(|index| &self.points[index]);
            let quarter = 0.25 * (to.sigma * to.sigma - from.sigma * from.sigma);
            let (low, high) = (from.smoothed_trace.times(quarter), to.smoothed_trace.times(quarter));
            let before = predicted[pair[0]];
            predicted[pair[1]] = Estimate::new(
                before.mean + low.mean + high.mean,
                before.std_error + low.std_error + high.std_error,
                to.smoothed_trace.samples,
            );
        }
        predicted
    }
}

/// The PAC-Bayes bound of the paper's theorem 2.1, as far as it can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// Where the run was when the measurement began.
    #[serde(flatten)]
    pub at: Position,
    /// a: the largest Hessian trace of a single example's loss among the `measured` ones of all splits, half of them those of largest
    /// loss and half spread evenly, and not below the trace of the whole training loss; with the error of that one estimate. A
    /// largest of noisy estimates is rather too large, a largest of some examples too small. It is taken at w alone: the supremum
    /// over the ball around w0 that the theorem asks for is not.
    pub largest_trace: Estimate,
    /// r: |w - w0|_2.
    #[serde(rename = "travel", with = "number")]
    pub distance_from_init: f64,
    /// C: the largest loss of all examples at hand, those that training never sees included.
    #[serde(with = "number")]
    pub largest_loss: f64,
    /// Lhat: the mean loss of all training examples.
    #[serde(with = "number")]
    pub train_loss: f64,
    /// The mean loss of all test examples, which the bound is meant for; absent in logs of the time when C and a were taken over
    /// training examples alone.
    #[serde(default, with = "number::option", skip_serializing_if = "Option::is_none")]
    pub test_loss: Option<f64>,
    /// n: training examples.
    pub examples: u64,
    /// Validation and test examples that C and a are taken over as well.
    #[serde(default)]
    pub held_out: u64,
    /// Examples that a was measured on.
    pub measured: u64,
    /// sqrt(C a r^2 / n), the complexity term of the theorem.
    #[serde(with = "number")]
    pub theorem: f64,
    /// C sqrt(a r^2 / n), the complexity term as the authors' code evaluates it.
    #[serde(with = "number")]
    pub code: f64,
    /// The e of the bound.
    pub epsilon: f64,
    /// (1 + e) (Lhat + sqrt(C a r^2 / n)): the right side of the theorem, lower orders left out.
    #[serde(with = "number")]
    pub bound: f64,
    /// The logarithm of the number of classes: the loss of guessing, above which a bound says nothing.
    #[serde(default, with = "number::option", skip_serializing_if = "Option::is_none")]
    pub guessing_loss: Option<f64>,
    /// Whether the bound says nothing: it is above the loss of guessing.
    #[serde(default)]
    pub vacuous: bool,
    /// Whether the test loss is above the bound, which is then refuted.
    #[serde(default)]
    pub exceeded: bool,
    /// The noise scale at which the bound is tightest.
    #[serde(with = "number")]
    pub best_sigma: f64,
    /// Hessian-vector products of single examples spent on it.
    pub products: u64,
    /// Seconds it took.
    pub took: f64,
}

/// An eigenvalue with its residual.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Eigenvalue {
    /// The Ritz value.
    #[serde(with = "number")]
    pub value: f64,
    /// |H v - value v|_2 for the unit Ritz vector v.
    #[serde(with = "number")]
    pub residual: f64,
    /// Hessian-vector products spent on it.
    pub products: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(mean: f64, std_error: f64) -> Estimate {
        Estimate::new(mean, std_error, 9)
    }

    /// sigma^2 = 1, 3, 7 with traces 2, 4, 10: half the trapezoids are 1/2 * 3 * 2 = 3 and 1/2 * 7 * 4 = 14, on top of a gap of 5. Errors of
    /// .1 each add up to .1 + 1/2 * 2 * .1 = .2 and .2 + 1/2 * 4 * .1 = .4.
    #[test]
    fn the_gap_is_half_the_integral_of_the_smoothed_trace() {
        let point = |square: f64, gap, trace| GapPoint {
            sigma: square.sqrt(),
            gap: estimate(gap, 0.1),
            smoothed_trace: estimate(trace, 0.1),
        };
        let curve = GapCurve {
            at: Position::default(),
            points: vec![point(7.0, 99.0, 10.0), point(1.0, 5.0, 2.0), point(3.0, 77.0, 4.0)],
            trace: estimate(6.0, 0.5),
            evaluations: 0,
            took: 0.0,
        };
        let close = |found: Vec<Estimate>, expected: [(f64, f64); 3]| {
            for (found, (mean, std_error)) in found.into_iter().zip(expected) {
                assert!((found.mean - mean).abs() < 1e-12 && (found.std_error - std_error).abs() < 1e-12, "{found:?}");
            }
        };
        close(curve.from_smoothed_traces(), [(22.0, 0.4), (5.0, 0.1), (8.0, 0.2)]);
        close(curve.from_trace(), [(21.0, 1.75), (3.0, 0.25), (9.0, 0.75)]);
    }
}
