//! Panels along training: a curve for each run and quantity, changes of hyperparameters as marks, edges of stability as guides.

use super::{Content, Curve, Emphasis, Form, Guide, Mark, PanelKind, PlottedRun, Stroke, View, XDimension};
use crate::{
    figure::{
        axis::{Axis, Bounds, Scale},
        comparison::binomial_std_error,
        points::Points,
        quantity::Quantity,
        series::XAxis,
        text,
    },
    run::{Bound, Position},
};

pub(super) fn content<'a>(kind: PanelKind, runs: &[PlottedRun<'a>], view: &View) -> Content<'a> {
    let layers = kind.layers();
    let mut curves: Vec<Curve<'a>> = Vec::new();
    let mut notes = Vec::new();
    for layer in &layers {
        let before = curves.len();
        curves.extend(runs.iter().filter(|run| belongs(kind, run)).filter_map(|run| {
            let series = run.history.series(layer.quantity);
            let newest = series.last()?;
            Some(Curve {
                slot: run.slot,
                name: run.name,
                quantity: Some(layer.quantity),
                emphasis: layer.emphasis,
                form: layer.form,
                points: Points::Along(series, view.x),
                end: (layer.emphasis == Emphasis::Normal)
                    .then(|| text::bare(layer.quantity.format(newest.value).trim_end_matches(" %"))),
            })
        }));
        if curves.len() > before && !layer.note.is_empty() {
            notes.push(layer.note.to_owned());
        }
    }
    if let Some(window) = view.window {
        notes.insert(0, "part of the x axis".to_owned());
        for curve in &mut curves {
            // The value where the curve ends on the screen.
            let end = curve.points.find(0, curve.points.len(), |x| x > window.high());
            let last = end.checked_sub(1).and_then(|last| curve.points.get(last));
            let value =
                |quantity: Quantity| last.map(|last| text::bare(quantity.format(last.y).trim_end_matches(" %")));
            curve.end = curve.end.take().and(curve.quantity).and_then(value);
        }
    }
    let averages = averages(kind, runs, view.x);
    if !averages.is_empty() {
        notes.push("bright dashes: averaged weights".to_owned());
        curves.extend(averages);
    }
    if kind == PanelKind::TestError {
        notes.extend(test_examples(runs));
    }
    if kind == PanelKind::Bound {
        notes.splice(0..0, vacuous_or_refuted(runs));
        notes.extend(newest_bound(runs));
    }
    Content {
        x_dimension: XDimension::Training(view.x),
        x: x_axis(runs, view, &curves),
        x_names: Vec::new(),
        marks: marks(runs, view),
        notes,
        curves,
    }
}

/// What the panel is about, at the average of each run's weights: dashed, in the run's colour.
fn averages<'a>(kind: PanelKind, runs: &[PlottedRun<'a>], x: XAxis) -> Vec<Curve<'a>> {
    let quantity = kind.primary_quantity();
    let measured = runs.iter().filter(|run| !run.history.average().series(quantity).is_empty());
    let curve = |run: &PlottedRun<'a>| Curve {
        slot: run.slot,
        name: run.name,
        quantity: Some(quantity),
        emphasis: Emphasis::Normal,
        form: Form::Line(Stroke::Dashed),
        points: Points::Along(run.history.average().series(quantity), x),
        end: None,
    };
    measured.map(curve).collect()
}

/// Of how many test examples an error rate is, and its standard error at the newest rate of the first run: "n 1,000, ± .7".
fn test_examples(runs: &[PlottedRun<'_>]) -> Option<String> {
    let measured = runs
        .iter()
        .find_map(|run| Some((run.history.start()?.test_examples, run.history.last(Quantity::TestErrorRate)?.value)));
    let (count, rate) = measured?;
    let error = 100.0 * binomial_std_error(rate, count)?;
    Some(format!("n {}, ± {}", text::thousands(count), text::bare(&text::fixed(error, 1))))
}

/// Whether a run has a place in the panel: among smoothed traces, only one that samples them.
fn belongs(kind: PanelKind, run: &PlottedRun<'_>) -> bool {
    let samples = |quantity| !run.history.series(quantity).is_empty();
    kind != PanelKind::SmoothedTrace || samples(Quantity::SmoothedTrace) || samples(Quantity::OnePointTrace)
}

/// The runs whose newest bound says nothing, or is refuted: "vacuous: SGD, NSO".
fn vacuous_or_refuted(runs: &[PlottedRun<'_>]) -> Vec<String> {
    let named = |what: &str, is: fn(&Bound) -> bool| {
        let found = runs.iter().filter(|run| run.history.snapshots().bound.as_ref().is_some_and(is));
        let names: Vec<&str> = found.map(|run| run.name).collect();
        match names.len() {
            0 => None,
            count if count == runs.len() && count > 1 => Some(format!("all {what}")),
            _ => Some(format!("{what}: {}", names.join(", "))),
        }
    };
    let refuted = named("below the test loss", |bound| bound.exceeded);
    let vacuous = named("vacuous", |bound| bound.vacuous);
    refuted.into_iter().chain(vacuous).collect()
}

/// The ingredients of the newest bound of all, and what it is worth: "NSO: vacuous, a 97.5, r 12, C 1.9, n 4,000, best σ .0123".
fn newest_bound(runs: &[PlottedRun<'_>]) -> Option<String> {
    let found = runs.iter().filter_map(|run| Some((run.name, run.history.snapshots().bound?)));
    let (name, bound) = found.max_by_key(|(_, bound)| bound.at.gradients)?;
    Some(format!("{name}: {}{}", text::worth(&bound), text::ingredients(&bound)))
}

/// One axis for all panels of a view: it reaches to where the furthest run is.
fn x_axis(runs: &[PlottedRun<'_>], view: &View, curves: &[Curve<'_>]) -> Axis {
    let positive = |window: &Bounds| view.x_scale == Scale::Linear || window.low() > 0.0;
    if let Some(window) = view.window.filter(positive) {
        return Axis::between(window, view.x_scale);
    }
    let place = |run: &PlottedRun<'_>, at: Position| view.x.of(at, run.history.steps_per_epoch());
    let high = runs.iter().map(|run| place(run, run.history.now())).fold(0.0, f64::max);
    let low = match view.x_scale {
        Scale::Linear => 0.0,
        Scale::Log => {
            let first_positive = |points: &Points<'_>| {
                let index = points.find(0, 0, |x| x > 0.0);
                points.get(index).map(|point| point.x)
            };
            let steps = runs
                .iter()
                .filter_map(|run| first_positive(&Points::Along(run.history.series(Quantity::StepLoss), view.x)));
            steps.chain(curves.iter().filter_map(|curve| first_positive(&curve.points))).fold(high, f64::min)
        }
    };
    Axis::along(Bounds::new(low, high), view.x_scale)
}

fn marks(runs: &[PlottedRun<'_>], View { x, window, .. }: &View) -> Vec<Mark> {
    let mut marks: Vec<Mark> = runs
        .iter()
        .flat_map(|run| {
            let changes = run.history.changes().iter();
            changes.map(move |&change| Mark {
                slot: run.slot,
                x: x.of(change.at, run.history.steps_per_epoch()),
                change,
            })
        })
        .collect();
    marks.retain(|mark| window.is_none_or(|window| mark.x >= window.low() && mark.x <= window.high()));
    marks.sort_by(|one, other| one.x.total_cmp(&other.x));
    marks
}

/// The panel's threshold for each run, where it lies among the data or within its reach of them; runs with the same one share it.
pub(super) fn guides(kind: PanelKind, runs: &[PlottedRun<'_>], data: Option<Bounds>) -> Vec<Guide> {
    let (Some(data), Some(threshold)) = (data, kind.threshold()) else { return Vec::new() };
    let reach = threshold.reach();
    let mut guides: Vec<Guide> = Vec::new();
    for run in runs {
        let Some(y) = threshold.of(run.history) else { continue };
        if y > reach * data.high() || y < data.low() / reach {
            continue;
        }
        match guides.iter_mut().find(|guide| (guide.y - y).abs() <= 1e-9 * y) {
            Some(shared) => shared.slot = None,
            None => guides.push(Guide { slot: Some(run.slot), y }),
        }
    }
    guides
}
