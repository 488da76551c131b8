//! Derivatives, traces and eigenvalues against a Hessian that is known in closed form.

use burn::tensor::{DType, Device};
use strum::VariantArray;

use super::{
    check::{Bar, Check},
    specimen::{EXAMPLES, Specimen, Truth},
};
use crate::{
    autodiff::{Objective, Vector, values, vector_like},
    curvature::{
        Effort, Estimate, Extremal, Hessian, ProbeVectors, Spectrum, Trace, TraceEstimator, extremal_eigenpairs,
    },
    figure::text::{scientific, significant},
    problem::{Examples, Problem},
};

/// What a floating point format must reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Precision {
    pub format: DType,
    pub name: &'static str,
    /// Largest relative error of a gradient or of a Hessian-vector product.
    pub derivative: f64,
    /// Largest relative error of an eigenvalue.
    pub eigenvalue: f64,
}

/// Single and double precision.
pub const PRECISIONS: [Precision; 2] = [
    Precision { format: DType::F32, name: "f32", derivative: 1e-5, eigenvalue: 1e-4 },
    Precision { format: DType::F64, name: "f64", derivative: 1e-10, eigenvalue: 1e-8 },
];

/// Standard errors that a mean may be off: beyond these, chance is one in a million.
const ERRORS: f64 = 5.0;
/// The share of the trace beyond which a standard error is taken for no larger: an estimator that scatters wildly is
/// held to this.
const WIDEST: f64 = 0.01;
/// Estimates of a trace, each with probes of its own.
const REPEATS: u32 = 40;
/// Hessian-vector products that each may spend.
const PRODUCTS: u32 = 60;
/// 95 % intervals that must cover the truth, of 40. Thirteen or more that miss are less than one in a million where 95 % cover,
/// one in ten thousand where 90 % do, the least that is promised of Hutch++ and XTrace.
const COVERED: u32 = 28;
/// Hessian-vector products that Lanczos may spend.
const LANCZOS: u32 = 200;

/// All checks of curvature on a device in one precision.
pub fn curvature(device: &Device, precision: Precision, seed: u64) -> Vec<Check> {
    let specimen = Specimen::new();
    let problem = specimen.problem(device);
    let f = problem.objective(Examples::First(EXAMPLES));
    let w = vector_like(&specimen.w, &Vector::zeros([1], (device, precision.format)));
    let truth = specimen.truth(&specimen.w);
    let mut vectors = ProbeVectors::new(seed, &w);
    let reference = ReferencePoint { f: f.as_ref(), w: &w, truth: &truth };
    let mut checks = derivatives(reference, &mut vectors, precision.derivative);
    let hessian = Hessian::new(f.as_ref(), &w);
    for &estimator in TraceEstimator::VARIANTS {
        let rounding = precision.derivative * truth.hessian.diagonal().abs().sum();
        let expected = Expected { trace: truth.hessian.trace(), rounding };
        checks.extend(trace(estimator.key(), expected, || estimator.estimate(&hessian, &mut vectors, PRODUCTS)));
    }
    let start = vectors.normal();
    let effort = Effort { products: LANCZOS, tolerance: precision.eigenvalue / 10.0 };
    checks.extend(eigenvalues(
        &extremal_eigenpairs(&hessian, &start, Extremal::Both, effort),
        &truth,
        precision.eigenvalue,
    ));
    checks
}

/// |a - b|_2 / |b|_2.
fn off(a: &[f64], b: &[f64]) -> f64 {
    let length = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|x| x * x).sum::<f64>().sqrt();
    length(&mut a.iter().zip(b).map(|(a, b)| a - b)) / length(&mut b.iter().copied())
}

/// An objective at a point where everything is known.
#[derive(Clone, Copy)]
pub struct ReferencePoint<'a> {
    /// The objective under test.
    pub f: &'a dyn Objective,
    pub w: &'a Vector,
    /// Loss, gradient and Hessian there.
    pub truth: &'a Truth,
}

/// The gradient, and Hessian-vector products with every unit vector and as many random ones.
pub fn derivatives(reference: ReferencePoint<'_>, vectors: &mut ProbeVectors, bar: f64) -> Vec<Check> {
    let ReferencePoint { f, w, truth } = reference;
    let error = off(&values(&f.gradient(w).gradient), truth.gradient.as_slice());
    let gradient = Check::figure("gradient", format!("{} off", scientific(error, 1)), error, Bar::AtMost(bar));
    let p = truth.gradient.len();
    let unit = |index| vector_like(&(0..p).map(|i| f64::from(u8::from(i == index))).collect::<Vec<_>>(), w);
    let probes: Vec<Vector> = (0..p).map(unit).chain((0..p).map(|_| vectors.normal())).collect();
    let errors = probes.iter().map(|v| {
        let expected = &truth.hessian * nalgebra::DVector::from_vec(values(v));
        off(&values(&f.hessian_product(w, v)), expected.as_slice())
    });
    // The largest, and NaN if there is one: `f64::max` would drop it.
    let error = errors.fold(0.0, |worst: f64, error| if error > worst || error.is_nan() { error } else { worst });
    let seen = format!("{} off at worst, {} vectors", scientific(error, 1), probes.len());
    vec![gradient, Check::figure("Hessian products", seen, error, Bar::AtMost(bar))]
}

/// What an estimate of a trace must come to.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    pub trace: f64,
    /// What rounding may add to an error.
    pub rounding: f64,
}

/// Whether the mean of many estimates is the trace, and whether their intervals cover it as often as they claim.
pub fn trace(name: &str, expected: Expected, mut estimate: impl FnMut() -> Trace) -> [Check; 2] {
    let Expected { trace: truth, rounding } = expected;
    let estimates: Vec<Estimate> = (0..REPEATS).map(|_| estimate().mean).collect();
    let mean = Estimate::of(&estimates.iter().map(|estimate| estimate.mean).collect::<Vec<_>>());
    let error = mean.std_error.min(WIDEST * truth.abs()).hypot(rounding);
    let value = (mean.mean - truth).abs() / error;
    let seen =
        format!("{} ± {}, is {}", significant(mean.mean, 5), significant(mean.std_error, 2), significant(truth, 5));
    let covering = estimates.iter().filter(|estimate| {
        let (low, high) = estimate.interval(0.95);
        low - rounding <= truth && truth <= high + rounding
    });
    let covered = u32::try_from(covering.count()).unwrap_or(u32::MAX);
    [
        Check::figure(format!("trace, {name}"), seen, value, Bar::Errors(ERRORS)),
        Check::figure(
            format!("{name} intervals"),
            format!("{covered} of {REPEATS} at 95 % cover it"),
            f64::from(covered),
            Bar::AtLeast(f64::from(COVERED)),
        ),
    ]
}

/// Both ends of the spectrum.
pub fn eigenvalues(found: &Spectrum, truth: &Truth, bar: f64) -> [Check; 2] {
    let spectrum = truth.hessian.clone().symmetric_eigen().eigenvalues;
    let smallest = found.smallest.as_ref().map_or(f64::NAN, |pair| pair.value);
    [("lambda_max", found.largest.value, spectrum.max()), ("lambda_min", smallest, spectrum.min())].map(
        |(name, found, truth)| {
            let error = ((found - truth) / truth).abs();
            let seen = format!("{}, {} off", significant(found, 5), scientific(error, 1));
            Check::figure(name, seen, error, Bar::AtMost(bar))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        autodiff::{Evaluation, Scalar},
        curvature::{DenseMatrix, LinearOperator},
        doctor::check::Verdict,
    };

    const DOUBLE: Precision = PRECISIONS[1];

    fn verdicts(checks: impl IntoIterator<Item = Check>) -> Vec<Verdict> {
        checks.into_iter().map(|check| check.verdict()).collect()
    }

    /// An objective whose gradient or whose products are off by a share.
    struct Off<'a> {
        sound: &'a dyn Objective,
        gradient: f64,
        product: f64,
    }

    impl Objective for Off<'_> {
        fn dimension(&self) -> usize {
            self.sound.dimension()
        }

        fn loss(&self, w: &Vector) -> Scalar {
            self.sound.loss(w)
        }

        fn gradient(&self, w: &Vector) -> Evaluation {
            let sound = self.sound.gradient(w);
            Evaluation { gradient: sound.gradient * (1.0 + self.gradient), ..sound }
        }

        fn hessian_product(&self, w: &Vector, v: &Vector) -> Vector {
            self.sound.hessian_product(w, v) * (1.0 + self.product)
        }
    }

    #[test]
    fn derivatives_that_are_off_by_a_hundredth_or_no_numbers_fail() {
        let specimen = Specimen::new();
        let problem = specimen.problem(&Device::flex());
        let f = problem.objective(Examples::First(EXAMPLES));
        let truth = specimen.truth(&specimen.w);
        for precision in PRECISIONS {
            let w = vector_like(&specimen.w, &Vector::zeros([1], (&Device::flex(), precision.format)));
            let of = |gradient, product| {
                let off = Off { sound: f.as_ref(), gradient, product };
                let reference = ReferencePoint { f: &off, w: &w, truth: &truth };
                verdicts(derivatives(reference, &mut ProbeVectors::new(1, &w), precision.derivative))
            };
            assert_eq!(of(0.0, 0.0), [Verdict::Pass, Verdict::Pass]);
            assert_eq!(of(0.01, 0.0), [Verdict::Fail, Verdict::Pass]);
            assert_eq!(of(0.0, 0.01), [Verdict::Pass, Verdict::Fail]);
            assert_eq!(of(f64::NAN, f64::NAN), [Verdict::Fail, Verdict::Fail]);
        }
    }

    /// The true Hessian as a matrix in double precision, with the vector that says where and how.
    fn dense(truth: &Truth) -> (DenseMatrix, Vector) {
        let p = truth.gradient.len();
        let like = Vector::zeros([p], (&Device::flex(), DType::F64));
        (DenseMatrix(vector_like(truth.hessian.as_slice(), &like).reshape([p, p])), like)
    }

    #[test]
    fn a_biased_estimator_a_noisy_one_and_an_overconfident_one_fail() {
        let specimen = Specimen::new();
        let truth = specimen.truth(&specimen.w);
        let (matrix, like) = dense(&truth);
        let tr = truth.hessian.trace();
        for &estimator in TraceEstimator::VARIANTS {
            let mut vectors = ProbeVectors::new(1, &like);
            let mut of = |change: &dyn Fn(Estimate) -> Estimate| {
                verdicts(trace(estimator.key(), Expected { trace: tr, rounding: 1e-9 }, || {
                    let sound = estimator.estimate(&matrix, &mut vectors, PRODUCTS);
                    Trace { mean: change(sound.mean), ..sound }
                }))
            };
            assert_eq!(of(&|mean| mean), [Verdict::Pass, Verdict::Pass], "{estimator:?}");
            assert_eq!(of(&|mean| mean.shifted(0.05 * tr))[0], Verdict::Fail, "{estimator:?}, biased");
            let overconfident = |mean: Estimate| Estimate { std_error: mean.std_error / 5.0, ..mean };
            assert_eq!(of(&overconfident), [Verdict::Pass, Verdict::Fail], "{estimator:?}, overconfident");
            assert_eq!(of(&|mean| mean.shifted(f64::NAN)), [Verdict::Fail, Verdict::Fail], "{estimator:?}, broken");
        }
        let mut vectors = ProbeVectors::new(1, &like);
        let noisy = trace("noisy", Expected { trace: tr, rounding: 1e-9 }, || {
            let mean = tr * (1.0 + 3.0 * vectors.normal_number());
            Trace { mean: Estimate::new(mean, 3.0 * tr, 60), products: 60 }
        });
        assert_eq!(noisy[0].verdict(), Verdict::Fail, "{noisy:?}");
    }

    /// A map with something added to it.
    struct Shifted<'a>(&'a DenseMatrix, f64);

    impl LinearOperator for Shifted<'_> {
        fn apply(&self, v: &Vector) -> Vector {
            self.0.apply(v) + v.clone() * self.1
        }

        fn dimension(&self) -> usize {
            self.0.dimension()
        }
    }

    #[test]
    fn eigenvalues_of_another_map_and_a_search_cut_short_fail() {
        let specimen = Specimen::new();
        let truth = specimen.truth(&specimen.w);
        let (matrix, like) = dense(&truth);
        let start = ProbeVectors::new(1, &like).normal();
        let of = |shift, products| {
            let effort = Effort { products, tolerance: 1e-9 };
            let found = extremal_eigenpairs(&Shifted(&matrix, shift), &start, Extremal::Both, effort);
            verdicts(eigenvalues(&found, &truth, DOUBLE.eigenvalue))
        };
        assert_eq!(of(0.0, LANCZOS), [Verdict::Pass, Verdict::Pass]);
        assert_eq!(of(1e-6, LANCZOS), [Verdict::Fail, Verdict::Fail]);
        assert_eq!(of(0.0, 5), [Verdict::Fail, Verdict::Fail]);
        let effort = Effort { products: LANCZOS, tolerance: 1e-5 };
        let one_end = extremal_eigenpairs(&matrix, &start, Extremal::Largest, effort);
        assert_eq!(verdicts(eigenvalues(&one_end, &truth, DOUBLE.eigenvalue)), [Verdict::Pass, Verdict::Fail]);
    }
}
