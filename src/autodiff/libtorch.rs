//! Numbers of LibTorch, which carries its own reverse mode: the same operations by its own kernels, differentiated as often as asked.
//! `exchange` is the only file that looks beneath burn's tensors, `native` is the objective made of them.

mod exchange;
mod native;

use burn::tensor::{DType, Int, Tensor};

use super::{
    PrimalOps, Real,
    real::{BatchStats, Conv2dOptions},
};
use exchange::{from_burn, handle, to_burn};

pub(super) use exchange::{indices_on, is_libtorch, numbers_on};
pub use native::Native;

/// LibTorch's numbers.
#[derive(Debug, Clone, Copy)]
pub struct LibTorch;

/// A tensor of `D` dimensions in LibTorch's hands.
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

    fn scale<const D: usize>(a: Tracked<D>, factor: f64) -> Tracked<D> {
        Tracked(a.0 * factor)
    }

    fn square<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(a.0.square())
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

    fn matmul(a: Tracked<2>, b: Tracked<2>) -> Tracked<2> {
        Tracked(a.0.mm(&b.0))
    }

    fn transpose(a: Tracked<2>) -> Tracked<2> {
        Tracked(a.0.tr())
    }

    fn reshape<const D: usize, const E: usize>(a: Tracked<D>, shape: [usize; E]) -> Tracked<E> {
        Tracked(a.0.reshape(sizes(shape)))
    }

    fn select(a: Tracked<1>, indices: Tensor<1, Int>) -> Tracked<1> {
        Tracked(a.0.index_select(0, &handle(indices.into_dispatch())))
    }

    fn concat_columns(columns: Vec<Tracked<2>>) -> Tracked<2> {
        let columns: Vec<tch::Tensor> = columns.into_iter().map(|column| column.0).collect();
        Tracked(tch::Tensor::cat(&columns, 1))
    }

    fn sum<const D: usize>(a: Tracked<D>) -> Tracked<1> {
        Tracked(a.0.sum(None).reshape([1]))
    }

    fn sum_rows(a: Tracked<2>) -> Tracked<1> {
        Tracked(a.0.sum_dim_intlist([0].as_slice(), false, None))
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
        moments: [Tensor<1>; 2],
        epsilon: f64,
    ) -> Tracked<4> {
        let [scale, shift] = affine.map(|parameter| parameter.0);
        let [mean, variance] = moments.map(from_burn);
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

    fn log_softmax(a: Tracked<2>) -> Tracked<2> {
        Tracked(a.0.log_softmax(-1, None))
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

    fn expand<const D: usize>(a: Tracked<D>, shape: [usize; D]) -> Tracked<D> {
        Tracked(a.0.expand(sizes(shape), false))
    }

    fn zeros_like<const D: usize>(a: &Tracked<D>) -> Tracked<D> {
        Tracked(a.0.zeros_like())
    }

    fn mask_outside<const D: usize>(a: Tracked<D>, by: &Tracked<D>, [low, high]: [f64; 2]) -> Tracked<D> {
        let by = by.0.detach();
        let below = by.le(low);
        let closed = if high.is_finite() { below.logical_or(&by.ge(high)) } else { below };
        Tracked(a.0.masked_fill(&closed, 0.0))
    }

    fn exp<const D: usize>(a: Tracked<D>) -> Tracked<D> {
        Tracked(a.0.exp())
    }

    fn inverse_root<const D: usize>(a: Tracked<D>, epsilon: f64) -> Tracked<D> {
        Tracked((a.0 + epsilon).rsqrt())
    }

    fn sum_columns(a: Tracked<2>) -> Tracked<2> {
        Tracked(a.0.sum_dim_intlist([1].as_slice(), true, None))
    }

    fn channel_means(images: Tracked<4>) -> Tracked<4> {
        Tracked(images.0.mean_dim([0, 2, 3].as_slice(), true, None))
    }

    fn max_places(images: Tracked<4>, width: usize, window: Conv2dOptions) -> (Tracked<4>, tch::Tensor) {
        let [width, stride, padding] = [width, window.stride, window.padding].map(|count| [size(count); 2]);
        let (found, places) = images.0.max_pool2d_with_indices(width, stride, padding, [1, 1], false);
        (Tracked(found), places.flatten(2, 3))
    }

    fn at_places(images: Tracked<4>, places: tch::Tensor, shape: [usize; 4]) -> Tracked<4> {
        Tracked(images.0.flatten(2, 3).gather(2, &places, false).reshape(sizes(shape)))
    }
}
