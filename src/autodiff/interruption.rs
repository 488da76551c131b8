//! Computations that may turn out not to be wanted: they are cut short between their gradients and Hessian-vector products, and
//! what they have found by then is not used.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{Evaluation, Objective, Product, Scalar, Vector};

/// Whether the computations of a run are still wanted. Clones share one answer.
#[derive(Debug, Clone, Default)]
pub struct Interruption(Arc<AtomicBool>);

impl Interruption {
    /// Asks the computations that check it to end.
    pub fn request(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Lets computations be wanted again.
    pub fn withdraw(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Whether an end was asked for.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// An objective that computes nothing once its interruption is requested: it then answers with zeros, which must be discarded.
pub struct Interruptible<'a> {
    inner: Box<dyn Objective + 'a>,
    interruption: Interruption,
    cut_short: Cell<bool>,
}

impl<'a> Interruptible<'a> {
    /// The same objective until `interruption` is requested.
    pub fn new(inner: Box<dyn Objective + 'a>, interruption: &Interruption) -> Self {
        Self { inner, interruption: interruption.clone(), cut_short: Cell::new(false) }
    }

    /// Whether any answer was zeros.
    pub fn was_cut_short(&self) -> bool {
        self.cut_short.get()
    }

    fn is_over(&self) -> bool {
        let over = self.interruption.is_requested();
        self.cut_short.set(self.cut_short.get() || over);
        over
    }
}

impl Objective for Interruptible<'_> {
    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn loss(&self, w: &Vector) -> Scalar {
        if self.is_over() { zero(w) } else { self.inner.loss(w) }
    }

    fn batch_statistics(&self, w: &Vector) -> Option<Vector> {
        if self.is_over() { None } else { self.inner.batch_statistics(w) }
    }

    fn gradient(&self, w: &Vector) -> Evaluation {
        if self.is_over() { nothing(w) } else { self.inner.gradient(w) }
    }

    fn hessian_product(&self, w: &Vector, v: &Vector) -> Vector {
        if self.is_over() { v.zeros_like() } else { self.inner.hessian_product(w, v) }
    }

    fn hessian<'a>(&'a self, w: &Vector) -> Product<'a> {
        if self.is_over() {
            return Box::new(Vector::zeros_like);
        }
        let product = self.inner.hessian(w);
        Box::new(move |v| if self.is_over() { v.zeros_like() } else { product(v) })
    }

    fn gradients(&self, at: &[Vector]) -> Vec<Evaluation> {
        if self.is_over() { at.iter().map(nothing).collect() } else { self.inner.gradients(at) }
    }
}

fn zero(w: &Vector) -> Scalar {
    Scalar::zeros([1], (&w.device(), w.dtype()))
}

fn nothing(w: &Vector) -> Evaluation {
    Evaluation { loss: zero(w), gradient: w.zeros_like(), batch_statistics: None }
}
