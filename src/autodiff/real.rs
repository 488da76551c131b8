//! The algebra that models are written in: the operations on tensors of numbers, whatever a number is.
//! [`Plain`] numbers are tensors; [`Forward`](super::Forward) numbers carry a directional derivative along.

use burn::tensor::{Int, Tensor, activation};

/// The operations that a model may use. Every implementation computes the same values;
/// they differ in what else they keep track of. Shapes follow burn's rules, broadcasting included.
pub trait Real {
    /// A tensor of `D` dimensions.
    type T<const D: usize>: Clone;

    /// Data that does not depend on w.
    fn constant<const D: usize>(x: Tensor<D>) -> Self::T<D>;

    /// The tensor of values, whatever else is tracked.
    fn value<const D: usize>(x: &Self::T<D>) -> &Tensor<D>;

    /// a + b.
    fn add<const D: usize>(a: Self::T<D>, b: Self::T<D>) -> Self::T<D>;

    /// a - b.
    fn sub<const D: usize>(a: Self::T<D>, b: Self::T<D>) -> Self::T<D>;

    /// a b, elementwise.
    fn mul<const D: usize>(a: Self::T<D>, b: Self::T<D>) -> Self::T<D>;

    /// factor a.
    fn scale<const D: usize>(a: Self::T<D>, factor: f64) -> Self::T<D>;

    /// a^2, elementwise.
    fn square<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// max(a, 0), elementwise; its derivative at 0 is 0, as PyTorch has it.
    fn relu<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// tanh a, elementwise.
    fn tanh<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// The matrix product: [m, k] x [k, n] -> [m, n].
    fn matmul(a: Self::T<2>, b: Self::T<2>) -> Self::T<2>;

    /// The transposed matrix.
    fn transpose(a: Self::T<2>) -> Self::T<2>;

    /// The same numbers in another shape.
    fn reshape<const D: usize, const E: usize>(a: Self::T<D>, shape: [usize; E]) -> Self::T<E>;

    /// The entries of `a` at `indices`, a constant.
    fn select(a: Self::T<1>, indices: Tensor<1, Int>) -> Self::T<1>;

    /// Matrices of equal height side by side.
    fn beside(columns: Vec<Self::T<2>>) -> Self::T<2>;

    /// Sum of all entries.
    fn sum<const D: usize>(a: Self::T<D>) -> Self::T<1>;

    /// Sum over the rows of a matrix: [m, n] -> [n].
    fn sum_rows(a: Self::T<2>) -> Self::T<1>;

    /// Log-softmax along the rows of a matrix [examples, classes].
    fn log_softmax(a: Self::T<2>) -> Self::T<2>;

    /// From each row of `a` [examples, classes] the entry at that row's label: [examples, 1] -> [examples, 1].
    fn pick(a: Self::T<2>, labels: Tensor<2, Int>) -> Self::T<2>;
}

/// Plain numbers: a tensor is a tensor. Reverse mode over it gives gradients.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

impl Real for Plain {
    type T<const D: usize> = Tensor<D>;

    fn constant<const D: usize>(x: Tensor<D>) -> Tensor<D> {
        x
    }

    fn value<const D: usize>(x: &Tensor<D>) -> &Tensor<D> {
        x
    }

    fn add<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
        a + b
    }

    fn sub<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
        a - b
    }

    fn mul<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
        a * b
    }

    fn scale<const D: usize>(a: Tensor<D>, factor: f64) -> Tensor<D> {
        a * factor
    }

    fn square<const D: usize>(a: Tensor<D>) -> Tensor<D> {
        a.clone() * a
    }

    fn relu<const D: usize>(a: Tensor<D>) -> Tensor<D> {
        activation::relu(a)
    }

    fn tanh<const D: usize>(a: Tensor<D>) -> Tensor<D> {
        a.tanh()
    }

    fn matmul(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
        a.matmul(b)
    }

    fn transpose(a: Tensor<2>) -> Tensor<2> {
        a.transpose()
    }

    fn reshape<const D: usize, const E: usize>(a: Tensor<D>, shape: [usize; E]) -> Tensor<E> {
        a.reshape(shape)
    }

    fn select(a: Tensor<1>, indices: Tensor<1, Int>) -> Tensor<1> {
        a.select(0, indices)
    }

    fn beside(columns: Vec<Tensor<2>>) -> Tensor<2> {
        Tensor::cat(columns, 1)
    }

    fn sum<const D: usize>(a: Tensor<D>) -> Tensor<1> {
        a.sum()
    }

    fn sum_rows(a: Tensor<2>) -> Tensor<1> {
        let [_, columns] = a.dims();
        a.sum_dim(0).reshape([columns])
    }

    fn log_softmax(a: Tensor<2>) -> Tensor<2> {
        activation::log_softmax(a, 1)
    }

    fn pick(a: Tensor<2>, labels: Tensor<2, Int>) -> Tensor<2> {
        a.gather(1, labels)
    }
}
