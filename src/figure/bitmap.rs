//! Figures: panels on white paper under a title and a legend, over a caption that says how each curve came about.
//! PNG and SVG, drawn alike by plotters with an embedded font.

use std::{
    io::{self, Write as _},
    path::Path,
    sync::Once,
};

use plotters::{
    backend::{BitMapBackend, DrawingBackend, SVGBackend},
    style::{FontStyle, register_font},
};

use super::{
    caption::caption,
    palette::{Background, Rgb, ink},
    panel::{Panel, PanelKind, PlottedRun, View, default_panels},
    pen::{Colour, Lettering, Pen, PixelPoint, Surface, index},
    plot::{self, Area, Frame, MarkText},
};
use crate::file;

static FONT: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans.ttf");

/// A picture's size in pixels, within what can be read and what can be held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// The size at which so many panels have room for their words: 1600 x 1000 for up to four.
    pub fn suiting(panels: usize) -> Self {
        let (columns, rows) = grid(panels);
        let counted = |count: usize| u32::try_from(count.max(2)).unwrap_or(u32::MAX);
        let column = if columns > 2 { NARROW } else { WIDE };
        let (width, height) = (column.saturating_mul(counted(columns)), ROW.saturating_mul(counted(rows)));
        Self { width, height: height.saturating_add(AROUND).min(8000) }
    }

    /// So many pixels; `None` below 400 x 300 and above 8000 x 8000.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        ((400..=8000).contains(&width) && (300..=8000).contains(&height)).then_some(Self { width, height })
    }
}

/// A figure as data: everything that the picture shows.
#[derive(Debug, Clone)]
pub struct Figure<'a> {
    pub title: String,
    /// The runs' places in the palette, and their names.
    pub legend: Vec<(usize, &'a str)>,
    /// The charts, row by row.
    pub panels: Vec<Panel<'a>>,
    /// What a reader needs to know to do it again: a line for each run, one for the changes.
    pub caption: Vec<String>,
}

/// Pixels across a panel where there are at most two in a row, and where there are three.
const WIDE: u32 = 800;
const NARROW: u32 = 720;
/// Pixels down a row of panels, and down the words above and below all rows.
const ROW: u32 = 400;
const AROUND: u32 = 200;

/// Columns and rows of so many panels: one alone, two columns up to four, three from there on.
fn grid(panels: usize) -> (usize, usize) {
    let columns = match panels {
        0 | 1 => 1,
        2..=4 => 2,
        _ => 3,
    };
    (columns, panels.div_ceil(columns).max(1))
}

/// The letters of the caption, in lines; a longer caption is cut and says so.
const CAPTION_LINES: usize = 14;
const GREY: Rgb = Rgb(90, 90, 90);
const BLACK: Rgb = Rgb(20, 20, 20);

impl<'a> Figure<'a> {
    /// The figure of some runs under a view; without `kinds`, of the panels that suit them.
    pub fn new(title: &str, runs: &[PlottedRun<'a>], view: &View, kinds: &[PanelKind]) -> Self {
        let suitable = default_panels(&runs.iter().map(|run| run.history).collect::<Vec<_>>());
        let kinds = if kinds.is_empty() { &suitable } else { kinds };
        Self {
            title: title.into(),
            legend: runs.iter().map(|run| (run.slot, run.name)).collect(),
            panels: kinds.iter().map(|&kind| Panel::new(kind, runs, view)).collect(),
            caption: caption(runs, kinds),
        }
    }

    /// Writes the figure as PNG. The file appears whole or not at all.
    ///
    /// # Errors
    /// Whatever the file system or the encoder says.
    pub fn write_png(&self, path: &Path, size: Size) -> io::Result<()> {
        let Size { width, height } = size;
        // Three samples a pixel each way make smooth edges; huge pictures do with fewer.
        let fineness: u32 = if u64::from(width) * u64::from(height) > 6_000_000 { 2 } else { 3 };
        let fine = (width * fineness, height * fineness);
        let mut samples = vec![255; 3 * fine.0 as usize * fine.1 as usize];
        let mut backend = BitMapBackend::with_buffer(&mut samples, fine);
        self.draw(Pen::new(&mut backend, Surface::Bitmap, f64::from(fineness)), size)?;
        drop(backend);
        let pixels = averaged(&samples, (width as usize, height as usize), fineness as usize);
        file::replace(path, |file| {
            let mut image = BitMapBackend::new(file.path(), (width, height));
            let encoded = image.blit_bitmap((0, 0), (width, height), &pixels).and_then(|()| image.present());
            encoded.map_err(|error| io::Error::other(error.to_string()))
        })
    }

    /// Writes the figure as SVG. The file appears whole or not at all.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn write_svg(&self, path: &Path, size: Size) -> io::Result<()> {
        // plotters counts whole pixels: drawn ten times larger, curves keep a tenth of a pixel.
        const FINENESS: u32 = 10;
        let fine = (size.width * FINENESS, size.height * FINENESS);
        let mut drawn = String::new();
        let mut backend = SVGBackend::with_string(&mut drawn, fine);
        self.draw(Pen::new(&mut backend, Surface::Vector, f64::from(FINENESS)), size)?;
        drop(backend);
        let wide = format!("width=\"{}\" height=\"{}\"", fine.0, fine.1);
        let shown = format!("width=\"{}\" height=\"{}\"", size.width, size.height);
        file::replace(path, |file| file.write_all(drawn.replacen(&wide, &shown, 1).as_bytes()))
    }

    /// Lays the parts out from the edges inwards and draws them.
    fn draw<B: DrawingBackend>(&self, mut pen: Pen<'_, B>, size: Size) -> io::Result<()> {
        static REGISTERED: Once = Once::new();
        // The embedded font is known to be sound; were it not, every text would report it.
        REGISTERED.call_once(|| drop(register_font("sans-serif", FontStyle::Normal, FONT)));

        let (width, height) = (f64::from(size.width), f64::from(size.height));
        // Letters scale with the picture, but never below what can be read.
        let roomy = Size::suiting(self.panels.len());
        let unit = (width / f64::from(roomy.width)).min(height / f64::from(roomy.height)).max(0.62);
        pen.area(&[(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)], Colour(Rgb(255, 255, 255), 1.0))?;

        let margin = 28.0 * unit;
        let title = Lettering::new(26.0 * unit, BLACK);
        pen.text(&fitted(&pen, &self.title, title.size, width - 2.0 * margin)?, (margin, 36.0 * unit), title)?;
        let legend_bottom = self.draw_legend(&mut pen, (margin, 78.0 * unit), width - margin, unit)?;

        let small = Lettering::new(14.5 * unit, GREY);
        let mut lines = Vec::new();
        for line in &self.caption {
            lines.extend(wrapped(&pen, line, small.size, width - 2.0 * margin)?);
        }
        if lines.len() > CAPTION_LINES {
            let left_out = lines.len() - CAPTION_LINES + 1;
            lines.truncate(CAPTION_LINES - 1);
            lines.push(format!("and {left_out} more lines"));
        }
        let line_height = 22.0 * unit;
        let caption_top = height - 16.0 * unit - line_height * index(lines.len());
        for (number, line) in lines.iter().enumerate() {
            pen.text(line, (margin, caption_top + line_height * (index(number) + 0.5)), small)?;
        }

        let (columns, rows) = grid(self.panels.len());
        let cell = ((width - margin) / index(columns), (caption_top - legend_bottom - 8.0 * unit) / index(rows));
        for (number, panel) in self.panels.iter().enumerate() {
            let (column, row) = (number % columns, number / columns);
            let area = Area {
                left: margin * 0.5 + cell.0 * index(column),
                top: legend_bottom + cell.1 * index(row),
                right: margin * 0.5 + cell.0 * index(column + 1) - 12.0 * unit,
                bottom: legend_bottom + cell.1 * index(row + 1) - 10.0 * unit,
            };
            let mark_text = if number == 0 { MarkText::Written } else { MarkText::Left };
            plot::draw(&mut pen, panel, Frame { area, unit, mark_text })?;
        }
        Ok(())
    }

    /// Draws the legend and returns where the panels may begin.
    fn draw_legend<B: DrawingBackend>(
        &self,
        pen: &mut Pen<'_, B>,
        (left, top): PixelPoint,
        right: f64,
        unit: f64,
    ) -> io::Result<f64> {
        let letters = Lettering::new(18.0 * unit, BLACK);
        let (mut x, mut y) = (left, top);
        for &(slot, name) in &self.legend {
            let width = 44.0 * unit + pen.width(name, letters.size)?;
            if x + width > right && x > left {
                (x, y) = (left, y + 30.0 * unit);
            }
            let ink = ink(slot);
            let colour = ink.on(Background::Light);
            pen.line(&[(x, y), (x + 34.0 * unit, y)], Colour(colour, 1.0), 3.0 * unit)?;
            pen.mark(ink.shape, (x + 17.0 * unit, y), colour, 7.5 * unit)?;
            pen.text(name, (x + 42.0 * unit, y), letters)?;
            x += width + 30.0 * unit;
        }
        Ok(y + 24.0 * unit)
    }
}

/// As much of `text` as fits into `room`.
fn fitted<B: DrawingBackend>(pen: &Pen<'_, B>, text: &str, size: f64, room: f64) -> io::Result<String> {
    let mut shown = text.to_owned();
    while pen.width(&shown, size)? > room && shown.pop().is_some() {
        if pen.width(&format!("{shown}…"), size)? <= room {
            shown.push('…');
            break;
        }
    }
    Ok(shown)
}

/// `text` in lines no wider than `room`, broken between words, or within one that is wider by itself.
fn wrapped<B: DrawingBackend>(pen: &Pen<'_, B>, text: &str, size: f64, room: f64) -> io::Result<Vec<String>> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let word = fitted(pen, word, size, room)?;
        let last = lines.len() - 1;
        let longer = if lines[last].is_empty() { word.clone() } else { format!("{} {word}", lines[last]) };
        if pen.width(&longer, size)? <= room {
            lines[last] = longer;
        } else {
            lines.push(word);
        }
    }
    Ok(lines)
}

/// The picture whose every pixel is the mean of `fineness` x `fineness` samples.
fn averaged(samples: &[u8], (width, height): (usize, usize), fineness: usize) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(3 * width * height);
    let count = u32::try_from(fineness * fineness).unwrap_or(1);
    for y in 0..height {
        for x in 0..width {
            let mut sums = [0_u32; 3];
            for row in 0..fineness {
                let start = 3 * ((y * fineness + row) * width * fineness + x * fineness);
                for sample in samples[start..start + 3 * fineness].chunks_exact(3) {
                    sums.iter_mut().zip(sample).for_each(|(sum, &channel)| *sum += u32::from(channel));
                }
            }
            pixels.extend(sums.map(|sum| u8::try_from((sum + count / 2) / count).unwrap_or(u8::MAX)));
        }
    }
    pixels
}

#[cfg(test)]
mod tests;
