//! Series by quantity, and what an evaluation adds to them.

use std::collections::BTreeMap;

use crate::{
    figure::{
        quantity::Quantity,
        series::{Point, Series},
    },
    problem::Metrics,
};

/// A series for each quantity that was measured.
#[derive(Debug, Clone)]
pub(super) struct SeriesByQuantity {
    measured: BTreeMap<Quantity, Series>,
    /// The series of what was never measured.
    empty: Series,
}

impl SeriesByQuantity {
    pub fn new(steps_per_epoch: u64) -> Self {
        Self { measured: BTreeMap::new(), empty: Series::new(steps_per_epoch) }
    }

    pub fn push(&mut self, quantity: Quantity, point: Point) {
        self.measured.entry(quantity).or_insert_with(|| self.empty.clone()).push(point);
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
pub(super) fn by_quantity(metrics: &Metrics) -> impl Iterator<Item = (Quantity, f64)> + use<> {
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
    values.into_iter().filter_map(|(quantity, value)| Some((quantity, value?)))
}
