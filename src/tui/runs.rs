//! The table of runs, which is the legend of every chart: mark, name, where each run stands, and what was measured at the cost that
//! all have spent, against a baseline.
//!
//! ```text
//!  runs at 2,004 gradient evaluations · one seed
//!    run     state           test acc. %       Δ SGD    loss       trace  trace @ .001
//!  ● SGD     running           93.4 ± .8           –  0.0005  3.00 ± .20    4.50 ± .30
//!  ╌   ema   2,480 iterates    93.6 ± .8  +0.2 ± 1.1  0.0004  1.74 ± .08             –
//! ▸▲ NSO     diverged  at step 312: the loss is not finite
//!  vs SGD, 2 s.e.: test acc. no difference · trace @ .001 lower: SAM
//! ```
//!
//! Below a run that keeps an average of its weights stands what was measured at the average.

mod column;
mod row;
mod values;

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

use self::{
    column::{Column, Filled, Table, fill},
    row::{Row, Weights, ending},
};
use super::{
    session::{Pane, WatchedSession},
    text::{fit, pad, width},
    theme::Theme,
    view::{Focus, OutOfSight, region},
};
use crate::figure::{
    CommonCost, Comparison, PanelKind, Quantity, RunState, Unit, VerdictRun, XAxis,
    text::{fixed, thousands},
    verdict,
};

/// Widest that the column of names grows.
const NAME_COLUMN: usize = 32;
/// Columns of cursor and mark.
const LEGEND: usize = 4;

/// Rows that the table wants, its frame and its heading not counted.
pub fn rows(session: &WatchedSession) -> usize {
    Row::all(session).len()
}

pub fn render(frame: &mut Frame<'_>, area: Rect, session: &WatchedSession, theme: Theme) {
    let table = Table::new(session, theme);
    let mut block = region(theme, Focus::of(Pane::Runs, session.pane)).title(title(session, &table.comparison, theme));
    if let Some(verdict) = said(&table) {
        let room = usize::from(area.width).saturating_sub(4);
        let room = if table.rows.len() + 3 > usize::from(area.height) { room.saturating_sub(16) } else { room };
        let verdict = fit(&theme.spell(&verdict), room);
        block = block.title_bottom(Line::styled(format!(" {verdict} "), theme.quiet()));
    }
    let inner = block.inner(area);
    let body = Rect { y: inner.y + 1.min(inner.height), height: inner.height.saturating_sub(1), ..inner };
    let all = &table.rows;
    // The selected run is always in sight, and its average where there is room for both.
    let height = usize::from(body.height).max(1);
    let place = all.iter().position(|row| row.index == session.selected()).unwrap_or(0);
    let end = all.iter().rposition(|row| row.index == session.selected()).unwrap_or(0);
    let first = (end + 1).saturating_sub(height).min(place);
    let below = all.len().saturating_sub(first + usize::from(body.height));
    frame.render_widget(OutOfSight { above: first, below }.on(block, theme), area);
    let columns = usize::from(inner.width);
    let names = all.iter().map(|row| width(&row.name())).max().unwrap_or(0).max("run".len());
    let names = names.min(NAME_COLUMN.min(columns / 3));
    let filled = filling(&table, session, columns.saturating_sub(LEGEND + names));
    let mut heading = vec![Span::raw(" ".repeat(LEGEND)), Span::styled(pad("run", names), theme.quiet())];
    for column in &filled {
        heading.push(Span::styled(format!("  {}", column.align(&column.heading)), theme.quiet()));
    }
    frame.render_widget(Line::from(heading), Rect { height: 1.min(inner.height), ..inner });
    let rows = all.iter().enumerate().skip(first).take(height).map(|(index, row)| {
        let mut spans = legend(row, session.selected(), theme);
        spans.push(Span::styled(pad(&row.name(), names), row.name_style(session.selected(), theme)));
        match row.ending() {
            Some(ending) => {
                let word = session.state_word(row.run);
                let room = columns.saturating_sub(LEGEND + names + 4 + width(word));
                spans.push(Span::styled(format!("  {word}"), theme.alert()));
                spans.push(Span::styled(format!("  {}", fit(&theme.spell(&ending), room)), theme.text()));
            }
            None => spans.extend(filled.iter().filter_map(|column| {
                let cell = column.cells.get(index)?;
                Some(Span::styled(format!("  {}", column.align(&cell.text)), cell.style))
            })),
        }
        Line::from(spans)
    });
    frame.render_widget(Paragraph::new(rows.collect::<Vec<_>>()), body);
}

/// Draws the selected run on one line.
pub fn render_line(frame: &mut Frame<'_>, area: Rect, session: &WatchedSession, theme: Theme) {
    let Some(run) = session.run() else { return };
    let table = Table::new(session, theme);
    let rows = &table.rows;
    let Some(place) = rows.iter().position(|row| row.index == session.selected()) else { return };
    let columns = usize::from(area.width);
    let name = fit(&run.name, columns / 3);
    let mut spans = legend(&rows[place], session.selected(), theme);
    let mut room = columns.saturating_sub(LEGEND + width(&name));
    spans.push(Span::styled(name, theme.strong()));
    if let Some(ending) = ending(run) {
        spans.push(Span::styled(format!("  {}", session.state_word(run)), theme.alert()));
        spans.push(Span::styled(format!("  {}", theme.spell(&ending)), theme.text()));
    } else {
        for column in candidates(session, room) {
            let filled = fill(column, &table);
            let Some(cell) = filled.cells.into_iter().nth(place) else { continue };
            let labelled = match column {
                Column::Value(quantity) if quantity.unit() == Unit::Percent => {
                    format!("  {} {} %", filled.heading.trim_end_matches(" %"), cell.text)
                }
                Column::Value(_)
                | Column::Difference
                | Column::TraceAtEqualLoss
                | Column::TraceInterval
                | Column::Best
                | Column::Eta => {
                    format!("  {} {}", filled.heading, cell.text)
                }
                Column::State | Column::Progress | Column::Percent | Column::Step | Column::Gradients => {
                    format!("  {}", cell.text)
                }
            };
            if width(&labelled) > room || matches!(column, Column::Step | Column::Gradients) {
                continue;
            }
            room -= width(&labelled);
            spans.push(Span::styled(labelled, cell.style));
        }
    }
    frame.render_widget(Line::from(spans), area);
}

/// Cursor and mark, `selected` being the place of the selected run.
fn legend(row: &Row<'_>, selected: usize, theme: Theme) -> Vec<Span<'static>> {
    let cursor = match row.weights {
        Weights::Current if row.index == selected => theme.glyph("▸ ", "> "),
        Weights::Current | Weights::Average(_) => "  ",
    };
    vec![Span::styled(cursor, theme.key()), row.mark(theme)]
}

/// The columns that fit `room`, filled: what matters most has its place first, what matters less takes what is left.
fn filling(table: &Table<'_>, session: &WatchedSession, room: usize) -> Vec<Filled> {
    let charted: Vec<Quantity> = session.panels().into_iter().map(PanelKind::primary_quantity).collect();
    let columns = candidates(session, room).into_iter().map(|column| fill(column, table));
    let mut by_rank: Vec<(usize, Filled)> = columns.enumerate().collect();
    by_rank.sort_by_key(|(_, filled)| rank(filled.column, &charted));
    let mut left = room;
    by_rank.retain(|(_, filled)| {
        let fits = filled.width + 2 <= left;
        left -= if fits { filled.width + 2 } else { 0 };
        fits
    });
    by_rank.sort_by_key(|(place, _)| *place);
    by_rank.into_iter().map(|(_, filled)| filled).collect()
}

/// Columns in the order of the table. A bar has room only on wide screens; its percentage stays.
fn candidates(session: &WatchedSession, room: usize) -> Vec<Column> {
    let has = |quantity: &Quantity| session.runs.iter().any(|run| !run.history.series(*quantity).is_empty());
    let mut columns = vec![Column::State, if room >= WIDE { Column::Progress } else { Column::Percent }];
    columns.extend([Column::Step, Column::Gradients]);
    // Each quantity has one column, however many charts are about it.
    let outcome = session.outcome();
    let mut quantities = vec![outcome, Quantity::TrainLoss];
    let tested = [Quantity::TestLoss].into_iter().filter(has);
    let charted =
        session.panels().into_iter().map(PanelKind::primary_quantity).filter(|quantity| !ELSEWHERE.contains(quantity));
    let measured = session.plan.train.probe_every.is_some();
    let curvature = CURVATURE.into_iter().filter(|quantity| measured || has(quantity));
    for quantity in tested.chain(charted).chain(curvature) {
        if !quantities.contains(&quantity) {
            quantities.push(quantity);
        }
    }
    if outcome == Quantity::TrainLoss {
        quantities.remove(0);
    }
    for quantity in quantities {
        columns.push(Column::Value(quantity));
        if quantity == outcome && session.runs.len() > 1 {
            columns.push(Column::Difference);
        }
        if quantity == Quantity::Trace && session.comparison().traces.is_some() {
            columns.push(Column::TraceAtEqualLoss);
        }
    }
    if has(&Quantity::TraceLow) {
        columns.push(Column::TraceInterval);
    }
    if session.runs.iter().any(|run| run.history.best().is_some()) {
        columns.push(Column::Best);
    }
    columns.push(Column::Eta);
    columns
}

/// Columns from which on a bar shows the progress.
const WIDE: usize = 110;

/// What charts are about that has its column in any case.
const ELSEWHERE: [Quantity; 3] = [Quantity::Trace, Quantity::LambdaMax, Quantity::TestErrorRate];

/// What every table ends with, where curvature is measured.
const CURVATURE: [Quantity; 2] = [Quantity::Trace, Quantity::LambdaMax];

/// How much a column matters, 0 most; what a chart is about matters more.
fn rank(column: Column, charted: &[Quantity]) -> usize {
    match column {
        Column::State => 0,
        Column::Value(Quantity::TestAccuracy | Quantity::ValidationError | Quantity::Distance) => 1,
        Column::Value(Quantity::TrainLoss) => 2,
        Column::Difference => 3,
        Column::Value(Quantity::Trace) => 4,
        Column::TraceAtEqualLoss => 5,
        Column::Percent | Column::Progress => 6,
        Column::Value(quantity) if charted.contains(&quantity) && quantity != Quantity::LambdaMax => 7,
        Column::Best => 8,
        Column::Value(Quantity::LambdaMax) => 9,
        Column::Eta => 10,
        Column::Value(_) => 11,
        Column::TraceInterval => 12,
        Column::Step => 13,
        Column::Gradients => 14,
    }
}

/// What the table shows: "runs at 2,004 gradient evaluations".
fn title(session: &WatchedSession, comparison: &Comparison, theme: Theme) -> Line<'static> {
    let heading = Span::styled(" runs ", theme.strong());
    let begun = session.runs.iter().any(|run| run.history.start().is_some());
    if !begun || session.runs.len() < 2 {
        return Line::from(heading);
    }
    let said = match comparison.cost {
        None => "newest values, not at equal cost".to_owned(),
        Some(cost @ CommonCost { axis: XAxis::Gradients, .. }) => format!("at {} gradient evaluations", count(cost)),
        Some(cost) => {
            let at = format!("at {} {}", cost.axis.title(), count(cost));
            if session.has_equal_costs() { at } else { format!("{at}: equal steps, not equal cost") }
        }
    };
    // What differs from another seed's runs is not known.
    Line::from(vec![heading, Span::styled(format!("{said} · one seed "), theme.quiet())])
}

/// What may be said of the runs. Accuracies are compared at equal cost alone: not the newest of each run, nor that of a run which ended
/// before it had spent as much.
fn said(table: &Table<'_>) -> Option<String> {
    let has_spent_it = |row: &Row<'_>| {
        let ended_early =
            matches!(row.run.history.state(), RunState::Stopped | RunState::Diverged { .. } | RunState::Failed { .. });
        table.comparison.cost.is_some() && !ended_early
    };
    let current = table.rows.iter().filter(|row| row.weights == Weights::Current);
    let runs: Vec<VerdictRun<'_>> = current
        .map(|row| VerdictRun {
            name: &row.run.name,
            accuracy: row.value(Quantity::TestAccuracy, &table.comparison).filter(|_| has_spent_it(row)),
        })
        .collect();
    verdict(&runs, &table.comparison)
}

/// A cost in words: whole where it is a count, of epochs a part too.
fn count(cost: CommonCost) -> String {
    if cost.spent.fract() == 0.0 { thousands(cost.whole()) } else { fixed(cost.spent, 1) }
}
