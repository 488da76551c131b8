//! Dual numbers w + eps v over tensors: forward mode, where each operation's derivative is stated once.
//! Reverse mode over the tangent of a loss gives the exact Hessian product (Pearlmutter 1994).

use std::marker::PhantomData;

use burn::tensor::{DType, Int, Tensor};

use super::{
    Primal, Real,
    real::{BatchStats, Conv2dOptions},
};

/// What dual numbers ask of the numbers that they are made of, besides what a model may do with them.
pub trait PrimalOps: Real {
    /// Where maxima lie in their images.
    type ArgMax;

    /// Repeated to a larger shape, as broadcasting does.
    fn expand<const D: usize>(a: Self::T<D>, shape: [usize; D]) -> Self::T<D>;

    /// Zeros of the same shape.
    fn zeros_like<const D: usize>(a: &Self::T<D>) -> Self::T<D>;

    /// `a` where low < `by` < high, elsewhere 0. The choice is locally constant, so reverse mode does not see `by`.
    fn mask_outside<const D: usize>(a: Self::T<D>, by: &Self::T<D>, range: [f64; 2]) -> Self::T<D>;

    /// e^a, elementwise.
    fn exp<const D: usize>(a: Self::T<D>) -> Self::T<D>;

    /// 1/sqrt(a + epsilon), elementwise.
    fn inverse_root<const D: usize>(a: Self::T<D>, epsilon: f64) -> Self::T<D>;

    /// Sum over the columns of a matrix: [m, n] -> [m, 1].
    fn sum_columns(a: Self::T<2>) -> Self::T<2>;

    /// The mean over examples and pixels: [n, c, h, w] -> [1, c, 1, 1].
    fn channel_means(images: Self::T<4>) -> Self::T<4>;

    /// [`Real::max_pool2d`] with where its maxima lie.
    fn max_places(images: Self::T<4>, size: usize, window: Conv2dOptions) -> (Self::T<4>, Self::ArgMax);

    /// The pixels of other images of the same shape at those places.
    fn at_places(images: Self::T<4>, places: Self::ArgMax, shape: [usize; 4]) -> Self::T<4>;
}

/// A value and its derivative along the direction that was put in. `None` means that nothing depends on w,
/// so that inputs and whatever is computed from them alone cost nothing.
pub struct Dual<B: Real, const D: usize> {
    /// The value.
    pub value: B::T<D>,
    /// d/d eps at eps = 0; of the shape of the value.
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
        let value = B::mul(a.value.clone(), b.value.clone());
        let tangent =
            sum_of::<B, D>(&value, a.tangent.map(|da| B::mul(da, b.value)), b.tangent.map(|db| B::mul(a.value, db)));
        Dual { value, tangent }
    }

    /// (c a)' = c a'.
    fn scale<const D: usize>(a: Dual<B, D>, factor: f64) -> Dual<B, D> {
        linear::<B, D, D>(a, |t| B::scale(t, factor))
    }

    /// (a^2)' = 2 a a'.
    fn square<const D: usize>(a: Dual<B, D>) -> Dual<B, D> {
        Dual { value: B::square(a.value.clone()), tangent: a.tangent.map(|da| B::scale(B::mul(a.value, da), 2.0)) }
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

    /// (A B)' = A' B + A B'.
    fn matmul(a: Dual<B, 2>, b: Dual<B, 2>) -> Dual<B, 2> {
        let value = B::matmul(a.value.clone(), b.value.clone());
        let tangent = sum_of::<B, 2>(
            &value,
            a.tangent.map(|da| B::matmul(da, b.value)),
            b.tangent.map(|db| B::matmul(a.value, db)),
        );
        Dual { value, tangent }
    }

    fn transpose(a: Dual<B, 2>) -> Dual<B, 2> {
        linear::<B, 2, 2>(a, B::transpose)
    }

    fn reshape<const D: usize, const E: usize>(a: Dual<B, D>, shape: [usize; E]) -> Dual<B, E> {
        linear::<B, D, E>(a, |t| B::reshape(t, shape))
    }

    fn select(a: Dual<B, 1>, indices: Tensor<1, Int>) -> Dual<B, 1> {
        linear::<B, 1, 1>(a, |t| B::select(t, indices.clone()))
    }

    fn concat_columns(columns: Vec<Dual<B, 2>>) -> Dual<B, 2> {
        let tracked = columns.iter().any(|column| column.tangent.is_some());
        let tangent = tracked.then(|| {
            B::concat_columns(
                columns.iter().map(|c| c.tangent.clone().unwrap_or_else(|| B::zeros_like(&c.value))).collect(),
            )
        });
        Dual { value: B::concat_columns(columns.into_iter().map(|c| c.value).collect()), tangent }
    }

    fn sum<const D: usize>(a: Dual<B, D>) -> Dual<B, 1> {
        linear::<B, D, 1>(a, B::sum)
    }

    fn sum_rows(a: Dual<B, 2>) -> Dual<B, 1> {
        linear::<B, 2, 1>(a, B::sum_rows)
    }

    /// (x * k)' = x' * k + x * k'.
    fn conv2d(images: Dual<B, 4>, kernels: Dual<B, 4>, window: Conv2dOptions) -> Dual<B, 4> {
        let value = B::conv2d(images.value.clone(), kernels.value.clone(), window);
        let by_images = images.tangent.map(|dx| B::conv2d(dx, kernels.value, window));
        let by_kernels = kernels.tangent.map(|dk| B::conv2d(images.value, dk, window));
        let tangent = sum_of::<B, 4>(&value, by_images, by_kernels);
        Dual { value, tangent }
    }

    /// The tangent of the pixel that is the maximum.
    fn max_pool2d(images: Dual<B, 4>, size: usize, window: Conv2dOptions) -> Dual<B, 4> {
        let Some(tangent) = images.tangent else {
            return Dual { value: B::max_pool2d(images.value, size, window), tangent: None };
        };
        let (value, places) = B::max_places(images.value, size, window);
        let tangent = B::at_places(tangent, places, B::dims(&value));
        Dual { value, tangent: Some(tangent) }
    }

    fn mean_pixels(images: Dual<B, 4>) -> Dual<B, 2> {
        linear::<B, 4, 2>(images, B::mean_pixels)
    }

    /// (scale z + shift)' = scale z' + shift' + scale' z, z linear in x: two normalisations more.
    fn batch_norm_eval(
        images: Dual<B, 4>,
        [scale, shift]: [Dual<B, 1>; 2],
        moments: [Tensor<1>; 2],
        epsilon: f64,
    ) -> Dual<B, 4> {
        let [mean, variance] = &moments;
        let around_zero = || [mean.zeros_like(), variance.clone()];
        let nothing = || B::zeros_like(&shift.value);
        let by_images = images.tangent.map(|dx| {
            let slope = shift.tangent.clone().unwrap_or_else(nothing);
            B::batch_norm_eval(dx, [scale.value.clone(), slope], around_zero(), epsilon)
        });
        let by_images = by_images.or_else(|| {
            let along = shift.tangent.clone()?;
            Some(per_channel::<B>(along))
        });
        let by_scale =
            scale.tangent.map(|ds| B::batch_norm_eval(images.value.clone(), [ds, nothing()], moments.clone(), epsilon));
        let value = B::batch_norm_eval(images.value, [scale.value, shift.value.clone()], moments, epsilon);
        let tangent = sum_of::<B, 4>(&value, by_images, by_scale);
        Dual { value, tangent }
    }

    /// With d = x' - mean(x') and z = (x - mean) / sqrt(variance + epsilon):
    /// z' = (d - z mean(z d)) / sqrt(variance + epsilon), (scale z + shift)' = scale z' + scale' z + shift'.
    fn batch_norm(images: Dual<B, 4>, [scale, shift]: [Dual<B, 1>; 2], epsilon: f64) -> (Dual<B, 4>, BatchStats) {
        let [n, channels, height, width] = B::dims(&images.value);
        let mean = B::channel_means(images.value.clone());
        let centred = B::sub(images.value, mean.clone());
        let variance = B::channel_means(B::square(centred.clone()));
        let inverse = B::inverse_root(variance.clone(), epsilon);
        let z = B::mul(centred, inverse.clone());
        let by_images = images.tangent.map(|dx| {
            let d = B::sub(dx.clone(), B::channel_means(dx));
            let along = B::channel_means(B::mul(z.clone(), d.clone()));
            let stretch = B::mul(inverse, per_channel::<B>(scale.value.clone()));
            B::mul(B::sub(d, B::mul(z.clone(), along)), stretch)
        });
        let value = B::add(B::mul(z.clone(), per_channel::<B>(scale.value)), per_channel::<B>(shift.value));
        let by_scale = scale.tangent.map(|ds| B::mul(z, per_channel::<B>(ds)));
        let by_affine = sum_of::<B, 4>(&value, by_scale, shift.tangent.map(per_channel::<B>));
        let tangent = sum_of::<B, 4>(&value, by_images, by_affine);
        let [mean, variance] = [mean, variance].map(|moment| B::value(&moment).reshape([channels]));
        (Dual { value, tangent }, BatchStats::unbiased(mean, variance, n * height * width))
    }

    /// With p = softmax(a): log_softmax(a)' = a' - sum_c p_c a'_c.
    fn log_softmax(a: Dual<B, 2>) -> Dual<B, 2> {
        let value = B::log_softmax(a.value);
        let tangent = a.tangent.map(|da| {
            let mean = B::sum_columns(B::mul(B::exp(value.clone()), da.clone()));
            B::sub(da, mean)
        });
        Dual { value, tangent }
    }

    fn gather(a: Dual<B, 2>, labels: Tensor<2, Int>) -> Dual<B, 2> {
        linear::<B, 2, 2>(a, |t| B::gather(t, labels.clone()))
    }
}
