//! Residual networks (He 2016) under torchvision's names: 18 and 34 layers of basic blocks, 50 of bottlenecks.

use burn::tensor::Tensor;

use super::{
    Network,
    blueprint::{Blueprint, ConvShape, Tensors},
};
use crate::{
    autodiff::{Conv2dOptions, Real},
    problem::layer::{Linear, Pass, Stage},
};

/// Channels of the stem.
const STEM: usize = 64;

/// Which residual network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// ResNet-18.
    Eighteen,
    /// ResNet-34, the paper's network for images.
    ThirtyFour,
    /// ResNet-50, in torchvision's variant: the 3 x 3 convolution of a bottleneck carries the stride.
    Fifty,
}

impl Depth {
    /// Blocks in each of the four stages.
    fn blocks(self) -> [usize; 4] {
        match self {
            Self::Eighteen => [2, 2, 2, 2],
            Self::ThirtyFour | Self::Fifty => [3, 4, 6, 3],
        }
    }

    /// Channels that leave a block per channel within.
    fn expansion(self) -> usize {
        if self == Self::Fifty { 4 } else { 1 }
    }
}

/// A residual network with a head of any number of classes.
#[derive(Debug, Clone)]
pub struct ResNet {
    stem: Stage,
    blocks: Vec<Block>,
    head: Linear,
    tensors: Tensors,
    width: usize,
}

/// Two or three convolutions, and the way around them.
#[derive(Debug, Clone)]
struct Block {
    stages: Vec<Stage>,
    shortcut: Option<Stage>,
}

/// Channels that come into a block and channels within, and its stride.
#[derive(Clone, Copy)]
struct BlockShape {
    inputs: usize,
    within: usize,
    stride: usize,
}

impl Block {
    fn new(plan: &mut Blueprint, name: &str, depth: Depth, BlockShape { inputs, within, stride }: BlockShape) -> Self {
        let outputs = within * depth.expansion();
        let shape = |channels, size, stride| ConvShape { channels, size, stride, groups: 1 };
        let shapes = match depth {
            Depth::Fifty => {
                vec![shape([inputs, within], 1, 1), shape([within, within], 3, stride), shape([within, outputs], 1, 1)]
            }
            Depth::Eighteen | Depth::ThirtyFour => {
                vec![shape([inputs, within], 3, stride), shape([within, outputs], 3, 1)]
            }
        };
        let stages = (1..)
            .zip(shapes)
            .map(|(place, shape)| plan.stage([&format!("{name}.conv{place}"), &format!("{name}.bn{place}")], shape));
        let stages = stages.collect();
        let shortcut = (stride != 1 || inputs != outputs).then(|| {
            let names = [&*format!("{name}.downsample.0"), &format!("{name}.downsample.1")];
            plan.stage(names, shape([inputs, outputs], 1, stride))
        });
        Self { stages, shortcut }
    }

    fn apply<R: Real>(&self, x: R::T<4>, pass: &mut Pass<'_, R>) -> R::T<4> {
        let mut inner = x.clone();
        for (place, stage) in self.stages.iter().enumerate() {
            if place > 0 {
                inner = R::relu(inner);
            }
            inner = stage.apply::<R>(inner, pass);
        }
        let around = match self.shortcut {
            Some(shortcut) => shortcut.apply::<R>(x, pass),
            None => x,
        };
        R::relu(R::add(inner, around))
    }
}

impl ResNet {
    /// For RGB images of about `size` x `size` pixels.
    pub fn new(depth: Depth, classes: usize, size: usize) -> Self {
        let mut plan = Blueprint::default();
        let stem = ConvShape { channels: [3, STEM], size: 7, stride: 2, groups: 1 };
        let stem = plan.stage(["conv1", "bn1"], stem);
        let (mut blocks, mut channels) = (Vec::new(), STEM);
        for (stage, repetitions) in (1..).zip(depth.blocks()) {
            let within = STEM << (stage - 1);
            for repetition in 0..repetitions {
                let stride = if stage > 1 && repetition == 0 { 2 } else { 1 };
                let name = format!("layer{stage}.{repetition}");
                blocks.push(Block::new(&mut plan, &name, depth, BlockShape { inputs: channels, within, stride }));
                channels = within * depth.expansion();
            }
        }
        let head = plan.linear("fc", [channels, classes]);
        let edge = size.div_ceil(2);
        Self { stem, blocks, head, tensors: plan.finish(), width: STEM * edge * edge }
    }
}

impl Network for ResNet {
    /// Images [n, channels, height, width].
    type Input = Tensor<4>;

    fn tensors(&self) -> &Tensors {
        &self.tensors
    }

    fn width(&self) -> usize {
        self.width
    }

    fn forward<R: Real>(&self, pass: &mut Pass<'_, R>, images: &Tensor<4>) -> R::T<2> {
        let x = R::relu(self.stem.apply::<R>(pass.constant(images), pass));
        let mut x = R::max_pool2d(x, 3, Conv2dOptions { stride: 2, padding: 1, groups: 1 });
        for block in &self.blocks {
            x = block.apply::<R>(x, pass);
        }
        self.head.apply::<R>(R::mean_pixels(x), pass)
    }
}
