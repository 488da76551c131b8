//! From a curve to dots: every column shows its lowest and highest value, and neighbours are joined, so that no spike vanishes.

use super::canvas::{Brush, Canvas, Layer};
use crate::figure::{
    columns,
    panel::{Curve, Emphasis, Form, Panel, Stroke},
};

/// Columns between the marks along a curve, where runs do not differ by colour.
const MARK_EVERY: usize = 18;

/// A cell of the plot: column and row from its upper left.
pub(super) type Cell = (usize, usize);

/// A place where a curve has values that the chart has no place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Break {
    /// The column of cells.
    pub column: usize,
    /// The run, as a place in the palette.
    pub slot: usize,
    pub values: Unplaced,
}

/// Values without a place in a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unplaced {
    NotFinite,
    /// They lie above the axis, and are drawn at its end.
    Above,
}

/// What drawing a curve found out for labels and marks.
pub(super) struct Traced {
    /// The run, as a place in the palette.
    pub slot: usize,
    /// The cell of its last point.
    pub end: Cell,
    /// Cells where a mark would lie on it.
    pub marks: Vec<Cell>,
}

/// What drawing one curve found out.
#[derive(Default)]
pub(super) struct Drawn {
    /// Of a curve that the panel is about and that can be seen.
    pub traced: Option<Traced>,
    pub breaks: Vec<Break>,
}

/// Draws one curve onto the canvas, its error bars included.
pub(super) fn trace(panel: &Panel<'_>, curve: &Curve<'_>, canvas: &mut Canvas) -> Drawn {
    match curve.form {
        Form::Line(stroke) => line(panel, curve, Some(stroke), canvas),
        Form::Dots => line(panel, curve, None, canvas),
        Form::Bars(width) => Drawn { traced: bars(panel, curve, width, canvas), breaks: Vec::new() },
    }
}

fn brush(curve: &Curve<'_>) -> Brush {
    let layer = if curve.emphasis == Emphasis::Normal { Layer::Bright } else { Layer::Faint };
    Brush { layer, slot: Some(curve.slot) }
}

/// Draws the values of each column, and what joins neighbours in its stroke, if it has one.
fn line(panel: &Panel<'_>, curve: &Curve<'_>, stroke: Option<Stroke>, canvas: &mut Canvas) -> Drawn {
    let scale = panel.y.scale();
    let (width, height) = canvas.size();
    let (across, down) = canvas.grain();
    let brush = brush(curve);
    let row = |value: f64| height - 1 - panel.y.clamped(value, height);
    // Only what joins two columns has pauses: the values themselves are always there.
    let is_drawn = |x: usize| match stroke {
        Some(Stroke::Solid) => true,
        Some(Stroke::Dashed) => (x / 3).is_multiple_of(2),
        Some(Stroke::Dotted) => x.is_multiple_of(3),
        None => false,
    };
    let has_bars = brush.layer == Layer::Bright && curve.points.bars().is_some();

    let mut before: Option<(usize, usize)> = None;
    let mut traced = Traced { slot: curve.slot, end: (0, 0), marks: Vec::new() };
    let (mut is_visible, mut breaks) = (false, Vec::new());
    for column in columns(&curve.points, &panel.x, width) {
        let x = column.index;
        if column.extents.non_finite > 0 {
            breaks.push(Break { column: x / across, slot: curve.slot, values: Unplaced::NotFinite });
        }
        let enters = column.enters(scale).map(|value| (x, row(value)));
        if let (Some(from), Some(to)) = (before, enters) {
            canvas.line(from, to, brush, is_drawn);
        }
        before = column.leaves(scale).map(|value| (x, row(value)));
        let Some(bounds) = column.bounds(scale) else { continue };
        if bounds.high() > panel.y.high() * (1.0 + 1e-9) && brush.layer == Layer::Bright {
            breaks.push(Break { column: x / across, slot: curve.slot, values: Unplaced::Above });
        }
        let (bottom, top) = (row(bounds.low()), row(bounds.high()));
        canvas.vertical(x, (top, bottom), brush);
        let point = curve.points.get(column.points.end - 1);
        if let Some(point) = point.filter(|point| has_bars && point.error > 0.0 && point.y.is_finite()) {
            let ends = (row(point.y - point.error), row(point.y + point.error));
            canvas.vertical(x, ends, Brush { layer: Layer::Bar, ..brush });
        }
        is_visible = true;
        traced.end = (x / across, before.map_or(top, |(_, row)| row) / down);
        let is_due = (x / across + 5 * curve.slot).is_multiple_of(MARK_EVERY);
        if is_due && traced.marks.last().is_none_or(|last| last.0 != x / across) {
            traced.marks.push(traced.end);
        }
    }
    Drawn { traced: (is_visible && brush.layer == Layer::Bright).then_some(traced), breaks }
}

/// Draws a bar at each point, with its error bar above it; the part within the bar cannot be seen.
fn bars(panel: &Panel<'_>, curve: &Curve<'_>, width: f64, canvas: &mut Canvas) -> Option<Traced> {
    let (columns, height) = canvas.size();
    let (across, down) = canvas.grain();
    let brush = brush(curve);
    let row = |value: f64| height - 1 - panel.y.clamped(value, height);
    let column = |x: f64| panel.x.clamped(x, columns);
    let mut tops = Vec::new();
    for point in curve.points.iter().filter(|point| panel.y.has(point.y)) {
        let (left, right) = (column(point.x - width / 2.0), column(point.x + width / 2.0));
        // A dot is left free on the right, so that neighbours stay apart.
        for x in left..right.max(left + 1) {
            canvas.vertical(x, (row(point.y), row(0.0)), brush);
        }
        if point.error > 0.0 {
            let ends = (row(point.y - point.error), row(point.y + point.error));
            canvas.vertical(column(point.x), ends, Brush { layer: Layer::Bar, ..brush });
        }
        tops.push((column(point.x) / across, row(point.y) / down));
    }
    Some(Traced { slot: curve.slot, end: *tops.last()?, marks: tops })
}
