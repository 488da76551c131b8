//! Series by quantity, and what an evaluation and a curvature measurement add to them.

use std::collections::BTreeMap;

use crate::{
    figure::{
        quantity::Quantity,
        series::{Point, Series},
    },
    problem::Metrics,
    run::Probe,
};

/// Which points of a series are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Retention {
    /// All: what charts are drawn from.
    #[default]
    All,
    /// The newest alone, in memory that does not grow: what a table of results is made of. Nothing is compared with the past then.
    Newest,
}

/// A series for each quantity that was measured.
#[derive(Debug, Clone)]
pub(super) struct SeriesByQuantity {
    retention: Retention,
    measured: BTreeMap<Quantity, Series>,
    /// The series of what was never measured.
    empty: Series,
}

impl SeriesByQuantity {
    pub fn new(steps_per_epoch: u64, retention: Retention) -> Self {
        Self { retention, measured: BTreeMap::new(), empty: Series::new(steps_per_epoch) }
    }

    pub fn push(&mut self, quantity: Quantity, point: Point) {
        let series = self.measured.entry(quantity).or_insert_with(|| self.empty.clone());
        if self.retention == Retention::Newest {
            series.clear();
        }
        series.push(point);
    }

    pub fn get(&self, quantity: Quantity) -> &Series {
        self.measured.get(&quantity).unwrap_or(&self.empty)
    }

    /// The quantities that were measured.
    pub fn quantities(&self) -> impl Iterator<Item = Quantity> {
        self.measured.keys().copied()
    }

    /// Steps in one epoch; 1 before the run has begun.
    pub fn steps_per_epoch(&self) -> u64 {
        self.empty.steps_per_epoch()
    }
}

/// What an evaluation found, quantity by quantity.
pub(super) fn of_metrics(metrics: &Metrics) -> impl Iterator<Item = (Quantity, f64)> + use<> {
    let Metrics {
        train_loss,
        validation_loss,
        test_loss,
        gap,
        train_accuracy,
        validation_accuracy,
        test_accuracy,
        train_error,
        validation_error,
        distance,
    } = *metrics;
    let values = [
        (Quantity::TrainLoss, train_loss),
        (Quantity::ValidationLoss, validation_loss),
        (Quantity::TestLoss, test_loss),
        (Quantity::Gap, gap),
        (Quantity::TrainAccuracy, train_accuracy),
        (Quantity::ValidationAccuracy, validation_accuracy),
        (Quantity::TestAccuracy, test_accuracy),
        (Quantity::TrainError, train_error),
        (Quantity::ValidationError, validation_error),
        (Quantity::Distance, distance),
    ];
    let error_rates = [
        (Quantity::TrainErrorRate, train_accuracy),
        (Quantity::ValidationErrorRate, validation_accuracy),
        (Quantity::TestErrorRate, test_accuracy),
    ];
    let error_rates = error_rates.map(|(quantity, accuracy)| (quantity, accuracy.map(|accuracy| 1.0 - accuracy)));
    values.into_iter().chain(error_rates).filter_map(|(quantity, value)| Some((quantity, value?)))
}

/// What a curvature measurement found, quantity by quantity, with what is shown as its error.
pub(super) fn of_probe(probe: &Probe) -> impl Iterator<Item = (Quantity, Point)> + use<> {
    let point = |value, error| Point { at: probe.at, value, error };
    let value = |value| point(value, f64::NAN);
    let interval = probe.trace.interval95;
    let found = [
        (Quantity::Trace, Some(point(probe.trace.mean, probe.trace.error()))),
        (Quantity::LambdaMax, Some(point(probe.lambda_max.value, probe.lambda_max.residual))),
        (Quantity::LambdaMin, probe.lambda_min.map(|pair| point(pair.value, pair.residual))),
        (Quantity::Layerwise, probe.lambda_layerwise.map(|sum| point(sum.value, sum.std_error))),
        (Quantity::GradientNorm, probe.gradient_norm.map(value)),
        (Quantity::TraceSamplingError, probe.trace.examples_std_error.map(value)),
        (Quantity::TraceLow, interval.map(|interval| value(interval.low))),
        (Quantity::TraceHigh, interval.map(|interval| value(interval.high))),
        (Quantity::MeasuredLoss, probe.loss.map(value)),
    ];
    found.into_iter().filter_map(|(quantity, point)| Some((quantity, point?)))
}
