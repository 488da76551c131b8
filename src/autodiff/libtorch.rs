//! LibTorch's tensors: the same operations by its own kernels, differentiated by its own reverse mode, in any order.
//! `exchange` converts burn's tensors to LibTorch's handles and back, `native` is the objective made of them.

mod exchange;
mod native;

use burn::tensor::{Bool, DType, Int, Tensor};

use super::{
    PrimalOps, Real,
    real::{BatchStats, Conv2dOptions},
};
use exchange::{from_burn, handle, to_burn};

pub(super) use exchange::{indices_on, is_libtorch, numbers_on};
pub use native::Native;

/// The algebra of LibTorch's tensors.
#[derive(Debug, Clone, Copy)]
pub struct LibTorch;

/// A tensor of LibTorch with `D` axes, recorded by its autograd.
#[derive(Debug)]
pub struct Tracked<const D: usize>(tch::Tensor);

impl<const D: usize> Clone for Tracked<D> {
    /// Another handle on the same numbers.
    fn clone(&self) -> Self {
        Self(self.0.shallow_clone())
    }
}

/// The label of an example that LibTorch leaves out; there are none.
const NO_LABEL: i64 = -100;

/// The row of an embedding that LibTorch gives no gradient; there is none.
const NO_PADDING: i64 = -1;

/// LibTorch counts in i64.
fn sizes<const D: usize>(dims: [usize; D]) -> [i64; D] {
    dims.map(size)
}

fn size(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Real for LibTorch {
    type T<const D: usize> = Tracked<D>;

    fn constant<const D: usize>(x: Tensor<D>) -> Tracked<D> {
        Tracked(from_burn(x))
    }

    fn value<const D: usize>(x: &Tracked<D>) -> Tensor<D> {
        to_burn(&x.0)
    }

    fn dims<const D: usize>(x: &Tracked<D>) -> [usize; D] {
        let found = x.0.size();
        std::array::from_fn(|axis| found.get(axis).map_or(1, |&size| usize::try_from(size).unwrap_or(0)))
    }

    fn dtype<const D: usize>(x: &Tracked<D>) -> DType {
        if x.0.kind() == tch::Kind::Double { DType::F64 } else { DType::F32 }
    }

    fn add<const D: usize>(a: Tracked<D>, b: Tracked<D>) -> Tracked<D> {
        Tracked(a.0 + b.0)
    }

    fn sub<const D: usize>(a: Tracked<D>, b: Tracked<D>) -> Tracked<D> {
        Tracked(a.0 - b.0)
    }

    fn mul<const D: usize>(a: Tracked<D>, b: Tracked<D>) -> Tracked<D> {
        Tracked(a.0 * b.0)
    }

    fn div<const D: usize>(a: Tracked<D>, b: Tracked<D>) -> Tracked<D> {
        Tracked(a.0 / b.0)
    }

    fn scale<const D: usize>(a: Tracked<D>, factor: f64) -> Tracked<D> {
        Tracked(a.0 * factor)
    }

    fn add_scalar<const D: usize>(a: Tracked<D>, offset: f64) -> Tracked<D> {
        Tracked(a.0 + offset)
    }

    fn square<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(a.0.square())
    }

    fn sqrt<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(a.0.sqrt())
    }

    fn exp<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(a.0.exp())
    }

    fn log<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(a.0.log())
    }

    fn relu<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(a.0.relu())
    }

    fn relu6<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(a.0.relu6())
    }

    fn tanh<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(a.0.tanh())
    }

    fn sigmoid<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(a.0.sigmoid())
    }

    fn silu<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(a.0.silu())
    }

    fn gelu<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(a.0.gelu("none"))
    }

    fn gelu_tanh<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(a.0.gelu("tanh"))
    }

    fn matmul<const D: usize>(a: Tracked<D>, b: Tracked<D>) -> Tracked<D> {
        Tracked(if D == 2 { a.0.mm(&b.0) } else { a.0.matmul(&b.0) })
    }

    fn transpose<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(if D == 2 { a.0.tr() } else { a.0.transpose(-2, -1) })
    }

    fn reshape<const D: usize, const E: usize>(a: Tracked<D>, shape: [usize; E]) -> Tracked<E> {
        Tracked(a.0.reshape(sizes(shape)))
    }

    fn permute<const D: usize>(a: Tracked<D>, axes: [usize; D]) -> Tracked<D> {
        Tracked(a.0.permute(sizes(axes)))
    }

    fn expand<const D: usize>(a: Tracked<D>, shape: [usize; D]) -> Tracked<D> {
        Tracked(a.0.expand(sizes(shape), false))
    }

    fn concat<const D: usize>(pieces: Vec<Tracked<D>>, axis: usize) -> Tracked<D> {
        let pieces: Vec<tch::Tensor> = pieces.into_iter().map(|piece| piece.0).collect();
        Tracked(tch::Tensor::cat(&pieces, size(axis)))
    }

    /// Rows of a matrix as an embedding, whose gradient sums in a fixed order on GPUs too.
    fn select<const D: usize>(a: Tracked<D>, indices: Tensor<1, Int>) -> Tracked<D> {
        let indices = handle(indices.into_dispatch());
        Tracked(if D == 2 {
            tch::Tensor::embedding(&a.0, &indices, NO_PADDING, false, false)
        } else {
            a.0.index_select(0, &indices)
        })
    }

    /// The gradient of an embedding, which sums in a fixed order on GPUs too.
    fn segment_sum(rows: Tracked<2>, segments: Tensor<1, Int>, count: usize) -> Tracked<2> {
        let segments = handle(segments.into_dispatch());
        Tracked(tch::Tensor::embedding_dense_backward(&rows.0, &segments, size(count), NO_PADDING, false))
    }

    fn mask_fill<const D: usize>(a: Tracked<D>, mask: Tensor<D, Bool>, fill: f64) -> Tracked<D> {
        Tracked(a.0.masked_fill(&handle(mask.into_dispatch()), fill))
    }

    fn sum<const D: usize>(a: Tracked<D>) -> Tracked<1> {
        Tracked(a.0.sum(None).reshape([1]))
    }

    fn sum_rows(a: Tracked<2>) -> Tracked<1> {
        Tracked(a.0.sum_dim_intlist([0].as_slice(), false, None))
    }

    fn sum_dim<const D: usize>(a: Tracked<D>, axis: usize) -> Tracked<D> {
        Tracked(a.0.sum_dim_intlist([size(axis)].as_slice(), true, None))
    }

    fn mean_dim<const D: usize>(a: Tracked<D>, axis: usize) -> Tracked<D> {
        Tracked(a.0.mean_dim([size(axis)].as_slice(), true, None))
    }

    fn softmax<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(a.0.softmax(-1, None))
    }

    fn log_softmax<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(a.0.log_softmax(-1, None))
    }

    fn layer_norm<const D: usize>(x: Tracked<D>, [scale, shift]: [Tracked<1>; 2], epsilon: f64) -> Tracked<D> {
        let features = scale.0.size();
        Tracked(x.0.layer_norm(features.as_slice(), Some(scale.0), Some(shift.0), epsilon, true))
    }

    fn conv2d(images: Tracked<4>, kernels: Tracked<4>, window: Conv2dOptions) -> Tracked<4> {
        let [stride, padding] = [window.stride, window.padding].map(|count| [size(count); 2]);
        Tracked(images.0.conv2d::<tch::Tensor>(&kernels.0, None, stride, padding, [1, 1], size(window.groups)))
    }

    fn max_pool2d(images: Tracked<4>, width: usize, window: Conv2dOptions) -> Tracked<4> {
        let [width, stride, padding] = [width, window.stride, window.padding].map(|count| [size(count); 2]);
        Tracked(images.0.max_pool2d(width, stride, padding, [1, 1], false))
    }

    fn mean_pixels(images: Tracked<4>) -> Tracked<2> {
        Tracked(images.0.mean_dim([2, 3].as_slice(), false, None))
    }

    fn batch_norm_eval(
        images: Tracked<4>,
        affine: [Tracked<1>; 2],
        buffers: [Tensor<1>; 2],
        epsilon: f64,
    ) -> Tracked<4> {
        let [scale, shift] = affine.map(|parameter| parameter.0);
        let [mean, variance] = buffers.map(from_burn);
        Tracked(images.0.batch_norm(Some(scale), Some(shift), Some(mean), Some(variance), false, 0.0, epsilon, true))
    }

    fn batch_norm(images: Tracked<4>, affine: [Tracked<1>; 2], epsilon: f64) -> (Tracked<4>, BatchStats) {
        let [scale, shift] = affine.map(|parameter| parameter.0);
        // Running statistics with all their weight on this batch are the batch's own.
        let [mean, variance] = [(); 2].map(|()| shift.detach().zeros_like());
        let [running_mean, running_variance] = [&mean, &variance].map(tch::Tensor::shallow_clone);
        let output = images.0.batch_norm(
            Some(scale),
            Some(shift),
            Some(running_mean),
            Some(running_variance),
            true,
            1.0,
            epsilon,
            true,
        );
        (Tracked(output), BatchStats { mean: to_burn(&mean), variance: to_burn(&variance) })
    }

    fn linear(x: Tracked<2>, weight: Tracked<2>, bias: Tracked<1>) -> Tracked<2> {
        Tracked(x.0.linear(&weight.0, Some(bias.0)))
    }

    fn gather(a: Tracked<2>, labels: Tensor<2, Int>) -> Tracked<2> {
        Tracked(a.0.gather(1, &handle(labels.into_dispatch()), false))
    }

    fn cross_entropy(logits: Tracked<2>, labels: Tensor<2, Int>) -> Tracked<1> {
        let labels = handle(labels.into_dispatch()).squeeze_dim(1);
        let loss = logits.0.cross_entropy_loss::<tch::Tensor>(&labels, None, tch::Reduction::Mean, NO_LABEL, 0.0);
        Tracked(loss.reshape([1]))
    }
}

impl PrimalOps for LibTorch {
    /// [n, c, h' w'], by index into h w.
    type ArgMax = tch::Tensor;

    fn zeros_like<const D: usize>(a: &Tracked<D>) -> Tracked<D> {
        Tracked(a.0.zeros_like())
    }

    fn mask_outside<const D: usize>(a: Tracked<D>, by: &Tracked<D>, [low, high]: [f64; 2]) -> Tracked<D> {
        let by = by.0.detach();
        let below = by.le(low);
        let closed = if high.is_finite() { below.logical_or(&by.ge(high)) } else { below };
        Tracked(a.0.masked_fill(&closed, 0.0))
    }

    fn rsqrt<const D: usize>(a: Tracked<D>, epsilon: f64) -> Tracked<D> {
        Tracked((a.0 + epsilon).rsqrt())
    }

    fn normal_cdf<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(((a.0 * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5)
    }

    fn channel_means(images: Tracked<4>) -> Tracked<4> {
        Tracked(images.0.mean_dim([0, 2, 3].as_slice(), true, None))
    }

    fn max_pool2d_with_indices(images: Tracked<4>, width: usize, window: Conv2dOptions) -> (Tracked<4>, tch::Tensor) {
        let [width, stride, padding] = [width, window.stride, window.padding].map(|count| [size(count); 2]);
        let (found, indices) = images.0.max_pool2d_with_indices(width, stride, padding, [1, 1], false);
        (Tracked(found), indices.flatten(2, 3))
    }

    fn select_pixels(images: Tracked<4>, indices: tch::Tensor, shape: [usize; 4]) -> Tracked<4> {
        Tracked(images.0.flatten(2, 3).gather(2, &indices, false).reshape(sizes(shape)))
    }
}
