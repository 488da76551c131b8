//! A network and a labelled data set: the problem of every classification preset.

mod chunked;
mod initialization;

use burn::tensor::{Device, Int, Tensor, TensorData};

pub use initialization::Initialization;

use super::{
    Augmented, Buffers, ExampleLosses, Examples, Metrics, Mode, Problem,
    data::{Labelled, selection},
    layer::{Labels, Pass, likelihoods, smoothed_cross_entropy},
    model::Network,
};
use crate::{
    autodiff::{
        Layout, Loss, Model, Objective, Parameters, Primal, Real, Scalar, Vector, indices_on, numbers_on, objective,
        read,
    },
    random::{Purpose, Stream, stream},
};
use chunked::Chunked;
use initialization::ParameterPartition;

/// Examples that pass through a network at a time at most.
const MOST: usize = 4096;

/// Numbers that the widest tensor of a pass may have, to bound its memory.
const WIDEST: usize = 1 << 23;

/// Mean cross-entropy of a network on a training set, watched on a validation set, where there is one, and on a test set.
#[derive(Debug)]
pub struct Classifier<N> {
    network: N,
    tensors: ParameterPartition,
    train: Split,
    validation: Option<Split>,
    test: Split,
    /// The labels of the training set, each below `classes`.
    labels: Vec<u32>,
    classes: usize,
    augmenter: Option<Augmenter>,
    device: Device,
}

/// Training images on the host, to be cropped and mirrored anew whenever they are seen.
#[derive(Debug)]
struct Augmenter {
    images: Labelled,
    seed: u64,
}

impl Augmenter {
    /// These images as that draw shows them: [n, channels, height, width].
    fn images(&self, indices: &[usize], Augmented { augmentation, draw }: Augmented, device: &Device) -> Tensor<4> {
        let mut random = stream(self.seed.wrapping_add(draw.rotate_left(32)), Purpose::Augmentation);
        let (shape @ [channels, height, width], features) = (self.images.shape, self.images.features());
        let mut shown = Vec::with_capacity(indices.len() * features);
        for &index in indices {
            let example = &self.images.inputs[index * features..(index + 1) * features];
            augmentation.apply(example, shape, augmentation.draw(&mut random), &mut shown);
        }
        numbers_on(shown, [indices.len(), channels, height, width], device)
    }
}

/// What a loss is computed on.
#[derive(Debug, Clone)]
pub struct Minibatch {
    split: Split,
    mode: Mode,
}

/// Examples as tensors.
#[derive(Debug, Clone)]
struct Split {
    /// [n, channels, height, width].
    images: Tensor<4>,
    /// [n, 1], each below the number of classes.
    labels: Tensor<2, Int>,
}

impl Split {
    fn new(data: Labelled, device: &Device) -> Self {
        let n = data.labels.len();
        let [channels, height, width] = data.shape;
        let labels = data.labels.iter().map(|&label| i64::from(label)).collect::<Vec<_>>();
        Self {
            images: numbers_on(data.inputs, [n, channels, height, width], device),
            labels: Tensor::from_data(TensorData::new(labels, [n, 1]), device),
        }
    }

    fn len(&self) -> usize {
        self.images.dims()[0]
    }

    fn rows(&self, from: usize, count: usize) -> Self {
        Self { images: self.images.clone().narrow(0, from, count), labels: self.labels.clone().narrow(0, from, count) }
    }

    fn chosen(&self, indices: &[usize]) -> Self {
        let indices = indices_on(indices, &self.images.device());
        Self { images: self.images.clone().select(0, indices.clone()), labels: self.labels.clone().select(0, indices) }
    }

    /// These examples, then those.
    fn then(self, other: &Self) -> Self {
        Self {
            images: Tensor::cat(vec![self.images, other.images.clone()], 0),
            labels: Tensor::cat(vec![self.labels, other.labels.clone()], 0),
        }
    }

    /// The same examples, at most so many at a time.
    fn chunks(&self, most: usize) -> impl Iterator<Item = Self> + '_ {
        (0..self.len()).step_by(most).map(move |from| self.rows(from, most.min(self.len() - from)))
    }
}

impl<N: Network> Classifier<N> {
    /// `network` on these data, every parameter trained from its initial value.
    pub fn new(network: N, (train, test): (&Labelled, &Labelled), device: Device) -> Self {
        let initialization = Initialization::random(&network);
        Self::starting(network, initialization, [train.clone(), test.clone()], device)
    }

    /// `network` on these data, from these values.
    pub fn starting(network: N, initialization: Initialization, data: [Labelled; 2], device: Device) -> Self {
        let (labels, classes) = (data[0].labels.clone(), data[0].classes);
        let [train, test] = data.map(|data| Split::new(data, &device));
        let tensors = ParameterPartition::new(&network, initialization, &device);
        Self { network, tensors, train, validation: None, test, labels, classes, augmenter: None, device }
    }

    /// The same watched on a validation set as well.
    #[must_use]
    pub fn validated(self, validation: Option<Labelled>) -> Self {
        Self { validation: validation.map(|data| Split::new(data, &self.device)), ..self }
    }

    /// The same with its training images, which are `images`, at hand to be augmented by draws from `seed`. Without them
    /// every augmentation shows them as they are.
    #[must_use]
    pub fn augmentable(self, images: Option<Labelled>, seed: u64) -> Self {
        Self { augmenter: images.map(|images| Augmenter { images, seed }), ..self }
    }

    /// What a loss on these examples is computed on.
    pub fn minibatch(&self, mode: Mode, examples: Examples<'_>) -> Minibatch {
        Minibatch { split: self.select(examples, mode.augmentation), mode }
    }

    fn select(&self, examples: Examples<'_>, augmented: Option<Augmented>) -> Split {
        match examples {
            Examples::Chosen(indices) if let (Some(augmenter), Some(augmented)) = (&self.augmenter, augmented) => {
                Split {
                    images: augmenter.images(indices, augmented, &self.device),
                    labels: self.train.labels.clone().select(0, indices_on(indices, &self.device)),
                }
            }
            Examples::First(count) if count >= self.train.len() => self.train.clone(),
            Examples::First(count) => self.train.rows(0, count),
            Examples::Chosen(indices) => self.train.chosen(indices),
            Examples::HeldOut(indices) => {
                let first_test = self.validation.as_ref().map_or(0, Split::len);
                let (validation, test): (Vec<usize>, Vec<usize>) =
                    indices.iter().partition(|&&index| index < first_test);
                let test: Vec<usize> = test.into_iter().map(|index| index - first_test).collect();
                match &self.validation {
                    Some(split) if test.is_empty() => split.chosen(&validation),
                    Some(split) if !validation.is_empty() => split.chosen(&validation).then(&self.test.chosen(&test)),
                    _ => self.test.chosen(&test),
                }
            }
        }
    }

    /// Examples that pass through the network at a time.
    fn chunk(&self) -> usize {
        (WIDEST / self.network.width()).clamp(1, MOST)
    }

    /// Logits normalised by `buffers`, without history.
    fn clean(&self, w: &Vector, buffers: Option<&Vector>, images: &Tensor<4>) -> Tensor<2> {
        let parameters = Parameters::<Primal>::new(self.tensors.trained(), self.tensors.trained().split(w));
        let parameters = self.tensors.complete(&parameters, self.network.layout());
        let mut pass = Pass::new(&parameters, self.network.buffers(), buffers);
        let images = pass.constant(images);
        self.network.logits(&mut pass, images)
    }

    /// Mean loss and share of correct answers on a split, both still on the device.
    fn score(&self, w: &Vector, buffers: Option<&Vector>, split: &Split) -> [Scalar; 2] {
        let mut totals: Option<[Scalar; 2]> = None;
        for part in split.chunks(self.chunk()) {
            let logits = self.clean(w, buffers, &part.images);
            let loss = Primal::cross_entropy(logits.clone(), part.labels.clone()) * part.len() as f64;
            let correct = logits.argmax(1).equal(part.labels).float().cast(w.dtype()).sum();
            totals = Some(match totals {
                None => [loss, correct],
                Some([losses, corrects]) => [losses + loss, corrects + correct],
            });
        }
        let totals = totals.unwrap_or_else(|| [w.clone().sum().zeros_like(), w.clone().sum().zeros_like()]);
        totals.map(|total| total / split.len() as f64)
    }
}

impl<N: Network> Model for Classifier<N> {
    type Batch = Minibatch;

    fn layout(&self) -> &Layout {
        self.tensors.trained()
    }

    fn has_groups(&self) -> bool {
        self.network.has_groups()
    }

    fn loss<R: Real>(&self, w: &Parameters<'_, R>, Minibatch { split, mode }: &Minibatch) -> Loss<R> {
        let parameters = self.tensors.complete(w, self.network.layout());
        let mut pass = Pass::new(&parameters, self.network.buffers(), mode.buffers.as_ref());
        let images = pass.constant(&split.images);
        let logits = self.network.logits::<R>(&mut pass, images);
        let labels = Labels { classes: split.labels.clone(), smoothing: mode.smoothing };
        Loss { value: smoothed_cross_entropy::<R>(logits, labels), batch_statistics: pass.batch_statistics() }
    }
}

impl<N: Network> Problem for Classifier<N> {
    fn layout(&self) -> &Layout {
        self.tensors.trained()
    }

    fn initial(&self, random: &mut Stream) -> Vec<f64> {
        self.tensors.initial(&self.network.initial(random), self.network.layout())
    }

    fn examples(&self) -> usize {
        self.train.len()
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn sample(&self, count: usize, seed: u64) -> Vec<usize> {
        selection::sample(&self.labels, self.classes, (count, seed))
    }

    fn evaluated_examples(&self) -> usize {
        self.train.len() + self.validation.as_ref().map_or(0, Split::len) + self.test.len()
    }

    fn objective_in(&self, mode: Mode, examples: Examples<'_>) -> Box<dyn Objective + '_> {
        let split = self.select(examples, mode.augmentation);
        let on = |split| objective(self, Minibatch { split, mode: mode.clone() }, &self.device);
        // Batch normalisation by the statistics of the batch needs the batch whole.
        let divisible = mode.buffers.is_some() || self.network.buffers().entries().is_empty();
        if !divisible || split.len() <= self.chunk() {
            return on(split);
        }
        let whole = split.len() as f64;
        Box::new(Chunked::new(split.chunks(self.chunk()).map(|part| (part.len() as f64 / whole, on(part))).collect()))
    }

    fn buffers(&self) -> Option<Buffers<'_>> {
        self.tensors.buffers(self.network.buffers())
    }

    fn frozen(&self) -> Option<(&Layout, Vector)> {
        self.tensors.frozen()
    }

    fn example_losses(&self, w: &Vector, buffers: Option<&Vector>) -> Option<ExampleLosses> {
        let losses = |split: &Split| -> Vector {
            let chunks = split.chunks(self.chunk()).map(|part| {
                let logits = self.clean(w, buffers, &part.images);
                likelihoods::<Primal>(logits, part.labels).squeeze_dim(1)
            });
            Tensor::cat(chunks.collect(), 0)
        };
        Some(ExampleLosses {
            train: losses(&self.train),
            validation: self.validation.as_ref().map(losses),
            test: losses(&self.test),
        })
    }

    fn evaluate(&self, w: &Vector, buffers: Option<&Vector>) -> Metrics {
        let splits = [Some(&self.train), self.validation.as_ref(), Some(&self.test)];
        let scores = splits.map(|split| split.map(|split| self.score(w, buffers, split)));
        let mut found = read(scores.iter().flatten().flatten().cloned().collect()).into_iter();
        let [train, validation, test] =
            scores.map(|score| score.map(|_| [found.next(), found.next()]).unwrap_or_default());
        let gap = test[0].zip(train[0]).map(|(test, train)| test - train);
        Metrics {
            train_loss: train[0],
            validation_loss: validation[0],
            test_loss: test[0],
            gap,
            train_accuracy: train[1],
            validation_accuracy: validation[1],
            test_accuracy: test[1],
            ..Metrics::default()
        }
    }

    fn device(&self) -> &Device {
        &self.device
    }
}
