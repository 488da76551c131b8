//! Distance-based regularization (Gouk 2021): a penalty on the distance to the initial weights w0, and a ball around them.

use burn::tensor::Tensor;

use strum::{EnumDiscriminants, EnumString, IntoStaticStr, VariantNames};

use super::context::StepContext;
use crate::autodiff::{Vector, norm};

/// A penalty on the distance to w0, and a ball around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistanceRegularizer {
    /// lambda of the penalty lambda |W - W0|_F^2, summed over tensors.
    pub penalty: f64,
    /// What each tensor is confined to.
    pub projection: Projection,
}

/// Where a projection puts W back to after each step, D = W - W0.
#[derive(Debug, Clone, Copy, Default, PartialEq, EnumDiscriminants, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
#[strum_discriminants(name(ProjectionKind), derive(EnumString, VariantNames), strum(serialize_all = "lowercase"))]
#[strum_discriminants(doc = "The projections by name.")]
pub enum Projection {
    /// Nowhere.
    #[default]
    None,
    /// W0 + D min(1, c / |D|_F), tensor by tensor.
    Frobenius {
        /// The radius c.
        radius: f64,
    },
    /// D_r <- D_r min(1, c / |D_r|_1), output row by output row (the maximum absolute row sum norm). A tensor of one dimension,
    /// such as a bias, has rows of one number.
    Rows {
        /// The radius c.
        radius: f64,
    },
}

impl DistanceRegularizer {
    /// No penalty, no ball.
    pub const NONE: Self = Self { penalty: 0.0, projection: Projection::None };

    /// `g` + 2 lambda (w - w0), the direction with the penalty's gradient.
    ///
    /// It is taken at the clean w after averaging, like weight decay. For NSO that is exactly the mean over its pairs,
    /// for WP-SGD the mean over its noise, since the gradient is linear in w; SAM's ascent does not see it. So the
    /// losses and curvatures that steps report stay those of the loss alone.
    pub(super) fn add_penalty_gradient(&self, g: Vector, w: &Vector, initial_weights: &Vector) -> Vector {
        if self.penalty == 0.0 { g } else { g + (w.clone() - initial_weights.clone()) * (2.0 * self.penalty) }
    }

    /// `w` within its ball.
    pub(super) fn project(&self, w: Vector, context: &StepContext<'_>) -> Vector {
        let radius = match self.projection {
            Projection::None => return w,
            Projection::Frobenius { radius } | Projection::Rows { radius } => radius,
        };
        let away = w - context.initial_weights.clone();
        let inside = context.layout.map([&away], |entry, [d]| match self.projection {
            Projection::Rows { .. } => {
                let rows: Tensor<2> = d.reshape([entry.rows(), entry.len() / entry.rows().max(1)]);
                let length = rows.clone().abs().sum_dim(1);
                (rows * shrink(length, radius)).reshape([entry.len()])
            }
            Projection::Frobenius { .. } | Projection::None => {
                let length = norm(&d);
                d * shrink(length, radius)
            }
        });
        context.initial_weights.clone() + inside
    }
}

/// min(1, radius / length); 1 at length 0.
fn shrink<const D: usize>(length: Tensor<D>, radius: f64) -> Tensor<D> {
    let inside = length.clone().lower_equal_elem(radius);
    (length.recip() * radius).mask_fill(inside, 1.0)
}
