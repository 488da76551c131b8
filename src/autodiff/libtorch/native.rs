//! A model's objective by LibTorch's own reverse mode; burn's takes over where LibTorch refuses.

use super::{
    LibTorch, Tracked,
    exchange::{from_burn, to_burn},
};
use crate::autodiff::{
    Dual, Evaluation, Forward, Layout, Loss, Model, Objective, Parameters, Product, Scalar, Vector,
    objective::Differentiable,
};

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
        self.layout().split(w).into_iter().map(leaf).collect()
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
        let duals = leaves.iter().zip(self.layout().split(v)).map(|(leaf, tangent)| Dual {
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
