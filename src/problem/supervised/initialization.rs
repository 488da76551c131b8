//! What a network's training begins from: which tensors are trained, from which values, and which are frozen.

use burn::tensor::{Device, Tensor, TensorData};

use crate::{
    autodiff::{Entry, Layout, Parameters, Real, Vector},
    problem::{BatchNormMode, Buffers, model::Network},
};

/// The values that a network's tensors begin with.
#[derive(Debug, Clone, PartialEq)]
pub struct Initialization {
    /// One a parameter tensor, in the network's order.
    pub tensors: Vec<InitialTensor>,
    /// The running means and variances in their layout; `None` for means of 0 and variances of 1.
    pub buffers: Option<Vec<f32>>,
    /// What batch normalisation normalises by in training.
    pub batch_norm: BatchNormMode,
}

/// What one parameter tensor begins with.
#[derive(Debug, Clone, PartialEq)]
pub enum InitialTensor {
    /// Drawn as the network does, and trained.
    Drawn,
    /// These values, row-major, trained.
    Given(Vec<f32>),
    /// These values, row-major, which training leaves as they are.
    Frozen(Vec<f32>),
}

impl Initialization {
    /// Every parameter drawn by the network and trained.
    pub fn random(network: &impl Network) -> Self {
        let tensors = vec![InitialTensor::Drawn; network.layout().entries().len()];
        Self { tensors, buffers: None, batch_norm: BatchNormMode::BatchStatistics }
    }
}

/// A network's parameters, divided into those that are trained and those that are frozen, and its buffers.
#[derive(Debug)]
pub(super) struct ParameterPartition {
    /// One a parameter tensor, in the network's order.
    parts: Vec<Part>,
    trained: Layout,
    frozen: Layout,
    buffers: Vector,
    batch_norm: BatchNormMode,
}

/// One parameter tensor.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one a tensor of a network, some hundred")]
enum Part {
    /// Trained from these values; `None` where the network draws them.
    Trained(Option<Vec<f32>>),
    /// Frozen at these values, flat, on the device.
    Frozen(Vector),
}

impl ParameterPartition {
    /// The tensors of `network` as `initialization` has them, on `device`.
    pub fn new(network: &impl Network, initialization: Initialization, device: &Device) -> Self {
        let Initialization { tensors, buffers, batch_norm } = initialization;
        let on_device = |values: &[f32]| Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device);
        let parts = tensors.into_iter().map(|tensor| match tensor {
            InitialTensor::Drawn => Part::Trained(None),
            InitialTensor::Given(values) => Part::Trained(Some(values)),
            InitialTensor::Frozen(values) => Part::Frozen(on_device(&values)),
        });
        let parts: Vec<Part> = parts.collect();
        let layout_of = |belongs: fn(&Part) -> bool| {
            let tensors = network.layout().entries().iter().zip(&parts).filter(|(_, part)| belongs(part));
            Layout::new(tensors.map(|(entry, _)| (entry.name.as_str(), entry.shape.clone())))
        };
        let buffers = buffers.unwrap_or_else(|| standard(network.buffers().entries()));
        Self {
            trained: layout_of(|part| matches!(part, Part::Trained(_))),
            frozen: layout_of(|part| matches!(part, Part::Frozen(_))),
            parts,
            buffers: on_device(&buffers),
            batch_norm,
        }
    }

    /// The parameters that are trained.
    pub fn trained(&self) -> &Layout {
        &self.trained
    }

    /// The parameters that are frozen, where there are any.
    pub fn frozen(&self) -> Option<(&Layout, Vector)> {
        let values = self.parts.iter().filter_map(|part| match part {
            Part::Trained(_) => None,
            Part::Frozen(values) => Some(values.clone()),
        });
        let values: Vec<Vector> = values.collect();
        (!values.is_empty()).then(|| (&self.frozen, Tensor::cat(values, 0)))
    }

    /// Initial values of the trained parameters, where `drawn` are values for all parameters of the network in `layout`.
    pub fn initial(&self, drawn: &[f64], layout: &Layout) -> Vec<f64> {
        let pieces = layout.entries().iter().zip(&self.parts).map(|(entry, part)| match part {
            Part::Trained(Some(values)) => values.iter().copied().map(f64::from).collect(),
            Part::Trained(None) => drawn[entry.offset..entry.offset + entry.len()].to_vec(),
            Part::Frozen(_) => Vec::new(),
        });
        pieces.collect::<Vec<Vec<f64>>>().concat()
    }

    /// All parameters of the network: the trained ones of `w`, the frozen ones as constants.
    pub fn complete<'a, R: Real>(&self, w: &Parameters<'_, R>, layout: &'a Layout) -> Parameters<'a, R> {
        let mut trained = w.leaves().iter().cloned();
        let precision = w.dtype();
        let leaves = self.parts.iter().map(|part| match part {
            Part::Frozen(values) => Some(R::constant(values.clone().cast(precision))),
            Part::Trained(_) => trained.next(),
        });
        Parameters::new(layout, leaves.flatten().collect())
    }

    /// The buffers before training, where the network has any.
    pub fn buffers<'a>(&self, layout: &'a Layout) -> Option<Buffers<'a>> {
        (!layout.entries().is_empty()).then(|| Buffers { layout, values: self.buffers.clone(), mode: self.batch_norm })
    }
}

/// Means of 0 and variances of 1. A normalisation's mean is followed by its variance.
fn standard(buffers: &[Entry]) -> Vec<f32> {
    buffers.iter().zip([0.0, 1.0].into_iter().cycle()).flat_map(|(entry, value)| vec![value; entry.len()]).collect()
}
