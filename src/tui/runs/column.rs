//! The columns of the table of runs: headings, cells, and the numbers of each column in one notation.

use std::time::Duration;

use ratatui::style::Style;

use crate::{
    figure::{History, Point, Quantity, RunState, Schedule, text::thousands},
    run::Cadence,
    tui::{
        session::{Feed, Run, WatchedSession},
        text::{Notation, clock, pad, pad_left, scrub, width},
        theme::Theme,
    },
};

/// Blocks of a progress bar.
const BLOCKS: usize = 8;

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
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
pub(super) struct Cell {
    pub text: String,
    pub style: Style,
}

/// A column with its heading and its cells, all as wide as the widest.
pub(super) struct Filled {
    pub column: Column,
    pub heading: String,
    pub cells: Vec<Cell>,
    pub width: usize,
}

/// When and why a run ended that should not have.
pub(super) fn ending(run: &Run) -> Option<String> {
    match run.history.state() {
        RunState::Diverged { step, reason } | RunState::Failed { step, reason } => {
            Some(format!("at step {}: {}", thousands(*step), scrub(reason)))
        }
        _ => None,
    }
}

impl Filled {
    /// A text in the width of the column.
    pub(super) fn align(&self, text: &str) -> String {
        match self.column {
            Column::State | Column::Progress => pad(text, self.width),
            _ => pad_left(text, self.width),
        }
    }
}

/// The column of all runs.
pub(super) fn fill(column: Column, session: &WatchedSession, theme: Theme) -> Filled {
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
        | Quantity::MeasuredLoss
        | Quantity::OnePointTrace
        | Quantity::LambdaMax
        | Quantity::LambdaMin
        | Quantity::Layerwise
        | Quantity::AscentCurvature
        | Quantity::ComplexityTerm
        | Quantity::ComplexityTermInCode
        | Quantity::LrNow
        | Quantity::SigmaNow
        | Quantity::ForwardPasses
        | Quantity::Declared(_) => quantity.title(),
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
fn values(quantity: Quantity, session: &WatchedSession, theme: Theme) -> Vec<Cell> {
    let factor = quantity.unit().factor();
    let scaled = |point: Point| Point { value: point.value * factor, error: point.error * factor, ..point };
    let points: Vec<Option<Point>> = session.runs.iter().map(|run| run.history.last(quantity).map(scaled)).collect();
    let shown =
        || points.iter().zip(&session.runs).filter(|(_, run)| ending(run).is_none()).filter_map(|(point, _)| *point);
    let estimated = matches!(quantity, Quantity::Trace | Quantity::SmoothedTrace);
    let notation = Notation::of(shown().map(|point| point.value));
    let errors = Notation::of_errors(shown().map(|point| point.error));
    let notation = if estimated { errors.unwrap_or(notation) } else { notation };
    let write = |point: Point| {
        if estimated && point.error.is_finite() {
            let error = notation.write(point.error);
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
fn intervals(session: &WatchedSession, theme: Theme) -> Vec<Cell> {
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
    let Schedule::Planned { evaluate, curvature } = history.schedule() else { return false };
    let of_curvature = matches!(
        quantity,
        Quantity::Trace | Quantity::LambdaMax | Quantity::LambdaMin | Quantity::GradientNorm | Quantity::Bound
    );
    let now = history.now();
    match if of_curvature { curvature } else { Some(evaluate) } {
        None => true,
        Some(Cadence::Steps(every)) => now.step > point.at.step.saturating_add(every),
        Some(Cadence::Epochs(every)) => {
            now.step > point.at.step.saturating_add(every.saturating_mul(history.steps_per_epoch()))
        }
        Some(Cadence::Gradients(every)) => now.gradients > point.at.gradients.saturating_add(every),
    }
}
