//! One forward pass of a network: the parameters that its layers read, and the buffers or batch statistics of its batch
//! normalisations. The only place where these are threaded through a network.

use burn::tensor::Tensor;

use crate::{
    autodiff::{BatchStats, Layout, Parameters, Real, Value, Vector},
    problem::Normalization,
};

/// A forward pass over one batch. Layers read their parameters from it by index.
pub struct Pass<'a, R: Real> {
    parameters: &'a Parameters<'a, R>,
    statistics: Statistics,
}

/// Means and variances of the batch normalisations, one tensor a buffer.
enum Statistics {
    /// Those of the batch, kept here as the layers compute them.
    OfBatch(Vec<Option<Vector>>),
    /// The running ones, which the layers read.
    Running(Vec<Vector>),
}

impl<'a, R: Real> Pass<'a, R> {
    /// A pass of a network with buffers in `layout`, none where it has no batch normalisation.
    pub fn new(parameters: &'a Parameters<'a, R>, layout: &Layout, normalization: &Normalization) -> Self {
        let statistics = match normalization {
            Normalization::Buffers(buffers) if !layout.entries().is_empty() => {
                Statistics::Running(layout.split(buffers))
            }
            Normalization::Buffers(_) | Normalization::BatchStatistics => {
                Statistics::OfBatch(vec![None; layout.entries().len()])
            }
        };
        Self { parameters, statistics }
    }

    /// The parameter at `index` in its shape.
    ///
    /// # Panics
    /// If there is no such tensor or it has not `D` dimensions: a fault of the network.
    pub fn get<const D: usize>(&self, index: usize) -> R::T<D> {
        self.parameters.get(index)
    }

    /// The parameter at `index` in its shape, with the operators that formulas are written in. Panics as [`Pass::get`] does.
    pub fn tensor<const D: usize>(&self, index: usize) -> Value<R, D> {
        self.parameters.tensor(index)
    }

    /// Data that does not depend on the parameters, in their precision.
    pub fn constant<const D: usize>(&self, data: &Tensor<D>) -> R::T<D> {
        R::constant(data.clone().cast(self.parameters.dtype()))
    }

    /// The buffers at `index` (mean) and `index + 1` (variance), [channels] each, in the precision of the parameters; `None` where
    /// this pass normalises by the statistics of the batch.
    pub(super) fn buffers(&self, index: usize) -> Option<[Tensor<1>; 2]> {
        match &self.statistics {
            Statistics::Running(buffers) => {
                Some([0, 1].map(|which| buffers[index + which].clone().cast(self.parameters.dtype())))
            }
            Statistics::OfBatch(_) => None,
        }
    }

    /// Keeps the statistics that a layer with buffers at `index` and `index + 1` computed of its batch.
    pub(super) fn keep(&mut self, index: usize, statistics: BatchStats) {
        if let Statistics::OfBatch(kept) = &mut self.statistics {
            kept[index] = Some(statistics.mean);
            kept[index + 1] = Some(statistics.variance);
        }
    }

    /// The batch statistics of every batch normalisation as one flat vector in the layout of the buffers; `None` for a network
    /// without batch normalisation, or one that normalised by its buffers.
    pub fn batch_statistics(self) -> Option<Vector> {
        match self.statistics {
            Statistics::OfBatch(kept) if !kept.is_empty() => {
                Some(Tensor::cat(kept.into_iter().collect::<Option<Vec<_>>>()?, 0))
            }
            Statistics::OfBatch(_) | Statistics::Running(_) => None,
        }
    }
}
