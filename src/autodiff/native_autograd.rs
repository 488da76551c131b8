//! What the owner of a model keeps of LibTorch's own autograd from one objective to the next. Other devices do not look at it.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

/// How LibTorch's own autograd makes many Hessian-vector products at one point. Both are exact. Burn's reverse mode takes dual
/// numbers always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HessianProducts {
    /// grad_w (grad f(w)' v): the graph of the gradient is recorded once, a product is one backward pass through it.
    DoubleBackward,
    /// A forward pass with tangents and a backward pass for each product (Pearlmutter 1994).
    DualNumbers,
}

/// How LibTorch's own autograd differentiates a model, and which passes it was found to have no derivatives for: these are tried
/// once, and burn's reverse mode takes over at once from then on.
#[derive(Debug)]
pub struct NativeAutograd {
    /// How products at one point are made.
    pub products: HessianProducts,
    /// Of gradients.
    pub gradient: Refusal,
    /// Of products by dual numbers.
    pub dual_product: Refusal,
    /// Of products by double backward.
    pub double_backward: Refusal,
}

/// Whether some operation of a pass has no derivative in LibTorch.
#[derive(Debug, Default)]
pub struct Refusal(AtomicBool);

impl NativeAutograd {
    /// Nothing is known to be refused.
    pub fn new(products: HessianProducts) -> Self {
        Self {
            products,
            gradient: Refusal::default(),
            dual_product: Refusal::default(),
            double_backward: Refusal::default(),
        }
    }
}

impl Refusal {
    /// Whether the pass is known to fail.
    pub fn is_known(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Remembers a failure that the next attempt would have too: that of an operation without a derivative. A lack of memory may
    /// pass.
    pub fn note(&self, error: &impl fmt::Display) {
        let error = error.to_string();
        if ["not implemented", "not currently implemented"].iter().any(|refused| error.contains(refused)) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_derivative_is_remembered_and_a_lack_of_memory_is_not() {
        let refusal = Refusal::default();
        refusal.note(&"CUDA out of memory. Tried to allocate 2.00 GiB");
        assert!(!refusal.is_known());
        refusal.note(&"derivative for aten::embedding_renorm is not implemented");
        assert!(refusal.is_known());
        refusal.note(&"CUDA out of memory. Tried to allocate 2.00 GiB");
        assert!(refusal.is_known());
    }
}
