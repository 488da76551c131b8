//! The algebra that models are written in: the operations on tensors of numbers, whatever a number is.
//! [`Primal`] numbers are tensors; [`Forward`](super::Forward) numbers carry a directional derivative along.

use burn::tensor::{
    DType, Int, Tensor, activation,
    module::{batch_norm_train, conv2d, max_pool2d, max_pool2d_with_indices},
    ops::{ConvOptions, MaxPoolOptions},
};

use super::dual::PrimalOps;

/// How a convolution or a pooling window moves over an image, alike in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dOptions {
    /// Pixels from one place to the next.
    pub stride: usize,
    /// Pixels added on each side: zeros for a convolution, nothing for a maximum.
    pub padding: usize,
    /// Groups of channels that do not see each other; 1 for a pooling window.
    pub groups: usize,
}

/// Mean and variance of each channel over a batch's examples and pixels, [channels], without history.
#[derive(Debug, Clone)]
pub struct BatchStats {
    /// The mean.
    pub mean: Tensor<1>,
    /// The unbiased variance, sum of squares over n - 1, which is what PyTorch keeps (it normalises by the biased one).
    pub variance: Tensor<1>,
}

impl BatchStats {
    /// From the biased variance over `count` numbers a channel.
    pub(super) fn unbiased(mean: Tensor<1>, biased: Tensor<1>, count: usize) -> Self {
        Self { mean, variance: biased * (count as f64 / count.saturating_sub(1).max(1) as f64) }
    }
}

/// The operations that a model may use. Every implementation computes the same values;
/// they differ in what else they keep track of. Shapes follow burn's rules, broadcasting included.
pub trait Real {
    /// A tensor of `D` dimensions.
    type T<const D: usize>: Clone;

    /// Data that does not depend on w.
    fn constant<const D: usize>(x: Tensor<D>) -> Self::T<D>;

    /// The values alone, without history.
    fn value<const D: usize>(x: &Self::T<D>) -> Tensor<D>;

    /// The precision.
    fn dtype<const D: usize>(x: &Self::T<D>) -> DType;

    /// The shape.
    fn dims<const D: usize>(x: &Self::T<D>) -> [usize; D];

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

    /// min(max(a, 0), 6), elementwise.
    fn relu6<const D: usize>(a: Self::T<D>) -> Self::T<D>;

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
    fn concat_columns(columns: Vec<Self::T<2>>) -> Self::T<2>;

    /// Sum of all entries.
    fn sum<const D: usize>(a: Self::T<D>) -> Self::T<1>;

    /// Sum over the rows of a matrix: [m, n] -> [n].
    fn sum_rows(a: Self::T<2>) -> Self::T<1>;

    /// Cross-correlation of images with kernels, as deep learning calls a convolution:
    /// [n, in, h, w], [out, in / groups, kh, kw] -> [n, out, h', w'].
    fn conv2d(images: Self::T<4>, kernels: Self::T<4>, window: Conv2dOptions) -> Self::T<4>;

    /// The maximum over windows of `size` x `size` pixels: [n, c, h, w] -> [n, c, h', w'].
    fn max_pool2d(images: Self::T<4>, size: usize, window: Conv2dOptions) -> Self::T<4>;

    /// The mean over all pixels: [n, c, h, w] -> [n, c].
    fn mean_pixels(images: Self::T<4>) -> Self::T<2>;

    /// Batch normalisation by given moments, mean and variance: scale (x - mean) / sqrt(variance + epsilon) + shift, channel by channel.
    fn batch_norm_eval(
        images: Self::T<4>,
        affine: [Self::T<1>; 2],
        moments: [Tensor<1>; 2],
        epsilon: f64,
    ) -> Self::T<4>;

    /// Batch normalisation by the batch's own moments (Ioffe & Szegedy 2015):
    /// scale (x - mean) / sqrt(biased variance + epsilon) + shift, channel by channel. The moments depend on x and are differentiated through.
    fn batch_norm(images: Self::T<4>, affine: [Self::T<1>; 2], epsilon: f64) -> (Self::T<4>, BatchStats);

    /// x W' + b: [n, in], [out, in], [out] -> [n, out]. Of the operations above, where there is no faster way.
    fn linear(x: Self::T<2>, weight: Self::T<2>, bias: Self::T<1>) -> Self::T<2> {
        let [out] = Self::dims(&bias);
        Self::add(Self::matmul(x, Self::transpose(weight)), Self::reshape(bias, [1, out]))
    }

    /// Log-softmax along the rows of a matrix [examples, classes].
    fn log_softmax(a: Self::T<2>) -> Self::T<2>;

    /// From each row of `a` [examples, classes] the entry at that row's label: [examples, 1] -> [examples, 1].
    fn gather(a: Self::T<2>, labels: Tensor<2, Int>) -> Self::T<2>;

    /// Mean negative log-likelihood of the labels: logits [examples, classes], labels [examples, 1] -> one number. Of the
    /// operations above, where there is no faster way.
    fn cross_entropy(logits: Self::T<2>, labels: Tensor<2, Int>) -> Self::T<1> {
        let [n, _] = labels.dims();
        Self::scale(Self::sum(Self::gather(Self::log_softmax(logits), labels)), -1.0 / n as f64)
    }
}

/// A pooling window in burn's words.
fn pooling(size: usize, Conv2dOptions { stride, padding, .. }: Conv2dOptions) -> MaxPoolOptions<2> {
    MaxPoolOptions::new([size; 2]).with_stride([stride; 2]).with_padding([padding; 2])
}

/// Primal numbers: a tensor is a tensor. Reverse mode over it gives gradients.
#[derive(Debug, Clone, Copy)]
pub struct Primal;

impl Real for Primal {
    type T<const D: usize> = Tensor<D>;

    fn constant<const D: usize>(x: Tensor<D>) -> Tensor<D> {
        x
    }

    fn value<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
        x.clone().without_autodiff()
    }

    fn dtype<const D: usize>(x: &Tensor<D>) -> DType {
        x.dtype()
    }

    fn dims<const D: usize>(x: &Tensor<D>) -> [usize; D] {
        x.dims()
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

    fn relu6<const D: usize>(a: Tensor<D>) -> Tensor<D> {
        a.clamp(0.0, 6.0)
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

    fn concat_columns(columns: Vec<Tensor<2>>) -> Tensor<2> {
        Tensor::cat(columns, 1)
    }

    fn sum<const D: usize>(a: Tensor<D>) -> Tensor<1> {
        a.sum()
    }

    fn sum_rows(a: Tensor<2>) -> Tensor<1> {
        let [_, columns] = a.dims();
        a.sum_dim(0).reshape([columns])
    }

    fn conv2d(images: Tensor<4>, kernels: Tensor<4>, window: Conv2dOptions) -> Tensor<4> {
        let Conv2dOptions { stride, padding, groups } = window;
        conv2d(images, kernels, None, ConvOptions::new([stride; 2], [padding; 2], [1; 2], groups))
    }

    fn max_pool2d(images: Tensor<4>, size: usize, window: Conv2dOptions) -> Tensor<4> {
        max_pool2d(images, pooling(size, window))
    }

    fn mean_pixels(images: Tensor<4>) -> Tensor<2> {
        let [n, channels, height, width] = images.dims();
        images.reshape([n, channels, height * width]).mean_dim(2).reshape([n, channels])
    }

    fn batch_norm_eval(
        images: Tensor<4>,
        [scale, shift]: [Tensor<1>; 2],
        [mean, variance]: [Tensor<1>; 2],
        epsilon: f64,
    ) -> Tensor<4> {
        let scale = scale * (variance + epsilon).sqrt().recip();
        let shift = shift - scale.clone() * mean;
        images * scale.reshape([1, -1, 1, 1]) + shift.reshape([1, -1, 1, 1])
    }

    fn batch_norm(images: Tensor<4>, [scale, shift]: [Tensor<1>; 2], epsilon: f64) -> (Tensor<4>, BatchStats) {
        let [n, _, height, width] = images.dims();
        let found = batch_norm_train(images, scale, shift, epsilon);
        let [mean, variance] = [found.mean, found.variance].map(Tensor::without_autodiff);
        (found.output, BatchStats::unbiased(mean, variance, n * height * width))
    }

    fn log_softmax(a: Tensor<2>) -> Tensor<2> {
        activation::log_softmax(a, 1)
    }

    fn gather(a: Tensor<2>, labels: Tensor<2, Int>) -> Tensor<2> {
        a.gather(1, labels)
    }
}

impl PrimalOps for Primal {
    /// [n, c, h' w'], by index into h w.
    type ArgMax = Tensor<3, Int>;

    fn expand<const D: usize>(a: Tensor<D>, shape: [usize; D]) -> Tensor<D> {
        a.expand(shape)
    }

    fn zeros_like<const D: usize>(a: &Tensor<D>) -> Tensor<D> {
        a.zeros_like()
    }

    fn mask_outside<const D: usize>(a: Tensor<D>, by: &Tensor<D>, [low, high]: [f64; 2]) -> Tensor<D> {
        let by = Self::value(by);
        let below = by.clone().lower_equal_elem(low);
        let closed = if high.is_finite() { below.bool_or(by.greater_equal_elem(high)) } else { below };
        a.mask_fill(closed, 0.0)
    }

    fn exp<const D: usize>(a: Tensor<D>) -> Tensor<D> {
        a.exp()
    }

    fn inverse_root<const D: usize>(a: Tensor<D>, epsilon: f64) -> Tensor<D> {
        (a + epsilon).sqrt().recip()
    }

    fn sum_columns(a: Tensor<2>) -> Tensor<2> {
        a.sum_dim(1)
    }

    fn channel_means(images: Tensor<4>) -> Tensor<4> {
        images.mean_dim(0).mean_dim(2).mean_dim(3)
    }

    fn max_places(images: Tensor<4>, size: usize, window: Conv2dOptions) -> (Tensor<4>, Tensor<3, Int>) {
        let (found, places) = max_pool2d_with_indices(images, pooling(size, window));
        let [n, channels, height, width] = places.dims();
        (found, places.reshape([n, channels, height * width]))
    }

    fn at_places(images: Tensor<4>, places: Tensor<3, Int>, shape: [usize; 4]) -> Tensor<4> {
        let [n, channels, height, width] = images.dims();
        images.reshape([n, channels, height * width]).gather(2, places).reshape(shape)
    }
}
