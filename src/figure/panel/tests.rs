//! What panels decide: curves, scales, remarks, guides, marks, and what to say when there is nothing.

mod smoothed;

use strum::VariantArray;

use super::{super::sample, *};
use crate::{
    problem::Metrics,
    run::{
        AverageEval, AverageKind, Bound, DeclaredQuantity, Eigenvalue, Estimate, Event, Measured, NamedEstimate, Plan,
        Position, Probe, Sides, WeightStats, preset,
    },
};

fn panel<'a>(kind: PanelKind, runs: &[PlottedRun<'a>]) -> Panel<'a> {
    Panel::new(kind, runs, &View::default())
}

/// A run of the sample that has only these events after its start.
fn history(events: &[Event]) -> History {
    let start = sample::session().runs.swap_remove(0).events.swap_remove(0);
    std::iter::once(&start).chain(events).collect()
}

fn at(step: u64) -> Position {
    Position { step, gradients: step, seconds: step as f64 }
}

fn eval(step: u64, metrics: Metrics) -> Event {
    Event::Eval {
        at: at(step),
        examples: 0,
        forward_passes: 0,
        took: 0.0,
        metrics,
        weight_stats: WeightStats::default(),
    }
}

fn one(history: &History) -> [PlottedRun<'_>; 1] {
    [PlottedRun { slot: 0, name: "run", history }]
}

/// The plan of one run on a problem, with curvature measured so often.
fn plan(problem: &str, probe_every: &str) -> Plan {
    let train = format!("gradients = 4000\nevaluate_every = \"50 steps\"\nprobe_every = \"{probe_every}\"");
    let run = "name = \"SGD\"\nmethod = \"sgd\"\nlr = 0.1";
    preset::parse("test", &format!("[problem]\n{problem}\n[train]\n{train}\n[[run]]\n{run}\n"), &[]).unwrap()
}

#[test]
fn a_loss_is_in_nats_only_where_it_is_a_cross_entropy() {
    let eval = eval(1, Metrics { train_loss: Some(1.0), test_accuracy: Some(0.95), ..Metrics::default() });
    for (problem, loss, gap) in [
        ("kind = \"mnist-softmax\"", "loss (nats)", "test − train loss (nats)"),
        ("kind = \"valley\"", "loss", "test − train loss"),
        ("kind = \"matrix-sensing\"\nd = 4\nr = 1\nn = 10", "loss", "test − train loss"),
    ] {
        let mut history = History::planned(&plan(problem, "never"));
        history.push(&eval);
        let runs = one(&history);
        let titles = |kind| [panel(kind, &runs).heading(), panel(kind, &runs).y_title()];
        assert_eq!(titles(PanelKind::Loss), [loss; 2], "{problem}");
        assert_eq!(panel(PanelKind::Gap, &runs).y_title(), gap, "{problem}");
        assert_eq!(titles(PanelKind::Accuracy), ["test accuracy (%)"; 2], "{problem}");
        let x_title =
            if problem.contains("mnist") { "train loss, same examples (nats)" } else { "train loss, same examples" };
        assert_eq!(panel(PanelKind::TraceByLoss, &runs).x_title(), x_title, "{problem}");
    }
}

#[test]
fn accuracies_are_labelled_in_percent_where_their_shares_lie() {
    let accuracies = [0.9, 0.92, 0.98].into_iter().zip(1..);
    let events: Vec<Event> = accuracies
        .map(|(share, step)| eval(step, Metrics { test_accuracy: Some(share), ..Metrics::default() }))
        .collect();
    let history = history(&events);
    let runs = one(&history);
    let ticks = panel(PanelKind::Accuracy, &runs).y_ticks(5);
    let labels: Vec<&str> = ticks.iter().map(|tick| tick.label.as_str()).collect();
    assert_eq!(labels, ["90", "92", "94", "96", "98"]);
    assert!(ticks.iter().zip(45..).all(|(tick, half)| (tick.at - f64::from(2 * half) / 100.0).abs() < 1e-12));
}

#[test]
fn the_loss_lies_over_its_minibatch_noise() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let panel = panel(PanelKind::Loss, &runs);
    let drawn: Vec<_> =
        panel.curves.iter().map(|curve| (curve.slot, curve.quantity.unwrap(), curve.emphasis)).collect();
    let layer = |quantity, emphasis| (0..4).map(move |slot| (slot, quantity, emphasis));
    let expected: Vec<_> =
        layer(Quantity::StepLoss, Emphasis::Faint).chain(layer(Quantity::TrainLoss, Emphasis::Normal)).collect();
    assert_eq!(drawn, expected);
    assert_eq!(panel.notes, ["1 not finite", "log"]);
    assert_eq!((panel.x.low(), panel.x.high()), (0.0, 4000.0));
    let texts: Vec<_> = panel.marks.iter().map(|mark| (mark.slot, mark.x, mark.text())).collect();
    assert_eq!(texts, [(3, 1000.0, "σ .02→.03".to_owned()), (3, 2200.0, "σ .03→.02".to_owned())]);
}

#[test]
fn only_the_smoothed_trace_is_dashed() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let panel = panel(PanelKind::Trace, &runs);
    let dashed: Vec<_> = panel
        .curves
        .iter()
        .filter(|curve| curve.form == Form::Line(Stroke::Dashed))
        .map(|curve| (curve.name, curve.quantity))
        .collect();
    assert_eq!(dashed, [("NSO", Some(Quantity::SmoothedTrace))], "WP-SGD's one-point trace would wreck the axis");
    assert_eq!(panel.notes, ["log", "dashed: smoothed Hessian", "bars: ± 1 std. error"]);
}

#[test]
fn averaged_weights_are_bright_dashes_over_the_curve_of_the_weights() {
    let metrics = |loss| Metrics { train_loss: Some(loss), ..Metrics::default() };
    let average = Event::AverageEval(Box::new(AverageEval {
        at: Position { step: 9, gradients: 9, seconds: 9.0 },
        average: AverageKind::Swa,
        iterates: 3,
        forward_passes: 0,
        took: 0.0,
        metrics: metrics(0.5),
        weight_stats: WeightStats::default(),
    }));
    let with = history(&[eval(9, metrics(1.0)), average]);
    assert_eq!(with.last(Quantity::TrainLoss).unwrap().value, 1.0);
    assert_eq!(with.average().newest(), Some((AverageKind::Swa, 3)));
    let runs = one(&with);
    let panel = panel(PanelKind::Loss, &runs);
    let last = panel.curves.last().unwrap();
    let drawn = (last.form, last.emphasis, last.points.get(0).unwrap().y);
    assert_eq!(drawn, (Form::Line(Stroke::Dashed), Emphasis::Normal, 0.5));
    assert!(panel.notes.contains(&"bright dashes: averaged weights".to_owned()), "{:?}", panel.notes);
}

#[test]
fn the_axis_covers_the_error_bars() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let panel = panel(PanelKind::Trace, &runs);
    for curve in panel.curves.iter().filter(|curve| curve.emphasis == Emphasis::Normal) {
        for point in curve.points.iter() {
            assert!(panel.y.slot(point.y + point.error, 100).is_some());
            assert!(panel.y.slot(point.y - point.error, 100).is_some());
        }
    }
}

#[test]
fn a_log_scale_without_positive_values_gives_way_and_says_so() {
    let history =
        history(&[1, 2, 3].map(|step| eval(step, Metrics { train_loss: Some(-(step as f64)), ..Metrics::default() })));
    let runs = one(&history);
    let refused = panel(PanelKind::Loss, &runs);
    assert_eq!(refused.y.scale(), Scale::Linear);
    assert_eq!(refused.notes, ["log scale needs positive values"]);
    let mut view = View::default();
    view.toggle_y_scale(PanelKind::Loss);
    assert!(Panel::new(PanelKind::Loss, &runs, &view).notes.is_empty());
}

#[test]
fn what_a_log_scale_cannot_show_is_counted() {
    let values = [1.0, -2.0, 0.0, f64::NAN, 3.0];
    let events: Vec<_> = values
        .iter()
        .zip(1..)
        .map(|(&value, step)| eval(step, Metrics { train_loss: Some(value), ..Metrics::default() }))
        .collect();
    let history = history(&events);
    let runs = one(&history);
    let panel = panel(PanelKind::Loss, &runs);
    assert_eq!(panel.notes, ["1 not finite", "2 values ≤ 0 not shown", "log"]);
    assert!(panel.y.low() > 0.0 && panel.y.high() < 10.0);
}

#[test]
fn the_edge_of_stability_is_shown_where_it_is_near() {
    let session = sample::session();
    let runs = session.plotted_runs();
    // 2 (1 + 0.9) / 0.05 = 76 for all four; SGD ends at 60.
    let shared = panel(PanelKind::LambdaMax, &runs);
    assert_eq!(shared.guides.len(), 1);
    assert!((shared.guides[0].y - 76.0).abs() < 1e-9 && shared.guides[0].slot.is_none());
    assert_eq!(
        shared.notes,
        ["log", "faint: along SAM's ascent", "dashed: layerwise, no eigenvalue", "dotted: edge of stability 2(1+β)/lr"]
    );
    let alone = panel(PanelKind::LambdaMax, &runs[1..2]);
    assert!(alone.guides.is_empty(), "WP-SGD stays below 8");
    assert!(panel(PanelKind::Trace, &runs).guides.is_empty());
}

#[test]
fn panels_follow_what_is_measured() {
    use PanelKind::{Distance, Gap, LambdaMax, Loss, Trace, ValidationError};
    let classifier = sample::session().runs.swap_remove(0).history;
    let sensing =
        history(&[eval(1, Metrics { validation_error: Some(0.1), distance: Some(0.1), ..Metrics::default() })]);
    let analytic = history(&[eval(1, Metrics { train_loss: Some(0.1), distance: Some(0.1), ..Metrics::default() })]);
    assert_eq!(default_panels(&[&classifier]), [Loss, Gap, Trace, LambdaMax]);
    assert_eq!(default_panels(&[&sensing]), [Loss, ValidationError, Trace, LambdaMax]);
    assert_eq!(default_panels(&[&analytic]), [Loss, Distance, Trace, LambdaMax]);
    assert_eq!(default_panels(&[]), [Loss, Gap, Trace, LambdaMax]);
}

#[test]
fn a_chart_without_data_says_what_it_waits_for() {
    let start = sample::session().runs.swap_remove(0).events.swap_remove(0);
    let step = Event::Step { at: Position { step: 3, gradients: 6, seconds: 0.1 }, loss: 1.0 };
    let said = |history: &History, kind| panel(kind, &one(history)).empty;
    for (probe_every, expected) in [
        ("5 epochs", "first curvature measurement at step 160"),
        ("1000 steps", "first curvature measurement at step 1,000"),
        ("200 gradients", "first curvature measurement at gradient evaluation 200"),
        ("never", "this preset measures no curvature"),
    ] {
        let mut history = History::planned(&plan("kind = \"valley\"", probe_every));
        assert_eq!(said(&history, PanelKind::Trace).as_deref(), Some("waiting for the first run to start"));
        history.push(&start);
        history.push(&step);
        assert_eq!(said(&history, PanelKind::Trace).as_deref(), Some(expected));
        assert_eq!(said(&history, PanelKind::Gap).as_deref(), Some("first evaluation at step 50"));
        assert_eq!(said(&history, PanelKind::Loss), None, "there are minibatch losses");
    }
    let unplanned = history(std::slice::from_ref(&step));
    assert_eq!(said(&unplanned, PanelKind::Trace).as_deref(), Some("no data yet"));
    assert_eq!(panel(PanelKind::Loss, &[]).empty.as_deref(), Some("no run is shown"));
}

#[test]
fn a_log_x_axis_begins_at_the_first_step() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let view = View { x: XAxis::Step, x_scale: Scale::Log, ..View::default() };
    let panel = Panel::new(PanelKind::Loss, &runs, &view);
    assert_eq!((panel.x.low(), panel.x.high()), (1.0, 5000.0));
    assert_eq!(panel.x.scale(), Scale::Log);
}

#[test]
fn a_bound_names_its_ingredients() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let both = panel(PanelKind::Bound, &runs);
    assert_eq!(both.curves.iter().map(|curve| curve.emphasis).collect::<Vec<_>>(), {
        [[Emphasis::Faint; 4], [Emphasis::Normal; 4]].concat()
    });
    assert_eq!(both.notes[0], "log", "the zeros of the first step are not counted");
    let bound = session.runs[3].history.snapshots().bound.unwrap();
    let expected = format!("NSO: {}", text::ingredients(&bound));
    assert!(both.notes.contains(&expected) && both.notes.contains(&"faint: test loss".to_owned()), "{:?}", both.notes);
    let worth = |vacuous, exceeded| text::worth(&Bound { vacuous, exceeded, ..bound });
    assert_eq!(
        [worth(false, false), worth(true, false), worth(false, true)],
        ["", "vacuous, ", "below the test loss, "]
    );
    let bound = Bound {
        largest_trace: bound.largest_trace.times(97.5 / bound.largest_trace.mean),
        distance_from_init: 12.0,
        largest_loss: 1.9,
        examples: 4000,
        best_sigma: 0.0123,
        ..bound
    };
    assert_eq!(text::ingredients(&bound), "a 97.5, r 12.0, C 1.90, n 4,000, best σ .0123");
}

#[test]
fn the_layerwise_sum_is_shown_as_what_it_is() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let panel = panel(PanelKind::LambdaMax, &runs);
    let looks = |quantity| {
        let mut curves = panel.curves.iter().filter(move |curve| curve.quantity == Some(quantity));
        let found = curves.next().unwrap();
        (found.emphasis, found.form, 1 + curves.count())
    };
    assert_eq!(looks(Quantity::Layerwise), (Emphasis::Faint, Form::Line(Stroke::Dashed), 4));
    assert_eq!(looks(Quantity::AscentCurvature), (Emphasis::Faint, Form::Line(Stroke::Solid), 1));
    assert!(panel.notes.contains(&"dashed: layerwise, no eigenvalue".to_owned()));
}

#[test]
fn remarks_are_shown_whole_or_not_at_all() {
    let session = sample::session();
    let runs = session.plotted_runs();
    let panel = panel(PanelKind::Trace, &runs);
    let count = |text: &str| text.chars().count() as f64;
    let lines = |rooms: &[f64]| panel.notes_within(rooms, "  ", count);
    assert_eq!(lines(&[80.0]), ["log  dashed: smoothed Hessian  bars: ± 1 std. error"]);
    assert_eq!(lines(&[50.0]), ["log  dashed: smoothed Hessian"], "the last needs 51");
    assert_eq!(lines(&[26.0]), ["log  bars: ± 1 std. error"], "what fits is shown");
    assert_eq!(lines(&[26.0, 30.0]), ["log  bars: ± 1 std. error", "dashed: smoothed Hessian"]);
    assert_eq!(lines(&[2.0]), [""]);
}

/// Whatever a measurement declares has a curve in its panel: the first solid, the others in dashes and dots with a note.
#[test]
fn every_declared_quantity_has_a_curve_in_its_panel() {
    for &kind in PanelKind::VARIANTS {
        let declared: Vec<_> = DeclaredQuantity::shown_in(kind).collect();
        let Some(first) = declared.first() else { continue };
        let value = |quantity: &DeclaredQuantity| NamedEstimate {
            name: quantity.info().key.into(),
            estimate: Estimate::new(2.0, 0.5, 9),
        };
        let measured = Event::Measured(Box::new(Measured {
            at: at(3),
            measurement: first.measurement.info().key.into(),
            values: declared.iter().map(value).collect(),
            examples: 10,
            evaluations: 7,
            took: 0.1,
        }));
        let history = history(&[measured]);
        let runs = one(&history);
        let panel = panel(kind, &runs);
        assert_eq!((panel.title, panel.curves.len()), (first.info().title, declared.len()), "{kind:?}");
        let of_first = panel.curves.iter().find(|curve| curve.quantity == Some(Quantity::Declared(*first))).unwrap();
        assert_eq!(of_first.form, Form::Line(Stroke::Solid), "{kind:?}");
        for other in &declared[1..] {
            assert!(panel.notes.iter().any(|note| note == other.info().note), "{kind:?}: {:?}", panel.notes);
        }
        assert_eq!(history.last(Quantity::Declared(*first)).map(|point| point.error), Some(0.5));
    }
}

#[test]
fn every_kind_is_drawn_whatever_has_been_measured() {
    for session in [sample::session(), sample::session_until(0), sample::session_until(120)] {
        let runs = session.plotted_runs();
        for &kind in PanelKind::VARIANTS {
            for runs in [&runs[..], &runs[2..3], &[]] {
                let panel = panel(kind, runs);
                assert_eq!(panel.empty.is_some(), panel.curves.is_empty(), "{kind:?}");
            }
        }
    }
}

/// One run that explodes among others leaves them their axis; two runs are no majority.
#[test]
fn a_run_that_explodes_does_not_press_the_others_into_a_line() {
    let falls = history(&[1, 2, 3].map(|step| eval(step, loss(1.0 / step as f64))));
    let explodes = history(&[1, 2, 3].map(|step| eval(step, loss(1e17_f64.powf(step as f64 / 3.0)))));
    let run = |slot, history| PlottedRun { slot, name: "run", history };
    let runs = [run(0, &falls), run(1, &explodes), run(2, &falls), run(3, &falls)];
    let shown = panel(PanelKind::Loss, &runs);
    assert!(shown.y.high() < 1e4 && shown.y.low() < 0.4, "{:?}", shown.y);
    assert!(shown.notes.contains(&"clipped".to_owned()), "{:?}", shown.notes);
    assert!(panel(PanelKind::Loss, &runs[..2]).y.high() >= 1e17);
    let steady = panel(PanelKind::Loss, &[run(0, &falls), run(2, &falls), run(3, &falls)]);
    assert!(!steady.notes.contains(&"clipped".to_owned()), "{:?}", steady.notes);
}

fn loss(value: f64) -> Metrics {
    Metrics { train_loss: Some(value), ..Metrics::default() }
}

#[test]
fn a_test_error_says_of_how_many_examples_it_is() {
    let evaluated =
        history(&[eval(1, Metrics { test_accuracy: Some(0.9), train_accuracy: Some(1.0), ..Metrics::default() })]);
    let runs = one(&evaluated);
    let shown = panel(PanelKind::TestError, &runs);
    // sqrt(.1 * .9 / 1000) is .0095.
    assert!(shown.notes.contains(&"n 1,000, ± .9".to_owned()), "{:?}", shown.notes);
    assert_eq!(shown.y.scale(), Scale::Log);
}
