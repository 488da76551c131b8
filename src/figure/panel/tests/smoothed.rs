//! Traces of the smoothed Hessian on their panels.

use super::*;

fn smoothed(step: u64, sides: Sides, mean: f64, std_error: f64) -> Event {
    let trace = Estimate::new(mean, std_error, 40);
    Event::FreeTrace { at: at(step), sigma: 0.02, sides, trace }
}

fn exact(step: u64, mean: f64) -> Event {
    let trace = Estimate::new(mean, 0.1, 40);
    let lambda_max = Eigenvalue { value: 1.0, residual: 0.0, products: 9 };
    Event::Probe(Box::new(Probe::new(at(step), trace, lambda_max)))
}

#[test]
fn one_point_and_two_point_smoothed_traces_are_drawn_differently() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let panel = panel(PanelKind::SmoothedTrace, &runs);
    let drawn: Vec<_> =
        panel.curves.iter().map(|curve| (curve.name, curve.quantity.unwrap(), curve.emphasis)).collect();
    assert_eq!(
        drawn,
        [
            ("WP-SGD", Quantity::Trace, Emphasis::Faint),
            ("NSO", Quantity::Trace, Emphasis::Faint),
            ("WP-SGD", Quantity::OnePointTrace, Emphasis::Normal),
            ("NSO", Quantity::SmoothedTrace, Emphasis::Normal),
        ],
        "the exact trace stands behind those that sample a smoothed one"
    );
    let dots: Vec<_> = panel.curves.iter().filter(|curve| curve.form == Form::Dots).map(|curve| curve.name).collect();
    assert_eq!((dots, panel.y.scale()), (vec!["WP-SGD"], Scale::Linear));
    for note in ["faint: exact Hessian", "dots: one-point", "line: two-point", "bars: ± 1 std. error", "clipped"] {
        assert!(panel.notes.iter().any(|shown| shown == note), "no \"{note}\" in {:?}", panel.notes);
    }
}

/// The exact trace is 10 to 20, a span of 10 but at least the largest value: one-point estimates widen the axis to -10 and 40 at most.
#[test]
fn one_point_scatter_does_not_press_the_steady_traces_into_a_line() {
    let scattered = |mean: f64, std_error: f64| {
        history(&[
            exact(1, 20.0),
            exact(2, 10.0),
            smoothed(1, Sides::OnePoint, mean, std_error),
            smoothed(2, Sides::OnePoint, 12.0, 1.0),
        ])
    };
    let range = |history: &History| {
        let runs = one(history);
        let panel = panel(PanelKind::SmoothedTrace, &runs);
        (panel.y.low(), panel.y.high(), panel.notes.iter().any(|note| note == "clipped"))
    };
    assert_eq!(range(&scattered(-5000.0, 1.0)), (-10.0, 20.0, true));
    assert_eq!(range(&scattered(5000.0, 1.0)), (10.0, 40.0, true));
    assert_eq!(range(&scattered(15.0, 900.0)), (-10.0, 40.0, true), "nor do its error bars");
    assert_eq!(range(&scattered(25.0, 1.0)), (10.0, 26.0, false));
    let alone = history(&[smoothed(1, Sides::OnePoint, -5000.0, 1.0), smoothed(2, Sides::OnePoint, 12.0, 1.0)]);
    assert_eq!(range(&alone), (-6000.0, 1000.0, false), "alone it has the axis");
}

#[test]
fn a_run_that_samples_no_smoothed_trace_says_so_after_its_second_evaluation() {
    let metrics = Metrics { train_loss: Some(1.0), ..Metrics::default() };
    let first = history(&[eval(0, metrics)]);
    assert_eq!(panel(PanelKind::SmoothedTrace, &one(&first)).empty.as_deref(), Some("no data yet"));
    let second = history(&[eval(0, metrics), exact(0, 2.0), eval(40, metrics)]);
    assert_eq!(
        panel(PanelKind::SmoothedTrace, &one(&second)).empty.as_deref(),
        Some("only steps of wp-sgd and nso sample it")
    );
}
