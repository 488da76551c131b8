//! A model's objective by LibTorch's own reverse mode. Where that fails, burn's reverse mode takes over.

use std::sync::Arc;

use super::{
    LibTorch, Tracked,
    exchange::{from_burn, to_burn},
};
use crate::autodiff::{
    Dual, Evaluation, Forward, HessianProducts, Layout, Loss, Model, NativeAutograd, Objective, Parameters, Product,
    Refusal, Scalar, Vector, objective::Differentiable,
};

/// The objective of a model on one batch, by LibTorch's own reverse mode.
pub struct Native<'a, M: Model> {
    /// The same by burn's reverse mode, where LibTorch fails: out of memory, or without a derivative of some operation.
    burn: Differentiable<'a, M>,
    autograd: Arc<NativeAutograd>,
}

/// A loss with what it was computed from.
struct Recorded {
    loss: tch::Tensor,
    batch_statistics: Option<Vector>,
    leaves: Vec<tch::Tensor>,
}

impl<'a, M: Model> Native<'a, M> {
    /// `model` on `batch`, both on a device of LibTorch.
    pub fn new(model: &'a M, batch: M::Batch, autograd: Arc<NativeAutograd>) -> Self {
        Self { burn: Differentiable::new(model, batch), autograd }
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
        let Loss { value, batch_statistics } = self.burn.model.loss(&parameters, &self.burn.batch);
        Recorded { loss: value.0, batch_statistics, leaves }
    }
}

/// What becomes of the recorded graph when it is differentiated.
#[derive(Clone, Copy)]
enum Graph {
    /// Freed, since nothing else is asked of it.
    Freed,
    /// Kept, to be differentiated again from another root.
    Kept,
    /// Kept, and the gradients recorded too, to be differentiated themselves.
    Extended,
}

/// d root / d leaf for each leaf; zeros where the root does not depend on it.
fn gradients(root: &tch::Tensor, leaves: &[tch::Tensor], graph: Graph) -> Result<Vec<tch::Tensor>, tch::TchError> {
    if !root.requires_grad() {
        return leaves.iter().map(tch::Tensor::f_zeros_like).collect();
    }
    let [keep, record] = match graph {
        Graph::Freed => [false, false],
        Graph::Kept => [true, false],
        Graph::Extended => [true, true],
    };
    let found = tch::Tensor::f_run_backward(&[root], leaves, keep, record)?;
    let defined = |(gradient, leaf): (tch::Tensor, &tch::Tensor)| {
        if gradient.defined() { Ok(gradient) } else { leaf.f_zeros_like() }
    };
    found.into_iter().zip(leaves).map(defined).collect()
}

/// d root / d leaves as one flat vector.
fn flat_gradient(root: &tch::Tensor, leaves: &[tch::Tensor], graph: Graph) -> Result<tch::Tensor, tch::TchError> {
    let pieces = gradients(root, leaves, graph)?;
    match graph {
        Graph::Freed | Graph::Kept => joined(&pieces),
        Graph::Extended => tch::Tensor::f_cat(&pieces, 0),
    }
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

fn note_failure(refusal: &Refusal, what: &str, error: &tch::TchError) {
    tracing::warn!("LibTorch's autograd fails at {what}, burn's takes over: {error}");
    refusal.note(error);
}

impl<M: Model> Objective for Native<'_, M> {
    fn dimension(&self) -> usize {
        self.burn.dimension()
    }

    fn loss(&self, w: &Vector) -> Scalar {
        self.burn.loss(w)
    }

    fn batch_statistics(&self, w: &Vector) -> Option<Vector> {
        self.burn.batch_statistics(w)
    }

    fn gradient(&self, w: &Vector) -> Evaluation {
        if self.autograd.gradient.is_known() {
            return self.burn.gradient(w);
        }
        let Recorded { loss, batch_statistics, leaves } = self.forward(w);
        match flat_gradient(&loss, &leaves, Graph::Freed) {
            Ok(gradient) => Evaluation { loss: to_burn(&loss), gradient: to_burn(&gradient), batch_statistics },
            Err(error) => {
                note_failure(&self.autograd.gradient, "a gradient", &error);
                self.burn.gradient(w)
            }
        }
    }

    /// By dual numbers over LibTorch's: one forward pass with tangents, one backward (Pearlmutter 1994).
    fn hessian_product(&self, w: &Vector, v: &Vector) -> Vector {
        if self.autograd.dual_product.is_known() {
            return self.burn.hessian_product(w, v);
        }
        let leaves = self.leaves(w);
        let duals = leaves.iter().zip(self.layout().split(v)).map(|(leaf, tangent)| Dual {
            value: Tracked(leaf.shallow_clone()),
            tangent: Some(Tracked(from_burn(tangent))),
        });
        let parameters = Parameters::<Forward<LibTorch>>::new(self.layout(), duals.collect());
        let Some(slope) = self.burn.model.loss(&parameters, &self.burn.batch).value.tangent else {
            return v.zeros_like();
        };
        match flat_gradient(&slope.0, &leaves, Graph::Freed) {
            Ok(product) => to_burn(&product),
            Err(error) => {
                note_failure(&self.autograd.dual_product, "a Hessian product", &error);
                self.burn.hessian_product(w, v)
            }
        }
    }

    /// By double backward, grad_w (grad f(w)' v), unless dual numbers were asked for: the graph of grad f(w) is made once and kept,
    /// so that a product costs one backward pass through it, 1.1 gradients on perceptrons.
    fn hessian<'a>(&'a self, w: &Vector) -> Product<'a> {
        if self.autograd.products == HessianProducts::DualNumbers {
            let w = w.clone();
            return Box::new(move |v| self.hessian_product(&w, v));
        }
        if self.autograd.double_backward.is_known() {
            return self.burn.hessian(w);
        }
        let Recorded { loss, leaves, .. } = self.forward(w);
        // A second handle on w's numbers keeps burn from changing them in place.
        let w = w.clone();
        match flat_gradient(&loss, &leaves, Graph::Extended) {
            Ok(gradient) => Box::new(move |v| {
                if self.autograd.double_backward.is_known() {
                    return self.burn.hessian_product(&w, v);
                }
                let slope = gradient.dot(&from_burn(v.clone()));
                match flat_gradient(&slope, &leaves, Graph::Kept) {
                    Ok(product) => to_burn(&product),
                    Err(error) => {
                        note_failure(&self.autograd.double_backward, "a Hessian product", &error);
                        self.burn.hessian_product(&w, v)
                    }
                }
            }),
            Err(error) => {
                note_failure(&self.autograd.double_backward, "a Hessian", &error);
                self.burn.hessian(&w)
            }
        }
    }
}
