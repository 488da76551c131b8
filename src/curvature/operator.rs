//! Symmetric maps known by their action.

use burn::tensor::Tensor;

use crate::autodiff::{Objective, Product, Vector};

/// A symmetric linear map of parameter space, v -> A v. Estimators ask nothing else of it.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use nso_tui::autodiff::values;
/// use nso_tui::curvature::{DenseMatrix, LinearOperator, ProbeVectors, hutchinson};
///
/// let cpu = Device::flex();
/// let a = DenseMatrix(Tensor::from_floats([[2.0, 0.0], [0.0, 3.0]], &cpu));
/// let v = Tensor::from_floats([1.0, -1.0], &cpu);
/// assert_eq!(values(&a.apply(&v)), [2.0, -3.0]);
///
/// // v'A v is the trace for every v of signs, since A is diagonal.
/// let trace = hutchinson(&a, &mut ProbeVectors::new(1, &v), 10);
/// assert_eq!((trace.mean.mean, trace.mean.std_error), (5.0, 0.0));
/// ```
pub trait LinearOperator {
    /// A v.
    fn apply(&self, v: &Vector) -> Vector;

    /// The dimension of the space.
    fn dimension(&self) -> usize;
}

/// The exact Hessian of an objective at w. A product costs about two gradient evaluations.
pub struct Hessian<'a> {
    product: Product<'a>,
    dimension: usize,
}

impl<'a> Hessian<'a> {
    /// The Hessian of `objective` at `w`.
    pub fn new(objective: &'a dyn Objective, w: &Vector) -> Self {
        Self { product: objective.hessian(w), dimension: objective.dimension() }
    }
}

impl LinearOperator for Hessian<'_> {
    fn apply(&self, v: &Vector) -> Vector {
        (self.product)(v)
    }

    fn dimension(&self) -> usize {
        self.dimension
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
