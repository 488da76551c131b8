//! The forward rules of normalisations: by statistics of the input, which are differentiated through, and by buffers.
//! Layer and batch normalisation are one rule with means along different axes.

use burn::tensor::Tensor;

use super::{Dual, per_channel, sum_of};
use crate::autodiff::PrimalOps;

/// A normalised input with the mean and variance that it was normalised by, of size 1 along the axes of the means.
pub(super) struct Normalized<B: PrimalOps, const D: usize> {
    pub output: Dual<B, D>,
    pub mean: B::T<D>,
    /// Biased: sum (x - mean)^2 / n.
    pub variance: B::T<D>,
}

/// scale z + shift with z = (x - mean) / sqrt(variance + epsilon), where `means` gives the mean along some axes.
///
/// With d = x' - mean(x'): z' = (d - z mean(z d)) / sqrt(variance + epsilon), (scale z + shift)' = scale z' + scale' z + shift'.
pub(super) fn normalize<B: PrimalOps, const D: usize>(
    x: Dual<B, D>,
    [scale, shift]: [Dual<B, D>; 2],
    epsilon: f64,
    means: impl Fn(B::T<D>) -> B::T<D>,
) -> Normalized<B, D> {
    let mean = means(x.value.clone());
    let centred = B::sub(x.value, mean.clone());
    let variance = means(B::square(centred.clone()));
    let inverse = B::rsqrt(variance.clone(), epsilon);
    let z = B::mul(centred, inverse.clone());
    let by_input = x.tangent.map(|dx| {
        let d = B::sub(dx.clone(), means(dx));
        let along = means(B::mul(z.clone(), d.clone()));
        let stretch = B::mul(inverse, scale.value.clone());
        B::mul(B::sub(d, B::mul(z.clone(), along)), stretch)
    });
    let value = B::add(B::mul(z.clone(), scale.value), shift.value);
    let by_scale = scale.tangent.map(|ds| B::mul(z, ds));
    let by_affine = sum_of::<B, D>(&value, by_scale, shift.tangent);
    let tangent = sum_of::<B, D>(&value, by_input, by_affine);
    Normalized { output: Dual { value, tangent }, mean, variance }
}

/// Batch normalisation by buffers, mean and variance that do not depend on x: z is affine in x, and
/// (scale z + shift)' = scale z' + shift' + scale' z. Two normalisations more.
pub(super) fn by_buffers<B: PrimalOps>(
    images: Dual<B, 4>,
    [scale, shift]: [Dual<B, 1>; 2],
    buffers: [Tensor<1>; 2],
    epsilon: f64,
) -> Dual<B, 4> {
    let [mean, variance] = &buffers;
    let around_zero = || [mean.zeros_like(), variance.clone()];
    let zeros = || B::zeros_like(&shift.value);
    let by_images = images.tangent.map(|dx| {
        let slope = shift.tangent.clone().unwrap_or_else(zeros);
        B::batch_norm_eval(dx, [scale.value.clone(), slope], around_zero(), epsilon)
    });
    let by_images = by_images.or_else(|| {
        let along = shift.tangent.clone()?;
        Some(per_channel::<B>(along))
    });
    let by_scale =
        scale.tangent.map(|ds| B::batch_norm_eval(images.value.clone(), [ds, zeros()], buffers.clone(), epsilon));
    let value = B::batch_norm_eval(images.value, [scale.value, shift.value.clone()], buffers, epsilon);
    let tangent = sum_of::<B, 4>(&value, by_images, by_scale);
    Dual { value, tangent }
}
