//! What a run measures when asked for more: that it is all there, that its parts agree, that it disturbs nothing.

use nso_tui::{
    curvature::Ingredients,
    data,
    optimizer::Hyperparameter,
    run::{Command, Estimate, Event, Plan, preset},
};

use crate::training::{plan, run, run_scripted, weights};

pub const SMALL: [&str; 7] = [
    "problem.train_samples=300",
    "problem.hidden=8",
    "train.gradients=60",
    "train.probe_every=\"30 gradients\"",
    "train.evaluate_every=\"30 gradients\"",
    "train.trace_probes=6",
    "train.probe_examples=200",
];

const EVERYTHING: [&str; 5] = [
    "train.measure=[\"lambda_min\", \"lambda_layerwise\", \"layers\", \"density\", \"perturbation_gap\", \"bound\", \"sharpness\", \"gradient_noise\"]",
    "train.gap_sigmas=[0.01, 0.05]",
    "train.gap_draws=5",
    "train.bound_examples=7",
    "train.density_steps=8",
];

pub fn asked(preset: &str, sets: &[&[&str]]) -> Plan {
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
        let sum: f64 = probe.layers.iter().map(|layer| layer.estimate.mean).sum();
        assert!((sum / probe.trace.mean - 1.0).abs() < 1e-5, "{sum} {}", probe.trace.mean);
        let (top, bottom) = (probe.lambda_max, probe.lambda_min.unwrap());
        assert!(bottom.value < top.value && probe.gradient_norm.unwrap() > 0.0);
        // A mean over minibatches of 16, each of which is sharper than all together.
        let layerwise = probe.lambda_layerwise.unwrap();
        assert!(layerwise.value > top.value && layerwise.std_error < layerwise.value, "{layerwise:?} {top:?}");
        assert_eq!(layerwise.batches, 12);
        let density = probe.density.as_ref().unwrap();
        assert!((density.weights.iter().sum::<f64>() - 1.0).abs() < 1e-5);
        assert!(density.nodes.last().unwrap() <= &(top.value * 1.01 + top.residual), "{density:?} {top:?}");
        assert_eq!(density.starts.last(), Some(&0), "λ max is pinned");
        assert!((density.nodes.last().unwrap() / top.value - 1.0).abs() < 1e-4, "{density:?} {top:?}");
        let parameters = f64::from(784 * 8 + 8 + 8 * 10 + 10);
        assert!((density.weights.last().unwrap() * parameters - 1.0).abs() < 1e-9);
        let spread = density.trace.unwrap();
        assert!(
            (spread.mean - probe.trace.mean).abs() < 5.0 * spread.std_error.hypot(probe.trace.std_error),
            "{spread:?}"
        );
        // A trace is p times the mean of the spectrum; both are estimates from a few vectors.
        let mean: f64 = density.nodes.iter().zip(&density.weights).map(|(node, weight)| node * weight).sum();
        assert!((parameters * mean / probe.trace.mean - 1.0).abs() < 0.5, "{} {}", parameters * mean, probe.trace.mean);
        let parts = probe.trace.samples + top.products + layerwise.products + density.products;
        assert_eq!(probe.products, parts);
        assert_eq!(top.products, bottom.products, "one search finds both");
    }
    let gaps: Vec<_> =
        events.iter().filter_map(|e| if let Event::PerturbationGap(g) = e { Some(g.as_ref()) } else { None }).collect();
    assert_eq!(gaps.len(), 3);
    for (gap, probe) in gaps.iter().zip(&probes) {
        assert_eq!(gap.points.iter().map(|point| point.sigma).collect::<Vec<_>>(), [0.01, 0.05]);
        assert_eq!((gap.trace, gap.evaluations, gap.at.step), (probe.trace, 20, probe.at.step));
        assert!(gap.points.iter().all(|point| point.gap.samples == 5 && point.smoothed_trace.mean.is_finite()));
    }
    // 200 examples in 64 parts are 3 a part, and 8 are left out.
    for (key, examples, evaluations) in [("sharpness", 200, 53), ("gradient_noise", 64 * 3, 65)] {
        let found = events.iter().filter_map(|e| match e {
            Event::Measured(found) if found.measurement == key => Some((found.examples, found.evaluations)),
            _ => None,
        });
        assert_eq!(found.collect::<Vec<_>>(), [(examples, evaluations); 3], "{key}");
    }
    let bounds: Vec<_> = events.iter().filter_map(|e| if let Event::Bound(b) = e { Some(**b) } else { None }).collect();
    assert_eq!(bounds.len(), 3);
    assert_eq!((bounds[0].distance_from_init, bounds[0].theorem, bounds[0].code), (0.0, 0.0, 0.0), "at the start");
    let last = bounds[2];
    assert_eq!((last.examples, last.measured), (300, 7));
    assert!(last.products <= 7 * 30 && last.products > 7 * 20, "{last:?}");
    let travelled = events
        .iter()
        .rev()
        .find_map(|e| if let Event::Eval { weight_stats, .. } = e { weight_stats.distance_from_init } else { None });
    assert_eq!(Some(last.distance_from_init), travelled);
    // The formulas are held against worked values where they are written; here they are given what the event says.
    let ingredients = Ingredients {
        trace: last.largest_trace.mean,
        distance: last.distance_from_init,
        largest_loss: last.largest_loss,
        examples: last.examples,
    };
    assert_eq!((last.theorem, last.code), (ingredients.theorem(), ingredients.code()));
    assert_eq!(last.best_sigma, ingredients.best_sigma(1.0));
    assert!(last.best_sigma > 0.0 && last.train_loss < last.largest_loss && last.bound > 2.0 * last.train_loss);
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

/// Five steps, each an epoch: sigma 0, .005, .01, .015, .02; lr .1, .08, .06, .04, .02.
#[test]
fn evaluations_report_scheduled_values_as_the_next_step_uses_them() {
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
    let stats: Vec<_> = events
        .iter()
        .filter_map(|e| if let Event::Eval { weight_stats, .. } = e { Some(*weight_stats) } else { None })
        .collect();
    let close = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-12;
    for (step, weight_stats) in stats.iter().take(5).enumerate() {
        assert!(close(weight_stats.sigma_now, 0.005 * step as f64), "{step}: {weight_stats:?}");
        assert!(close(weight_stats.lr_now, 0.1 - 0.02 * step as f64), "{step}: {weight_stats:?}");
    }
    // f = 1/2 w^2 from w = 1: each step multiplies w by 1 - lr, whatever the noise: .9 .92 .94 .96 .98.
    let w = 0.9 * 0.92 * 0.94 * 0.96 * 0.98;
    assert!((stats[5].weight_norm.unwrap() / w - 1.0).abs() < 1e-6, "{:?}", stats[5]);
    assert!((stats[5].distance_from_init.unwrap() / (1.0 - w) - 1.0).abs() < 1e-6, "{:?}", stats[5]);
}

#[test]
fn a_run_may_have_batches_of_its_own() {
    let plan = asked(
        "batch-size",
        &[&["problem.train_samples=256", "problem.hidden=4", "train.epochs=2", "train.probe_every=never"]],
    );
    for (name, steps) in [("SAM batch 8", 64), ("NSO batch 64", 8)] {
        let (_, finished) = run(&plan, name);
        assert_eq!(finished.at.step, steps, "{name}");
    }
}

/// Softmax regression at w = 0 has p_c = 1/K for every class: each example's loss is log K, its Hessian (I - 11'/K)/K (x) x x', of trace
/// (1 - 1/K) |x|^2.
#[test]
fn the_ingredients_of_the_bound_are_those_of_softmax_regression_at_zero() {
    let sets = ["problem.train_samples=60", "train.gradients=2", "train.probe_every=\"1 gradient\""];
    let bound = ["train.measure=[\"bound\"]", "train.bound_examples=60"];
    let (events, _) = run(&asked("mnist-softmax", &[&sets, &bound]), "SGD");
    // All losses are equal: the half of largest loss are the first 30, the other half lies evenly among the other 1,030.
    let first = events.iter().find_map(|e| if let Event::Bound(b) = e { Some(**b) } else { None }).unwrap();
    assert!(
        (first.largest_loss - 10f64.ln()).abs() < 1e-5 && (first.train_loss - 10f64.ln()).abs() < 1e-5,
        "{first:?}"
    );
    let data::ImageSplits { train, test } = data::mnist::embedded().unwrap();
    let [train, test] = [train.first(60), test].map(|images| images.normalised(&data::MNIST).inputs);
    let all = [train, test].concat();
    let square = |at: usize| all[at * 784..][..784].iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
    let chosen = (0..30).chain((0..30).map(|place| 30 + place * 1030 / 30));
    let expected = 0.9 * chosen.map(square).fold(0.0, f64::max);
    assert!((first.largest_trace.mean / expected - 1.0).abs() < 1e-4, "{first:?} {expected}");
    assert!(first.largest_trace.std_error < 1e-4 * expected && first.measured == 60);
    // At the initial weights the bound is (1 + e) L_train, e = 1: 2 log 10, twice the loss of guessing.
    assert!((first.bound - 4.605_170).abs() < 1e-5 && first.vacuous && !first.exceeded, "{first:?}");
    assert!((first.guessing_loss.unwrap() - std::f64::consts::LN_10).abs() < 1e-6, "{first:?}");
}

#[test]
fn a_dearer_step_makes_no_schedule_jump() {
    let sets = [
        "train.gradients=400",
        "train.evaluate_every=\"1 step\"",
        "train.probe_every=never",
        "run.NSO.lr_schedule=cosine",
    ];
    let plan = asked("quadratic", &[&sets]);
    let script = vec![(120, Command::Adjust { hyperparameter: Hyperparameter::K, value: 8.0 })];
    let (events, _) = run_scripted(&plan, "NSO", script);
    let rates: Vec<f64> = events
        .iter()
        .filter_map(|e| if let Event::Eval { weight_stats, .. } = e { weight_stats.lr_now } else { None })
        .collect();
    let adjusted = events.iter().any(|e| matches!(e, Event::Adjust { setting: Hyperparameter::K, .. }));
    assert!(adjusted && rates.len() > 60 && rates.is_sorted_by(|a, b| a >= b), "{rates:?}");
    // Sixteen evaluations of 400 a step at the steepest place of the cosine: pi/2 * .04 of the whole.
    assert!(rates.windows(2).all(|pair| pair[0] - pair[1] < 0.07 * rates[0]), "{rates:?}");
    assert!(rates.last().unwrap() < &(0.01 * rates[0]), "it ends where it should: {rates:?}");
}

#[test]
fn the_precision_of_bsam_is_set_at_the_start_only() {
    let plan = asked("quadratic", &[&["run.SGD.method=bsam", "defaults.lr=0.05"]]);
    let script = vec![(60, Command::Adjust { hyperparameter: Hyperparameter::Precision, value: 4.0 })];
    let (events, _) = run_scripted(&plan, "SGD", script);
    let reason =
        events.iter().find_map(|e| if let Event::Reject { reason, .. } = e { Some(reason.clone()) } else { None });
    assert!(reason.unwrap().contains("acts at the start of a run only"));
}

/// The spectrum of a quadratic is given: both ends at every probe, whatever the vectors kept from the last one.
#[test]
fn both_ends_are_found_again_from_the_last_vectors() {
    let h = "problem.h=[3.0, 0.5, 0.4, 0.3, -0.2, 0.1, 0.05]";
    let sets = [
        h,
        "problem.start=[1, 1, 1, 1, 0, 1, 1]",
        "train.gradients=40",
        "train.probe_every=\"8 gradients\"",
        "defaults.lr=0.1",
    ];
    let (events, _) = run(&asked("quadratic", &[&sets, &["train.measure=[\"lambda_min\", \"density\"]"]]), "SGD");
    let probes: Vec<_> =
        events.iter().filter_map(|e| if let Event::Probe(p) = e { Some(p.as_ref()) } else { None }).collect();
    assert!(probes.len() > 4);
    for probe in probes {
        assert!((probe.lambda_max.value - 3.0).abs() < 1e-5, "{probe:?}");
        assert!((probe.lambda_min.unwrap().value + 0.2).abs() < 1e-5, "{probe:?}");
        assert!(probe.layers.is_empty() && probe.lambda_layerwise.is_none());
    }
}

/// The numbers of the first event of a measurement, by their names.
fn first_measured(events: &[Event], key: &str) -> Vec<(String, Estimate)> {
    let found = events.iter().find_map(|e| match e {
        Event::Measured(found) if found.measurement == key => Some(found.values.clone()),
        _ => None,
    });
    found.unwrap().into_iter().map(|value| (value.name, value.estimate)).collect()
}

/// f = 1/2 (3 w1^2 + .5 w2^2) at w = (1, 1): g = (3, .5), and one ascent step raises f by rho |g| + rho^2 g'Hg/(2 |g|^2). The average over
/// a circle is rho^2 (3 + .5)/4.
#[test]
fn the_sharpness_of_a_quadratic_has_its_closed_form() {
    let sets = [
        "problem.h=[3.0, 0.5]",
        "problem.start=[1.0, 1.0]",
        "train.gradients=2",
        "train.measure=[\"sharpness\"]",
        "train.sharpness_rho=0.1",
        "train.sharpness_draws=200",
    ];
    let (events, _) = run(&asked("quadratic", &[&sets]), "SGD");
    let found = first_measured(&events, "sharpness");
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["sharpness", "sharpness_one_step", "sharpness_average"]);
    let [worst, one_step, average] = [0, 1, 2].map(|index| found[index].1);
    let expected = 0.1 * 9.25f64.sqrt() + 0.01 * 27.125 / (2.0 * 9.25);
    assert!((one_step.mean / expected - 1.0).abs() < 1e-4, "{one_step:?} {expected}");
    assert!(worst.mean >= one_step.mean && worst.mean < 1.01 * one_step.mean, "{worst:?} {one_step:?}");
    assert!((average.mean - 0.01 * 3.5 / 4.0).abs() < 4.0 * average.std_error, "{average:?}");
    assert_eq!(average.samples, 200);
}

/// Softmax regression at w = 0 has the gradient (1/K - y) x' for each example: its squared norm is (1 - 1/K) |x|^2, and the mean's is
/// taken by plain loops. All 60 examples singly, so without an error.
#[test]
fn the_gradient_noise_of_softmax_regression_at_zero_is_that_of_its_examples() {
    let sets = ["problem.train_samples=60", "train.gradients=2", "train.measure=[\"gradient_noise\"]"];
    let (events, _) = run(&asked("mnist-softmax", &[&sets]), "SGD");
    let found = first_measured(&events, "gradient_noise");
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["gradient_noise_scale", "gradient_covariance_trace", "squared_gradient_norm"]);
    let train = data::mnist::embedded().unwrap().train.first(60).normalised(&data::MNIST);
    let mut mean = vec![0.0; 7840];
    let mut squares = 0.0;
    for (x, &label) in train.inputs.chunks(784).zip(&train.labels) {
        squares += 0.9 * x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 60.0;
        for (at, mean) in mean.iter_mut().enumerate() {
            let pull = 0.1 - f64::from(u8::from(at / 784 == label as usize));
            *mean += pull * f64::from(x[at % 784]) / 60.0;
        }
    }
    let square: f64 = mean.iter().map(|m| m * m).sum();
    let trace = (squares - square) * 60.0 / 59.0;
    for ((name, found), expected) in found.iter().zip([trace / square, trace, square]) {
        assert!((found.mean / expected - 1.0).abs() < 1e-4, "{name}: {found:?} {expected}");
        assert_eq!((found.std_error, found.samples), (0.0, 60), "{name}: nothing is left out");
    }
}

/// On tanh units an example's Hessian trace may well be negative. The largest is at least the mean, and the bound is a number, though it be
/// measured on a single example.
#[test]
fn the_largest_trace_of_examples_is_not_below_their_mean() {
    let sets = ["problem.activation=tanh", "problem.hidden=8", "train.measure=[\"bound\"]", "train.bound_examples=1"];
    let (events, _) = run(&asked("mnist-mlp", &[&SMALL, &sets, &["train.gradients=600"]]), "SGD");
    let traces = events.iter().filter_map(|e| if let Event::Probe(p) = e { Some(p.trace.mean) } else { None });
    let bounds: Vec<_> = events.iter().filter_map(|e| if let Event::Bound(b) = e { Some(**b) } else { None }).collect();
    assert!(bounds.len() > 10);
    for (bound, mean) in bounds.iter().zip(traces) {
        assert!(bound.largest_trace.mean >= mean && bound.largest_trace.mean > 0.0, "{bound:?} {mean}");
        assert!(bound.theorem >= 0.0 && bound.best_sigma >= 0.0 && bound.bound.is_finite(), "{bound:?}");
    }
}
