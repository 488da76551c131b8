//! A network small enough to know everything about: loss, gradient and Hessian in closed form, worked out on the
//! host in double precision, with neither the tensor library nor the model's own code in it.

use burn::tensor::Device;
use nalgebra::{DMatrix, DVector};
use rand::RngExt;

use crate::{
    data::Labelled,
    problem::{CrossEntropy, ImageDataset, Perceptron, Supervised},
    random::{Purpose, stream},
};

const INPUTS: usize = 8;
const HIDDEN: usize = 12;
const CLASSES: usize = 10;
/// Examples that the loss is a mean over.
pub const EXAMPLES: usize = 40;
/// The seed of its data and weights. They never change: with these no hidden unit of any example is
/// closer to its kink than single precision can tell.
const SEED: u64 = 1;

/// A perceptron of 238 parameters on made-up data, and the weights to look at it.
pub struct Specimen {
    data: Labelled,
    /// The weights, which are single precision numbers: both precisions look at the same point.
    pub w: Vec<f64>,
}

/// What is true of it at its weights.
#[derive(Debug, Clone)]
pub struct Truth {
    /// f(w).
    pub loss: f64,
    /// grad f(w).
    pub gradient: DVector<f64>,
    /// H(w), [p, p].
    pub hessian: DMatrix<f64>,
}

impl Specimen {
    pub fn new() -> Self {
        let mut random = stream(SEED, Purpose::Data);
        let inputs = (0..EXAMPLES * INPUTS).map(|_| 2.0 * random.random::<f32>() - 1.0).collect();
        let labels = (0..EXAMPLES).map(|_| u32::from(random.random_range(0..10_u8))).collect();
        let mut random = stream(SEED, Purpose::Weights);
        let parameters = HIDDEN * (INPUTS + 1) + CLASSES * (HIDDEN + 1);
        let w = (0..parameters).map(|_| f64::from(2.0 * random.random::<f32>() - 1.0)).collect();
        Self { data: Labelled { inputs, shape: [1, 1, INPUTS], labels, classes: CLASSES }, w }
    }

    /// The same as a problem on a device.
    pub fn problem(&self, device: &Device) -> Supervised<Perceptron, ImageDataset, CrossEntropy> {
        Supervised::new(
            Perceptron::new(INPUTS, HIDDEN, CLASSES),
            ImageDataset::without_validation(&self.data, &self.data, device),
            CrossEntropy,
        )
    }

    /// Loss, gradient and Hessian at `w`, for parameters W1 [h, in], b1 [h], W2 [c, h], b2 [c] in one vector.
    ///
    /// For one example x of class y: a = W1 x + b1, r = max(a, 0), z = W2 r + b2, p = softmax z, d = p - e_y;
    /// with J = dz/dw the gradient is J'd and, where no a is 0, the Hessian
    ///
    /// J' (diag p - p p') J + sum_c d_c H_c,
    ///
    /// where H_c, the Hessian of z_c, has nothing but d^2 z_c / dW2_cj dW1_ji = [a_j > 0] x_i and, with 1 for x_i, that
    /// of b1_j.
    pub fn truth(&self, w: &[f64]) -> Truth {
        let p = w.len();
        let mut truth = Truth { loss: 0.0, gradient: DVector::zeros(p), hessian: DMatrix::zeros(p, p) };
        for (x, &label) in self.data.inputs.chunks(INPUTS).zip(&self.data.labels) {
            add_example(&mut truth, w, x, label as usize);
        }
        let share = 1.0 / EXAMPLES as f64;
        Truth { loss: truth.loss * share, gradient: truth.gradient * share, hessian: truth.hessian * share }
    }
}

/// Where W1_ji, b1_j, W2_cj and b2_c are.
const fn first(unit: usize, input: usize) -> usize {
    if input < INPUTS { unit * INPUTS + input } else { HIDDEN * INPUTS + unit }
}

const fn second(class: usize, unit: usize) -> usize {
    let start = HIDDEN * (INPUTS + 1);
    if unit < HIDDEN { start + class * HIDDEN + unit } else { start + CLASSES * HIDDEN + class }
}

/// The inputs of a hidden unit with the 1 of its bias.
fn with_one(x: &[f32]) -> impl Iterator<Item = (usize, f64)> + '_ {
    x.iter().map(|&x| f64::from(x)).chain([1.0]).enumerate()
}

/// a = W1 x + b1.
fn activations(w: &[f64], x: &[f32]) -> [f64; HIDDEN] {
    std::array::from_fn(|unit| with_one(x).map(|(input, x)| w[first(unit, input)] * x).sum())
}

fn add_example(truth: &mut Truth, w: &[f64], x: &[f32], label: usize) {
    let before = activations(w, x);
    let hidden = before.map(|a| a.max(0.0));
    let logits: [f64; CLASSES] = std::array::from_fn(|class| {
        let from_units: f64 = hidden.iter().enumerate().map(|(unit, r)| w[second(class, unit)] * r).sum();
        from_units + w[second(class, HIDDEN)]
    });
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let scale: f64 = logits.iter().map(|z| (z - largest).exp()).sum();
    truth.loss += largest + scale.ln() - logits[label];

    let p = DVector::from_iterator(CLASSES, logits.iter().map(|z| (z - largest).exp() / scale));
    let mut d = p.clone();
    d[label] -= 1.0;
    let mut jacobian = DMatrix::zeros(CLASSES, w.len());
    for class in 0..CLASSES {
        jacobian[(class, second(class, HIDDEN))] = 1.0;
        for unit in (0..HIDDEN).filter(|&unit| before[unit] > 0.0) {
            let place = second(class, unit);
            jacobian[(class, place)] = hidden[unit];
            for (input, x) in with_one(x) {
                jacobian[(class, first(unit, input))] = w[place] * x;
                truth.hessian[(place, first(unit, input))] += d[class] * x;
                truth.hessian[(first(unit, input), place)] += d[class] * x;
            }
        }
    }
    truth.gradient += jacobian.transpose() * &d;
    let spread = DMatrix::from_diagonal(&p) - &p * p.transpose();
    truth.hessian += jacobian.transpose() * spread * jacobian;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distance between a and b relative to b.
    fn off(a: &DVector<f64>, b: &DVector<f64>) -> f64 {
        (a - b).norm() / b.norm()
    }

    #[test]
    fn the_closed_forms_are_the_differences_of_the_loss() {
        let specimen = Specimen::new();
        let truth = specimen.truth(&specimen.w);
        assert_eq!(truth.gradient.len(), 238);
        let step = 1e-5;
        let moved = |index: usize, by: f64| {
            let mut w = specimen.w.clone();
            w[index] += by;
            specimen.truth(&w)
        };
        for index in 0..specimen.w.len() {
            let [after, before] = [step, -step].map(|by| moved(index, by));
            let slope = (after.loss - before.loss) / (2.0 * step);
            assert!((slope - truth.gradient[index]).abs() < 1e-9, "gradient {index}: {slope}");
            let column = (after.gradient - before.gradient) / (2.0 * step);
            let error = off(&truth.hessian.column(index).into_owned(), &column);
            assert!(error < 1e-6, "Hessian column {index}: {error:e}");
        }
    }

    #[test]
    fn no_unit_is_near_its_kink_and_the_spectrum_has_both_signs() {
        let specimen = Specimen::new();
        let margin = specimen.data.inputs.chunks(INPUTS).flat_map(|x| activations(&specimen.w, x));
        let margin = margin.map(f64::abs).fold(f64::INFINITY, f64::min);
        assert!(margin > 1e-4, "{margin}");
        let spectrum = specimen.truth(&specimen.w).hessian.symmetric_eigen().eigenvalues;
        assert!(spectrum.max() > 0.1 && spectrum.min() < -0.01, "{} {}", spectrum.min(), spectrum.max());
    }
}
