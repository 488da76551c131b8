//! The Lanczos process: an orthonormal basis of a Krylov space in which a symmetric map is tridiagonal.
//! Eigenvalues and spectral densities are both read off it.

use nalgebra::{DMatrix, DVector};

use super::{LinearOperator, gram_schmidt::Basis};
use crate::autodiff::{self, Scalar, Vector};

/// A map restricted to a Krylov space.
pub(super) struct Krylov {
    diagonal: Vec<f64>,
    off_diagonal: Vec<f64>,
    basis: Basis,
    /// Norm of what the last product adds to the space; 0 or rounding noise where the space is closed.
    next: f64,
}

/// The eigenvalues of a tridiagonal matrix, rising, with their unit eigenvectors as columns.
pub(super) struct Ritz {
    pub values: DVector<f64>,
    pub vectors: DMatrix<f64>,
}

pub(super) fn number(scalar: Scalar) -> f64 {
    scalar.into_scalar::<f64>()
}

pub(super) fn norm(v: &Vector) -> f64 {
    number(autodiff::norm(v))
}

impl Krylov {
    /// Grows the space from `start` until it has `room` dimensions, is closed, or `enough` says so. Full reorthogonalization.
    /// One product a dimension. A product that is not finite ends it with eigenvalues that are not numbers.
    /// Source: Lanczos 1950; Parlett 1998, chapter 13.
    pub fn grow(
        operator: &dyn LinearOperator,
        start: &Vector,
        room: usize,
        mut enough: impl FnMut(&Self) -> bool,
    ) -> Self {
        let room = room.clamp(1, operator.dimension().max(1));
        let mut q = start.clone() / norm(start);
        let mut space = Self { diagonal: Vec::new(), off_diagonal: Vec::new(), basis: Basis::default(), next: 0.0 };
        loop {
            space.basis.push(q.clone());
            let z = operator.apply(&q);
            space.diagonal.push(number(z.clone().dot(q)));
            let z = space.basis.orthogonal(z);
            space.next = norm(&z);
            let scale = space.diagonal.iter().chain(&space.off_diagonal).fold(0.0, |sum: f64, x| sum.max(x.abs()));
            let open = space.next > f64::from(f32::EPSILON) * 1e-3 * scale && space.next.is_finite();
            if space.diagonal.len() >= room || !open || enough(&space) {
                return space;
            }
            space.off_diagonal.push(space.next);
            q = z / space.next;
        }
    }

    /// Dimensions, which is products spent.
    pub fn len(&self) -> usize {
        self.diagonal.len()
    }

    /// Eigenvalues and eigenvectors of the restricted map. NaN in, NaN out.
    pub fn ritz(&self) -> Ritz {
        let n = self.len();
        if self.diagonal.iter().chain(&self.off_diagonal).any(|x| !x.is_finite()) {
            return Ritz { values: DVector::from_element(n, f64::NAN), vectors: DMatrix::from_element(n, n, f64::NAN) };
        }
        let matrix = DMatrix::from_fn(n, n, |row, column| match row.abs_diff(column) {
            0 => self.diagonal[row],
            1 => self.off_diagonal[row.min(column)],
            _ => 0.0,
        });
        let eigen = matrix.symmetric_eigen();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[a].total_cmp(&eigen.eigenvalues[b]));
        Ritz {
            values: DVector::from_fn(n, |i, _| eigen.eigenvalues[order[i]]),
            vectors: DMatrix::from_fn(n, n, |row, i| eigen.eigenvectors[(row, order[i])]),
        }
    }

    /// The residual |A v - theta v|_2 of Ritz vector number `index`, without another product.
    pub fn residual(&self, ritz: &Ritz, index: usize) -> f64 {
        self.next * ritz.vectors[(self.len() - 1, index)].abs()
    }

    /// Ritz vector number `index` in the full space, of unit length.
    pub fn vector(&self, ritz: &Ritz, index: usize, like: &Vector) -> Vector {
        let weights: Vec<f64> = ritz.vectors.column(index).iter().copied().collect();
        let vector = self.basis.combine(&weights, like);
        let length = norm(&vector);
        vector / length
    }
}
