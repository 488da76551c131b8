//! MobileNetV2 (Sandler 2018) under torchvision's names: inverted residuals with depthwise convolutions.

use burn::tensor::Tensor;

use super::{
    Network,
    blueprint::{Blueprint, ConvShape, Tensors},
};
use crate::{
    autodiff::Real,
    problem::layer::{Linear, Pass, Stage},
};

/// Expansion, channels, repetitions and first stride of each stage (table 2 of its paper).
const STAGES: [(usize, usize, usize, usize); 7] =
    [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

/// Channels of the first and the last convolution.
const STEM: usize = 32;
const LAST: usize = 1280;

/// MobileNetV2 with a head of any number of classes. Torchvision puts a dropout of .2 before the head; here is none, so that a step
/// is a function of its weights and batch.
#[derive(Debug, Clone)]
pub struct MobileNetV2 {
    stem: Stage,
    blocks: Vec<Inverted>,
    last: Stage,
    head: Linear,
    tensors: Tensors,
    width: usize,
}

/// Expand, look at each channel alone, project back; around it all a residual where the shape stays.
#[derive(Debug, Clone)]
struct Inverted {
    expand: Option<Stage>,
    depthwise: Stage,
    project: Stage,
    residual: bool,
}

/// Channels in and out of an inverted residual, hidden channels a channel in, and its stride.
#[derive(Clone, Copy)]
struct InvertedShape {
    channels: [usize; 2],
    expansion: usize,
    stride: usize,
}

impl Inverted {
    fn new(plan: &mut Blueprint, name: &str, shape: InvertedShape) -> Self {
        let InvertedShape { channels, expansion, stride } = shape;
        let hidden = channels[0] * expansion;
        let mut place = 0;
        let mut next = |inner: bool| {
            let at = place;
            place += if inner { 1 } else { 2 };
            if inner {
                [format!("{name}.conv.{at}.0"), format!("{name}.conv.{at}.1")]
            } else {
                [format!("{name}.conv.{at}"), format!("{name}.conv.{}", at + 1)]
            }
        };
        let mut stage = |names: [String; 2], shape| plan.stage([&names[0], &names[1]], shape);
        let expand = (expansion != 1)
            .then(|| stage(next(true), ConvShape { channels: [channels[0], hidden], size: 1, stride: 1, groups: 1 }));
        let depthwise = stage(next(true), ConvShape { channels: [hidden; 2], size: 3, stride, groups: hidden });
        let project = stage(next(false), ConvShape { channels: [hidden, channels[1]], size: 1, stride: 1, groups: 1 });
        Self { expand, depthwise, project, residual: stride == 1 && channels[0] == channels[1] }
    }

    fn apply<R: Real>(&self, x: R::T<4>, pass: &mut Pass<'_, R>) -> R::T<4> {
        let mut inner = x.clone();
        if let Some(expand) = self.expand {
            inner = R::relu6(expand.apply::<R>(inner, pass));
        }
        inner = R::relu6(self.depthwise.apply::<R>(inner, pass));
        inner = self.project.apply::<R>(inner, pass);
        if self.residual { R::add(x, inner) } else { inner }
    }
}

impl MobileNetV2 {
    /// For RGB images of about `size` x `size` pixels. The stem's stride is 2 in the paper; 1 suits small images.
    pub fn new(classes: usize, stem_stride: usize, size: usize) -> Self {
        let mut plan = Blueprint::default();
        let stem = ConvShape { channels: [3, STEM], size: 3, stride: stem_stride, groups: 1 };
        let stem = plan.stage(["features.0.0", "features.0.1"], stem);
        let (mut blocks, mut channels) = (Vec::new(), STEM);
        for (expansion, out, repetitions, first_stride) in STAGES {
            for repetition in 0..repetitions {
                let stride = if repetition == 0 { first_stride } else { 1 };
                let name = format!("features.{}", blocks.len() + 1);
                blocks.push(Inverted::new(
                    &mut plan,
                    &name,
                    InvertedShape { channels: [channels, out], expansion, stride },
                ));
                channels = out;
            }
        }
        let name = format!("features.{}", blocks.len() + 1);
        let last = ConvShape { channels: [channels, LAST], size: 1, stride: 1, groups: 1 };
        let last = plan.stage([&format!("{name}.0"), &format!("{name}.1")], last);
        let head = plan.linear("classifier.1", [LAST, classes]);
        // The first expansion, of 16 channels by 6, at the stem's resolution.
        let edge = size.div_ceil(stem_stride);
        Self { stem, blocks, last, head, tensors: plan.finish(), width: 6 * 16 * edge * edge }
    }
}

impl Network for MobileNetV2 {
    /// Images [n, channels, height, width].
    type Input = Tensor<4>;

    fn tensors(&self) -> &Tensors {
        &self.tensors
    }

    fn width(&self) -> usize {
        self.width
    }

    fn forward<R: Real>(&self, pass: &mut Pass<'_, R>, images: &Tensor<4>) -> R::T<2> {
        let mut x = R::relu6(self.stem.apply::<R>(pass.constant(images), pass));
        for block in &self.blocks {
            x = block.apply::<R>(x, pass);
        }
        let features = R::mean_pixels(R::relu6(self.last.apply::<R>(x, pass)));
        self.head.apply::<R>(features, pass)
    }
}
