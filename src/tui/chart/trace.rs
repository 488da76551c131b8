//! From a curve to dots: every column shows its lowest and highest value, and neighbours are joined, so that no spike vanishes.

use super::canvas::{Brush, Canvas, Layer};
use crate::figure::{
    columns,
    panel::{Curve, Emphasis, Panel, Stroke},
};

/// Columns between the marks along a curve, where there are no colours to tell runs apart.
const MARK_EVERY: usize = 18;

/// A cell of the plot, from its upper left.
pub(super) type Cell = (usize, usize);

/// What drawing a curve found out for labels and marks.
pub(super) struct Traced {
    /// The run, as a place in the palette.
    pub slot: usize,
    /// The cell of its last point.
    pub end: Cell,
    /// Cells where a mark would lie on it.
    pub marks: Vec<Cell>,
}

/// Draws one curve onto the canvas, its error bars included, and notes the cell columns where it has values that are not finite.
pub(super) fn trace(
    (panel, curve): (&Panel<'_>, &Curve<'_>),
    canvas: &mut Canvas,
    broken: &mut Vec<(usize, usize)>,
) -> Option<Traced> {
    let scale = panel.y.scale();
    let (width, height) = canvas.size();
    let (across, down) = canvas.grain();
    let layer = if curve.emphasis == Emphasis::Normal { Layer::Bright } else { Layer::Faint };
    let brush = Brush { layer, slot: Some(curve.slot) };
    let row = |value: f64| height - 1 - panel.y.clamped(value, height);
    // Only what joins two columns is dashed: the values themselves are always there.
    let is_drawn = |x: usize| curve.stroke == Stroke::Solid || (x / 3).is_multiple_of(2);
    let has_bars = layer == Layer::Bright && curve.series.bars().is_some();

    let mut before: Option<(usize, usize)> = None;
    let mut traced = Traced { slot: curve.slot, end: (0, 0), marks: Vec::new() };
    let mut is_visible = false;
    for column in columns(curve.series, (panel.x_kind, &panel.x), width) {
        let x = column.index;
        if column.extents.non_finite > 0 {
            broken.push((x / across, curve.slot));
        }
        let enters = column.enters(scale).map(|value| (x, row(value)));
        if let (Some(from), Some(to)) = (before, enters) {
            canvas.line((from, to), brush, is_drawn);
        }
        before = column.leaves(scale).map(|value| (x, row(value)));
        let Some(bounds) = column.bounds(scale) else { continue };
        let (bottom, top) = (row(bounds.low()), row(bounds.high()));
        canvas.vertical(x, (top, bottom), brush);
        let point = curve
            .series
            .get(column.points.end - 1)
            .filter(|point| has_bars && point.std_error > 0.0 && point.value.is_finite());
        if let Some(point) = point {
            let ends = (row(point.value - point.std_error), row(point.value + point.std_error));
            canvas.vertical(x, ends, Brush { layer: Layer::Bar, slot: Some(curve.slot) });
        }
        is_visible = true;
        traced.end = (x / across, before.map_or(top, |(_, row)| row) / down);
        let is_due = (x / across + 5 * curve.slot).is_multiple_of(MARK_EVERY);
        if is_due && traced.marks.last().is_none_or(|last| last.0 != x / across) {
            traced.marks.push(traced.end);
        }
    }
    (is_visible && layer == Layer::Bright).then_some(traced)
}
