//! The gradient noise: the trace of the per-example gradient covariance, and the simple noise scale.

use rand::seq::SliceRandom;

use super::{
    Found, Measurement, MeasurementInfo, QuantityInfo, Scale, Setting, SettingValue, Unit,
    declared::Declared,
    target::{MeasurementContext, MeasurementTarget},
};
use crate::{
    autodiff::read,
    problem::{Examples, Reduction},
    run::{Estimate, Fact, NamedEstimate, PanelKind, ProblemConfig},
};

/// The noise of minibatch gradients. With g_i the gradient of the loss of one of N training examples and G their mean,
///
/// Sigma = sum_i (g_i - G)(g_i - G)'/(N - 1), a mean over b examples has the covariance Sigma/b,
///
/// and the simple noise scale is B = tr Sigma/|G|^2: the batch size at which a minibatch's gradient is half signal, half noise.
///
/// n = m b examples, as many as the sample of the other measurements has but for a remainder, are drawn at random and dealt into m parts
/// of b, whose mean gradients are G_1 ... G_m, with mean M. The draw is simple, the measurement's own, and the same every time: in the
/// other measurements' sample each class has its share, and M would vary less than a minibatch's gradient. Without bias
///
/// tr Sigma ~ b sum_j |G_j - M|^2/(m - 1), |G|^2 ~ |M|^2 - (1/n - 1/N) tr Sigma.
///
/// Where all examples are measured |G|^2 is exact, and with parts of one example tr Sigma is too. B is the quotient of the two, infinite
/// where |G|^2 is not distinguished from zero. Losses of a whole batch have no gradients of examples, and nothing is measured.
///
/// Errors: the jackknife over parts. With t_j and s_j the estimates of tr Sigma and |G|^2 without part j, t and s their means, and
/// c = sqrt(1 - n/N) the finite-population correction, it is of T_j = tr Sigma + c' (t_j - t), S_j = |G|^2 + c (s_j - s) and T_j/S_j.
/// c' = c where parts are single examples; else c' = 1, since tr Sigma then depends on the deal as well, |G|^2 on the draw alone.
/// Cost: m + 1 gradients, which are two gradients of n examples.
/// Source: McCandlish, Kaplan, Amodei 2018, appendix A.1; the jackknife as in Efron & Stein 1981.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GradientNoise {
    /// Parts m; as many as there are examples, at most.
    pub parts: u32,
}

impl GradientNoise {
    /// What presets, files, charts and docs need to know.
    pub const INFO: MeasurementInfo = MeasurementInfo {
        key: "gradient_noise",
        name: "gradient noise",
        quantities: &[
            QuantityInfo {
                key: "gradient_noise_scale",
                title: "gradient noise scale",
                unit: Unit::Named("examples"),
                scale: Scale::Log,
                panel: PanelKind::GradientNoise,
                note: "",
            },
            QuantityInfo {
                key: "gradient_covariance_trace",
                title: "trace of the gradient covariance",
                unit: Unit::None,
                scale: Scale::Log,
                panel: PanelKind::GradientCovariance,
                note: "",
            },
            QuantityInfo {
                key: "squared_gradient_norm",
                title: "squared gradient norm, unbiased",
                unit: Unit::None,
                scale: Scale::Log,
                panel: PanelKind::GradientCovariance,
                note: "dashed: |G|², unbiased",
            },
        ],
    };
}

impl Default for GradientNoise {
    fn default() -> Self {
        Self { parts: 64 }
    }
}

impl Declared for GradientNoise {
    fn settings(&mut self) -> Vec<Setting<'_>> {
        let value = SettingValue::Count { value: &mut self.parts, range: 2..=10_000_000 };
        vec![Setting { key: "gradient_noise_parts", value }]
    }

    fn lacks(&self, problem: &ProblemConfig) -> Option<&'static str> {
        (!problem.has(Fact::Examples)).then_some("examples")
    }
}

impl Measurement for GradientNoise {
    /// `None` for fewer than two examples, and for a loss of the whole batch.
    fn measure(&self, target: &MeasurementTarget<'_>, _context: &MeasurementContext) -> Option<Found> {
        let parts = (self.parts as usize).min(target.sample.len());
        let size = target.sample.len().checked_div(parts)?;
        // The mean of the parts' gradients is the gradient of the whole only where examples contribute independently.
        if target.problem.reduction() == Reduction::WholeBatch {
            return None;
        }
        let found = Noise::of(&deviations(target, parts, size)?)?;
        let values = [
            ("gradient_noise_scale", found.scale),
            ("gradient_covariance_trace", found.trace),
            ("squared_gradient_norm", found.signal),
        ];
        let values = values.map(|(name, estimate)| NamedEstimate { name: name.to_owned(), estimate });
        let (examples, evaluations) = ((parts * size) as u64, parts as u64 + 1);
        Some(Found::Values { values: values.to_vec(), examples, evaluations })
    }
}

/// Gradients of equal parts of n examples, by what the estimates need of them.
#[derive(Debug, Clone, PartialEq)]
struct Deviations {
    /// b examples in each part.
    size: usize,
    /// N training examples.
    population: usize,
    /// |M|^2, M the mean gradient of the n examples.
    mean_square: f64,
    /// |G_j - M|^2 of each part.
    squares: Vec<f64>,
    /// M'(G_j - M) of each part.
    overlaps: Vec<f64>,
}

/// The gradients of training examples drawn at random and dealt into so many parts of that size.
fn deviations(target: &MeasurementTarget<'_>, parts: usize, size: usize) -> Option<Deviations> {
    let population = target.problem.examples()?.get();
    let mut dealt: Vec<usize> = (0..population).collect();
    dealt.shuffle(&mut target.stream(GradientNoise::INFO.key));
    let dealt = dealt.get(..parts * size)?;
    let gradient = |examples: &[usize]| target.on(Examples::Chosen(examples)).gradient(target.w).gradient;
    let mean = gradient(dealt);
    let mut scalars = vec![mean.clone().square().sum()];
    for part in dealt.chunks(size) {
        let deviation = gradient(part) - mean.clone();
        scalars.extend([deviation.clone().square().sum(), mean.clone().dot(deviation)]);
    }
    let numbers = read(scalars);
    let (mean_square, others) = numbers.split_first()?;
    Some(Deviations {
        size,
        population,
        mean_square: *mean_square,
        squares: others.iter().step_by(2).copied().collect(),
        overlaps: others.iter().skip(1).step_by(2).copied().collect(),
    })
}

/// The three numbers with their errors.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Noise {
    /// tr Sigma.
    trace: Estimate,
    /// |G|^2.
    signal: Estimate,
    /// B = tr Sigma/|G|^2.
    scale: Estimate,
}

impl Noise {
    /// From the gradients of at least two parts.
    fn of(found: &Deviations) -> Option<Self> {
        let m = found.squares.len();
        if m < 2 {
            return None;
        }
        let (b, count) = (found.size as f64, m as f64);
        let (measured, population) = (b * count, found.population as f64);
        let sum: f64 = found.squares.iter().sum();
        let trace = b * sum / (count - 1.0);
        let signal = found.mean_square - (1.0 / measured - 1.0 / population) * trace;
        // Without part j the mean moves by d_j/(m - 1), d_j the part's deviation from it.
        let without: Vec<[f64; 2]> = (found.squares.iter().zip(&found.overlaps))
            .filter(|_| m > 2)
            .map(|(&square, &overlap)| {
                let trace = b * (sum - square * count / (count - 1.0)) / (count - 2.0);
                let mean_square = found.mean_square - 2.0 * overlap / (count - 1.0) + square / (count - 1.0).powi(2);
                [trace, mean_square - trace / (measured - b)]
            })
            .collect();
        let correction = (1.0 - measured / population).max(0.0).sqrt();
        let of_trace = if found.size == 1 { correction } else { 1.0 };
        let [mean_trace, mean_signal] = [0, 1].map(|of| mean(without.iter().map(|pair| pair[of])));
        let values: Vec<[f64; 2]> = (without.iter())
            .map(|[t, s]| [trace + of_trace * (t - mean_trace), signal + correction * (s - mean_signal)])
            .collect();
        let ratio = |trace: f64, signal: f64| if signal > 0.0 { trace / signal } else { f64::INFINITY };
        let estimate =
            |value, of: &dyn Fn(&[f64; 2]) -> f64| Estimate::new(value, jackknife(values.iter().map(of)), m as u64);
        Some(Self {
            trace: estimate(trace, &|&[trace, _]| trace),
            signal: estimate(signal, &|&[_, signal]| signal),
            scale: estimate(ratio(trace, signal), &|&[trace, signal]| ratio(trace, signal)),
        })
    }
}

/// The jackknife's standard error: sqrt((m - 1)/m sum_j (x_j - mean)^2) of the values x_j without one part each; NaN for none.
fn jackknife(values: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let (count, mean) = (values.len() as f64, mean(values.clone()));
    ((count - 1.0) / count * values.map(|x| (x - mean).powi(2)).sum::<f64>()).sqrt()
}

/// The mean, about the first value, so that equal values have exactly theirs; NaN for none.
fn mean(values: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let count = values.len() as f64;
    values.clone().next().map_or(f64::NAN, |first| first + values.map(|x| x - first).sum::<f64>() / count)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device, Int, Tensor, TensorData};

    use super::*;
    use crate::{
        autodiff::{Real, Vector},
        data::Labelled,
        problem::{CrossEntropy, ImageDataset, LossFunction, Problem, SoftmaxRegression, Supervised},
        run::Position,
    };

    const INPUTS: usize = 6;
    const CLASSES: usize = 5;
    const EXAMPLES: usize = 40;

    /// Numbers that look random, in (-1, 1).
    fn scattered(count: usize, offset: f64) -> Vec<f64> {
        (0..count).map(|i| 2.0 * ((i as f64 + 1.0) * 0.618_033_988_749_894_9 + offset).fract() - 1.0).collect()
    }

    /// Inputs around one, so that the gradients of a class have much in common.
    #[expect(clippy::cast_possible_truncation, reason = "small made-up numbers as pixels and labels")]
    fn data() -> Labelled {
        Labelled {
            inputs: scattered(EXAMPLES * INPUTS, 0.2).into_iter().map(|x| 1.0 + 1.5 * x as f32).collect(),
            shape: [1, 1, INPUTS],
            labels: (0..EXAMPLES).map(|i| (i * i % CLASSES) as u32).collect(),
            classes: CLASSES,
        }
    }

    /// The gradient of each example's loss by plain loops, (softmax(Wx) - y) x'; `sharp` scales the weights.
    fn gradients(sharp: f64) -> Vec<Vec<f64>> {
        let data = data();
        let w = weights(sharp);
        let of = |(pixels, &label): (&[f32], &u32)| {
            let x: Vec<f64> = pixels.iter().map(|&x| f64::from(x)).collect();
            let logit = |c: usize| (0..INPUTS).map(|i| w[c * INPUTS + i] * x[i]).sum::<f64>();
            let exponentials: Vec<f64> = (0..CLASSES).map(|c| logit(c).exp()).collect();
            let total: f64 = exponentials.iter().sum();
            let pull = |c: usize| exponentials[c] / total - f64::from(u8::from(c == label as usize));
            (0..CLASSES).flat_map(|c| x.iter().map(move |x| pull(c) * x).collect::<Vec<_>>()).collect()
        };
        data.inputs.chunks(INPUTS).zip(&data.labels).map(of).collect()
    }

    fn weights(sharp: f64) -> Vec<f64> {
        scattered(CLASSES * INPUTS, 0.4).into_iter().map(|x| sharp * x).collect()
    }

    /// tr Sigma with N - 1, and |G|^2, of the whole training set.
    fn truth() -> [f64; 2] {
        let all = gradients(0.7);
        let count = all.len() as f64;
        let mean: Vec<f64> = (0..all[0].len()).map(|k| all.iter().map(|g| g[k]).sum::<f64>() / count).collect();
        let apart = |g: &Vec<f64>| g.iter().zip(&mean).map(|(g, m)| (g - m).powi(2)).sum::<f64>();
        [all.iter().map(apart).sum::<f64>() / (count - 1.0), mean.iter().map(|m| m * m).sum()]
    }

    /// Softmax regression on these examples for a loss.
    fn problem<L: LossFunction<Targets = Tensor<2, Int>>>(loss: L) -> impl Problem {
        let data = data();
        let images = ImageDataset::without_validation(&data, &data, &Device::flex());
        Supervised::new(SoftmaxRegression::new(INPUTS, CLASSES), images, loss)
    }

    fn on_device(w: Vec<f64>) -> Vector {
        Tensor::from_data(TensorData::new(w, [CLASSES * INPUTS]), (&Device::flex(), DType::F64))
    }

    fn target<'a>(problem: &'a dyn Problem, sample: &'a [usize], w: &'a Vector, seed: u64) -> MeasurementTarget<'a> {
        let at = Position::default();
        MeasurementTarget { problem, sample, w, buffers: None, initial_weights: w, at, seed, interruption: None }
    }

    /// What is found with so many parts where the other measurements have this sample.
    fn noise(sample: &[usize], parts: usize, seed: u64) -> Noise {
        let (problem, w) = (problem(CrossEntropy), on_device(weights(0.7)));
        let (target, parts) = (target(&problem, sample, &w, seed), parts.min(sample.len()));
        Noise::of(&deviations(&target, parts, sample.len() / parts).unwrap()).unwrap()
    }

    /// The mean of an estimate with its standard error, and its root mean square error bar over its scatter.
    fn calibration(found: &[Noise], of: fn(&Noise) -> Estimate) -> (Estimate, f64) {
        let count = found.len() as f64;
        let mean = Estimate::of(&found.iter().map(|noise| of(noise).mean).collect::<Vec<_>>());
        let error = (found.iter().map(|noise| of(noise).std_error.powi(2)).sum::<f64>() / count).sqrt();
        (mean, error / (mean.std_error * count.sqrt()))
    }

    fn everything() -> Vec<usize> {
        (0..EXAMPLES).collect()
    }

    #[test]
    fn every_example_singly_gives_the_exact_covariance_and_gradient() {
        let [trace, square] = truth();
        let found = noise(&everything(), 1_000, 1);
        assert!((found.trace.mean / trace - 1.0).abs() < 1e-6, "{found:?} {trace}");
        assert!((found.signal.mean / square - 1.0).abs() < 1e-6, "{found:?} {square}");
        assert!((found.scale.mean / (trace / square) - 1.0).abs() < 1e-6, "{found:?}");
        assert_eq!([found.trace.std_error, found.signal.std_error, found.scale.std_error], [0.0; 3], "nothing is left");
    }

    /// The mean over 400 ways to deal the examples is the truth within four of its standard errors, and the jackknife's error is the
    /// scatter of the estimates to a third. In 8 parts of 5 all examples are measured and |G|^2 is exact; in 7 five are left out.
    #[test]
    fn parts_of_several_examples_are_unbiased_and_their_errors_are_their_scatter() {
        let [trace, square] = truth();
        for parts in [8, 7] {
            let found: Vec<Noise> = (0..400).map(|seed| noise(&everything(), parts, seed)).collect();
            let (mean, share) = calibration(&found, |noise| noise.trace);
            assert!((mean.mean - trace).abs() < 4.0 * mean.std_error, "{parts}: {mean:?} {trace}");
            assert!((0.67..1.5).contains(&share), "{parts}: error bar of the trace over its scatter: {share}");
            let (_, share) = calibration(&found, |noise| noise.scale);
            assert!((0.67..1.5).contains(&share), "{parts}: error bar of B over its scatter: {share}");
            let (mean, share) = calibration(&found, |noise| noise.signal);
            if parts == 8 {
                let exact = |noise: &Noise| (noise.signal.mean / square - 1.0).abs() < 1e-6;
                assert!(found.iter().all(|noise| exact(noise) && noise.signal.std_error == 0.0));
            } else {
                assert!((mean.mean - square).abs() < 4.0 * mean.std_error, "{mean:?} {square}");
                assert!((0.67..1.5).contains(&share), "error bar of |G|^2 over its scatter: {share}");
            }
        }
    }

    /// 16 of 40 examples: |M|^2 alone is too large by (1/16 - 1/40) tr Sigma, the estimate is not. A sample with each class in its share,
    /// as the other measurements have it, varies less than a minibatch: taken as it is, |G|^2 would come out too small.
    #[test]
    fn a_part_of_the_training_set_estimates_all_of_it() {
        let [trace, square] = truth();
        let problem = problem(CrossEntropy);
        let found: Vec<Noise> = (0..600).map(|seed| noise(&problem.sample(16, seed), 16, seed)).collect();
        for (name, of, truth) in [
            ("trace", (|noise: &Noise| noise.trace) as fn(&Noise) -> Estimate, trace),
            ("signal", |noise: &Noise| noise.signal, square),
        ] {
            let (mean, share) = calibration(&found, of);
            assert!((mean.mean - truth).abs() < 4.0 * mean.std_error, "{name}: {mean:?} {truth}");
            assert!((0.67..1.5).contains(&share), "{name}: error bar over scatter: {share}");
        }
        let bias = (1.0 / 16.0 - 1.0 / 40.0) * trace;
        assert!(bias > 0.2 * square, "without the correction it would show: {bias} {square}");
    }

    /// Cross-entropy as a loss that does not part into examples.
    struct Whole;

    impl LossFunction for Whole {
        type Targets = Tensor<2, Int>;

        const UNIT: Option<&'static str> = CrossEntropy::UNIT;
        const REDUCTION: Reduction = Reduction::WholeBatch;
        const SMOOTHS_LABELS: bool = false;

        fn loss<R: Real>(&self, logits: R::T<2>, labels: &Tensor<2, Int>, smoothing: f64) -> R::T<1> {
            CrossEntropy.loss::<R>(logits, labels, smoothing)
        }

        fn example_losses(&self, _: Tensor<2>, _: &Tensor<2, Int>) -> Option<Vector> {
            None
        }
    }

    #[test]
    fn a_loss_of_the_whole_batch_has_no_gradient_noise() {
        fn measured(problem: &dyn Problem) -> Option<Found> {
            let (sample, w) = (everything(), on_device(weights(0.7)));
            let context = MeasurementContext { trace: Estimate::new(f64::NAN, f64::NAN, 0) };
            GradientNoise::default().measure(&target(problem, &sample, &w, 1), &context)
        }
        assert!(measured(&problem(CrossEntropy)).is_some());
        assert!(measured(&problem(Whole)).is_none());
    }

    #[test]
    fn a_gradient_that_is_all_noise_has_an_infinite_scale() {
        let found =
            Deviations { size: 1, population: 1_000, mean_square: 0.1, squares: vec![1.0; 4], overlaps: vec![0.0; 4] };
        let found = Noise::of(&found).unwrap();
        assert!((found.trace.mean - 4.0 / 3.0).abs() < 1e-12 && found.signal.mean < 0.0, "{found:?}");
        assert_eq!(found.scale.mean, f64::INFINITY);
        assert!(found.scale.std_error.is_nan(), "{found:?}");
    }
}
