//! Numbers of LibTorch, which carries its own reverse mode: the same operations by its own kernels, differentiated as often as asked.
//! The only file that looks beneath burn's tensors, and it only takes a tensor out of burn's hands and gives it back.
#![expect(deprecated, reason = "burn calls burn-tch deprecated; nothing of it is as fast on convolutions of a CPU")]

use burn::tensor::{DType, Device, Int, Tensor};
use burn_dispatch::{BackendTensor, DispatchAutodiffContext, DispatchDevice, DispatchTensor, DispatchTensorKind};
use burn_tch::TchTensor;

use super::{
    Base, Dual, Evaluation, Forward, Layout, Loss, Model, Objective, Parameters, Product, Real, Scalar, Vector,
    objective::Differentiable,
    real::{Moments, Window},
};

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

/// Whether a device is LibTorch's, and not under burn's own autodiff.
pub(super) fn is_libtorch(device: &Device) -> bool {
    matches!(device.as_dispatch(), DispatchDevice::LibTorch(_))
}

/// A handle on the numbers of a burn tensor.
fn handle(tensor: DispatchTensor) -> tch::Tensor {
    match tensor.kind {
        DispatchTensorKind::LibTorch(BackendTensor::Float(found) | BackendTensor::Int(found)) => found.tensor,
        other => unreachable!("a tensor on LibTorch is asked for, this is {other:?}"),
    }
}

fn from_burn<const D: usize>(x: Tensor<D>) -> tch::Tensor {
    handle(x.into_dispatch())
}

/// The numbers for burn, without history.
fn to_burn<const D: usize>(x: &tch::Tensor) -> Tensor<D> {
    Tensor::from_dispatch(DispatchTensor {
        kind: DispatchTensorKind::LibTorch(BackendTensor::Float(TchTensor::new(x.detach()))),
        autodiff: DispatchAutodiffContext::Disabled,
    })
}

/// Numbers of the host on a device of LibTorch. burn waits there until the device has done all that it was asked before; this
/// does not: the driver takes a copy, and the device gets it in its turn.
fn sent(host: &tch::Tensor, device: &Device) -> tch::Tensor {
    match device.as_dispatch() {
        DispatchDevice::LibTorch(device) => host.to_device_((*device).into(), host.kind(), true, false),
        other => unreachable!("a device of LibTorch is asked for, this is {other:?}"),
    }
}

/// See [`super::indices_on`].
pub(super) fn indices_on(indices: &[i64], device: &Device) -> Tensor<1, Int> {
    let tensor = TchTensor::new(sent(&tch::Tensor::from_slice(indices), device));
    Tensor::from_dispatch(DispatchTensor {
        kind: DispatchTensorKind::LibTorch(BackendTensor::Int(tensor)),
        autodiff: DispatchAutodiffContext::Disabled,
    })
}

/// See [`super::numbers_on`].
pub(super) fn numbers_on<const D: usize>(numbers: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    to_burn(&sent(&tch::Tensor::from_slice(numbers).reshape(sizes(shape)), device))
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

    fn beside(columns: Vec<Tracked<2>>) -> Tracked<2> {
        let columns: Vec<tch::Tensor> = columns.into_iter().map(|column| column.0).collect();
        Tracked(tch::Tensor::cat(&columns, 1))
    }

    fn sum<const D: usize>(a: Tracked<D>) -> Tracked<1> {
        Tracked(a.0.sum(None).reshape([1]))
    }

    fn sum_rows(a: Tracked<2>) -> Tracked<1> {
        Tracked(a.0.sum_dim_intlist([0].as_slice(), false, None))
    }

    fn conv2d(images: Tracked<4>, kernels: Tracked<4>, window: Window) -> Tracked<4> {
        let [stride, padding] = [window.stride, window.padding].map(|count| [size(count); 2]);
        Tracked(images.0.conv2d::<tch::Tensor>(&kernels.0, None, stride, padding, [1, 1], size(window.groups)))
    }

    fn max_pool2d(images: Tracked<4>, width: usize, window: Window) -> Tracked<4> {
        let [width, stride, padding] = [width, window.stride, window.padding].map(|count| [size(count); 2]);
        Tracked(images.0.max_pool2d(width, stride, padding, [1, 1], false))
    }

    fn mean_pixels(images: Tracked<4>) -> Tracked<2> {
        Tracked(images.0.mean_dim([2, 3].as_slice(), false, None))
    }

    fn normalise(images: Tracked<4>, affine: [Tracked<1>; 2], moments: [Tensor<1>; 2], epsilon: f64) -> Tracked<4> {
        let [scale, shift] = affine.map(|parameter| parameter.0);
        let [mean, variance] = moments.map(from_burn);
        Tracked(images.0.batch_norm(Some(scale), Some(shift), Some(mean), Some(variance), false, 0.0, epsilon, true))
    }

    fn batch_norm(images: Tracked<4>, affine: [Tracked<1>; 2], epsilon: f64) -> (Tracked<4>, Moments) {
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
        (Tracked(output), Moments { mean: to_burn(&mean), variance: to_burn(&variance) })
    }

    fn linear(x: Tracked<2>, weight: Tracked<2>, bias: Tracked<1>) -> Tracked<2> {
        Tracked(x.0.linear(&weight.0, Some(bias.0)))
    }

    fn log_softmax(a: Tracked<2>) -> Tracked<2> {
        Tracked(a.0.log_softmax(-1, None))
    }

    fn pick(a: Tracked<2>, labels: Tensor<2, Int>) -> Tracked<2> {
        Tracked(a.0.gather(1, &handle(labels.into_dispatch()), false))
    }

    fn cross_entropy(logits: Tracked<2>, labels: Tensor<2, Int>) -> Tracked<1> {
        let labels = handle(labels.into_dispatch()).squeeze_dim(1);
        let loss = logits.0.cross_entropy_loss::<tch::Tensor>(&labels, None, tch::Reduction::Mean, NO_LABEL, 0.0);
        Tracked(loss.reshape([1]))
    }
}

impl Base for LibTorch {
    /// [n, c, h' w'], by index into h w.
    type Places = tch::Tensor;

    fn expand<const D: usize>(a: Tracked<D>, shape: [usize; D]) -> Tracked<D> {
        Tracked(a.0.expand(sizes(shape), false))
    }

    fn zeros_like<const D: usize>(a: &Tracked<D>) -> Tracked<D> {
        Tracked(a.0.zeros_like())
    }

    fn gate<const D: usize>(a: Tracked<D>, by: &Tracked<D>, [low, high]: [f64; 2]) -> Tracked<D> {
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

    fn max_places(images: Tracked<4>, width: usize, window: Window) -> (Tracked<4>, tch::Tensor) {
        let [width, stride, padding] = [width, window.stride, window.padding].map(|count| [size(count); 2]);
        let (found, places) = images.0.max_pool2d_with_indices(width, stride, padding, [1, 1], false);
        (Tracked(found), places.flatten(2, 3))
    }

    fn at_places(images: Tracked<4>, places: tch::Tensor, shape: [usize; 4]) -> Tracked<4> {
        Tracked(images.0.flatten(2, 3).gather(2, &places, false).reshape(sizes(shape)))
    }
}

/// The objective of a model on one batch, by LibTorch's own reverse mode.
pub struct Native<'a, M: Model> {
    /// What burn would make of it, where LibTorch refuses.
    burn: Differentiable<'a, M>,
}

/// A loss with what it was computed from.
struct Recorded {
    loss: tch::Tensor,
    statistics: Option<Vector>,
    leaves: Vec<tch::Tensor>,
}

impl<'a, M: Model> Native<'a, M> {
    /// `model` on `batch`, both on a device of LibTorch.
    pub fn new(model: &'a M, batch: M::Batch) -> Self {
        Self { burn: Differentiable::new(model, batch) }
    }

    fn layout(&self) -> &Layout {
        self.burn.model.layout()
    }

    fn leaves(&self, w: &Vector) -> Vec<tch::Tensor> {
        let leaf = |piece| from_burn(piece).detach().set_requires_grad(true);
        self.layout().cut(w).into_iter().map(leaf).collect()
    }

    fn forward(&self, w: &Vector) -> Recorded {
        let leaves = self.leaves(w);
        let numbers = leaves.iter().map(|leaf| Tracked(leaf.shallow_clone())).collect();
        let parameters = Parameters::<LibTorch>::new(self.layout(), numbers);
        let Loss { value, statistics } = self.burn.model.loss(&parameters, &self.burn.batch);
        Recorded { loss: value.0, statistics, leaves }
    }
}

/// d root / d leaves as one flat vector, `keep` with a graph of its own. The root depends on every leaf: a leaf that it does not
/// depend on is refused.
fn backward(root: &tch::Tensor, leaves: &[tch::Tensor], keep: bool) -> Result<tch::Tensor, tch::TchError> {
    let gradients = tch::Tensor::f_run_backward(&[root], leaves, keep, keep)?;
    if keep { tch::Tensor::f_cat(&gradients, 0) } else { joined(&gradients) }
}

/// Vectors one after another. Copies run on all threads, which a concatenation does not.
fn joined(pieces: &[tch::Tensor]) -> Result<tch::Tensor, tch::TchError> {
    let Some(first) = pieces.first() else { return Ok(tch::Tensor::new()) };
    let lengths: Vec<i64> = pieces.iter().map(|piece| piece.size().iter().product()).collect();
    let whole = first.f_new_empty([lengths.iter().sum::<i64>()], (first.kind(), first.device()))?;
    for (mut place, piece) in whole.f_split_with_sizes(lengths, 0)?.into_iter().zip(pieces) {
        place.f_copy_(piece)?;
    }
    Ok(whole)
}

fn refused(what: &str, error: &tch::TchError) {
    tracing::warn!("LibTorch's autograd refuses {what}, burn's takes over: {error}");
}

impl<M: Model> Objective for Native<'_, M> {
    fn dimension(&self) -> usize {
        self.burn.dimension()
    }

    fn loss(&self, w: &Vector) -> Scalar {
        self.burn.loss(w)
    }

    fn statistics(&self, w: &Vector) -> Option<Vector> {
        self.burn.statistics(w)
    }

    fn gradient(&self, w: &Vector) -> Evaluation {
        let Recorded { loss, statistics, leaves } = self.forward(w);
        match backward(&loss, &leaves, false) {
            Ok(gradient) => Evaluation { loss: to_burn(&loss), gradient: to_burn(&gradient), statistics },
            Err(error) => {
                refused("a gradient", &error);
                self.burn.gradient(w)
            }
        }
    }

    /// By dual numbers over LibTorch's: one forward pass with tangents, one backward (Pearlmutter 1994).
    fn hessian_product(&self, w: &Vector, v: &Vector) -> Vector {
        let leaves = self.leaves(w);
        let duals = leaves.iter().zip(self.layout().cut(v)).map(|(leaf, tangent)| Dual {
            value: Tracked(leaf.shallow_clone()),
            tangent: Some(Tracked(from_burn(tangent))),
        });
        let parameters = Parameters::<Forward<LibTorch>>::new(self.layout(), duals.collect());
        let Some(slope) = self.burn.model.loss(&parameters, &self.burn.batch).value.tangent else {
            return v.zeros_like();
        };
        match backward(&slope.0, &leaves, false) {
            Ok(product) => to_burn(&product),
            Err(error) => {
                refused("a Hessian product", &error);
                self.burn.hessian_product(w, v)
            }
        }
    }

    /// By double backward, grad_w (grad f(w)' v): the graph of grad f(w) is made once and kept, so that a product costs one backward
    /// pass through it, 1.1 gradients on perceptrons. LibTorch takes the double backward of a convolution in groups group by group, which
    /// on MobileNetV2 is slower than dual numbers; they are then taken.
    fn hessian<'a>(&'a self, w: &Vector) -> Product<'a> {
        if self.burn.model.has_groups() {
            let w = w.clone();
            return Box::new(move |v| self.hessian_product(&w, v));
        }
        let Recorded { loss, leaves, .. } = self.forward(w);
        // Whoever holds w's numbers keeps burn from changing them in place.
        let w = w.clone();
        match backward(&loss, &leaves, true) {
            Ok(gradient) => Box::new(move |v| {
                let slope = gradient.dot(&from_burn(v.clone()));
                match tch::Tensor::f_run_backward(&[slope], &leaves, true, false).and_then(|pieces| joined(&pieces)) {
                    Ok(product) => to_burn(&product),
                    Err(error) => {
                        refused("a Hessian product", &error);
                        self.burn.hessian_product(&w, v)
                    }
                }
            }),
            Err(error) => {
                refused("a Hessian", &error);
                self.burn.hessian(&w)
            }
        }
    }
}
