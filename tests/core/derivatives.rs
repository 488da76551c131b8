//! Every operation's derivatives, and those of whole models, against central differences in double precision.

use std::collections::BTreeMap;

use burn::tensor::{DType, Device};
use nso_tui::{
    autodiff::{Differentiable, Objective, Vector, read, values},
    data::Labelled,
    problem::{CrossEntropy, Examples, ImageDataset, Perceptron, Problem, Supervised},
};
use serde::Deserialize;

use crate::{
    common::{relative, scattered, vector},
    operations::{Around, Operation},
};

/// [f(w + h e_i) - f(w - h e_i)] / 2h for every coordinate.
pub fn gradient_by_differences(f: &dyn Objective, w: &[f64], h: f64) -> Vec<f64> {
    let loss = |i: usize, by: f64| {
        let mut moved = w.to_vec();
        moved[i] += by;
        read(vec![f.loss(&vector(&moved, DType::F64))])[0]
    };
    (0..w.len()).map(|i| (loss(i, h) - loss(i, -h)) / (2.0 * h)).collect()
}

/// [grad f(w + h v) - grad f(w - h v)] / 2h.
pub fn product_by_differences(f: &dyn Objective, w: &[f64], v: &[f64], h: f64) -> Vec<f64> {
    let gradient = |by: f64| {
        let moved: Vec<f64> = w.iter().zip(v).map(|(w, v)| w + by * v).collect();
        values(&f.gradient(&vector(&moved, DType::F64)).gradient)
    };
    gradient(h).iter().zip(gradient(-h)).map(|(plus, minus)| (plus - minus) / (2.0 * h)).collect()
}

/// Where single operations are evaluated, and a direction.
fn point(precision: DType) -> [Vector; 2] {
    [0.1, 0.55].map(|offset| vector(&scattered(24, offset), precision))
}

/// Fails with the names of all operations whose error is not below `bar`.
fn holds_of_every_operation(bar: f64, error: impl Fn(Operation, &dyn Objective) -> f64) {
    let wrong: Vec<String> = Operation::ALL
        .iter()
        .map(|&operation| (operation, error(operation, &Differentiable::new(&Around::new(operation), ()))))
        .filter(|(_, error)| error.is_nan() || *error >= bar)
        .map(|(operation, error)| format!("{operation:?}: {error:.1e}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_operation_has_the_gradient_of_its_values() {
    holds_of_every_operation(1e-8, |_, f| {
        let [w, _] = point(DType::F64);
        relative(&f.gradient(&w).gradient, &gradient_by_differences(f, &values(&w), 1e-6))
    });
}

#[test]
fn every_operation_has_the_hessian_of_its_gradient() {
    holds_of_every_operation(1e-8, |_, f| {
        let [w, v] = point(DType::F64);
        relative(&f.hessian_product(&w, &v), &product_by_differences(f, &values(&w), &values(&v), 1e-6))
    });
}

/// What PyTorch computes of one operation in double precision.
#[derive(Deserialize)]
struct Fixture {
    loss: f64,
    gradient: Vec<f64>,
    product: Vec<f64>,
}

#[test]
fn every_operation_is_pytorchs_in_both_precisions() {
    let fixtures: BTreeMap<String, Fixture> = serde_json::from_str(include_str!("../torch/operations.json")).unwrap();
    assert_eq!(fixtures.len(), Operation::ALL.len());
    for (precision, bar) in [(DType::F64, 1e-12), (DType::F32, 1e-5)] {
        holds_of_every_operation(bar, |operation, f| {
            let expected = &fixtures[&format!("{operation:?}")];
            let [w, v] = point(precision);
            let found = f.gradient(&w);
            // A loss is a sum of both signs, and some are nearly 0.
            let loss = (read(vec![found.loss])[0] - expected.loss).abs() / expected.loss.abs().max(0.1);
            let gradient = relative(&found.gradient, &expected.gradient);
            loss.max(gradient).max(relative(&f.hessian_product(&w, &v), &expected.product))
        });
    }
}

fn small_classifier() -> (Supervised<Perceptron, ImageDataset, CrossEntropy>, Vec<f64>, Vec<f64>) {
    let labels: Vec<u32> = (0..32).map(|i| i * 7 % 10).collect();
    let inputs = scattered(32 * 20, 0.2).into_iter().map(|x| 1.7 * x as f32).collect();
    let data = Labelled { inputs, shape: [1, 1, 20], labels, classes: 10 };
    let problem = Supervised::new(
        Perceptron::new(20, 16, 10),
        ImageDataset::without_validation(&data, &data, &Device::flex()),
        CrossEntropy,
    );
    let p = Problem::layout(&problem).dimension();
    let w = scattered(p, 0.4).into_iter().map(|x| 0.5 * x).collect();
    (problem, w, scattered(p, 0.9))
}

#[test]
fn the_perceptron_agrees_with_differences_in_both_precisions() {
    let (problem, w, v) = small_classifier();
    let f = problem.objective(Examples::First(32));
    let gradient = gradient_by_differences(f.as_ref(), &w, 1e-6);
    let product = product_by_differences(f.as_ref(), &w, &v, 1e-7);
    for (precision, bar) in [(DType::F64, 1e-7), (DType::F32, 1e-5)] {
        let (w, v) = (vector(&w, precision), vector(&v, precision));
        let evaluation = f.gradient(&w);
        assert_eq!(evaluation.gradient.dtype(), precision);
        let error = relative(&evaluation.gradient, &gradient);
        assert!(error < bar, "gradient in {precision:?}: {error:.1e}");
        let error = relative(&f.hessian_product(&w, &v), &product);
        assert!(error < bar, "Hessian product in {precision:?}: {error:.1e}");
        assert_eq!(read(vec![evaluation.loss]), read(vec![f.loss(&w)]));
    }
}

/// The mean cross-entropy of a 2-2-3 perceptron, computed by hand: x = (1, 2), hidden = relu(1*1 - 1*2 + .5, .5*1 + .25*2 - .25)
/// = (0, .75), logits = (.75, -.75 + .1, 0); loss = -log softmax at class 0 = log(e^.75 + e^-.65 + 1) - .75.
#[test]
fn the_perceptron_computes_what_its_definition_says() {
    let data = Labelled { inputs: vec![1.0, 2.0], shape: [1, 1, 2], labels: vec![0], classes: 3 };
    let problem = Supervised::new(
        Perceptron::new(2, 2, 3),
        ImageDataset::without_validation(&data, &data, &Device::flex()),
        CrossEntropy,
    );
    let w = [1.0, -1.0, 0.5, 0.25, 0.5, -0.25, 3.0, 1.0, 5.0, -1.0, 7.0, 0.0, 0.0, 0.1, 0.0];
    let loss = read(vec![problem.objective(Examples::First(1)).loss(&vector(&w, DType::F64))])[0];
    let expected = (0.75f64.exp() + (-0.65f64).exp() + 1.0).ln() - 0.75;
    assert!((loss - expected).abs() < 1e-12, "{loss} {expected}");
    let metrics = problem.evaluate(&vector(&w, DType::F32), None);
    assert_eq!((metrics.train_accuracy, metrics.gap), (Some(1.0), Some(0.0)));
}
