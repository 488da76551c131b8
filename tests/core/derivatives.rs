//! Every operation's derivatives, and those of whole models, against central differences in double precision.

use crate::common::{relative, scattered, vector};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use nso_tui::{
    autodiff::{
        Conv2dOptions, Differentiable, Layout, Loss, Model, Objective, Parameters, Real, Vector, read, values,
        vector_like,
    },
    problem::{Classifier, Examples, Perceptron, Problem, data::Labelled},
};

/// One operation inside of a loss that is nonlinear in it: sum c op(w)^2 with fixed uneven weights c, so that first and
/// second derivatives of the operation all count.
struct Around {
    operation: Operation,
    layout: Layout,
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    Add,
    Sub,
    AddConstant,
    SubFromConstant,
    Mul,
    Scale,
    Square,
    Relu,
    Relu6,
    Tanh,
    Matmul,
    MatmulConstant,
    Transpose,
    Reshape,
    Select,
    Beside,
    Sum,
    SumRows,
    Linear,
    LogSoftmax,
    Pick,
    CrossEntropy,
    Conv,
    GroupedConv,
    ConvOfConstant,
    MaxPool,
    MeanPixels,
    BatchNorm,
    Normalise,
    NormaliseConstant,
}

const OPERATIONS: [Operation; 30] = [
    Operation::Add,
    Operation::Sub,
    Operation::AddConstant,
    Operation::SubFromConstant,
    Operation::Mul,
    Operation::Scale,
    Operation::Square,
    Operation::Relu,
    Operation::Relu6,
    Operation::Tanh,
    Operation::Matmul,
    Operation::MatmulConstant,
    Operation::Transpose,
    Operation::Reshape,
    Operation::Select,
    Operation::Beside,
    Operation::Sum,
    Operation::SumRows,
    Operation::Linear,
    Operation::LogSoftmax,
    Operation::Pick,
    Operation::CrossEntropy,
    Operation::Conv,
    Operation::GroupedConv,
    Operation::ConvOfConstant,
    Operation::MaxPool,
    Operation::MeanPixels,
    Operation::BatchNorm,
    Operation::Normalise,
    Operation::NormaliseConstant,
];

fn indices<const D: usize>(list: &[i64], shape: [usize; D]) -> Tensor<D, Int> {
    Tensor::from_data(TensorData::new(list.to_vec(), shape), &Device::flex())
}

impl Around {
    fn new(operation: Operation) -> Self {
        let layout = Layout::new([("a", vec![3, 4]), ("b", vec![4, 2]), ("row", vec![1, 4])]);
        Self { operation, layout }
    }

    fn weigh<R: Real, const D: usize>(x: R::T<D>) -> R::T<1> {
        let shape = R::dims(&x);
        let like = Vector::zeros([1], (&Device::flex(), R::value(&x).dtype()));
        let weights = vector_like(&scattered(shape.iter().product(), 0.3), &like).reshape(shape);
        R::sum(R::mul(R::constant(weights), R::square(x)))
    }
}

impl Model for Around {
    type Batch = ();

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn loss<R: Real>(&self, w: &Parameters<'_, R>, (): &()) -> Loss<R> {
        let (a, b, row): (R::T<2>, R::T<2>, R::T<2>) = (w.get(0), w.get(1), w.get(2));
        let constant = || {
            let like = Vector::zeros([1], (&Device::flex(), w.dtype()));
            R::constant(vector_like(&scattered(12, 0.7), &like).reshape([3, 4]))
        };
        Loss::of(match self.operation {
            Operation::Add => Self::weigh::<R, 2>(R::add(a, row)),
            Operation::Sub => Self::weigh::<R, 2>(R::sub(row, a)),
            Operation::AddConstant => Self::weigh::<R, 2>(R::add(constant(), row)),
            Operation::SubFromConstant => Self::weigh::<R, 2>(R::sub(constant(), row)),
            Operation::Mul => Self::weigh::<R, 2>(R::mul(a, row)),
            Operation::Scale => Self::weigh::<R, 2>(R::scale(a, -1.7)),
            Operation::Square => Self::weigh::<R, 2>(R::square(a)),
            Operation::Relu => Self::weigh::<R, 2>(R::relu(a)),
            Operation::Tanh => Self::weigh::<R, 2>(R::tanh(a)),
            Operation::Matmul => Self::weigh::<R, 2>(R::matmul(a, b)),
            Operation::MatmulConstant => Self::weigh::<R, 2>(R::matmul(constant(), b)),
            Operation::Transpose => Self::weigh::<R, 2>(R::matmul(R::transpose(b), R::transpose(a))),
            Operation::Reshape => Self::weigh::<R, 2>(R::mul(R::reshape(a, [2, 6]), R::reshape(constant(), [2, 6]))),
            Operation::Select => Self::weigh::<R, 1>(R::select(R::reshape(a, [12]), indices(&[3, 0, 3, 11, 7], [5]))),
            Operation::Beside => Self::weigh::<R, 2>(R::concat_columns(vec![R::matmul(a.clone(), b), constant(), a])),
            Operation::Sum => Self::weigh::<R, 1>(R::sum(R::square(a))),
            Operation::SumRows => Self::weigh::<R, 1>(R::sum_rows(R::square(a))),
            Operation::Linear => {
                let bias = R::select(R::reshape(row, [4]), indices(&[2, 0], [2]));
                Self::weigh::<R, 2>(R::linear(a, R::transpose(b), bias))
            }
            Operation::LogSoftmax => Self::weigh::<R, 2>(R::log_softmax(a)),
            Operation::Pick => Self::weigh::<R, 2>(R::gather(R::log_softmax(a), indices(&[2, 0, 3], [3, 1]))),
            Operation::CrossEntropy => Self::weigh::<R, 1>(R::cross_entropy(a, indices(&[2, 0, 3], [3, 1]))),
            Operation::Relu6 => Self::weigh::<R, 2>(R::relu6(R::scale(a, 9.0))),
            Operation::Conv => {
                let how = Conv2dOptions { stride: 2, padding: 1, groups: 1 };
                Self::weigh::<R, 4>(R::conv2d(R::reshape(a, [1, 2, 2, 3]), R::reshape(b, [1, 2, 2, 2]), how))
            }
            Operation::GroupedConv => {
                let how = Conv2dOptions { stride: 1, padding: 1, groups: 2 };
                Self::weigh::<R, 4>(R::conv2d(R::reshape(a, [1, 2, 2, 3]), R::reshape(b, [2, 1, 2, 2]), how))
            }
            Operation::ConvOfConstant => {
                let how = Conv2dOptions { stride: 1, padding: 0, groups: 1 };
                let images = R::reshape(constant(), [1, 1, 3, 4]);
                Self::weigh::<R, 4>(R::conv2d(images, R::reshape(b, [2, 1, 2, 2]), how))
            }
            Operation::MaxPool => {
                let how = Conv2dOptions { stride: 2, padding: 1, groups: 1 };
                Self::weigh::<R, 4>(R::max_pool2d(R::reshape(a, [1, 1, 3, 4]), 3, how))
            }
            Operation::MeanPixels => Self::weigh::<R, 2>(R::mean_pixels(R::reshape(R::square(a), [2, 1, 2, 3]))),
            Operation::Normalise | Operation::NormaliseConstant => {
                let row = R::reshape(row, [4]);
                let affine = [[0, 1], [2, 3]].map(|of| R::select(row.clone(), indices(&of, [2])));
                let like = Vector::zeros([1], (&Device::flex(), w.dtype()));
                let moments = [[0.3, -0.2], [0.5, 1.7]].map(|numbers| vector_like(&numbers, &like));
                let images = if matches!(self.operation, Operation::Normalise) { a } else { constant() };
                Self::weigh::<R, 4>(R::batch_norm_eval(R::reshape(images, [3, 2, 1, 2]), affine, moments, 1e-5))
            }
            Operation::BatchNorm => {
                let row = R::reshape(row, [4]);
                let affine = [[0, 1], [2, 3]].map(|of| R::select(row.clone(), indices(&of, [2])));
                Self::weigh::<R, 4>(R::batch_norm(R::reshape(a, [3, 2, 1, 2]), affine, 1e-5).0)
            }
        })
    }
}

/// [f(w + h e_i) - f(w - h e_i)] / 2h for every coordinate.
fn gradient_by_differences(f: &dyn Objective, w: &[f64], h: f64) -> Vec<f64> {
    let loss = |i: usize, by: f64| {
        let mut moved = w.to_vec();
        moved[i] += by;
        read(vec![f.loss(&vector(&moved, DType::F64))])[0]
    };
    (0..w.len()).map(|i| (loss(i, h) - loss(i, -h)) / (2.0 * h)).collect()
}

/// [grad f(w + h v) - grad f(w - h v)] / 2h.
fn product_by_differences(f: &dyn Objective, w: &[f64], v: &[f64], h: f64) -> Vec<f64> {
    let gradient = |by: f64| {
        let moved: Vec<f64> = w.iter().zip(v).map(|(w, v)| w + by * v).collect();
        values(&f.gradient(&vector(&moved, DType::F64)).gradient)
    };
    gradient(h).iter().zip(gradient(-h)).map(|(plus, minus)| (plus - minus) / (2.0 * h)).collect()
}

#[test]
fn every_operation_has_the_gradient_of_its_values() {
    for operation in OPERATIONS {
        let model = Around::new(operation);
        let f = Differentiable::new(&model, ());
        let w = scattered(24, 0.1);
        let expected = gradient_by_differences(&f, &w, 1e-6);
        let error = relative(&f.gradient(&vector(&w, DType::F64)).gradient, &expected);
        assert!(error < 1e-8, "{operation:?}: {error:.1e}");
    }
}

#[test]
fn every_operation_has_the_hessian_of_its_gradient() {
    for operation in OPERATIONS {
        let model = Around::new(operation);
        let f = Differentiable::new(&model, ());
        let (w, v) = (scattered(24, 0.1), scattered(24, 0.55));
        let expected = product_by_differences(&f, &w, &v, 1e-6);
        let product = f.hessian_product(&vector(&w, DType::F64), &vector(&v, DType::F64));
        let error = relative(&product, &expected);
        assert!(error < 1e-8, "{operation:?}: {error:.1e}");
    }
}

fn small_classifier() -> (Classifier<Perceptron>, Vec<f64>, Vec<f64>) {
    let labels: Vec<u32> = (0..32).map(|i| i * 7 % 10).collect();
    let inputs = scattered(32 * 20, 0.2).into_iter().map(|x| 1.7 * x as f32).collect();
    let data = Labelled { inputs, shape: [1, 1, 20], labels, classes: 10 };
    let problem = Classifier::new(Perceptron::new(20, 16, 10), (&data, &data), Device::flex());
    let dimension = problem.examples(); // 32 examples; the dimension comes from the layout
    assert_eq!(dimension, 32);
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
    let problem = Classifier::new(Perceptron::new(2, 2, 3), (&data, &data), Device::flex());
    let w = [1.0, -1.0, 0.5, 0.25, 0.5, -0.25, 3.0, 1.0, 5.0, -1.0, 7.0, 0.0, 0.0, 0.1, 0.0];
    let loss = read(vec![problem.objective(Examples::First(1)).loss(&vector(&w, DType::F64))])[0];
    let expected = (0.75f64.exp() + (-0.65f64).exp() + 1.0).ln() - 0.75;
    assert!((loss - expected).abs() < 1e-12, "{loss} {expected}");
    let metrics = problem.evaluate(&vector(&w, DType::F32), None);
    assert_eq!((metrics.train_accuracy, metrics.gap), (Some(1.0), Some(0.0)));
}
