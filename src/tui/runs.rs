//! The table of runs, which is the legend of every chart: mark, name, where each run stands and what it last measured.
//!
//! ```text
//!    run     state    progress        loss    gap     trace       λ max  ETA
//!  ● SGD     running  ▰▰▰▰▰▱▱▱ 62 %  0.0021  0.288  2.90 ± .11  0.168  0:31
//! ▸▲ NSO     diverged  at step 312: the loss is not finite
//! ```

use std::time::Duration;

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    session::{Feed, Pane, Run, Session},
    text::{Notation, clock, fit, pad, pad_left, scrub, width},
    theme::{Glyphs, Theme},
    view::{Focus, OutOfSight, region},
};
use crate::{
    figure::{Background, History, PanelKind, Point, Quantity, RunState, Schedule, Unit, ink, text::thousands},
    run::Cadence,
};

/// Blocks of a progress bar.
const BLOCKS: usize = 8;
/// Widest that the column of names grows.
const NAME_COLUMN: usize = 32;
/// Columns of cursor and mark.
const LEGEND: usize = 4;

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    State,
    Progress,
    Percent,
    Step,
    Gradients,
    Value(Quantity),
    /// What covers the Hessian trace over the whole training set in 95 % of cases.
    TraceInterval,
    /// Test accuracy at the lowest validation loss, and the gradient evaluations by then.
    Best,
    Eta,
}

/// What a cell says and how.
struct Cell {
    text: String,
    style: Style,
}

/// A column with its heading and its cells, all as wide as the widest.
struct Filled {
    column: Column,
    heading: String,
    cells: Vec<Cell>,
    width: usize,
}

/// Draws the table.
pub fn render(frame: &mut Frame<'_>, area: Rect, session: &Session, theme: Theme) {
    let block = region(theme, Focus::of(Pane::Runs, session.pane)).title(Span::styled(" runs ", theme.strong()));
    let inner = block.inner(area);
    let body = Rect { y: inner.y + 1.min(inner.height), height: inner.height.saturating_sub(1), ..inner };
    // The selected run is always in sight.
    let height = usize::from(body.height);
    let first = (session.selected() + 1).saturating_sub(height.max(1));
    let below = session.runs.len().saturating_sub(first + height);
    frame.render_widget(OutOfSight { above: first, below }.on(block, theme), area);
    let columns = usize::from(inner.width);
    let names = session.runs.iter().map(|run| width(&run.name)).max().unwrap_or(0).max("run".len());
    let names = names.min(NAME_COLUMN.min(columns / 3));
    let filled = filling(session, theme, columns.saturating_sub(LEGEND + names));
    let mut heading = vec![Span::raw(" ".repeat(LEGEND)), Span::styled(pad("run", names), theme.quiet())];
    for column in &filled {
        heading.push(Span::styled(format!("  {}", column.align(&column.heading)), theme.quiet()));
    }
    frame.render_widget(Line::from(heading), Rect { height: 1.min(inner.height), ..inner });
    let rows = session.runs.iter().enumerate().skip(first).take(height).map(|(index, run)| {
        let mut spans = legend(index, session, theme);
        let name = if index == session.selected() { theme.strong() } else { theme.text() };
        spans.push(Span::styled(pad(&run.name, names), name));
        match ending(run) {
            Some(ending) => {
                let room = columns.saturating_sub(LEGEND + names + 4 + width(run.history.state().word()));
                spans.push(Span::styled(format!("  {}", run.history.state().word()), theme.alert()));
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
pub fn render_line(frame: &mut Frame<'_>, area: Rect, session: &Session, theme: Theme) {
    let Some(run) = session.run() else { return };
    let columns = usize::from(area.width);
    let name = fit(&run.name, columns / 3);
    let mut spans = legend(session.selected(), session, theme);
    let mut room = columns.saturating_sub(LEGEND + width(&name));
    spans.push(Span::styled(name, theme.strong()));
    if let Some(ending) = ending(run) {
        spans.push(Span::styled(format!("  {}", run.history.state().word()), theme.alert()));
        spans.push(Span::styled(format!("  {}", theme.spell(&ending)), theme.text()));
    } else {
        for column in candidates(session, room) {
            let filled = fill(column, session, theme);
            let Some(cell) = filled.cells.into_iter().nth(session.selected()) else { continue };
            let labelled = match column {
                Column::Value(quantity) if quantity.unit() == Unit::Percent => {
                    format!("  {} {} %", filled.heading.trim_end_matches(" %"), cell.text)
                }
                Column::Value(_) | Column::TraceInterval | Column::Best | Column::Eta => {
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

/// Cursor and mark.
fn legend(index: usize, session: &Session, theme: Theme) -> Vec<Span<'static>> {
    let cursor = if index == session.selected() { theme.glyph("▸ ", "> ") } else { "  " };
    let ink = ink(index);
    let mark = match theme.appearance().glyphs {
        Glyphs::Unicode => ink.glyph(),
        Glyphs::Ascii => ink.ascii(),
    };
    vec![Span::styled(cursor, theme.key()), Span::styled(format!("{mark} "), theme.series(ink.on(Background::Dark)))]
}

/// When and why a run ended that should not have.
fn ending(run: &Run) -> Option<String> {
    match run.history.state() {
        RunState::Diverged { step, reason } | RunState::Failed { step, reason } => {
            Some(format!("at step {}: {}", thousands(*step), scrub(reason)))
        }
        _ => None,
    }
}

/// The columns that fit `room`, filled: what matters most has its place first, what matters less takes what is left.
fn filling(session: &Session, theme: Theme, room: usize) -> Vec<Filled> {
    let charted: Vec<Quantity> = session.panels().into_iter().map(PanelKind::primary_quantity).collect();
    let columns = candidates(session, room).into_iter().map(|column| fill(column, session, theme));
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
fn candidates(session: &Session, room: usize) -> Vec<Column> {
    let has = |quantity: &Quantity| session.runs.iter().any(|run| !run.history.series(*quantity).is_empty());
    let mut columns = vec![Column::State, if room >= 64 { Column::Progress } else { Column::Percent }];
    columns.extend([Column::Step, Column::Gradients]);
    // Each quantity has one column, however many charts are about it.
    let mut quantities = vec![Quantity::TrainLoss];
    let tested = [Quantity::TestLoss, Quantity::TestAccuracy].into_iter().filter(has);
    let charted =
        session.panels().into_iter().map(PanelKind::primary_quantity).filter(|quantity| !CURVATURE.contains(quantity));
    let measured = session.plan.train.probe_every.is_some();
    let curvature = CURVATURE.into_iter().filter(|quantity| measured || has(quantity));
    for quantity in tested.chain(charted).chain(curvature) {
        if !quantities.contains(&quantity) {
            quantities.push(quantity);
        }
    }
    columns.extend(quantities.into_iter().map(Column::Value));
    if has(&Quantity::TraceLow) {
        columns.push(Column::TraceInterval);
    }
    if session.runs.iter().any(|run| run.history.best().is_some()) {
        columns.push(Column::Best);
    }
    columns.push(Column::Eta);
    columns
}

/// What every table ends with, where curvature is measured.
const CURVATURE: [Quantity; 2] = [Quantity::Trace, Quantity::LambdaMax];

/// How much a column matters, 0 most; what a chart is about matters more.
fn rank(column: Column, charted: &[Quantity]) -> usize {
    match column {
        Column::State => 0,
        Column::Percent | Column::Progress => 1,
        Column::Value(Quantity::TrainLoss) => 2,
        Column::Value(Quantity::Trace) => 3,
        Column::Value(quantity) if charted.contains(&quantity) && quantity != Quantity::LambdaMax => 4,
        Column::Best => 5,
        Column::Value(Quantity::LambdaMax) => 6,
        Column::Eta => 7,
        Column::Value(Quantity::TestAccuracy) => 8,
        Column::Value(_) => 9,
        Column::TraceInterval => 10,
        Column::Step => 11,
        Column::Gradients => 12,
    }
}

impl Filled {
    fn align(&self, text: &str) -> String {
        match self.column {
            Column::State | Column::Progress => pad(text, self.width),
            _ => pad_left(text, self.width),
        }
    }
}

fn fill(column: Column, session: &Session, theme: Theme) -> Filled {
    let heading = theme.spell(match column {
        Column::State => "state",
        Column::Progress => "progress",
        Column::Percent => "done",
        Column::Step => "step",
        Column::Gradients => "gradients",
        Column::Value(quantity) => heading(quantity),
        Column::TraceInterval => "trace, 95 %",
        Column::Best => "at best val.",
        Column::Eta => "ETA",
    });
    let cells: Vec<Cell> = match column {
        Column::Value(quantity) => values(quantity, session, theme),
        Column::TraceInterval => intervals(session, theme),
        _ => session.runs.iter().map(|run| cell(column, run, session.feed, theme)).collect(),
    };
    // A column keeps its width while numbers come and go.
    let least = match column {
        Column::State => "completed".len(),
        Column::Value(Quantity::Trace | Quantity::SmoothedTrace) => "0.00 ± .00".chars().count(),
        Column::Value(_) => 6,
        Column::Percent => "100 %".len(),
        Column::Eta => 4,
        _ => 0,
    };
    // A run that ended badly has its reason where its cells would be.
    let counted = cells.iter().zip(&session.runs).filter(|(_, run)| ending(run).is_none());
    let widest = counted.map(|(cell, _)| width(&cell.text)).max().unwrap_or(0);
    Filled { column, width: widest.max(width(&heading)).max(least), heading, cells }
}

fn heading(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::TrainLoss => "loss",
        Quantity::Trace => "trace",
        Quantity::TestAccuracy => "test acc. %",
        Quantity::ValidationError => "val. error",
        Quantity::Distance => "distance",
        Quantity::Gap => "gap",
        Quantity::SmoothedTrace => "smoothed tr.",
        Quantity::Bound => "bound",
        Quantity::DistanceFromInit => "|w - w0|",
        Quantity::WeightNorm => "|w|",
        Quantity::GradientNorm => "|grad f|",
        Quantity::StepLoss
        | Quantity::ValidationLoss
        | Quantity::TestLoss
        | Quantity::TrainAccuracy
        | Quantity::ValidationAccuracy
        | Quantity::TrainError
        | Quantity::TraceSamplingError
        | Quantity::TraceLow
        | Quantity::TraceHigh
        | Quantity::ProbeLoss
        | Quantity::OnePointTrace
        | Quantity::LambdaMax
        | Quantity::LambdaMin
        | Quantity::Layerwise
        | Quantity::AscentCurvature
        | Quantity::ComplexityTerm
        | Quantity::ComplexityTermInCode
        | Quantity::LrNow
        | Quantity::SigmaNow
        | Quantity::ForwardPasses => quantity.title(),
    }
}

fn cell(column: Column, run: &Run, feed: Feed, theme: Theme) -> Cell {
    let history = &run.history;
    let percent = format!("{:.0} %", (history.progress() * 100.0).floor());
    let (text, style) = match column {
        Column::State => match (feed, history.state()) {
            (Feed::Starting, _) => ("starting".into(), theme.quiet()),
            (_, RunState::Paused) => ("paused".into(), theme.pending()),
            (_, state) => (state.word().into(), if run.is_alive() { theme.text() } else { theme.quiet() }),
        },
        Column::Progress => (format!("{} {}", bar(history.progress(), theme), pad_left(&percent, 5)), theme.text()),
        Column::Percent => (percent, theme.text()),
        Column::Step => (thousands(history.now().step), theme.text()),
        Column::Gradients => (thousands(history.now().gradients), theme.text()),
        Column::Eta => match history.eta_seconds().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            Some(left) => (clock(left), theme.text()),
            None => (theme.glyph("–", "-").into(), theme.quiet()),
        },
        Column::Best => match history.best().and_then(|best| Some((best.metrics.test_accuracy?, best.at))) {
            Some((accuracy, at)) => {
                (format!("{} @ {}", Quantity::TestAccuracy.format(accuracy), thousands(at.gradients)), theme.text())
            }
            None => (theme.glyph("–", "-").into(), theme.quiet()),
        },
        Column::Value(_) | Column::TraceInterval => (String::new(), theme.text()),
    };
    Cell { text, style }
}

fn bar(progress: f64, theme: Theme) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of eight blocks")]
    let full = ((progress.clamp(0.0, 1.0) * BLOCKS as f64).round() as usize).min(BLOCKS);
    theme.glyph("▰", "#").repeat(full) + &theme.glyph("▱", ".").repeat(BLOCKS - full)
}

/// The newest values of a quantity, sharing their decimals; those that a newer measurement should have replaced are dim.
fn values(quantity: Quantity, session: &Session, theme: Theme) -> Vec<Cell> {
    let factor = quantity.unit().factor();
    let scaled = |point: Point| Point { value: point.value * factor, std_error: point.std_error * factor, ..point };
    let points: Vec<Option<Point>> = session.runs.iter().map(|run| run.history.last(quantity).map(scaled)).collect();
    let shown =
        || points.iter().zip(&session.runs).filter(|(_, run)| ending(run).is_none()).filter_map(|(point, _)| *point);
    let estimated = matches!(quantity, Quantity::Trace | Quantity::SmoothedTrace);
    let notation = Notation::of(shown().map(|point| point.value));
    let errors = Notation::of_errors(shown().map(|point| point.std_error));
    let notation = if estimated { errors.unwrap_or(notation) } else { notation };
    let write = |point: Point| {
        if estimated && point.std_error.is_finite() {
            let error = notation.write(point.std_error);
            format!(
                "{} {} {}",
                notation.write(point.value),
                theme.glyph("±", "+-"),
                error.strip_prefix('0').unwrap_or(&error)
            )
        } else {
            notation.write(point.value)
        }
    };
    let vacuous =
        |run: &Run| quantity == Quantity::Bound && run.history.snapshots().bound.is_some_and(|bound| bound.vacuous);
    let cell = |(point, run): (&Option<Point>, &Run)| match point {
        Some(point) if vacuous(run) => Cell { text: format!("{} vacuous", write(*point)), style: theme.quiet() },
        None => Cell { text: theme.glyph("–", "-").into(), style: theme.quiet() },
        Some(point) if !point.value.is_finite() => Cell { text: write(*point), style: theme.alert() },
        Some(point) if is_stale(&run.history, quantity, *point) => Cell { text: write(*point), style: theme.quiet() },
        Some(point) => Cell { text: write(*point), style: theme.text() },
    };
    points.iter().zip(&session.runs).map(cell).collect()
}

/// The newest 95 % intervals of the trace, sharing their decimals.
fn intervals(session: &Session, theme: Theme) -> Vec<Cell> {
    let of = |run: &Run| {
        let [low, high] = [Quantity::TraceLow, Quantity::TraceHigh].map(|quantity| run.history.last(quantity));
        Some((low?, high?.value))
    };
    let found: Vec<Option<(Point, f64)>> = session.runs.iter().map(of).collect();
    let notation = Notation::of(found.iter().flatten().flat_map(|(low, high)| [low.value, *high]));
    let cell = |(found, run): (&Option<(Point, f64)>, &Run)| match found {
        None => Cell { text: theme.glyph("–", "-").into(), style: theme.quiet() },
        Some((low, high)) => {
            let stale = is_stale(&run.history, Quantity::Trace, *low);
            let text = format!("{} to {}", notation.write(low.value), notation.write(*high));
            Cell { text, style: if stale { theme.quiet() } else { theme.text() } }
        }
    };
    found.iter().zip(&session.runs).map(cell).collect()
}

/// Whether the plan would have had a newer value by now.
fn is_stale(history: &History, quantity: Quantity, point: Point) -> bool {
    let Schedule::Planned { evaluate, probe } = history.schedule() else { return false };
    let curvature = matches!(
        quantity,
        Quantity::Trace | Quantity::LambdaMax | Quantity::LambdaMin | Quantity::GradientNorm | Quantity::Bound
    );
    let now = history.now();
    match if curvature { probe } else { Some(evaluate) } {
        None => true,
        Some(Cadence::Steps(every)) => now.step > point.at.step.saturating_add(every),
        Some(Cadence::Epochs(every)) => {
            now.step > point.at.step.saturating_add(every.saturating_mul(history.steps_per_epoch()))
        }
        Some(Cadence::Gradients(every)) => now.gradients > point.at.gradients.saturating_add(every),
    }
}
