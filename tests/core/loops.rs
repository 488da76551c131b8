//! ASAM, RSAM and bSAM once more: a perceptron 3-4-2 whose loss, gradient and steps are plain loops over f64, written from the
//! papers' formulas. Nothing of the program is used until its path is compared with that of the loops.

use std::{num::NonZeroUsize, ops::Range};

use burn::tensor::{DType, Device};
use nso_tui::{
    autodiff::{read, values},
    data::Labelled,
    optimizer::{Hyperparameters, OptimizerState, StepContext, StepInput, TrainingProgress},
    problem::{CrossEntropy, Examples, ImageDataset, Perceptron, Problem, Supervised},
};
use serde_json::{Value, json};

use crate::common::{Replay, apart, scattered, vector};

const INPUTS: usize = 3;
const HIDDEN: usize = 4;
const CLASSES: usize = 2;

/// Where the tensors lie in the flat w: row-major weights and their biases, layer by layer.
const W1: Range<usize> = 0..12;
const B1: Range<usize> = 12..16;
const W2: Range<usize> = 16..24;
const B2: Range<usize> = 24..26;
const DIMENSION: usize = 26;

const EXAMPLES: usize = 7;
const STEPS: usize = 8;

fn inputs() -> Vec<f32> {
    scattered(EXAMPLES * INPUTS, 0.2).into_iter().map(|x| x as f32).collect()
}

fn label(example: usize) -> usize {
    usize::from(example.is_multiple_of(3))
}

fn start() -> Vec<f64> {
    scattered(DIMENSION, 0.4).into_iter().map(|x| 0.8 * x).collect()
}

/// xi of one draw.
fn xi(draw: usize) -> Vec<f64> {
    scattered(DIMENSION, 0.37 * (draw as f64 + 1.0)).into_iter().map(|x| 1.7 * x).collect()
}

/// Mean cross-entropy over the examples and its gradient, by loops.
fn gradient(w: &[f64]) -> (f64, Vec<f64>) {
    let inputs = inputs();
    let (mut loss, mut g) = (0.0, vec![0.0; DIMENSION]);
    for example in 0..EXAMPLES {
        let x: Vec<f64> = (0..INPUTS).map(|i| f64::from(inputs[example * INPUTS + i])).collect();
        let mut z = [0.0; HIDDEN];
        for j in 0..HIDDEN {
            z[j] = w[B1.start + j];
            for i in 0..INPUTS {
                z[j] += w[W1.start + j * INPUTS + i] * x[i];
            }
        }
        let mut logits = [0.0; CLASSES];
        for c in 0..CLASSES {
            logits[c] = w[B2.start + c];
            for j in 0..HIDDEN {
                logits[c] += w[W2.start + c * HIDDEN + j] * z[j].max(0.0);
            }
        }
        let total: f64 = logits.iter().map(|logit| logit.exp()).sum();
        loss -= (logits[label(example)].exp() / total).ln() / EXAMPLES as f64;
        for c in 0..CLASSES {
            let hit = if c == label(example) { 1.0 } else { 0.0 };
            let error = (logits[c].exp() / total - hit) / EXAMPLES as f64;
            g[B2.start + c] += error;
            for j in 0..HIDDEN {
                if z[j] > 0.0 {
                    g[W2.start + c * HIDDEN + j] += error * z[j];
                    let back = error * w[W2.start + c * HIDDEN + j];
                    g[B1.start + j] += back;
                    for i in 0..INPUTS {
                        g[W1.start + j * INPUTS + i] += back * x[i];
                    }
                }
            }
        }
    }
    (loss, g)
}

/// w + `length` e / |e|_2.
fn ahead(w: &[f64], e: &[f64], length: f64) -> Vec<f64> {
    let mut norm = 0.0;
    for e in e {
        norm += e * e;
    }
    (0..DIMENSION).map(|i| w[i] + length * e[i] / norm.sqrt()).collect()
}

/// A step of 0.3 against `g`.
fn descend(w: &mut [f64], g: &[f64]) {
    for i in 0..DIMENSION {
        w[i] -= 0.3 * g[i];
    }
}

/// Kwon 2021: e = rho T^2 g / |T g|_2. Losses are those at w.
fn asam(rho: f64, scaling: impl Fn(usize, f64) -> f64) -> Vec<(Vec<f64>, f64)> {
    let mut w = start();
    let mut path = Vec::new();
    for _ in 0..STEPS {
        let (loss, g) = gradient(&w);
        let t: Vec<f64> = (0..DIMENSION).map(|i| scaling(i, w[i])).collect();
        let mut square = 0.0;
        for i in 0..DIMENSION {
            square += (t[i] * g[i]) * (t[i] * g[i]);
        }
        let there: Vec<f64> = (0..DIMENSION).map(|i| w[i] + rho * t[i] * t[i] * g[i] / square.sqrt()).collect();
        descend(&mut w, &gradient(&there).1);
        path.push((w.clone(), loss));
    }
    path
}

/// Liu 2022: e = rho (D + lambda g) / |D + lambda g|_2 with g at w + D. D is sigma xi, in weights times the norm of their row.
fn rsam(rho: f64, sigma: f64, lambda: f64) -> Vec<(Vec<f64>, f64)> {
    let mut w = start();
    let mut path = Vec::new();
    for step in 0..STEPS {
        let mut d: Vec<f64> = xi(step).into_iter().map(|xi| sigma * xi).collect();
        for (tensor, width) in [(W1, INPUTS), (W2, HIDDEN)] {
            for row in tensor.step_by(width) {
                let norm = w[row..row + width].iter().map(|w| w * w).sum::<f64>().sqrt();
                for d in &mut d[row..row + width] {
                    *d *= norm;
                }
            }
        }
        let around: Vec<f64> = (0..DIMENSION).map(|i| w[i] + d[i]).collect();
        let (loss, g) = gradient(&around);
        let e: Vec<f64> = (0..DIMENSION).map(|i| d[i] + lambda * g[i]).collect();
        let there = ahead(&w, &e, rho);
        descend(&mut w, &gradient(&there).1);
        path.push((w.clone(), loss));
    }
    path
}

/// Moellenhoff & Khan 2022 with alpha .3, b1 .9, b2 .7, N examples, prior precision 2, damping .2 and s0 = 3.
fn bsam(rho: f64) -> Vec<(Vec<f64>, f64)> {
    let d = 2.0 / EXAMPLES as f64;
    let (mut w, mut m, mut s) = (start(), vec![0.0; DIMENSION], vec![3.0_f64; DIMENSION]);
    let mut path = Vec::new();
    for step in 0..STEPS {
        let xi = xi(step);
        let around: Vec<f64> = (0..DIMENSION).map(|i| w[i] + xi[i] / (EXAMPLES as f64 * s[i]).sqrt()).collect();
        let (loss, g1) = gradient(&around);
        let there: Vec<f64> = (0..DIMENSION).map(|i| w[i] + rho * g1[i] / s[i]).collect();
        let (_, g2) = gradient(&there);
        for i in 0..DIMENSION {
            m[i] = 0.9 * m[i] + 0.1 * (g2[i] + d * w[i]);
            w[i] -= 0.3 * m[i] / s[i];
            s[i] = 0.7 * s[i] + 0.3 * (s[i].sqrt() * g1[i].abs() + 0.2 + d);
        }
        path.push((w.clone(), loss));
    }
    path
}

/// The same by the program.
fn program(hyperparameters: Value) -> Vec<(Vec<f64>, f64)> {
    let hyperparameters: Hyperparameters = serde_json::from_value(hyperparameters).unwrap();
    let labels = (0..EXAMPLES).map(|example| label(example) as u32).collect();
    let data = Labelled { inputs: inputs(), shape: [1, 1, INPUTS], labels, classes: CLASSES };
    let problem = Supervised::new(
        Perceptron::new(INPUTS, HIDDEN, CLASSES),
        ImageDataset::without_validation(&data, &data, &Device::flex()),
        CrossEntropy,
    );
    let f = problem.objective(Examples::First(EXAMPLES));
    let start = vector(&start(), DType::F64);
    let mut draws = 0..;
    let mut noise = Replay(|| xi(draws.next().unwrap()));
    let mut context = StepContext {
        layout: Problem::layout(&problem),
        initial_weights: &start,
        examples: NonZeroUsize::new(EXAMPLES),
        noise: &mut noise,
    };
    let (mut w, mut state) = (start.clone(), OptimizerState::default());
    let mut path = Vec::new();
    for _ in 0..STEPS {
        let before = StepInput { w, state, progress: TrainingProgress::UNSCHEDULED };
        let after = hyperparameters.step(f.as_ref(), before, &mut context);
        path.push((values(&after.w), read(vec![after.stats.loss])[0]));
        (w, state) = (after.w, after.state);
    }
    path
}

#[track_caller]
fn compare(found: &[(Vec<f64>, f64)], expected: &[(Vec<f64>, f64)]) {
    assert_eq!([found.len(), expected.len()], [STEPS; 2]);
    for (step, ((w, loss), (by_loops, loss_by_loops))) in found.iter().zip(expected).enumerate() {
        let errors = [apart(w, by_loops), (loss / loss_by_loops - 1.0).abs()];
        assert!(errors.iter().all(|error| *error < 1e-12), "step {step}: {errors:?}");
    }
}

/// The loops are right themselves: their gradient is the slope of their loss.
#[test]
fn the_gradient_by_loops_is_the_slope_of_the_loss_by_loops() {
    let w = start();
    let (_, g) = gradient(&w);
    for i in 0..DIMENSION {
        let moved = |by: f64| {
            let mut w = w.clone();
            w[i] += by;
            gradient(&w).0
        };
        let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        assert!((slope - g[i]).abs() < 1e-9, "{i}: {slope} {}", g[i]);
    }
}

#[test]
fn asam_walks_the_path_of_the_loops_in_both_scalings() {
    let is_bias = |i| B1.contains(&i) || B2.contains(&i);
    compare(
        &program(json!({"method": "asam", "scaling": "offset", "rho": 0.7, "lr": 0.3})),
        &asam(0.7, |i, w| if is_bias(i) { 1.0 } else { w.abs() + 0.01 }),
    );
    compare(&program(json!({"method": "asam", "scaling": "plain", "rho": 0.7, "lr": 0.3})), &asam(0.7, |_, w| w.abs()));
}

#[test]
fn rsam_walks_the_path_of_the_loops() {
    let rsam_by_program = program(json!({"method": "rsam", "rho": 0.2, "sigma": 0.1, "lambda": 0.6, "lr": 0.3}));
    compare(&rsam_by_program, &rsam(0.2, 0.1, 0.6));
}

#[test]
fn bsam_walks_the_path_of_the_loops() {
    let by_program = program(json!({"method": "bsam", "rho": 0.4, "lr": 0.3, "beta1": 0.9, "beta2": 0.7, "prior": 2.0,
        "damping": 0.2, "precision": 3.0}));
    compare(&by_program, &bsam(0.4));
}
