//! Dual numbers w + eps v over tensors: forward mode, where each operation's derivative is stated once.
//! Reverse mode over the tangent of a loss gives the exact Hessian product (Pearlmutter 1994).

mod norm;

use std::marker::PhantomData;

use burn::tensor::{Bool, DType, Int, Tensor};

use super::{
    Primal, PrimalOps, Real,
    real::{BatchStats, Conv2dOptions, last_axis},
};

/// A value and its derivative along the direction that was put in. `None` means that nothing depends on w,
/// so that inputs and whatever is computed from them alone cost nothing.
pub struct Dual<B: Real, const D: usize> {
    /// a, where the dual number is a + eps a'.
    pub value: B::T<D>,
    /// a', of the shape of a.
    pub tangent: Option<B::T<D>>,
}

impl<B: Real, const D: usize> Clone for Dual<B, D> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), tangent: self.tangent.clone() }
    }
}

/// Forward-mode numbers over numbers that have a reverse mode.
#[derive(Debug, Clone, Copy)]
pub struct Forward<B = Primal>(PhantomData<B>);

/// The sum of two optional tangents, spread to the shape of the value that they belong to.
fn sum_of<B: PrimalOps, const D: usize>(value: &B::T<D>, a: Option<B::T<D>>, b: Option<B::T<D>>) -> Option<B::T<D>> {
    let sum = match (a, b) {
        (Some(a), Some(b)) => B::add(a, b),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return None,
    };
    let shape = B::dims(value);
    Some(if B::dims(&sum) == shape { sum } else { B::expand(sum, shape) })
}

/// An operation that is linear in its argument: the tangent goes the way of the value.
fn linear<B: Real, const D: usize, const E: usize>(a: Dual<B, D>, f: impl Fn(B::T<D>) -> B::T<E>) -> Dual<B, E> {
    Dual { value: f(a.value), tangent: a.tangent.map(f) }
}

/// An operation f of each entry: f(a)' = slope a', where the slope is a function of the value that was found.
fn elementwise<B: PrimalOps, const D: usize>(
    value: B::T<D>,
    tangent: Option<B::T<D>>,
    slope: impl FnOnce(B::T<D>) -> B::T<D>,
) -> Dual<B, D> {
    let tangent = tangent.map(|da| B::mul(slope(value.clone()), da));
    Dual { value, tangent }
}

/// An operation that is linear in each of its two arguments: f(a, b)' = f(a', b) + f(a, b').
fn bilinear<B: PrimalOps, const D: usize>(
    a: Dual<B, D>,
    b: Dual<B, D>,
    f: impl Fn(B::T<D>, B::T<D>) -> B::T<D>,
) -> Dual<B, D> {
    let value = f(a.value.clone(), b.value.clone());
    let by_a = a.tangent.map(|da| f(da, b.value));
    let by_b = b.tangent.map(|db| f(a.value, db));
    let tangent = sum_of::<B, D>(&value, by_a, by_b);
    Dual { value, tangent }
}

/// One number a channel, to go with images: [c] -> [1, c, 1, 1].
fn per_channel<B: Real>(numbers: B::T<1>) -> B::T<4> {
    let [channels] = B::dims(&numbers);
    B::reshape(numbers, [1, channels, 1, 1])
}

impl<B: PrimalOps> Real for Forward<B> {
    type T<const D: usize> = Dual<B, D>;

    fn constant<const D: usize>(x: Tensor<D>) -> Dual<B, D> {
        Dual { value: B::constant(x), tangent: None }
    }

    fn value<const D: usize>(x: &Dual<B, D>) -> Tensor<D> {
        B::value(&x.value)
    }

    fn dtype<const D: usize>(x: &Dual<B, D>) -> DType {
        B::dtype(&x.value)
    }

    fn dims<const D: usize>(x: &Dual<B, D>) -> [usize; D] {
        B::dims(&x.value)
    }

    /// (a + b)' = a' + b'.
    fn add<const D: usize>(a: Dual<B, D>, b: Dual<B, D>) -> Dual<B, D> {
        let value = B::add(a.value, b.value);
        let tangent = sum_of::<B, D>(&value, a.tangent, b.tangent);
        Dual { value, tangent }
    }

    /// (a - b)' = a' - b'.
    fn sub<const D: usize>(a: Dual<B, D>, b: Dual<B, D>) -> Dual<B, D> {
        let value = B::sub(a.value, b.value);
        let tangent = sum_of::<B, D>(&value, a.tangent, b.tangent.map(|db| B::scale(db, -1.0)));
        Dual { value, tangent }
    }

    /// (a b)' = a' b + a b'.
    fn mul<const D: usize>(a: Dual<B, D>, b: Dual<B, D>) -> Dual<B, D> {
        bilinear::<B, D>(a, b, B::mul)
    }

    /// (a / b)' = a' / b - (a / b) b' / b.
    fn div<const D: usize>(a: Dual<B, D>, b: Dual<B, D>) -> Dual<B, D> {
        let value = B::div(a.value, b.value.clone());
        let by_a = a.tangent.map(|da| B::div(da, b.value.clone()));
        let by_b = b.tangent.map(|db| B::scale(B::div(B::mul(value.clone(), db), b.value), -1.0));
        let tangent = sum_of::<B, D>(&value, by_a, by_b);
        Dual { value, tangent }
    }

    /// (c a)' = c a'.
    fn scale<const D: usize>(a: Dual<B, D>, factor: f64) -> Dual<B, D> {
        linear::<B, D, D>(a, |t| B::scale(t, factor))
    }

    /// (a + c)' = a'.
    fn add_scalar<const D: usize>(a: Dual<B, D>, offset: f64) -> Dual<B, D> {
        Dual { value: B::add_scalar(a.value, offset), tangent: a.tangent }
    }

    /// (a^2)' = 2 a a'.
    fn square<const D: usize>(a: Dual<B, D>) -> Dual<B, D> {
        Dual { value: B::square(a.value.clone()), tangent: a.tangent.map(|da| B::scale(B::mul(a.value, da), 2.0)) }
    }

    /// sqrt(a)' = a' / (2 sqrt a).
    fn sqrt<const D: usize>(a: Dual<B, D>) -> Dual<B, D> {
        let value = B::sqrt(a.value);
        let tangent = a.tangent.map(|da| B::scale(B::div(da, value.clone()), 0.5));
        Dual { value, tangent }
    }

    /// (e^a)' = e^a a'.
    fn exp<const D: usize>(a: Dual<B, D>) -> Dual<B, D> {
        elementwise::<B, D>(B::exp(a.value), a.tangent, |value| value)
    }

    /// (log a)' = a' / a.
    fn log<const D: usize>(a: Dual<B, D>) -> Dual<B, D> {
        Dual { value: B::log(a.value.clone()), tangent: a.tangent.map(|da| B::div(da, a.value)) }
    }

    /// max(a, 0)' = a' where a > 0, else 0. The mask is locally constant, so reverse mode does not see it.
    fn relu<const D: usize>(a: Dual<B, D>) -> Dual<B, D> {
        let tangent = a.tangent.map(|da| B::mask_outside(da, &a.value, [0.0, f64::INFINITY]));
        Dual { value: B::relu(a.value), tangent }
    }

    /// relu6(a)' = a' where 0 < a < 6, else 0.
    fn relu6<const D: usize>(a: Dual<B, D>) -> Dual<B, D> {
        let tangent = a.tangent.map(|da| B::mask_outside(da, &a.value, [0.0, 6.0]));
        Dual { value: B::relu6(a.value), tangent }
    }

    /// (tanh a)' = (1 - tanh^2 a) a'.
    fn tanh<const D: usize>(a: Dual<B, D>) -> Dual<B, D> {
        let value = B::tanh(a.value);
        let tangent = a.tangent.map(|da| B::sub(da.clone(), B::mul(B::square(value.clone()), da)));
        Dual { value, tangent }
    }

    /// With s = sigmoid(a): s' = (s - s^2) a'.
    fn sigmoid<const D: usize>(a: Dual<B, D>) -> Dual<B, D> {
        elementwise::<B, D>(B::sigmoid(a.value), a.tangent, |s| B::sub(s.clone(), B::square(s)))
    }

    /// (a Phi(a))' = (Phi(a) + a phi(a)) a', with phi(a) = e^(-a^2 / 2) / sqrt(2 pi).
    fn gelu<const D: usize>(a: Dual<B, D>) -> Dual<B, D> {
        let Some(da) = a.tangent else { return Dual { value: B::gelu(a.value), tangent: None } };
        let a = a.value;
        let cdf = B::normal_cdf(a.clone());
        let density = B::exp(B::scale(B::square(a.clone()), -0.5));
        let density = B::scale(density, (2.0 * std::f64::consts::PI).sqrt().recip());
        let slope = B::add(cdf.clone(), B::mul(a.clone(), density));
        Dual { value: B::mul(a, cdf), tangent: Some(B::mul(slope, da)) }
    }

    /// (A B)' = A' B + A B'.
    fn matmul<const D: usize>(a: Dual<B, D>, b: Dual<B, D>) -> Dual<B, D> {
        bilinear::<B, D>(a, b, B::matmul)
    }

    fn transpose<const D: usize>(a: Dual<B, D>) -> Dual<B, D> {
        linear::<B, D, D>(a, B::transpose)
    }

    fn reshape<const D: usize, const E: usize>(a: Dual<B, D>, shape: [usize; E]) -> Dual<B, E> {
        linear::<B, D, E>(a, |t| B::reshape(t, shape))
    }

    fn permute<const D: usize>(a: Dual<B, D>, axes: [usize; D]) -> Dual<B, D> {
        linear::<B, D, D>(a, |t| B::permute(t, axes))
    }

    fn expand<const D: usize>(a: Dual<B, D>, shape: [usize; D]) -> Dual<B, D> {
        linear::<B, D, D>(a, |t| B::expand(t, shape))
    }

    /// The tangents one after another, zeros where a piece has none.
    fn concat<const D: usize>(pieces: Vec<Dual<B, D>>, axis: usize) -> Dual<B, D> {
        let tracked = pieces.iter().any(|piece| piece.tangent.is_some());
        let tangent_of = |piece: &Dual<B, D>| piece.tangent.clone().unwrap_or_else(|| B::zeros_like(&piece.value));
        let tangent = tracked.then(|| B::concat(pieces.iter().map(tangent_of).collect(), axis));
        Dual { value: B::concat(pieces.into_iter().map(|piece| piece.value).collect(), axis), tangent }
    }

    fn select<const D: usize>(a: Dual<B, D>, indices: Tensor<1, Int>) -> Dual<B, D> {
        linear::<B, D, D>(a, |t| B::select(t, indices.clone()))
    }

    fn segment_sum(rows: Dual<B, 2>, segments: Tensor<1, Int>, count: usize) -> Dual<B, 2> {
        linear::<B, 2, 2>(rows, |t| B::segment_sum(t, segments.clone(), count))
    }

    /// a' where the mask is false, else 0.
    fn mask_fill<const D: usize>(a: Dual<B, D>, mask: Tensor<D, Bool>, fill: f64) -> Dual<B, D> {
        let tangent = a.tangent.map(|da| B::mask_fill(da, mask.clone(), 0.0));
        Dual { value: B::mask_fill(a.value, mask, fill), tangent }
    }

    fn sum<const D: usize>(a: Dual<B, D>) -> Dual<B, 1> {
        linear::<B, D, 1>(a, B::sum)
    }

    fn sum_rows(a: Dual<B, 2>) -> Dual<B, 1> {
        linear::<B, 2, 1>(a, B::sum_rows)
    }

    fn sum_dim<const D: usize>(a: Dual<B, D>, axis: usize) -> Dual<B, D> {
        linear::<B, D, D>(a, |t| B::sum_dim(t, axis))
    }

    fn mean_dim<const D: usize>(a: Dual<B, D>, axis: usize) -> Dual<B, D> {
        linear::<B, D, D>(a, |t| B::mean_dim(t, axis))
    }

    /// With p = softmax(a): p' = p (a' - sum_j p_j a'_j).
    fn softmax<const D: usize>(a: Dual<B, D>) -> Dual<B, D> {
        let value = B::softmax(a.value);
        let tangent = a.tangent.map(|da| {
            let mean = B::sum_dim(B::mul(value.clone(), da.clone()), D - 1);
            B::mul(value.clone(), B::sub(da, mean))
        });
        Dual { value, tangent }
    }

    /// With p = softmax(a): log_softmax(a)' = a' - sum_j p_j a'_j.
    fn log_softmax<const D: usize>(a: Dual<B, D>) -> Dual<B, D> {
        let value = B::log_softmax(a.value);
        let tangent = a.tangent.map(|da| {
            let mean = B::sum_dim(B::mul(B::exp(value.clone()), da.clone()), D - 1);
            B::sub(da, mean)
        });
        Dual { value, tangent }
    }

    /// `norm::normalize` with means along the last axis.
    fn layer_norm<const D: usize>(x: Dual<B, D>, affine: [Dual<B, 1>; 2], epsilon: f64) -> Dual<B, D> {
        let affine = affine.map(|numbers| linear::<B, 1, D>(numbers, last_axis::<B, D>));
        norm::normalize::<B, D>(x, affine, epsilon, |t| B::mean_dim(t, D - 1)).output
    }

    /// (x * k)' = x' * k + x * k'.
    fn conv2d(images: Dual<B, 4>, kernels: Dual<B, 4>, window: Conv2dOptions) -> Dual<B, 4> {
        bilinear::<B, 4>(images, kernels, |x, k| B::conv2d(x, k, window))
    }

    /// The tangent of the pixel that is the maximum.
    fn max_pool2d(images: Dual<B, 4>, size: usize, window: Conv2dOptions) -> Dual<B, 4> {
        let Some(tangent) = images.tangent else {
            return Dual { value: B::max_pool2d(images.value, size, window), tangent: None };
        };
        let (value, indices) = B::max_pool2d_with_indices(images.value, size, window);
        let tangent = B::select_pixels(tangent, indices, B::dims(&value));
        Dual { value, tangent: Some(tangent) }
    }

    fn mean_pixels(images: Dual<B, 4>) -> Dual<B, 2> {
        linear::<B, 4, 2>(images, B::mean_pixels)
    }

    /// `norm::by_buffers`.
    fn batch_norm_eval(
        images: Dual<B, 4>,
        affine: [Dual<B, 1>; 2],
        buffers: [Tensor<1>; 2],
        epsilon: f64,
    ) -> Dual<B, 4> {
        norm::by_buffers(images, affine, buffers, epsilon)
    }

    /// `norm::normalize` with means over examples and pixels.
    fn batch_norm(images: Dual<B, 4>, affine: [Dual<B, 1>; 2], epsilon: f64) -> (Dual<B, 4>, BatchStats) {
        let [n, channels, height, width] = B::dims(&images.value);
        let affine = affine.map(|numbers| linear::<B, 1, 4>(numbers, per_channel::<B>));
        let norm::Normalized { output, mean, variance } =
            norm::normalize::<B, 4>(images, affine, epsilon, B::channel_means);
        let [mean, variance] = [mean, variance].map(|statistic| B::value(&statistic).reshape([channels]));
        (output, BatchStats::unbiased(mean, variance, n * height * width))
    }

    fn gather(a: Dual<B, 2>, labels: Tensor<2, Int>) -> Dual<B, 2> {
        linear::<B, 2, 2>(a, |t| B::gather(t, labels.clone()))
    }
}
