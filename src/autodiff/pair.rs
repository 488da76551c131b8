//! Gradients at w + u and w - u: their mean is a direction, their difference is curvature.

use super::{Evaluation, Objective, Scalar, Vector};

/// Two evaluations on both sides of w.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use nso_tui::autodiff::{Layout, Loss, Model, Pair, Parameters, Real, Value, objective, read, values};
///
/// /// f(w) = sum w^4 / 2.
/// struct Quartic(Layout);
///
/// impl Model for Quartic {
///     type Batch = ();
///
///     fn layout(&self) -> &Layout {
///         &self.0
///     }
///
///     fn loss<R: Real>(&self, w: &Parameters<'_, R>, (): &()) -> Loss<R> {
///         let w: Value<R, 1> = w.tensor(0);
///         Loss::from(0.5 * w.square().square().sum())
///     }
/// }
///
/// let cpu = Device::flex();
/// let model = Quartic(Layout::new([("w", vec![2])]));
/// let w = Tensor::from_floats([1.0, 2.0], &cpu);
/// let u = Tensor::from_floats([1.0, 0.0], &cpu);
/// let pair = Pair::evaluate(objective(&model, (), &cpu).as_ref(), &w, u);
///
/// // grad f = 2 w^3: at w_1 = 1 + 1 and 1 - 1 it is 16 and 0, and at w_2 = 2 it is 16.
/// assert_eq!(values(&pair.mean()), [8.0, 16.0]);
/// assert_eq!(read(vec![pair.loss(), pair.smoothed_curvature()]), [12.0, 8.0]);
/// ```
#[derive(Debug, Clone)]
pub struct Pair {
    /// At w + u.
    pub plus: Evaluation,
    /// At w - u.
    pub minus: Evaluation,
    /// The displacement.
    pub u: Vector,
}

impl Pair {
    /// Evaluates `f` at w + u and w - u. Cost: two gradient evaluations.
    pub fn evaluate(f: &dyn Objective, w: &Vector, u: Vector) -> Self {
        let at = [w.clone() + u.clone(), w.clone() - u.clone()];
        let [plus, minus] = <[Evaluation; 2]>::try_from(f.gradients(&at))
            .unwrap_or_else(|_| unreachable!("an objective gives one evaluation for each point"));
        Self { plus, minus, u }
    }

    /// (g+ + g-) / 2: NSO's direction (Algorithm 1), equal to grad f(w) + 1/2 grad (u' H(w) u) to third order in u.
    pub fn mean(&self) -> Vector {
        (self.plus.gradient.clone() + self.minus.gradient.clone()) * 0.5
    }

    /// (f(w + u) + f(w - u)) / 2: the two-point loss (equation 4).
    pub fn loss(&self) -> Scalar {
        (self.plus.loss.clone() + self.minus.loss.clone()) * 0.5
    }

    /// u' (g+ - g-) / 2: the curvature along u, seen at the scale of u. Divided by sigma^2 for Gaussian u of that
    /// scale its expectation is Tr H_sigma exactly (Stein's identity), H_sigma the Hessian of E f(w + u).
    pub fn smoothed_curvature(&self) -> Scalar {
        self.u.clone().dot(self.plus.gradient.clone() - self.minus.gradient.clone()) * 0.5
    }
}
