//! Trace and eigenvalue estimators against matrices whose answers are known otherwise.

use crate::common::{Diagonal, scattered, vector};
use burn::tensor::{DType, Device, Tensor};
use nalgebra::DMatrix;
use nso_tui::{
    autodiff::Vector,
    curvature::{DenseMatrix, Effort, Hessian, LinearOperator, ProbeVectors, hutchinson, largest},
    data::Labelled,
    problem::{CrossEntropy, Examples, ImageDataset, Problem, SoftmaxRegression, Supervised},
};

/// A symmetric matrix of scattered numbers, for nalgebra and for burn.
fn symmetric(n: usize, precision: DType) -> (DMatrix<f64>, DenseMatrix) {
    let numbers = scattered(n * n, 0.15);
    let matrix =
        DMatrix::from_fn(n, n, |i, j| numbers[i.min(j) * n + i.max(j)] + if i == j { i as f64 / 10.0 } else { 0.0 });
    let rows: Vec<f64> = matrix.transpose().iter().copied().collect();
    let tensor: Tensor<2> = vector(&rows, precision).reshape([n, n]);
    (matrix, DenseMatrix(tensor))
}

fn start(n: usize, precision: DType) -> Vector {
    ProbeVectors::new(9, &vector(&vec![0.0; n], precision)).signs()
}

#[test]
fn hutchinson_is_exact_on_a_diagonal_matrix() {
    let diagonal = scattered(30, 0.6);
    let matrix = DMatrix::from_diagonal(&diagonal.clone().into());
    let operator = DenseMatrix(vector(matrix.as_slice(), DType::F64).reshape([30, 30]));
    let trace = hutchinson(&operator, &mut ProbeVectors::new(1, &vector(&[0.0; 30], DType::F64)), 5).mean;
    let expected: f64 = diagonal.iter().sum();
    assert!((trace.mean - expected).abs() < 1e-12, "{trace:?} {expected}");
    assert!(trace.std_error < 1e-12);
    assert_eq!(trace.samples, 5);
}

/// The variance of v'Av is 2 (|A|_F^2 - sum_i A_ii^2).
#[test]
fn hutchinsons_error_bar_is_the_one_that_theory_gives() {
    let (matrix, operator) = symmetric(40, DType::F64);
    let probes = 4000;
    let trace = hutchinson(&operator, &mut ProbeVectors::new(2, &vector(&[0.0; 40], DType::F64)), probes).mean;
    let off_diagonal = matrix.norm_squared() - matrix.diagonal().norm_squared();
    let expected = (2.0 * off_diagonal / f64::from(probes)).sqrt();
    assert!((trace.std_error / expected - 1.0).abs() < 0.05, "{} {expected}", trace.std_error);
    assert!((trace.mean - matrix.trace()).abs() < 4.0 * expected, "{} {}", trace.mean, matrix.trace());
}

#[test]
fn lanczos_finds_the_largest_eigenvalue_of_a_dense_matrix() {
    let effort = Effort { products: 41, tolerance: 1e-9 };
    for (precision, bar) in [(DType::F64, 1e-9), (DType::F32, 1e-5)] {
        let (matrix, operator) = symmetric(40, precision);
        let expected = matrix.symmetric_eigen().eigenvalues.max();
        let top = largest(&operator, &start(40, precision), effort);
        assert!((top.value / expected - 1.0).abs() < bar, "{precision:?}: {} {expected}", top.value);
        assert!(top.residual < 30.0 * bar * expected, "{precision:?}: residual {}", top.residual);
        assert!(top.products <= 41);
    }
}

#[test]
fn lanczos_sees_the_largest_not_the_largest_in_magnitude() {
    let operator = DenseMatrix(vector(&[-5.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0], DType::F64).reshape([3, 3]));
    let top = largest(&operator, &vector(&[0.4, 0.5, 0.6], DType::F64), Effort { products: 10, tolerance: 1e-9 });
    assert!((top.value - 2.0).abs() < 1e-12, "{top:?}");
}

#[test]
fn lanczos_stays_within_its_products_and_says_how_far_off_it_is() {
    let (matrix, operator) = symmetric(40, DType::F64);
    let eigenvalues = matrix.symmetric_eigen().eigenvalues;
    let top = largest(&operator, &start(40, DType::F64), Effort { products: 6, tolerance: 1e-9 });
    assert_eq!(top.products, 6);
    assert!(top.residual > 1e-6);
    let nearest = eigenvalues.iter().map(|value| (value - top.value).abs()).fold(f64::INFINITY, f64::min);
    assert!(nearest <= top.residual, "{nearest} {}", top.residual);
}

#[test]
fn a_product_that_is_not_a_number_ends_the_search() {
    struct Broken;
    impl LinearOperator for Broken {
        fn apply(&self, v: &Vector) -> Vector {
            v.clone() * f64::NAN
        }
        fn dimension(&self) -> usize {
            3
        }
    }
    let top = largest(&Broken, &start(3, DType::F32), Effort { products: 30, tolerance: 1e-3 });
    assert!(top.value.is_nan());
    assert!(top.products <= 2);
}

/// At w = 0 with K classes the Hessian of softmax regression is (I - 11'/K)/K (x) mean x x': its trace is
/// (1 - 1/K) mean |x|^2, its largest eigenvalue lambda_max(mean x x') / K.
#[test]
fn softmax_regression_at_zero_has_its_known_hessian() {
    let (n, features, classes) = (200, 25, 10);
    let inputs: Vec<f32> = scattered(n * features, 0.35).into_iter().map(|x| (x + 0.2) as f32).collect();
    let labels: Vec<u32> = (0..n).map(|i| (i * i % classes) as u32).collect();
    let x = DMatrix::from_row_iterator(n, features, inputs.iter().map(|&x| f64::from(x)));
    let moment = x.transpose() * &x / n as f64;
    let data = Labelled { inputs, shape: [1, 1, features], labels, classes };
    let problem = Supervised::new(
        SoftmaxRegression::new(features, classes),
        ImageDataset::without_validation(&data, &data, &Device::flex()),
        CrossEntropy,
    );
    let w = vector(&vec![0.0; features * classes], DType::F64);
    let f = problem.objective(Examples::First(n));
    let hessian = Hessian::new(f.as_ref(), &w);

    let trace = hutchinson(&hessian, &mut ProbeVectors::new(3, &w), 400).mean;
    let expected = 0.9 * moment.trace();
    assert!((trace.mean - expected).abs() < 4.0 * trace.std_error, "{trace:?} {expected}");
    assert!(trace.std_error < 0.02 * expected);

    // Summed over unit vectors the trace is exact.
    let basis = |i| vector(&(0..250).map(|j| f64::from(i == j)).collect::<Vec<_>>(), DType::F64);
    let exact: f64 = (0..250).map(|i| hessian.apply(&basis(i)).dot(basis(i)).into_scalar::<f64>()).sum();
    assert!((exact / expected - 1.0).abs() < 1e-12, "{exact} {expected}");

    let top = largest(&hessian, &start(250, DType::F64), Effort { products: 60, tolerance: 1e-6 });
    let expected = moment.symmetric_eigen().eigenvalues.max() / 10.0;
    assert!((top.value / expected - 1.0).abs() < 1e-9, "{} {expected}", top.value);
}

/// The start that a probe makes of a former top vector: most of the second eigenvector, a little of everything else.
/// Its residual is small at once; the larger eigenvalue must be found all the same.
#[test]
fn lanczos_leaves_a_former_top_vector_for_a_larger_eigenvalue() {
    let p = 20_000;
    let mut spectrum = vec![0.0; p];
    spectrum[..62].iter_mut().enumerate().for_each(|(i, value)| *value = 0.5 / (i as f64 + 1.0));
    (spectrum[0], spectrum[1]) = (1.5, 1.0);
    let mut former = vec![0.0; p];
    former[1] = 1.0;
    let random = start(p, DType::F32) * (0.05 / (p as f64).sqrt());
    let top = largest(
        &Diagonal(vector(&spectrum, DType::F32)),
        &(vector(&former, DType::F32) + random),
        Effort { products: 30, tolerance: 1e-3 },
    );
    assert!((top.value - 1.5).abs() < 1e-3, "{} after {} products", top.value, top.products);
}
