//! Values as models write them: operators and methods over the algebra [`Real`], so that a model reads like its formula.
//! They cost nothing: each moves its tensors into the operation of the same name.

mod operators;

use burn::tensor::{Bool, DType, Int, Tensor};

use super::{
    Real,
    real::{BatchStats, Conv2dOptions},
};

/// A tensor of `D` axes over the algebra `R`: whatever a number is, [`Real`] documents what the methods compute.
///
/// Operators broadcast: axes of size 1 are repeated, and one number an entry of the last axis, a `Value<R, 1>`, is added
/// to, subtracted from or multiplied with a value of two to four axes. Clones share their numbers.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use nso_tui::autodiff::{Primal, Value};
///
/// // x W' + b with x [1, 2], W [3, 2], b [3].
/// let cpu = Device::flex();
/// let x: Value<Primal, 2> = Value::constant(Tensor::from_floats([[1.0, 2.0]], &cpu));
/// let w: Value<Primal, 2> = Value::constant(Tensor::from_floats([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], &cpu));
/// let b: Value<Primal, 1> = Value::constant(Tensor::from_floats([0.5, 0.0, -0.5], &cpu));
/// let y = x.matmul(w.transpose()) + b;
/// assert_eq!(y.detach().to_data().to_vec::<f32>().unwrap(), [1.5, 2.0, 2.5]);
/// ```
pub struct Value<R: Real, const D: usize>(R::T<D>);

impl<R: Real, const D: usize> Clone for Value<R, D> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R: Real, const D: usize> Value<R, D> {
    /// From the algebra's own tensor.
    pub fn new(inner: R::T<D>) -> Self {
        Self(inner)
    }

    /// The algebra's own tensor.
    pub fn into_inner(self) -> R::T<D> {
        self.0
    }

    /// Data that does not depend on w.
    pub fn constant(x: Tensor<D>) -> Self {
        Self(R::constant(x))
    }

    /// The numbers alone, without history.
    pub fn detach(&self) -> Tensor<D> {
        R::value(&self.0)
    }

    /// F32 or F64.
    pub fn dtype(&self) -> DType {
        R::dtype(&self.0)
    }

    /// The size of each axis.
    pub fn dims(&self) -> [usize; D] {
        R::dims(&self.0)
    }

    /// [`Real::square`].
    #[must_use]
    pub fn square(self) -> Self {
        Self(R::square(self.0))
    }

    /// [`Real::sqrt`].
    #[must_use]
    pub fn sqrt(self) -> Self {
        Self(R::sqrt(self.0))
    }

    /// [`Real::exp`].
    #[must_use]
    pub fn exp(self) -> Self {
        Self(R::exp(self.0))
    }

    /// [`Real::log`].
    #[must_use]
    pub fn log(self) -> Self {
        Self(R::log(self.0))
    }

    /// [`Real::relu`].
    #[must_use]
    pub fn relu(self) -> Self {
        Self(R::relu(self.0))
    }

    /// [`Real::relu6`].
    #[must_use]
    pub fn relu6(self) -> Self {
        Self(R::relu6(self.0))
    }

    /// [`Real::tanh`].
    #[must_use]
    pub fn tanh(self) -> Self {
        Self(R::tanh(self.0))
    }

    /// [`Real::sigmoid`].
    #[must_use]
    pub fn sigmoid(self) -> Self {
        Self(R::sigmoid(self.0))
    }

    /// [`Real::silu`].
    #[must_use]
    pub fn silu(self) -> Self {
        Self(R::silu(self.0))
    }

    /// [`Real::gelu`], the exact one.
    #[must_use]
    pub fn gelu(self) -> Self {
        Self(R::gelu(self.0))
    }

    /// [`Real::gelu_tanh`], the approximate one.
    #[must_use]
    pub fn gelu_tanh(self) -> Self {
        Self(R::gelu_tanh(self.0))
    }

    /// [`Real::matmul`]: [.., m, k] x [.., k, n] -> [.., m, n].
    #[must_use]
    pub fn matmul(self, other: Self) -> Self {
        Self(R::matmul(self.0, other.0))
    }

    /// [`Real::transpose`]: [.., m, n] -> [.., n, m].
    #[must_use]
    pub fn transpose(self) -> Self {
        Self(R::transpose(self.0))
    }

    /// [`Real::reshape`].
    pub fn reshape<const E: usize>(self, shape: [usize; E]) -> Value<R, E> {
        Value(R::reshape(self.0, shape))
    }

    /// [`Real::permute`].
    #[must_use]
    pub fn permute(self, axes: [usize; D]) -> Self {
        Self(R::permute(self.0, axes))
    }

    /// [`Real::swap_dims`].
    #[must_use]
    pub fn swap_dims(self, first: usize, second: usize) -> Self {
        Self(R::swap_dims(self.0, first, second))
    }

    /// [`Real::expand`].
    #[must_use]
    pub fn expand(self, shape: [usize; D]) -> Self {
        Self(R::expand(self.0, shape))
    }

    /// [`Real::concat`].
    #[must_use]
    pub fn concat(pieces: Vec<Self>, axis: usize) -> Self {
        Self(R::concat(pieces.into_iter().map(Self::into_inner).collect(), axis))
    }

    /// [`Real::select`]: [v, ..], [n] -> [n, ..].
    #[must_use]
    pub fn select(self, indices: Tensor<1, Int>) -> Self {
        Self(R::select(self.0, indices))
    }

    /// [`Real::mask_fill`].
    #[must_use]
    pub fn mask_fill(self, mask: Tensor<D, Bool>, fill: f64) -> Self {
        Self(R::mask_fill(self.0, mask, fill))
    }

    /// [`Real::sum`].
    pub fn sum(self) -> Value<R, 1> {
        Value(R::sum(self.0))
    }

    /// [`Real::sum_dim`].
    #[must_use]
    pub fn sum_dim(self, axis: usize) -> Self {
        Self(R::sum_dim(self.0, axis))
    }

    /// [`Real::mean_dim`].
    #[must_use]
    pub fn mean_dim(self, axis: usize) -> Self {
        Self(R::mean_dim(self.0, axis))
    }

    /// [`Real::softmax`].
    #[must_use]
    pub fn softmax(self) -> Self {
        Self(R::softmax(self.0))
    }

    /// [`Real::log_softmax`].
    #[must_use]
    pub fn log_softmax(self) -> Self {
        Self(R::log_softmax(self.0))
    }

    /// [`Real::layer_norm`]: affine = [scale, shift].
    #[must_use]
    pub fn layer_norm(self, affine: [Value<R, 1>; 2], epsilon: f64) -> Self {
        Self(R::layer_norm(self.0, affine.map(Value::into_inner), epsilon))
    }
}

impl<R: Real> Value<R, 2> {
    /// [`Real::linear`]: [n, in], [out, in], [out] -> [n, out].
    #[must_use]
    pub fn linear(self, weight: Self, bias: Value<R, 1>) -> Self {
        Self(R::linear(self.0, weight.0, bias.0))
    }

    /// [`Real::sum_rows`]: [m, n] -> [n].
    pub fn sum_rows(self) -> Value<R, 1> {
        Value(R::sum_rows(self.0))
    }

    /// [`Real::segment_sum`]: [n, d], [n] -> [count, d].
    #[must_use]
    pub fn segment_sum(self, segments: Tensor<1, Int>, count: usize) -> Self {
        Self(R::segment_sum(self.0, segments, count))
    }

    /// [`Real::gather`]: [examples, classes], [examples, 1] -> [examples, 1].
    #[must_use]
    pub fn gather(self, labels: Tensor<2, Int>) -> Self {
        Self(R::gather(self.0, labels))
    }

    /// [`Real::cross_entropy`]: [examples, classes], [examples, 1] -> one number.
    pub fn cross_entropy(self, labels: Tensor<2, Int>) -> Value<R, 1> {
        Value(R::cross_entropy(self.0, labels))
    }
}

impl<R: Real> Value<R, 4> {
    /// [`Real::conv2d`]: [n, in, h, w], [out, in / groups, kh, kw] -> [n, out, h', w'].
    #[must_use]
    pub fn conv2d(self, kernels: Self, options: Conv2dOptions) -> Self {
        Self(R::conv2d(self.0, kernels.0, options))
    }

    /// [`Real::max_pool2d`]: [n, c, h, w] -> [n, c, h', w'].
    #[must_use]
    pub fn max_pool2d(self, size: usize, options: Conv2dOptions) -> Self {
        Self(R::max_pool2d(self.0, size, options))
    }

    /// [`Real::mean_pixels`]: [n, c, h, w] -> [n, c].
    pub fn mean_pixels(self) -> Value<R, 2> {
        Value(R::mean_pixels(self.0))
    }

    /// [`Real::batch_norm_eval`]: affine = [scale, shift], buffers = [running mean, running variance].
    #[must_use]
    pub fn batch_norm_eval(self, affine: [Value<R, 1>; 2], buffers: [Tensor<1>; 2], epsilon: f64) -> Self {
        Self(R::batch_norm_eval(self.0, affine.map(Value::into_inner), buffers, epsilon))
    }

    /// [`Real::batch_norm`]: affine = [scale, shift].
    pub fn batch_norm(self, affine: [Value<R, 1>; 2], epsilon: f64) -> (Self, BatchStats) {
        let (output, stats) = R::batch_norm(self.0, affine.map(Value::into_inner), epsilon);
        (Self(output), stats)
    }
}
