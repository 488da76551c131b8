//! The smoothed Hessian: its estimators against each other, against the heat equation and against the exact Hessian; and what
//! one-point estimates cost in variance.

use std::num::{NonZeroU32, NonZeroUsize};

use burn::tensor::{DType, Device};
use nso_tui::{
    autodiff::{Differentiable, Layout, Loss, Model, Objective, Pair, Parameters, Real, Vector, read, values},
    curvature::{
        Estimate, GapEffort, Hessian, LinearOperator, ProbeVectors, SmoothedHessian, Smoothing, hutchinson,
        perturbation_gaps,
    },
    optimizer::{GradientMethod, Noise, NoiseStream, Nso, SampleKind, StepContext},
    problem::{Activation, CrossEntropy, Examples, ImageDataset, Perceptron, Problem, Supervised},
};

use strum::VariantArray;

use crate::{
    common::vector,
    dense::{EXAMPLES, WIDTHS, network},
};

/// The small network with these units after 300 steps of gradient descent, in double precision.
fn trained(activation: Activation) -> (Supervised<Perceptron, ImageDataset, CrossEntropy>, Vector) {
    let (_, data, w) = network();
    let [inputs, hidden, classes] = WIDTHS;
    let network = Perceptron::new(inputs, hidden, classes).with(activation);
    let problem =
        Supervised::new(network, ImageDataset::without_validation(&data, &data, &Device::flex()), CrossEntropy);
    let mut w = vector(&w, DType::F64);
    let f = problem.objective(Examples::First(EXAMPLES));
    for _ in 0..300 {
        let step = f.gradient(&w).gradient * 0.1;
        w = w - step;
    }
    drop(f);
    (problem, w)
}

fn exact_trace(f: &dyn Objective, w: &Vector) -> f64 {
    let hessian = Hessian::new(f, w);
    let p = hessian.dimension();
    let unit = |i| vector(&(0..p).map(|j| f64::from(i == j)).collect::<Vec<_>>(), DType::F64);
    (0..p).map(|i| hessian.apply(&unit(i)).dot(unit(i)).into_scalar::<f64>()).sum()
}

fn smoothing(sigma: f64, draws: u32) -> Smoothing {
    Smoothing { sigma, draws: NonZeroU32::new(draws).unwrap() }
}

/// How far two independent means are apart, in standard errors.
fn apart(a: Estimate, b: Estimate) -> f64 {
    (a.mean - b.mean).abs() / a.std_error.hypot(b.std_error)
}

#[test]
fn nsos_samples_estimate_the_trace_of_the_smoothed_hessian() {
    for &activation in Activation::VARIANTS {
        let (problem, w) = trained(activation);
        let f = problem.objective(Examples::First(EXAMPLES));
        for sigma in [0.2, 0.02] {
            let method = Nso { noise: Noise::gaussian(sigma), k: NonZeroU32::new(1500).unwrap(), mix: 0.0 };
            let layout = Problem::layout(&problem);
            let mut noise = NoiseStream::new(8);
            let mut context =
                StepContext { layout, initial_weights: &w, examples: NonZeroUsize::new(EXAMPLES), noise: &mut noise };
            let free = method.direction(f.as_ref(), &w, &mut context).stats.curvature_samples;
            assert_eq!(free.kind, Some(SampleKind::TwoPoint { sigma }));
            let free = Estimate::of(&read(free.values));
            let smoothed = SmoothedHessian::new(f.as_ref(), &w, smoothing(sigma, 1), ProbeVectors::new(2, &w));
            let probed = hutchinson(&smoothed, &mut ProbeVectors::new(3, &w), 1500).mean;
            assert!(apart(free, probed) < 3.0, "{activation:?} {sigma}: {free:?} {probed:?}");
            assert!(probed.std_error < 0.04 * probed.mean && free.std_error < 0.02 * free.mean);
        }
    }
}

/// d E f(w + U) / d(sigma^2) = Tr H_sigma / 2: the gap at sigma .11 less that at .09 over the difference of their squares, draw by draw of
/// the same U / sigma, against the smoothed trace at .1. The difference is central but in sigma rather than its square, which leaves
/// far less than the standard errors.
#[test]
fn the_gap_obeys_the_heat_equation() {
    for &activation in Activation::VARIANTS {
        let (problem, w) = trained(activation);
        let f = problem.objective(Examples::First(EXAMPLES));
        let [low, high, middle] = [0.09, 0.11, 0.1];
        let mut vectors = ProbeVectors::new(6, &w);
        let slopes: Vec<_> = (0..6000)
            .map(|_| {
                let u = vectors.normal();
                let at = |sigma: f64| {
                    let [up, down] = [w.clone() + u.clone() * sigma, w.clone() - u.clone() * sigma];
                    (f.loss(&up) + f.loss(&down)) * 0.5
                };
                (at(high) - at(low)) / (high * high - low * low)
            })
            .collect();
        let slope = Estimate::of(&read(slopes));
        let twice = Estimate { mean: 2.0 * slope.mean, std_error: 2.0 * slope.std_error, ..slope };
        let smoothed = SmoothedHessian::new(f.as_ref(), &w, smoothing(middle, 1), ProbeVectors::new(2, &w));
        let probed = hutchinson(&smoothed, &mut ProbeVectors::new(3, &w), 1500).mean;
        assert!(apart(twice, probed) < 3.0, "{activation:?}: {twice:?} {probed:?}");
        let free =
            perturbation_gaps(f.as_ref(), &w, GapEffort { sigmas: &[middle], draws: 3000 }, &ProbeVectors::new(9, &w))
                [0]
            .smoothed_trace;
        assert!(apart(twice, free) < 3.0, "{activation:?}: {twice:?} {free:?}");
        assert!(twice.std_error < 0.02 * twice.mean);
    }
}

/// On smooth units both estimates tend to the exact trace as sigma falls; on ReLU units they stay above it, since they see the kinks.
#[test]
fn small_noise_finds_the_exact_trace_only_where_there_are_no_kinks() {
    for &activation in Activation::VARIANTS {
        let (problem, w) = trained(activation);
        let f = problem.objective(Examples::First(EXAMPLES));
        let exact = exact_trace(f.as_ref(), &w);
        let off = |sigma: f64| {
            let free = perturbation_gaps(
                f.as_ref(),
                &w,
                GapEffort { sigmas: &[sigma], draws: 1000 },
                &ProbeVectors::new(4, &w),
            )[0]
            .smoothed_trace;
            let smoothed = SmoothedHessian::new(f.as_ref(), &w, smoothing(sigma, 1), ProbeVectors::new(2, &w));
            let probed = hutchinson(&smoothed, &mut ProbeVectors::new(3, &w), 1000).mean;
            [free, probed].map(|mean| (mean.mean - exact, mean.std_error))
        };
        match activation {
            Activation::Tanh => {
                assert!(off(0.2).iter().all(|(off, error)| off.abs() > 5.0 * error), "{:?} {exact}", off(0.2));
                assert!(off(0.003).iter().all(|(off, error)| off.abs() < 3.0 * error), "{:?} {exact}", off(0.003));
            }
            Activation::Relu => {
                for sigma in [0.02, 0.01, 0.005] {
                    let off = off(sigma);
                    assert!(off.iter().all(|(off, error)| *off > 5.0 * error), "{sigma}: {off:?} {exact}");
                }
            }
        }
    }
}

/// f = sum_i w_i^4: many independent copies of one dimension.
struct Fourth(Layout);

impl Model for Fourth {
    type Batch = ();

    fn layout(&self) -> &Layout {
        &self.0
    }

    fn loss<R: Real>(&self, w: &Parameters<'_, R>, (): &()) -> Loss<R> {
        Loss::of(R::sum(R::square(R::square(w.get::<1>(0)))))
    }
}

fn mean_and_variance(samples: &[f64]) -> (f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    (mean, samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

/// On f = w^4 at w = 1 with U = s xi, s = .1, all moments are known from E u^2k = (2k - 1)!! s^2k. The direction has mean
/// 4 + 12 s^2 = 4.12 either way. From a pair it is 4 + 12 u^2, of variance 288 s^4 = .0288; from one side 4 (1 + u)^3, of variance
/// 16 (9 s^2 + 36 s^4 + 15 s^6) = 1.4978. The trace's samples have mean 12 + 12 s^2 = 12.12 either way. From a pair they are
/// (12 u^2 + 4 u^4) / s^2, of variance 288 + 1152 s^2 + 1536 s^4 = 299.67; from one side comes (4 u + 12 u^3) / s^2 on top, of variance
/// 16 / s^2 + 288 + 2160 s^2 = 1909.6 and without correlation to the rest: 2209.3.
#[test]
fn one_sided_estimates_scatter_and_two_point_ones_settle() {
    let copies = 400_000;
    let model = Fourth(Layout::new([("w", vec![copies])]));
    let f = Differentiable::new(&model, ());
    let w = Vector::ones([copies], (&Device::flex(), DType::F64));
    let sigma: f64 = 0.1;
    let u = ProbeVectors::new(12, &w).normal() * sigma;
    let pair = Pair::evaluate(&f, &w, u.clone());
    let samples = |direction: &Vector, trace: Vector| {
        let trace = values(&(trace / (sigma * sigma)));
        (mean_and_variance(&values(direction)), mean_and_variance(&trace))
    };
    let half_difference = (pair.plus.gradient.clone() - pair.minus.gradient.clone()) * 0.5;
    let two_point = samples(&pair.mean(), u.clone() * half_difference);
    let one_sided = samples(&pair.plus.gradient, u * pair.plus.gradient.clone());
    for (name, (found, expected), bar) in [
        ("two-point direction's mean", (two_point.0.0, 4.12), 0.001),
        ("one-sided direction's mean", (one_sided.0.0, 4.12), 0.003),
        ("two-point direction's variance", (two_point.0.1, 0.0288), 0.02),
        ("one-sided direction's variance", (one_sided.0.1, 1.4978), 0.02),
        ("two-point trace's mean", (two_point.1.0, 12.12), 0.01),
        ("one-sided trace's mean", (one_sided.1.0, 12.12), 0.02),
        ("two-point trace's variance", (two_point.1.1, 299.67), 0.03),
        ("one-sided trace's variance", (one_sided.1.1, 2209.3), 0.03),
    ] {
        assert!((found / expected - 1.0).abs() < bar, "{name}: {found} {expected}");
    }
}

/// On a quadratic the gap of a draw is 1/2 U'HU and the curvature U'HU / sigma^2, whatever w: the same draws by hand.
#[test]
fn the_gap_of_a_quadratic_is_half_the_quadratic_form_of_its_noise() {
    let h = [3.0, 0.5, -1.0, 10.0];
    let problem = nso_tui::problem::Quadratic::new(h.to_vec(), vec![1.0; 4], vec![0.0; 4], Device::flex());
    let f = problem.objective(Examples::First(0));
    let w = vector(&[0.3, -1.0, 0.2, 4.0], DType::F64);
    let found =
        perturbation_gaps(f.as_ref(), &w, GapEffort { sigmas: &[0.5, 0.1], draws: 7 }, &ProbeVectors::new(3, &w));
    let mut vectors = ProbeVectors::new(3, &w);
    let forms: Vec<f64> =
        (0..7).map(|_| values(&vectors.normal()).iter().zip(h).map(|(u, h)| h * u * u).sum()).collect();
    let mean = forms.iter().sum::<f64>() / 7.0;
    for (point, sigma) in found.iter().zip([0.5, 0.1]) {
        let gap = sigma * sigma * mean / 2.0;
        assert!((point.gap.mean / gap - 1.0).abs() < 1e-10, "{point:?} {gap}");
        assert!((point.smoothed_trace.mean / mean - 1.0).abs() < 1e-10, "{point:?} {mean}");
        assert!((point.sigma, point.gap.samples) == (sigma, 7) && point.gap.std_error > 0.0);
    }
}

/// On a quadratic every product of the smoothed Hessian is exact, whatever was drawn.
#[test]
fn the_smoothed_hessian_of_a_quadratic_is_the_exact_one() {
    let h = [3.0, 0.5, -1.0, 10.0];
    let problem = nso_tui::problem::Quadratic::new(h.to_vec(), vec![1.0; 4], vec![0.0; 4], Device::flex());
    let f = problem.objective(Examples::First(0));
    let w = vector(&[0.3, -1.0, 0.2, 4.0], DType::F64);
    let smoothed = SmoothedHessian::new(f.as_ref(), &w, smoothing(0.3, 2), ProbeVectors::new(2, &w));
    let v = [1.0, -2.0, 0.5, 0.25];
    let found = values(&smoothed.apply(&vector(&v, DType::F64)));
    for i in 0..4 {
        assert!((found[i] - h[i] * v[i]).abs() < 1e-12, "{found:?}");
    }
}
