//! Curves on paper: lines in their strokes, bars, bands where points are dense, error bars, and marks that tell runs apart.

use std::io;

use plotters::backend::DrawingBackend;

use super::Area;
use crate::figure::{
    columns::columns,
    palette::{DASH, Ink, ink},
    panel::{Curve, Emphasis, Form, Panel, Stroke},
    pen::{Colour, Pen, Place, index},
    points::Points,
};

/// A dot and the pause after it, in line widths.
const DOTS: (f64, f64) = (1.0, 2.2);

/// A curve's line or its bars, and its error bars where it is what the panel is about.
pub(super) fn draw<B: DrawingBackend>(
    pen: &mut Pen<'_, B>,
    (panel, curve): (&Panel<'_>, &Curve<'_>),
    (inner, unit): (Area, f64),
) -> io::Result<()> {
    let Ink { on_light: rgb, shape, .. } = ink(curve.slot);
    let count = whole(inner.right - inner.left);
    match curve.form {
        Form::Line(stroke) => line(pen, ((panel, curve), stroke), (inner, unit))?,
        Form::Dots => {
            for column in columns(&curve.points, &panel.x, count) {
                let x = inner.x(panel, curve.points.x(column.points.start));
                let ends = column.bounds(panel.y.scale()).map(|bounds| [bounds.low(), bounds.high()]);
                for value in ends.into_iter().flatten() {
                    pen.mark(shape, (x, inner.y(panel, value)), (rgb, 3.6 * unit))?;
                }
            }
        }
        Form::Bars(width) => {
            for spot in curve.points.iter().filter(|spot| panel.y.has(spot.y)) {
                let (left, right) = (inner.x(panel, spot.x - width / 2.0), inner.x(panel, spot.x + width / 2.0));
                // Zero, or where a log scale has none the lower edge.
                let (top, foot) = (inner.y(panel, spot.y), inner.y(panel, 0.0));
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
        for spot in curve.points.iter().filter(|spot| spot.std_error > 0.0) {
            let x = inner.x(panel, spot.x);
            let ends = [spot.y - spot.std_error, spot.y + spot.std_error];
            let cap = 4.0 * unit;
            pen.line(&ends.map(|end| (x, inner.y(panel, end))), Colour(rgb, strength), 1.4 * unit)?;
            // A bar that the axis cuts off does not end there.
            for y in ends.into_iter().filter(|&end| panel.y.slot(end, 2).is_some()).map(|end| inner.y(panel, end)) {
                pen.line(&[(x - cap, y), (x + cap, y)], Colour(rgb, strength), 1.4 * unit)?;
            }
        }
    }
    Ok(())
}

/// A curve's line as its emphasis and its stroke ask for.
fn line<B: DrawingBackend>(
    pen: &mut Pen<'_, B>,
    ((panel, curve), stroke): ((&Panel<'_>, &Curve<'_>), Stroke),
    (inner, unit): (Area, f64),
) -> io::Result<()> {
    let Ink { on_light: rgb, .. } = ink(curve.slot);
    let dash = (f64::from(DASH.0) * 1.6, f64::from(DASH.1) * 1.6);
    for stretch in stretches((panel, curve), (inner, whole(inner.right - inner.left))) {
        match (curve.emphasis, stroke) {
            (Emphasis::Normal, Stroke::Solid) => pen.line(&stretch.path, Colour(rgb, 1.0), 2.4 * unit)?,
            (Emphasis::Normal, Stroke::Dashed) => {
                dashed(pen, &stretch.path, (Colour(rgb, 1.0), 1.8 * unit, dash))?;
            }
            (Emphasis::Normal, Stroke::Dotted) => dashed(pen, &stretch.path, (Colour(rgb, 1.0), 2.4 * unit, DOTS))?,
            (Emphasis::Faint, Stroke::Dashed) => {
                dashed(pen, &stretch.path, (Colour(rgb, 0.55), 1.8 * unit, dash))?;
            }
            (Emphasis::Faint, Stroke::Dotted) => dashed(pen, &stretch.path, (Colour(rgb, 0.7), 2.2 * unit, DOTS))?,
            (Emphasis::Faint, Stroke::Solid) if stretch.is_dense => pen.area(&stretch.band(), Colour(rgb, 0.28))?,
            (Emphasis::Faint, Stroke::Solid) => pen.line(&stretch.path, Colour(rgb, 0.4), 1.3 * unit)?,
        }
    }
    Ok(())
}

/// A part of a curve without gaps, and of one density.
#[derive(Default)]
struct Stretch {
    /// Through the first, lowest, highest and last value of each column.
    path: Vec<Place>,
    /// The highest values, from left to right.
    above: Vec<Place>,
    /// The lowest values, from left to right.
    below: Vec<Place>,
    /// Whether its columns hold several points, so that the path is a smear and the band shows more.
    is_dense: bool,
}

impl Stretch {
    /// The ring around its lowest and highest values.
    fn band(&self) -> Vec<Place> {
        self.above.iter().chain(self.below.iter().rev()).copied().collect()
    }

    /// What goes on from here at another density: it begins where this one ends, so that the two touch.
    fn continued(&self, is_dense: bool) -> Self {
        let end = |places: &[Place]| places.last().copied().into_iter().collect();
        Self { path: end(&self.path), above: end(&self.above), below: end(&self.below), is_dense }
    }
}

/// The parts of a curve between its gaps, at `count` columns across the area.
fn stretches((panel, curve): (&Panel<'_>, &Curve<'_>), (inner, count): (Area, usize)) -> Vec<Stretch> {
    let scale = panel.y.scale();
    let mut stretches = vec![Stretch::default()];
    for column in columns(&curve.points, &panel.x, count) {
        let x = inner.x(panel, curve.points.x(column.points.start));
        let (enters, leaves) = (column.enters(scale), column.leaves(scale));
        if enters.is_none() {
            stretches.push(Stretch::default());
        }
        let Some(current) = stretches.last_mut() else { continue };
        // Between two and three points a column, a stretch stays what it was.
        let is_dense = if current.is_dense { column.points.len() > 1 } else { column.points.len() > 2 };
        if is_dense != current.is_dense {
            let next = current.continued(is_dense);
            stretches.push(next);
        }
        let Some(current) = stretches.last_mut() else { continue };
        if let Some(bounds) = column.bounds(scale) {
            for value in [enters, Some(bounds.low()), Some(bounds.high()), leaves].into_iter().flatten() {
                let place = (x, inner.y(panel, value));
                if current.path.last() != Some(&place) {
                    current.path.push(place);
                }
            }
            current.above.push((x, inner.y(panel, bounds.high())));
            current.below.push((x, inner.y(panel, bounds.low())));
        }
        if leaves.is_none() {
            stretches.push(Stretch::default());
        }
    }
    stretches
}

/// A run's marks along its curve, so that it is known without colours: on every point of a short curve, else at even distances
/// that differ from run to run, and always on its last point. Dots are marks already.
pub(super) fn marks<B: DrawingBackend>(
    pen: &mut Pen<'_, B>,
    (panel, curve): (&Panel<'_>, &Curve<'_>),
    (inner, unit): (Area, f64),
) -> io::Result<()> {
    const ALONG: usize = 7;
    let Ink { on_light: rgb, shape, .. } = ink(curve.slot);
    let points = &curve.points;
    if curve.form == Form::Dots {
        return Ok(());
    }
    let mut chosen: Vec<usize> = if points.len() <= 3 * ALONG {
        (0..points.len()).collect()
    } else {
        let offset = index(curve.slot % 4) / 4.0;
        let wanted = (0..ALONG).map(|number| panel.x.value((index(number) + 0.25 + offset * 0.8) / index(ALONG)));
        wanted.map(|x| points.find((0, 0), |place| place >= x)).collect()
    };
    let is_shown = |number: usize| points.get(number).is_some_and(|spot| panel.y.has(spot.y));
    chosen.extend((0..points.len()).rev().take(3).find(|&last| is_shown(last)));
    chosen.dedup();
    for spot in chosen.into_iter().filter_map(|number| points.get(number)).filter(|spot| panel.y.has(spot.y)) {
        pen.mark(shape, (inner.x(panel, spot.x), inner.y(panel, spot.y)), (rgb, 5.6 * unit))?;
    }
    Ok(())
}

/// A path in dashes of given lengths, in line widths.
pub(super) fn dashed<B: DrawingBackend>(
    pen: &mut Pen<'_, B>,
    path: &[Place],
    (colour, width, (dash, pause)): (Colour, f64, (f64, f64)),
) -> io::Result<()> {
    let period = (dash + pause) * width;
    let mut travelled = 0.0;
    let mut piece: Vec<Place> = Vec::new();
    for pair in path.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let along = |distance: f64| {
            let share = if length > 0.0 { distance / length } else { 0.0 };
            (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1))
        };
        let mut done = 0.0;
        while done < length {
            let phase = (travelled + done) % period;
            let is_dash = phase < dash * width;
            let rest = if is_dash { dash * width - phase } else { period - phase };
            // A floor keeps rounding from standing still.
            let end = (done + rest.max(width * 0.01)).min(length);
            if is_dash {
                if piece.is_empty() {
                    piece.push(along(done));
                }
                piece.push(along(end));
            } else if !piece.is_empty() {
                pen.line(&std::mem::take(&mut piece), colour, width)?;
            }
            done = end;
        }
        travelled += length;
    }
    if piece.is_empty() { Ok(()) } else { pen.line(&piece, colour, width) }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn whole(value: f64) -> usize {
    value as usize
}
