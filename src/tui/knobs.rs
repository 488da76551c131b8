//! The knobs of the selected run: what each is set to, what it was before, what was asked for and what was refused. Knobs that do
//! nothing where they are share a line, and so do the words that the run was given and that no key turns.
//!
//! ```text
//! ╭ NSO ─────────────────────────────╮
//! │  σ        0.03  ◂ 0.02 @ step 9  │
//! │  k        1 → 2 pending          │
//! │▸ lr       0.05  cosine now 0.031 │
//! │  momentum 0.9   1.5 refused:     │
//! │           at least 0 and below 1 │
//! │  mix 0  decay 0  warm-up 0       │
//! │  law laplace                     │
//! ╰────────────────────────── 2 ↓ ───╯
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
    settings::{method_unless_named, moves, schedule, unusual},
    text::{fit, pad, scrub, value, width, wrap},
    theme::Theme,
    view::{Focus, beyond, region},
};
use crate::{
    figure::{Quantity, RunState, text::thousands},
    optimizer::Hyperparameter,
};

/// Least columns of a knob's name, the gap behind it included.
const LABEL: usize = 9;
/// Columns of the cursor.
const CURSOR: usize = 2;
/// Most rows that the panel wants; it scrolls where there are more.
const MOST_ROWS: usize = 9;

/// Rows that the panel wants at that width, its frame not counted.
pub fn rows(session: &Session, columns: usize) -> usize {
    let wanted = |run: &Run| {
        let (turning, resting) = run.panel();
        let shared = |entries: Vec<String>| packed(&entries, columns).last().map_or(0, |row| row + 1);
        let resting = shared(resting.into_iter().map(|knob| rest(run, knob)).collect());
        turning.len() + resting + shared(words(run)) + end(run, columns).len()
    };
    session.runs.iter().map(wanted).max().unwrap_or(0).min(MOST_ROWS)
}

/// Draws the panel.
pub fn render(frame: &mut Frame<'_>, area: Rect, session: &Session, theme: Theme) {
    let Some(run) = session.run() else { return };
    let block = region(theme, Focus::of(Pane::Knobs, session.pane));
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
    let (lines, cursor) = lines(run, (session.cursor(), columns), theme);
    // The knob under the cursor is always in sight, with as much of its note as there is room for.
    let height = usize::from(area.height.saturating_sub(2)).max(1);
    let skipped = cursor.end.saturating_sub(height).min(cursor.start);
    let block = beyond(block, (skipped, lines.len().saturating_sub(skipped + height)), theme);
    let lines: Vec<Line<'_>> = lines.into_iter().skip(skipped).take(height).collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// Draws the knob under the cursor on one line.
pub fn render_line(frame: &mut Frame<'_>, area: Rect, session: &Session, theme: Theme) {
    let (Some(run), Some(knob)) = (session.run(), session.cursor()) else { return };
    let name = fit(&run.name, usize::from(area.width) / 3);
    let value = run.hyperparameters().get(knob).map(value).unwrap_or_default();
    let mut line = Line::from(vec![
        Span::styled(format!("{name}  {} ", theme.spell(knob.symbol())), theme.text()),
        Span::styled(value, theme.strong()),
    ]);
    for (note, style) in notes(run, knob, theme) {
        line.push_span(Span::styled(format!(" {note}"), style));
    }
    frame.render_widget(line, area);
}

/// All lines of the panel, and which of them are about the knob under the cursor.
fn lines(
    run: &Run,
    (cursor, columns): (Option<Hyperparameter>, usize),
    theme: Theme,
) -> (Vec<Line<'static>>, std::ops::Range<usize>) {
    let (turning, resting) = run.panel();
    let values: Vec<String> = turning.iter().filter_map(|&knob| run.hyperparameters().get(knob)).map(value).collect();
    let widest = values.iter().map(|value| width(value)).max().unwrap_or(0);
    let label = turning.iter().map(|knob| width(&theme.spell(knob.symbol())) + 1).max().unwrap_or(0).max(LABEL);
    let mut lines = Vec::new();
    let mut here = 0..0;
    for (&knob, value) in turning.iter().zip(&values) {
        let first = lines.len();
        lines.extend(row(run, (knob, value), ((label, widest), (Here::of(cursor == Some(knob)), columns)), theme));
        if cursor == Some(knob) {
            here = first..lines.len();
        }
    }
    let mark = |knob| Here::of(cursor == Some(knob));
    let entries: Vec<(String, Here)> =
        resting.iter().map(|&knob| (theme.spell(&rest(run, knob)), mark(knob))).collect();
    let (shared, marked) = share(&entries, columns, theme);
    if let Some(row) = marked {
        here = lines.len() + row..lines.len() + row + 1;
    }
    lines.extend(shared);
    let words: Vec<(String, Here)> = words(run).into_iter().map(|word| (theme.spell(&word), Here::No)).collect();
    lines.extend(share(&words, columns, theme).0);
    lines.extend(end(run, columns).into_iter().map(|line| Line::styled(theme.spell(&line), theme.quiet())));
    (lines, here)
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

    fn cursor(self, theme: Theme) -> Span<'static> {
        Span::styled(if self == Self::Yes { theme.glyph("▸ ", "> ") } else { "  " }, theme.key())
    }
}

/// A knob that does nothing, as its line says it.
fn rest(run: &Run, knob: Hyperparameter) -> String {
    format!("{} {}", knob.symbol(), run.hyperparameters().get(knob).map(value).unwrap_or_default())
}

/// What no key turns: the method where the run's name does not tell it, and what is chosen other than as usual.
fn words(run: &Run) -> Vec<String> {
    let hyperparameters = run.hyperparameters();
    let method = method_unless_named(&run.name, hyperparameters).map(|key| format!("method {key}"));
    method.into_iter().chain(unusual(hyperparameters).iter().map(|(choice, word)| format!("{choice} {word}"))).collect()
}

/// What a completed run leaves of its budget, in lines.
fn end(run: &Run, columns: usize) -> Vec<String> {
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

/// Entries that share lines, and the line with the cursor.
fn share(entries: &[(String, Here)], columns: usize, theme: Theme) -> (Vec<Line<'static>>, Option<usize>) {
    let texts: Vec<String> = entries.iter().map(|(text, _)| text.clone()).collect();
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut marked = None;
    for ((text, here), row) in entries.iter().zip(packed(&texts, columns)) {
        if row >= lines.len() {
            lines.push(Line::default());
        }
        let style = if *here == Here::Yes { theme.strong() } else { theme.quiet() };
        marked = if *here == Here::Yes { Some(row) } else { marked };
        let cursor = match here {
            Here::Yes if !lines[row].spans.is_empty() => Span::styled(theme.glyph(" ▸", " >"), theme.key()),
            _ => here.cursor(theme),
        };
        lines[row].push_span(cursor);
        lines[row].push_span(Span::styled(text.clone(), style));
    }
    (lines, marked)
}

/// One knob: its value and the notes beside it, which go on below where they are long.
fn row(
    run: &Run,
    (knob, value): (Hyperparameter, &str),
    ((label, widest), (here, columns)): ((usize, usize), (Here, usize)),
    theme: Theme,
) -> Vec<Line<'static>> {
    let strength = if here == Here::Yes { theme.strong() } else { theme.text() };
    let symbol = pad(&theme.spell(knob.symbol()), label);
    // A pending value follows the one that it replaces; other notes share a column.
    let follows = run.pending.contains_key(&knob);
    let value = if follows { value.to_owned() } else { pad(value, widest) };
    let mut lines =
        vec![Line::from(vec![here.cursor(theme), Span::styled(symbol, theme.quiet()), Span::styled(value, strength)])];
    let mut gap = if follows { 1 } else { 2 };
    for (note, style) in notes(run, knob, theme) {
        let used = lines.last().map_or(0, Line::width) + gap;
        match lines.last_mut() {
            Some(line) if used + width(&note) <= columns => {
                line.push_span(Span::styled(format!("{}{note}", " ".repeat(gap)), style));
            }
            _ => {
                let indent = (CURSOR + label).min(columns / 3);
                let below = wrap(&note, columns.saturating_sub(indent).max(1));
                lines
                    .extend(below.into_iter().map(|text| Line::styled(format!("{}{text}", " ".repeat(indent)), style)));
            }
        }
        gap = 2;
    }
    lines
}

/// What there is to say about a knob: where its schedule has it, and a change that is pending, else one that was refused, else the
/// last one made.
fn notes(run: &Run, knob: Hyperparameter, theme: Theme) -> Vec<(String, Style)> {
    let moving = moving(run, knob).map(|text| (theme.spell(&text), theme.text()));
    if let Some(asked) = run.pending.get(&knob) {
        let pending = (theme.spell(&format!("→ {} pending", value(*asked))), theme.pending());
        return std::iter::once(pending).chain(moving).collect();
    }
    moving.into_iter().chain(answered(run, knob, theme)).collect()
}

/// Where a knob that moves by itself is: how it moves, and its value at the newest evaluation.
fn moving(run: &Run, knob: Hyperparameter) -> Option<String> {
    let hyperparameters = run.hyperparameters();
    if !moves(hyperparameters, knob) {
        return None;
    }
    let quantity = if knob == Hyperparameter::Lr { Quantity::LrNow } else { Quantity::SigmaNow };
    let now = run.history.last(quantity).map(|point| format!("now {}", quantity.format(point.value)));
    let word = schedule(hyperparameters, knob).map(str::to_owned);
    Some(word.into_iter().chain(now).collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty())
}

/// The last answer to a change.
fn answered(run: &Run, knob: Hyperparameter, theme: Theme) -> Option<(String, Style)> {
    if let Some(rejection) = run.history.rejection().filter(|rejection| rejection.knob == knob) {
        let text = format!("{} refused: {}", value(rejection.value), scrub(&rejection.reason));
        return Some((theme.spell(&text), theme.alert()));
    }
    let change = run.history.changes().iter().rfind(|change| change.knob == knob)?;
    let text = format!("{} {} @ step {}", theme.glyph("◂", "<"), value(change.from), thousands(change.at.step));
    Some((text, theme.quiet()))
}
