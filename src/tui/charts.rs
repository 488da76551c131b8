//! The charts: a grid of four or six, two in a row, or one; each in its frame, titled, with its remarks at the right.

use std::ops::Range;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};

use super::{
    chart::{Chart, MarkText, XTitle},
    session::{Pane, Session, Zoom},
    text::{fit, width},
    theme::Theme,
    view::{Focus, region},
};
use crate::figure::Panel;

/// Draws all charts in two rows.
pub fn render_grid(frame: &mut Frame<'_>, area: Rect, session: &Session, theme: Theme) {
    let columns = session.grid.columns();
    let [above, below] = Layout::vertical([Constraint::Fill(1); 2]).areas(area);
    render_row_of(frame, above, (session, 0..columns, Row::Upper), theme);
    render_row_of(frame, below, (session, columns..2 * columns, Row::Lower), theme);
}

/// Draws the focused chart and the one beside it.
pub fn render_pair(frame: &mut Frame<'_>, area: Rect, session: &Session, theme: Theme) {
    let first = session.grid.focus() / 2 * 2;
    render_row_of(frame, area, (session, first..first + 2, Row::Only), theme);
}

/// Draws the focused chart alone.
pub fn render_one(frame: &mut Frame<'_>, area: Rect, session: &Session, theme: Theme) {
    let focus = session.grid.focus();
    render_row_of(frame, area, (session, focus..focus + 1, Row::Only), theme);
}

/// Which of the rows on the screen a row is. Where it is the only one, other charts are out of sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Upper,
    Lower,
    Only,
}

/// Draws charts side by side. What all on the screen share is written once: on the last of a row the name of the x axis, on the
/// first of all the changes.
fn render_row_of(
    frame: &mut Frame<'_>,
    area: Rect,
    (session, charts, row): (&Session, Range<usize>, Row),
    theme: Theme,
) {
    let areas = Layout::horizontal(vec![Constraint::Fill(1); charts.len()]).split(area);
    for (index, &area) in charts.clone().zip(areas.iter()) {
        let x_title = if index + 1 == charts.end { XTitle::Shown } else { XTitle::Left };
        let marks = if index == charts.start && row != Row::Lower { MarkText::Shown } else { MarkText::Left };
        render_chart(frame, area, (session, index), (theme, row, (x_title, marks)));
    }
}

fn render_chart(
    frame: &mut Frame<'_>,
    area: Rect,
    (session, index): (&Session, usize),
    (theme, row, (x_title, marks)): (Theme, Row, (XTitle, MarkText)),
) {
    let Some(kind) = session.panels().get(index).copied() else { return };
    let runs = session.labelled();
    let panel = Panel::new(kind, &runs, &session.view);
    let focus = match session.zoom {
        Zoom::One => Focus::Here,
        Zoom::All if index == session.grid.focus() => Focus::of(Pane::Charts, session.pane),
        Zoom::All => Focus::Elsewhere,
    };
    // Keys reach the focused chart from the other panes, too.
    let cursor = if session.zoom == Zoom::All && index == session.grid.focus() { theme.glyph("▸", ">") } else { " " };
    let number = match row {
        Row::Only => format!("{} of {} ", index + 1, session.grid.len()),
        Row::Upper | Row::Lower => String::new(),
    };
    let columns = usize::from(area.width.saturating_sub(4));
    let title = fit(&theme.spell(&panel.heading()), columns.saturating_sub(number.len()));
    let used = width(&title) + number.len() + 3;
    let measure = |line: &str| width(&theme.spell(line)) as f64;
    let notes = panel.notes_within(&[columns.saturating_sub(used) as f64], "  ", measure).concat();
    let notes = theme.spell(&notes);
    let mut block = region(theme, focus).title(Line::from(vec![
        Span::styled(cursor, theme.key()),
        Span::styled(format!("{title} "), theme.strong()),
        Span::styled(number, theme.quiet()),
    ]));
    if !notes.is_empty() {
        block = block.title(Line::styled(format!(" {notes} "), theme.quiet()).right_aligned());
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    frame.render_widget(Chart::new(&panel, theme).x_title(x_title).mark_text(marks), inner);
}
