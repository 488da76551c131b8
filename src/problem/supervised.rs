//! Supervised learning: a network, a data set and a loss, seen as a function of the network's parameters.

mod initialization;
mod weighted_sum;

use std::{num::NonZeroUsize, sync::Arc};

use burn::tensor::{Device, Tensor};

pub use initialization::{InitialTensor, Initialization};

use super::{
    Augmented, BatchOf, Buffers, Dataset, ExampleLosses, Examples, LossFunction, Metrics, Mode, Normalization, Problem,
    Reduction, Split, layer::Pass, model::Network,
};
use crate::{
    autodiff::{
        Layout, Loss, Model, NativeAutograd, Objective, Parameters, Primal, Real, Scalar, Vector, objective_with, read,
    },
    data::selection,
    random::Stream,
};
use initialization::ParameterPartition;
use weighted_sum::WeightedSum;

/// The loss of a network on a training set, evaluated on a validation set, where there is one, and on a test set.
#[derive(Debug)]
pub struct Supervised<N, D, L> {
    network: N,
    dataset: D,
    loss: L,
    parameters: ParameterPartition,
    native: Arc<NativeAutograd>,
}

/// Examples, and how a loss is computed on them.
pub struct Minibatch<D: Dataset> {
    /// Inputs and targets, one row an example.
    pub batch: BatchOf<D>,
    /// How the loss is computed on them.
    pub mode: Mode,
}

/// The loss and the share of right answers on one split, still on the device.
struct Score {
    loss: Scalar,
    accuracy: Option<Scalar>,
}

impl<N, D, L> Supervised<N, D, L>
where
    N: Network,
    D: Dataset<Input = N::Input>,
    L: LossFunction<Targets = D::Targets>,
{
    /// `network` on these data, every parameter drawn by the network and trained.
    pub fn new(network: N, dataset: D, loss: L) -> Self {
        let parameters = ParameterPartition::new(&network, Initialization::random(&network), dataset.device());
        let native = Arc::new(NativeAutograd::new(network.hessian_products()));
        Self { network, dataset, loss, parameters, native }
    }

    /// The same from these values.
    #[must_use]
    pub fn initialized(self, initialization: Initialization) -> Self {
        let parameters = ParameterPartition::new(&self.network, initialization, self.dataset.device());
        Self { parameters, ..self }
    }

    /// Where the examples of its losses come from.
    pub fn dataset(&self) -> &D {
        &self.dataset
    }

    fn training_examples(&self) -> usize {
        self.dataset.count(Split::Train).unwrap_or(0)
    }

    /// Whether a loss in this mode is a mean of the examples' own losses. Batch normalisation by batch statistics makes examples see
    /// each other, as some losses do.
    fn is_mean_over_examples(&self, mode: &Mode) -> bool {
        let has_own_losses = match mode.normalization {
            Normalization::BatchStatistics => self.network.buffers().entries().is_empty(),
            Normalization::Buffers(_) => true,
        };
        L::REDUCTION == Reduction::MeanOverExamples && has_own_losses
    }

    /// The examples as batches, one a split.
    fn batches(&self, examples: Examples<'_>, augmented: Option<Augmented>) -> Vec<BatchOf<D>> {
        match (examples, augmented) {
            (Examples::Chosen(indices), Some(augmented)) => vec![self.dataset.augmented(indices, augmented)],
            (Examples::Chosen(indices), None) => vec![self.dataset.batch(Split::Train, indices)],
            (Examples::First(count), _) => {
                vec![self.dataset.range(Split::Train, 0..count.min(self.training_examples()))]
            }
            (Examples::HeldOut(indices), _) => {
                let first_test = self.dataset.count(Split::Validation).unwrap_or(0);
                let (validation, test): (Vec<usize>, Vec<usize>) =
                    indices.iter().partition(|&&index| index < first_test);
                let test: Vec<usize> = test.into_iter().map(|index| index - first_test).collect();
                let splits = [(Split::Validation, validation), (Split::Test, test)].into_iter();
                let splits = splits.filter(|(_, indices)| !indices.is_empty());
                splits.map(|(split, indices)| self.dataset.batch(split, &indices)).collect()
            }
        }
    }

    /// Outputs of the network on `input`, [n, outputs], normalised by `buffers`, without history.
    fn outputs(&self, w: &Vector, buffers: Option<&Vector>, input: &N::Input) -> Tensor<2> {
        let trained = Parameters::<Primal>::new(self.parameters.trained(), self.parameters.trained().split(w));
        let parameters = self.parameters.complete(&trained, self.network.layout());
        let normalization = Normalization::by(buffers);
        self.network.forward(&mut Pass::new(&parameters, self.network.buffers(), &normalization), input)
    }

    /// The batches that a split is evaluated in.
    fn evaluated(&self, split: Split, count: usize) -> impl Iterator<Item = BatchOf<D>> + '_ {
        let most = match L::REDUCTION {
            Reduction::MeanOverExamples => self.network.examples_per_pass(),
            Reduction::WholeBatch => count.max(1),
        };
        (0..count)
            .step_by(most)
            .map(move |start| self.dataset.range(split, start..count.min(start.saturating_add(most))))
    }

    /// The losses and accuracies of a split, of as many of its batches as are `wanted`.
    fn score(&self, w: &Vector, buffers: Option<&Vector>, split: Split, wanted: &dyn Fn() -> bool) -> Option<Score> {
        let count = self.dataset.count(split)?;
        let mut total: Option<Score> = None;
        for batch in self.evaluated(split, count).take_while(|_| wanted()) {
            let outputs = self.outputs(w, buffers, &batch.input);
            let correct = self.loss.correct(outputs.clone(), &batch.targets);
            let loss = self.loss.loss::<Primal>(outputs, &batch.targets, 0.0) * batch.count as f64;
            total = Some(match total {
                None => Score { loss, accuracy: correct },
                Some(sum) => {
                    let accuracy = sum.accuracy.zip(correct).map(|(sum, correct)| sum + correct);
                    Score { loss: sum.loss + loss, accuracy }
                }
            });
        }
        let zero = || w.clone().sum().zeros_like();
        let Score { loss, accuracy } = total.unwrap_or_else(|| Score { loss: zero(), accuracy: Some(zero()) });
        Some(Score { loss: loss / count as f64, accuracy: accuracy.map(|correct| correct / count as f64) })
    }

    /// The losses of every example of a split, [count].
    fn losses(&self, w: &Vector, buffers: Option<&Vector>, split: Split) -> Option<Vector> {
        let count = self.dataset.count(split)?;
        let batches = self.evaluated(split, count);
        let losses = batches.map(|batch| {
            let outputs = self.outputs(w, buffers, &batch.input);
            self.loss.example_losses(outputs, &batch.targets)
        });
        Some(Tensor::cat(losses.collect::<Option<Vec<_>>>()?, 0))
    }
}

impl<N, D, L> Model for Supervised<N, D, L>
where
    N: Network,
    D: Dataset<Input = N::Input>,
    L: LossFunction<Targets = D::Targets>,
{
    type Batch = Minibatch<D>;

    fn layout(&self) -> &Layout {
        self.parameters.trained()
    }

    fn loss<R: Real>(&self, w: &Parameters<'_, R>, Minibatch { batch, mode }: &Minibatch<D>) -> Loss<R> {
        let parameters = self.parameters.complete(w, self.network.layout());
        let mut pass = Pass::new(&parameters, self.network.buffers(), &mode.normalization);
        let outputs = self.network.forward::<R>(&mut pass, &batch.input);
        let smoothing = if L::SMOOTHS_LABELS { mode.smoothing } else { 0.0 };
        let value = self.loss.loss::<R>(outputs, &batch.targets, smoothing);
        Loss { value, batch_statistics: pass.batch_statistics() }
    }
}

impl<N, D, L> Problem for Supervised<N, D, L>
where
    N: Network,
    D: Dataset<Input = N::Input>,
    L: LossFunction<Targets = D::Targets>,
{
    fn layout(&self) -> &Layout {
        self.parameters.trained()
    }

    fn initial(&self, random: &mut Stream) -> Vec<f64> {
        self.parameters.initial(&self.network.initial(random), self.network.layout())
    }

    fn examples(&self) -> Option<NonZeroUsize> {
        NonZeroUsize::new(self.training_examples())
    }

    fn test_examples(&self) -> Option<NonZeroUsize> {
        NonZeroUsize::new(self.dataset.count(Split::Test)?)
    }

    fn classes(&self) -> Option<NonZeroUsize> {
        self.dataset.classes().and_then(|classes| NonZeroUsize::new(classes.count))
    }

    fn reduction(&self) -> Reduction {
        L::REDUCTION
    }

    fn sample(&self, count: usize, seed: u64) -> Vec<usize> {
        match self.dataset.classes() {
            Some(classes) => selection::sample(classes.labels, classes.count, count, seed),
            None => selection::sample(&vec![0; self.training_examples()], 1, count, seed),
        }
    }

    fn evaluated_examples(&self) -> usize {
        [Split::Train, Split::Validation, Split::Test].into_iter().filter_map(|split| self.dataset.count(split)).sum()
    }

    fn objective_in(&self, mode: Mode, examples: Examples<'_>) -> Box<dyn Objective + '_> {
        let most = if self.is_mean_over_examples(&mode) { self.network.examples_per_pass() } else { usize::MAX };
        let batches = self.batches(examples, mode.augmentation);
        let parts = batches
            .into_iter()
            .flat_map(|batch| if batch.count <= most { vec![batch] } else { self.dataset.parts(&batch, most) });
        let parts: Vec<_> = parts.collect();
        let whole = parts.iter().map(|part| part.count).sum::<usize>() as f64;
        let on = |batch| objective_with(self, Minibatch { batch, mode: mode.clone() }, self.device(), &self.native);
        let mut parts: Vec<_> = parts.into_iter().map(|part| (part.count as f64 / whole, on(part))).collect();
        match (parts.len(), parts.pop()) {
            (1, Some((_, only))) => only,
            (_, last) => Box::new(WeightedSum::new(parts.into_iter().chain(last).collect())),
        }
    }

    fn buffers(&self) -> Option<Buffers<'_>> {
        self.parameters.buffers(self.network.buffers())
    }

    fn frozen(&self) -> Option<(&Layout, Vector)> {
        self.parameters.frozen()
    }

    fn example_losses(&self, w: &Vector, buffers: Option<&Vector>) -> Option<ExampleLosses> {
        Some(ExampleLosses {
            train: self.losses(w, buffers, Split::Train)?,
            validation: self.losses(w, buffers, Split::Validation),
            test: self.losses(w, buffers, Split::Test)?,
        })
    }

    fn evaluate(&self, w: &Vector, buffers: Option<&Vector>) -> Metrics {
        self.evaluate_while(w, buffers, &|| true).unwrap_or_default()
    }

    fn evaluate_while(&self, w: &Vector, buffers: Option<&Vector>, wanted: &dyn Fn() -> bool) -> Option<Metrics> {
        let splits = [Split::Train, Split::Validation, Split::Test];
        let scores = splits.map(|split| self.score(w, buffers, split, wanted));
        if !wanted() {
            return None;
        }
        let scalars = scores.iter().flatten().flat_map(|score| [Some(&score.loss), score.accuracy.as_ref()]);
        let mut numbers = read(scalars.flatten().cloned().collect()).into_iter();
        let [train, validation, test] = scores.map(|score| {
            let loss = score.as_ref().and_then(|_| numbers.next());
            let accuracy = score.and_then(|score| score.accuracy).and_then(|_| numbers.next());
            (loss, accuracy)
        });
        Some(Metrics {
            train_loss: train.0,
            validation_loss: validation.0,
            test_loss: test.0,
            gap: test.0.zip(train.0).map(|(test, train)| test - train),
            train_accuracy: train.1,
            validation_accuracy: validation.1,
            test_accuracy: test.1,
            ..Metrics::default()
        })
    }

    fn device(&self) -> &Device {
        self.dataset.device()
    }
}
