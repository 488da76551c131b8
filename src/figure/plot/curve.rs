//! Curves on paper: lines in their strokes, bars, bands where points are dense, error bars, and a mark for each run.

use std::io;

use plotters::backend::DrawingBackend;

use super::Field;
use crate::figure::{
    columns::columns,
    palette::{Background, DASH, Ink, ink},
    panel::{Curve, Emphasis, Form, Stroke},
    pen::{Colour, Dashes, Pen, PixelPoint, index},
    points::{Points, XyPoint},
};

/// A curve's line or its bars, and its error bars where it is what the panel is about.
pub(super) fn draw<B: DrawingBackend>(pen: &mut Pen<'_, B>, field: &Field<'_>, curve: &Curve<'_>) -> io::Result<()> {
    let Ink { on_light: rgb, shape, .. } = ink(curve.slot);
    let (panel, unit, count) = (field.panel, field.unit, field.columns());
    match curve.form {
        Form::Line(stroke) => line(pen, field, curve, stroke)?,
        Form::Dots => {
            // A mark for a whole run is as large as those on lines; what it leaves behind is small and pale.
            let (rgb, size) = match (curve.emphasis, &curve.points) {
                (Emphasis::Faint, _) => (ink(curve.slot).faint_on(Background::Light), 3.0),
                (Emphasis::Normal, Points::Whole(_)) => (rgb, 5.6),
                (Emphasis::Normal, Points::Along(..)) => (rgb, 3.6),
            };
            for column in columns(&curve.points, &panel.x, count) {
                let x = field.x(curve.points.x(column.points.start));
                let ends = column.bounds(panel.y.scale()).map(|bounds| [bounds.low(), bounds.high()]);
                for value in ends.into_iter().flatten() {
                    pen.mark(shape, (x, field.y(value)), rgb, size * unit)?;
                }
            }
        }
        Form::Bars(width) => {
            for point in curve.points.iter().filter(|point| panel.y.has(point.y)) {
                let (left, right) = (field.x(point.x - width / 2.0), field.x(point.x + width / 2.0));
                // Zero, or where a log scale has none the lower edge.
                let (top, foot) = (field.y(point.y), field.y(0.0));
                let ring = [(left, foot), (left, top), (right, top), (right, foot)];
                pen.area(&ring, Colour(rgb, 0.55))?;
                pen.line(&ring, Colour(rgb, 1.0), 1.4 * unit)?;
            }
        }
    }
    // Behind what a panel is about, errors of whole curves are drawn as well: those of predictions.
    let barred = curve.emphasis == Emphasis::Normal || matches!(curve.points, Points::Whole(_));
    let strength = if curve.emphasis == Emphasis::Normal { 1.0 } else { 0.55 };
    if barred && curve.points.bars().is_some() && curve.points.len() <= count {
        let shown = |point: &XyPoint| point.error > 0.0 && panel.x.slot(point.x, 2).is_some();
        for point in curve.points.iter().filter(shown) {
            let x = field.x(point.x);
            let ends = [point.y - point.error, point.y + point.error];
            let cap = 4.0 * unit;
            pen.line(&ends.map(|end| (x, field.y(end))), Colour(rgb, strength), 1.4 * unit)?;
            // A bar that the axis cuts off does not end there.
            for y in ends.into_iter().filter(|&end| panel.y.slot(end, 2).is_some()).map(|end| field.y(end)) {
                pen.line(&[(x - cap, y), (x + cap, y)], Colour(rgb, strength), 1.4 * unit)?;
            }
        }
    }
    Ok(())
}

/// A curve's line as its emphasis and its stroke ask for.
fn line<B: DrawingBackend>(
    pen: &mut Pen<'_, B>,
    field: &Field<'_>,
    curve: &Curve<'_>,
    stroke: Stroke,
) -> io::Result<()> {
    let Ink { on_light: rgb, .. } = ink(curve.slot);
    let unit = field.unit;
    let dashes = Dashes { width: 1.8 * unit, dash: f64::from(DASH.0) * 1.6, pause: f64::from(DASH.1) * 1.6 };
    let dots = |width: f64| Dashes { width: width * unit, dash: 1.0, pause: 2.2 };
    for stretch in stretches(field, curve) {
        match (curve.emphasis, stroke) {
            (Emphasis::Normal, Stroke::Solid) => pen.line(&stretch.path, Colour(rgb, 1.0), 2.4 * unit)?,
            (Emphasis::Normal, Stroke::Dashed) => pen.dashed(&stretch.path, Colour(rgb, 1.0), dashes)?,
            (Emphasis::Normal, Stroke::Dotted) => pen.dashed(&stretch.path, Colour(rgb, 1.0), dots(2.4))?,
            (Emphasis::Faint, Stroke::Dashed) => pen.dashed(&stretch.path, Colour(rgb, 0.55), dashes)?,
            (Emphasis::Faint, Stroke::Dotted) => pen.dashed(&stretch.path, Colour(rgb, 0.7), dots(2.2))?,
            (Emphasis::Faint, Stroke::Solid) if stretch.spacing == Spacing::Dense => {
                pen.area(&stretch.band(), Colour(rgb, 0.28))?;
            }
            (Emphasis::Faint, Stroke::Solid) => pen.line(&stretch.path, Colour(rgb, 0.4), 1.3 * unit)?,
        }
    }
    Ok(())
}

/// How many points of a curve lie in a column of pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Spacing {
    /// So few that the path through them can be seen.
    #[default]
    Sparse,
    /// Several, so that the path is a smear and the band shows more.
    Dense,
}

impl Spacing {
    /// That of a column of so many points beside this one: between two and three points, a stretch stays what it was.
    fn beside(self, points: usize) -> Self {
        let dense_from = match self {
            Self::Sparse => 3,
            Self::Dense => 2,
        };
        if points >= dense_from { Self::Dense } else { Self::Sparse }
    }
}

/// A part of a curve without gaps, and of one spacing.
#[derive(Default)]
struct Stretch {
    /// Through the first, lowest, highest and last value of each column.
    path: Vec<PixelPoint>,
    /// The highest values, from left to right.
    above: Vec<PixelPoint>,
    /// The lowest values, from left to right.
    below: Vec<PixelPoint>,
    spacing: Spacing,
}

impl Stretch {
    /// The ring around its lowest and highest values.
    fn band(&self) -> Vec<PixelPoint> {
        self.above.iter().chain(self.below.iter().rev()).copied().collect()
    }

    /// What goes on from here at another spacing: it begins where this one ends, so that the two touch.
    fn continued(&self, spacing: Spacing) -> Self {
        let end = |places: &[PixelPoint]| places.last().copied().into_iter().collect();
        Self { path: end(&self.path), above: end(&self.above), below: end(&self.below), spacing }
    }
}

/// The parts of a curve between its gaps.
fn stretches(field: &Field<'_>, curve: &Curve<'_>) -> Vec<Stretch> {
    let scale = field.panel.y.scale();
    let mut stretches = vec![Stretch::default()];
    for column in columns(&curve.points, &field.panel.x, field.columns()) {
        let x = field.x(curve.points.x(column.points.start));
        let (enters, leaves) = (column.enters(scale), column.leaves(scale));
        if enters.is_none() {
            stretches.push(Stretch::default());
        }
        let Some(current) = stretches.last_mut() else { continue };
        let spacing = current.spacing.beside(column.points.len());
        if spacing != current.spacing {
            let next = current.continued(spacing);
            stretches.push(next);
        }
        let Some(current) = stretches.last_mut() else { continue };
        if let Some(bounds) = column.bounds(scale) {
            for value in [enters, Some(bounds.low()), Some(bounds.high()), leaves].into_iter().flatten() {
                let place = (x, field.y(value));
                if current.path.last() != Some(&place) {
                    current.path.push(place);
                }
            }
            current.above.push((x, field.y(bounds.high())));
            current.below.push((x, field.y(bounds.low())));
        }
        if leaves.is_none() {
            stretches.push(Stretch::default());
        }
    }
    stretches
}

/// A run's marks along its curve, so that it is known without colours: on every point of a short curve, else at even distances
/// that differ from run to run, and always on its last point. Dots are marks already.
pub(super) fn marks<B: DrawingBackend>(pen: &mut Pen<'_, B>, field: &Field<'_>, curve: &Curve<'_>) -> io::Result<()> {
    const ALONG: usize = 7;
    let Ink { on_light: rgb, shape, .. } = ink(curve.slot);
    let (panel, unit) = (field.panel, field.unit);
    let points = &curve.points;
    if curve.form == Form::Dots {
        return Ok(());
    }
    let mut chosen: Vec<usize> = if points.len() <= 3 * ALONG {
        (0..points.len()).collect()
    } else {
        let offset = index(curve.slot % 4) / 4.0;
        let wanted = (0..ALONG).map(|number| panel.x.value((index(number) + 0.25 + offset * 0.8) / index(ALONG)));
        wanted.map(|x| points.find(0, 0, |place| place >= x)).collect()
    };
    let is_shown = |point: &XyPoint| panel.y.has(point.y) && panel.x.slot(point.x, 2).is_some();
    let end = points.find(0, points.len(), |x| x > panel.x.high());
    let is_shown_at = |number: &usize| points.get(*number).is_some_and(|point| is_shown(&point));
    chosen.extend((0..end).rev().take(3).find(is_shown_at));
    chosen.dedup();
    for point in chosen.into_iter().filter_map(|number| points.get(number)).filter(is_shown) {
        pen.mark(shape, (field.x(point.x), field.y(point.y)), rgb, 5.6 * unit)?;
    }
    Ok(())
}
