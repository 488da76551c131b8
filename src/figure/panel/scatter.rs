//! Sharpness against generalization: one mark a run, and how far the two order the runs alike.

use super::{Content, Curve, Emphasis, Form, PlottedRun, XDimension};
use crate::figure::{
    axis::{Axis, Bounds, Scale},
    comparison::binomial_std_error,
    points::{Points, XyCurve, XyPoint},
    quantity::Quantity,
    rank::kendall_tau,
    series::{Point, XAxis},
    text,
};

/// Fewer runs than this have no order to speak of.
const ORDERED: usize = 3;

/// A measure of sharpness along x, the test error rate up, with its binomial standard error: every measurement of a run as a faint dot,
/// the newest as its mark. The test error is that of the evaluation at the measurement's step, or the last one before.
pub(super) fn error_by<'a>(sharpness: Quantity, runs: &[PlottedRun<'a>]) -> Content<'a> {
    let measured: Vec<_> = runs.iter().map(|run| (run, points(sharpness, run))).collect();
    let faint = measured.iter().map(|(run, all)| {
        let earlier = &all[..all.len().saturating_sub(1)];
        curve(run, Emphasis::Faint, earlier.iter().map(|point| XyPoint { error: f64::NAN, ..*point }))
    });
    let newest = measured.iter().map(|(run, all)| Curve {
        end: all.last().map(|last| Quantity::TestErrorRate.format(last.y)),
        ..curve(run, Emphasis::Normal, all.last().copied().into_iter())
    });
    let curves: Vec<_> = faint.chain(newest).filter(|curve| !curve.points.is_empty()).collect();
    let ends: Vec<[f64; 2]> = measured.iter().filter_map(|(_, all)| all.last().map(|last| [last.x, last.y])).collect();
    let tau = kendall_tau(&ends).filter(|_| ends.len() >= ORDERED);
    let spans = curves.iter().filter_map(|curve| Bounds::new(curve.points.get(0)?.x, curve.points.last()?.x));
    let title = if sharpness == Quantity::LambdaMax { "λ max" } else { "Hessian trace" };
    Content {
        x_dimension: XDimension::Own(title),
        x: Axis::covering(spans.reduce(Bounds::union), Scale::Log),
        x_names: Vec::new(),
        curves,
        marks: Vec::new(),
        notes: tau
            .map(|tau| format!("Kendall's τ {} of {} runs", text::bare(&text::fixed(tau, 2)), ends.len()))
            .into_iter()
            .chain(["faint: earlier".to_owned()])
            .collect(),
    }
}

/// A run's measurements after its first step, in their order, where the sharpness is positive and there is a test error.
fn points(sharpness: Quantity, run: &PlottedRun<'_>) -> Vec<XyPoint> {
    let errors = run.history.series(Quantity::TestErrorRate);
    let examples = run.history.start().map_or(0, |start| start.test_examples);
    let point = |Point { at, value: x, .. }: Point| {
        #[expect(clippy::cast_precision_loss, reason = "a count of steps")]
        let y = errors.last_within(XAxis::Step, at.step as f64)?.value;
        let error = binomial_std_error(y, examples).unwrap_or(f64::NAN);
        // What random weights are like says nothing about training.
        (at.step > 0 && x > 0.0 && x.is_finite()).then_some(XyPoint { x, y, error })
    };
    run.history.series(sharpness).points().filter_map(point).collect()
}

fn curve<'a>(run: &PlottedRun<'a>, emphasis: Emphasis, points: impl Iterator<Item = XyPoint>) -> Curve<'a> {
    let points = Points::Whole(points.collect::<XyCurve>());
    Curve { slot: run.slot, name: run.name, quantity: None, emphasis, form: Form::Dots, points, end: None }
}

#[cfg(test)]
mod tests {
    use crate::{
        figure::{Emphasis, Panel, PanelKind, PlottedRun, View, XyPoint},
        run::{Eigenvalue, Estimate, Event, Metrics, Position, Probe, WeightStats},
    };

    fn run(points: &[[f64; 2]]) -> crate::figure::History {
        let events = (1..).zip(points).flat_map(|(step, &[trace, accuracy])| {
            let at = Position { step, gradients: step, seconds: 0.0 };
            let metrics = Metrics { test_accuracy: Some(accuracy), ..Metrics::default() };
            let weight_stats = WeightStats::default();
            let eigenvalue = Eigenvalue { value: 2.0 * trace, residual: 0.0, products: 1 };
            let probe = Probe::new(at, Estimate::new(trace, 0.1, 4), eigenvalue);
            [
                Event::Eval { at, examples: 0, forward_passes: 0, took: 0.0, metrics, weight_stats },
                Event::Probe(Box::new(probe)),
            ]
        });
        events.collect::<Vec<_>>().iter().collect()
    }

    #[test]
    fn every_run_has_one_mark_where_it_is_and_faint_ones_where_it_was() {
        let histories = [run(&[[9.0, 0.5], [3.0, 0.9]]), run(&[[-1.0, 0.8], [4.0, 0.85]]), run(&[[5.0, 0.7]])];
        let runs: Vec<_> =
            (0..).zip(&histories).map(|(slot, history)| PlottedRun { slot, name: "run", history }).collect();
        let panel = Panel::new(PanelKind::ErrorByTrace, &runs, &View::default());
        let of = |emphasis| -> Vec<(usize, Vec<XyPoint>)> {
            let curves = panel.curves.iter().filter(|curve| curve.emphasis == emphasis);
            curves.map(|curve| (curve.slot, curve.points.iter().collect())).collect()
        };
        let places = |found: Vec<(usize, Vec<XyPoint>)>| -> Vec<(usize, f64, f64)> {
            let rounded = |y: f64| (100.0 * y).round() / 100.0;
            found
                .into_iter()
                .flat_map(|(slot, points)| points.into_iter().map(move |p| (slot, p.x, rounded(p.y))))
                .collect()
        };
        assert_eq!(places(of(Emphasis::Normal)), [(0, 3.0, 0.1), (1, 4.0, 0.15), (2, 5.0, 0.3)]);
        assert_eq!(places(of(Emphasis::Faint)), [(0, 9.0, 0.5)], "a negative trace has no place on a log axis");
        assert!(panel.notes.contains(&"Kendall's τ 1.00 of 3 runs".to_owned()), "{:?}", panel.notes);
        let two = Panel::new(PanelKind::ErrorByLambdaMax, &runs[..2], &View::default());
        assert!(!two.notes.iter().any(|note| note.contains("Kendall")), "two runs have no order: {:?}", two.notes);
        assert_eq!(two.curves.last().map(|curve| curve.points.get(0).unwrap().x), Some(8.0));
    }
}
