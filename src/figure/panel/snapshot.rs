//! Panels with an x axis of their own, where changes of hyperparameters have no place: all traces by training loss, the
//! spectral density and the traces per parameter tensor of each run's newest curvature measurement, and its newest perturbation gap.

use std::collections::HashMap;

use super::{Content, Curve, Emphasis, Form, PlottedRun, Stroke, XDimension};
use crate::{
    figure::{
        axis::{Axis, Bounds, Scale, Tick},
        density::{broadened, kernel_width, spread},
        points::{Points, XyCurve, XyPoint},
        quantity::Quantity,
        series::Point,
        text,
    },
    run::{Estimate, GapCurve, GapPoint},
    text::printable,
};

/// The share of a group's width that its bars fill.
const FILLED: f64 = 0.8;
/// The longest name of a tensor that is written.
const NAME: usize = 24;

/// The loss of the measured examples along x, their trace up: both of one measurement, so that a run's points are true whenever its
/// losses on whole splits were evaluated.
pub(super) fn trace_by_loss<'a>(runs: &[PlottedRun<'a>]) -> Content<'a> {
    let points = |run: &PlottedRun<'a>| -> XyCurve {
        let losses: HashMap<u64, f64> =
            run.history.series(Quantity::MeasuredLoss).points().map(|point| (point.at.step, point.value)).collect();
        let xy = |point: Point| {
            let x = *losses.get(&point.at.step).filter(|&&loss| loss > 0.0)?;
            Some(XyPoint { x, y: point.value, error: point.error })
        };
        run.history.series(Quantity::Trace).points().filter_map(xy).collect()
    };
    let line = Form::Line(Stroke::Solid);
    let curves: Vec<_> = runs
        .iter()
        .map(|run| curve(run, Emphasis::Normal, line, points(run)))
        .filter(|curve| !curve.points.is_empty())
        .collect();
    let ends = curves.iter().filter_map(|curve| Bounds::new(curve.points.get(0)?.x, curve.points.last()?.x));
    Content {
        x_dimension: XDimension::Own("train loss, same examples"),
        x: Axis::covering(ends.reduce(Bounds::union), Scale::Log),
        x_names: Vec::new(),
        curves,
        marks: Vec::new(),
        notes: Vec::new(),
    }
}

/// Eigenvalues along x, their density up, by one kernel for all runs.
pub(super) fn density<'a>(runs: &[PlottedRun<'a>]) -> Content<'a> {
    let found: Vec<_> = runs.iter().filter_map(|run| Some((run, run.history.snapshots().density.as_ref()?))).collect();
    let width = kernel_width(found.iter().map(|(_, density)| *density));
    let solid = Form::Line(Stroke::Solid);
    let spreads = found.iter().flat_map(|(run, density)| {
        let edges = spread(density, width).map_or_else(Vec::new, Vec::from);
        edges.into_iter().map(|edge| curve(run, Emphasis::Faint, solid, edge))
    });
    let means = found.iter().map(|(run, density)| curve(run, Emphasis::Normal, solid, broadened(density, width)));
    let curves: Vec<_> = spreads.chain(means).filter(|curve| !curve.points.is_empty()).collect();
    let ends = curves.iter().filter_map(|curve| Bounds::new(curve.points.get(0)?.x, curve.points.last()?.x));
    let mut notes = vec![format!("kernel σ {} = range/100", text::bare(&text::significant(width, 2)))];
    if curves.iter().any(|curve| curve.emphasis == Emphasis::Faint) {
        notes.push("faint: least and most over random starts".into());
    }
    notes.extend(age(found.iter().filter_map(|(run, _)| Some(run.history.snapshots().measured_at?.step))));
    Content {
        x_dimension: XDimension::Own("eigenvalue"),
        x: Axis::covering(ends.reduce(Bounds::union), Scale::Linear),
        x_names: Vec::new(),
        curves,
        marks: Vec::new(),
        notes,
    }
}

/// A group of bars for each tensor, in the order of the layout; in it a bar for each run whose curvature has been measured.
pub(super) fn layers<'a>(runs: &[PlottedRun<'a>]) -> Content<'a> {
    let found: Vec<_> = runs.iter().filter(|run| !run.history.snapshots().layers.is_empty()).collect();
    let mut names: Vec<&str> = Vec::new();
    for layer in found.iter().flat_map(|run| &run.history.snapshots().layers) {
        if !names.contains(&layer.name.as_str()) {
            names.push(&layer.name);
        }
    }
    let group = |name: &str| names.iter().position(|known| *known == name);
    let width = FILLED / count(found.len().max(1));
    let curves = found.iter().enumerate().map(|(place, run)| {
        let offset = (1.0 - FILLED) / 2.0 + width * (count(place) + 0.5);
        let bars = run.history.snapshots().layers.iter().filter_map(|layer| {
            Some(XyPoint {
                x: count(group(&layer.name)?) + offset,
                y: layer.estimate.mean,
                error: layer.estimate.std_error,
            })
        });
        curve(run, Emphasis::Normal, Form::Bars(width), bars.collect())
    });
    let ticks = names
        .iter()
        .enumerate()
        .map(|(place, name)| Tick { at: count(place) + 0.5, label: printable(name).chars().take(NAME).collect() });
    Content {
        x_dimension: XDimension::Own(""),
        x: Axis::exactly(Bounds::new(0.0, count(names.len()))),
        x_names: ticks.collect(),
        curves: curves.collect(),
        marks: Vec::new(),
        notes: age(found.iter().filter_map(|run| Some(run.history.snapshots().measured_at?.step)))
            .into_iter()
            .collect(),
    }
}

/// sigma along x, what noise of that scale adds to the loss up: as measured, and as two Hessians predict it (figure 2 of the paper).
pub(super) fn perturbation_gap<'a>(runs: &[PlottedRun<'a>]) -> Content<'a> {
    let found: Vec<(&PlottedRun<'a>, &GapCurve)> =
        runs.iter().filter_map(|run| Some((run, run.history.snapshots().gap.as_ref()?))).collect();
    let over_sigma = |gap: &GapCurve, heights: Vec<Estimate>| -> XyCurve {
        let xy = |(point, height): (&GapPoint, Estimate)| XyPoint {
            x: point.sigma,
            y: height.mean,
            error: height.std_error,
        };
        gap.points.iter().zip(heights).map(xy).collect()
    };
    let exact = found.iter().map(|(run, gap)| {
        let predicted = over_sigma(gap, gap.from_trace());
        curve(run, Emphasis::Faint, Form::Line(Stroke::Dashed), predicted)
    });
    let smoothed = found.iter().map(|(run, gap)| {
        let predicted = over_sigma(gap, gap.from_smoothed_traces());
        curve(run, Emphasis::Faint, Form::Line(Stroke::Dotted), predicted)
    });
    let measured = found.iter().map(|(run, gap)| {
        let gaps = over_sigma(gap, gap.points.iter().map(|point| point.gap).collect());
        let measured = curve(run, Emphasis::Normal, Form::Line(Stroke::Solid), gaps);
        let end = measured.points.last().map(|last| text::bare(&text::significant(last.y, 3)));
        Curve { end, ..measured }
    });
    let curves: Vec<_> = exact.chain(smoothed).chain(measured).filter(|curve| !curve.points.is_empty()).collect();
    let ends = curves.iter().filter_map(|curve| Bounds::new(curve.points.get(0)?.x, curve.points.last()?.x));
    let mut notes = vec!["dashed: σ²/2 Tr H".to_owned(), "dotted: ½∫ Tr Hσ dσ²".to_owned()];
    notes.extend(age(found.iter().map(|(_, gap)| gap.at.step)));
    Content {
        x_dimension: XDimension::Own("noise scale σ"),
        x: Axis::exactly(ends.reduce(Bounds::union).and_then(aired)),
        x_names: Vec::new(),
        curves,
        marks: Vec::new(),
        notes,
    }
}

fn curve<'a>(run: &PlottedRun<'a>, emphasis: Emphasis, form: Form, over_sigma: XyCurve) -> Curve<'a> {
    let points = Points::Whole(over_sigma);
    Curve { slot: run.slot, name: run.name, quantity: None, emphasis, form, points, end: None }
}

/// A little more to either side, so that error bars at the ends keep clear of the frame; for a single place, half as much again.
fn aired(ends: Bounds) -> Option<Bounds> {
    let span = ends.high() - ends.low();
    let air = if span > 0.0 { 0.04 * span } else { 0.5 * ends.high() };
    Bounds::new(ends.low() - air, ends.high() + air)
}

/// When it was measured: "at step 2,000", or "steps 1,300 to 4,000" where runs differ.
fn age(steps: impl Iterator<Item = u64> + Clone) -> Option<String> {
    let (first, last) = (steps.clone().min()?, steps.max()?);
    let (from, to) = (text::thousands(first), text::thousands(last));
    Some(if first == last { format!("at step {to}") } else { format!("steps {from} to {to}") })
}

#[expect(clippy::cast_precision_loss, reason = "a number of bars")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
