//! The cells of what was measured, all of a column in one notation, where the runs are compared.

use super::{
    column::{Cell, Table},
    row::{Row, Weights},
};
use crate::{
    figure::{Comparison, Difference, History, Interpolated, Point, Quantity, Schedule, text::significant},
    run::Cadence,
    tui::{text::Notation, theme::Theme},
};

/// The values of a quantity, sharing their decimals; those that a newer measurement should have replaced are dim.
pub(super) fn values(quantity: Quantity, table: &Table<'_>) -> Vec<Cell> {
    let Table { rows, theme, comparison, .. } = table;
    let factor = quantity.unit().factor();
    let scaled = |point: Point| Point { value: point.value * factor, error: point.error * factor, ..point };
    let points: Vec<Option<Point>> = rows.iter().map(|row| row.value(quantity, comparison).map(scaled)).collect();
    let shown = || points.iter().zip(rows).filter(|(_, row)| row.ending().is_none()).filter_map(|(point, _)| *point);
    let estimated = matches!(quantity, Quantity::Trace | Quantity::SmoothedTrace | Quantity::TestAccuracy);
    let notation = Notation::of(shown().map(|point| point.value));
    let errors = Notation::of_errors(shown().map(|point| point.error));
    let notation = if estimated { errors.unwrap_or(notation) } else { notation };
    let write = |point: Point| {
        let error = if estimated { point.error } else { f64::NAN };
        with_error(&notation.write(point.value), notation, error, *theme)
    };
    let vacuous = |row: &Row<'_>| {
        quantity == Quantity::Bound && row.run.history.snapshots().bound.is_some_and(|bound| bound.vacuous)
    };
    let cell = |(point, row): (&Option<Point>, &Row<'_>)| match point {
        None => Cell::missing(*theme),
        Some(point) if vacuous(row) => Cell::new(format!("{} vacuous", write(*point)), theme.quiet()),
        Some(point) if !point.value.is_finite() => Cell::new(write(*point), theme.alert()),
        Some(point) if is_stale(&row.run.history, quantity, *point, comparison) => {
            Cell::new(write(*point), theme.quiet())
        }
        Some(point) => Cell::new(write(*point), theme.text()),
    };
    points.iter().zip(rows).map(cell).collect()
}

/// A number with its error, where it has one: 2.90 ± .11.
fn with_error(value: &str, notation: Notation, error: f64, theme: Theme) -> String {
    if !error.is_finite() {
        return value.to_owned();
    }
    let error = notation.write(error);
    format!("{value} {} {}", theme.glyph("±", "+-"), error.strip_prefix('0').unwrap_or(&error))
}

/// What the runs are judged by, each against the baseline. Those within two standard errors of it are dim.
pub(super) fn differences(table: &Table<'_>) -> Vec<Cell> {
    let Table { rows, theme, comparison, outcome, .. } = table;
    let base = table.baseline().and_then(|row| row.value(*outcome, comparison));
    let found: Vec<Option<Difference>> = rows
        .iter()
        .map(|row| {
            let is_baseline = row.index == comparison.baseline && row.weights == Weights::Current;
            (!is_baseline).then_some(Comparison::difference(*outcome, row.value(*outcome, comparison)?, base?))
        })
        .collect();
    let errors = found.iter().flatten().map(|difference| match difference {
        Difference::Absolute { error, .. } => *error,
        Difference::Relative(_) => f64::NAN,
    });
    let notation = match Notation::of_errors(errors) {
        Some(Notation::Fixed(decimals)) => Notation::Fixed(decimals.max(1)),
        Some(Notation::Scientific) | None => Notation::Fixed(1),
    };
    let signed = |value: f64, written: String| if value >= 0.0 { format!("+{written}") } else { written };
    let cell = |difference: &Option<Difference>| match *difference {
        None => Cell::missing(*theme),
        Some(Difference::Absolute { value, error }) => {
            let style = if value.abs() <= 2.0 * error { theme.quiet() } else { theme.text() };
            Cell::new(with_error(&signed(value, notation.write(value)), notation, error, *theme), style)
        }
        Some(Difference::Relative(share)) if share.is_finite() && share < 10.0 => {
            Cell::new(signed(share, format!("{:.0} %", 100.0 * share)), theme.text())
        }
        Some(Difference::Relative(share)) => Cell::new(format!("x {}", significant(share + 1.0, 2)), theme.text()),
    };
    found.iter().map(cell).collect()
}

/// The traces at a loss that all runs have reached, sharing their decimals.
pub(super) fn traces(table: &Table<'_>) -> Vec<Cell> {
    let Table { rows, theme, comparison, .. } = table;
    let of = |row: &Row<'_>| match row.weights {
        Weights::Current => comparison.traces.as_ref()?.traces.get(row.index).copied().flatten(),
        Weights::Average(_) => None,
    };
    let found: Vec<_> = rows.iter().map(of).collect();
    let notation = Notation::of_errors(found.iter().flatten().map(|trace| trace.error));
    let notation = notation.unwrap_or_else(|| Notation::of(found.iter().flatten().map(|trace| trace.value)));
    let cell = |trace: &Option<Interpolated>| match trace {
        None => Cell::missing(*theme),
        Some(trace) => Cell::new(with_error(&notation.write(trace.value), notation, trace.error, *theme), theme.text()),
    };
    found.iter().map(cell).collect()
}

/// The 95 % intervals of the trace, sharing their decimals.
pub(super) fn intervals(table: &Table<'_>) -> Vec<Cell> {
    let Table { rows, theme, comparison, .. } = table;
    let of = |row: &Row<'_>| {
        let [low, high] = [Quantity::TraceLow, Quantity::TraceHigh].map(|quantity| row.value(quantity, comparison));
        Some((low?, high?.value))
    };
    let found: Vec<Option<(Point, f64)>> = rows.iter().map(of).collect();
    let notation = Notation::of(found.iter().flatten().flat_map(|(low, high)| [low.value, *high]));
    let cell = |(found, row): (&Option<(Point, f64)>, &Row<'_>)| match found {
        None => Cell::missing(*theme),
        Some((low, high)) => {
            let stale = is_stale(&row.run.history, Quantity::Trace, *low, comparison);
            let text = format!("{} to {}", notation.write(low.value), notation.write(*high));
            Cell::new(text, if stale { theme.quiet() } else { theme.text() })
        }
    };
    found.iter().zip(rows).map(cell).collect()
}

/// Whether the plan would have had a newer value where the runs are compared.
fn is_stale(history: &History, quantity: Quantity, point: Point, comparison: &Comparison) -> bool {
    let Schedule::Planned { evaluate, curvature } = history.schedule() else { return false };
    let of_curvature = matches!(
        quantity,
        Quantity::Trace | Quantity::LambdaMax | Quantity::LambdaMin | Quantity::GradientNorm | Quantity::Bound
    );
    // Where the run was when it had spent what all have.
    let step = comparison.cost.and_then(|_| comparison.value(history.series(Quantity::StepLoss)));
    let now = step.map_or(history.now(), |step| step.at);
    match if of_curvature { curvature } else { Some(evaluate) } {
        None => true,
        Some(Cadence::Steps(every)) => now.step > point.at.step.saturating_add(every),
        Some(Cadence::Epochs(every)) => {
            now.step > point.at.step.saturating_add(every.saturating_mul(history.steps_per_epoch()))
        }
        Some(Cadence::Gradients(every)) => now.gradients > point.at.gradients.saturating_add(every),
    }
}
