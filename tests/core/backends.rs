//! The same weights, batch and model on every backend: one loss, one gradient, one Hessian product.
//! What the CPU backend finds in single precision is held against LibTorch, by its own autograd and by burn's, and against wgpu.
//!
//! A rectifier has a kink: where rounding puts an input on its other side, gradients differ by more than rounding, PyTorch's from its
//! own in double precision included (by 1e-3 and more on the networks of `networks.rs`). So the weights here hold each rectifier behind a batch
//! normalisation on one side, by a shift of three against a scale of .3: those of even channels open, those of odd ones closed. In double
//! precision LibTorch is compared on weights without that too.

use burn::tensor::{DType, Device, Tensor, TensorData};
use nso_tui::{
    autodiff::{
        Differentiable, Entry, Layout, Loss, Model, Objective, Parameters, Real, Value, Vector, objective, read, values,
    },
    data::Labelled,
    problem::{
        ConvNet, CrossEntropy, Dataset, Depth, Examples, ImageDataset, MatrixSensing, MatrixSensingSize, Minibatch,
        MobileNetV2, Mode, Network, Normalization, Perceptron, Problem, ResNet, SoftmaxRegression, Split, Supervised,
    },
    run::{
        ProblemConfig, device,
        problem::{QuadraticSettings, ValleySettings},
    },
};

use crate::{
    common::{apart, scattered},
    networks::{mixed, weights},
    operations::{Around, Operation},
};

const CLASSES: usize = 7;

/// What one backend finds.
struct Found {
    loss: f64,
    gradient: Vec<f64>,
    batch_statistics: Vec<f64>,
    /// One by one, and through an operator that may keep what it needs of the point.
    products: [Vec<f64>; 2],
}

fn on(device: &Device, numbers: &[f64], precision: DType) -> Vector {
    let data = TensorData::new(numbers.to_vec(), [numbers.len()]).convert_dtype(precision);
    Tensor::from_data(data, (device, precision))
}

/// Loss, gradient and batch statistics of `f`; the product by `g` along a vector that looks random.
fn look(f: &dyn Objective, g: &dyn Objective, w: &Vector) -> Found {
    let v = on(&w.device(), &mixed(f.dimension(), 2001), w.dtype());
    let found = f.gradient(w);
    Found {
        loss: read(vec![found.loss])[0],
        gradient: values(&found.gradient),
        batch_statistics: found.batch_statistics.map_or_else(Vec::new, |statistics| values(&statistics)),
        products: [values(&g.hessian_product(w, &v)), values(&g.hessian(w)(&v))],
    }
}

fn same(found: &Found, expected: &Found, (name, bar): (&str, f64)) {
    // Losses of both signs may cancel to nearly 0.
    let loss = (found.loss - expected.loss).abs() / expected.loss.abs().max(0.1);
    assert!(loss < bar, "{name}: the loss is {loss:e} off");
    for (what, a, b) in [
        ("gradient", &found.gradient, &expected.gradient),
        ("batch statistics", &found.batch_statistics, &expected.batch_statistics),
        ("Hessian product", &found.products[0], &expected.products[0]),
        ("Hessian's product", &found.products[1], &expected.products[0]),
    ] {
        let off = if b.is_empty() { 0.0 } else { apart(a, b) };
        assert!(off < bar, "{name}: the {what} is {off:e} off");
    }
}

/// The devices of this build and machine besides the CPU backend, each with whether it computes in double precision.
fn devices() -> Vec<(String, Device, bool)> {
    let there = device::offers().into_iter().filter(|offer| offer.about.is_ok() && offer.name != "flex");
    let opened = |offer: device::Offer| {
        let device = device::open(offer.name.parse().unwrap()).unwrap();
        let double = device::computes_in(&device, DType::F64);
        (offer.name, device, double)
    };
    let found: Vec<_> = there.map(opened).collect();
    for (built, family) in [(cfg!(feature = "tch"), "tch"), (cfg!(feature = "wgpu"), "wgpu")] {
        assert!(!built || found.iter().any(|(name, ..)| name.starts_with(family)), "no device of {family}");
    }
    found
}

/// Weights that hold rectifiers on one side; networks without normalisation get those of `networks.rs`.
fn held(layout: &Layout) -> Vec<f64> {
    let value = |(entry, w): (&Entry, Vec<f64>)| -> Vec<f64> {
        match (entry.shape.len(), entry.is_bias()) {
            (1, false) => w.into_iter().map(|scale| 0.6 * scale).collect(),
            (1, true) => (0..w.len()).map(|channel| if channel % 2 == 0 { 3.0 } else { -3.0 }).collect(),
            _ => w,
        }
    };
    let all = weights(layout);
    let pieces = layout.entries().iter().map(|entry| (entry, all[entry.offset..entry.offset + entry.len()].to_vec()));
    pieces.flat_map(value).collect()
}

/// One network by the reverse mode that the device gets, and by burn's.
fn network<N: Network<Input = Tensor<4>> + Clone + 'static>(name: &str, network: &N, data: &Labelled) {
    let normalised = !network.buffers().entries().is_empty();
    let layout = network.layout();
    let smooth = if normalised { held(layout) } else { weights(layout) };
    for (backend, device, double) in devices() {
        compare((name, &backend), (network, data), (&device, &smooth), (DType::F32, 1e-4));
        if double {
            compare((name, &backend), (network, data), (&device, &weights(layout)), (DType::F64, 1e-9));
        }
    }
}

fn compare<N: Network<Input = Tensor<4>> + Clone + 'static>(
    (name, backend): (&str, &str),
    (network, data): (&N, &Labelled),
    (device, w): (&Device, &[f64]),
    (precision, bar): (DType, f64),
) {
    let problem = |device: &Device| {
        Supervised::new(network.clone(), ImageDataset::without_validation(data, data, device), CrossEntropy)
    };
    let all = Examples::First(usize::MAX);
    // Buffers that are the statistics of the batch, so that rectifiers stay where they are held under buffers too.
    let statistics = problem(&Device::flex()).objective(all).batch_statistics(&on(&Device::flex(), w, DType::F64));
    let statistics = statistics.map(|statistics| values(&statistics));
    let look_at = |device: &Device, burns: bool| {
        let problem = problem(device);
        let buffers = statistics.as_ref().map(|statistics| on(device, statistics, precision));
        let evaluation = Mode { normalization: Normalization::by(buffers.as_ref()), ..Mode::default() };
        let w = on(device, w, precision);
        if burns {
            let examples = problem.dataset().count(Split::Train).unwrap();
            let [f, g] = [Mode::default(), evaluation].map(|mode| {
                Differentiable::new(
                    &problem,
                    Minibatch { batch: problem.dataset().range(Split::Train, 0..examples), mode },
                )
            });
            look(&f, &g, &w)
        } else {
            look(problem.objective(all).as_ref(), problem.objective_in(evaluation, all).as_ref(), &w)
        }
    };
    let expected = look_at(&Device::flex(), true);
    // Elsewhere than on LibTorch, burn's is the only one.
    let autograds: &[bool] = if backend.starts_with("tch") { &[false, true] } else { &[true] };
    for &burns in autograds {
        let whose = if burns { "burn's autograd" } else { "the device's autograd" };
        let found = look_at(device, burns);
        same(&found, &expected, (&format!("{name} on {backend} in {precision:?} by {whose}"), bar));
    }
}

fn images(count: usize, shape: [usize; 3], key: u64) -> Labelled {
    let numbers = count * shape.iter().product::<usize>();
    let labels = (0..count).map(|i| (i % CLASSES) as u32).collect();
    Labelled { inputs: mixed(numbers, key).into_iter().map(|x| x as f32).collect(), shape, labels, classes: CLASSES }
}

#[test]
fn every_operation_agrees_on_every_backend() {
    for (backend, device, double) in devices() {
        let precisions = [(DType::F32, 1e-5), (DType::F64, 1e-12)];
        for (&operation, (precision, bar)) in
            Operation::ALL.iter().flat_map(|operation| precisions.map(|p| (operation, p)))
        {
            if precision == DType::F64 && !double {
                continue;
            }
            let model = Around::new(operation);
            let burns = Differentiable::new(&model, ());
            let expected = look(&burns, &burns, &on(&Device::flex(), &scattered(24, 0.1), DType::F64));
            let w = on(&device, &scattered(24, 0.1), precision);
            let own = objective(&model, (), &device);
            for (whose, f) in [("burn's", &burns as &dyn Objective), ("the device's", own.as_ref())] {
                let name = format!("{operation:?} on {backend} in {precision:?} by {whose} autograd");
                same(&look(f, f, &w), &expected, (&name, bar));
            }
        }
    }
}

/// f(w) = sum a^2 + sum b: no curvature along b, and c has no part in it.
struct Partial(Layout);

impl Model for Partial {
    type Batch = ();

    fn layout(&self) -> &Layout {
        &self.0
    }

    fn loss<R: Real>(&self, w: &Parameters<'_, R>, (): &()) -> Loss<R> {
        let (a, b): (Value<R, 1>, Value<R, 1>) = (w.tensor(0), w.tensor(1));
        Loss::from(a.square().sum() + b.sum())
    }
}

#[test]
fn what_a_loss_does_not_depend_on_has_zeros_on_every_backend() {
    let model = Partial(Layout::new([("a", vec![2]), ("b", vec![1]), ("c", vec![2])]));
    for (backend, device, _) in devices() {
        let f = objective(&model, (), &device);
        let w = on(&device, &[1.0, -2.0, 3.0, 4.0, 5.0], DType::F32);
        assert_eq!(values(&f.gradient(&w).gradient), [2.0, -4.0, 1.0, 0.0, 0.0], "{backend}");
        for product in [f.hessian_product(&w, &w), f.hessian(&w)(&w)] {
            assert_eq!(values(&product), [2.0, -4.0, 0.0, 0.0, 0.0], "{backend}");
        }
    }
}

#[test]
fn small_networks_agree_on_every_backend() {
    let data = images(16, [1, 12, 12], 3000);
    network("softmax regression", &SoftmaxRegression::new(144, CLASSES), &data);
    network("perceptron", &Perceptron::new(144, 20, CLASSES), &data);
    network("convolutional net", &ConvNet::new([1, 12, 12], 4, CLASSES), &data);
}

#[test]
fn mobilenets_agree_on_every_backend() {
    network("MobileNetV2, stem 2", &MobileNetV2::new(CLASSES, 2, 64), &images(4, [3, 64, 64], 2000));
    network("MobileNetV2, stem 1", &MobileNetV2::new(CLASSES, 1, 32), &images(4, [3, 32, 32], 2000));
}

#[test]
fn shallow_residual_networks_agree_on_every_backend() {
    network("ResNet-18", &ResNet::new(Depth::Eighteen, CLASSES, 64), &images(4, [3, 64, 64], 2000));
}

#[test]
fn deeper_residual_networks_agree_on_every_backend() {
    network("ResNet-34", &ResNet::new(Depth::ThirtyFour, CLASSES, 64), &images(4, [3, 64, 64], 2000));
}

#[test]
fn bottleneck_residual_networks_agree_on_every_backend() {
    network("ResNet-50", &ResNet::new(Depth::Fifty, CLASSES, 64), &images(4, [3, 64, 64], 2000));
}

#[test]
fn analytic_problems_agree_on_every_backend() {
    let configs = [
        ProblemConfig::Quadratic(QuadraticSettings {
            h: vec![1.0, 3.0, 10.0],
            b: vec![0.1, -0.2, 0.3],
            start: vec![1.0, 2.0, -1.0],
        }),
        ProblemConfig::Valley(ValleySettings { start: [1.0, 2.0] }),
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
        let [found, expected] = [device.clone(), Device::flex()]
            .map(|device| find(&MatrixSensing::new(MatrixSensingSize { d: 12, r: 2, n: 60 }, 1, device)));
        same(&found, &expected, (&format!("matrix sensing on {backend}"), 1e-4));
    }
}
