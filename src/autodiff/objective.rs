//! A model on one minibatch as a function of w: loss, gradient, exact Hessian product.

use std::{cell::Cell, sync::Arc};

use burn::tensor::{Device, Tensor};

use super::{Dual, Forward, HessianProducts, Layout, NativeAutograd, Parameters, Primal, Real, Scalar, Value, Vector};

/// What a model makes of a batch.
pub struct Loss<R: Real> {
    /// The mean loss, one number.
    pub value: R::T<1>,
    /// The batch statistics, mean and variance of the batch at each batch normalisation, in the layout of their buffers;
    /// `None` where there is no batch normalisation or where it normalises by its buffers.
    pub batch_statistics: Option<Vector>,
}

impl<R: Real> Loss<R> {
    /// A loss without batch normalisation.
    pub fn of(value: R::T<1>) -> Self {
        Self { value, batch_statistics: None }
    }
}

/// A loss without batch normalisation.
impl<R: Real> From<Value<R, 1>> for Loss<R> {
    fn from(value: Value<R, 1>) -> Self {
        Self::of(value.into_inner())
    }
}

/// The losses of a model at several points.
pub enum Losses<R: Real> {
    /// One number a point, from one pass over the batch.
    InOnePass(Vec<R::T<1>>),
    /// Not computed: one point after another is no more expensive.
    OneByOne,
}

/// A scalar function of its parameters, written once over [`Real`]. Pure: no hidden state, no randomness of its own.
pub trait Model {
    /// What a loss is computed on.
    type Batch;

    /// The tensors that w is cut into.
    fn layout(&self) -> &Layout;

    /// The mean loss on `batch`.
    fn loss<R: Real>(&self, w: &Parameters<'_, R>, batch: &Self::Batch) -> Loss<R>;

    /// The losses at several points, where the model can compute them in one pass over the batch cheaper than one point after
    /// another.
    fn losses<R: Real>(&self, _at: &[Parameters<'_, R>], _batch: &Self::Batch) -> Losses<R> {
        Losses::OneByOne
    }
}

/// Loss and gradient at one point, from one gradient evaluation.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// f(w), still on the device.
    pub loss: Scalar,
    /// grad f(w), [parameters].
    pub gradient: Vector,
    /// The batch statistics, where batch normalisation computed them.
    pub batch_statistics: Option<Vector>,
}

/// v -> H v at a point that it was made for. It may keep what it needs of that point.
pub type Product<'a> = Box<dyn Fn(&Vector) -> Vector + 'a>;

/// What can be asked of a differentiable scalar function of w. All answers are deterministic: the same w gives the same bits.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use nso_tui::autodiff::{Layout, Loss, Model, Objective, Parameters, Real, Value, objective, read, values};
///
/// /// f(w) = sum w^3.
/// struct Cubic(Layout);
///
/// impl Model for Cubic {
///     type Batch = ();
///
///     fn layout(&self) -> &Layout {
///         &self.0
///     }
///
///     fn loss<R: Real>(&self, w: &Parameters<'_, R>, (): &()) -> Loss<R> {
///         let w: Value<R, 1> = w.tensor(0);
///         Loss::from((w.clone().square() * w).sum())
///     }
/// }
///
/// let cpu = Device::flex();
/// let model = Cubic(Layout::new([("w", vec![2])]));
/// let f = objective(&model, (), &cpu);
/// let w = Tensor::from_floats([1.0, -2.0], &cpu);
/// let v = Tensor::from_floats([1.0, 0.5], &cpu);
///
/// assert_eq!(read(vec![f.loss(&w)]), [-7.0]);
/// assert_eq!(values(&f.gradient(&w).gradient), [3.0, 12.0]); // 3 w^2
/// assert_eq!(values(&f.hessian_product(&w, &v)), [6.0, -6.0]); // 6 w v
/// ```
pub trait Objective {
    /// Number of parameters.
    fn dimension(&self) -> usize;

    /// f(w). Cost: a forward pass.
    fn loss(&self, w: &Vector) -> Scalar;

    /// The batch statistics at w, where batch normalisation computes them. Cost: a forward pass.
    fn batch_statistics(&self, _w: &Vector) -> Option<Vector> {
        None
    }

    /// f(w) and grad f(w). Cost: one gradient evaluation.
    fn gradient(&self, w: &Vector) -> Evaluation;

    /// H(w) v with the exact Hessian, almost everywhere as double backward gives it. Cost: about two gradient evaluations.
    fn hessian_product(&self, w: &Vector, v: &Vector) -> Vector;

    /// H(w), for many products at one w.
    fn hessian<'a>(&'a self, w: &Vector) -> Product<'a> {
        let w = w.clone();
        Box::new(move |v| self.hessian_product(&w, v))
    }

    /// Gradients at several points, counted one each however they are computed.
    fn gradients(&self, at: &[Vector]) -> Vec<Evaluation> {
        at.iter().map(|w| self.gradient(w)).collect()
    }
}

/// The objective of a model on one batch, by burn's reverse mode over primal or dual numbers.
#[derive(Debug, Clone)]
pub struct Differentiable<'a, M: Model> {
    pub(super) model: &'a M,
    pub(super) batch: M::Batch,
}

/// The objective of `model` on `batch`, by the reverse mode that suits their device.
pub fn objective<'a, M: Model>(model: &'a M, batch: M::Batch, device: &Device) -> Box<dyn Objective + 'a> {
    objective_with(model, batch, device, &Arc::new(NativeAutograd::new(HessianProducts::DoubleBackward)))
}

/// The same where LibTorch's own autograd is used in this manner; what it refuses is remembered there.
pub fn objective_with<'a, M: Model>(
    model: &'a M,
    batch: M::Batch,
    device: &Device,
    native: &Arc<NativeAutograd>,
) -> Box<dyn Objective + 'a> {
    #[cfg(feature = "tch")]
    if super::libtorch::is_libtorch(device) {
        return Box::new(super::libtorch::Native::new(model, batch, native.clone()));
    }
    #[cfg(not(feature = "tch"))]
    let _ = (device, native);
    Box::new(Differentiable::new(model, batch))
}

impl<'a, M: Model> Differentiable<'a, M> {
    /// `model` on `batch`.
    pub fn new(model: &'a M, batch: M::Batch) -> Self {
        Self { model, batch }
    }

    /// A forward pass alone.
    fn forward(&self, w: &Vector) -> Loss<Primal> {
        let layout = self.model.layout();
        self.model.loss(&Parameters::new(layout, layout.split(w)), &self.batch)
    }

    fn leaves(&self, w: &Vector) -> Vec<Vector> {
        self.model.layout().split(w).into_iter().map(|piece| piece.autodiff().require_grad()).collect()
    }

    /// d root / d leaves as one flat vector; zero where the root does not depend on a leaf.
    fn backward(&self, root: &Tensor<1>, leaves: &[Vec<Vector>]) -> Vec<Vector> {
        let mut gradients = root.is_tracked().then(|| root.backward());
        let mut gradient_of = |leaf: &Vector| {
            let found = gradients.as_mut().and_then(|all| leaf.grad_remove(all));
            found.unwrap_or_else(|| leaf.clone().without_autodiff().zeros_like())
        };
        leaves.iter().map(|at| self.model.layout().flatten(at.iter().map(&mut gradient_of).collect())).collect()
    }
}

impl<M: Model> Objective for Differentiable<'_, M> {
    fn dimension(&self) -> usize {
        self.model.layout().dimension()
    }

    fn loss(&self, w: &Vector) -> Scalar {
        self.forward(w).value
    }

    fn batch_statistics(&self, w: &Vector) -> Option<Vector> {
        self.forward(w).batch_statistics
    }

    fn gradient(&self, w: &Vector) -> Evaluation {
        let leaves = self.leaves(w);
        let parameters = Parameters::<Primal>::new(self.model.layout(), leaves.clone());
        let Loss { value, batch_statistics } = self.model.loss(&parameters, &self.batch);
        let gradient = self.backward(&value, &[leaves]).swap_remove(0);
        Evaluation { loss: value.without_autodiff(), gradient, batch_statistics }
    }

    fn gradients(&self, at: &[Vector]) -> Vec<Evaluation> {
        let leaves: Vec<_> = at.iter().map(|w| self.leaves(w)).collect();
        let parameters: Vec<_> =
            leaves.iter().map(|leaves| Parameters::<Primal>::new(self.model.layout(), leaves.clone())).collect();
        let losses = match self.model.losses(&parameters, &self.batch) {
            Losses::InOnePass(losses) => losses,
            Losses::OneByOne => return at.iter().map(|w| self.gradient(w)).collect(),
        };
        // The losses depend on disjoint leaves, so one backward pass over their sum gives each its own gradient.
        let Some(sum) = losses.iter().cloned().reduce(Primal::add) else { return Vec::new() };
        let gradients = self.backward(&sum, &leaves);
        let losses = losses.into_iter().map(Tensor::without_autodiff);
        losses.zip(gradients).map(|(loss, gradient)| Evaluation { loss, gradient, batch_statistics: None }).collect()
    }

    /// H v = grad_w [d/d eps f(w + eps v) at 0] (Pearlmutter 1994): one forward pass with tangents, one backward.
    fn hessian_product(&self, w: &Vector, v: &Vector) -> Vector {
        let layout = self.model.layout();
        let leaves = self.leaves(w);
        let duals = leaves
            .iter()
            .zip(layout.split(v))
            .map(|(value, tangent)| Dual { value: value.clone(), tangent: Some(tangent) })
            .collect();
        let slope = self.model.loss(&Parameters::<Forward>::new(layout, duals), &self.batch).value.tangent;
        slope.map_or_else(|| v.zeros_like(), |slope| self.backward(&slope, &[leaves]).swap_remove(0))
    }
}

/// An objective that counts the gradient evaluations asked of it.
pub struct Counted<'a> {
    inner: &'a dyn Objective,
    spent: Cell<u64>,
}

impl<'a> Counted<'a> {
    /// Counts from zero.
    pub fn new(inner: &'a dyn Objective) -> Self {
        Self { inner, spent: Cell::new(0) }
    }

    /// Gradient evaluations so far.
    pub fn spent(&self) -> u64 {
        self.spent.get()
    }
}

impl Objective for Counted<'_> {
    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn loss(&self, w: &Vector) -> Scalar {
        self.inner.loss(w)
    }

    fn gradient(&self, w: &Vector) -> Evaluation {
        self.spent.set(self.spent.get() + 1);
        self.inner.gradient(w)
    }

    fn batch_statistics(&self, w: &Vector) -> Option<Vector> {
        self.inner.batch_statistics(w)
    }

    fn gradients(&self, at: &[Vector]) -> Vec<Evaluation> {
        self.spent.set(self.spent.get() + at.len() as u64);
        self.inner.gradients(at)
    }

    fn hessian<'a>(&'a self, w: &Vector) -> Product<'a> {
        self.inner.hessian(w)
    }

    fn hessian_product(&self, w: &Vector, v: &Vector) -> Vector {
        self.inner.hessian_product(w, v)
    }
}
