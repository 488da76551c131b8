//! Gradients at w + u and w - u: their mean is a direction, their difference is curvature.

use super::{Evaluation, Objective, Scalar, Vector};

/// Two evaluations on both sides of w.
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
