//! What was measured at the average of a run's weights: the same quantities as at the weights themselves.

use super::quantities::{SeriesByQuantity, by_quantity};
use crate::{
    figure::{
        quantity::Quantity,
        series::{Point, Series},
    },
    run::{AverageEval, AverageKind, Position, Probe},
};

/// The average of a run's weights, as far as it was measured.
#[derive(Debug, Clone)]
pub struct Average {
    series: SeriesByQuantity,
    newest: Option<(AverageKind, u64)>,
}

impl Average {
    pub(super) fn new(steps_per_epoch: u64) -> Self {
        Self { series: SeriesByQuantity::new(steps_per_epoch), newest: None }
    }

    pub(super) fn evaluated(&mut self, at: Position, eval: &AverageEval) {
        self.newest = Some((eval.average, eval.iterates));
        let stats = eval.weight_stats;
        let stats = [(Quantity::WeightNorm, stats.weight_norm), (Quantity::DistanceFromInit, stats.distance_from_init)];
        let stats = stats.into_iter().filter_map(|(quantity, value)| Some((quantity, value?)));
        for (quantity, value) in by_quantity(&eval.metrics).chain(stats) {
            self.record(quantity, Point { at, value, error: f64::NAN });
        }
    }

    pub(super) fn probed(&mut self, at: Position, probe: &Probe) {
        let point = |value, error| Point { at, value, error };
        for (quantity, found) in [
            (Quantity::Trace, Some(point(probe.trace.mean, probe.trace.error()))),
            (Quantity::LambdaMax, Some(point(probe.lambda_max.value, probe.lambda_max.residual))),
            (Quantity::LambdaMin, probe.lambda_min.map(|pair| point(pair.value, pair.residual))),
            (Quantity::Layerwise, probe.lambda_layerwise.map(|sum| point(sum.value, sum.std_error))),
            (Quantity::MeasuredLoss, probe.loss.map(|loss| point(loss, f64::NAN))),
            (Quantity::GradientNorm, probe.gradient_norm.map(|norm| point(norm, f64::NAN))),
        ] {
            if let Some(found) = found {
                self.record(quantity, found);
            }
        }
    }

    fn record(&mut self, quantity: Quantity, point: Point) {
        self.series.push(quantity, point);
    }

    /// All values of one quantity at the average.
    pub fn series(&self, quantity: Quantity) -> &Series {
        self.series.get(quantity)
    }

    /// The quantities that were measured at the average.
    pub fn quantities(&self) -> impl Iterator<Item = Quantity> {
        self.series.quantities()
    }

    /// How the weights are averaged, and how many iterates the newest average is of; `None` before it was measured.
    pub fn newest(&self) -> Option<(AverageKind, u64)> {
        self.newest
    }
}
