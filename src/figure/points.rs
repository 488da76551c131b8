//! The points of a curve, wherever they come from: a series along training, borrowed at any length, or a measurement that is
//! a whole curve by itself, owned and short. Drawing asks both the same questions.

use std::ops::Range;

use super::{
    axis::Bounds,
    pyramid::{Extents, Pyramid},
    series::{Series, XAxis},
};

/// One point of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct XyPoint {
    /// Where along the panel's x axis.
    pub x: f64,
    /// The value; may be anything a float can be.
    pub y: f64,
    /// Half the width of its error bar; NaN where there is none.
    pub error: f64,
}

/// What a curve is made of.
#[derive(Debug, Clone)]
pub enum Points<'a> {
    /// Measured along training, and seen on one of its axes.
    Along(&'a Series, XAxis),
    /// Measured at once.
    Whole(XyCurve),
}

/// A short curve with an x of its own, from left to right.
#[derive(Debug, Clone, Default)]
pub struct XyCurve {
    x: Vec<f64>,
    y: Vec<f64>,
    errors: Vec<f64>,
    bars: Option<Bounds>,
    pyramid: Pyramid,
}

impl FromIterator<XyPoint> for XyCurve {
    /// Points without a finite x have no place and are left out.
    fn from_iter<I: IntoIterator<Item = XyPoint>>(points: I) -> Self {
        let mut points: Vec<XyPoint> = points.into_iter().filter(|point| point.x.is_finite()).collect();
        points.sort_by(|one, other| one.x.total_cmp(&other.x));
        let mut curve = Self::default();
        for XyPoint { x, y, error } in points {
            curve.x.push(x);
            curve.y.push(y);
            curve.errors.push(error);
            curve.pyramid.grow(&curve.y);
            if let Some(bar) = Bounds::new(y - error.abs(), y + error.abs()) {
                curve.bars = Some(curve.bars.map_or(bar, |bars| bars.union(bar)));
            }
        }
        curve
    }
}

impl Points<'_> {
    pub fn len(&self) -> usize {
        match self {
            Self::Along(series, _) => series.len(),
            Self::Whole(curve) => curve.x.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The point of that index, if there is one.
    pub fn get(&self, index: usize) -> Option<XyPoint> {
        match self {
            Self::Along(series, axis) => {
                series.get(index).map(|point| XyPoint { x: series.x(index, *axis), y: point.value, error: point.error })
            }
            Self::Whole(curve) => {
                Some(XyPoint { x: *curve.x.get(index)?, y: curve.y[index], error: curve.errors[index] })
            }
        }
    }

    /// The x of a point; never decreases along the index.
    ///
    /// # Panics
    /// If there is no such point.
    pub fn x(&self, index: usize) -> f64 {
        match self {
            Self::Along(series, axis) => series.x(index, *axis),
            Self::Whole(curve) => curve.x[index],
        }
    }

    pub fn last(&self) -> Option<XyPoint> {
        self.get(self.len().checked_sub(1)?)
    }

    /// All points from left to right.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = XyPoint> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The first index from `from` on whose x satisfies `beyond`, sought from `from + hint` on; logarithmic.
    /// `beyond` must not become false again as x grows.
    pub fn find(&self, from: usize, hint: usize, beyond: impl Fn(f64) -> bool) -> usize {
        match self {
            Self::Along(series, axis) => series.find(from, hint, *axis, beyond),
            Self::Whole(curve) => {
                let from = from.min(curve.x.len());
                from + curve.x[from..].partition_point(|&x| !beyond(x))
            }
        }
    }

    /// What the values of an index range span, in O(log n).
    pub fn extents(&self, range: Range<usize>) -> Extents {
        match self {
            Self::Along(series, _) => series.extents(range),
            Self::Whole(curve) => curve.pyramid.extents(&curve.y, range),
        }
    }

    /// What the error bars span together; `None` where no point has one.
    pub fn bars(&self) -> Option<Bounds> {
        match self {
            Self::Along(series, _) => series.bars(),
            Self::Whole(curve) => curve.bars,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_curve_answers_from_left_to_right() {
        let points = [(3.0, 9.0, 0.5), (1.0, -1.0, f64::NAN), (f64::NAN, 7.0, 1.0), (2.0, 4.0, 2.0)];
        let points =
            Points::Whole(points.into_iter().map(|(x, y, error)| XyPoint { x, y, error }).collect::<XyCurve>());
        assert_eq!(
            points.iter().map(|point| (point.x, point.y)).collect::<Vec<_>>(),
            [(1.0, -1.0), (2.0, 4.0), (3.0, 9.0)]
        );
        assert_eq!(points.find(0, 9, |x| x > 1.5), 1);
        assert_eq!(points.find(2, 0, |x| x > 1.5), 2);
        assert_eq!(points.find(9, 0, |x| x > 1.5), 3);
        assert_eq!(points.bars(), Bounds::new(2.0, 9.5));
        let all = points.extents(0..3);
        assert_eq!((all.low, all.high, all.low_positive, all.non_positive), (-1.0, 9.0, 4.0, 1));
        assert_eq!(points.get(3), None);
    }
}
