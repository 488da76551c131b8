//! Symmetric maps known by their action.

use burn::tensor::Tensor;

use crate::autodiff::{Objective, Vector};

/// A symmetric linear map of parameter space, v -> A v.
pub trait LinearOperator {
    /// A v.
    fn apply(&self, v: &Vector) -> Vector;

    /// The dimension of the space.
    fn dimension(&self) -> usize;
}

/// The exact Hessian of an objective at w. A product costs about two gradient evaluations.
pub struct Hessian<'a> {
    /// The function.
    pub objective: &'a dyn Objective,
    /// The point.
    pub w: &'a Vector,
}

impl LinearOperator for Hessian<'_> {
    fn apply(&self, v: &Vector) -> Vector {
        self.objective.hessian_product(self.w, v)
    }

    fn dimension(&self) -> usize {
        self.objective.dimension()
    }
}

/// A matrix held as numbers: [p, p], symmetric.
#[derive(Debug, Clone)]
pub struct DenseMatrix(pub Tensor<2>);

impl LinearOperator for DenseMatrix {
    fn apply(&self, v: &Vector) -> Vector {
        let [p, _] = self.0.dims();
        self.0.clone().matmul(v.clone().reshape([p, 1])).reshape([p])
    }

    fn dimension(&self) -> usize {
        self.0.dims()[0]
    }
}
