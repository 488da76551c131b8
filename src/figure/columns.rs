//! From points to columns: what a drawing of so many columns needs of a series, whatever its length.
//! Each column keeps its minimum and maximum, so that no spike vanishes however narrow the chart.

use std::ops::Range;

use super::{
    axis::{Axis, Bounds, Scale},
    points::Points,
    pyramid::Extents,
};

/// The points that fall into one column of a drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Which column, from the left.
    pub index: usize,
    /// The indices of its points, at least one.
    pub points: Range<usize>,
    pub extents: Extents,
}

impl Column {
    /// The lowest and the highest of its values that a scale can show; `None` if it can show none of them.
    pub fn bounds(&self, scale: Scale) -> Option<Bounds> {
        Bounds::of(&self.extents, scale)
    }

    /// The value at which the curve comes in from the left; `None` where there is a gap instead.
    pub fn enters(&self, scale: Scale) -> Option<f64> {
        joint(self.extents.first, scale)
    }

    /// The value at which the curve goes out to the right; `None` where there is a gap instead.
    pub fn leaves(&self, scale: Scale) -> Option<f64> {
        joint(self.extents.last, scale)
    }
}

fn joint(value: f64, scale: Scale) -> Option<f64> {
    (value.is_finite() && (scale == Scale::Linear || value > 0.0)).then_some(value)
}

/// The columns of `all` along `axis`, of `count` across the whole of it, from left to right; columns without points are left out.
/// O(columns log points).
pub fn columns<'a>(all: &'a Points<'a>, axis: &'a Axis, count: usize) -> impl Iterator<Item = Column> + 'a {
    let outside = |value: f64| axis.slot(value, count).is_none();
    // On a log axis, points at x = 0 lie before its beginning.
    let mut next = if all.get(0).is_some_and(|first| outside(first.x)) { all.find(0, 0, |x| !outside(x)) } else { 0 };
    // What lies beyond the axis belongs to no column.
    let last = all.find(next, all.len(), |x| axis.has(x) && axis.slot(x, 2).is_none());
    // Columns tend to hold as many points as the one before.
    let mut size = 0;
    std::iter::from_fn(move || {
        if next >= last || count == 0 {
            return None;
        }
        let index = axis.clamped(all.x(next), count);
        let end = all.find(next, size, |x| axis.clamped(x, count) > index);
        let points = next..end.min(last).max(next + 1);
        (next, size) = (points.end, points.len());
        Some(Column { index, extents: all.extents(points.clone()), points })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::series::{Point, Series, XAxis},
        *,
    };
    use crate::run::Position;

    proptest! {
        #[test]
        fn every_point_is_in_its_column_and_no_other(
            gaps in prop::collection::vec(0u64..40, 0..300), count in 0usize..60, log in prop::sample::select(vec![Scale::Linear, Scale::Log])
        ) {
            let mut series = Series::new(1);
            let mut step = 0;
            for (index, gap) in gaps.iter().enumerate() {
                step += gap;
                series.push(Point { at: Position { step, ..Position::default() }, value: index as f64, error: f64::NAN });
            }
            let points = Points::Along(&series, XAxis::Step);
            let axis = Axis::along(Bounds::new(if log == Scale::Log { 1.0 } else { 0.0 }, step.max(1) as f64), log);
            let mut expected: Vec<Vec<usize>> = vec![Vec::new(); count];
            for index in 0..series.len() {
                if let Some(column) = axis.slot(series.x(index, XAxis::Step), count)
                    && count > 0
                {
                    expected[column].push(index);
                }
            }
            let mut found: Vec<Vec<usize>> = vec![Vec::new(); count];
            let indices: Vec<_> = columns(&points, &axis, count).map(|column| column.index).collect();
            prop_assert!(indices.windows(2).all(|pair| pair[0] < pair[1]), "a column comes twice in {indices:?}");
            for column in columns(&points, &axis, count) {
                found[column.index].extend(column.points.clone());
                prop_assert_eq!(column.extents.low, column.points.start as f64);
                prop_assert_eq!(column.extents.high, (column.points.end - 1) as f64);
            }
            prop_assert_eq!(found, expected);
        }
    }
}
