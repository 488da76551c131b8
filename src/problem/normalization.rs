//! What batch normalisation normalises by: the statistics of the batch, or the buffers, running means and variances that training
//! updates.

use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::autodiff::{Layout, Vector};

/// What batch normalisation normalises by in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
pub enum BatchNormMode {
    /// The statistics of each batch, which update the buffers (PyTorch's training mode).
    #[strum(serialize = "batch")]
    BatchStatistics,
    /// The buffers, which stay as they are (PyTorch's evaluation mode).
    #[strum(serialize = "stored")]
    Buffers,
}

/// What the batch normalisations of a pass normalise by. A network without batch normalisation is the same under both.
#[derive(Debug, Clone, Default)]
#[expect(clippy::large_enum_variant, reason = "one a pass, next to the pass's tensors")]
pub enum Normalization {
    /// The means and variances of the batch.
    #[default]
    BatchStatistics,
    /// These running means and variances, flat in the layout of the buffers.
    Buffers(Vector),
}

/// The buffers of a network's batch normalisations, as PyTorch calls their running means and variances.
#[derive(Debug, Clone)]
pub struct Buffers<'a> {
    /// Names, as PyTorch has them, and places in the flat vector.
    pub layout: &'a Layout,
    /// The running means and variances.
    pub values: Vector,
    /// What training normalises by, and with it whether training updates the values.
    pub mode: BatchNormMode,
}

impl Normalization {
    /// By the buffers; by the batch where a network has none.
    pub fn by(buffers: Option<&Vector>) -> Self {
        buffers.cloned().map_or(Self::BatchStatistics, Self::Buffers)
    }
}

impl Buffers<'_> {
    /// Weight of a batch's statistics in the running ones, PyTorch's default.
    const MOMENTUM: f64 = 0.1;

    /// What a training step normalises by.
    pub fn in_training(&self) -> Normalization {
        match self.mode {
            BatchNormMode::BatchStatistics => Normalization::BatchStatistics,
            BatchNormMode::Buffers => Normalization::Buffers(self.values.clone()),
        }
    }

    /// running = 0.9 running + 0.1 batch, where training updates the buffers. The statistics are those of one pass over a batch at
    /// the unperturbed weights; they are asked for only where they are needed, since they may cost that pass.
    pub fn update(&mut self, batch_statistics: impl FnOnce() -> Option<Vector>) {
        match self.mode {
            BatchNormMode::BatchStatistics => {
                if let Some(batch_statistics) = batch_statistics() {
                    self.values = self.values.clone() * (1.0 - Self::MOMENTUM) + batch_statistics * Self::MOMENTUM;
                }
            }
            BatchNormMode::Buffers => {}
        }
    }
}
