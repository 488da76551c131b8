//! Panels of one measurement, from the events of the sample.

use crate::{
    figure::{
        Emphasis, Form, Panel, PanelKind, PlottedRun, Quantity, Scale, Session, Stroke, View, XAxis, XDimension,
        XyPoint, sample,
    },
    run::{Estimate, Event, GapCurve, Metrics, NamedEstimate, Position, Probe, WeightStats},
};

fn panel<'a>(kind: PanelKind, runs: &[PlottedRun<'a>]) -> Panel<'a> {
    Panel::new(kind, runs, &View::default())
}

/// The points of the only curve of that run, emphasis and form.
fn points(panel: &Panel<'_>, slot: usize, emphasis: Emphasis, form: Form) -> Vec<XyPoint> {
    let mut found =
        panel.curves.iter().filter(|curve| curve.slot == slot && curve.emphasis == emphasis && curve.form == form);
    let points = found.next().unwrap().points.iter().collect();
    assert!(found.next().is_none());
    points
}

fn gap_of(session: &Session, slot: usize) -> &GapCurve {
    session.runs[slot].history.snapshots().gap.as_ref().unwrap()
}

/// A measurement whose own loss is not in the log stands at the loss evaluated at its step, before or after it; between
/// evaluations, or where that loss is not positive, it has no place.
#[test]
fn a_trace_stands_at_the_loss_it_was_measured_at() {
    let mut session = sample::session();
    let probe = session.runs[0].events.iter().find_map(|event| match event {
        Event::Probe(probe) => Some(probe.as_ref().clone()),
        _ => None,
    });
    let at = |step| Position { step, gradients: step, seconds: 0.0 };
    let probe = |step, mean| {
        let trace = Estimate::new(mean, 0.5, 4);
        Event::Probe(Box::new(Probe { at: at(step), trace, loss: None, ..probe.clone().unwrap() }))
    };
    let eval = |step, loss| {
        let metrics = Metrics { train_loss: Some(loss), ..Metrics::default() };
        let weight_stats = WeightStats::default();
        Event::Eval { at: at(step), examples: 0, forward_passes: 0, took: 0.0, metrics, weight_stats }
    };
    let events = [
        probe(0, 100.0),
        eval(0, 2.0),
        eval(10, 0.5),
        probe(10, 90.0),
        probe(15, 80.0),
        eval(20, 0.8),
        probe(20, 70.0),
        eval(30, 0.0),
        probe(30, 60.0),
    ];
    session.runs[0].history = events.iter().collect();
    let runs = session.plotted_runs();
    let panel = panel(PanelKind::TraceByLoss, &runs[..1]);
    let found = points(&panel, 0, Emphasis::Normal, Form::Line(Stroke::Solid));
    let found: Vec<_> = found.iter().map(|point| (point.x, point.y, point.error)).collect();
    assert_eq!(found, [(0.5, 90.0, 0.5), (0.8, 70.0, 0.5), (2.0, 100.0, 0.5)]);
    assert_eq!(
        (panel.x_dimension, panel.x.scale(), panel.y.scale()),
        (XDimension::Own("train loss, same examples"), Scale::Log, Scale::Log)
    );
    assert!(panel.x.low() <= 0.5 && panel.x.high() >= 2.0);
}

#[test]
fn a_density_is_that_of_the_newest_probe_by_one_kernel_for_all() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let panel = panel(PanelKind::Density, &runs);
    assert_eq!((panel.x_dimension, panel.y.scale()), (XDimension::Own("eigenvalue"), Scale::Log));
    assert_eq!(panel.curves.len(), 12, "two edges of the spread and a mean each");
    assert!(panel.notes.contains(&"faint: least and most over random starts".to_owned()), "{:?}", panel.notes);
    let spectra = session.runs.iter().filter_map(|run| run.history.snapshots().density.as_ref());
    let nodes: Vec<f64> = spectra.flat_map(|density| density.nodes.clone()).collect();
    let (low, high) = (nodes.iter().copied().fold(f64::MAX, f64::min), nodes.iter().copied().fold(f64::MIN, f64::max));
    let width = (high - low) / 100.0;
    for slot in 0..4 {
        let points = points(&panel, slot, Emphasis::Normal, Form::Line(Stroke::Solid));
        let step = points[1].x - points[0].x;
        assert!((step - width / 4.0).abs() < 1e-9, "run {slot} has a kernel of its own");
        let integral: f64 = points.iter().map(|point| point.y * step).sum();
        assert!((integral - 1.0).abs() < 1e-3, "run {slot}: {integral}");
        let newest = session.runs[slot].history.last(Quantity::LambdaMax).unwrap().value;
        assert!(
            (points.last().unwrap().x - newest - 4.0 * width).abs() < width,
            "it ends beyond its largest eigenvalue"
        );
    }
    assert!(
        panel.notes.iter().any(|note| note.starts_with("kernel σ .6") && note.ends_with("range/100")),
        "{:?}",
        panel.notes
    );
    assert!(panel.notes.contains(&"steps 1,200 to 4,000".to_owned()), "{:?}", panel.notes);
}

#[test]
fn emptiness_between_eigenvalues_does_not_stretch_a_log_axis() {
    let session = sample::session();
    let panel = panel(PanelKind::Density, &session.plotted_runs()[..1]);
    let points = points(&panel, 0, Emphasis::Normal, Form::Line(Stroke::Solid));
    let peak = points.iter().map(|point| point.y).fold(0.0, f64::max);
    assert!(points.iter().any(|point| point.y < 1e-20 * peak), "the sample has an empty stretch");
    assert!(panel.y.low() > 1e-6 * peak && panel.y.low() <= 1e-5 * peak, "{} of {peak}", panel.y.low());
    assert!(panel.notes.contains(&"clipped".to_owned()));
}

#[test]
fn each_tensor_has_a_group_and_each_run_a_bar_in_it() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let panel = panel(PanelKind::TracePerTensor, &runs);
    let names: Vec<_> = panel.x_names.iter().map(|tick| (tick.at, tick.label.as_str())).collect();
    assert_eq!(names, [(0.5, "fc1.weight"), (1.5, "fc1.bias"), (2.5, "fc2.weight"), (3.5, "fc2.bias")]);
    assert_eq!((panel.x.low(), panel.x.high()), (0.0, 4.0));
    let mut ends: Vec<(f64, f64)> = Vec::new();
    for curve in &panel.curves {
        let Form::Bars(width) = curve.form else { panic!("{:?} is no bar", curve.form) };
        let layers = &session.runs[curve.slot].history.snapshots().layers;
        for (group, (point, layer)) in curve.points.iter().zip(layers).enumerate() {
            assert_eq!((point.y, point.error), (layer.estimate.mean, layer.estimate.std_error));
            assert!(point.x - width / 2.0 > group as f64 && point.x + width / 2.0 < group as f64 + 1.0);
            ends.push((point.x - width / 2.0, point.x + width / 2.0));
        }
    }
    ends.sort_by(|one, other| one.0.total_cmp(&other.0));
    assert_eq!(ends.len(), 16);
    assert!(ends.windows(2).all(|pair| pair[0].1 <= pair[1].0 + 1e-9), "bars overlap: {ends:?}");
    let shortest =
        panel.curves.iter().flat_map(|curve| curve.points.iter()).map(|point| point.y).fold(f64::MAX, f64::min);
    assert!(panel.y.low() <= shortest / 2.0, "the shortest bar can be seen");
    assert!(panel.notes.contains(&"bars: ± 1 std. error".to_owned()));
}

#[test]
fn bars_on_a_linear_scale_stand_on_zero() {
    let mut session = sample::session();
    let events: Vec<Event> = session.runs[0].events.iter().map(|event| with_layers(event, &[10.0, 11.0])).collect();
    session.runs[0].history = events.iter().collect();
    let mut view = View::default();
    view.set_y_scale(PanelKind::TracePerTensor, Scale::Linear);
    let panel = Panel::new(PanelKind::TracePerTensor, &session.plotted_runs()[..1], &view);
    assert_eq!((panel.y.low(), panel.y.high()), (0.0, 12.0));
}

/// The same event; if it is a curvature measurement, with these traces per tensor and no density.
fn with_layers(event: &Event, traces: &[f64]) -> Event {
    let Event::Probe(probe) = event else { return event.clone() };
    let layers = traces.iter().enumerate().map(|(number, &mean)| NamedEstimate {
        name: format!("layer {number}"),
        estimate: Estimate::new(mean, f64::NAN, 1),
    });
    Event::Probe(Box::new(Probe { density: None, layers: layers.collect(), ..probe.as_ref().clone() }))
}

#[test]
fn names_along_an_axis_thin_out_evenly() {
    let session = sample::session();
    let panel = panel(PanelKind::TracePerTensor, &session.plotted_runs());
    let labels = |room| panel.x_ticks(room).into_iter().map(|tick| tick.label).collect::<Vec<_>>();
    assert_eq!(labels(4).len(), 4);
    assert_eq!(labels(3), ["fc1.weight", "fc2.weight"]);
    assert_eq!(labels(1), ["fc1.weight"]);
}

/// Measured with error bars; dashed sigma^2 / 2 times the exact trace, dotted half the integral of the smoothed one.
#[test]
fn a_perturbation_gap_stands_beside_two_predictions() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let panel = panel(PanelKind::PerturbationGap, &runs);
    assert_eq!(panel.curves.len(), 12);
    for slot in 0..4 {
        let gap = gap_of(&session, slot);
        let measured = points(&panel, slot, Emphasis::Normal, Form::Line(Stroke::Solid));
        let exact = points(&panel, slot, Emphasis::Faint, Form::Line(Stroke::Dashed));
        let smoothed = points(&panel, slot, Emphasis::Faint, Form::Line(Stroke::Dotted));
        for (index, point) in gap.points.iter().enumerate() {
            let expected = XyPoint { x: point.sigma, y: point.gap.mean, error: point.gap.std_error };
            assert_eq!(measured[index], expected);
            let half = 0.5 * point.sigma.powi(2);
            assert!((exact[index].y / (half * gap.trace.mean) - 1.0).abs() < 1e-12);
            let integral = gap.from_smoothed_traces()[index];
            assert_eq!((smoothed[index].y, smoothed[index].error), (integral.mean, integral.std_error));
            assert!((exact[index].error / (half * gap.trace.std_error) - 1.0).abs() < 1e-12);
        }
    }
    assert_eq!(panel.y.scale(), Scale::Log);
    assert_eq!(panel.notes[..3], ["log", "dashed: σ²/2 Tr H", "dotted: ½∫ Tr Hσ dσ²"]);
    let ends: Vec<_> = panel.curves.iter().filter(|curve| curve.end.is_some()).map(|curve| curve.slot).collect();
    assert_eq!(ends, [0, 1, 2, 3], "only what was measured has its value written");
}

#[test]
fn changes_and_the_view_s_x_have_no_place_in_them() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let view = View { x: XAxis::Seconds, x_scale: Scale::Log, ..View::default() };
    for kind in [PanelKind::TraceByLoss, PanelKind::Density, PanelKind::TracePerTensor, PanelKind::PerturbationGap] {
        let panel = Panel::new(kind, &runs, &view);
        assert!(panel.marks.is_empty() && matches!(panel.x_dimension, XDimension::Own(_)));
        let own = if kind == PanelKind::TraceByLoss { Scale::Log } else { Scale::Linear };
        assert_eq!(panel.x.scale(), own);
    }
    assert!(!Panel::new(PanelKind::Loss, &runs, &view).marks.is_empty());
}

#[test]
fn what_the_probes_were_not_asked_for_is_named() {
    let mut session = sample::session();
    for run in &mut session.runs {
        let events = run.events.iter().filter(|event| !matches!(event, Event::PerturbationGap(_)));
        run.history = events.map(|event| with_layers(event, &[])).collect::<Vec<_>>().iter().collect();
    }
    let runs = session.plotted_runs();
    for (kind, expected) in [
        (PanelKind::Density, "not measured: [train] measure lacks \"density\""),
        (PanelKind::PerturbationGap, "not measured: [train] measure lacks \"perturbation_gap\""),
        (PanelKind::TracePerTensor, "no trace per parameter tensor was measured"),
    ] {
        assert_eq!(panel(kind, &runs).empty.as_deref(), Some(expected));
    }
}
