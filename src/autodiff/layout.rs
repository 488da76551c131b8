//! Parameters by name and shape <-> one flat vector.
//! A layout splits the vector into leaf tensors before the forward pass and flattens their gradients after the backward.

use burn::tensor::{DType, Tensor};

use super::{Real, Value, Vector};

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

/// Names, shapes and offsets of a model's parameters in its flat vector, row-major, one after another.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use nso_tui::autodiff::{Layout, values};
///
/// let layout = Layout::new([("weight", vec![2, 2]), ("bias", vec![2])]);
/// assert_eq!((layout.dimension(), layout.entries()[1].offset), (6, 4));
///
/// let w = Tensor::<1>::from_floats([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &Device::flex());
/// let pieces = layout.split(&w);
/// assert_eq!(values(&pieces[1]), [5.0, 6.0]);
/// assert_eq!(values(&layout.flatten(pieces)), values(&w));
///
/// // Weights doubled, biases left alone.
/// let doubled = layout.map([&w], |entry, [piece]| if entry.is_bias() { piece } else { piece * 2.0 });
/// assert_eq!(values(&doubled), [2.0, 4.0, 6.0, 8.0, 5.0, 6.0]);
/// ```
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

    /// The flat vector of `f(entry, pieces)` for each tensor, where `pieces` are its parts of `vectors`, flat. `f` keeps the length.
    pub fn map<const N: usize>(&self, vectors: [&Vector; N], f: impl FnMut(&Entry, [Vector; N]) -> Vector) -> Vector {
        let mut f = f;
        let mut split = vectors.map(|vector| self.split(vector).into_iter());
        let next = |entry: &Entry| {
            let pieces = split.each_mut().map(|pieces| match pieces.next() {
                Some(piece) => piece,
                None => unreachable!("a vector splits into one piece an entry"),
            });
            f(entry, pieces)
        };
        self.flatten(self.entries.iter().map(next).collect())
    }
}

/// The parameters of a model as its loss gets them: by index in its layout, in their shapes.
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

    /// The tensor at `index` in its shape, with the operators that formulas are written in. Panics as [`Parameters::get`] does.
    pub fn tensor<const D: usize>(&self, index: usize) -> Value<R, D> {
        Value::new(self.get(index))
    }
}
