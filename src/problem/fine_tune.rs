//! Fine-tuning: a pretrained network with a new head on a set of images.

use std::{path::PathBuf, sync::Arc};

use burn::tensor::{Device, Tensor};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::{
    BatchNormMode, CrossEntropy, Depth, ImageDataset, ImageSet, InitialTensor, Initialization, MobileNetV2, Network,
    Problem, ProblemError, ResNet, Supervised,
    checkpoint::{self, Checkpoint},
    image_set::LoadingCallback,
};
use crate::{autodiff::Entry, data::Splits};

/// A network to fine-tune, what it begins from, and the images.
#[derive(Debug, Clone, PartialEq)]
pub struct FineTune {
    /// The network.
    pub backbone: Backbone,
    /// Where its weights come from.
    pub weights: Weights,
    /// Prefixes of the names of tensors that stay as they are.
    pub freeze: Vec<String>,
    /// What batch normalisation normalises by in training.
    pub batch_norm: BatchNormMode,
    /// The images.
    pub images: ImageSet,
}

/// A network with pretrained weights to be had, by its name in presets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames)]
pub enum Backbone {
    /// [`MobileNetV2`].
    #[strum(serialize = "mobilenet-v2")]
    MobileNetV2 {
        /// Stride of its first convolution: 2 for images of ImageNet's size, as it is unless said otherwise, 1 for small ones.
        #[strum(default_with = "imagenet_stride")]
        stem_stride: usize,
    },
    /// [`ResNet`] of [`Depth::Eighteen`].
    #[strum(serialize = "resnet-18")]
    ResNet18,
    /// [`ResNet`] of [`Depth::ThirtyFour`].
    #[strum(serialize = "resnet-34")]
    ResNet34,
    /// [`ResNet`] of [`Depth::Fifty`].
    #[strum(serialize = "resnet-50")]
    ResNet50,
}

fn imagenet_stride() -> usize {
    2
}

/// Where pretrained weights come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weights {
    /// MobileNetV2's, trained on ImageNet, which the binary carries.
    Embedded,
    /// A file of safetensors or PyTorch's.
    File(PathBuf),
    /// Nowhere: everything is drawn.
    None,
}

impl Backbone {
    /// What the names of its head's tensors begin with.
    fn head(self) -> &'static str {
        match self {
            Self::MobileNetV2 { .. } => "classifier.",
            Self::ResNet18 | Self::ResNet34 | Self::ResNet50 => "fc.",
        }
    }
}

impl FineTune {
    /// Reads images and weights and puts them on `device`. May take minutes.
    ///
    /// # Errors
    /// [`ProblemError`] names the file, and the image or tensor.
    pub fn build(
        &self,
        seed: u64,
        device: &Device,
        progress: LoadingCallback<'_>,
    ) -> Result<Arc<dyn Problem>, ProblemError> {
        let data = self.images.load(seed, progress)?;
        let ([_, size, _], classes) = (data.train.shape, data.train.classes);
        let resnet = |depth| ResNet::new(depth, classes, size);
        match self.backbone {
            Backbone::MobileNetV2 { stem_stride } => {
                self.with(MobileNetV2::new(classes, stem_stride, size), data, seed, device)
            }
            Backbone::ResNet18 => self.with(resnet(Depth::Eighteen), data, seed, device),
            Backbone::ResNet34 => self.with(resnet(Depth::ThirtyFour), data, seed, device),
            Backbone::ResNet50 => self.with(resnet(Depth::Fifty), data, seed, device),
        }
    }

    fn with(
        &self,
        network: impl Network<Input = Tensor<4>> + 'static,
        data: Splits,
        seed: u64,
        device: &Device,
    ) -> Result<Arc<dyn Problem>, ProblemError> {
        let initialization = self.initialization(&network)?;
        let shown = self.images.augmentable.then(|| data.train.clone());
        let dataset = ImageDataset::new(data, device).augmentable(shown, seed);
        Ok(Arc::new(Supervised::new(network, dataset, CrossEntropy).initialized(initialization)))
    }

    /// Every tensor but the head's from the checkpoint.
    fn initialization(&self, network: &impl Network) -> Result<Initialization, ProblemError> {
        let checkpoint = match &self.weights {
            Weights::None => None,
            Weights::Embedded => Some(checkpoint::embedded_mobilenet()?),
            Weights::File(path) => Some(Checkpoint::open(path)?),
        };
        let entries = network.layout().entries();
        let is_head = |entry: &Entry| entry.name.starts_with(self.backbone.head());
        let body = || entries.iter().filter(|entry| !is_head(entry));
        let frozen = |name: &str| self.freeze.iter().any(|prefix| name.starts_with(prefix.as_str()));
        if let Some(prefix) =
            self.freeze.iter().find(|prefix| !body().any(|entry| entry.name.starts_with(prefix.as_str())))
        {
            return Err(ProblemError::NothingToFreeze { prefix: prefix.clone(), example: entries[0].name.clone() });
        }
        let mut initialization = Initialization { batch_norm: self.batch_norm, ..Initialization::random(network) };
        let Some(checkpoint) = checkpoint else { return Ok(initialization) };
        let buffers = network.buffers().entries();
        let wanted = body().chain(buffers);
        checkpoint.require(wanted.map(|entry| (entry.name.as_str(), entry.shape.as_slice())))?;
        for (entry, tensor) in entries.iter().zip(&mut initialization.tensors) {
            if !is_head(entry) {
                let values = checkpoint.tensor(&entry.name, &entry.shape)?;
                *tensor =
                    if frozen(&entry.name) { InitialTensor::Frozen(values) } else { InitialTensor::Given(values) };
            }
        }
        let buffers = buffers.iter().map(|entry| checkpoint.tensor(&entry.name, &entry.shape));
        initialization.buffers = Some(buffers.collect::<Result<Vec<_>, _>>()?.concat());
        Ok(initialization)
    }
}
