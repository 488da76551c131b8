//! Runs at equal cost and at equal loss: where the values of several methods may stand side by side. Near zero loss every Hessian trace
//! falls with the loss, and a run that is further on has had more of both.

use super::{
    history::{History, RunState},
    quantity::Quantity,
    series::{Point, Series, XAxis},
    text,
};
use crate::run::Budget;

/// What every run of a comparison has spent, in the unit of their budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CommonCost {
    /// What the cost is counted in.
    pub axis: XAxis,
    pub spent: f64,
}

impl CommonCost {
    /// The cost of the run that has spent least. A run that has completed counts as one that has spent the budget, of which it may leave
    /// what is less than a step. Runs that ended otherwise, stopped or diverged, hold no comparison up. `None` without any other run.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub fn of<'a>(budget: Budget, histories: impl IntoIterator<Item = &'a History>) -> Option<Self> {
        let (axis, all) = match budget {
            Budget::Gradients(count) => (XAxis::Gradients, count),
            Budget::Steps(count) => (XAxis::Step, count),
            Budget::Epochs(count) => (XAxis::Epoch, count),
        };
        let spent = |history: &History| match history.state() {
            RunState::Completed => Some(all as f64),
            RunState::Waiting | RunState::Running | RunState::Paused => {
                Some(axis.of(history.now(), history.steps_per_epoch()))
            }
            RunState::Stopped | RunState::Diverged { .. } | RunState::Failed { .. } => None,
        };
        let spent = histories.into_iter().filter_map(spent).reduce(f64::min)?;
        Some(Self { axis, spent })
    }

    /// The cost without the part of a unit, of an epoch for example.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and far below 2^53")]
    pub fn whole(self) -> u64 {
        self.spent as u64
    }
}

/// The Hessian traces of several runs at one loss of the examples that they were measured on.
#[derive(Debug, Clone, PartialEq)]
pub struct TracesAtEqualLoss {
    /// 1, 2 or 5 times a power of ten, the lowest such loss that every compared run has reached.
    pub loss: f64,
    /// For each run its trace there, as it last fell to this loss; `None` for a run that has not.
    pub traces: Vec<Option<Interpolated>>,
}

/// A value between two measurements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interpolated {
    pub value: f64,
    /// One standard error; NaN where the measurements have none.
    pub error: f64,
}

/// A trace and the loss of the examples that it was measured on.
#[derive(Debug, Clone, Copy)]
struct Measurement {
    loss: f64,
    trace: f64,
    error: f64,
}

impl TracesAtEqualLoss {
    /// Compares the runs that were measured at two positive losses or more; `None` where fewer than two were.
    pub fn of(histories: &[&History]) -> Option<Self> {
        let measured: Vec<Vec<Measurement>> = histories.iter().map(|history| measurements(history)).collect();
        let lowest = |found: &Vec<Measurement>| found.iter().map(|one| one.loss).reduce(f64::min);
        let compared: Vec<f64> = measured.iter().filter(|found| found.len() > 1).filter_map(lowest).collect();
        let reached = compared.iter().copied().reduce(f64::max).filter(|_| compared.len() > 1)?;
        let loss = round_up(reached);
        Some(Self { loss, traces: measured.iter().map(|found| last_crossing(found, loss)).collect() })
    }
}

/// Runs side by side, each against one of them.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The place of the run that the others are compared with.
    pub baseline: usize,
    /// Where the values are compared; `None` for the newest of each run.
    pub cost: Option<CommonCost>,
    pub traces: Option<TracesAtEqualLoss>,
}

/// A value against that of the baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Difference {
    /// In the unit of the quantity as it is shown, with its standard error; NaN where that is not known.
    Absolute { value: f64, error: f64 },
    /// As a share of the baseline's value.
    Relative(f64),
}

impl Comparison {
    /// Compares these runs at `cost`.
    pub fn of(histories: &[&History], baseline: usize, cost: Option<CommonCost>) -> Self {
        Self { baseline, cost, traces: TracesAtEqualLoss::of(histories) }
    }

    /// What runs are foremost judged by: test accuracy, else the validation error, the distance to the solution or the training loss.
    pub fn outcome(histories: &[&History]) -> Quantity {
        let measured = |quantity: &Quantity| histories.iter().any(|history| !history.series(*quantity).is_empty());
        let candidates = [Quantity::TestAccuracy, Quantity::ValidationError, Quantity::Distance];
        candidates.into_iter().find(measured).unwrap_or(Quantity::TrainLoss)
    }

    /// A series' value where the comparison is.
    pub fn value(&self, series: &Series) -> Option<Point> {
        match self.cost {
            Some(CommonCost { axis, spent }) => series.last_within(axis, spent),
            None => series.last(),
        }
    }

    /// A value against the baseline's, both of the same quantity.
    pub fn difference(quantity: Quantity, value: Point, baseline: Point) -> Difference {
        if quantity == Quantity::TestAccuracy {
            let factor = quantity.unit().factor();
            Difference::Absolute {
                value: factor * (value.value - baseline.value),
                error: factor * value.error.hypot(baseline.error),
            }
        } else {
            Difference::Relative(value.value / baseline.value - 1.0)
        }
    }
}

/// Of one seed, how many standard errors a difference must have to be named.
const NAMED: f64 = 2.0;

/// What may be said of the runs against the baseline: which differ from it by more than two standard errors, in test accuracy at equal
/// cost and in the Hessian trace at equal loss. The errors are those of the measurements of one seed: the test examples and the probe
/// vectors. What another seed would change is not among them.
pub fn verdict(runs: &[VerdictRun<'_>], comparison: &Comparison) -> Option<String> {
    let base = runs.get(comparison.baseline)?;
    let others = || runs.iter().enumerate().filter(|(place, _)| *place != comparison.baseline);
    let mut parts = Vec::new();
    let accuracy = |run: &VerdictRun<'_>| run.accuracy.filter(|point| point.error.is_finite());
    let accuracies = others().filter_map(|(_, run)| Some((run.name, accuracy(run)?)));
    if let Some(at) = accuracy(base) {
        let differences = accuracies.map(|(name, value)| {
            (name, Interpolated { value: value.value - at.value, error: value.error.hypot(at.error) })
        });
        parts.extend(summary("test acc.", &differences.collect::<Vec<_>>()));
    }
    if let Some(traces) = &comparison.traces
        && let Some(at) = traces.traces.get(comparison.baseline).copied().flatten()
    {
        let differences = others().filter_map(|(place, run)| {
            let found = traces.traces.get(place).copied().flatten()?;
            Some((run.name, Interpolated { value: found.value - at.value, error: found.error.hypot(at.error) }))
        });
        let what = format!("trace @ {}", text::short(traces.loss));
        parts.extend(summary(&what, &differences.collect::<Vec<_>>()));
    }
    (!parts.is_empty()).then(|| format!("vs {}, 2 s.e.: {}", base.name, parts.join(" · ")))
}

/// A run as a verdict sees it.
#[derive(Debug, Clone, Copy)]
pub struct VerdictRun<'a> {
    pub name: &'a str,
    /// Its test accuracy where runs are compared, with its standard error.
    pub accuracy: Option<Point>,
}

/// "test acc. higher: NSO, lower: SAM", or that there is no difference; `None` where there is nothing to compare.
fn summary(what: &str, differences: &[(&str, Interpolated)]) -> Option<String> {
    if differences.is_empty() {
        return None;
    }
    let named = |side: f64| {
        let beyond = differences.iter().filter(|(_, found)| side * found.value > NAMED * found.error);
        beyond.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    };
    let sides = [("higher", named(1.0)), ("lower", named(-1.0))];
    let found: Vec<String> =
        sides.iter().filter(|(_, names)| !names.is_empty()).map(|(side, names)| format!("{side}: {names}")).collect();
    Some(if found.is_empty() { format!("{what} no difference") } else { format!("{what} {}", found.join(", ")) })
}

/// The standard error of a share p of n examples, sqrt(p (1 - p) / n); `None` without examples.
pub fn binomial_std_error(share: f64, examples: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a count stays far below 2^53")]
    let count = (examples > 0).then_some(examples as f64)?;
    Some((share * (1.0 - share) / count).sqrt())
}

/// Every measurement of a run at a positive loss, in order; none of a run that diverged or failed. The loss is that of the very examples
/// that were measured.
fn measurements(history: &History) -> Vec<Measurement> {
    if matches!(history.state(), RunState::Diverged { .. } | RunState::Failed { .. }) {
        return Vec::new();
    }
    let mut losses = history.series(Quantity::MeasuredLoss).points().peekable();
    let paired = history.series(Quantity::Trace).points().filter_map(|Point { at, value: trace, error }| {
        while losses.next_if(|loss| loss.at.step < at.step).is_some() {}
        let loss = losses.peek().filter(|loss| loss.at.step == at.step)?.value;
        (loss > 0.0 && loss.is_finite() && trace.is_finite()).then_some(Measurement { loss, trace, error })
    });
    paired.collect()
}

/// The smallest of 1, 2 and 5 times a power of ten that is no less than `loss`, which is positive.
fn round_up(loss: f64) -> f64 {
    let power = loss.log10().floor();
    // A loss that is round itself stays what it is, for all the rounding of powers.
    let round = |power: f64| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powf(power));
    let candidates = [power - 1.0, power, power + 1.0].map(round);
    candidates.into_iter().flatten().find(|candidate| *candidate >= loss * (1.0 - 1e-12)).unwrap_or(loss)
}

/// The trace where a run's loss last fell to `loss` or below: log-linear between the measurement before and the one after, linear where
/// a trace is not positive. With the share u of the way, log t = (1 - u) log t0 + u log t1; errors are independent.
fn last_crossing(found: &[Measurement], loss: f64) -> Option<Interpolated> {
    let (from, to) = found.windows(2).rev().find_map(|pair| match pair {
        [from, to] if from.loss > loss && to.loss <= loss => Some((*from, *to)),
        _ => None,
    })?;
    let share = (from.loss / loss).ln() / (from.loss / to.loss).ln();
    let hypot = |one: f64, other: f64| ((1.0 - share) * one).hypot(share * other);
    if from.trace > 0.0 && to.trace > 0.0 {
        let value = from.trace.powf(1.0 - share) * to.trace.powf(share);
        return Some(Interpolated { value, error: value * hypot(from.error / from.trace, to.error / to.trace) });
    }
    Some(Interpolated { value: from.trace + share * (to.trace - from.trace), error: hypot(from.error, to.error) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        figure::sample,
        run::{Eigenvalue, Estimate, Event, Outcome, Position, Probe},
    };

    fn at(step: u64) -> Position {
        Position { step, gradients: 2 * step, seconds: 0.0 }
    }

    /// A run measured at these losses, with these traces and an error of a tenth of each.
    fn measured(points: &[(f64, f64)]) -> History {
        let events = (1..).zip(points).map(|(step, &(loss, trace))| {
            let estimate = Estimate::new(trace, 0.1 * trace, 20);
            let found = Probe::new(at(step), estimate, Eigenvalue { value: 1.0, residual: 0.0, products: 1 });
            Event::Probe(Box::new(Probe { loss: Some(loss), ..found }))
        });
        events.collect::<Vec<_>>().iter().collect()
    }

    #[test]
    fn a_comparison_waits_for_the_slowest_run_that_goes_on() {
        let runs = sample::session_until(900).runs;
        let histories = || runs.iter().map(|run| &run.history);
        let budget = Budget::Gradients(4_000);
        let least = histories().map(|history| history.now().gradients).min().unwrap() as f64;
        assert_eq!(CommonCost::of(budget, histories()), Some(CommonCost { axis: XAxis::Gradients, spent: least }));
        let ended = |outcome, step| -> History {
            let reason = None;
            [Event::Step { at: at(step), loss: 1.0 }, Event::Finish { outcome, at: at(step), reason, best_step: None }]
                .iter()
                .collect()
        };
        // What a completed run leaves of its budget is less than a step; a diverged run is out of the comparison.
        let runs = [ended(Outcome::Completed, 1_999), ended(Outcome::Completed, 2_000), ended(Outcome::Diverged, 3)];
        assert_eq!(CommonCost::of(budget, &runs).map(|cost| cost.spent), Some(4_000.0));
        assert_eq!(CommonCost::of(budget, &runs[2..]), None);
        let running: History = [Event::Step { at: at(7), loss: 1.0 }].iter().collect();
        for (budget, spent) in [(Budget::Gradients(99), 14.0), (Budget::Steps(99), 7.0), (Budget::Epochs(99), 7.0)] {
            assert_eq!(CommonCost::of(budget, [&running]).map(|cost| cost.spent), Some(spent));
        }
    }

    #[test]
    fn traces_are_compared_at_a_loss_that_all_have_reached() {
        // Along t = 30 L^(1/2) and t = 12 L: straight lines where both axes are logarithmic.
        let root = |loss: f64| (loss, 30.0 * loss.sqrt());
        let straight = |loss: f64| (loss, 12.0 * loss);
        let one = measured(&[1.0, 0.3, 0.07, 0.004].map(root));
        let other = measured(&[0.9, 0.1, 0.018].map(straight));
        let short = measured(&[(0.5, 1.0)]);
        let mut diverged = measured(&[(0.5, 1.0), (0.4, 1.0)]);
        diverged.push(&Event::Finish { outcome: Outcome::Diverged, at: at(3), reason: None, best_step: None });
        let found = TracesAtEqualLoss::of(&[&one, &other, &short, &diverged]).unwrap();
        assert_eq!((found.loss, found.traces[3]), (0.02, None));
        let traces: Vec<_> = found.traces.iter().map(|trace| trace.map(|trace| trace.value)).collect();
        assert!((traces[0].unwrap() - 30.0 * 0.02_f64.sqrt()).abs() < 1e-9, "{traces:?}");
        assert!((traces[1].unwrap() - 12.0 * 0.02).abs() < 1e-9, "{traces:?}");
        assert_eq!(traces[2], None);
        assert_eq!(TracesAtEqualLoss::of(&[&one, &short]), None);
    }

    #[test]
    fn a_loss_that_rises_again_counts_as_it_last_fell() {
        let wavering = measured(&[(1.0, 9.0), (0.1, 8.0), (0.4, 4.0), (0.1, 2.0)]);
        let other = measured(&[(1.0, 1.0), (0.2, 1.0)]);
        let found = TracesAtEqualLoss::of(&[&wavering, &other]).unwrap();
        assert_eq!(found.loss, 0.2);
        // Half of the way from .4 to .1 where the axis is logarithmic.
        let trace = found.traces[0].unwrap();
        assert!((trace.value - 8_f64.sqrt()).abs() < 1e-9, "{trace:?}");
        assert!((trace.error - 0.1 * 8_f64.sqrt() * 0.5_f64.sqrt()).abs() < 1e-9, "{trace:?}");
    }

    #[test]
    fn a_verdict_names_what_lies_beyond_two_standard_errors() {
        let at = |value, error| Some(Point { at: at(1), value, error });
        let run = |name, accuracy| VerdictRun { name, accuracy };
        let comparison = Comparison { baseline: 0, cost: None, traces: None };
        let said = |runs: &[VerdictRun<'_>]| verdict(runs, &comparison);
        let sgd = run("SGD", at(0.9, 0.01));
        // Two standard errors of a difference are 2 sqrt(2) points here.
        let near = run("SAM", at(0.928, 0.01));
        let far = run("NSO", at(0.929, 0.01));
        assert_eq!(said(&[sgd, near]).as_deref(), Some("vs SGD, 2 s.e.: test acc. no difference"));
        let expected = "vs SGD, 2 s.e.: test acc. higher: NSO, lower: worse";
        assert_eq!(said(&[sgd, near, far, run("worse", at(0.8, 0.01))]).as_deref(), Some(expected));
        assert_eq!(said(&[sgd]), None);
        assert_eq!(said(&[run("SGD", at(0.9, f64::NAN)), far]), None, "without errors nothing can be said");
        let traces = TracesAtEqualLoss {
            loss: 0.01,
            traces: [3.0, 2.2].map(|value| Some(Interpolated { value, error: 0.2 })).to_vec(),
        };
        let comparison = Comparison { traces: Some(traces), ..comparison };
        let expected = "vs SGD, 2 s.e.: test acc. no difference · trace @ .01 lower: SAM";
        assert_eq!(verdict(&[sgd, near], &comparison).as_deref(), Some(expected));
    }

    #[test]
    fn an_accuracy_has_the_error_of_a_share() {
        assert!((binomial_std_error(0.9, 900).unwrap() - 0.01).abs() < 1e-12);
        assert_eq!((binomial_std_error(0.9, 0), binomial_std_error(1.0, 10)), (None, Some(0.0)));
    }

    #[test]
    fn a_round_loss_is_the_least_that_is_no_lower() {
        for (loss, round) in [(1e-3, 1e-3), (1.01e-3, 2e-3), (0.3, 0.5), (0.51, 1.0), (7.0, 10.0), (5e-4, 5e-4)] {
            assert!((round_up(loss) / round - 1.0).abs() < 1e-9, "{loss}: {}", round_up(loss));
        }
    }

    #[test]
    fn a_trace_below_zero_is_interpolated_as_it_is() {
        let one = measured(&[(1.0, 3.0), (0.01, -1.0)]);
        let found = TracesAtEqualLoss::of(&[&one, &measured(&[(1.0, 1.0), (0.1, 1.0)])]).unwrap();
        assert!((found.traces[0].unwrap().value - 1.0).abs() < 1e-9);
    }
}
