//! Parameters by name and shape <-> one flat vector.
//! A layout cuts the vector into leaf tensors before the forward pass and joins their gradients after the backward.

use burn::tensor::{DType, Tensor};

use super::{Real, Vector};

/// One named tensor of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, as PyTorch would call it.
    pub name: String,
    /// Its shape, in PyTorch's layout.
    pub shape: Vec<usize>,
    /// Where it starts in the flat vector.
    pub offset: usize,
}

impl Entry {
    /// Numbers in it.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it shifts what the weights make: a bias, or the shift of a normalisation. PyTorch calls both `bias`.
    pub fn is_bias(&self) -> bool {
        self.name.rsplit('.').next() == Some("bias")
    }

    /// Output rows: the first dimension in PyTorch's layout.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Whether it has no numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Names, shapes and places of a model's parameters in its flat vector, row-major, one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    entries: Vec<Entry>,
    dimension: usize,
}

impl Layout {
    /// The layout of these tensors in this order.
    pub fn new<'a>(tensors: impl IntoIterator<Item = (&'a str, Vec<usize>)>) -> Self {
        let mut dimension = 0;
        let entries = tensors
            .into_iter()
            .map(|(name, shape)| {
                let entry = Entry { name: name.to_owned(), shape, offset: dimension };
                dimension += entry.len();
                entry
            })
            .collect();
        Self { entries, dimension }
    }

    /// The tensors.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Numbers in the flat vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The pieces of `w`, one a tensor, each still flat.
    pub fn split(&self, w: &Vector) -> Vec<Vector> {
        match self.entries.as_slice() {
            [_] => vec![w.clone()],
            entries => entries.iter().map(|entry| w.clone().narrow(0, entry.offset, entry.len())).collect(),
        }
    }

    /// The flat vector of these pieces.
    pub fn flatten(&self, mut pieces: Vec<Vector>) -> Vector {
        match (pieces.len(), pieces.pop()) {
            (1, Some(only)) => only,
            (_, last) => Tensor::cat(pieces.into_iter().chain(last).collect(), 0),
        }
    }
}

/// A model's parameters as it sees them: by index in its layout, in their shapes.
pub struct Parameters<'a, R: Real> {
    layout: &'a Layout,
    leaves: Vec<R::T<1>>,
}

impl<'a, R: Real> Parameters<'a, R> {
    /// Parameters whose flat pieces are `leaves`, in the order of `layout`.
    pub fn new(layout: &'a Layout, leaves: Vec<R::T<1>>) -> Self {
        Self { layout, leaves }
    }

    /// The flat pieces.
    pub fn leaves(&self) -> &[R::T<1>] {
        &self.leaves
    }

    /// The precision that the model is asked to compute in.
    pub fn dtype(&self) -> DType {
        self.leaves.first().map_or(DType::F32, |leaf| R::dtype(leaf))
    }

    /// The tensor at `index` in its shape.
    ///
    /// # Panics
    /// If the layout has no such tensor or it has not `D` dimensions: a fault of the model.
    pub fn get<const D: usize>(&self, index: usize) -> R::T<D> {
        let shape = &self.layout.entries[index].shape;
        let shape = std::array::from_fn(|axis| shape[axis]);
        R::reshape(self.leaves[index].clone(), shape)
    }
}
