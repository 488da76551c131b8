//! One panel on paper: axes with names and units, guides and changes, and in `curve` the curves with marks along them.
//! It draws what the [`Panel`] says, in the order in which the panel says it.

mod curve;

use std::io;

use plotters::backend::DrawingBackend;

use super::{
    axis::Tick,
    palette::{Background, Rgb, ink},
    panel::{Emphasis, Panel},
    pen::{Anchor, Colour, Dashes, Lettering, Pen, PixelPoint, index},
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

const BLACK: Rgb = Rgb(20, 20, 20);
const GREY: Rgb = Rgb(110, 110, 110);
const GRID: Rgb = Rgb(228, 228, 228);
const FRAME: Rgb = Rgb(120, 120, 120);

impl Area {
    fn middle(self) -> PixelPoint {
        (f64::midpoint(self.left, self.right), f64::midpoint(self.top, self.bottom))
    }
}

/// Where a panel is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub area: Area,
    /// The size of letters and lines relative to those of a picture of the usual size.
    pub unit: f64,
    pub mark_text: MarkText,
}

/// The inside of the axes of a panel.
struct Field<'a> {
    panel: &'a Panel<'a>,
    area: Area,
    unit: f64,
}

impl Field<'_> {
    /// Where a value of the x axis lies.
    fn x(&self, value: f64) -> f64 {
        self.area.left + self.panel.x.position(value).clamp(0.0, 1.0) * (self.area.right - self.area.left)
    }

    /// Where a value of the y axis lies.
    fn y(&self, value: f64) -> f64 {
        self.area.bottom - self.panel.y.position(value).clamp(0.0, 1.0) * (self.area.bottom - self.area.top)
    }

    /// Whole pixels across.
    fn columns(&self) -> usize {
        whole(self.area.right - self.area.left)
    }
}

/// Draws `panel` into a frame.
pub(super) fn draw<B: DrawingBackend>(pen: &mut Pen<'_, B>, panel: &Panel<'_>, frame: Frame) -> io::Result<()> {
    let Frame { area, unit, mark_text } = frame;
    let field = &axes(pen, panel, area, unit)?;
    if let Some(message) = &panel.empty {
        return pen.text(message, field.area.middle(), Lettering::new(17.0 * unit, GREY).anchored(Anchor::Middle));
    }
    for guide in &panel.guides {
        let colour = guide.slot.map_or(GREY, |slot| ink(slot).on(Background::Light));
        let y = field.y(guide.y);
        let dashes = Dashes { width: 1.6 * unit, dash: 2.0, pause: 4.0 };
        pen.dashed(&[(field.area.left, y), (field.area.right, y)], Colour(colour, 1.0), dashes)?;
    }
    changes(pen, field, mark_text)?;
    for emphasis in [Emphasis::Faint, Emphasis::Normal] {
        for curve in panel.curves.iter().filter(|curve| curve.emphasis == emphasis) {
            curve::draw(pen, field, curve)?;
        }
    }
    for curve in panel.curves.iter().filter(|curve| curve.emphasis == Emphasis::Normal) {
        curve::marks(pen, field, curve)?;
    }
    Ok(())
}

/// Title, remarks, grid, axes and their names; returns the field left for curves.
fn axes<'a, B: DrawingBackend>(
    pen: &mut Pen<'_, B>,
    panel: &'a Panel<'a>,
    area: Area,
    unit: f64,
) -> io::Result<Field<'a>> {
    let title = Lettering::new(20.0 * unit, BLACK);
    let name = Lettering::new(16.0 * unit, BLACK);
    let label = Lettering::new(15.0 * unit, BLACK);
    let note = Lettering::new(14.5 * unit, GREY).anchored(Anchor::End);

    let bottom = area.bottom - 54.0 * unit;
    let ticks = |top: f64| panel.y_ticks(whole(((bottom - top) / (44.0 * unit)).max(2.0)));
    let left_of = |pen: &Pen<'_, B>, ticks: &[Tick]| -> io::Result<f64> {
        let mut widest: f64 = 0.0;
        for tick in ticks {
            widest = widest.max(pen.width(&tick.label, label.size)?);
        }
        Ok(area.left + 34.0 * unit + widest + 10.0 * unit)
    };
    let (mut top, right) = (area.top + 36.0 * unit, area.right - 22.0 * unit);
    let mut y_ticks = ticks(top);
    let mut left = left_of(pen, &y_ticks)?;

    let beside = right - left - pen.width(panel.title, title.size)? - 24.0 * unit;
    // A text that cannot be measured cannot be drawn either, which is reported then.
    let width = |text: &str| pen.width(text, note.size).unwrap_or(f64::INFINITY);
    let notes = panel.notes_within(&[beside, right - left], "  ·  ", width);
    if notes.iter().skip(1).any(|line| !line.is_empty()) {
        top += 20.0 * unit;
        y_ticks = ticks(top);
        left = left_of(pen, &y_ticks)?;
    }
    let inner = Area { left, top, right, bottom };
    let field = Field { panel, area: inner, unit };

    // The widest label that a number of ticks asks for decides how many there are.
    let mut x_ticks = panel.x_ticks(2);
    for count in 3..=9 {
        let ticks = panel.x_ticks(count);
        let mut wanted: f64 = 0.0;
        for tick in &ticks {
            wanted += pen.width(&tick.label, label.size)? + 26.0 * unit;
        }
        if wanted <= inner.right - inner.left {
            x_ticks = ticks;
        }
    }

    for tick in &y_ticks {
        let y = field.y(tick.at);
        pen.line(&[(inner.left, y), (inner.right, y)], Colour(GRID, 1.0), unit)?;
        pen.line(&[(inner.left - 6.0 * unit, y), (inner.left, y)], Colour(FRAME, 1.0), 1.4 * unit)?;
        pen.text(&tick.label, (inner.left - 10.0 * unit, y), label.anchored(Anchor::End))?;
    }
    for at in panel.y.minor_ticks() {
        let y = field.y(at);
        pen.line(&[(inner.left - 3.0 * unit, y), (inner.left, y)], Colour(FRAME, 1.0), unit)?;
    }
    for tick in &x_ticks {
        let x = field.x(tick.at);
        pen.line(&[(x, inner.top), (x, inner.bottom)], Colour(GRID, 1.0), unit)?;
        pen.line(&[(x, inner.bottom), (x, inner.bottom + 6.0 * unit)], Colour(FRAME, 1.0), 1.4 * unit)?;
        pen.text(&tick.label, (x, inner.bottom + 18.0 * unit), label.anchored(Anchor::Middle))?;
    }
    for at in panel.x.minor_ticks() {
        let x = field.x(at);
        pen.line(&[(x, inner.bottom), (x, inner.bottom + 3.0 * unit)], Colour(FRAME, 1.0), unit)?;
    }
    let corner = [(inner.left, inner.top), (inner.left, inner.bottom), (inner.right, inner.bottom)];
    pen.line(&corner, Colour(FRAME, 1.0), 1.4 * unit)?;

    pen.text(panel.title, (inner.left, area.top + 16.0 * unit), title)?;
    for (number, line) in notes.iter().enumerate() {
        pen.text(line, (inner.right, area.top + (16.0 + 21.0 * index(number)) * unit), note)?;
    }
    let middle = inner.middle();
    pen.text(&panel.y_title(), (area.left + 14.0 * unit, middle.1), name.anchored(Anchor::Middle).upwards())?;
    pen.text(&panel.x_title(), (middle.0, inner.bottom + 42.0 * unit), name.anchored(Anchor::Middle))?;
    Ok(field)
}

/// Vertical lines where hyperparameters were changed; their texts avoid each other.
fn changes<B: DrawingBackend>(pen: &mut Pen<'_, B>, field: &Field<'_>, mark_text: MarkText) -> io::Result<()> {
    let &Field { panel, area: inner, unit } = field;
    let mut taken = [f64::NEG_INFINITY; 5];
    for mark in &panel.marks {
        let colour = ink(mark.slot).on(Background::Light);
        let x = field.x(mark.x);
        let dashes = Dashes { width: 1.2 * unit, dash: 5.0, pause: 4.0 };
        pen.dashed(&[(x, inner.top), (x, inner.bottom)], Colour(colour, 0.65), dashes)?;
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

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn whole(value: f64) -> usize {
    value as usize
}
