//! What was measured at the average of a run's weights: the same quantities as at the weights themselves.

use super::quantities::{Retention, SeriesByQuantity, of_metrics, of_probe};
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
    pub(super) fn new(steps_per_epoch: u64, retention: Retention) -> Self {
        Self { series: SeriesByQuantity::new(steps_per_epoch, retention), newest: None }
    }

    pub(super) fn evaluated(&mut self, at: Position, eval: &AverageEval) {
        self.newest = Some((eval.average, eval.iterates));
        let stats = eval.weight_stats;
        let stats = [(Quantity::WeightNorm, stats.weight_norm), (Quantity::DistanceFromInit, stats.distance_from_init)];
        let stats = stats.into_iter().filter_map(|(quantity, value)| Some((quantity, value?)));
        for (quantity, value) in of_metrics(&eval.metrics).chain(stats) {
            self.record(quantity, Point { at, value, error: f64::NAN });
        }
    }

    pub(super) fn probed(&mut self, probe: &Probe) {
        for (quantity, point) in of_probe(probe) {
            self.record(quantity, point);
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
