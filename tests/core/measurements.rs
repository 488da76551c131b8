//! What a run measures when asked for more: that it is all there, that its parts agree, that it disturbs nothing.

use nso_tui::run::{Event, Plan, Sides, preset};

use crate::training::{plan, run, weights};

const SMALL: [&str; 7] = [
    "problem.train_samples=300",
    "problem.hidden=8",
    "train.gradients=60",
    "train.probe_every=\"30 gradients\"",
    "train.evaluate_every=\"30 gradients\"",
    "train.trace_probes=6",
    "train.probe_examples=200",
];

const EVERYTHING: [&str; 5] = [
    "train.measure=[\"lambda_min\", \"lambda_layerwise\", \"layers\", \"density\", \"perturbation_gap\", \"bound\"]",
    "train.gap_sigmas=[0.01, 0.05]",
    "train.gap_draws=5",
    "train.bound_examples=7",
    "train.density_steps=8",
];

fn asked(preset: &str, sets: &[&[&str]]) -> Plan {
    plan(preset, &sets.concat())
}

#[test]
fn everything_that_is_asked_for_is_measured_and_its_parts_agree() {
    let (events, _) = run(&asked("mnist-mlp", &[&SMALL, &EVERYTHING]), "SGD");
    let probes: Vec<_> =
        events.iter().filter_map(|e| if let Event::Probe(p) = e { Some(p.as_ref()) } else { None }).collect();
    assert_eq!(probes.len(), 3);
    for probe in &probes {
        let names: Vec<&str> = probe.layers.iter().map(|layer| layer.name.as_str()).collect();
        assert_eq!(names, ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]);
        let sum: f64 = probe.layers.iter().map(|layer| layer.trace.mean).sum();
        assert!((sum / probe.trace.mean - 1.0).abs() < 1e-5, "{sum} {}", probe.trace.mean);
        let (top, bottom) = (probe.lambda_max, probe.lambda_min.unwrap());
        assert!(bottom.value < top.value && probe.gradient_norm.unwrap() > 0.0);
        let layerwise = probe.lambda_layerwise.unwrap();
        assert!(layerwise.value > 0.5 * top.value && layerwise.value < 2.1 * top.value, "{layerwise:?} {top:?}");
        let density = probe.density.as_ref().unwrap();
        assert!((density.weights.iter().sum::<f64>() - 1.0).abs() < 1e-5);
        assert!(density.nodes.last().unwrap() <= &(top.value * 1.01 + top.residual), "{density:?} {top:?}");
        // A trace is p times the mean of the spectrum; both are estimates from a few vectors.
        let mean: f64 = density.nodes.iter().zip(&density.weights).map(|(node, weight)| node * weight).sum();
        let parameters = f64::from(784 * 8 + 8 + 8 * 10 + 10);
        assert!((parameters * mean / probe.trace.mean - 1.0).abs() < 0.5, "{} {}", parameters * mean, probe.trace.mean);
        let parts = probe.trace.probes + top.products + layerwise.products + density.products;
        assert_eq!(probe.products, parts);
        assert_eq!(top.products, bottom.products, "one search finds both");
    }
    let gaps: Vec<_> =
        events.iter().filter_map(|e| if let Event::PerturbationGap(g) = e { Some(g.as_ref()) } else { None }).collect();
    assert_eq!(gaps.len(), 3);
    for (gap, probe) in gaps.iter().zip(&probes) {
        assert_eq!(gap.points.iter().map(|point| point.sigma).collect::<Vec<_>>(), [0.01, 0.05]);
        assert_eq!((gap.trace, gap.evaluations, gap.step), (probe.trace, 20, probe.step));
        assert!(gap.points.iter().all(|point| point.gap.probes == 5 && point.smoothed_trace.mean.is_finite()));
    }
    let bounds: Vec<_> = events.iter().filter_map(|e| if let Event::Bound(b) = e { Some(**b) } else { None }).collect();
    assert_eq!(bounds.len(), 3);
    assert_eq!((bounds[0].travel, bounds[0].theorem, bounds[0].code), (0.0, 0.0, 0.0), "at the start");
    let last = bounds[2];
    assert_eq!((last.examples, last.measured, last.products), (300, 7, 42));
    let travelled =
        events.iter().rev().find_map(|e| if let Event::Eval { place, .. } = e { place.travel } else { None });
    assert_eq!(Some(last.travel), travelled);
    let squared = last.largest_loss * last.largest_trace * last.travel * last.travel / 300.0;
    assert!((last.theorem.powi(2) / squared - 1.0).abs() < 1e-12, "{last:?}");
    assert!((last.code / last.theorem / last.largest_loss.sqrt() - 1.0).abs() < 1e-12, "{last:?}");
    assert!(last.best_sigma > 0.0);
}

#[test]
fn measuring_everything_leaves_the_path_as_it_is() {
    let plain = run(&asked("mnist-mlp", &[&SMALL, &["train.probe_every=never"]]), "NSO");
    let measured = run(&asked("mnist-mlp", &[&SMALL, &EVERYTHING, &["train.trace_estimator=xtrace"]]), "NSO");
    assert!(weights(&plain) == weights(&measured));
}

#[test]
fn other_estimators_of_the_trace_agree_and_say_which_they_are() {
    let probe = |estimator: &str| {
        let set = format!("train.trace_estimator={estimator}");
        let (events, _) = run(&asked("mnist-mlp", &[&SMALL, &[&set, "train.trace_probes=40"]]), "SGD");
        events.into_iter().rev().find_map(|e| if let Event::Probe(p) = e { Some(*p) } else { None }).unwrap()
    };
    let plain = probe("hutchinson");
    for name in ["hutch++", "xtrace"] {
        let other = probe(name);
        assert_eq!(other.estimator.key(), name);
        let apart = (other.trace.mean - plain.trace.mean).abs();
        assert!(
            apart < 4.0 * other.trace.std_error.hypot(plain.trace.std_error),
            "{name}: {:?} {:?}",
            other.trace,
            plain.trace
        );
        assert!(other.trace.std_error < plain.trace.std_error, "{name}: {:?} {:?}", other.trace, plain.trace);
        assert!(other.layers.is_empty(), "nobody asked for the parts");
    }
}

#[test]
fn one_sided_and_two_point_traces_are_told_apart() {
    let sides = |name| {
        let (events, _) = run(&asked("one-sided", &[&SMALL]), name);
        let free = events.into_iter().filter_map(|e| match e {
            Event::FreeTrace { sides, sigma, trace, .. } => Some((sides, sigma, trace)),
            _ => None,
        });
        free.collect::<Vec<_>>()
    };
    let (one, two) = (sides("WP-SGD σ .003"), sides("NSO σ .003"));
    assert!(one.iter().all(|(sides, sigma, _)| *sides == Sides::OneSided && *sigma == 0.003));
    assert!(two.iter().all(|(sides, sigma, _)| *sides == Sides::TwoPoint && *sigma == 0.003));
    // Both had 15 steps a window: 30 single perturbations against 15 pairs. At this scale |g| / sigma
    // is far above |H|_F.
    assert_eq!((one[0].2.probes, two[0].2.probes), (30, 15));
    assert!(one[0].2.std_error > 3.0 * two[0].2.std_error, "{:?} {:?}", one[0], two[0]);
}

/// On 1/2 h w^2 the curvature along any ascent is h.
#[test]
fn sam_tells_the_curvature_along_its_ascent() {
    let (events, _) =
        run(&asked("quadratic", &[&["train.gradients=40", "problem.h=[3.0]", "problem.start=[1.0]"]]), "SAM");
    let told: Vec<_> = events
        .iter()
        .filter_map(|e| if let Event::AscentCurvature { curvature, .. } = e { Some(*curvature) } else { None })
        .collect();
    assert!(told.len() > 2);
    assert!(told.iter().all(|curvature| (curvature.mean / 3.0 - 1.0).abs() < 1e-4), "{told:?}");
}

/// Five steps, each an epoch: sigma 0, .005, .01, .015, .02; lr .1, .08, .06, .04, .02.
#[test]
fn schedules_are_told_as_they_are_used() {
    let text = r#"
title = "t"
[problem]
kind = "quadratic"
h = [1.0]
[train]
steps = 5
evaluate_every = "1 step"
probe_every = "never"
[[run]]
name = "a"
method = "nso"
sigma = 0.02
sigma_schedule = "linear"
lr = 0.1
lr_schedule = "linear"
"#;
    let (events, _) = run(&preset::parse("t", text, &[]).unwrap(), "a");
    let places: Vec<_> =
        events.iter().filter_map(|e| if let Event::Eval { place, .. } = e { Some(*place) } else { None }).collect();
    let close = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-12;
    for (step, place) in places.iter().take(5).enumerate() {
        assert!(close(place.sigma_now, 0.005 * step as f64), "{step}: {place:?}");
        assert!(close(place.lr_now, 0.1 - 0.02 * step as f64), "{step}: {place:?}");
    }
    // f = 1/2 w^2 from w = 1: each step multiplies w by 1 - lr, whatever the noise: .9 .92 .94 .96 .98.
    let w = 0.9 * 0.92 * 0.94 * 0.96 * 0.98;
    assert!((places[5].weight_norm.unwrap() / w - 1.0).abs() < 1e-6, "{:?}", places[5]);
    assert!((places[5].travel.unwrap() / (1.0 - w) - 1.0).abs() < 1e-6, "{:?}", places[5]);
}

#[test]
fn a_run_may_have_batches_of_its_own() {
    let plan = asked(
        "batch-size",
        &[&["problem.train_samples=256", "problem.hidden=4", "train.epochs=2", "train.probe_every=never"]],
    );
    for (name, steps) in [("SGD batch 32", 16), ("SGD batch 256", 2)] {
        let (_, finished) = run(&plan, name);
        assert_eq!(finished.at.step, steps, "{name}");
    }
}

/// With zero weights in the last layer all ten classes are equally likely, and smoothing changes nothing: log 10. Elsewhere the minibatch loss of
/// the first step is the smoothed one, which the clean loss of the same weights is not.
#[test]
fn smoothed_labels_are_what_label_smoothing_trains_on() {
    let first = |set: &str| {
        let (events, _) = run(&asked("methods", &[&SMALL, &["train.batch=300", set]]), "label smoothing");
        let clean =
            events.iter().find_map(|e| if let Event::Eval { metrics, .. } = e { metrics.train_loss } else { None });
        let seen = events.iter().find_map(|e| if let Event::Step { loss, .. } = e { Some(*loss) } else { None });
        (clean.unwrap(), seen.unwrap())
    };
    let (clean, plain) = first("run.label smoothing.smoothing=0");
    assert!((plain / clean - 1.0).abs() < 1e-5, "a batch of everything, not smoothed: {plain} {clean}");
    let (same, smoothed) = first("run.label smoothing.smoothing=1");
    assert_eq!(same, clean, "evaluation is clean");
    // Uniform labels: mean_c(-log p_c), at least log 10 by Jensen's inequality.
    assert!(smoothed > 10f64.ln() && (smoothed - clean).abs() > 1e-3, "{smoothed} {clean}");
}
