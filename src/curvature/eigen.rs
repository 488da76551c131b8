//! Eigenvalues of a symmetric map, by Lanczos.

use burn::tensor::Tensor;
use nalgebra::DMatrix;

use super::LinearOperator;
use crate::autodiff::{Scalar, Vector, vector_like};

/// How much an eigenvalue may cost, and when it is good enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Products to spend at most, the last one for the residual; at least 2.
    pub products: u32,
    /// Stop when the residual is below this share of the eigenvalue. The eigenvalue's own relative error is
    /// then about the square of it.
    pub tolerance: f64,
}

/// An eigenvalue with its vector and how good they are.
#[derive(Debug, Clone)]
pub struct Eigenpair {
    /// The Rayleigh quotient v'A v.
    pub value: f64,
    /// The unit vector v.
    pub vector: Vector,
    /// |A v - value v|_2: some eigenvalue lies within this distance of the value.
    pub residual: f64,
    /// Products spent.
    pub products: u32,
}

/// Products before the tolerance may end the search: a start close to a former top vector has a small residual at
/// once, and a larger eigenvalue takes a while to grow out of the little that the start has of it.
const FEWEST: usize = 10;

fn number(scalar: Scalar) -> f64 {
    scalar.into_scalar::<f64>()
}

fn norm(v: &Vector) -> f64 {
    number(v.clone().square().sum().sqrt())
}

/// The largest (most positive) eigenvalue of `operator`, by Lanczos with full reorthogonalization from `start`.
///
/// `start` must not be an eigenvector itself: the space it spans would be closed, and a larger eigenvalue never seen.
/// Cost: at most `effort.products` products, and as many vectors of memory. Source: Lanczos 1950; Parlett 1998, chapter 13.
pub fn largest(operator: &dyn LinearOperator, start: &Vector, effort: Effort) -> Eigenpair {
    let room = effort.products.saturating_sub(1).max(1) as usize;
    let room = room.min(operator.dimension());
    let (mut diagonal, mut beside) = (Vec::new(), Vec::<f64>::new());
    let mut q = start.clone() / norm(start);
    // The orthonormal basis of the Krylov space, one vector a row.
    let mut basis: Tensor<2> = q.clone().unsqueeze_dim(0);
    let weights = loop {
        let mut z = operator.apply(&q);
        diagonal.push(number(z.clone().dot(q)));
        // Twice is enough (Parlett): what rounding leaves of the old directions goes with the second pass.
        for _ in 0..2 {
            let overlap: Tensor<2> = basis.clone().matmul(z.clone().unsqueeze_dim(1));
            z = z - overlap.transpose().matmul(basis.clone()).squeeze_dim(0);
        }
        let next = norm(&z);
        let (value, weights) = top_of_tridiagonal(&diagonal, &beside);
        let residual = next * weights.last().copied().unwrap_or(0.0).abs();
        // A closed space (next is rounding noise) and a non-finite product both end the search.
        let open = next > f64::from(f32::EPSILON) * 1e-3 * value.abs() && next.is_finite();
        let good = diagonal.len() >= FEWEST && residual <= effort.tolerance * value.abs();
        if diagonal.len() == room || !open || good {
            break weights;
        }
        beside.push(next);
        q = z / next;
        basis = Tensor::cat(vec![basis, q.clone().unsqueeze_dim(0)], 0);
    };
    let weights: Tensor<2> = vector_like(&weights, start).unsqueeze_dim(0);
    let vector: Vector = weights.matmul(basis).squeeze_dim(0);
    let vector = vector.clone() / norm(&vector);
    let image = operator.apply(&vector);
    let value = number(image.clone().dot(vector.clone()));
    let residual = norm(&(image - vector.clone() * value));
    #[expect(clippy::cast_possible_truncation, reason = "bounded by effort.products")]
    Eigenpair { value, vector, residual, products: diagonal.len() as u32 + 1 }
}

/// The largest eigenvalue of the symmetric tridiagonal matrix, with its unit eigenvector. NaN in, NaN out.
fn top_of_tridiagonal(diagonal: &[f64], beside: &[f64]) -> (f64, Vec<f64>) {
    let n = diagonal.len();
    if diagonal.iter().chain(beside).any(|x| !x.is_finite()) {
        return (f64::NAN, vec![f64::NAN; n]);
    }
    let matrix = DMatrix::from_fn(n, n, |row, column| match row.abs_diff(column) {
        0 => diagonal[row],
        1 => beside[row.min(column)],
        _ => 0.0,
    });
    let eigen = matrix.symmetric_eigen();
    let top = eigen.eigenvalues.imax();
    (eigen.eigenvalues[top], eigen.eigenvectors.column(top).iter().copied().collect())
}
