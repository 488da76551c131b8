//! One frame as text: what `--print COLSxROWS` writes and what tests compare.

use std::str::FromStr;

use ratatui::{Terminal, backend::TestBackend, buffer::Buffer};

use super::{app::App, key::Key, message::Msg, view};

/// Most columns or rows that a printed frame may have.
const LARGEST: u16 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub columns: u16,
    pub rows: u16,
}

/// A size that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a size: use COLSxROWS such as 120x40, each from 1 to {LARGEST}")]
pub struct BadSize {
    text: String,
}

impl FromStr for Size {
    type Err = BadSize;

    fn from_str(text: &str) -> Result<Self, BadSize> {
        let side = |side: &str| side.parse().ok().filter(|side| (1..=LARGEST).contains(side));
        text.split_once('x')
            .and_then(|(columns, rows)| Some(Self { columns: side(columns)?, rows: side(rows)? }))
            .ok_or_else(|| BadSize { text: super::text::scrub(text) })
    }
}

/// Presses keys, one after another; what they ask of the world is not done.
pub fn press(app: &mut App, keys: &[Key]) {
    for key in keys {
        app.update(Msg::Key(*key));
    }
}

/// The screen as cells.
pub fn buffer(app: &App, size: Size) -> Buffer {
    let Ok(mut terminal) = Terminal::new(TestBackend::new(size.columns, size.rows));
    let Ok(drawn) = terminal.draw(|frame| view::render(frame, app));
    drawn.buffer.clone()
}

/// The screen as text, a line each row, without trailing spaces.
pub fn frame(app: &App, size: Size) -> String {
    let buffer = buffer(app, size);
    let rows = buffer.content.chunks(usize::from(size.columns).max(1));
    let lines = rows.map(|row| {
        let mut line = String::new();
        let mut covered = 0;
        for cell in row {
            // A wide character covers the cell after it.
            if covered == 0 {
                line.push_str(cell.symbol());
                covered = super::text::width(cell.symbol()).max(1);
            }
            covered -= 1;
        }
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_columns_by_rows() {
        assert_eq!("120x40".parse(), Ok(Size { columns: 120, rows: 40 }));
        for bad in ["", "120", "0x40", "120x", "x", "120x40x2", "-1x4", "5000x5", "65536x1"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }
}
