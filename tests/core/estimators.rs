//! Every estimator against the dense Hessian of a small network, and against what theory says of its error.

use burn::tensor::{DType, Tensor};
use nalgebra::DMatrix;
use nso_tui::{
    autodiff::{Vector, values},
    curvature::{
        DenseMatrix, Effort, Estimate, Extremal, Hessian, LinearOperator, ProbeVectors, Term, TraceByPart,
        TraceEstimator, WeightTensors, extremal_eigenpairs, hutchinson_by_part, layerwise, paper_layers,
    },
    problem::{Examples, Problem},
};
use strum::VariantArray;

use crate::{
    common::{Diagonal, scattered, vector},
    dense::{EXAMPLES, hessian, network},
};

/// The dense matrix as a map.
pub fn operator(matrix: &DMatrix<f64>, precision: DType) -> DenseMatrix {
    let rows: Vec<f64> = matrix.transpose().iter().copied().collect();
    let tensor: Tensor<2> = vector(&rows, precision).reshape([matrix.nrows(), matrix.ncols()]);
    DenseMatrix(tensor)
}

pub fn truth() -> DMatrix<f64> {
    let (_, data, w) = network();
    hessian(&data, &w)
}

/// Columns H e_i side by side.
fn assembled(operator: &dyn LinearOperator, precision: DType) -> DMatrix<f64> {
    let p = operator.dimension();
    let columns = (0..p).flat_map(|i| {
        let unit: Vec<f64> = (0..p).map(|j| f64::from(i == j)).collect();
        values(&operator.apply(&vector(&unit, precision)))
    });
    DMatrix::from_vec(p, p, columns.collect())
}

#[test]
fn products_are_those_of_the_dense_hessian() {
    let (problem, _, w) = network();
    let truth = truth();
    assert!(truth.nrows() <= 300 && truth.norm() > 1.0);
    let f = problem.objective(Examples::First(EXAMPLES));
    for (precision, bar) in [(DType::F64, 1e-13), (DType::F32, 1e-6)] {
        let w = vector(&w, precision);
        let found = assembled(&Hessian::new(f.as_ref(), &w), precision);
        let error = (&found - &truth).norm() / truth.norm();
        assert!(error < bar, "{precision:?}: {error:.1e}");
    }
}

#[test]
fn both_ends_of_the_spectrum_are_those_of_the_dense_hessian() {
    let (problem, _, w) = network();
    let eigenvalues = truth().symmetric_eigen().eigenvalues;
    let (max, min) = (eigenvalues.max(), eigenvalues.min());
    assert!(min < -0.05 * max, "a spectrum with two ends: {min} {max}");
    let f = problem.objective(Examples::First(EXAMPLES));
    for (precision, tolerance, bar) in [(DType::F64, 1e-7, 1e-8), (DType::F32, 1e-3, 1e-4)] {
        let w = vector(&w, precision);
        let hessian = Hessian::new(f.as_ref(), &w);
        let start = ProbeVectors::new(3, &w).signs();
        let found = extremal_eigenpairs(&hessian, &start, Extremal::Both, Effort { products: 90, tolerance });
        let smallest = found.smallest.unwrap();
        assert!((found.largest.value / max - 1.0).abs() < bar, "{precision:?}: {} {max}", found.largest.value);
        assert!((smallest.value / min - 1.0).abs() < bar, "{precision:?}: {} {min}", smallest.value);
        assert!(found.largest.residual < 2.0 * tolerance * max && smallest.residual < 2.0 * tolerance * max);
        assert!(found.largest.products < 90, "{precision:?}: it stopped when it was good enough");
        assert_eq!(found.largest.products, smallest.products);
    }
}

#[test]
fn every_estimator_finds_the_trace_of_the_network_within_its_error() {
    let (problem, _, w) = network();
    let expected = truth().trace();
    let f = problem.objective(Examples::First(EXAMPLES));
    for (precision, rounding) in [(DType::F64, 1e-8), (DType::F32, 1e-4)] {
        let w = vector(&w, precision);
        let hessian = Hessian::new(f.as_ref(), &w);
        for &estimator in TraceEstimator::VARIANTS {
            let found = estimator.estimate(&hessian, &mut ProbeVectors::new(11, &w), 60);
            let off = (found.mean.mean - expected).abs();
            assert!(
                off < 4.0 * found.mean.std_error + rounding * expected,
                "{estimator:?} {precision:?}: {found:?} {expected}"
            );
            assert!(found.mean.std_error < 0.1 * expected, "{estimator:?} {precision:?}: {found:?} {expected}");
            assert!(found.products <= 60);
        }
        // With products enough for the whole range nothing is left to chance.
        let all = TraceEstimator::Xtrace.estimate(&hessian, &mut ProbeVectors::new(2, &w), 2 * 149);
        assert!((all.mean.mean / expected - 1.0).abs() < rounding, "{precision:?}: {all:?} {expected}");
    }
}

/// The mean of 1,000 independent estimates is the truth within four of its own standard errors: none of the three is biased. And a 95 %
/// interval covers the truth about 950 times: Hutchinson's is Student's of independent samples; those of Hutch++ and XTrace are of
/// few and dependent ones and are held to 900.
#[test]
fn estimates_are_unbiased_and_their_intervals_cover_the_truth_as_often_as_they_say() {
    let matrix = truth();
    let operator = operator(&matrix, DType::F64);
    let like = vector(&vec![0.0; matrix.nrows()], DType::F64);
    for (estimator, products, between) in [
        (TraceEstimator::Hutchinson, 20, 920..=980),
        (TraceEstimator::HutchPlusPlus, 30, 900..=1000),
        (TraceEstimator::Xtrace, 30, 900..=1000),
    ] {
        let mut vectors = ProbeVectors::new(17, &like);
        let found: Vec<Estimate> =
            (0..1000).map(|_| estimator.estimate(&operator, &mut vectors, products).mean).collect();
        let covers = |mean: &&Estimate| {
            let (low, high) = mean.interval(0.95);
            (low..=high).contains(&matrix.trace())
        };
        let covered = found.iter().filter(covers).count();
        println!("{estimator:?}: {covered} of 1000");
        assert!(between.contains(&covered), "{estimator:?}: {covered} of 1000");
        let all = Estimate::of(&found.iter().map(|mean| mean.mean).collect::<Vec<_>>());
        assert!((all.mean - matrix.trace()).abs() < 4.0 * all.std_error, "{estimator:?}: {all:?} {}", matrix.trace());
    }
}

/// Root of the mean squared error over repeats, relative to the trace.
fn error(estimator: TraceEstimator, (operator, trace): (&DenseMatrix, f64), products: u32) -> f64 {
    let like = vector(&vec![0.0; operator.dimension()], DType::F64);
    let mut vectors = ProbeVectors::new(23, &like);
    let repeats = 60;
    let squares = (0..repeats).map(|_| {
        let found = estimator.estimate(operator, &mut vectors, products);
        (found.mean.mean / trace - 1.0).powi(2)
    });
    (squares.sum::<f64>() / f64::from(repeats)).sqrt()
}

/// On eigenvalues 1/i^2, rotated so that no axis is special, 24 products of Hutch++ and of XTrace do what takes Hutchinson at
/// least 10 times and 50 times as many. Hutchinson's error falls with the root of its products, so that the number for a given
/// error follows from the error at a few.
#[test]
fn on_a_decaying_spectrum_the_newer_estimators_need_fewer_products() {
    let n = 120;
    let numbers = scattered(n * n, 0.15);
    let rotation = DMatrix::from_fn(n, n, |i, j| numbers[i * n + j]).qr().q();
    let spectrum = DMatrix::from_fn(n, n, |i, j| if i == j { 1.0 / ((i + 1) * (i + 1)) as f64 } else { 0.0 });
    let matrix = &rotation * spectrum * rotation.transpose();
    let subject = (&operator(&matrix, DType::F64), matrix.trace());
    let products = 24;
    let hutchinson = error(TraceEstimator::Hutchinson, subject, products);
    for (estimator, least) in [(TraceEstimator::HutchPlusPlus, 10.0), (TraceEstimator::Xtrace, 50.0)] {
        let factor = (hutchinson / error(estimator, subject, products)).powi(2);
        println!("{estimator:?}: {factor:.0} times fewer products than Hutchinson's for its error at {products}");
        assert!(factor > least, "{estimator:?}: {factor}");
    }
}

#[test]
fn a_map_of_low_rank_is_given_exactly() {
    let numbers = scattered(3 * 50, 0.35);
    let thin = DMatrix::from_fn(50, 3, |i, j| numbers[3 * i + j]);
    let matrix = &thin * thin.transpose();
    let like = vector(&[0.0; 50], DType::F64);
    for estimator in [TraceEstimator::HutchPlusPlus, TraceEstimator::Xtrace] {
        let found = estimator.estimate(&operator(&matrix, DType::F64), &mut ProbeVectors::new(5, &like), 30);
        assert!((found.mean.mean / matrix.trace() - 1.0).abs() < 1e-10, "{estimator:?}: {found:?}");
        assert!(found.mean.std_error < 1e-10 * matrix.trace(), "{estimator:?}: {found:?}");
        assert!(found.products <= 30, "{estimator:?}: {found:?}");
    }
    let zero = operator(&DMatrix::zeros(50, 50), DType::F64);
    for &estimator in TraceEstimator::VARIANTS {
        let found = estimator.estimate(&zero, &mut ProbeVectors::new(5, &like), 30);
        assert_eq!((found.mean.mean, found.mean.std_error), (0.0, 0.0), "{estimator:?}");
    }
}

/// In single precision the sketch of a map with two large eigenvalues and a long flat tail is exhausted at once; what rounding hides of the
/// tail must not be told to be nothing.
#[test]
fn a_tail_below_rounding_is_estimated_rather_than_denied() {
    let p = 100_002;
    let mut h = vec![3e-8; p];
    (h[0], h[1]) = (1.0, 1.0);
    let map = Diagonal(vector(&h, DType::F32));
    for estimator in [TraceEstimator::HutchPlusPlus, TraceEstimator::Xtrace] {
        let found = estimator.estimate(&map, &mut ProbeVectors::new(5, &vector(&vec![0.0; p], DType::F32)), 30);
        assert!((found.mean.mean - 2.003).abs() < 1e-5, "{estimator:?}: {found:?}");
        assert!(found.products <= 33, "{estimator:?}: {found:?}");
    }
}

#[test]
fn products_that_are_not_numbers_give_a_trace_that_is_none() {
    struct Broken;
    impl LinearOperator for Broken {
        fn apply(&self, v: &Vector) -> Vector {
            v.clone() * f64::NAN
        }
        fn dimension(&self) -> usize {
            40
        }
    }
    for &estimator in TraceEstimator::VARIANTS {
        let found = estimator.estimate(&Broken, &mut ProbeVectors::new(5, &vector(&[0.0; 40], DType::F32)), 30);
        assert!(found.mean.mean.is_nan(), "{estimator:?}: {found:?}");
    }
}

/// Hutchinson of one map.
fn by_part(matrix: &DMatrix<f64>, probes: u32) -> TraceByPart {
    let (problem, _, w) = network();
    let whole = Term { weight: 1.0, operator: Box::new(operator(matrix, DType::F64)) };
    let w = vector(&w, DType::F64);
    hutchinson_by_part([whole].into_iter(), Problem::layout(&problem), &mut ProbeVectors::new(4, &w), probes)
}

/// A map in three terms has the trace of the whole from the same vectors, and each term's own.
#[test]
fn a_trace_in_terms_is_the_trace_of_their_sum() {
    let truth = truth();
    let p = truth.nrows();
    let pieces = [(0.5, 1.0), (0.3, 2.0), (0.2, -0.5)];
    let (problem, _, w) = network();
    let layout = Problem::layout(&problem);
    let w = vector(&w, DType::F64);
    // A diagonal map's trace is exact whatever the vector, so each term is exact.
    let diagonal = |scale: f64| DMatrix::from_fn(p, p, |i, j| if i == j { scale * i as f64 } else { 0.0 });
    let of = |matrix: &dyn Fn(f64) -> DMatrix<f64>| {
        let terms = pieces
            .iter()
            .map(|&(weight, scale)| Term { weight, operator: Box::new(operator(&matrix(scale), DType::F64)) });
        hutchinson_by_part(terms, layout, &mut ProbeVectors::new(4, &w), 3)
    };
    let found = of(&diagonal);
    let sum = (p * (p - 1) / 2) as f64;
    for (trace, (_, scale)) in found.terms.iter().zip(pieces) {
        assert!((trace / (scale * sum) - 1.0).abs() < 1e-9, "{found:?}");
    }
    let whole = of(&|scale| &truth * scale);
    let factor = 0.5 * 1.0 + 0.3 * 2.0 - 0.2 * 0.5;
    let direct = by_part(&truth, 3);
    assert!((whole.total.mean.mean / (factor * direct.total.mean.mean) - 1.0).abs() < 1e-9);
    assert!((whole.total.mean.std_error / (factor * direct.total.mean.std_error) - 1.0).abs() < 1e-9);
    assert!((whole.tensors[2].mean / (factor * direct.tensors[2].mean) - 1.0).abs() < 1e-9);
}

#[test]
fn traces_by_tensor_are_those_of_the_dense_blocks() {
    let (problem, _, w) = network();
    let truth = truth();
    let f = problem.objective(Examples::First(EXAMPLES));
    let layout = Problem::layout(&problem);
    let w = vector(&w, DType::F64);
    let whole = Term { weight: 1.0, operator: Box::new(Hessian::new(f.as_ref(), &w)) };
    let found = hutchinson_by_part([whole].into_iter(), layout, &mut ProbeVectors::new(4, &w), 300);
    assert_eq!(found.tensors.len(), 4);
    for (trace, entry) in found.tensors.iter().zip(layout.entries()) {
        let expected: f64 = (entry.offset..entry.offset + entry.len()).map(|i| truth[(i, i)]).sum();
        assert!((trace.mean - expected).abs() < 4.0 * trace.std_error, "{}: {trace:?} {expected}", entry.name);
        assert!(trace.std_error < 0.25 * expected, "{}: {trace:?} {expected}", entry.name);
    }
    let sum: f64 = found.tensors.iter().map(|trace| trace.mean).sum();
    assert!((sum / found.total.mean.mean - 1.0).abs() < 1e-12);
    // Where A is diagonal, each block's trace is exact.
    let diagonal = DMatrix::from_diagonal(&truth.diagonal());
    let exact = by_part(&diagonal, 2);
    for (trace, entry) in exact.tensors.iter().zip(layout.entries()) {
        let expected: f64 = (entry.offset..entry.offset + entry.len()).map(|i| truth[(i, i)]).sum();
        assert!((trace.mean - expected).abs() < 1e-12, "{}: {trace:?} {expected}", entry.name);
    }
}

/// Block power iteration by plain loops: each weight tensor's block of v brought to length 1, all multiplied by A, the quotients summed.
#[test]
fn the_layerwise_number_is_the_sum_that_the_papers_code_makes() {
    let (problem, _, w) = network();
    let truth = truth();
    let layout = Problem::layout(&problem);
    let blocks: Vec<_> =
        layout.entries().iter().filter(|e| e.shape.len() == 2).map(|e| e.offset..e.offset + e.len()).collect();
    assert_eq!(blocks.len(), 2);
    let mut v: Vec<f64> = (0..w.len()).map(|i| 1.0 + (i % 3) as f64).collect();
    let start = v.clone();
    let mut expected = 0.0;
    for _ in 0..200 {
        let mut unit = vec![0.0; v.len()];
        for block in &blocks {
            let length = v[block.clone()].iter().map(|x| x * x).sum::<f64>().sqrt();
            block.clone().for_each(|i| unit[i] = v[i] / length);
        }
        v = (0..v.len()).map(|i| (0..v.len()).map(|j| truth[(i, j)] * unit[j]).sum()).collect();
        expected = blocks.iter().cloned().flatten().map(|i| unit[i] * v[i]).sum();
    }
    let effort = Effort { products: 200, tolerance: 1e-12 };
    let layers = paper_layers(layout);
    let start = vector(&start, DType::F64);
    let found =
        layerwise(&operator(&truth, DType::F64), WeightTensors { layout, layers: &layers }, &start, effort).unwrap();
    assert!((found.value / expected - 1.0).abs() < 1e-4, "{found:?} {expected}");
    let lambda_max = truth.symmetric_eigen().eigenvalues.max();
    assert!(found.value > 1.05 * lambda_max && found.value < 2.0 * lambda_max, "{found:?} {lambda_max}");
}
