//! The same weights, batch and model on every backend: one loss, one gradient, one Hessian product.
//! What the CPU backend finds in single precision is held against LibTorch, by its own autograd and by burn's, and against wgpu.
//!
//! A rectifier has a kink: where rounding puts an input on its other side, gradients differ by more than rounding, PyTorch's from its
//! own in double precision included (by 1e-3 on the networks of `networks.rs`). The batches here are small enough to have no
//! such input, and LibTorch is compared in double precision too.

use burn::tensor::{DType, Device, Tensor, TensorData};
use nso_tui::{
    autodiff::{Differentiable, Objective, Vector, read, values},
    problem::{
        Classifier, ConvNet, Depth, Examples, MatrixSensing, MobileNetV2, Mode, Network, Perceptron, Problem,
        ProblemConfig, ResNet, SoftmaxRegression, data::Labelled,
    },
};

use crate::{
    common::apart,
    networks::{data, mixed, moments, weights},
};

const CLASSES: usize = 7;

/// What one backend finds.
struct Found {
    loss: f64,
    gradient: Vec<f64>,
    statistics: Vec<f64>,
    product: Vec<f64>,
}

fn on(device: &Device, numbers: &[f64], precision: DType) -> Vector {
    let data = TensorData::new(numbers.to_vec(), [numbers.len()]).convert_dtype(precision);
    Tensor::from_data(data, (device, precision))
}

/// Loss, gradient and moments seen by `f`; the product by `g` along a vector that looks random.
fn look(f: &dyn Objective, g: &dyn Objective, w: &Vector) -> Found {
    let v = on(&w.device(), &mixed(f.dimension(), 2001), w.dtype());
    let found = f.gradient(w);
    Found {
        loss: read(vec![found.loss])[0],
        gradient: values(&found.gradient),
        statistics: found.statistics.map_or_else(Vec::new, |moments| values(&moments)),
        product: values(&g.hessian_product(w, &v)),
    }
}

fn same(found: &Found, expected: &Found, (name, bar): (&str, f64)) {
    let loss = (found.loss - expected.loss).abs() / expected.loss.abs();
    assert!(loss < bar, "{name}: the loss is {loss:e} off");
    for (what, a, b) in [
        ("gradient", &found.gradient, &expected.gradient),
        ("moments", &found.statistics, &expected.statistics),
        ("Hessian product", &found.product, &expected.product),
    ] {
        let off = if b.is_empty() { 0.0 } else { apart(a, b) };
        assert!(off < bar, "{name}: the {what} is {off:e} off");
    }
}

/// The devices of this build besides the CPU backend, each with whether it computes in double precision.
fn devices() -> Vec<(&'static str, Device, bool)> {
    let mut devices = Vec::new();
    #[cfg(feature = "tch")]
    devices.push(("tch", Device::libtorch(), true));
    #[cfg(feature = "wgpu")]
    devices.push(("wgpu", Device::wgpu(burn::tensor::DeviceKind::DefaultDevice), false));
    devices
}

/// One network by the reverse mode that the device gets, and by burn's.
fn network<N: Network + Clone + 'static>(name: &str, network: &N, data: &Labelled) {
    let (layout, norms) = (network.layout(), network.statistics());
    let look_at = |device: &Device, precision: DType, burns: bool| {
        let problem = Classifier::new(network.clone(), (data, data), device.clone());
        let stored = (!norms.entries().is_empty()).then(|| on(device, &moments(norms), precision));
        let evaluation = Mode { statistics: stored, ..Mode::default() };
        let w = on(device, &weights(layout), precision);
        let all = Examples::First(usize::MAX);
        if burns {
            let [f, g] =
                [Mode::default(), evaluation].map(|mode| Differentiable::new(&problem, problem.minibatch(mode, all)));
            look(&f, &g, &w)
        } else {
            look(problem.objective(all).as_ref(), problem.objective_in(evaluation, all).as_ref(), &w)
        }
    };
    for (backend, device, double) in devices() {
        for (precision, bar) in [(DType::F32, 1e-4), (DType::F64, 1e-9)] {
            if precision == DType::F64 && !double {
                continue;
            }
            let expected = look_at(&Device::flex(), precision, true);
            for burns in [false, true] {
                let whose = if burns { "burn's autograd" } else { "its own autograd" };
                let found = look_at(&device, precision, burns);
                same(&found, &expected, (&format!("{name} on {backend} in {precision:?} by {whose}"), bar));
            }
        }
    }
}

fn small_images(count: usize, shape: [usize; 3]) -> Labelled {
    let numbers = count * shape.iter().product::<usize>();
    let labels = (0..count).map(|i| (i % CLASSES) as u32).collect();
    Labelled { inputs: mixed(numbers, 3000).into_iter().map(|x| x as f32).collect(), shape, labels, classes: CLASSES }
}

#[test]
fn small_networks_agree_on_every_backend() {
    let data = small_images(16, [1, 12, 12]);
    network("softmax regression", &SoftmaxRegression::new(144, CLASSES), &data);
    network("perceptron", &Perceptron::new(144, 20, CLASSES), &data);
    network("convolutional net", &ConvNet::new([1, 12, 12], 4, CLASSES), &data);
}

#[test]
fn mobilenets_agree_on_every_backend() {
    network("MobileNetV2, stem 2", &MobileNetV2::new(CLASSES, 2, 64), &data(4, 64));
    network("MobileNetV2, stem 1", &MobileNetV2::new(CLASSES, 1, 32), &data(4, 32));
}

#[test]
fn residual_networks_agree_on_every_backend() {
    network("ResNet-18", &ResNet::new(Depth::Eighteen, CLASSES, 64), &data(4, 64));
    network("ResNet-34", &ResNet::new(Depth::ThirtyFour, CLASSES, 64), &data(4, 64));
    network("ResNet-50", &ResNet::new(Depth::Fifty, CLASSES, 64), &data(4, 64));
}

#[test]
fn analytic_problems_agree_on_every_backend() {
    let configs = [
        ProblemConfig::Quadratic { h: vec![1.0, 3.0, 10.0], b: vec![0.1, -0.2, 0.3], start: vec![1.0, 2.0, -1.0] },
        ProblemConfig::Valley { start: [1.0, 2.0] },
    ];
    for (backend, device, _) in devices() {
        let find = |problem: &dyn Problem| {
            let w = on(problem.device(), &mixed(problem.layout().dimension(), 7), DType::F32);
            let f = problem.objective(Examples::First(0));
            look(f.as_ref(), f.as_ref(), &w)
        };
        for config in &configs {
            let [found, expected] =
                [&device, &Device::flex()].map(|device| find(config.build(1, device).unwrap().as_ref()));
            same(&found, &expected, (&format!("{} on {backend}", config.kind()), 1e-5));
        }
        let [found, expected] =
            [device.clone(), Device::flex()].map(|device| find(&MatrixSensing::new(12, 2, 60, (1, device))));
        same(&found, &expected, (&format!("matrix sensing on {backend}"), 1e-4));
    }
}
