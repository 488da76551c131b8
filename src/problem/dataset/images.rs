//! Images with labels as tensors, cropped and mirrored anew at every step where that is asked for.

use std::ops::Range;

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::{Batch, Classes, Dataset, Split};
use crate::{
    autodiff::{indices_on, numbers_on},
    data::{Labelled, Splits},
    problem::Augmented,
    random::{Purpose, Stream, stream},
};

type ImageBatch = Batch<Tensor<4>, Tensor<2, Int>>;

/// Images [n, channels, height, width] with labels [n, 1].
#[derive(Debug)]
pub struct ImageDataset {
    train: ImageBatch,
    validation: Option<ImageBatch>,
    test: ImageBatch,
    /// The labels of the training set, each below `classes`.
    labels: Vec<u32>,
    classes: usize,
    augmenter: Option<Augmenter>,
    device: Device,
}

impl ImageDataset {
    /// These images on `device`.
    pub fn new(splits: Splits, device: &Device) -> Self {
        let Splits { train, validation, test } = splits;
        let (labels, classes) = (train.labels.clone(), train.classes);
        Self {
            train: on_device(train, device),
            validation: validation.map(|images| on_device(images, device)),
            test: on_device(test, device),
            labels,
            classes,
            augmenter: None,
            device: device.clone(),
        }
    }

    /// Training and test images alone.
    pub fn without_validation(train: &Labelled, test: &Labelled, device: &Device) -> Self {
        Self::new(Splits { train: train.clone(), validation: None, test: test.clone() }, device)
    }

    /// The same with its training images, which are `images`, kept on the host to be augmented by draws from `seed`. Without them
    /// every augmentation shows them as they are.
    #[must_use]
    pub fn augmentable(self, images: Option<Labelled>, seed: u64) -> Self {
        Self { augmenter: images.map(|images| Augmenter { images, seed }), ..self }
    }

    fn split(&self, split: Split) -> Option<&ImageBatch> {
        match split {
            Split::Train => Some(&self.train),
            Split::Validation => self.validation.as_ref(),
            Split::Test => Some(&self.test),
        }
    }
}

fn on_device(images: Labelled, device: &Device) -> ImageBatch {
    let count = images.labels.len();
    let [channels, height, width] = images.shape;
    let labels = images.labels.iter().map(|&label| i64::from(label)).collect::<Vec<_>>();
    Batch {
        input: numbers_on(images.inputs, [count, channels, height, width], device),
        targets: Tensor::from_data(TensorData::new(labels, [count, 1]), device),
        count,
    }
}

impl ImageBatch {
    /// Neighbours, without a copy.
    fn rows(&self, Range { start, end }: Range<usize>) -> Self {
        let count = end - start;
        Self {
            input: self.input.clone().narrow(0, start, count),
            targets: self.targets.clone().narrow(0, start, count),
            count,
        }
    }
}

/// Training images on the host.
#[derive(Debug)]
struct Augmenter {
    images: Labelled,
    seed: u64,
}

impl Augmenter {
    /// These images as that draw shows them: [n, channels, height, width].
    fn images(&self, indices: &[usize], Augmented { augmentation, draw }: Augmented, device: &Device) -> Tensor<4> {
        let mut random: Stream = stream(self.seed.wrapping_add(draw.rotate_left(32)), Purpose::Augmentation);
        let (shape @ [channels, height, width], features) = (self.images.shape, self.images.features());
        let mut shown = Vec::with_capacity(indices.len() * features);
        for &index in indices {
            let example = &self.images.inputs[index * features..(index + 1) * features];
            augmentation.apply(example, shape, augmentation.draw(&mut random), &mut shown);
        }
        numbers_on(shown, [indices.len(), channels, height, width], device)
    }
}

impl Dataset for ImageDataset {
    type Input = Tensor<4>;
    type Targets = Tensor<2, Int>;

    fn count(&self, split: Split) -> Option<usize> {
        self.split(split).map(|images| images.count)
    }

    fn classes(&self) -> Option<Classes<'_>> {
        Some(Classes { labels: &self.labels, count: self.classes })
    }

    /// # Panics
    /// If there is no such split.
    fn batch(&self, split: Split, indices: &[usize]) -> ImageBatch {
        let Some(images) = self.split(split) else { unreachable!("examples of a split that is not there") };
        let count = indices.len();
        let indices = indices_on(indices, &self.device);
        Batch {
            input: images.input.clone().select(0, indices.clone()),
            targets: images.targets.clone().select(0, indices),
            count,
        }
    }

    /// # Panics
    /// If there is no such split.
    fn range(&self, split: Split, range: Range<usize>) -> ImageBatch {
        match self.split(split) {
            Some(images) if range == (0..images.count) => images.clone(),
            Some(images) => images.rows(range),
            None => unreachable!("examples of a split that is not there"),
        }
    }

    fn augmented(&self, indices: &[usize], draw: Augmented) -> ImageBatch {
        let Some(on_host) = &self.augmenter else { return self.batch(Split::Train, indices) };
        Batch {
            input: on_host.images(indices, draw, &self.device),
            targets: self.train.targets.clone().select(0, indices_on(indices, &self.device)),
            count: indices.len(),
        }
    }

    fn parts(&self, batch: &ImageBatch, most: usize) -> Vec<ImageBatch> {
        (0..batch.count).step_by(most).map(|start| batch.rows(start..batch.count.min(start + most))).collect()
    }

    fn device(&self) -> &Device {
        &self.device
    }
}
