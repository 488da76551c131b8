//! The knobs of the selected run: what each is set to, what it was before, what was asked for and what was refused.
//!
//! ```text
//! ╭ NSO ─────────────────────────────╮
//! │  σ        0.03   ◂ 0.02 @ 1,000  │
//! │▸ lr       0.05 → 0.025 pending   │
//! │  momentum 0.9    1.5 refused:    │
//! │           at least 0 and below 1 │
//! ╰──────────────────────────────────╯
//! ```

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    session::{Pane, Run, Scope, Session},
    text::{fit, pad, scrub, value, width, wrap},
    theme::Theme,
    view::{Focus, region},
};
use crate::{figure::text::thousands, optimizer::Knob};

/// Columns before a value: cursor, symbol, gap.
const LABEL: usize = 11;

/// Rows that the panel wants, its frame not counted.
pub fn rows(session: &Session) -> usize {
    session.runs.iter().map(|run| run.hyperparameters().knobs().count()).max().unwrap_or(0)
}

/// Draws the panel.
pub fn render(frame: &mut Frame<'_>, area: Rect, session: &Session, theme: Theme) {
    let Some(run) = session.run() else { return };
    let block = region(theme, Focus::of(Pane::Knobs, session.pane));
    let columns = usize::from(area.width.saturating_sub(2));
    let name = fit(&run.name, columns.saturating_sub(4));
    let scope = match session.scope {
        Scope::Selected => String::new(),
        Scope::AllRuns => "changes go to all runs".to_owned(),
    };
    let block = block.title(Span::styled(format!(" {name} "), theme.strong()));
    let block = match scope.as_str() {
        "" => block,
        scope if columns > width(&name) + width(scope) + 6 => {
            block.title(Line::styled(format!(" {scope} "), theme.pending()).right_aligned())
        }
        _ => block.title(Line::styled(" all ", theme.pending()).right_aligned()),
    };
    let values: Vec<String> =
        run.hyperparameters().knobs().filter_map(|knob| run.hyperparameters().get(knob)).map(value).collect();
    let widest = values.iter().map(|value| width(value)).max().unwrap_or(0);
    let mut lines = Vec::new();
    let mut cursor_row = 0;
    for (knob, value) in run.hyperparameters().knobs().zip(&values) {
        let here = session.cursor() == Some(knob);
        if here {
            cursor_row = lines.len();
        }
        lines.extend(row(run, (knob, value, widest), (Here::of(here), columns), theme));
    }
    // The knob under the cursor is always in sight.
    let height = usize::from(area.height.saturating_sub(2)).max(1);
    let skipped = u16::try_from((cursor_row + 1).saturating_sub(height)).unwrap_or(0);
    frame.render_widget(Paragraph::new(lines).scroll((skipped, 0)).block(block), area);
}

/// Draws the knob under the cursor on one line.
pub fn render_line(frame: &mut Frame<'_>, area: Rect, session: &Session, theme: Theme) {
    let (Some(run), Some(knob)) = (session.run(), session.cursor()) else { return };
    let name = fit(&run.name, usize::from(area.width) / 3);
    let value = run.hyperparameters().get(knob).map(value).unwrap_or_default();
    let (note, style) = note(run, knob, theme).unwrap_or_default();
    let line = Line::from(vec![
        Span::styled(format!("{name}  {} ", theme.spell(knob.symbol())), theme.text()),
        Span::styled(value, theme.strong()),
        Span::styled(format!(" {note}"), style),
    ]);
    frame.render_widget(line, area);
}

/// Whether the cursor is on a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Here {
    Yes,
    No,
}

impl Here {
    fn of(here: bool) -> Self {
        if here { Self::Yes } else { Self::No }
    }
}

/// One knob: its value and the note beside it, which goes on below where it is long.
fn row(
    run: &Run,
    (knob, value, widest): (Knob, &str, usize),
    (here, columns): (Here, usize),
    theme: Theme,
) -> Vec<Line<'static>> {
    let cursor = if here == Here::Yes { theme.glyph("▸ ", "> ") } else { "  " };
    let strength = if here == Here::Yes { theme.strong() } else { theme.text() };
    let mut spans = vec![
        Span::styled(cursor, theme.key()),
        Span::styled(pad(&theme.spell(knob.symbol()), LABEL - 2), theme.quiet()),
        Span::styled(pad(value, widest), strength),
    ];
    let Some((note, style)) = note(run, knob, theme) else { return vec![Line::from(spans)] };
    // A pending value follows the one it replaces; other notes share a column.
    let gap = if run.pending.contains_key(&knob) { 1 } else { 3 };
    if gap == 1 {
        spans.truncate(2);
        spans.push(Span::styled(value.to_owned(), strength));
    }
    let used: usize = spans.iter().map(|span| width(&span.content)).sum::<usize>() + gap;
    if used + width(&note) <= columns {
        spans.push(Span::styled(format!("{}{note}", " ".repeat(gap)), style));
        return vec![Line::from(spans)];
    }
    let indent = LABEL.min(columns / 3);
    let below = wrap(&note, columns.saturating_sub(indent).max(1));
    let below = below.into_iter().map(|text| Line::styled(format!("{}{text}", " ".repeat(indent)), style));
    std::iter::once(Line::from(spans)).chain(below).collect()
}

/// What there is to say about a knob: a change that is pending, else one that was refused, else the last one made.
fn note(run: &Run, knob: Knob, theme: Theme) -> Option<(String, Style)> {
    if let Some(asked) = run.pending.get(&knob) {
        return Some((theme.spell(&format!("→ {} pending", value(*asked))), theme.pending()));
    }
    if let Some(rejection) = run.history.rejection().filter(|rejection| rejection.knob == knob) {
        let text = format!("{} refused: {}", value(rejection.value), scrub(&rejection.reason));
        return Some((theme.spell(&text), theme.alert()));
    }
    let change = run.history.changes().iter().rfind(|change| change.knob == knob)?;
    let text = format!("{} {} @ {}", theme.glyph("◂", "<"), value(change.from), thousands(change.at.step));
    Some((text, theme.quiet()))
}
