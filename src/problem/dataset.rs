//! What a network is trained on: a data set makes batches of inputs and targets.

mod images;

use std::ops::Range;

use burn::tensor::Device;

pub use images::ImageDataset;

use super::Augmented;

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// What training sees.
    Train,
    /// Held out of the training set, to choose by.
    Validation,
    /// Held out, to judge by.
    Test,
}

/// Examples on a device.
#[derive(Debug, Clone)]
pub struct Batch<Input, Targets> {
    /// What the network takes.
    pub input: Input,
    /// What the loss compares its outputs with.
    pub targets: Targets,
    /// Number of examples.
    pub count: usize,
}

/// A batch of a data set.
pub type BatchOf<D> = Batch<<D as Dataset>::Input, <D as Dataset>::Targets>;

/// The classes of the training examples.
#[derive(Debug, Clone, Copy)]
pub struct Classes<'a> {
    /// One label an example, each below `count`.
    pub labels: &'a [u32],
    /// Number of classes.
    pub count: usize,
}

/// Examples in three splits on a device, by index. What an example is depends on the data: an image with its class; a sequence of
/// tokens; a node of a graph, where every batch has the whole graph and the indices of its nodes; an image and its caption.
pub trait Dataset: Send + Sync {
    /// What a network takes, for a batch of examples. Clones are cheap: tensors share their numbers.
    type Input: Clone;
    /// What a loss takes besides the outputs. `()` where the batch itself says what belongs together, as pairs do.
    type Targets: Clone;

    /// Examples of a split; `None` where there is no such split. The training split is always there.
    fn count(&self, split: Split) -> Option<usize>;

    /// The classes of the training examples; `None` where they have none.
    fn classes(&self) -> Option<Classes<'_>> {
        None
    }

    /// These examples of a split, in this order.
    fn batch(&self, split: Split, indices: &[usize]) -> BatchOf<Self>;

    /// Neighbours in a split. The same as [`Dataset::batch`] of these indices, where that is not cheaper another way.
    fn range(&self, split: Split, range: Range<usize>) -> BatchOf<Self> {
        self.batch(split, &range.collect::<Vec<_>>())
    }

    /// These training examples as a draw of the augmentation shows them. The same draw of the same indices is the same batch. Data
    /// without augmentation gives the examples as they are.
    fn augmented(&self, indices: &[usize], _augmented: Augmented) -> BatchOf<Self> {
        self.batch(Split::Train, indices)
    }

    /// The examples of a batch in their order, at most `most` (1 or more) a part: the parts of a mean over examples that is too
    /// large for one pass. Data whose networks take any batch in one pass ([`examples_per_pass`]) is not asked.
    ///
    /// [`examples_per_pass`]: super::Network::examples_per_pass
    fn parts(&self, batch: &BatchOf<Self>, most: usize) -> Vec<BatchOf<Self>>;

    /// Where the tensors are.
    fn device(&self) -> &Device;
}
