//! The inside of a chart: a [`Panel`] drawn with characters. Labels along the axes and at the ends of curves, and curves of
//! dots whose every column shows the lowest and the highest value that falls into it.

mod canvas;
mod label;
mod trace;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
    widgets::Widget,
};

use self::{
    canvas::{Brush, Canvas, Layer},
    label::{EndLabel, place_labels},
    trace::{Break, Cell, Drawn, Traced, Unplaced, trace},
};
use super::{
    text,
    theme::{Colours, Glyphs, Theme},
};
use crate::figure::{
    Background, Tick, ink,
    panel::{Curve, Panel, XDimension},
};

/// Whether the x axis carries its name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum XTitle {
    #[default]
    Shown,
    /// A neighbour's does.
    Left,
}

/// Whether change marks carry their text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MarkText {
    #[default]
    Shown,
    /// A neighbour's do.
    Left,
}

/// A panel as a widget; the frame with title and remarks is drawn around it by others.
#[derive(Debug, Clone, Copy)]
pub struct Chart<'a> {
    panel: &'a Panel<'a>,
    theme: Theme,
    x_title: XTitle,
    mark_text: MarkText,
    /// The run that stands out, as a place in the palette.
    selected: Option<usize>,
}

/// The smallest area in which a curve says anything.
const SMALLEST: (u16, u16) = (12, 4);
/// Columns that curves keep before labels at their ends get any.
const CURVES_FIRST: usize = 30;

impl<'a> Chart<'a> {
    /// The widget of a panel, with everything written.
    pub fn new(panel: &'a Panel<'a>, theme: Theme) -> Self {
        Self { panel, theme, x_title: XTitle::default(), mark_text: MarkText::default(), selected: None }
    }

    /// With or without a name on the x axis.
    #[must_use]
    pub fn x_title(self, x_title: XTitle) -> Self {
        Self { x_title, ..self }
    }

    /// With or without text at change marks.
    #[must_use]
    pub fn mark_text(self, mark_text: MarkText) -> Self {
        Self { mark_text, ..self }
    }

    /// With one run bright and in front of the others.
    #[must_use]
    pub fn selected(self, slot: Option<usize>) -> Self {
        Self { selected: slot, ..self }
    }

    fn glyphs(&self) -> Glyphs {
        self.theme.appearance().glyphs
    }

    fn style(&self, slot: Option<usize>, layer: Layer) -> Style {
        match (slot, layer) {
            (None, _) => self.theme.quiet(),
            (Some(_), Layer::Faint) if self.theme.appearance().colours == Colours::None => self.theme.quiet(),
            (Some(slot), Layer::Faint) => self.theme.series(ink(slot).faint_on(Background::Dark)),
            (Some(slot), _) if self.selected.is_some_and(|selected| selected != slot) => {
                self.theme.series(ink(slot).dim_on(Background::Dark))
            }
            (Some(slot), _) => self.theme.series(ink(slot).on(Background::Dark)),
        }
    }

    fn mark(&self, slot: usize) -> char {
        match self.glyphs() {
            Glyphs::Unicode => ink(slot).glyph(),
            Glyphs::Ascii => ink(slot).ascii(),
        }
    }

    /// The labels that may stand at the ends of curves, best first drawn last.
    fn end_labels(&self) -> Vec<EndLabel> {
        let mut labelled: Vec<_> =
            self.panel.curves.iter().filter_map(|curve| Some((curve, curve.end.as_ref()?))).collect();
        // Those that would like one row come in the order of their values, so that labels are read as ranks.
        let height = |curve: &Curve<'_>| curve.points.last().map_or(f64::NAN, |last| last.y);
        labelled.sort_by(|(a, _), (b, _)| height(b).total_cmp(&height(a)));
        labelled
            .into_iter()
            .map(|(curve, value)| {
                let name = text::fit(&text::scrub(curve.name), 12);
                EndLabel { slot: curve.slot, text: self.theme.spell(&format!("{name} {value}")) }
            })
            .collect()
    }
}

impl Widget for Chart<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let inner = area.intersection(buf.area);
        if inner.width < SMALLEST.0 || inner.height < SMALLEST.1 {
            return;
        }
        match &self.panel.empty {
            Some(message) => {
                let message = self.theme.spell(&text::fit(&self.theme.spell(message), usize::from(inner.width)));
                let start = usize::from(inner.x) + (usize::from(inner.width) - text::width(&message)) / 2;
                buf.set_string(narrow(start), inner.y + inner.height / 2, message, self.theme.quiet());
            }
            None => Plot::new(self, inner).draw(buf),
        }
    }
}

/// The inside of a chart, measured out.
struct Plot<'a> {
    chart: Chart<'a>,
    /// Where the curves are, in cells of the buffer.
    field: Rect,
    /// Columns right of the field that end labels may use.
    gutter: usize,
    inner: Rect,
}

impl<'a> Plot<'a> {
    fn new(chart: Chart<'a>, inner: Rect) -> Self {
        let height = inner.height - 2;
        let widest = chart.y_ticks(height).iter().map(|tick| tick.label.len()).max().unwrap_or(0);
        // A label wider than half of the chart is cut rather than pushing the curves out.
        let labels = narrow(widest).min(inner.width / 2) + 1;
        let width = inner.width - labels;
        let wanted = chart.end_labels().iter().map(EndLabel::columns).max().unwrap_or(0);
        let gutter = if usize::from(width) >= CURVES_FIRST + wanted { wanted } else { 0 };
        let field = Rect { x: inner.x + labels, y: inner.y, width: width - narrow(gutter), height };
        Self { chart, field, gutter, inner }
    }

    fn draw(&self, buf: &mut Buffer) {
        self.draw_y_axis(buf);
        self.draw_x_axis(buf);
        let mut canvas =
            Canvas::new(self.chart.glyphs(), usize::from(self.field.width), usize::from(self.field.height));
        let panel = self.chart.panel;
        let rows = canvas.size().1;
        for guide in &panel.guides {
            let y = rows.saturating_sub(1) - panel.y.clamped(guide.y, rows);
            for x in (0..canvas.size().0).step_by(2 * canvas.grain().0) {
                canvas.dot((x, y), Brush { layer: Layer::Guide, slot: guide.slot });
            }
        }
        let (front, behind): (Vec<_>, Vec<_>) =
            panel.curves.iter().partition(|curve| Some(curve.slot) == self.chart.selected);
        let drawn: Vec<Drawn> = behind.into_iter().chain(front).map(|curve| trace(panel, curve, &mut canvas)).collect();

        self.draw_change_lines(&canvas, buf);
        for row in 0..usize::from(self.field.height) {
            for column in 0..usize::from(self.field.width) {
                let dots = canvas.cell(column, row);
                if let Some(letter) = canvas.letter(dots) {
                    self.put((column, row), letter, self.chart.style(dots.brush.slot, dots.brush.layer), buf);
                }
            }
        }
        for &Break { column, slot, values } in drawn.iter().flat_map(|drawn| &drawn.breaks) {
            let mark = match (values, self.chart.glyphs()) {
                (Unplaced::NotFinite, Glyphs::Unicode) => '×',
                (Unplaced::NotFinite, Glyphs::Ascii) => 'X',
                (Unplaced::Above, Glyphs::Unicode) => '▴',
                (Unplaced::Above, Glyphs::Ascii) => '^',
            };
            self.put((column, 0), mark, self.chart.style(Some(slot), Layer::Bright), buf);
        }
        self.draw_change_texts(&canvas, buf);
        let traced: Vec<Traced> = drawn.into_iter().filter_map(|drawn| drawn.traced).collect();
        self.draw_marks(&traced, buf);
    }

    fn draw_y_axis(&self, buf: &mut Buffer) {
        let Rect { x, y, height, .. } = self.field;
        let theme = self.chart.theme;
        for row in 0..height {
            put(buf, (x - 1, y + row), theme.glyph("│", "|"), theme.frame());
        }
        put(buf, (x - 1, y + height), theme.glyph("╰", "+"), theme.frame());
        for tick in self.chart.y_ticks(height) {
            let row = y + height - 1 - narrow(self.chart.panel.y.clamped(tick.at, usize::from(height)));
            let room = usize::from(x - 1 - self.inner.x);
            let label = text::pad_left(&tick.label, room);
            buf.set_string(self.inner.x, row, label, theme.quiet());
            put(buf, (x - 1, row), theme.glyph("┤", "+"), theme.frame());
        }
    }

    /// The axis line, its ticks, their labels and, at the right end, the axis' name; labels that would touch another are left out.
    fn draw_x_axis(&self, buf: &mut Buffer) {
        let Rect { x, y, width, height } = self.field;
        let theme = self.chart.theme;
        for column in 0..width {
            put(buf, (x + column, y + height), theme.glyph("─", "-"), theme.frame());
        }
        let row = y + height + 1;
        let mut right = usize::from(self.inner.right());
        // A neighbour has the name of the axis that all share, not that of an axis of the panel's own.
        let dimension = self.chart.panel.x_dimension;
        if self.chart.x_title == XTitle::Shown || matches!(dimension, XDimension::Own(_)) {
            let title = theme.spell(&self.chart.panel.x_title());
            let columns = text::width(&title);
            if columns > 0 && columns + 20 <= usize::from(self.inner.width) {
                right -= columns;
                buf.set_string(narrow(right), row, title, theme.quiet());
                right -= 2;
            }
        }
        let place = |at: f64| usize::from(x) + self.chart.panel.x.clamped(at, usize::from(width));
        let start = |tick: &Tick| {
            let centred = place(tick.at).saturating_sub(text::width(&tick.label) / 2).max(usize::from(self.inner.x));
            centred.min(usize::from(self.inner.right()).saturating_sub(text::width(&tick.label)))
        };
        let spelled = |count: usize| {
            let ticks = self.chart.panel.x_ticks(count).into_iter();
            ticks.map(|tick| Tick { label: theme.spell(&text::scrub(&tick.label)), ..tick }).collect::<Vec<_>>()
        };
        let ticks = (2..=10).rev().map(spelled).find(|ticks| {
            ticks.windows(2).all(|pair| start(&pair[0]) + text::width(&pair[0].label) + 2 < start(&pair[1]))
        });
        for tick in ticks.unwrap_or_default() {
            put(buf, (narrow(place(tick.at)), y + height), theme.glyph("┬", "+"), theme.frame());
            let start = start(&tick);
            if start + text::width(&tick.label) <= right {
                buf.set_string(narrow(start), row, &tick.label, theme.quiet());
            }
        }
    }

    /// A vertical line for each change, behind everything else.
    fn draw_change_lines(&self, canvas: &Canvas, buf: &mut Buffer) {
        for mark in &self.chart.panel.marks {
            let column = self.chart.panel.x.clamped(mark.x, usize::from(self.field.width));
            for row in 0..usize::from(self.field.height) {
                if canvas.cell(column, row).brush.layer <= Layer::Guide {
                    let line = if self.chart.glyphs() == Glyphs::Unicode { '╎' } else { '!' };
                    self.put((column, row), line, self.chart.style(Some(mark.slot), Layer::Faint), buf);
                }
            }
        }
    }

    /// The text of each change next to its line, in the highest row where it covers nothing; left out where there is none.
    fn draw_change_texts(&self, canvas: &Canvas, buf: &mut Buffer) {
        if self.chart.mark_text == MarkText::Left {
            return;
        }
        let (width, height) = (usize::from(self.field.width), usize::from(self.field.height));
        for mark in &self.chart.panel.marks {
            let words = self.chart.theme.spell(&mark.text());
            let start = self.chart.panel.x.clamped(mark.x, width) + 1;
            let end = start + text::width(&words);
            let is_free = |row: usize| {
                (start..=end.min(width - 1)).all(|column| {
                    let at = Position::new(self.field.x + narrow(column), self.field.y + narrow(row));
                    canvas.cell(column, row).brush.layer == Layer::Empty
                        && buf.cell(at).is_some_and(|cell| cell.symbol() == " ")
                })
            };
            if let Some(row) = (0..height).find(|&row| end <= width && is_free(row)) {
                let (x, y) = (self.field.x + narrow(start), self.field.y + narrow(row));
                buf.set_string(x, y, words, self.chart.style(Some(mark.slot), Layer::Bright));
            }
        }
    }

    /// Labels where the curves end, or their marks alone; without colours also marks along the way.
    fn draw_marks(&self, traced: &[Traced], buf: &mut Buffer) {
        let chart = self.chart;
        let style = |slot| chart.style(Some(slot), Layer::Bright);
        if chart.theme.appearance().colours == Colours::None || chart.glyphs() == Glyphs::Ascii {
            for curve in traced {
                for &cell in &curve.marks {
                    self.put(cell, chart.mark(curve.slot), style(curve.slot), buf);
                }
            }
        }
        let Some(furthest) = traced.iter().map(|curve| curve.end.0).max() else { return };
        let labels = self.placed_labels(traced, furthest);
        for curve in traced {
            // A label in the same column brings the mark along.
            if labels.is_empty() || curve.end.0 + 1 < furthest {
                self.put(curve.end, chart.mark(curve.slot), style(curve.slot), buf);
            }
        }
        for (label, row) in labels {
            let (x, y) = (self.field.x + narrow(furthest), self.field.y + narrow(row));
            // Marks stand at data: a curve that ends earlier has its mark there.
            let ends_here = traced.iter().any(|curve| curve.slot == label.slot && curve.end.0 + 1 >= furthest);
            let mark = if ends_here { chart.mark(label.slot) } else { ' ' };
            buf.set_string(x, y, format!("{mark} {}", label.text), style(label.slot));
        }
    }

    /// The labels of these curves with their rows; none at all where there is no room for all of them.
    fn placed_labels(&self, traced: &[Traced], start: usize) -> Vec<(EndLabel, usize)> {
        let (width, height) = (usize::from(self.field.width) + self.gutter, usize::from(self.field.height));
        let end = |label: &EndLabel| traced.iter().find(|curve| curve.slot == label.slot).map(|curve| curve.end.1);
        let labels: Vec<(EndLabel, usize)> =
            self.chart.end_labels().into_iter().filter_map(|label| end(&label).map(|row| (label, row))).collect();
        let fits = labels.len() <= height && labels.iter().all(|(label, _)| start + label.columns() <= width);
        if fits { place_labels(labels, height) } else { Vec::new() }
    }

    fn put(&self, (column, row): Cell, letter: char, style: Style, buf: &mut Buffer) {
        let at = Position::new(self.field.x + narrow(column), self.field.y + narrow(row));
        if let Some(cell) = buf.cell_mut(at) {
            cell.set_char(letter).set_style(style);
        }
    }
}

impl Chart<'_> {
    /// The values that get a label on so many rows.
    fn y_ticks(&self, rows: u16) -> Vec<Tick> {
        self.panel.y_ticks(usize::from(rows).div_ceil(2).clamp(2, 8))
    }
}

/// Sets one cell, if it lies in the buffer.
fn put(buf: &mut Buffer, at: (u16, u16), symbol: &str, style: Style) {
    if let Some(cell) = buf.cell_mut(at) {
        cell.set_symbol(symbol).set_style(style);
    }
}

/// A count of cells; a terminal has fewer than 65,536 either way.
fn narrow(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
