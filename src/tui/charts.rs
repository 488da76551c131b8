//! The charts: four in a grid, two in a row, or one; each in its frame, titled, with its remarks at the right.

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

/// Draws all four charts, two by two.
pub fn render_grid(frame: &mut Frame<'_>, area: Rect, session: &Session, theme: Theme) {
    let [above, below] = halves(Layout::vertical, area);
    render_pair(frame, above, (session, 0), theme);
    render_pair(frame, below, (session, 2), theme);
}

/// Draws the focused chart and the one beside it.
pub fn render_row(frame: &mut Frame<'_>, area: Rect, session: &Session, theme: Theme) {
    render_pair(frame, area, (session, session.chart / 2 * 2), theme);
}

/// Draws the focused chart alone.
pub fn render_one(frame: &mut Frame<'_>, area: Rect, session: &Session, theme: Theme) {
    render_chart(frame, area, (session, session.chart), theme);
}

fn render_pair(frame: &mut Frame<'_>, area: Rect, (session, first): (&Session, usize), theme: Theme) {
    let [left, right] = halves(Layout::horizontal, area);
    render_chart(frame, left, (session, first), theme);
    render_chart(frame, right, (session, first + 1), theme);
}

fn halves(split: fn([Constraint; 2]) -> Layout, area: Rect) -> [Rect; 2] {
    split([Constraint::Fill(1), Constraint::Fill(1)]).areas(area)
}

fn render_chart(frame: &mut Frame<'_>, area: Rect, (session, index): (&Session, usize), theme: Theme) {
    let Some(kind) = session.panels().get(index).copied() else { return };
    let runs = session.labelled();
    let panel = Panel::new(kind, &runs, &session.view);
    let focus = match session.zoom {
        Zoom::One => Focus::Here,
        Zoom::All if index == session.chart => Focus::of(Pane::Charts, session.pane),
        Zoom::All => Focus::Elsewhere,
    };
    let columns = usize::from(area.width.saturating_sub(4));
    let title = fit(&theme.spell(panel.title), columns);
    let notes = fit(&theme.spell(&panel.notes.join("  ")), columns.saturating_sub(width(&title) + 3));
    let mut block = region(theme, focus).title(Span::styled(format!(" {title} "), theme.strong()));
    if !notes.is_empty() {
        block = block.title(Line::styled(format!(" {notes} "), theme.quiet()).right_aligned());
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    // What all charts share is written once: on the right the name of the x axis, on the first the changes.
    let alone = area.width == frame.area().width;
    let x_title = if alone || index % 2 == 1 { XTitle::Shown } else { XTitle::Left };
    let mark_text = if alone || index % 4 == 0 { MarkText::Shown } else { MarkText::Left };
    frame.render_widget(Chart::new(&panel, theme).x_title(x_title).mark_text(mark_text), inner);
}
