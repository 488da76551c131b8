//! A mean over more examples than pass through a network at once: the same function, part by part.

use crate::autodiff::{Evaluation, Objective, Scalar, Vector};

/// f(w) = sum_i weight_i f_i(w). Only the intermediate results of one part are held at a time.
pub(super) struct WeightedSum<'a> {
    parts: Vec<(f64, Box<dyn Objective + 'a>)>,
}

impl<'a> WeightedSum<'a> {
    /// The sum of weights and functions of the same parameters.
    pub fn new(parts: Vec<(f64, Box<dyn Objective + 'a>)>) -> Self {
        Self { parts }
    }

    fn sum(&self, like: &Vector, of: impl Fn(&dyn Objective) -> Vector) -> Vector {
        let terms = self.parts.iter().map(|(weight, part)| of(part.as_ref()) * *weight);
        terms.reduce(|a, b| a + b).unwrap_or_else(|| like.zeros_like())
    }
}

impl Objective for WeightedSum<'_> {
    fn dimension(&self) -> usize {
        self.parts.first().map_or(0, |(_, part)| part.dimension())
    }

    fn loss(&self, w: &Vector) -> Scalar {
        self.sum(w, |part| part.loss(w))
    }

    fn gradient(&self, w: &Vector) -> Evaluation {
        let mut parts = self.parts.iter().map(|(weight, part)| {
            let Evaluation { loss, gradient, .. } = part.gradient(w);
            (loss * *weight, gradient * *weight)
        });
        let first = parts.next().unwrap_or_else(|| (w.clone().sum().zeros_like(), w.zeros_like()));
        let (loss, gradient) = parts.fold(first, |(loss, gradient), (l, g)| (loss + l, gradient + g));
        Evaluation { loss, gradient, batch_statistics: None }
    }

    fn hessian_product(&self, w: &Vector, v: &Vector) -> Vector {
        self.sum(w, |part| part.hessian_product(w, v))
    }
}
