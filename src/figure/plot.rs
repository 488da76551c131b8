//! One panel on paper: axes with names and units, curves with marks along them, error bars, guides and changes.
//! It draws what the [`Panel`] says, in the order in which the panel says it.

use std::io;

use plotters::backend::DrawingBackend;

use super::{
    axis::Scale,
    columns::columns,
    palette::{Background, DASH, Ink, Rgb, ink},
    panel::{Curve, Emphasis, Panel, Stroke},
    pen::{Anchor, Colour, Lettering, Pen, Place, index},
};

/// A rectangle of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

/// Whether change marks carry their text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MarkText {
    Written,
    Left,
}

const BLACK: Rgb = (20, 20, 20);
const GREY: Rgb = (110, 110, 110);
const GRID: Rgb = (228, 228, 228);
const FRAME: Rgb = (120, 120, 120);

impl Area {
    fn x(self, panel: &Panel<'_>, value: f64) -> f64 {
        self.left + panel.x.position(value).clamp(0.0, 1.0) * (self.right - self.left)
    }

    fn middle(self) -> Place {
        (f64::midpoint(self.left, self.right), f64::midpoint(self.top, self.bottom))
    }

    fn y(self, panel: &Panel<'_>, value: f64) -> f64 {
        self.bottom - panel.y.position(value).clamp(0.0, 1.0) * (self.bottom - self.top)
    }
}

/// Draws `panel` into an area, with letters scaled by `unit`.
pub(super) fn draw<B: DrawingBackend>(
    pen: &mut Pen<'_, B>,
    panel: &Panel<'_>,
    (area, unit, mark_text): (Area, f64, MarkText),
) -> io::Result<()> {
    let inner = frame(pen, panel, (area, unit))?;
    if let Some(message) = &panel.empty {
        let middle = inner.middle();
        return pen.text(message, middle, Lettering::new(17.0 * unit, GREY).anchored(Anchor::Middle));
    }
    for guide in &panel.guides {
        let colour = guide.slot.map_or(GREY, |slot| ink(slot).on(Background::Light));
        let y = inner.y(panel, guide.y);
        dashed(pen, &[(inner.left, y), (inner.right, y)], (Colour(colour, 1.0), 1.6 * unit, (2.0, 4.0)))?;
    }
    changes(pen, panel, (inner, unit, mark_text))?;
    for emphasis in [Emphasis::Faint, Emphasis::Normal] {
        for curve in panel.curves.iter().filter(|curve| curve.emphasis == emphasis) {
            self::curve(pen, (panel, curve), (inner, unit))?;
        }
    }
    for curve in panel.curves.iter().filter(|curve| curve.emphasis == Emphasis::Normal) {
        marks(pen, (panel, curve), (inner, unit))?;
    }
    Ok(())
}

/// Title, remarks, grid, axes and their names; returns the area left for curves.
fn frame<B: DrawingBackend>(pen: &mut Pen<'_, B>, panel: &Panel<'_>, (area, unit): (Area, f64)) -> io::Result<Area> {
    let title = Lettering::new(20.0 * unit, BLACK);
    let name = Lettering::new(16.0 * unit, BLACK);
    let label = Lettering::new(15.0 * unit, BLACK);
    let note = Lettering::new(14.5 * unit, GREY).anchored(Anchor::End);

    let (top, bottom) = (area.top + 36.0 * unit, area.bottom - 54.0 * unit);
    let room = ((bottom - top) / (44.0 * unit)).max(2.0);
    let y_ticks = panel.y.ticks(whole(room));
    let mut widest: f64 = 0.0;
    for tick in &y_ticks {
        widest = widest.max(pen.width(&tick.label, label.size)?);
    }
    let left = area.left + 34.0 * unit + widest + 10.0 * unit;
    let inner = Area { left, top, right: area.right - 22.0 * unit, bottom };

    // The widest label that a number of ticks asks for decides how many there are.
    let mut x_ticks = panel.x.ticks(2);
    for count in 3..=9 {
        let ticks = panel.x.ticks(count);
        let mut wanted: f64 = 0.0;
        for tick in &ticks {
            wanted += pen.width(&tick.label, label.size)? + 26.0 * unit;
        }
        if wanted <= inner.right - inner.left {
            x_ticks = ticks;
        }
    }

    for tick in &y_ticks {
        let y = inner.y(panel, tick.at);
        pen.line(&[(inner.left, y), (inner.right, y)], Colour(GRID, 1.0), unit)?;
        pen.line(&[(inner.left - 6.0 * unit, y), (inner.left, y)], Colour(FRAME, 1.0), 1.4 * unit)?;
        pen.text(&tick.label, (inner.left - 10.0 * unit, y), label.anchored(Anchor::End))?;
    }
    for at in panel.y.minor_ticks() {
        let y = inner.y(panel, at);
        pen.line(&[(inner.left - 3.0 * unit, y), (inner.left, y)], Colour(FRAME, 1.0), unit)?;
    }
    for tick in &x_ticks {
        let x = inner.x(panel, tick.at);
        pen.line(&[(x, inner.top), (x, inner.bottom)], Colour(GRID, 1.0), unit)?;
        pen.line(&[(x, inner.bottom), (x, inner.bottom + 6.0 * unit)], Colour(FRAME, 1.0), 1.4 * unit)?;
        pen.text(&tick.label, (x, inner.bottom + 18.0 * unit), label.anchored(Anchor::Middle))?;
    }
    for at in panel.x.minor_ticks() {
        let x = inner.x(panel, at);
        pen.line(&[(x, inner.bottom), (x, inner.bottom + 3.0 * unit)], Colour(FRAME, 1.0), unit)?;
    }
    let corner = [(inner.left, inner.top), (inner.left, inner.bottom), (inner.right, inner.bottom)];
    pen.line(&corner, Colour(FRAME, 1.0), 1.4 * unit)?;

    pen.text(panel.title, (inner.left, area.top + 16.0 * unit), title)?;
    pen.text(&panel.notes.join("  ·  "), (inner.right, area.top + 16.0 * unit), note)?;
    let middle = inner.middle();
    pen.text(&panel.y_title(), (area.left + 14.0 * unit, middle.1), name.anchored(Anchor::Middle).upwards())?;
    pen.text(panel.x_kind.title(), (middle.0, inner.bottom + 42.0 * unit), name.anchored(Anchor::Middle))?;
    Ok(inner)
}

/// Vertical lines where knobs were turned; their texts avoid each other.
fn changes<B: DrawingBackend>(
    pen: &mut Pen<'_, B>,
    panel: &Panel<'_>,
    (inner, unit, mark_text): (Area, f64, MarkText),
) -> io::Result<()> {
    let mut taken = [f64::NEG_INFINITY; 5];
    for mark in &panel.marks {
        let colour = ink(mark.slot).on(Background::Light);
        let x = inner.x(panel, mark.x);
        dashed(pen, &[(x, inner.top), (x, inner.bottom)], (Colour(colour, 0.65), 1.2 * unit, (5.0, 4.0)))?;
        if mark_text == MarkText::Left {
            continue;
        }
        let text = mark.text();
        let letters = Lettering::new(14.5 * unit, colour);
        let width = pen.width(&text, letters.size)?;
        // To the right of its line, or to the left where the right has no room.
        let (start, anchored) = if x + 6.0 * unit + width <= inner.right {
            (x + 6.0 * unit, letters)
        } else {
            (x - 6.0 * unit - width, letters.anchored(Anchor::End))
        };
        if let Some(row) = (0..taken.len()).find(|&row| taken[row] < start) {
            taken[row] = start + width + 6.0 * unit;
            let at = if anchored.anchor == Anchor::End { x - 6.0 * unit } else { start };
            pen.text(&text, (at, inner.top + (12.0 + 19.0 * index(row)) * unit), anchored)?;
        }
    }
    Ok(())
}

/// A curve's line, and its error bars where it is what the panel is about.
fn curve<B: DrawingBackend>(
    pen: &mut Pen<'_, B>,
    (panel, curve): (&Panel<'_>, &Curve<'_>),
    (inner, unit): (Area, f64),
) -> io::Result<()> {
    let Ink { on_light: rgb, .. } = ink(curve.slot);
    let count = whole(inner.right - inner.left);
    for stretch in stretches((panel, curve), (inner, count)) {
        match (curve.emphasis, curve.stroke) {
            (Emphasis::Normal, _) => pen.line(&stretch.path, Colour(rgb, 1.0), 2.4 * unit)?,
            (Emphasis::Faint, Stroke::Dashed) => {
                let (dash, pause) = (f64::from(DASH.0), f64::from(DASH.1));
                dashed(pen, &stretch.path, (Colour(rgb, 0.55), 1.8 * unit, (dash * 1.6, pause * 1.6)))?;
            }
            (Emphasis::Faint, Stroke::Solid) if stretch.is_dense => pen.area(&stretch.band(), Colour(rgb, 0.28))?,
            (Emphasis::Faint, Stroke::Solid) => pen.line(&stretch.path, Colour(rgb, 0.4), 1.3 * unit)?,
        }
    }
    if curve.emphasis == Emphasis::Normal && curve.series.bars().is_some() && curve.series.len() <= count {
        for (number, point) in curve.series.points().enumerate().filter(|(_, point)| point.std_error > 0.0) {
            let x = inner.x(panel, curve.series.x(number, panel.x_kind));
            let (low, high) =
                (inner.y(panel, point.value - point.std_error), inner.y(panel, point.value + point.std_error));
            let cap = 4.0 * unit;
            pen.line(&[(x, low), (x, high)], Colour(rgb, 1.0), 1.4 * unit)?;
            for y in [low, high] {
                pen.line(&[(x - cap, y), (x + cap, y)], Colour(rgb, 1.0), 1.4 * unit)?;
            }
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
    for column in columns(curve.series, (panel.x_kind, &panel.x), count) {
        let x = inner.x(panel, curve.series.x(column.points.start, panel.x_kind));
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
/// that differ from run to run, and always on its last point.
fn marks<B: DrawingBackend>(
    pen: &mut Pen<'_, B>,
    (panel, curve): (&Panel<'_>, &Curve<'_>),
    (inner, unit): (Area, f64),
) -> io::Result<()> {
    const ALONG: usize = 7;
    let Ink { on_light: rgb, shape, .. } = ink(curve.slot);
    let series = curve.series;
    let shown = |value: f64| value.is_finite() && (panel.y.scale() == Scale::Linear || value > 0.0);
    let mut chosen: Vec<usize> = if series.len() <= 3 * ALONG {
        (0..series.len()).collect()
    } else {
        let offset = index(curve.slot % 4) / 4.0;
        let wanted = (0..ALONG).map(|number| panel.x.value((index(number) + 0.25 + offset * 0.8) / index(ALONG)));
        wanted.map(|x| series.find((0, 0), panel.x_kind, |place| place >= x)).collect()
    };
    chosen.extend((0..series.len()).rev().take(3).find(|&last| shown(series.values()[last])));
    chosen.dedup();
    for number in chosen {
        if let Some(point) = series.get(number).filter(|point| shown(point.value)) {
            let place = (inner.x(panel, series.x(number, panel.x_kind)), inner.y(panel, point.value));
            pen.mark(shape, place, (rgb, 5.6 * unit))?;
        }
    }
    Ok(())
}

/// A path in dashes of given lengths, in line widths.
fn dashed<B: DrawingBackend>(
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
