//! A canvas of dots finer than the terminal's cells: Braille has 2 x 4 dots in a cell, ASCII 1 x 2.
//! Each cell has one owner; what lies higher takes a cell over, what lies level shares it.

use crate::tui::theme::Glyphs;

/// What lies over what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    #[default]
    Empty,
    /// A dotted line behind everything.
    Guide,
    /// A curve behind the curves.
    Faint,
    Bar,
    /// What the chart is about.
    Bright,
}

/// The run that is drawn, and its layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Brush {
    /// Above or below others.
    pub layer: Layer,
    /// The run, as a place in the palette; `None` for what belongs to several.
    pub slot: Option<usize>,
}

/// The dots of one cell of the terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Dots {
    bits: u8,
    /// What drew them last.
    pub brush: Brush,
}

/// A rectangle of cells made of dots; (0, 0) is the upper left dot.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    glyphs: Glyphs,
    width: usize,
    cells: Vec<Dots>,
    height: usize,
}

/// The bit of each Braille dot, by row and column.
const BRAILLE: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

impl Canvas {
    /// An empty canvas of so many cells, at least one.
    pub(super) fn new(glyphs: Glyphs, width: usize, height: usize) -> Self {
        Self { glyphs, width, cells: vec![Dots::default(); width * height], height }
    }

    /// Dots across and down one cell.
    pub(super) fn grain(&self) -> (usize, usize) {
        match self.glyphs {
            Glyphs::Unicode => (2, 4),
            Glyphs::Ascii => (1, 2),
        }
    }

    /// Dots across and down the whole canvas.
    pub(super) fn size(&self) -> (usize, usize) {
        let (across, down) = self.grain();
        (self.width * across, self.height * down)
    }

    /// Sets one dot; beyond the canvas, nothing.
    pub(super) fn dot(&mut self, (x, y): (usize, usize), brush: Brush) {
        let (across, down) = self.grain();
        let (column, row) = (x / across, y / down);
        if column >= self.width || row >= self.height {
            return;
        }
        self.add((column, row), BRAILLE[y % down][x % across], brush);
    }

    /// Adds dots to a cell of the canvas, if the brush lies as high as what is there.
    fn add(&mut self, (column, row): (usize, usize), bits: u8, brush: Brush) {
        let cell = &mut self.cells[row * self.width + column];
        if brush.layer > cell.brush.layer {
            *cell = Dots { bits, brush };
        } else if brush.layer == cell.brush.layer {
            *cell = Dots { bits: cell.bits | bits, brush };
        }
    }

    /// Sets the dots of column `x` from one row to another, both included; beyond the canvas, nothing.
    pub(super) fn vertical(&mut self, x: usize, (one, other): (usize, usize), brush: Brush) {
        let (across, down) = self.grain();
        let (column, first, last) = (x / across, one.min(other), one.max(other).min(self.height * down - 1));
        if column >= self.width {
            return;
        }
        // A cell at a time: noise fills many of them from top to bottom.
        for row in first / down..=last / down {
            let (top, bottom) = (first.saturating_sub(row * down), (last - row * down).min(down - 1));
            let bits = BRAILLE[top..=bottom].iter().fold(0, |bits, dots| bits | dots[x % across]);
            self.add((column, row), bits, brush);
        }
    }

    /// Sets the dots of a straight line, of those columns that `shown` admits.
    pub(super) fn line(
        &mut self,
        from: (usize, usize),
        to: (usize, usize),
        brush: Brush,
        shown: impl Fn(usize) -> bool,
    ) {
        let ((x0, y0), (x1, y1)) = if from.0 <= to.0 { (from, to) } else { (to, from) };
        let (run, rise) = (x1 - x0, y0.abs_diff(y1));
        let along = |distance: usize| if y1 >= y0 { y0 + distance } else { y0 - distance };
        // Each column takes its share of the rise, so that the dots of neighbouring columns touch.
        let mut row = 0;
        for column in 0..=run {
            let end = if run == 0 { rise } else { (2 * (column * rise) + rise) / (2 * run) }.min(rise);
            if shown(x0 + column) {
                self.vertical(x0 + column, (along(row), along(end)), brush);
            }
            row = (end + usize::from(end > row)).min(rise);
        }
    }

    /// The dots of the cell in that column and row, both within the canvas.
    pub(super) fn cell(&self, column: usize, row: usize) -> Dots {
        self.cells[row * self.width + column]
    }

    /// The character that shows those dots; `None` for none.
    pub(super) fn letter(&self, dots: Dots) -> Option<char> {
        if dots.bits == 0 {
            return None;
        }
        match self.glyphs {
            Glyphs::Unicode => char::from_u32(0x2800 + u32::from(dots.bits)),
            Glyphs::Ascii => Some(match (dots.bits & BRAILLE[0][0] != 0, dots.bits & BRAILLE[1][0] != 0) {
                (true, true) => ':',
                (true, false) => '\'',
                (false, _) => '.',
            }),
        }
    }

    /// Whether a dot is set.
    #[cfg(test)]
    pub(super) fn is_set(&self, (x, y): (usize, usize)) -> bool {
        let (across, down) = self.grain();
        self.cell(x / across, y / down).bits & BRAILLE[y % down][x % across] != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRIGHT: Brush = Brush { layer: Layer::Bright, slot: Some(0) };
    const FAINT: Brush = Brush { layer: Layer::Faint, slot: Some(1) };

    #[test]
    fn a_higher_layer_takes_the_cell_and_a_lower_one_leaves_it() {
        let mut canvas = Canvas::new(Glyphs::Unicode, 1, 1);
        canvas.dot((0, 0), FAINT);
        canvas.dot((1, 3), BRIGHT);
        canvas.dot((0, 1), FAINT);
        assert_eq!(canvas.letter(canvas.cell(0, 0)), Some('⢀'));
        assert_eq!(canvas.cell(0, 0).brush, BRIGHT);
        canvas.dot((0, 0), BRIGHT);
        assert_eq!(canvas.letter(canvas.cell(0, 0)), Some('⢁'));
    }

    #[test]
    fn lines_have_no_holes() {
        for to in [(0, 0), (0, 11), (1, 11), (19, 0), (19, 11), (7, 3), (3, 7), (19, 1)] {
            for (from, to) in [((0, 0), to), (to, (0, 0)), ((0, 11), to)] {
                let mut canvas = Canvas::new(Glyphs::Unicode, 10, 3);
                canvas.line(from, to, BRIGHT, |_| true);
                let rows = |x: usize| (0..12).filter(|&y| canvas.is_set((x, y))).collect::<Vec<_>>();
                assert!(canvas.is_set(from) && canvas.is_set(to), "{from:?} to {to:?}");
                for x in from.0.min(to.0)..from.0.max(to.0) {
                    let touches = rows(x).iter().any(|&y| rows(x + 1).iter().any(|&next| y.abs_diff(next) <= 1));
                    assert!(touches, "{from:?} to {to:?} breaks at {x}");
                }
            }
        }
    }

    #[test]
    fn ascii_has_two_dots_in_a_cell() {
        let mut canvas = Canvas::new(Glyphs::Ascii, 3, 1);
        canvas.dot((0, 0), BRIGHT);
        canvas.dot((1, 1), BRIGHT);
        canvas.vertical(2, (1, 0), BRIGHT);
        canvas.dot((9, 9), BRIGHT);
        let drawn: String = (0..3).filter_map(|column| canvas.letter(canvas.cell(column, 0))).collect();
        assert_eq!(drawn, "'.:");
    }
}
