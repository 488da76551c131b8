//! Spectral densities and what is known of a spectrum's largest eigenvalues, against the dense Hessian of a small network.

use burn::tensor::DType;
use nalgebra::DMatrix;
use nso_tui::{
    autodiff::values,
    curvature::{DensityEffort, Effort, Eigenpair, Extremal, Hessian, ProbeVectors, density, extremal_eigenpairs},
    problem::{Examples, Problem},
};

use crate::{
    common::vector,
    dense::{EXAMPLES, network},
    estimators::{operator, truth},
};

/// For one start v, sum_i tau_i theta_i^j = v'A^j v / v'v up to j = 2 steps - 1; in the mean over starts, Tr A^j / p.
#[test]
fn the_density_has_the_moments_of_the_dense_hessian() {
    let (problem, _, w) = network();
    let truth = truth();
    let p = truth.nrows();
    let f = problem.objective(Examples::First(EXAMPLES));
    for (precision, bar) in [(DType::F64, 1e-8), (DType::F32, 1e-4)] {
        let w = vector(&w, precision);
        let hessian = Hessian::new(f.as_ref(), &w);
        let start: Vec<f64> = values(&ProbeVectors::new(7, &w).signs());
        let found = density(&hessian, &mut ProbeVectors::new(7, &w), &[], DensityEffort { probes: 1, steps: 6 });
        assert!((found.weights.iter().sum::<f64>() - 1.0).abs() < 1e-6);
        assert!(found.nodes.is_sorted());
        assert_eq!(found.products, 6);
        let v = DMatrix::from_column_slice(p, 1, &start);
        let mut power = v.clone();
        for order in 1..=11 {
            power = &truth * power;
            let expected = v.dot(&power) / v.dot(&v);
            let moment = found.moment(order);
            assert!((moment / expected - 1.0).abs() < bar, "{precision:?}, moment {order}: {moment} {expected}");
        }
    }
    let many = density(
        &operator(&truth, DType::F64),
        &mut ProbeVectors::new(1, &vector(&vec![0.0; p], DType::F64)),
        &[],
        DensityEffort { probes: 400, steps: 8 },
    );
    let mut power = DMatrix::identity(p, p);
    for (order, bar) in [(1, 0.05), (2, 0.05), (3, 0.05)] {
        power = &truth * power;
        let expected = power.trace() / p as f64;
        assert!((many.moment(order) / expected - 1.0).abs() < bar, "{order}: {} {expected}", many.moment(order));
    }
}

/// Pinned eigenvalues are points of weight 1/p. The starts estimate the rest, so that moments stay unbiased, and the trace
/// scatters over the starts as what is left does: by 2 |(I - QQ') A (I - QQ')|_F^2 less its diagonal.
#[test]
fn known_eigenvalues_are_pinned_and_the_rest_is_spread_as_it_is() {
    let truth = truth();
    let p = truth.nrows();
    let eigen = truth.clone().symmetric_eigen();
    let mut order: Vec<usize> = (0..p).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let known: Vec<Eigenpair> = order[..6]
        .iter()
        .map(|&at| Eigenpair {
            value: eigen.eigenvalues[at],
            vector: vector(&eigen.eigenvectors.column(at).iter().copied().collect::<Vec<_>>(), DType::F64),
            residual: 0.0,
            products: 0,
        })
        .collect();
    let like = vector(&vec![0.0; p], DType::F64);
    let effort = DensityEffort { probes: 300, steps: 8 };
    let of =
        |known: &[Eigenpair]| density(&operator(&truth, DType::F64), &mut ProbeVectors::new(1, &like), known, effort);
    let (plain, pinned) = (of(&[]), of(&known));
    let pins: Vec<f64> = pinned
        .weights
        .iter()
        .zip(&pinned.starts)
        .filter(|(_, start)| **start == 0)
        .map(|(weight, _)| *weight)
        .collect();
    assert_eq!(pins.len(), 6);
    assert!(pins.iter().all(|pin| (pin * p as f64 - 1.0).abs() < 1e-12));
    assert!((pinned.weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    assert_eq!(*pinned.nodes.last().unwrap(), known[0].value, "nothing is seen beyond the largest");
    for found in [&plain, &pinned] {
        let off = (found.trace.unwrap().mean - truth.trace()).abs();
        assert!(off < 4.0 * found.trace.unwrap().std_error, "{:?} {}", found.trace, truth.trace());
        assert!((found.moment(1) * p as f64 / found.trace.unwrap().mean - 1.0).abs() < 1e-9);
    }
    let left = known.iter().fold(truth.clone(), |left, pair| {
        let q = DMatrix::from_column_slice(p, 1, &values(&pair.vector));
        left - &q * pair.value * q.transpose()
    });
    let scatter = |matrix: &DMatrix<f64>| {
        (2.0 * (matrix.norm_squared() - matrix.diagonal().norm_squared()) / f64::from(effort.probes)).sqrt()
    };
    for (found, matrix) in [(&plain, &truth), (&pinned, &left)] {
        let ratio = found.trace.unwrap().std_error / scatter(matrix);
        assert!((0.8..1.25).contains(&ratio), "{ratio}");
    }
    assert!(
        pinned.trace.unwrap().std_error < 0.75 * plain.trace.unwrap().std_error,
        "{:?} {:?}",
        pinned.trace,
        plain.trace
    );
    let moment = (&truth * &truth).trace() / p as f64;
    assert!((pinned.moment(2) / moment - 1.0).abs() < 0.01, "{} {moment}", pinned.moment(2));
}

/// What is found on the way to the largest eigenvalue are eigenvalues, from the largest down, to the residual that they say.
#[test]
fn outliers_are_eigenvalues_found_on_the_way() {
    let truth = truth();
    let mut exact: Vec<f64> = truth.clone().symmetric_eigen().eigenvalues.iter().copied().collect();
    exact.sort_by(|a, b| b.total_cmp(a));
    let start = ProbeVectors::new(3, &vector(&vec![0.0; truth.nrows()], DType::F64)).signs();
    let effort = Effort { products: 60, tolerance: 1e-9 };
    let found = extremal_eigenpairs(&operator(&truth, DType::F64), &start, Extremal::Largest, effort).outliers;
    assert!(found.len() > 3, "{}", found.len());
    for (place, pair) in found.iter().enumerate() {
        assert!((pair.value - exact[place]).abs() <= pair.residual + 1e-9, "{place}: {pair:?} {}", exact[place]);
        let overlaps = found[..place].iter().map(|other| values(&other.vector.clone().dot(pair.vector.clone()))[0]);
        assert!(overlaps.into_iter().all(|overlap| overlap.abs() < 1e-9));
    }
}
