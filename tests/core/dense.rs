//! The Hessian of a small perceptron's cross-entropy by plain loops over doubles: nothing of the program but its data.
//!
//! With logits z, p = softmax(z) and J = dz/dw, each example adds J'(diag p - pp')J + sum_c (p_c - y_c) d2z_c/dw2. Layer two is linear and
//! layer one piecewise linear, so that d2z_c/dw2 has entries only between W2_cj and what makes hidden unit j: x_i, and 1 for the bias.

use burn::tensor::Device;
use nalgebra::DMatrix;
use nso_tui::problem::{Classifier, Perceptron, Problem, data::Labelled};

use crate::common::scattered;

/// Widths of the network: 149 parameters.
pub const WIDTHS: [usize; 3] = [6, 12, 5];
pub const EXAMPLES: usize = 40;

/// The network with its data, and weights at which it has learnt nothing yet.
pub fn network() -> (Classifier<Perceptron>, Labelled, Vec<f64>) {
    let [inputs, hidden, classes] = WIDTHS;
    let data = Labelled {
        inputs: scattered(EXAMPLES * inputs, 0.2).into_iter().map(|x| 1.5 * x as f32).collect(),
        features: inputs,
        labels: (0..EXAMPLES).map(|i| (i * i % classes) as u8).collect(),
    };
    let problem = Classifier::new(Perceptron::new(inputs, hidden, classes), (&data, &data), Device::flex());
    let w = scattered(Problem::layout(&problem).dimension(), 0.4).into_iter().map(|x| 0.7 * x).collect();
    (problem, data, w)
}

/// The mean Hessian over the examples, [p, p].
pub fn hessian(data: &Labelled, w: &[f64]) -> DMatrix<f64> {
    let [inputs, hidden, classes] = WIDTHS;
    let (w1, rest) = w.split_at(hidden * inputs);
    let (b1, rest) = rest.split_at(hidden);
    let (w2, b2) = rest.split_at(classes * hidden);
    let (at_b1, at_w2, at_b2) =
        (hidden * inputs, hidden * inputs + hidden, hidden * inputs + hidden + classes * hidden);
    let n = data.labels.len();
    let mut sum = DMatrix::zeros(w.len(), w.len());
    for (example, &label) in data.labels.iter().enumerate() {
        let x: Vec<f64> = data.inputs[example * inputs..][..inputs].iter().map(|&x| f64::from(x)).collect();
        let a: Vec<f64> =
            (0..hidden).map(|j| b1[j] + (0..inputs).map(|i| w1[j * inputs + i] * x[i]).sum::<f64>()).collect();
        let alive: Vec<f64> = a.iter().map(|&a| f64::from(a > 0.0)).collect();
        let z: Vec<f64> = (0..classes)
            .map(|c| b2[c] + (0..hidden).map(|j| w2[c * hidden + j] * alive[j] * a[j]).sum::<f64>())
            .collect();
        let total: f64 = z.iter().map(|z| z.exp()).sum();
        let p: Vec<f64> = z.iter().map(|z| z.exp() / total).collect();
        let mut jacobian = DMatrix::zeros(classes, w.len());
        for c in 0..classes {
            for j in 0..hidden {
                for i in 0..inputs {
                    jacobian[(c, j * inputs + i)] = w2[c * hidden + j] * alive[j] * x[i];
                }
                jacobian[(c, at_b1 + j)] = w2[c * hidden + j] * alive[j];
                jacobian[(c, at_w2 + c * hidden + j)] = alive[j] * a[j];
            }
            jacobian[(c, at_b2 + c)] = 1.0;
        }
        let inner = DMatrix::from_fn(classes, classes, |c, d| f64::from(c == d) * p[c] - p[c] * p[d]);
        sum += jacobian.transpose() * inner * &jacobian;
        for c in 0..classes {
            let pull = p[c] - f64::from(c == usize::from(label));
            for j in 0..hidden {
                let row = at_w2 + c * hidden + j;
                for (column, value) in (0..inputs).map(|i| (j * inputs + i, x[i])).chain([(at_b1 + j, 1.0)]) {
                    sum[(row, column)] += pull * alive[j] * value;
                    sum[(column, row)] += pull * alive[j] * value;
                }
            }
        }
    }
    sum / n as f64
}
