//! What evaluations and curvature measurements add to a history.

use super::{
    Best, History,
    quantities::{of_metrics, of_probe},
};
use crate::{
    figure::quantity::Quantity,
    problem::Metrics,
    run::{Position, Probe, WeightStats},
};

impl History {
    /// What a curvature measurement found.
    pub(super) fn measured(&mut self, at: Position, probe: &Probe) {
        for (quantity, point) in of_probe(probe) {
            self.record_point(quantity, point);
        }
        if probe.loss.is_none()
            && let Some(loss) = self.loss_evaluated_at(at)
        {
            self.record(Quantity::MeasuredLoss, at, loss);
        }
        self.snapshots.layers.clone_from(&probe.layers);
        self.snapshots.density.clone_from(&probe.density);
        self.snapshots.measured_at = Some(at);
    }

    /// In logs without the loss of a measurement's examples, the training loss of an evaluation at the same step stands
    /// for it, whichever came first.
    pub(super) fn pair_with_last_measurement(&mut self, at: Position) {
        let probed = self.last(Quantity::Trace).is_some_and(|point| point.at.step == at.step);
        let paired = self.last(Quantity::MeasuredLoss).is_some_and(|point| point.at.step == at.step);
        if let Some(loss) = self.loss_evaluated_at(at).filter(|_| probed && !paired) {
            self.record(Quantity::MeasuredLoss, at, loss);
        }
    }

    /// The training loss of an evaluation at this very step.
    fn loss_evaluated_at(&self, at: Position) -> Option<f64> {
        self.last(Quantity::TrainLoss).filter(|point| point.at.step == at.step).map(|point| point.value)
    }

    pub(super) fn placed(&mut self, at: Position, weight_stats: &WeightStats) {
        for (quantity, value) in [
            (Quantity::DistanceFromInit, weight_stats.distance_from_init),
            (Quantity::WeightNorm, weight_stats.weight_norm),
            (Quantity::LrNow, weight_stats.lr_now),
            (Quantity::SigmaNow, weight_stats.sigma_now),
        ] {
            if let Some(value) = value {
                self.record(quantity, at, value);
            }
        }
    }

    pub(super) fn evaluated(&mut self, at: Position, metrics: &Metrics) {
        let lowest = self.best.map_or(f64::INFINITY, |best| best.metrics.validation_loss.unwrap_or(f64::INFINITY));
        if metrics.validation_loss.is_some_and(|loss| loss < lowest) {
            self.best = Some(Best { at, metrics: *metrics });
        }
        for (quantity, value) in of_metrics(metrics) {
            self.record(quantity, at, value);
        }
    }
}
