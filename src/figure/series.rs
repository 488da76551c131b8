//! One measured quantity of one run: append-only columns with every x a chart may ask for.
//! Made for millions of points: a chart finds its columns by binary search and their extents in a pyramid.

use std::ops::Range;

use strum::VariantArray;

use super::{
    axis::Bounds,
    positions::Positions,
    pyramid::{Extents, Pyramid},
    tight,
};
use crate::run::Position;

/// What runs along the bottom of every chart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, VariantArray)]
pub enum XAxis {
    /// Training cost: equal places for equal work, whatever the method.
    #[default]
    Gradients,
    /// Optimizer steps.
    Step,
    /// Passes over the training set.
    Epoch,
    /// The run's clock.
    Seconds,
}

impl XAxis {
    pub fn title(self) -> &'static str {
        match self {
            Self::Gradients => "gradient evaluations",
            Self::Step => "step",
            Self::Epoch => "epoch",
            Self::Seconds => "seconds",
        }
    }

    /// The next choice, the first after the last.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Gradients => Self::Step,
            Self::Step => Self::Epoch,
            Self::Epoch => Self::Seconds,
            Self::Seconds => Self::Gradients,
        }
    }

    /// `at` on this axis, given the steps in one epoch.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub fn of(self, at: Position, steps_per_epoch: u64) -> f64 {
        match self {
            Self::Gradients => at.gradients as f64,
            Self::Step => at.step as f64,
            Self::Epoch => at.step as f64 / steps_per_epoch.max(1) as f64,
            Self::Seconds => at.seconds,
        }
    }
}

/// One point of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When it was measured.
    pub at: Position,
    /// The value; may be anything a float can be.
    pub value: f64,
    /// Half the width of its error bar, of the [kind](super::quantity::ErrorKind) that its quantity has; NaN where there is none.
    pub error: f64,
}

/// An append-only sequence of points, never thinned: about 19 bytes a point where steps come at a constant cost, 8 more with errors.
#[derive(Debug, Clone)]
pub struct Series {
    steps_per_epoch: u64,
    at: Positions,
    values: Vec<f64>,
    /// Empty until the first finite error; then one per value.
    errors: Vec<f64>,
    bars: Option<Bounds>,
    pyramid: Pyramid,
}

impl Series {
    /// An empty series of a run with so many steps in an epoch.
    pub fn new(steps_per_epoch: u64) -> Self {
        Self {
            steps_per_epoch: steps_per_epoch.max(1),
            at: Positions::default(),
            values: Vec::new(),
            errors: Vec::new(),
            bars: None,
            pyramid: Pyramid::default(),
        }
    }

    /// Appends a point, O(1) amortised. Time does not run backwards: a place before the last one is taken to be the last one.
    pub fn push(&mut self, point: Point) {
        let Point { at, value, error } = point;
        self.at.push(at);
        tight::push(&mut self.values, value);
        self.pyramid.grow(&self.values);
        if error.is_finite() && self.errors.is_empty() {
            self.errors.resize(self.values.len() - 1, f64::NAN);
        }
        if error.is_finite() || !self.errors.is_empty() {
            tight::push(&mut self.errors, error);
        }
        if let Some(bar) = Bounds::new(value - error.abs(), value + error.abs()) {
            self.bars = Some(self.bars.map_or(bar, |bars| bars.union(bar)));
        }
    }

    /// Forgets all points.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.steps_per_epoch);
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no point yet.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The point of that index, if there is one.
    pub fn get(&self, index: usize) -> Option<Point> {
        (index < self.len()).then(|| self.point(index))
    }

    pub fn last(&self) -> Option<Point> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The last point whose x is at most `limit`.
    pub fn last_within(&self, axis: XAxis, limit: f64) -> Option<Point> {
        let end = self.find(0, self.len(), axis, |x| x > limit);
        self.get(end.checked_sub(1)?)
    }

    /// All points in order.
    pub fn points(&self) -> impl DoubleEndedIterator<Item = Point> + ExactSizeIterator + '_ {
        (0..self.len()).map(|index| self.point(index))
    }

    /// Steps in one epoch of this run.
    pub fn steps_per_epoch(&self) -> u64 {
        self.steps_per_epoch
    }

    /// The x of a point; never decreases along the index.
    ///
    /// # Panics
    /// If there is no such point.
    pub fn x(&self, index: usize, axis: XAxis) -> f64 {
        axis.of(self.at.at(index), self.steps_per_epoch)
    }

    /// The first index from `from` on whose x satisfies `beyond`, by galloping away from `from + hint`: O(log of the hint's error).
    /// `beyond` must not become false again as x grows.
    pub fn find(&self, from: usize, hint: usize, axis: XAxis, beyond: impl Fn(f64) -> bool) -> usize {
        let end = self.len();
        let is_beyond = |index: usize| beyond(self.x(index, axis));
        // Everything before `low` is not beyond; `high` is, or is the end.
        let (mut low, mut high) = (from.min(end), end);
        if low == end {
            return end;
        }
        let guess = low.saturating_add(hint).min(end - 1);
        let mut stride = 1;
        if is_beyond(guess) {
            high = guess;
            while high > low {
                let probe = high.saturating_sub(stride).max(low);
                if !is_beyond(probe) {
                    low = probe + 1;
                    break;
                }
                high = probe;
                stride *= 2;
            }
        } else {
            low = guess;
            while low < end {
                let probe = (low + stride).min(end - 1);
                if is_beyond(probe) {
                    high = probe;
                    break;
                }
                low = probe + 1;
                stride *= 2;
            }
        }
        while low < high {
            let middle = low.midpoint(high);
            if is_beyond(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }

    /// What the values of an index range span, in O(log n).
    pub fn extents(&self, range: Range<usize>) -> Extents {
        self.pyramid.extents(&self.values, range)
    }

    /// What the error bars span together; `None` where no point has one.
    pub fn bars(&self) -> Option<Bounds> {
        self.bars
    }

    /// The values alone.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    fn point(&self, index: usize) -> Point {
        Point { at: self.at.at(index), value: self.values[index], error: self.error(index) }
    }

    fn error(&self, index: usize) -> f64 {
        self.errors.get(index).copied().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step: u64) -> Position {
        Position { step, gradients: 2 * step, seconds: step as f64 / 10.0 }
    }

    #[test]
    fn every_axis_is_at_hand_and_never_runs_backwards() {
        let mut series = Series::new(10);
        for step in [5, 20, 15] {
            series.push(Point { at: at(step), value: 1.0, error: f64::NAN });
        }
        series.push(Point { at: Position { seconds: f64::NAN, ..at(30) }, value: 1.0, error: f64::NAN });
        for (axis, expected) in [
            (XAxis::Gradients, [10.0, 40.0, 40.0, 60.0]),
            (XAxis::Step, [5.0, 20.0, 20.0, 30.0]),
            (XAxis::Epoch, [0.5, 2.0, 2.0, 3.0]),
            (XAxis::Seconds, [0.5, 2.0, 2.0, 2.0]),
        ] {
            assert_eq!([0, 1, 2, 3].map(|index| series.x(index, axis)), expected);
        }
    }

    #[test]
    fn errors_may_begin_late() {
        let mut series = Series::new(1);
        series.push(Point { at: at(1), value: 4.0, error: f64::NAN });
        series.push(Point { at: at(2), value: 5.0, error: 0.5 });
        assert!(series.get(0).is_some_and(|point| point.error.is_nan()));
        assert_eq!(series.last().map(|point| point.error), Some(0.5));
        assert_eq!(series.bars(), Bounds::new(4.5, 5.5));
    }

    #[test]
    fn galloping_finds_what_a_scan_finds() {
        let mut series = Series::new(1);
        for step in (0..500).map(|index| index * index / 7) {
            series.push(Point { at: at(step), value: 0.0, error: f64::NAN });
        }
        for from in [0, 3, 250, 499, 500] {
            for limit in [-1.0, 0.0, 100.0, 20_000.0, 1e9] {
                let scan =
                    (from..series.len()).find(|&index| series.x(index, XAxis::Step) > limit).unwrap_or(series.len());
                for hint in [0, 1, 2, 40, 499, usize::MAX] {
                    let found = series.find(from, hint, XAxis::Step, |x| x > limit);
                    assert_eq!(found, scan, "from {from}, beyond {limit}, hint {hint}");
                }
            }
        }
    }

    #[test]
    fn the_last_point_within_a_limit_is_found() {
        let mut series = Series::new(1);
        for step in [5, 20, 20, 35] {
            series.push(Point { at: at(step), value: step as f64, error: f64::NAN });
        }
        let found = |limit| series.last_within(XAxis::Gradients, limit).map(|point| point.at.step);
        assert_eq!([9.0, 10.0, 39.9, 40.0, 1e9].map(found), [None, Some(5), Some(5), Some(20), Some(35)]);
    }

    #[test]
    fn x_walks_through_all_its_choices() {
        let mut axis = XAxis::default();
        for &expected in XAxis::VARIANTS {
            assert_eq!(axis, expected);
            axis = axis.next();
        }
        assert_eq!(axis, XAxis::default());
    }
}
