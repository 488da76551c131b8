//! A valley of minima, sharp at one end and flat in the middle: who walks to the flat part?

use burn::tensor::Device;

use super::{Examples, Metrics, Mode, Problem};
use crate::{
    autodiff::{Layout, Loss, Model, Objective, Parameters, Real, Vector, indices_on, objective, read, values},
    random::Stream,
};

/// f(x, y) = 1/2 x^2 (1 + y^2). Every (0, y) is a minimum, with curvature 1 + y^2 across the valley; the flattest is y = 0.
#[derive(Debug, Clone)]
pub struct Valley {
    start: [f64; 2],
    layout: Layout,
    device: Device,
}

impl Valley {
    /// The valley, entered at `start` = (x, y).
    pub fn new(start: [f64; 2], device: Device) -> Self {
        Self { start, layout: Layout::new([("w", vec![2])]), device }
    }
}

impl Model for Valley {
    type Batch = ();

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn loss<R: Real>(&self, w: &Parameters<'_, R>, (): &()) -> Loss<R> {
        let w: R::T<1> = w.get(0);
        let [x, y] = [0, 1].map(|index| R::select(w.clone(), indices_on(&[index], &self.device)));
        let across = R::square(x);
        Loss::of(R::scale(R::add(across.clone(), R::mul(across, R::square(y))), 0.5))
    }
}

impl Problem for Valley {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn initial(&self, _random: &mut Stream) -> Vec<f64> {
        self.start.to_vec()
    }

    fn objective_in(&self, _mode: Mode, _examples: Examples<'_>) -> Box<dyn Objective + '_> {
        objective(self, (), &self.device)
    }

    /// The loss, and how far the flat end still is: |y|.
    fn evaluate(&self, w: &Vector, _buffers: Option<&Vector>) -> Metrics {
        let train_loss = read(vec![self.objective(Examples::First(0)).loss(w)]).pop();
        let distance = values(w).last().map(|y| y.abs());
        Metrics { train_loss, distance, ..Metrics::default() }
    }

    fn device(&self) -> &Device {
        &self.device
    }
}
