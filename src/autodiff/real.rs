//! The algebra that models are written in: the operations on tensors of numbers, whatever a number is.
//! [`Primal`](super::Primal) numbers are tensors; [`Forward`](super::Forward) numbers carry a directional derivative along.

use burn::tensor::{Bool, DType, Int, Tensor};

/// How a convolution or a pooling window moves over an image, alike in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dOptions {
    /// Pixels from one position of the window to the next.
    pub stride: usize,
    /// Pixels added on each side: zeros for a convolution, nothing for a maximum.
    pub padding: usize,
    /// Groups of channels that do not see each other; 1 for a pooling window.
    pub groups: usize,
}

/// Batch statistics: mean and variance of each channel over a batch's examples and pixels, [channels], without history.
#[derive(Debug, Clone)]
pub struct BatchStats {
    /// sum x / n.
    pub mean: Tensor<1>,
    /// sum (x - mean)^2 / (n - 1), unbiased: what PyTorch keeps, although it normalises by the biased variance.
    pub variance: Tensor<1>,
}

impl BatchStats {
    /// From the biased variance over `count` numbers a channel.
    pub(super) fn unbiased(mean: Tensor<1>, biased: Tensor<1>, count: usize) -> Self {
        Self { mean, variance: biased * (count as f64 / count.saturating_sub(1).max(1) as f64) }
    }
}

/// The operations that a model may use, as functions of tensors for implementations to provide; models are written with the
/// operators and methods of [`Value`](super::Value). Every implementation computes the same values; they differ in the
/// derivatives that they carry along. Elementwise operations of two tensors broadcast: axes of size 1 are repeated. Axes count from 0.
///
/// Derivatives: `dual.rs` states each operation's forward rule.
pub trait Real {
    /// A tensor of `D` axes.
    type T<const D: usize>: Clone;

    /// Data that does not depend on w.
    fn constant<const D: usize>(x: Tensor<D>) -> Self::T<D>;

    /// The values alone, without history.
    fn value<const D: usize>(x: &Self::T<D>) -> Tensor<D>;

    /// F32 or F64.
    fn dtype<const D: usize>(x: &Self::T<D>) -> DType;

    /// The size of each axis.
    fn dims<const D: usize>(x: &Self::T<D>) -> [usize; D];

    /// a + b.
    fn add<const D: usize>(a: Self::T<D>, b: Self::T<D>) -> Self::T<D>;

    /// a - b.
    fn sub<const D: usize>(a: Self::T<D>, b: Self::T<D>) -> Self::T<D>;

    /// a b, elementwise.
    fn mul<const D: usize>(a: Self::T<D>, b: Self::T<D>) -> Self::T<D>;

    /// a / b, elementwise.
    fn div<const D: usize>(a: Self::T<D>, b: Self::T<D>) -> Self::T<D>;

    /// factor a.
    fn scale<const D: usize>(a: Self::T<D>, factor: f64) -> Self::T<D>;

    /// a + offset.
    fn add_scalar<const D: usize>(a: Self::T<D>, offset: f64) -> Self::T<D>;

    /// a^2, elementwise.
    fn square<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// sqrt(a), elementwise; its derivative at 0 is infinite.
    fn sqrt<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// e^a, elementwise.
    fn exp<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// log a, natural, elementwise.
    fn log<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// max(a, 0), elementwise; its derivative at 0 is 0, as PyTorch has it.
    fn relu<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// min(max(a, 0), 6), elementwise.
    fn relu6<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// tanh a, elementwise.
    fn tanh<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// 1 / (1 + e^-a), elementwise.
    fn sigmoid<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// a sigmoid(a), elementwise (SiLU, also called swish).
    fn silu<const D: usize>(a: Self::T<D>) -> Self::T<D> {
        Self::mul(a.clone(), Self::sigmoid(a))
    }

    /// a Phi(a), elementwise, with Phi(a) = (1 + erf(a / sqrt 2)) / 2 the standard normal distribution function
    /// (Hendrycks & Gimpel 2016). This exact form is PyTorch's default.
    fn gelu<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// a (1 + tanh(sqrt(2 / pi) (a + 0.044715 a^3))) / 2, elementwise: the approximation of [`Real::gelu`] that GPT-2 uses,
    /// up to 5e-4 off; PyTorch's `approximate="tanh"`.
    fn gelu_tanh<const D: usize>(a: Self::T<D>) -> Self::T<D> {
        let cubic = Self::scale(Self::mul(Self::square(a.clone()), a.clone()), 0.044_715);
        let inner = Self::scale(Self::add(a.clone(), cubic), (2.0 / std::f64::consts::PI).sqrt());
        Self::scale(Self::mul(a, Self::add_scalar(Self::tanh(inner), 1.0)), 0.5)
    }

    /// Matrix products of the last two axes: [.., m, k] x [.., k, n] -> [.., m, n]. The axes before them are equal in
    /// both or 1 in one. For one dimension: use [`Real::mul`] and [`Real::sum`].
    fn matmul<const D: usize>(a: Self::T<D>, b: Self::T<D>) -> Self::T<D>;

    /// The last two axes exchanged: [.., m, n] -> [.., n, m].
    fn transpose<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// The same numbers in another shape, row-major.
    fn reshape<const D: usize, const E: usize>(a: Self::T<D>, shape: [usize; E]) -> Self::T<E>;

    /// Axis i of the result is axis `axes[i]` of `a`.
    fn permute<const D: usize>(a: Self::T<D>, axes: [usize; D]) -> Self::T<D>;

    /// Two axes exchanged.
    fn swap_dims<const D: usize>(a: Self::T<D>, first: usize, second: usize) -> Self::T<D> {
        let mut axes = std::array::from_fn(|axis| axis);
        axes.swap(first, second);
        Self::permute(a, axes)
    }

    /// Axes of size 1 repeated to the sizes of `shape`.
    fn expand<const D: usize>(a: Self::T<D>, shape: [usize; D]) -> Self::T<D>;

    /// One after another along `axis`; all other axes are equal.
    fn concat<const D: usize>(pieces: Vec<Self::T<D>>, axis: usize) -> Self::T<D>;

    /// Entries along the first axis, repetitions allowed: [v, ..], indices [n] -> [n, ..]. Of a matrix these are rows, as an
    /// embedding looks them up.
    fn select<const D: usize>(a: Self::T<D>, indices: Tensor<1, Int>) -> Self::T<D>;

    /// Row s of the result is the sum of the rows i with `segments[i]` = s, 0 where there are none:
    /// [n, d], segments [n] -> [count, d]. The adjoint of [`Real::select`] of rows; sums messages into the nodes of a graph.
    /// On GPUs with burn's kernels the order of a sum is not fixed.
    fn segment_sum(rows: Self::T<2>, segments: Tensor<1, Int>, count: usize) -> Self::T<2>;

    /// `fill` where `mask` is true, else `a`. Axes of size 1 of the mask are repeated. Scores of attention are filled with a
    /// large negative number rather than minus infinity, of which the softmax of a row without any other entry makes NaN.
    fn mask_fill<const D: usize>(a: Self::T<D>, mask: Tensor<D, Bool>, fill: f64) -> Self::T<D>;

    /// Sum of all entries.
    fn sum<const D: usize>(a: Self::T<D>) -> Self::T<1>;

    /// Sum over the rows of a matrix: [m, n] -> [n].
    fn sum_rows(a: Self::T<2>) -> Self::T<1>;

    /// Sum along `axis`, whose size becomes 1.
    fn sum_dim<const D: usize>(a: Self::T<D>, axis: usize) -> Self::T<D>;

    /// Mean along `axis`, whose size becomes 1.
    fn mean_dim<const D: usize>(a: Self::T<D>, axis: usize) -> Self::T<D>;

    /// e^a_i / sum_j e^a_j along the last axis.
    fn softmax<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// a_i - log sum_j e^a_j along the last axis.
    fn log_softmax<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// scale (x - mean) / sqrt(biased variance + epsilon) + shift (Ba, Kiros & Hinton 2016), mean and variance along the last
    /// axis: [.., d], affine = [scale, shift] of [d] each -> [.., d]. PyTorch's default epsilon is 1e-5.
    fn layer_norm<const D: usize>(x: Self::T<D>, affine: [Self::T<1>; 2], epsilon: f64) -> Self::T<D>;

    /// Cross-correlation of images with kernels, as deep learning calls a convolution:
    /// [n, in, h, w], [out, in / groups, kh, kw] -> [n, out, h', w'].
    fn conv2d(images: Self::T<4>, kernels: Self::T<4>, window: Conv2dOptions) -> Self::T<4>;

    /// The maximum over windows of `size` x `size` pixels: [n, c, h, w] -> [n, c, h', w'].
    fn max_pool2d(images: Self::T<4>, size: usize, window: Conv2dOptions) -> Self::T<4>;

    /// The mean over all pixels: [n, c, h, w] -> [n, c].
    fn mean_pixels(images: Self::T<4>) -> Self::T<2>;

    /// Batch normalisation by buffers = [running mean, running variance], channel by channel, as PyTorch's `eval` mode has it:
    /// scale (x - mean) / sqrt(variance + epsilon) + shift, affine = [scale, shift], all of [c].
    fn batch_norm_eval(
        images: Self::T<4>,
        affine: [Self::T<1>; 2],
        buffers: [Tensor<1>; 2],
        epsilon: f64,
    ) -> Self::T<4>;

    /// Batch normalisation by the batch's own statistics (Ioffe & Szegedy 2015), channel by channel:
    /// scale (x - mean) / sqrt(biased variance + epsilon) + shift. Mean and variance depend on x and are differentiated through.
    fn batch_norm(images: Self::T<4>, affine: [Self::T<1>; 2], epsilon: f64) -> (Self::T<4>, BatchStats);

    /// x W' + b: [n, in], [out, in], [out] -> [n, out]. Of the operations above, where there is no faster way.
    fn linear(x: Self::T<2>, weight: Self::T<2>, bias: Self::T<1>) -> Self::T<2> {
        Self::add(Self::matmul(x, Self::transpose(weight)), last_axis::<Self, 2>(bias))
    }

    /// From each row of `a` [examples, classes] the entry at that row's label: [examples, 1] -> [examples, 1].
    fn gather(a: Self::T<2>, labels: Tensor<2, Int>) -> Self::T<2>;

    /// Mean negative log-likelihood of the labels: logits [examples, classes], labels [examples, 1] -> one number. Of the
    /// operations above, where there is no faster way.
    fn cross_entropy(logits: Self::T<2>, labels: Tensor<2, Int>) -> Self::T<1> {
        let [n, _] = labels.dims();
        Self::scale(Self::sum(Self::gather(Self::log_softmax(logits), labels)), -1.0 / n as f64)
    }
}

/// One number an entry of the last axis, to broadcast over all others: [d] -> [1, .., 1, d].
pub(super) fn last_axis<R: Real + ?Sized, const D: usize>(numbers: R::T<1>) -> R::T<D> {
    let [d] = R::dims(&numbers);
    R::reshape(numbers, std::array::from_fn(|axis| if axis + 1 == D { d } else { 1 }))
}
