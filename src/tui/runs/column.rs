//! The columns of the table of runs: headings, cells, and the numbers of each column in one notation.

use std::time::Duration;

use ratatui::style::Style;

use super::row::{Row, Weights};
use crate::{
    figure::{History, Point, Quantity, RunState, Schedule, text::thousands},
    run::Cadence,
    tui::{
        Writer,
        session::{Feed, state_word},
        text::{Notation, clock, pad, pad_left, width},
        theme::Theme,
    },
};

/// Blocks of a progress bar.
const BLOCKS: usize = 8;

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

impl Filled {
    /// A text in the width of the column.
    pub(super) fn align(&self, text: &str) -> String {
        match self.column {
            Column::State | Column::Progress => pad(text, self.width),
            Column::Percent
            | Column::Step
            | Column::Gradients
            | Column::Value(_)
            | Column::TraceInterval
            | Column::Best
            | Column::Eta => pad_left(text, self.width),
        }
    }
}

impl Cell {
    fn new(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }

    /// A cell of something that was not measured.
    fn missing(theme: Theme) -> Self {
        Self::new(theme.glyph("–", "-"), theme.quiet())
    }
}

/// The column of all rows.
pub(super) fn fill(column: Column, rows: &[Row<'_>], feed: Feed, theme: Theme) -> Filled {
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
    let cells = cells(column, rows, feed, theme);
    // A column keeps its width while numbers come and go.
    let least = match column {
        Column::State => "completed".len(),
        Column::Value(Quantity::Trace | Quantity::SmoothedTrace) => "0.00 ± .00".chars().count(),
        Column::Value(_) => 6,
        Column::Percent => "100 %".len(),
        Column::Eta => 4,
        Column::Progress | Column::Step | Column::Gradients | Column::TraceInterval | Column::Best => 0,
    };
    // A run that ended badly has its reason where its cells would be.
    let counted = cells.iter().zip(rows).filter(|(_, row)| row.ending().is_none());
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

fn cells(column: Column, rows: &[Row<'_>], feed: Feed, theme: Theme) -> Vec<Cell> {
    // What a run has once, whatever weights it is measured at.
    let once = |cell: &dyn Fn(&History) -> Cell| -> Vec<Cell> {
        let of_row = |row: &Row<'_>| match row.weights {
            Weights::Current => cell(&row.run.history),
            Weights::Average(_) => Cell::new("", theme.text()),
        };
        rows.iter().map(of_row).collect()
    };
    match column {
        Column::State => rows.iter().map(|row| state(row, feed, theme)).collect(),
        Column::Progress => rows.iter().map(|row| progress(row, theme)).collect(),
        Column::Percent => once(&|history| Cell::new(percent(history), theme.text())),
        Column::Step => once(&|history| Cell::new(thousands(history.now().step), theme.text())),
        Column::Gradients => once(&|history| Cell::new(thousands(history.now().gradients), theme.text())),
        Column::Value(quantity) => values(quantity, rows, theme),
        Column::TraceInterval => intervals(rows, theme),
        Column::Best => once(&|history| best(history, theme)),
        Column::Eta => once(&|history| eta(history, theme)),
    }
}

/// Where the run stands.
fn state(row: &Row<'_>, feed: Feed, theme: Theme) -> Cell {
    match (row.weights, feed, row.run.history.state()) {
        (Weights::Average(_), _, _) => Cell::new("average", theme.quiet()),
        (Weights::Current, Feed::Starting, _) => Cell::new("starting", theme.quiet()),
        (Weights::Current, Feed::Recorded(Writer::Gone), _) if row.run.is_alive() => {
            Cell::new(state_word(row.run, feed), theme.pending())
        }
        (Weights::Current, _, RunState::Paused) => Cell::new("paused", theme.pending()),
        (Weights::Current, _, _) => {
            Cell::new(state_word(row.run, feed), if row.run.is_alive() { theme.text() } else { theme.quiet() })
        }
    }
}

/// How far the run is; of an average, how many iterates have entered it.
fn progress(row: &Row<'_>, theme: Theme) -> Cell {
    let history = &row.run.history;
    match row.weights {
        Weights::Current => {
            let percent = pad_left(&percent(history), 5);
            Cell::new(format!("{} {percent}", bar(history.progress(), theme)), theme.text())
        }
        Weights::Average(_) => {
            let iterates = history.average().newest().map_or(0, |(_, iterates)| iterates);
            Cell::new(format!("{} iterates", thousands(iterates)), theme.quiet())
        }
    }
}

fn percent(history: &History) -> String {
    format!("{:.0} %", (history.progress() * 100.0).floor())
}

fn best(history: &History, theme: Theme) -> Cell {
    match history.best().and_then(|best| Some((best.metrics.test_accuracy?, best.at))) {
        Some((accuracy, at)) => {
            let accuracy = Quantity::TestAccuracy.format(accuracy);
            Cell::new(format!("{accuracy} @ {}", thousands(at.gradients)), theme.text())
        }
        None => Cell::missing(theme),
    }
}

fn eta(history: &History, theme: Theme) -> Cell {
    match history.eta_seconds().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(left) => Cell::new(clock(left), theme.text()),
        None => Cell::missing(theme),
    }
}

fn bar(progress: f64, theme: Theme) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of eight blocks")]
    let full = ((progress.clamp(0.0, 1.0) * BLOCKS as f64).round() as usize).min(BLOCKS);
    theme.glyph("▰", "#").repeat(full) + &theme.glyph("▱", ".").repeat(BLOCKS - full)
}

/// The newest values of a quantity, sharing their decimals; those that a newer measurement should have replaced are dim.
fn values(quantity: Quantity, rows: &[Row<'_>], theme: Theme) -> Vec<Cell> {
    let factor = quantity.unit().factor();
    let scaled = |point: Point| Point { value: point.value * factor, error: point.error * factor, ..point };
    let points: Vec<Option<Point>> = rows.iter().map(|row| row.last(quantity).map(scaled)).collect();
    let shown = || points.iter().zip(rows).filter(|(_, row)| row.ending().is_none()).filter_map(|(point, _)| *point);
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
    let vacuous = |row: &Row<'_>| {
        quantity == Quantity::Bound && row.run.history.snapshots().bound.is_some_and(|bound| bound.vacuous)
    };
    let cell = |(point, row): (&Option<Point>, &Row<'_>)| match point {
        None => Cell::missing(theme),
        Some(point) if vacuous(row) => Cell::new(format!("{} vacuous", write(*point)), theme.quiet()),
        Some(point) if !point.value.is_finite() => Cell::new(write(*point), theme.alert()),
        Some(point) if is_stale(&row.run.history, quantity, *point) => Cell::new(write(*point), theme.quiet()),
        Some(point) => Cell::new(write(*point), theme.text()),
    };
    points.iter().zip(rows).map(cell).collect()
}

/// The newest 95 % intervals of the trace, sharing their decimals.
fn intervals(rows: &[Row<'_>], theme: Theme) -> Vec<Cell> {
    let of = |row: &Row<'_>| {
        let [low, high] = [Quantity::TraceLow, Quantity::TraceHigh].map(|quantity| row.last(quantity));
        Some((low?, high?.value))
    };
    let found: Vec<Option<(Point, f64)>> = rows.iter().map(of).collect();
    let notation = Notation::of(found.iter().flatten().flat_map(|(low, high)| [low.value, *high]));
    let cell = |(found, row): (&Option<(Point, f64)>, &Row<'_>)| match found {
        None => Cell::missing(theme),
        Some((low, high)) => {
            let stale = is_stale(&row.run.history, Quantity::Trace, *low);
            let text = format!("{} to {}", notation.write(low.value), notation.write(*high));
            Cell::new(text, if stale { theme.quiet() } else { theme.text() })
        }
    };
    found.iter().zip(rows).map(cell).collect()
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
