//! Dual numbers w + eps v over tensors: forward mode, where each operation's derivative is stated once.
//! Reverse mode over the tangent of a loss gives the exact Hessian product (Pearlmutter 1994).

use burn::tensor::{DType, Int, Tensor, module::max_pool2d_with_indices};

use super::{
    Plain, Real,
    real::{Moments, Window, pooling},
};

/// A value and its derivative along the direction that was put in. `None` means that nothing depends on w,
/// so that inputs and whatever is computed from them alone cost nothing.
#[derive(Debug, Clone)]
pub struct Dual<const D: usize> {
    /// The value.
    pub value: Tensor<D>,
    /// d/d eps at eps = 0; of the shape of the value.
    pub tangent: Option<Tensor<D>>,
}

/// Forward-mode numbers.
#[derive(Debug, Clone, Copy)]
pub struct Forward;

/// The sum of two optional tangents, spread to the shape of the value that they belong to.
fn sum_of<const D: usize>(value: &Tensor<D>, a: Option<Tensor<D>>, b: Option<Tensor<D>>) -> Option<Tensor<D>> {
    let sum = match (a, b) {
        (Some(a), Some(b)) => a + b,
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return None,
    };
    Some(if sum.dims() == value.dims() { sum } else { sum.expand(value.dims()) })
}

/// An operation that is linear in its argument: the tangent goes the way of the value.
fn linear<const D: usize, const E: usize>(a: Dual<D>, f: impl Fn(Tensor<D>) -> Tensor<E>) -> Dual<E> {
    Dual { value: f(a.value), tangent: a.tangent.map(f) }
}

/// The mean over examples and pixels: [n, c, h, w] -> [1, c, 1, 1].
fn channel_means(images: Tensor<4>) -> Tensor<4> {
    images.mean_dim(0).mean_dim(2).mean_dim(3)
}

/// One number a channel, to go with images: [c] -> [1, c, 1, 1].
fn per_channel(numbers: Tensor<1>) -> Tensor<4> {
    numbers.reshape([1, -1, 1, 1])
}

impl Real for Forward {
    type T<const D: usize> = Dual<D>;

    fn constant<const D: usize>(x: Tensor<D>) -> Dual<D> {
        Dual { value: x, tangent: None }
    }

    fn value<const D: usize>(x: &Dual<D>) -> Tensor<D> {
        Plain::value(&x.value)
    }

    fn dtype<const D: usize>(x: &Dual<D>) -> DType {
        x.value.dtype()
    }

    fn dims<const D: usize>(x: &Dual<D>) -> [usize; D] {
        x.value.dims()
    }

    /// (a + b)' = a' + b'.
    fn add<const D: usize>(a: Dual<D>, b: Dual<D>) -> Dual<D> {
        let value = a.value + b.value;
        let tangent = sum_of(&value, a.tangent, b.tangent);
        Dual { value, tangent }
    }

    /// (a - b)' = a' - b'.
    fn sub<const D: usize>(a: Dual<D>, b: Dual<D>) -> Dual<D> {
        let value = a.value - b.value;
        let tangent = sum_of(&value, a.tangent, b.tangent.map(Tensor::neg));
        Dual { value, tangent }
    }

    /// (a b)' = a' b + a b'.
    fn mul<const D: usize>(a: Dual<D>, b: Dual<D>) -> Dual<D> {
        let value = a.value.clone() * b.value.clone();
        let tangent = sum_of(&value, a.tangent.map(|da| da * b.value), b.tangent.map(|db| a.value * db));
        Dual { value, tangent }
    }

    /// (c a)' = c a'.
    fn scale<const D: usize>(a: Dual<D>, factor: f64) -> Dual<D> {
        linear(a, |t| Plain::scale(t, factor))
    }

    /// (a^2)' = 2 a a'.
    fn square<const D: usize>(a: Dual<D>) -> Dual<D> {
        Dual { value: Plain::square(a.value.clone()), tangent: a.tangent.map(|da| a.value * da * 2.0) }
    }

    /// max(a, 0)' = a' where a > 0, else 0. The mask is locally constant, so reverse mode does not see it.
    fn relu<const D: usize>(a: Dual<D>) -> Dual<D> {
        let tangent = a.tangent.map(|da| {
            let dead = a.value.clone().without_autodiff().lower_equal_elem(0.0);
            da.mask_fill(dead, 0.0)
        });
        Dual { value: Plain::relu(a.value), tangent }
    }

    /// relu6(a)' = a' where 0 < a < 6, else 0.
    fn relu6<const D: usize>(a: Dual<D>) -> Dual<D> {
        let tangent = a.tangent.map(|da| {
            let value = a.value.clone().without_autodiff();
            let flat = value.clone().lower_equal_elem(0.0).bool_or(value.greater_equal_elem(6.0));
            da.mask_fill(flat, 0.0)
        });
        Dual { value: Plain::relu6(a.value), tangent }
    }

    /// (tanh a)' = (1 - tanh^2 a) a'.
    fn tanh<const D: usize>(a: Dual<D>) -> Dual<D> {
        let value = Plain::tanh(a.value);
        let tangent = a.tangent.map(|da| da.clone() - value.clone() * value.clone() * da);
        Dual { value, tangent }
    }

    /// (A B)' = A' B + A B'.
    fn matmul(a: Dual<2>, b: Dual<2>) -> Dual<2> {
        let value = a.value.clone().matmul(b.value.clone());
        let tangent = sum_of(&value, a.tangent.map(|da| da.matmul(b.value)), b.tangent.map(|db| a.value.matmul(db)));
        Dual { value, tangent }
    }

    fn transpose(a: Dual<2>) -> Dual<2> {
        linear(a, Plain::transpose)
    }

    fn reshape<const D: usize, const E: usize>(a: Dual<D>, shape: [usize; E]) -> Dual<E> {
        linear(a, |t| Plain::reshape(t, shape))
    }

    fn select(a: Dual<1>, indices: Tensor<1, Int>) -> Dual<1> {
        linear(a, |t| Plain::select(t, indices.clone()))
    }

    fn beside(columns: Vec<Dual<2>>) -> Dual<2> {
        let tracked = columns.iter().any(|column| column.tangent.is_some());
        let tangent = tracked.then(|| {
            Plain::beside(columns.iter().map(|c| c.tangent.clone().unwrap_or_else(|| c.value.zeros_like())).collect())
        });
        Dual { value: Plain::beside(columns.into_iter().map(|c| c.value).collect()), tangent }
    }

    fn sum<const D: usize>(a: Dual<D>) -> Dual<1> {
        linear(a, Plain::sum)
    }

    fn sum_rows(a: Dual<2>) -> Dual<1> {
        linear(a, Plain::sum_rows)
    }

    /// (x * k)' = x' * k + x * k'.
    fn conv2d(images: Dual<4>, kernels: Dual<4>, window: Window) -> Dual<4> {
        let value = Plain::conv2d(images.value.clone(), kernels.value.clone(), window);
        let by_images = images.tangent.map(|dx| Plain::conv2d(dx, kernels.value, window));
        let by_kernels = kernels.tangent.map(|dk| Plain::conv2d(images.value, dk, window));
        let tangent = sum_of(&value, by_images, by_kernels);
        Dual { value, tangent }
    }

    /// The tangent of the pixel that is the maximum.
    fn max_pool2d(images: Dual<4>, size: usize, window: Window) -> Dual<4> {
        let Some(tangent) = images.tangent else {
            return Dual { value: Plain::max_pool2d(images.value, size, window), tangent: None };
        };
        let (value, places) = max_pool2d_with_indices(images.value, pooling(size, window));
        let [n, channels, height, width] = tangent.dims();
        let dims = value.dims();
        let places = places.reshape([n, channels, dims[2] * dims[3]]);
        let tangent = tangent.reshape([n, channels, height * width]).gather(2, places).reshape(dims);
        Dual { value, tangent: Some(tangent) }
    }

    fn mean_pixels(images: Dual<4>) -> Dual<2> {
        linear(images, Plain::mean_pixels)
    }

    /// With d = x' - mean(x') and z = (x - mean) / sqrt(variance + epsilon):
    /// z' = (d - z mean(z d)) / sqrt(variance + epsilon), (scale z + shift)' = scale z' + scale' z + shift'.
    fn batch_norm(images: Dual<4>, [scale, shift]: [Dual<1>; 2], epsilon: f64) -> (Dual<4>, Moments) {
        let [n, _, height, width] = images.value.dims();
        let mean = channel_means(images.value.clone());
        let centred = images.value - mean.clone();
        let variance = channel_means(Plain::square(centred.clone()));
        let inverse = (variance.clone() + epsilon).sqrt().recip();
        let z = centred * inverse.clone();
        let by_images = images.tangent.map(|dx| {
            let d = dx.clone() - channel_means(dx);
            let along = channel_means(z.clone() * d.clone());
            (d - z.clone() * along) * inverse * per_channel(scale.value.clone())
        });
        let value = z.clone() * per_channel(scale.value) + per_channel(shift.value);
        let by_scale = scale.tangent.map(|ds| z * per_channel(ds));
        let tangent = sum_of(&value, sum_of(&value, by_images, by_scale), shift.tangent.map(per_channel));
        let [mean, variance] = [mean, variance].map(|moment| Plain::value(&moment).reshape([-1]));
        (Dual { value, tangent }, Moments::unbiased(mean, variance, n * height * width))
    }

    /// With p = softmax(a): log_softmax(a)' = a' - sum_c p_c a'_c.
    fn log_softmax(a: Dual<2>) -> Dual<2> {
        let value = Plain::log_softmax(a.value);
        let tangent = a.tangent.map(|da| {
            let mean = (value.clone().exp() * da.clone()).sum_dim(1);
            da - mean
        });
        Dual { value, tangent }
    }

    fn pick(a: Dual<2>, labels: Tensor<2, Int>) -> Dual<2> {
        linear(a, |t| Plain::pick(t, labels.clone()))
    }
}
