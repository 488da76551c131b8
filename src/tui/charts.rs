//! The charts: a grid of four or six, two in a row, or one; each in its frame, titled, with its remarks at the right.

use std::ops::Range;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};

use super::{
    chart::{Chart, MarkText, XTitle},
    session::{Pane, WatchedSession, Zoom},
    text::{fit, width},
    theme::Theme,
    view::{Focus, region},
};
use crate::figure::Panel;

/// Draws all charts in two rows.
pub fn render_grid(frame: &mut Frame<'_>, area: Rect, session: &WatchedSession, theme: Theme) {
    let columns = session.grid.columns();
    let [above, below] = Layout::vertical([Constraint::Fill(1); 2]).areas(area);
    Row { session, charts: 0..columns, place: RowPlace::Upper, theme }.render(frame, above);
    Row { session, charts: columns..2 * columns, place: RowPlace::Lower, theme }.render(frame, below);
}

/// Draws the focused chart and the one beside it.
pub fn render_pair(frame: &mut Frame<'_>, area: Rect, session: &WatchedSession, theme: Theme) {
    let first = session.grid.focus() / 2 * 2;
    Row { session, charts: first..first + 2, place: RowPlace::Only, theme }.render(frame, area);
}

/// Draws the focused chart alone.
pub fn render_one(frame: &mut Frame<'_>, area: Rect, session: &WatchedSession, theme: Theme) {
    let focus = session.grid.focus();
    Row { session, charts: focus..focus + 1, place: RowPlace::Only, theme }.render(frame, area);
}

/// Which of the rows on the screen a row is. Where it is the only one, other charts are out of sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowPlace {
    Upper,
    Lower,
    Only,
}

/// Charts side by side.
struct Row<'a> {
    session: &'a WatchedSession,
    /// Their places in the grid.
    charts: Range<usize>,
    place: RowPlace,
    theme: Theme,
}

impl Row<'_> {
    fn render(&self, frame: &mut Frame<'_>, area: Rect) {
        let areas = Layout::horizontal(vec![Constraint::Fill(1); self.charts.len()]).split(area);
        for (index, &area) in self.charts.clone().zip(areas.iter()) {
            self.render_chart(frame, area, index);
        }
    }

    /// What all charts on the screen share is written once: the name of the x axis on the last of a row, the changes on the first of
    /// all.
    fn render_chart(&self, frame: &mut Frame<'_>, area: Rect, index: usize) {
        let Self { session, theme, .. } = *self;
        let Some(kind) = session.panels().get(index).copied() else { return };
        let x_title = if index + 1 == self.charts.end { XTitle::Shown } else { XTitle::Left };
        let is_first = index == self.charts.start && self.place != RowPlace::Lower;
        let marks = if is_first { MarkText::Shown } else { MarkText::Left };
        let runs = session.plotted_runs();
        let panel = Panel::new(kind, &runs, &session.view);
        let is_focused = index == session.grid.focus();
        let focus = match session.zoom {
            Zoom::One => Focus::Here,
            Zoom::All if is_focused => Focus::of(Pane::Charts, session.pane),
            Zoom::All => Focus::Elsewhere,
        };
        // Keys reach the focused chart from the other panes, too.
        let cursor = if session.zoom == Zoom::All && is_focused { theme.glyph("▸", ">") } else { " " };
        let number = match self.place {
            RowPlace::Only => format!("{} of {} ", index + 1, session.grid.len()),
            RowPlace::Upper | RowPlace::Lower => String::new(),
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
        let selected = session.run().filter(|_| session.runs.len() > 1).map(|run| run.slot);
        frame.render_widget(block, area);
        frame.render_widget(Chart::new(&panel, theme).x_title(x_title).mark_text(marks).selected(selected), inner);
    }
}
