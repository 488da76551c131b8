//! Where a network's training begins: which tensors are trained, from which values, and which stay as they are.

use burn::tensor::{Device, Tensor, TensorData};

use crate::{
    autodiff::{Layout, Parameters, Real, Vector},
    problem::{Buffers, model::Network},
};

/// The beginning of a network's training.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// For each tensor of the network its value, or `None` to draw it as the network does.
    pub values: Vec<Option<Vec<f32>>>,
    /// For each tensor whether it stays as it is. Only tensors with a value can.
    pub fixed: Vec<bool>,
    /// The moments that batch normalisation has stored, in their layout; those of standardised data where there are none.
    pub moments: Option<Vec<f32>>,
    /// Whether training normalises by the stored moments too.
    pub frozen_norms: bool,
}

impl Start {
    /// Every tensor drawn and trained.
    pub fn drawn(network: &impl Network) -> Self {
        let count = network.layout().entries().len();
        Self { values: vec![None; count], fixed: vec![false; count], moments: None, frozen_norms: false }
    }
}

/// A network's tensors, told apart by whether they are trained.
#[derive(Debug)]
pub(super) struct Tensors {
    start: Start,
    trained: Layout,
    frozen: Layout,
    /// In the network's order, flat; `None` for those that are trained.
    fixed: Vec<Option<Vector>>,
    moments: Vector,
}

impl Tensors {
    /// From a start and the layouts of a network's parameters and moments.
    pub fn new(start: Start, (layout, moments): (&Layout, &Layout), device: &Device) -> Self {
        let place = |values: &[f32]| Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device);
        let keep = |(value, &fixed): (&Option<Vec<f32>>, &bool)| value.as_deref().filter(|_| fixed).map(place);
        let fixed: Vec<Option<Vector>> = start.values.iter().zip(&start.fixed).map(keep).collect();
        let part = |is_fixed: bool| {
            let tensors = layout.entries().iter().zip(&fixed).filter(|(_, fixed)| fixed.is_some() == is_fixed);
            Layout::new(tensors.map(|(entry, _)| (entry.name.as_str(), entry.shape.clone())))
        };
        let (trained, frozen) = (part(false), part(true));
        // Means and variances take turns.
        let standard =
            || moments.entries().iter().zip([0.0, 1.0].into_iter().cycle()).flat_map(|(e, x)| vec![x; e.len()]);
        let moments = start.moments.as_deref().map_or_else(|| place(&standard().collect::<Vec<f32>>()), place);
        Self { start, trained, frozen, fixed, moments }
    }

    /// The parameters that are trained.
    pub fn trained(&self) -> &Layout {
        &self.trained
    }

    /// The parameters that are not, where there are any.
    pub fn frozen(&self) -> Option<(&Layout, Vector)> {
        let values: Vec<Vector> = self.fixed.iter().flatten().cloned().collect();
        (!values.is_empty()).then(|| (&self.frozen, Tensor::cat(values, 0)))
    }

    /// Initial values of the trained tensors, of the network's draw of all of them.
    pub fn initial(&self, drawn: &[f64], layout: &Layout) -> Vec<f64> {
        let tensors = layout.entries().iter().zip(&self.start.values).zip(&self.fixed);
        let pieces = tensors.filter(|(_, fixed)| fixed.is_none()).map(|((entry, value), _)| match value {
            Some(values) => values.iter().copied().map(f64::from).collect(),
            None => drawn[entry.offset..entry.offset + entry.len()].to_vec(),
        });
        pieces.collect::<Vec<Vec<f64>>>().concat()
    }

    /// All parameters of the network: the trained ones of `w`, the others as constants.
    pub fn complete<'a, R: Real>(&self, w: &Parameters<'_, R>, layout: &'a Layout) -> Parameters<'a, R> {
        let mut trained = w.leaves().iter().cloned();
        let precision = w.dtype();
        let leaves = self.fixed.iter().map(|fixed| match fixed {
            Some(values) => Some(R::constant(values.clone().cast(precision))),
            None => trained.next(),
        });
        Parameters::new(layout, leaves.flatten().collect())
    }

    /// The moments at the start, where the network has any.
    pub fn buffers<'a>(&self, layout: &'a Layout) -> Option<Buffers<'a>> {
        (!layout.entries().is_empty()).then(|| Buffers {
            layout,
            initial: self.moments.clone(),
            frozen: self.start.frozen_norms,
        })
    }
}
