//! An orthonormal basis that grows vector by vector: classical Gram-Schmidt with reorthogonalisation (CGS2).

use burn::tensor::Tensor;

use crate::autodiff::{Vector, values, vector_like};

/// Orthonormal vectors of one space, one a row.
#[derive(Debug, Clone, Default)]
pub(super) struct Basis {
    rows: Option<Tensor<2>>,
}

impl Basis {
    /// Vectors in it.
    pub fn len(&self) -> usize {
        self.rows.as_ref().map_or(0, |rows| rows.dims()[0])
    }

    /// Takes in a unit vector that is orthogonal to it.
    pub fn push(&mut self, q: Vector) {
        let row: Tensor<2> = q.unsqueeze_dim(0);
        self.rows = Some(match self.rows.take() {
            None => row,
            Some(rows) => Tensor::cat(vec![rows, row], 0),
        });
    }

    /// What of `v` is orthogonal to the basis. Twice is enough (Parlett): what rounding leaves of the old directions goes with
    /// the second pass.
    pub fn orthogonal(&self, v: Vector) -> Vector {
        let Some(rows) = &self.rows else { return v };
        (0..2).fold(v, |v, _| {
            let overlap = rows.clone().matmul(v.clone().unsqueeze_dim(1));
            v - overlap.transpose().matmul(rows.clone()).squeeze_dim(0)
        })
    }

    /// The coefficients of `v` in the basis. Waits for the device.
    pub fn coefficients(&self, v: &Vector) -> Vec<f64> {
        let rows = self.rows.as_ref();
        rows.map_or_else(Vec::new, |rows| values(&rows.clone().matmul(v.clone().unsqueeze_dim(1)).squeeze_dim(1)))
    }

    /// The vector of these coefficients.
    pub fn combine(&self, coefficients: &[f64], like: &Vector) -> Vector {
        let Some(rows) = &self.rows else { return like.zeros_like() };
        let weights: Tensor<2> = vector_like(coefficients, like).unsqueeze_dim(0);
        weights.matmul(rows.clone()).squeeze_dim(0)
    }

    /// Vector number `index`.
    pub fn get(&self, index: usize) -> Option<Vector> {
        let rows = self.rows.as_ref().filter(|rows| index < rows.dims()[0])?;
        Some(rows.clone().narrow(0, index, 1).squeeze_dim(0))
    }
}
