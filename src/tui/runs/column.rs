//! The columns of the table of runs: headings, cells, and the numbers of each column in one notation.

use std::time::Duration;

use ratatui::style::Style;

use super::{
    row::{Row, Weights},
    values::{differences, intervals, traces, values},
};
use crate::{
    figure::{
        Comparison, History, Quantity, RunState,
        text::{short, thousands},
    },
    tui::{
        Writer,
        session::{Feed, Visibility, WatchedSession, state_word},
        text::{clock, fit, pad, pad_left, width},
        theme::Theme,
    },
};

/// Widest that the baseline's name is in the heading of the differences.
const LONGEST_BASELINE: usize = 10;

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
    /// What the runs are judged by, against the baseline.
    Difference,
    /// The Hessian trace at a training loss that all have reached.
    TraceAtEqualLoss,
    /// What covers the Hessian trace over the whole training set in 95 % of cases.
    TraceInterval,
    /// Test accuracy at the lowest validation loss, and the gradient evaluations by then.
    Best,
    Eta,
}

/// What the columns are made of.
pub(super) struct Table<'a> {
    pub rows: Vec<Row<'a>>,
    pub feed: Feed,
    pub comparison: Comparison,
    /// What the runs are judged by.
    pub outcome: Quantity,
    pub theme: Theme,
}

impl<'a> Table<'a> {
    pub fn new(session: &'a WatchedSession, theme: Theme) -> Self {
        let (comparison, outcome) = (session.comparison(), session.outcome());
        Self { rows: Row::all(session), feed: session.feed, comparison, outcome, theme }
    }

    /// The row of the baseline's own weights.
    pub fn baseline(&self) -> Option<&Row<'a>> {
        self.rows.iter().find(|row| row.index == self.comparison.baseline)
    }
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
            | Column::Difference
            | Column::TraceAtEqualLoss
            | Column::TraceInterval
            | Column::Best
            | Column::Eta => pad_left(text, self.width),
        }
    }
}

impl Cell {
    pub(super) fn new(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }

    /// A cell of something that was not measured.
    pub(super) fn missing(theme: Theme) -> Self {
        Self::new(theme.glyph("–", "-"), theme.quiet())
    }
}

/// The column of all rows.
pub(super) fn fill(column: Column, table: &Table<'_>) -> Filled {
    let theme = table.theme;
    let heading = theme.spell(&match column {
        Column::State => "state".to_owned(),
        Column::Progress => "progress".to_owned(),
        Column::Percent => "done".to_owned(),
        Column::Step => "step".to_owned(),
        Column::Gradients => "gradients".to_owned(),
        Column::Value(quantity) => heading(quantity).to_owned(),
        Column::Difference => {
            format!("Δ {}", table.baseline().map_or_else(String::new, |row| fit(&row.run.name, LONGEST_BASELINE)))
        }
        Column::TraceAtEqualLoss => table
            .comparison
            .traces
            .as_ref()
            .map_or_else(String::new, |traces| format!("trace @ {}", short(traces.loss))),
        Column::TraceInterval => "trace, 95 %".to_owned(),
        Column::Best => "at best val.".to_owned(),
        Column::Eta => "ETA".to_owned(),
    });
    let cells = cells(column, table);
    // A column keeps its width while numbers come and go.
    let least = match column {
        Column::State => "completed".len(),
        Column::Value(Quantity::Trace | Quantity::SmoothedTrace) | Column::TraceAtEqualLoss => {
            "0.00 ± .00".chars().count()
        }
        Column::Value(Quantity::TestAccuracy) => "00.0 ± .0".chars().count(),
        Column::Difference => "+0.0 ± .0".chars().count(),
        Column::Value(_) => 6,
        Column::Percent => "100 %".len(),
        Column::Eta => 4,
        Column::Progress | Column::Step | Column::Gradients | Column::TraceInterval | Column::Best => 0,
    };
    // A run that ended badly has its reason where its cells would be.
    let counted = cells.iter().zip(&table.rows).filter(|(_, row)| row.ending().is_none());
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
        | Quantity::TrainErrorRate
        | Quantity::ValidationErrorRate
        | Quantity::TestErrorRate
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

fn cells(column: Column, table: &Table<'_>) -> Vec<Cell> {
    let (rows, theme) = (&table.rows, table.theme);
    // What a run has once, whatever weights it is measured at.
    let once = |cell: &dyn Fn(&History) -> Cell| -> Vec<Cell> {
        let of_row = |row: &Row<'_>| match row.weights {
            Weights::Current => cell(&row.run.history),
            Weights::Average(_) => Cell::new("", theme.text()),
        };
        rows.iter().map(of_row).collect()
    };
    match column {
        Column::State => rows.iter().map(|row| state(row, table.feed, theme)).collect(),
        Column::Progress => rows.iter().map(|row| progress(row, theme)).collect(),
        Column::Percent => once(&|history| Cell::new(percent(history), theme.text())),
        Column::Step => once(&|history| Cell::new(thousands(history.now().step), theme.text())),
        Column::Gradients => once(&|history| Cell::new(thousands(history.now().gradients), theme.text())),
        Column::Value(quantity) => values(quantity, table),
        Column::Difference => differences(table),
        Column::TraceAtEqualLoss => traces(table),
        Column::TraceInterval => intervals(table),
        Column::Best => once(&|history| best(history, theme)),
        Column::Eta => once(&|history| eta(history, theme)),
    }
}

/// Where the run stands; of an average, how many iterates have entered it.
fn state(row: &Row<'_>, feed: Feed, theme: Theme) -> Cell {
    match (row.weights, feed, row.run.history.state()) {
        (Weights::Average(_), _, _) => {
            let iterates = row.run.history.average().newest().map_or(0, |(_, iterates)| iterates);
            Cell::new(format!("{} iterates", thousands(iterates)), theme.quiet())
        }
        (Weights::Current, Feed::Starting, _) => Cell::new("starting", theme.quiet()),
        (Weights::Current, Feed::Recorded(Writer::Gone), _) if row.run.is_alive() => {
            Cell::new(state_word(row.run, feed), theme.pending())
        }
        (Weights::Current, _, _) if row.run.visibility == Visibility::Hidden => {
            Cell::new(format!("{}, hidden", state_word(row.run, feed)), theme.quiet())
        }
        (Weights::Current, _, RunState::Paused) => Cell::new("paused", theme.pending()),
        (Weights::Current, _, _) => {
            Cell::new(state_word(row.run, feed), if row.run.is_alive() { theme.text() } else { theme.quiet() })
        }
    }
}

/// How far the run is.
fn progress(row: &Row<'_>, theme: Theme) -> Cell {
    let history = &row.run.history;
    match row.weights {
        Weights::Current => {
            let percent = pad_left(&percent(history), 5);
            Cell::new(format!("{} {percent}", bar(history.progress(), theme)), theme.text())
        }
        Weights::Average(_) => Cell::new("", theme.quiet()),
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
