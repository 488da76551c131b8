//! One bowl: the problem on which every method has a closed form.

use burn::tensor::Device;

use super::{Examples, Metrics, Mode, Problem};
use crate::{
    autodiff::{
        Layout, Loss, Model, Objective, Parameters, Real, Scalar, Value, Vector, norm, objective, read, vector_like,
    },
    random::Stream,
};

/// f(w) = 1/2 sum_i h_i w_i^2 + b'w, from a given start.
#[derive(Debug, Clone)]
pub struct Quadratic {
    h: Vec<f64>,
    b: Vec<f64>,
    start: Vec<f64>,
    layout: Layout,
    device: Device,
}

impl Quadratic {
    /// The quadratic with curvatures `h`, slope `b` and start `start`, all of one length.
    pub fn new(h: Vec<f64>, b: Vec<f64>, start: Vec<f64>, device: Device) -> Self {
        let layout = Layout::new([("w", vec![h.len()])]);
        Self { h, b, start, layout, device }
    }

    /// |w - w*|_2 with w* = -b/h; none where some curvature is not positive and there is no minimum.
    fn distance(&self, w: &Vector) -> Option<Scalar> {
        let minimum: Vec<f64> = self.h.iter().zip(&self.b).map(|(h, b)| -b / h).collect();
        let exists = self.h.iter().all(|&h| h > 0.0);
        exists.then(|| norm(&(w.clone() - vector_like(&minimum, w))))
    }
}

impl Model for Quadratic {
    type Batch = ();

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn loss<R: Real>(&self, w: &Parameters<'_, R>, (): &()) -> Loss<R> {
        let w: Value<R, 1> = w.tensor(0);
        let like = w.detach();
        let [h, b] = [&self.h, &self.b].map(|numbers| Value::constant(vector_like(numbers, &like)));
        Loss::from(0.5 * (h * w.clone().square()).sum() + (b * w).sum())
    }
}

impl Problem for Quadratic {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn initial(&self, _random: &mut Stream) -> Vec<f64> {
        self.start.clone()
    }

    fn objective_in(&self, _mode: Mode, _examples: Examples<'_>) -> Box<dyn Objective + '_> {
        objective(self, (), &self.device)
    }

    fn evaluate(&self, w: &Vector, _buffers: Option<&Vector>) -> Metrics {
        let train_loss = read(vec![self.objective(Examples::First(0)).loss(w)]).pop();
        let distance = self.distance(w).and_then(|distance| read(vec![distance]).pop());
        Metrics { train_loss, distance, ..Metrics::default() }
    }

    fn device(&self) -> &Device {
        &self.device
    }
}
