//! The Hessian of a small perceptron's cross-entropy by plain loops over doubles: nothing of the program but its data.
//!
//! With logits z, p = softmax(z) and J = dz/dw, each example adds J'(diag p - pp')J + sum_c (p_c - y_c) d2z_c/dw2. Layer two is linear and
//! layer one piecewise linear, so that d2z_c/dw2 has entries only between W2_cj and what makes hidden unit j: x_i, and 1 for the bias.

use burn::tensor::Device;
use nalgebra::DMatrix;
use nso_tui::{
    data::Labelled,
    problem::{CrossEntropy, ImageDataset, Perceptron, Problem, Supervised},
};

use crate::common::scattered;

/// Widths of the network: 149 parameters.
pub const WIDTHS: [usize; 3] = [6, 12, 5];
pub const EXAMPLES: usize = 40;

/// The network with its data, and weights at which it has learnt nothing yet.
pub fn network() -> (Supervised<Perceptron, ImageDataset, CrossEntropy>, Labelled, Vec<f64>) {
    let [inputs, hidden, classes] = WIDTHS;
    let data = Labelled {
        inputs: scattered(EXAMPLES * inputs, 0.2).into_iter().map(|x| 1.5 * x as f32).collect(),
        shape: [1, 1, inputs],
        labels: (0..EXAMPLES).map(|i| (i * i % classes) as u32).collect(),
        classes,
    };
    let problem = Supervised::new(
        Perceptron::new(inputs, hidden, classes),
        ImageDataset::without_validation(&data, &data, &Device::flex()),
        CrossEntropy,
    );
    let w = scattered(Problem::layout(&problem).dimension(), 0.4).into_iter().map(|x| 0.7 * x).collect();
    (problem, data, w)
}

/// Where each tensor begins in the flat vector: W1, b1, W2, b2.
const STARTS: [usize; 4] = {
    let [inputs, hidden, classes] = WIDTHS;
    [0, hidden * inputs, hidden * inputs + hidden, hidden * inputs + hidden + classes * hidden]
};

/// The mean Hessian over the examples, [p, p].
pub fn hessian(data: &Labelled, w: &[f64]) -> DMatrix<f64> {
    let mut sum = DMatrix::zeros(w.len(), w.len());
    for (pixels, &label) in data.inputs.chunks(WIDTHS[0]).zip(&data.labels) {
        let x: Vec<f64> = pixels.iter().map(|&x| f64::from(x)).collect();
        add_example(&mut sum, w, (&x, label as usize));
    }
    sum / data.labels.len() as f64
}

fn add_example(sum: &mut DMatrix<f64>, w: &[f64], (x, label): (&[f64], usize)) {
    let [inputs, hidden, classes] = WIDTHS;
    let [_, bias1, weight2, bias2] = STARTS;
    let sums: Vec<f64> =
        (0..hidden).map(|j| w[bias1 + j] + (0..inputs).map(|i| w[j * inputs + i] * x[i]).sum::<f64>()).collect();
    let slopes: Vec<f64> = sums.iter().map(|&a| f64::from(a > 0.0)).collect();
    let exponentials: Vec<f64> = (0..classes)
        .map(|c| w[bias2 + c] + (0..hidden).map(|j| w[weight2 + c * hidden + j] * slopes[j] * sums[j]).sum::<f64>())
        .map(f64::exp)
        .collect();
    let total: f64 = exponentials.iter().sum();
    let shares: Vec<f64> = exponentials.iter().map(|e| e / total).collect();
    let mut jacobian = DMatrix::zeros(classes, w.len());
    for (c, share) in shares.iter().enumerate() {
        let pull = share - f64::from(c == label);
        jacobian[(c, bias2 + c)] = 1.0;
        for (j, slope) in slopes.iter().enumerate() {
            let outer = weight2 + c * hidden + j;
            jacobian[(c, outer)] = slope * sums[j];
            let inner = (0..inputs).map(|i| (j * inputs + i, x[i])).chain([(bias1 + j, 1.0)]);
            for (column, value) in inner {
                jacobian[(c, column)] = w[outer] * slope * value;
                sum[(outer, column)] += pull * slope * value;
                sum[(column, outer)] += pull * slope * value;
            }
        }
    }
    let spread = DMatrix::from_fn(classes, classes, |c, d| f64::from(c == d) * shares[c] - shares[c] * shares[d]);
    *sum += jacobian.transpose() * spread * &jacobian;
}
