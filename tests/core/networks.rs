//! Convolutional networks against torchvision's: `tests/torch/networks.py` says what was computed there.

use std::{collections::BTreeMap, sync::LazyLock};

use burn::tensor::{DType, Device, Tensor};
use nso_tui::{
    autodiff::{Entry, Layout, Parameters, Primal, Vector, values},
    data::Labelled,
    problem::{
        CrossEntropy, Depth, Examples, ImageDataset, MobileNetV2, Mode, Network, Normalization, Pass, Problem, ResNet,
        Supervised,
    },
    random::{Purpose, stream},
};
use serde::Deserialize;

use crate::common::{apart, vector};

const CLASSES: usize = 7;
const IMAGES: usize = 8;
const SIZE: usize = 64;

#[derive(Deserialize)]
struct Fixture {
    evaluation_logits: Vec<f64>,
    training_logits: Vec<f64>,
    evaluation_gradient: Kept,
    training_gradient: Kept,
    product: Kept,
    #[serde(rename = "moments")]
    buffers: Kept,
    parameters: Vec<String>,
    #[serde(rename = "moment_names")]
    buffer_names: Vec<String>,
}

/// A vector by its norm and some of its coordinates.
#[derive(Deserialize)]
struct Kept {
    norm: f64,
    coordinates: Vec<f64>,
}

static FIXTURES: LazyLock<BTreeMap<String, Fixture>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../torch/networks.json")).unwrap());

/// WeightStats j of tensor `key`: splitmix64 (Steele 2014) of 2^32 key + j, on (-1, 1).
pub fn mixed(count: usize, key: u64) -> Vec<f64> {
    let number = |j: u64| {
        let z = (j.wrapping_add(key << 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / 2f64.powi(52) - 1.0
    };
    (0..count as u64).map(number).collect()
}

/// Every parameter of a network.
pub fn weights(layout: &Layout) -> Vec<f64> {
    let value = |(key, entry): (u64, &Entry)| -> Vec<f64> {
        let x = mixed(entry.len(), key).into_iter();
        match (entry.shape.len(), entry.is_bias()) {
            (1, false) => x.map(|x| 0.5 + 0.2 * x).collect(),
            (1, true) => x.map(|x| 0.1 * x).collect(),
            _ => x.map(|x| x * (6.0 * entry.rows() as f64 / entry.len() as f64).sqrt()).collect(),
        }
    };
    (0..).zip(layout.entries()).flat_map(value).collect()
}

/// Every running mean and variance of a network.
pub fn buffers(layout: &Layout) -> Vec<f64> {
    let value = |(key, entry): (u64, &Entry)| -> Vec<f64> {
        let x = mixed(entry.len(), 1000 + key).into_iter();
        if entry.name.ends_with("var") { x.map(|x| 1.0 + 0.5 * x).collect() } else { x.map(|x| 0.1 * x).collect() }
    };
    (0..).zip(layout.entries()).flat_map(value).collect()
}

/// The images and labels that everything is computed on.
pub fn data(count: usize, size: usize) -> Labelled {
    let inputs = mixed(count * 3 * size * size, 2000).into_iter().map(|x| x as f32).collect();
    let labels = (0..count).map(|i| (i % CLASSES) as u32).collect();
    Labelled { inputs, shape: [3, size, size], labels, classes: CLASSES }
}

/// Standard deviations of torchvision's initial kernels, its own figures: every channel of all groups counts as an output.
#[test]
fn kernels_are_drawn_as_wide_as_torchvision_s() {
    let mobilenet = MobileNetV2::new(CLASSES, 1, 32);
    let residual = ResNet::new(Depth::Eighteen, CLASSES, 32);
    let drawn = |network: &dyn Fn() -> (Layout, Vec<f64>), name: &str| {
        let (layout, w) = network();
        let entry = layout.entries().iter().find(|entry| entry.name == name).unwrap();
        let numbers = &w[entry.offset..entry.offset + entry.len()];
        (numbers.iter().map(|x| x * x).sum::<f64>() / numbers.len() as f64).sqrt()
    };
    let mobilenet = || (mobilenet.layout().clone(), mobilenet.initial(&mut stream(1, Purpose::Weights)));
    let residual = || (residual.layout().clone(), residual.initial(&mut stream(1, Purpose::Weights)));
    for (found, expected) in [
        (drawn(&mobilenet, "features.17.conv.1.0.weight"), 0.0152),
        (drawn(&mobilenet, "features.18.0.weight"), 0.0395),
        (drawn(&residual, "layer4.1.conv2.weight"), 0.0208),
    ] {
        assert!((found / expected - 1.0).abs() < 0.03, "{found} {expected}");
    }
}

fn far_from(found: &Vector, kept: &Kept) -> f64 {
    let found = values(found);
    let count = kept.coordinates.len();
    let at: Vec<f64> = (0..count).map(|i| found[(2 * i + 1) * found.len() / (2 * count)]).collect();
    let norm = found.iter().map(|x| x * x).sum::<f64>().sqrt();
    apart(&at, &kept.coordinates).max((norm / kept.norm - 1.0).abs())
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn names(layout: &Layout) -> Vec<&str> {
    layout.entries().iter().map(|entry| entry.name.as_str()).collect()
}

/// Names, logits in both modes and precisions, gradients, a Hessian product and the updated buffers.
fn equals_torchvision<N: Network<Input = Tensor<4>> + Clone>(name: &str, network: &N) {
    let fixture = &FIXTURES[name];
    let (layout, buffer_layout) = (network.layout(), network.buffers());
    assert_eq!(names(layout), fixture.parameters);
    assert_eq!(names(buffer_layout), fixture.buffer_names);
    let data = data(IMAGES, SIZE);
    let images: Vec<f64> = data.inputs.iter().copied().map(f64::from).collect();
    for precision in [DType::F32, DType::F64] {
        let (w, running) = (vector(&weights(layout), precision), vector(&buffers(buffer_layout), precision));
        let images: Tensor<4> = vector(&images, precision).reshape([IMAGES, 3, SIZE, SIZE]);
        let parameters = Parameters::<Primal>::new(layout, layout.split(&w));
        let bar = if precision == DType::F32 { 1e-4 } else { 1e-10 };
        for (normalization, expected) in [
            (Normalization::Buffers(running.clone()), &fixture.evaluation_logits),
            (Normalization::BatchStatistics, &fixture.training_logits),
        ] {
            let logits = network.forward(&mut Pass::new(&parameters, buffer_layout, &normalization), &images);
            let largest = expected.iter().fold(1.0, |largest: f64, logit| largest.max(logit.abs()));
            let off = largest_difference(&values(&logits.reshape([-1])), expected) / largest;
            assert!(off < bar, "{name}: logits in {precision:?} are {off:e} off");
        }
    }
    let w = vector(&weights(layout), DType::F64);
    let running = vector(&buffers(buffer_layout), DType::F64);
    let problem =
        Supervised::new(network.clone(), ImageDataset::without_validation(&data, &data, &Device::flex()), CrossEntropy);
    let evaluation = Mode { normalization: Normalization::Buffers(running.clone()), ..Mode::default() };
    let f = problem.objective_in(evaluation, Examples::First(IMAGES));
    let off = far_from(&f.gradient(&w).gradient, &fixture.evaluation_gradient);
    assert!(off < 1e-10, "{name}: the gradient under the buffers is {off:e} off");
    let v = vector(&mixed(layout.dimension(), 2001), DType::F64);
    let off = far_from(&f.hessian_product(&w, &v), &fixture.product);
    assert!(off < 1e-10, "{name}: the Hessian product is {off:e} off");
    let f = problem.objective(Examples::First(IMAGES));
    let found = f.gradient(&w);
    let off = far_from(&found.gradient, &fixture.training_gradient);
    assert!(off < 1e-10, "{name}: the gradient under batch statistics is {off:e} off");
    let updated = running * 0.9 + found.batch_statistics.unwrap() * 0.1;
    let off = far_from(&updated, &fixture.buffers);
    assert!(off < 1e-10, "{name}: the buffers are {off:e} off");
}

#[test]
fn mobilenet_is_torchvisions() {
    equals_torchvision("mobilenet-v2, stem 2", &MobileNetV2::new(CLASSES, 2, SIZE));
    equals_torchvision("mobilenet-v2, stem 1", &MobileNetV2::new(CLASSES, 1, SIZE));
}

#[test]
fn residual_networks_are_torchvisions() {
    equals_torchvision("resnet-18", &ResNet::new(Depth::Eighteen, CLASSES, SIZE));
    equals_torchvision("resnet-34", &ResNet::new(Depth::ThirtyFour, CLASSES, SIZE));
    equals_torchvision("resnet-50", &ResNet::new(Depth::Fifty, CLASSES, SIZE));
}
