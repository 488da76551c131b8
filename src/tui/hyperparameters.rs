//! The hyperparameters of the selected run: what each is set to, what it was before, what is pending and what was refused. Those that
//! have no effect at their value share a line, and so do the categorical settings, which no key changes.
//!
//! ```text
//! ╭ NSO ─────────────────────────────╮
//! │  σ        0.03  ◂ 0.02 @ step 9  │
//! │  k        1 → 2 pending          │
//! │▸ lr       0.05  cosine now 0.031 │
//! │  momentum 0.9   1.5 refused:     │
//! │           at least 0 and below 1 │
//! │  mix 0  decay 0  warm-up 0       │
//! │  distribution laplace            │
//! ╰────────────────────────── 2 ↓ ───╯
//! ```

use std::ops::Range;

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    session::{Pane, Run, Scope, WatchedSession},
    settings::{is_scheduled, method_unless_named, non_default, schedule},
    text::{fit, pad, scrub, value, width, wrap},
    theme::Theme,
    view::{Focus, OutOfSight, region},
};
use crate::{
    figure::{Quantity, RunState, text::thousands},
    optimizer::Hyperparameter,
};

/// Least columns of a hyperparameter's name, the gap behind it included.
const LABEL: usize = 9;
/// Columns of the cursor.
const CURSOR: usize = 2;
/// Most rows that the panel wants; it scrolls where there are more.
const MOST_ROWS: usize = 9;

/// Rows that the panel wants at that width, its frame not counted.
pub fn rows(session: &WatchedSession, columns: usize) -> usize {
    let wanted = |run: &Run| {
        let (active, inactive) = run.panel();
        let shared = |entries: Vec<String>| packed(&entries, columns).last().map_or(0, |row| row + 1);
        let inactive = shared(inactive.into_iter().map(|hyperparameter| at_rest(run, hyperparameter)).collect());
        active.len() + inactive + shared(categoricals(run)) + unspent(run, columns).len()
    };
    session.runs.iter().map(wanted).max().unwrap_or(0).min(MOST_ROWS)
}

pub fn render(frame: &mut Frame<'_>, area: Rect, session: &WatchedSession, theme: Theme) {
    let Some(run) = session.run() else { return };
    let block = region(theme, Focus::of(Pane::Hyperparameters, session.pane));
    let columns = usize::from(area.width.saturating_sub(2));
    let name = fit(&run.name, columns.saturating_sub(4));
    let scope = match session.scope {
        Scope::Selected => "",
        Scope::AllRuns if columns > width(&name) + 28 => " changes go to all runs ",
        Scope::AllRuns => " all ",
    };
    let block = block.title(Span::styled(format!(" {name} "), theme.strong()));
    let block =
        if scope.is_empty() { block } else { block.title(Line::styled(scope, theme.pending()).right_aligned()) };
    let Content { lines, cursor } = Panel { run, cursor: session.cursor(), columns, theme }.content();
    // The hyperparameter under the cursor is always in sight, with as much of its note as there is room for.
    let height = usize::from(area.height.saturating_sub(2)).max(1);
    let above = cursor.end.saturating_sub(height).min(cursor.start);
    let below = lines.len().saturating_sub(above + height);
    let block = OutOfSight { above, below }.on(block, theme);
    let lines: Vec<Line<'_>> = lines.into_iter().skip(above).take(height).collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// Draws the hyperparameter under the cursor on one line.
pub fn render_line(frame: &mut Frame<'_>, area: Rect, session: &WatchedSession, theme: Theme) {
    let (Some(run), Some(cursor)) = (session.run(), cursor_line(session, theme)) else { return };
    let name = fit(&run.name, usize::from(area.width) / 3);
    let mut line = Line::from(Span::styled(format!("{name}  "), theme.text()));
    line.extend(cursor);
    frame.render_widget(line, area);
}

/// The hyperparameter under the cursor with its value, and what is pending or was changed.
pub fn cursor_line(session: &WatchedSession, theme: Theme) -> Option<Line<'static>> {
    let (run, hyperparameter) = (session.run()?, session.cursor()?);
    let value = run.hyperparameters().get(hyperparameter).map(value).unwrap_or_default();
    let mut line = Line::from(vec![
        Span::styled(format!("{} ", theme.spell(hyperparameter.symbol())), theme.text()),
        Span::styled(value, theme.strong()),
    ]);
    for Note { text, style } in notes(run, hyperparameter, theme) {
        line.push_span(Span::styled(format!(" {text}"), style));
    }
    Some(line)
}

/// The panel of one run.
#[derive(Clone, Copy)]
struct Panel<'a> {
    run: &'a Run,
    /// The hyperparameter under the cursor.
    cursor: Option<Hyperparameter>,
    /// Its width, the frame not counted.
    columns: usize,
    theme: Theme,
}

/// What a panel shows.
struct Content {
    lines: Vec<Line<'static>>,
    /// The lines of the hyperparameter under the cursor.
    cursor: Range<usize>,
}

/// The widths that the rows of a panel share.
struct Widths {
    /// Of the names, the gap behind them included.
    label: usize,
    value: usize,
}

/// One of several on a line.
struct Item {
    text: String,
    here: Here,
}

/// A note after a value.
struct Note {
    text: String,
    style: Style,
}

/// Whether the cursor is on a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Here {
    Yes,
    No,
}

impl Here {
    fn cursor(self, theme: Theme) -> Span<'static> {
        Span::styled(if self == Self::Yes { theme.glyph("▸ ", "> ") } else { "  " }, theme.key())
    }
}

impl Panel<'_> {
    fn content(self) -> Content {
        let Self { run, theme, columns, .. } = self;
        let (active, inactive) = run.panel();
        let values: Vec<String> =
            active.iter().filter_map(|&active| run.hyperparameters().get(active)).map(value).collect();
        let label = active.iter().map(|active| width(&theme.spell(active.symbol())) + 1).max().unwrap_or(0);
        let widths =
            Widths { label: label.max(LABEL), value: values.iter().map(|value| width(value)).max().unwrap_or(0) };
        let mut content = Content { lines: Vec::new(), cursor: 0..0 };
        for (&hyperparameter, value) in active.iter().zip(&values) {
            let first = content.lines.len();
            content.lines.extend(self.row(hyperparameter, value, &widths));
            if self.cursor == Some(hyperparameter) {
                content.cursor = first..content.lines.len();
            }
        }
        let inactive = inactive.into_iter().map(|hyperparameter| Item {
            text: theme.spell(&at_rest(run, hyperparameter)),
            here: self.here(hyperparameter),
        });
        self.share(&mut content, &inactive.collect::<Vec<_>>());
        let categoricals = categoricals(run).into_iter().map(|text| Item { text: theme.spell(&text), here: Here::No });
        self.share(&mut content, &categoricals.collect::<Vec<_>>());
        let unspent = unspent(run, columns).into_iter();
        content.lines.extend(unspent.map(|line| Line::styled(theme.spell(&line), theme.quiet())));
        content
    }

    fn here(self, hyperparameter: Hyperparameter) -> Here {
        if self.cursor == Some(hyperparameter) { Here::Yes } else { Here::No }
    }

    /// One hyperparameter: its value and the notes after it, which wrap where they are long.
    fn row(self, hyperparameter: Hyperparameter, value: &str, widths: &Widths) -> Vec<Line<'static>> {
        let Self { run, theme, columns, .. } = self;
        let here = self.here(hyperparameter);
        let strength = if here == Here::Yes { theme.strong() } else { theme.text() };
        let symbol = pad(&theme.spell(hyperparameter.symbol()), widths.label);
        // A pending value follows the one that it replaces; other notes share a column.
        let follows = run.pending.contains_key(&hyperparameter);
        let value = if follows { value.to_owned() } else { pad(value, widths.value) };
        let mut lines = vec![Line::from(vec![
            here.cursor(theme),
            Span::styled(symbol, theme.quiet()),
            Span::styled(value, strength),
        ])];
        let mut gap = if follows { 1 } else { 2 };
        for Note { text, style } in notes(run, hyperparameter, theme) {
            let used = lines.last().map_or(0, Line::width) + gap;
            match lines.last_mut() {
                Some(line) if used + width(&text) <= columns => {
                    line.push_span(Span::styled(format!("{}{text}", " ".repeat(gap)), style));
                }
                _ => {
                    let indent = (CURSOR + widths.label).min(columns / 3);
                    let below = wrap(&text, columns.saturating_sub(indent).max(1)).into_iter();
                    lines.extend(below.map(|text| Line::styled(format!("{}{text}", " ".repeat(indent)), style)));
                }
            }
            gap = 2;
        }
        lines
    }

    /// Adds entries that share lines.
    fn share(self, content: &mut Content, entries: &[Item]) {
        let theme = self.theme;
        let first = content.lines.len();
        let texts: Vec<String> = entries.iter().map(|entry| entry.text.clone()).collect();
        for (Item { text, here }, row) in entries.iter().zip(packed(&texts, self.columns)) {
            if first + row >= content.lines.len() {
                content.lines.push(Line::default());
            }
            let line = &mut content.lines[first + row];
            let (cursor, style) = match here {
                Here::Yes if line.spans.is_empty() => (here.cursor(theme), theme.strong()),
                Here::Yes => (Span::styled(theme.glyph(" ▸", " >"), theme.key()), theme.strong()),
                Here::No => (here.cursor(theme), theme.quiet()),
            };
            line.push_span(cursor);
            line.push_span(Span::styled(text.clone(), style));
            if *here == Here::Yes {
                content.cursor = first + row..first + row + 1;
            }
        }
    }
}

/// A hyperparameter that has no effect at its value, as its line says it.
fn at_rest(run: &Run, hyperparameter: Hyperparameter) -> String {
    format!("{} {}", hyperparameter.symbol(), run.hyperparameters().get(hyperparameter).map(value).unwrap_or_default())
}

/// What no key changes: the method where the run's name does not say it, and the categorical settings that are not the default.
fn categoricals(run: &Run) -> Vec<String> {
    let hyperparameters = run.hyperparameters();
    let method = method_unless_named(&run.name, hyperparameters).map(|key| format!("method {key}"));
    let others = non_default(hyperparameters).into_iter();
    method.into_iter().chain(others.map(|(categorical, word)| format!("{categorical} {word}"))).collect()
}

/// What a completed run leaves of its budget, in lines.
fn unspent(run: &Run, columns: usize) -> Vec<String> {
    let completed = *run.history.state() == RunState::Completed;
    let reason = run.history.end_reason().filter(|_| completed).map(scrub).unwrap_or_default();
    wrap(&reason, columns.saturating_sub(CURSOR).max(1)).into_iter().map(|line| format!("  {line}")).collect()
}

/// The row of each entry, where as many share a row as fit.
fn packed(entries: &[String], columns: usize) -> Vec<usize> {
    let (mut row, mut used) = (0, 0);
    let place = |entry: &String| {
        let wide = CURSOR + width(entry);
        if used > 0 && used + wide > columns {
            (row, used) = (row + 1, 0);
        }
        used += wide;
        row
    };
    entries.iter().map(place).collect()
}

/// What there is to say about a hyperparameter: its scheduled value, and a change that is pending, else one that was refused, else
/// the last one made.
fn notes(run: &Run, hyperparameter: Hyperparameter, theme: Theme) -> Vec<Note> {
    let scheduled = scheduled(run, hyperparameter).map(|text| Note { text: theme.spell(&text), style: theme.text() });
    if let Some(asked) = run.pending.get(&hyperparameter) {
        let text = theme.spell(&format!("→ {} pending", value(*asked)));
        return std::iter::once(Note { text, style: theme.pending() }).chain(scheduled).collect();
    }
    scheduled.into_iter().chain(answered(run, hyperparameter, theme)).collect()
}

/// The schedule of a hyperparameter that has one, and its value at the newest evaluation.
fn scheduled(run: &Run, hyperparameter: Hyperparameter) -> Option<String> {
    let hyperparameters = run.hyperparameters();
    if !is_scheduled(hyperparameters, hyperparameter) {
        return None;
    }
    let quantity = if hyperparameter == Hyperparameter::Lr { Quantity::LrNow } else { Quantity::SigmaNow };
    let now = run.history.last(quantity).map(|point| format!("now {}", quantity.format(point.value)));
    let word = schedule(hyperparameters, hyperparameter).map(str::to_owned);
    Some(word.into_iter().chain(now).collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty())
}

/// The last answer to a change.
fn answered(run: &Run, hyperparameter: Hyperparameter, theme: Theme) -> Option<Note> {
    if let Some(rejection) = run.history.rejection().filter(|rejection| rejection.hyperparameter == hyperparameter) {
        let text = format!("{} refused: {}", value(rejection.value), scrub(&rejection.reason));
        return Some(Note { text: theme.spell(&text), style: theme.alert() });
    }
    let change = run.history.changes().iter().rfind(|change| change.hyperparameter == hyperparameter)?;
    let text = format!("{} {} @ step {}", theme.glyph("◂", "<"), value(change.from), thousands(change.at.step));
    Some(Note { text, style: theme.quiet() })
}
