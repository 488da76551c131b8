//! Primal numbers, which are burn's tensors: the values of every operation, differentiated by burn's reverse mode.
//! `PrimalOps` are the operations that dual numbers need of their values in addition to those of a model.

use burn::tensor::{
    Bool, DType, IndexingUpdateOp, Int, Tensor, activation,
    module::{batch_norm_train, conv2d, max_pool2d, max_pool2d_with_indices},
    ops::{ConvOptions, MaxPoolOptions},
};

use super::{
    Real,
    real::{BatchStats, Conv2dOptions, last_axis},
};

/// The operations that the rules of dual numbers need of values and tangents, in addition to those of [`Real`].
pub trait PrimalOps: Real {
    /// The index of each maximum among the pixels of its image.
    type ArgMax;

    /// Zeros of the same shape.
    fn zeros_like<const D: usize>(a: &Self::T<D>) -> Self::T<D>;

    /// `a` where low < `by` < high, elsewhere 0. The choice is locally constant, so reverse mode does not see `by`.
    fn mask_outside<const D: usize>(a: Self::T<D>, by: &Self::T<D>, range: [f64; 2]) -> Self::T<D>;

    /// 1 / sqrt(a + epsilon), elementwise.
    fn rsqrt<const D: usize>(a: Self::T<D>, epsilon: f64) -> Self::T<D>;

    /// Phi(a) = (1 + erf(a / sqrt 2)) / 2, elementwise: the standard normal distribution function.
    fn normal_cdf<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// The mean over examples and pixels: [n, c, h, w] -> [1, c, 1, 1].
    fn channel_means(images: Self::T<4>) -> Self::T<4>;

    /// [`Real::max_pool2d`] with the index of each maximum.
    fn max_pool2d_with_indices(images: Self::T<4>, size: usize, window: Conv2dOptions) -> (Self::T<4>, Self::ArgMax);

    /// The pixels at those indices of other images of the same shape: [n, c, h, w] -> `shape`.
    fn select_pixels(images: Self::T<4>, indices: Self::ArgMax, shape: [usize; 4]) -> Self::T<4>;
}

/// burn's options of a pooling window.
fn pooling(size: usize, Conv2dOptions { stride, padding, .. }: Conv2dOptions) -> MaxPoolOptions<2> {
    MaxPoolOptions::new([size; 2]).with_stride([stride; 2]).with_padding([padding; 2])
}

/// Numbers without tangents: a tensor is a tensor. Reverse mode over it gives gradients.
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

    fn div<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
        a / b
    }

    fn scale<const D: usize>(a: Tensor<D>, factor: f64) -> Tensor<D> {
        a * factor
    }

    fn add_scalar<const D: usize>(a: Tensor<D>, offset: f64) -> Tensor<D> {
        a + offset
    }

    fn square<const D: usize>(a: Tensor<D>) -> Tensor<D> {
        a.clone() * a
    }

    fn sqrt<const D: usize>(a: Tensor<D>) -> Tensor<D> {
        a.sqrt()
    }

    fn exp<const D: usize>(a: Tensor<D>) -> Tensor<D> {
        a.exp()
    }

    fn log<const D: usize>(a: Tensor<D>) -> Tensor<D> {
        a.log()
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

    fn sigmoid<const D: usize>(a: Tensor<D>) -> Tensor<D> {
        activation::sigmoid(a)
    }

    /// By erf: the gradient of `activation::gelu` is, on backends without a kernel of their own, that of a tanh
    /// approximation with six digits.
    fn gelu<const D: usize>(a: Tensor<D>) -> Tensor<D> {
        a.clone() * Self::normal_cdf(a)
    }

    fn matmul<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
        a.matmul(b)
    }

    fn transpose<const D: usize>(a: Tensor<D>) -> Tensor<D> {
        a.transpose()
    }

    fn reshape<const D: usize, const E: usize>(a: Tensor<D>, shape: [usize; E]) -> Tensor<E> {
        a.reshape(shape)
    }

    fn permute<const D: usize>(a: Tensor<D>, axes: [usize; D]) -> Tensor<D> {
        a.permute(axes)
    }

    fn expand<const D: usize>(a: Tensor<D>, shape: [usize; D]) -> Tensor<D> {
        a.expand(shape)
    }

    fn concat<const D: usize>(pieces: Vec<Tensor<D>>, axis: usize) -> Tensor<D> {
        Tensor::cat(pieces, axis)
    }

    fn select<const D: usize>(a: Tensor<D>, indices: Tensor<1, Int>) -> Tensor<D> {
        a.select(0, indices)
    }

    fn segment_sum(rows: Tensor<2>, segments: Tensor<1, Int>, count: usize) -> Tensor<2> {
        let [_, columns] = rows.dims();
        let zeros = Tensor::zeros([count, columns], (&rows.device(), rows.dtype()));
        zeros.select_assign(0, segments, rows, IndexingUpdateOp::Add)
    }

    fn mask_fill<const D: usize>(a: Tensor<D>, mask: Tensor<D, Bool>, fill: f64) -> Tensor<D> {
        let mask = mask.expand(a.dims());
        a.mask_fill(mask, fill)
    }

    fn sum<const D: usize>(a: Tensor<D>) -> Tensor<1> {
        a.sum()
    }

    fn sum_rows(a: Tensor<2>) -> Tensor<1> {
        let [_, columns] = a.dims();
        a.sum_dim(0).reshape([columns])
    }

    fn sum_dim<const D: usize>(a: Tensor<D>, axis: usize) -> Tensor<D> {
        a.sum_dim(axis)
    }

    fn mean_dim<const D: usize>(a: Tensor<D>, axis: usize) -> Tensor<D> {
        a.mean_dim(axis)
    }

    fn softmax<const D: usize>(a: Tensor<D>) -> Tensor<D> {
        activation::softmax(a, D - 1)
    }

    fn log_softmax<const D: usize>(a: Tensor<D>) -> Tensor<D> {
        activation::log_softmax(a, D - 1)
    }

    fn layer_norm<const D: usize>(x: Tensor<D>, [scale, shift]: [Tensor<1>; 2], epsilon: f64) -> Tensor<D> {
        let centred = x.clone() - x.mean_dim(D - 1);
        let variance = Self::square(centred.clone()).mean_dim(D - 1);
        let z = centred * Self::rsqrt(variance, epsilon);
        z * last_axis::<Self, D>(scale) + last_axis::<Self, D>(shift)
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

    fn gather(a: Tensor<2>, labels: Tensor<2, Int>) -> Tensor<2> {
        a.gather(1, labels)
    }
}

impl PrimalOps for Primal {
    /// [n, c, h' w'], by index into h w.
    type ArgMax = Tensor<3, Int>;

    fn zeros_like<const D: usize>(a: &Tensor<D>) -> Tensor<D> {
        a.zeros_like()
    }

    fn mask_outside<const D: usize>(a: Tensor<D>, by: &Tensor<D>, [low, high]: [f64; 2]) -> Tensor<D> {
        let by = Self::value(by);
        let below = by.clone().lower_equal_elem(low);
        let closed = if high.is_finite() { below.bool_or(by.greater_equal_elem(high)) } else { below };
        a.mask_fill(closed, 0.0)
    }

    fn rsqrt<const D: usize>(a: Tensor<D>, epsilon: f64) -> Tensor<D> {
        (a + epsilon).sqrt().recip()
    }

    fn normal_cdf<const D: usize>(a: Tensor<D>) -> Tensor<D> {
        ((a * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5
    }

    fn channel_means(images: Tensor<4>) -> Tensor<4> {
        images.mean_dim(0).mean_dim(2).mean_dim(3)
    }

    fn max_pool2d_with_indices(images: Tensor<4>, size: usize, window: Conv2dOptions) -> (Tensor<4>, Tensor<3, Int>) {
        let (found, indices) = max_pool2d_with_indices(images, pooling(size, window));
        let [n, channels, height, width] = indices.dims();
        (found, indices.reshape([n, channels, height * width]))
    }

    fn select_pixels(images: Tensor<4>, indices: Tensor<3, Int>, shape: [usize; 4]) -> Tensor<4> {
        let [n, channels, height, width] = images.dims();
        images.reshape([n, channels, height * width]).gather(2, indices).reshape(shape)
    }
}
