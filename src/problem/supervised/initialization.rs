//! What a network's training begins from: which tensors are trained, from which values, and which are frozen.

use burn::tensor::{Device, Tensor, TensorData};

use crate::{
    autodiff::{Entry, Layout, Parameters, Real, Vector},
    problem::{BatchNormMode, Buffers, model::Network},
};

/// The values that a network's tensors begin with.
#[derive(Debug, Clone, PartialEq)]
pub struct Initialization {
    /// For each parameter its value, or `None` to draw it as the network does.
    pub values: Vec<Option<Vec<f32>>>,
    /// For each parameter whether it is frozen: it keeps its value. Only parameters with a value can be.
    pub frozen: Vec<bool>,
    /// The running means and variances in their layout; `None` for means of 0 and variances of 1.
    pub buffers: Option<Vec<f32>>,
    /// What batch normalisation normalises by in training.
    pub batch_norm: BatchNormMode,
}

impl Initialization {
    /// Every parameter drawn by the network and trained.
    pub fn random(network: &impl Network) -> Self {
        let count = network.layout().entries().len();
        Self {
            values: vec![None; count],
            frozen: vec![false; count],
            buffers: None,
            batch_norm: BatchNormMode::BatchStatistics,
        }
    }
}

/// A network's parameters, divided into those that are trained and those that are frozen, and its buffers.
#[derive(Debug)]
pub(super) struct ParameterPartition {
    /// For each parameter its initial value; `None` where the network draws it.
    values: Vec<Option<Vec<f32>>>,
    batch_norm: BatchNormMode,
    trained: Layout,
    frozen: Layout,
    /// The frozen parameters in the network's order, flat; `None` for those that are trained.
    frozen_values: Vec<Option<Vector>>,
    buffers: Vector,
}

impl ParameterPartition {
    /// The tensors of `network` as `initialization` has them, on `device`.
    pub fn new(network: &impl Network, initialization: Initialization, device: &Device) -> Self {
        let Initialization { values, frozen, buffers, batch_norm } = initialization;
        let on_device = |values: &[f32]| Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device);
        let frozen_value =
            |(value, &frozen): (&Option<Vec<f32>>, &bool)| value.as_deref().filter(|_| frozen).map(on_device);
        let frozen_values: Vec<Option<Vector>> = values.iter().zip(&frozen).map(frozen_value).collect();
        let part = |is_frozen: bool| {
            let tensors = network.layout().entries().iter().zip(&frozen_values);
            let tensors = tensors.filter(|(_, value)| value.is_some() == is_frozen);
            Layout::new(tensors.map(|(entry, _)| (entry.name.as_str(), entry.shape.clone())))
        };
        let buffers = buffers.unwrap_or_else(|| standard(network.buffers().entries()));
        Self {
            trained: part(false),
            frozen: part(true),
            values,
            batch_norm,
            frozen_values,
            buffers: on_device(&buffers),
        }
    }

    /// The parameters that are trained.
    pub fn trained(&self) -> &Layout {
        &self.trained
    }

    /// The parameters that are frozen, where there are any.
    pub fn frozen(&self) -> Option<(&Layout, Vector)> {
        let values: Vec<Vector> = self.frozen_values.iter().flatten().cloned().collect();
        (!values.is_empty()).then(|| (&self.frozen, Tensor::cat(values, 0)))
    }

    /// Initial values of the trained parameters, where `drawn` are values for all parameters of the network in `layout`.
    pub fn initial(&self, drawn: &[f64], layout: &Layout) -> Vec<f64> {
        let tensors = layout.entries().iter().zip(&self.values).zip(&self.frozen_values);
        let pieces = tensors.filter(|(_, frozen)| frozen.is_none()).map(|((entry, value), _)| match value {
            Some(values) => values.iter().copied().map(f64::from).collect(),
            None => drawn[entry.offset..entry.offset + entry.len()].to_vec(),
        });
        pieces.collect::<Vec<Vec<f64>>>().concat()
    }

    /// All parameters of the network: the trained ones of `w`, the frozen ones as constants.
    pub fn complete<'a, R: Real>(&self, w: &Parameters<'_, R>, layout: &'a Layout) -> Parameters<'a, R> {
        let mut trained = w.leaves().iter().cloned();
        let precision = w.dtype();
        let leaves = self.frozen_values.iter().map(|frozen| match frozen {
            Some(values) => Some(R::constant(values.clone().cast(precision))),
            None => trained.next(),
        });
        Parameters::new(layout, leaves.flatten().collect())
    }

    /// The buffers before training, where the network has any.
    pub fn buffers<'a>(&self, layout: &'a Layout) -> Option<Buffers<'a>> {
        (!layout.entries().is_empty()).then(|| Buffers {
            layout,
            initial: self.buffers.clone(),
            frozen: self.batch_norm == BatchNormMode::Buffers,
        })
    }
}

/// Means of 0 and variances of 1. A normalisation's mean is followed by its variance.
fn standard(buffers: &[Entry]) -> Vec<f32> {
    buffers.iter().zip([0.0, 1.0].into_iter().cycle()).flat_map(|(entry, value)| vec![value; entry.len()]).collect()
}
