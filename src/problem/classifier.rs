//! A network and a labelled data set: the problem of every classification preset.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::{
    Examples, Metrics, Problem,
    data::Labelled,
    indices_on,
    layer::{Labels, cross_entropy, likelihoods, smoothed_cross_entropy},
    model::Network,
};
use crate::{
    autodiff::{Differentiable, Layout, Model, Objective, Parameters, Plain, Real, Scalar, Vector, read},
    random::Stream,
};

/// Rows that an evaluation passes through the network at a time, to bound its memory.
const CHUNK: usize = 4096;

/// Mean cross-entropy of a network on a training set, watched on a test set.
#[derive(Debug)]
pub struct Classifier<N> {
    network: N,
    train: Split,
    test: Split,
    device: Device,
}

/// What a loss is computed on.
#[derive(Debug, Clone)]
pub struct Minibatch {
    split: Split,
    smoothing: f64,
}

/// Examples as tensors.
#[derive(Debug, Clone)]
pub struct Split {
    /// [n, features].
    inputs: Tensor<2>,
    /// [n, 1], each below the number of classes.
    labels: Tensor<2, Int>,
}

impl Split {
    fn new(data: &Labelled, device: &Device) -> Self {
        let n = data.labels.len();
        let inputs = TensorData::new(data.inputs.clone(), [n, data.features()]);
        let labels = data.labels.iter().map(|&label| i64::from(label)).collect::<Vec<_>>();
        Self {
            inputs: Tensor::from_data(inputs, device),
            labels: Tensor::from_data(TensorData::new(labels, [n, 1]), device),
        }
    }

    fn len(&self) -> usize {
        self.inputs.dims()[0]
    }

    fn rows(&self, from: usize, count: usize) -> Self {
        Self { inputs: self.inputs.clone().narrow(0, from, count), labels: self.labels.clone().narrow(0, from, count) }
    }

    fn chosen(&self, indices: &[usize]) -> Self {
        let indices = indices_on(&self.inputs.device(), indices);
        Self { inputs: self.inputs.clone().select(0, indices.clone()), labels: self.labels.clone().select(0, indices) }
    }
}

impl<N: Network> Classifier<N> {
    /// `network` on these data.
    pub fn new(network: N, (train, test): (&Labelled, &Labelled), device: Device) -> Self {
        let [train, test] = [train, test].map(|data| Split::new(data, &device));
        Self { network, train, test, device }
    }

    fn sample(&self, examples: Examples<'_>) -> Split {
        match examples {
            Examples::First(count) if count >= self.train.len() => self.train.clone(),
            Examples::First(count) => self.train.rows(0, count),
            Examples::Chosen(indices) => self.train.chosen(indices),
        }
    }

    /// Mean loss and share of correct answers on a split, both still on the device.
    fn score(&self, w: &Vector, split: &Split) -> [Scalar; 2] {
        let layout = self.network.layout();
        let parameters = Parameters::<Plain>::new(layout, layout.cut(w));
        let mut totals: Option<[Scalar; 2]> = None;
        for from in (0..split.len()).step_by(CHUNK) {
            let part = split.rows(from, CHUNK.min(split.len() - from));
            let logits = self.network.logits::<Plain>(&parameters, part.inputs.clone().cast(w.dtype()));
            let loss = cross_entropy::<Plain>(logits.clone(), part.labels.clone()) * part.len() as f64;
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
        self.network.layout()
    }

    fn loss<R: Real>(&self, w: &Parameters<'_, R>, Minibatch { split, smoothing }: &Minibatch) -> R::T<1> {
        let inputs = split.inputs.clone().cast(w.dtype());
        let labels = Labels { classes: split.labels.clone(), smoothing: *smoothing };
        smoothed_cross_entropy::<R>(self.network.logits::<R>(w, R::constant(inputs)), labels)
    }
}

impl<N: Network> Problem for Classifier<N> {
    fn layout(&self) -> &Layout {
        self.network.layout()
    }

    fn initial(&self, random: &mut Stream) -> Vec<f64> {
        self.network.initial(random)
    }

    fn examples(&self) -> usize {
        self.train.len()
    }

    fn evaluated_examples(&self) -> usize {
        self.train.len() + self.test.len()
    }

    fn objective(&self, examples: Examples<'_>) -> Box<dyn Objective + '_> {
        Box::new(Differentiable::new(self, Minibatch { split: self.sample(examples), smoothing: 0.0 }))
    }

    fn smoothed_objective(&self, examples: Examples<'_>, smoothing: f64) -> Option<Box<dyn Objective + '_>> {
        Some(Box::new(Differentiable::new(self, Minibatch { split: self.sample(examples), smoothing })))
    }

    fn example_losses(&self, w: &Vector) -> Option<Vector> {
        let layout = self.network.layout();
        let parameters = Parameters::<Plain>::new(layout, layout.cut(w));
        let chunks = (0..self.train.len()).step_by(CHUNK).map(|from| {
            let part = self.train.rows(from, CHUNK.min(self.train.len() - from));
            let logits = self.network.logits::<Plain>(&parameters, part.inputs.cast(w.dtype()));
            likelihoods::<Plain>(logits, part.labels).squeeze_dim(1)
        });
        Some(Tensor::cat(chunks.collect(), 0))
    }

    fn evaluate(&self, w: &Vector) -> Metrics {
        let [train, test] = [&self.train, &self.test].map(|split| self.score(w, split));
        let found = read(train.into_iter().chain(test).collect());
        let [train_loss, train_accuracy, test_loss, test_accuracy] = std::array::from_fn(|i| found.get(i).copied());
        let gap = test_loss.zip(train_loss).map(|(test, train)| test - train);
        Metrics { train_loss, test_loss, gap, train_accuracy, test_accuracy, ..Metrics::default() }
    }

    fn device(&self) -> &Device {
        &self.device
    }
}
