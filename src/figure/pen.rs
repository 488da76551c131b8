//! The pen: lines, shapes and text on a plotters backend, in pixels of the finished picture as floats.
//! The backend counts finer pixels than the picture has, so that edges come out smooth once it is scaled down.

use std::{fmt::Display, io};

use plotters::{
    backend::DrawingBackend,
    style::{
        Color, FontTransform, IntoFont, RGBAColor, RGBColor, ShapeStyle, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::palette::{Rgb, Shape};
use crate::text::printable;

/// What the backend makes of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surface {
    /// Pixels.
    Bitmap,
    /// Paths and text.
    Vector,
}

/// A place or a distance in the picture: right, down.
pub(super) type PixelPoint = (f64, f64);

/// A colour and how opaque it is, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Colour(pub Rgb, pub f64);

/// Which end of a text is at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks. `size` is the height of the letters' em square.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lettering {
    pub size: f64,
    pub colour: Rgb,
    pub anchor: Anchor,
    pub orientation: Orientation,
}

/// How a line is dashed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dashes {
    pub width: f64,
    /// The length of a dash, in widths.
    pub dash: f64,
    /// The length of the pause after it, in widths.
    pub pause: f64,
}

/// Which way a text runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Orientation {
    Horizontal,
    /// Upwards.
    Vertical,
}

/// The font's ascent and descent together, in em; plotters measures a font's size by it on bitmaps.
const LINE: f64 = 1.164;
/// What plotters divides a font's size by in SVG files.
const SVG_LINE: f64 = 1.24;
/// Half the height of a capital, in em: from the baseline up to where a text's middle is.
const HALF_CAPITAL: f64 = 0.365;

pub(super) struct Pen<'a, B: DrawingBackend> {
    backend: &'a mut B,
    surface: Surface,
    /// Backend pixels to a pixel of the picture.
    fineness: f64,
}

impl Lettering {
    /// Text of that size and colour which starts at its place and runs to the right.
    pub(super) fn new(size: f64, colour: Rgb) -> Self {
        Self { size, colour, anchor: Anchor::Start, orientation: Orientation::Horizontal }
    }

    /// The same with another end at its place.
    pub(super) fn anchored(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    /// The same, running up.
    pub(super) fn upwards(self) -> Self {
        Self { orientation: Orientation::Vertical, ..self }
    }
}

impl<'a, B: DrawingBackend> Pen<'a, B> {
    /// A pen for `backend`, which has `fineness` pixels to each of the picture's.
    pub(super) fn new(backend: &'a mut B, surface: Surface, fineness: f64) -> Self {
        Self { backend, surface, fineness }
    }

    /// A line through all places.
    pub(super) fn line(&mut self, places: &[PixelPoint], colour: Colour, width: f64) -> io::Result<()> {
        let style = self.style(colour, width);
        let fine: Vec<_> = places.iter().map(|&place| self.fine(place)).collect();
        match self.surface {
            Surface::Vector if fine.len() > 1 => self.backend.draw_path(fine, &style).map_err(broken),
            Surface::Vector => Ok(()),
            Surface::Bitmap => {
                // One polygon for a whole path leaves holes where it turns sharply; a piece at a time with round joints does not.
                for pair in fine.windows(2) {
                    self.backend.draw_line(pair[0], pair[1], &style).map_err(broken)?;
                }
                let joints = if fine.len() > 2 { &fine[1..fine.len() - 1] } else { &[] };
                let radius = style.stroke_width / 2;
                for &joint in joints.iter().filter(|_| colour.1 >= 1.0 && radius > 1) {
                    self.backend.draw_circle(joint, radius, &style, true).map_err(broken)?;
                }
                Ok(())
            }
        }
    }

    /// A line through all places in dashes.
    pub(super) fn dashed(&mut self, places: &[PixelPoint], colour: Colour, dashes: Dashes) -> io::Result<()> {
        let Dashes { width, dash, pause } = dashes;
        let period = (dash + pause) * width;
        let mut travelled = 0.0;
        let mut piece: Vec<PixelPoint> = Vec::new();
        for pair in places.windows(2) {
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
                    self.line(&std::mem::take(&mut piece), colour, width)?;
                }
                done = end;
            }
            travelled += length;
        }
        if piece.is_empty() { Ok(()) } else { self.line(&piece, colour, width) }
    }

    /// The area within a ring of places.
    pub(super) fn area(&mut self, places: &[PixelPoint], colour: Colour) -> io::Result<()> {
        if places.len() < 3 {
            return Ok(());
        }
        let fine: Vec<_> = places.iter().map(|&place| self.fine(place)).collect();
        self.backend.fill_polygon(fine, &self.style(colour, 1.0)).map_err(broken)
    }

    /// A run's mark, `radius` to its outer edge, set off from what is beneath it by a white rim.
    pub(super) fn mark(&mut self, shape: Shape, at: PixelPoint, colour: Rgb, radius: f64) -> io::Result<()> {
        let white = Colour(Rgb(255, 255, 255), 1.0);
        self.shape(shape, at, white, radius * 1.35)?;
        self.shape(shape, at, Colour(colour, 1.0), radius)?;
        match shape.filled() {
            Some(hole) => self.shape(hole, at, white, radius * 0.55),
            None => Ok(()),
        }
    }

    fn shape(&mut self, shape: Shape, at: PixelPoint, colour: Colour, radius: f64) -> io::Result<()> {
        let turned = |corners: usize, turn: f64, reach: &dyn Fn(usize) -> f64| -> Vec<PixelPoint> {
            (0..corners)
                .map(|corner| {
                    let angle = turn + std::f64::consts::TAU * index(corner) / index(corners);
                    let reach = reach(corner) * radius;
                    (at.0 + reach * angle.sin(), at.1 - reach * angle.cos())
                })
                .collect()
        };
        let corners = match shape {
            Shape::Circle | Shape::OpenCircle => turned(24, 0.0, &|_| 1.0),
            Shape::Square | Shape::OpenSquare => turned(4, std::f64::consts::FRAC_PI_4, &|_| 1.25),
            Shape::Diamond | Shape::OpenDiamond => turned(4, 0.0, &|_| 1.3),
            Shape::TriangleUp | Shape::OpenTriangleUp => turned(3, 0.0, &|_| 1.3),
            Shape::TriangleDown | Shape::OpenTriangleDown => turned(3, std::f64::consts::PI, &|_| 1.3),
            Shape::Star => turned(10, 0.0, &|corner| if corner % 2 == 0 { 1.45 } else { 0.6 }),
            Shape::Plus => {
                let (long, short) = (radius * 1.15, radius * 0.42);
                let arm = [(short, -long), (short, -short), (long, -short)];
                (0..4)
                    .flat_map(|turn| arm.map(|place| quarter_turns(place, turn)))
                    .map(|(x, y)| (at.0 + x, at.1 + y))
                    .collect()
            }
        };
        self.area(&corners, colour)
    }

    /// A text whose middle line (half the height of capitals) passes through its place.
    pub(super) fn text(&mut self, text: &str, (x, y): PixelPoint, lettering: Lettering) -> io::Result<()> {
        let text = printable(text);
        let em = lettering.size * self.fineness;
        // How far plotters puts the baseline below the top that it is given.
        let (size, drop) = match self.surface {
            Surface::Bitmap => (em * LINE, em * LINE * 0.5),
            Surface::Vector => (em * SVG_LINE, em * 0.76),
        };
        let rise = (drop - HALF_CAPITAL * em) / self.fineness;
        let (place, transform) = match lettering.orientation {
            Orientation::Horizontal => ((x, y - rise), FontTransform::None),
            Orientation::Vertical => ((x - rise, y), FontTransform::Rotate270),
        };
        let horizontal = match lettering.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let Rgb(red, green, blue) = lettering.colour;
        let colour = RGBColor(red, green, blue);
        let style = TextStyle::from(("sans-serif", size).into_font())
            .color(&colour)
            .transform(transform)
            .pos(Pos::new(horizontal, VPos::Top));
        let place = self.fine(place);
        self.backend.draw_text(&text, &style, place).map_err(broken)
    }

    /// How wide a text of that size is.
    pub(super) fn width(&self, text: &str, size: f64) -> io::Result<f64> {
        let style = TextStyle::from(("sans-serif", size * LINE * self.fineness).into_font());
        let (width, _) = self.backend.estimate_text_size(&printable(text), &style).map_err(broken)?;
        Ok(f64::from(width) / self.fineness)
    }

    fn style(&self, Colour(Rgb(red, green, blue), opacity): Colour, width: f64) -> ShapeStyle {
        let color: RGBAColor = RGBColor(red, green, blue).mix(opacity);
        ShapeStyle { color, filled: true, stroke_width: whole((width * self.fineness).max(1.0)).unsigned_abs() }
    }

    fn fine(&self, (x, y): PixelPoint) -> (i32, i32) {
        (whole(x * self.fineness), whole(y * self.fineness))
    }
}

fn quarter_turns((x, y): PixelPoint, turns: usize) -> PixelPoint {
    match turns {
        0 => (x, y),
        1 => (-y, x),
        2 => (-x, -y),
        _ => (y, -x),
    }
}

fn broken(error: impl Display) -> io::Error {
    io::Error::other(error.to_string())
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and a picture has a few thousand pixels")]
fn whole(value: f64) -> i32 {
    value.round() as i32
}

/// A small count as a float.
#[expect(clippy::cast_precision_loss, reason = "a small count")]
pub(super) fn index(count: usize) -> f64 {
    count as f64
}
