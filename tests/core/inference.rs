//! What the numbers may say: the right loss beside a trace, both errors of a trace, a bound that admits what it is worth, costs
//! that are counted whole, and schedules that are equal at equal cost.

use burn::tensor::{DType, Device};
use nso_tui::{
    autodiff::{read, values},
    data,
    figure::{History, Panel, PanelKind, PlottedRun, View},
    optimizer::{Categorical, Hyperparameter, Rule},
    problem::Examples,
    run::{Estimate, Event, Outcome, Plan, Probe, preset},
};

use crate::{
    common::vector,
    training::{plan, run, weights},
};

fn probes(events: &[Event]) -> Vec<&Probe> {
    events.iter().filter_map(|e| if let Event::Probe(p) = e { Some(p.as_ref()) } else { None }).collect()
}

/// The weights of mnist-mlp's SGD after 4,000 gradients fit every training digit (largest loss .0055) and are wrong about some test
/// digits (largest loss 18.6). A bound over training digits alone would be .137, below the test loss.
#[test]
fn a_bound_over_all_examples_says_that_it_is_vacuous() {
    let sets = [
        "train.evaluate_every=\"4000 gradients\"",
        "train.probe_every=\"4000 gradients\"",
        "train.probe_examples=400",
        "train.trace_probes=2",
        "train.lanczos_products=3",
        "train.measure=[\"bound\"]",
        "train.bound_examples=8",
    ];
    let (events, _) = run(&plan("mnist-mlp", &sets), "SGD");
    let bound = events.iter().rev().find_map(|e| if let Event::Bound(b) = e { Some(**b) } else { None }).unwrap();
    assert!((18.0..19.2).contains(&bound.largest_loss), "{bound:?}");
    assert_eq!((bound.examples, bound.held_out, bound.measured), (4000, 1000, 8));
    assert!(bound.vacuous && !bound.exceeded && bound.theorem > 10f64.ln(), "{bound:?}");
    assert!((bound.test_loss.unwrap() - 0.303).abs() < 0.01 && bound.train_loss < 0.001, "{bound:?}");

    let history: History = events.iter().collect();
    let runs = [PlottedRun { slot: 0, name: "SGD", history: &history }];
    let panel = Panel::new(PanelKind::Bound, &runs, &View::default());
    assert_eq!(panel.notes[0], "vacuous: SGD");
    assert!(panel.notes.iter().any(|note| note.starts_with("SGD: vacuous, a ")), "{:?}", panel.notes);
    assert_eq!(panel.guides.len(), 1);
    assert!((panel.guides[0].y - 10f64.ln()).abs() < 1e-12);
}

/// Evaluated once an epoch and measured every 30 gradients, NSO has its second measurement half an epoch after its last evaluation.
/// PyTorch's loss of these weights is .553; that of the evaluation is 2.315.
#[test]
fn a_trace_stands_at_the_loss_of_its_own_examples() {
    let sets = [
        "train.gradients=60",
        "train.evaluate_every=\"1 epoch\"",
        "train.probe_every=\"30 gradients\"",
        "train.trace_probes=2",
        "train.lanczos_products=3",
    ];
    let (events, _) = run(&plan("mnist-mlp", &sets), "NSO");
    let history: History = events.iter().collect();
    let runs = [PlottedRun { slot: 0, name: "NSO", history: &history }];
    let panel = Panel::new(PanelKind::TraceByLoss, &runs, &View::default());
    let losses: Vec<f64> = panel.curves[0].points.iter().map(|spot| spot.x).collect();
    assert_eq!(losses.len(), 3);
    assert!(losses.iter().any(|loss| (loss - 0.553).abs() < 0.001), "{losses:?}");
}

/// A log of before tells no loss of the sample: its measurements stand at the loss of an evaluation at the same step, and nowhere where
/// there was none.
#[test]
fn a_trace_without_a_loss_of_its_own_stands_nowhere() {
    let sets = ["train.gradients=60", "train.evaluate_every=\"1 epoch\"", "train.probe_every=\"30 gradients\""];
    let (mut events, _) = run(&plan("mnist-softmax", &sets), "NSO");
    for event in &mut events {
        if let Event::Probe(probe) = event {
            probe.loss = None;
        }
    }
    let history: History = events.iter().collect();
    let runs = [PlottedRun { slot: 0, name: "NSO", history: &history }];
    let panel = Panel::new(PanelKind::TraceByLoss, &runs, &View::default());
    // At the start and at the end everything is measured; in between there was no evaluation.
    assert_eq!(panel.curves[0].points.len(), 2);
}

/// Methods of every cost, with k up to 4, at a budget of 120 gradients.
fn of_every_cost() -> Vec<(&'static str, Option<u64>)> {
    let counted = ["wp-sgd", "nso"].into_iter().flat_map(|method| (1..=4).map(move |k| (method, Some(k))));
    let others = Rule::KEYS.into_iter().filter(|method| !["wp-sgd", "nso"].contains(method));
    let others = others.map(|method| (method, None));
    counted.chain(others).collect()
}

fn scheduled(method: &str, k: Option<u64>, schedule: &str, warmup: f64) -> Vec<(u64, f64)> {
    // Ten digits are epochs of five steps.
    let text = format!(
        "[problem]\nkind = \"mnist-softmax\"\ntrain_samples = 10\n[train]\ngradients = 120\nbatch = 2\nevaluate_every = \"1 step\"\nprobe_every = \"never\"\n\
         [[run]]\nname = \"a\"\nmethod = \"{method}\"\nlr = 0.001\nlr_schedule = \"{schedule}\"\nwarmup = {warmup:?}\n{}{}",
        k.map_or_else(String::new, |k| format!("k = {k}\n")),
        if schedule == "step" { "drop_every = 5\ngamma = 0.5\n" } else { "" },
    );
    let (events, _) = run(&preset::parse("t", &text, &[]).unwrap(), "a");
    let rates = events.iter().filter_map(|e| match e {
        Event::Eval { at, weight_stats, .. } => Some((at.gradients, weight_stats.lr_now.unwrap())),
        _ => None,
    });
    rates.collect()
}

/// A rate that some method has after so many gradients SGD has within one step of it, whatever the schedule.
#[test]
fn at_equal_cost_every_method_sees_one_learning_rate() {
    for schedule in Categorical::LrSchedule.words() {
        for warmup in [0.0, 3.5] {
            let sgd: Vec<f64> = scheduled("sgd", None, schedule, warmup).into_iter().map(|(_, lr)| lr).collect();
            for (method, k) in of_every_cost() {
                let rates = scheduled(method, k, schedule, warmup);
                let cost = rates[1].0 as usize;
                assert_eq!(rates.last().unwrap().0, 120 / cost as u64 * cost as u64);
                for (gradients, lr) in rates.into_iter().filter(|(gradients, _)| *gradients < 120) {
                    let at = usize::try_from(gradients).unwrap();
                    let near = &sgd[at..=(at + cost - 1).min(119)];
                    let (low, high) =
                        (near.iter().copied().fold(f64::MAX, f64::min), near.iter().copied().fold(0.0, f64::max));
                    assert!(
                        low * (1.0 - 1e-12) <= lr && lr <= high * (1.0 + 1e-12),
                        "{method} {k:?} {schedule} {warmup} at {gradients}: {lr} {near:?}"
                    );
                }
            }
        }
    }
}

/// The scale of growing noise likewise.
#[test]
fn at_equal_cost_noise_grows_alike() {
    let scales = |k: u64| -> Vec<(u64, f64)> {
        let k = format!("run.NSO.k={k}");
        let sets = [
            "problem.train_samples=40",
            "train.batch=4",
            "train.gradients=240",
            "train.evaluate_every=\"1 step\"",
            "train.probe_every=never",
            "run.NSO.sigma_schedule=linear",
            &k,
        ];
        let (events, _) = run(&plan("mnist-softmax", &sets), "NSO");
        let scales = events.iter().filter_map(|e| match e {
            Event::Eval { at, weight_stats, .. } => Some((at.gradients, weight_stats.sigma_now.unwrap())),
            _ => None,
        });
        scales.collect()
    };
    let cheap = scales(1);
    for k in 2..=4 {
        for (gradients, sigma) in scales(k) {
            let same = cheap.iter().find(|(at, _)| *at == gradients);
            assert_eq!(same.map(|(_, sigma)| *sigma), Some(sigma), "k {k} at {gradients}");
        }
    }
}

#[test]
fn a_step_that_does_not_fit_the_budget_is_not_taken() {
    let sets = ["train.gradients=61", "train.probe_every=never", "run.NSO.k=3"];
    let of = |name| {
        let (events, finished) = run(&plan("quadratic", &sets), name);
        let last =
            events.iter().rev().find_map(|e| if let Event::Eval { at, .. } = e { Some(at.gradients) } else { None });
        assert_eq!((finished.outcome, Some(finished.at.gradients)), (Outcome::Completed, last));
        (finished.at.gradients, finished.reason)
    };
    assert_eq!(of("SGD"), (61, None));
    assert_eq!(of("NSO"), (60, Some("60 of 61 gradient evaluations spent; the next step would cost 6".to_owned())));
    let error = preset::parse("t", &preset::find("quadratic").unwrap(), &["train.gradients=1".to_owned()]).unwrap_err();
    assert!(error.to_string().contains("train.gradients: 1 are fewer than the 2 of one step of SAM"), "{error}");
}

/// A step of NSO has no clean pass: batch normalisation takes a forward pass of its own, which is no gradient evaluation and is logged.
#[test]
fn forward_passes_of_batch_normalisation_are_counted() {
    let text = |norm: &str| {
        format!(
            "[problem]\nkind = \"fine-tune\"\nper_class = 2\nvalidation_share = 0\nbatch_norm = \"{norm}\"\n[train]\nsteps = 2\nbatch = 3\n\
             probe_every = \"never\"\n[[run]]\nname = \"SAM\"\nmethod = \"sam\"\n[[run]]\nname = \"NSO\"\nmethod = \"nso\"\n"
        )
    };
    let passes = |norm, name| {
        let (events, _) = run(&preset::parse("t", &text(norm), &[]).unwrap(), name);
        let last = events.iter().rev().find_map(|e| match e {
            Event::Eval { forward_passes, at, .. } => Some((*forward_passes, at.gradients)),
            _ => None,
        });
        last.unwrap()
    };
    assert_eq!((passes("batch", "SAM"), passes("batch", "NSO"), passes("stored", "NSO")), ((0, 4), (2, 4), (0, 4)));
}

/// Tr H of each example's loss for the perceptron x -> W2 relu(W1 x + b1) + b2 with p = softmax, in plain loops. Each layer is linear in its
/// own weights where the others stay, so its block is the Gauss-Newton one: (|h|^2 + 1) (1 - |p|^2) for the second layer, and for
/// the first (|x|^2 + 1) times the sum over active units u of the variance of W2[c, u] under p.
fn exact_traces(w: &[f64], digits: &data::Labelled) -> Vec<f64> {
    let (inputs, hidden, classes) = (784, 128, 10);
    let (w1, rest) = w.split_at(hidden * inputs);
    let (b1, rest) = rest.split_at(hidden);
    let (w2, b2) = rest.split_at(classes * hidden);
    let of = |x: &[f32]| {
        let x: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
        let dot = |row: &[f64], x: &[f64]| row.iter().zip(x).map(|(a, b)| a * b).sum::<f64>();
        let h: Vec<f64> = w1.chunks(inputs).zip(b1).map(|(row, b)| (dot(row, &x) + b).max(0.0)).collect();
        let logits: Vec<f64> = w2.chunks(hidden).zip(b2).map(|(row, b)| dot(row, &h) + b).collect();
        let top = logits.iter().copied().fold(f64::MIN, f64::max);
        let weights: Vec<f64> = logits.iter().map(|z| (z - top).exp()).collect();
        let p: Vec<f64> = weights.iter().map(|e| e / weights.iter().sum::<f64>()).collect();
        let second = (dot(&h, &h) + 1.0) * (1.0 - dot(&p, &p));
        let spread = |unit: usize| {
            let column: Vec<f64> = (0..classes).map(|class| w2[class * hidden + unit]).collect();
            let mean = dot(&p, &column);
            p.iter().zip(&column).map(|(p, w)| p * (w - mean).powi(2)).sum::<f64>()
        };
        let active: f64 = (0..hidden).filter(|&unit| h[unit] > 0.0).map(spread).sum();
        second + (dot(&x, &x) + 1.0) * active
    };
    digits.inputs.chunks(inputs).map(of).collect()
}

fn trained() -> (Plan, Vec<f64>) {
    let plan = plan("mnist-mlp", &["train.evaluate_every=\"4000 gradients\"", "train.probe_every=never"]);
    let finished = run(&plan, "SGD");
    let w = weights(&finished);
    (plan, w)
}

/// The trained perceptron's curvature lies in few of its digits. Intervals from 64 of them, 200 draws of the sample by seed, cover the
/// trace over all 4,000 in 90 to 98 % of cases, as 95 % intervals should; the choice of the examples is all of the error here.
#[test]
fn intervals_from_samples_of_examples_cover_the_whole_training_set() {
    let (plan, w) = trained();
    let digits = data::mnist::embedded().unwrap().train.normalised(&data::MNIST);
    let traces = exact_traces(&w, &digits);
    let truth = traces.iter().sum::<f64>() / 4000.0;
    let problem = plan.problem.build(1, &Device::flex()).unwrap();
    let (mut covered, mut errors, mut off) = (0, Vec::new(), Vec::new());
    for seed in 0..200 {
        let sample = problem.sample(64, seed);
        let parts: Vec<f64> =
            sample.chunks(4).map(|part| part.iter().map(|&at| traces[at]).sum::<f64>() / 4.0).collect();
        let mean = parts.iter().sum::<f64>() / 16.0;
        let error = Estimate::error_of_sampling(&parts, 64.0 / 4000.0);
        let interval = Estimate::new(mean, 0.0, 1000).sampled(error, 16).interval95.unwrap();
        covered += usize::from(interval.low <= truth && truth <= interval.high);
        errors.push(error);
        off.push((mean - truth).powi(2));
    }
    assert!((180..=196).contains(&covered), "{covered} of 200");
    // The reported error is the actual one, in the mean over the draws.
    let told = errors.iter().map(|error| error * error).sum::<f64>() / 200.0;
    let made = off.iter().sum::<f64>() / 200.0;
    assert!((0.7..1.4).contains(&(told / made)), "{told} {made}");
    assert!(made.sqrt() > 0.2 * truth, "{made} {truth}: a sample of 64 is far off here");
}

/// The program's own measurement on a sample: its trace is that of the sample's digits, its error over examples that of their exact
/// traces, up to what the probe vectors add.
#[test]
fn a_measurement_on_a_sample_has_both_errors() {
    let sets = [
        "train.gradients=200",
        "train.evaluate_every=\"200 gradients\"",
        "train.probe_every=\"200 gradients\"",
        "train.probe_examples=64",
        "train.trace_probes=150",
        "train.lanczos_products=3",
    ];
    let plan = plan("mnist-mlp", &sets);
    let finished = run(&plan, "SGD");
    let probe = probes(&finished.0).into_iter().next_back().unwrap();
    let digits = data::mnist::embedded().unwrap().train.normalised(&data::MNIST);
    let traces = exact_traces(&weights(&finished), &digits);
    let problem = plan.problem.build(1, &Device::flex()).unwrap();
    let sample = problem.sample(64, 1);
    let exact = sample.iter().map(|&at| traces[at]).sum::<f64>() / 64.0;
    assert!((probe.trace.mean - exact).abs() < 4.0 * probe.trace.std_error, "{:?} {exact}", probe.trace);
    let parts: Vec<f64> = sample.chunks(4).map(|part| part.iter().map(|&at| traces[at]).sum::<f64>() / 4.0).collect();
    let expected = Estimate::error_of_sampling(&parts, 64.0 / 4000.0);
    let told = probe.trace.examples_std_error.unwrap();
    assert!((told / expected - 1.0).abs() < 0.2, "{told} {expected}");
    let interval = probe.trace.interval95.unwrap();
    assert!(interval.low < probe.trace.mean - told && probe.trace.mean + told < interval.high, "{:?}", probe.trace);
    let w = vector(&weights(&finished), DType::F32);
    let loss = read(vec![problem.objective(Examples::Chosen(&sample)).loss(&w)])[0];
    assert!((probe.loss.unwrap() / loss - 1.0).abs() < 1e-5, "{:?} {loss}", probe.loss);

    let history: History = finished.0.iter().collect();
    let drawn = history.last(nso_tui::figure::Quantity::Trace).unwrap();
    assert_eq!(drawn.error, probe.trace.std_error.hypot(told));
}

#[test]
fn the_whole_training_set_has_no_error_of_sampling() {
    let sets = ["train.gradients=2", "train.trace_probes=6", "train.lanczos_products=3", "problem.train_samples=40"];
    for estimator in ["hutchinson", "hutch++"] {
        let estimator = format!("train.trace_estimator={estimator}");
        let (events, _) = run(&plan("mnist-softmax", &[&sets[..], &[&estimator]].concat()), "SGD");
        assert!(probes(&events).iter().all(|probe| probe.trace.examples_std_error == Some(0.0)));
    }
}

/// Sixty-four of 4,000 digits: six or seven of each class, other ones for another seed, the same for the same.
#[test]
fn a_sample_is_balanced_and_drawn_by_its_seed() {
    let problem = plan("mnist-softmax", &[]).problem.build(1, &Device::flex()).unwrap();
    let labels = data::mnist::embedded().unwrap().train.labels().to_vec();
    let sample = problem.sample(64, 1);
    let count = |part: &[usize], class| part.iter().filter(|&&at| labels[at] == class).count();
    assert!((0..10).all(|class| (6..=7).contains(&count(&sample, class))));
    let mut distinct = sample.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 64);
    // Any quarter of it is mixed alike.
    assert!(sample.chunks(16).all(|part| (0..10).all(|class| (1..=3).contains(&count(part, class)))));
    assert_eq!(sample, problem.sample(64, 1));
    assert!(problem.sample(64, 2).iter().filter(|at| sample.contains(at)).count() < 8);
    assert_eq!(problem.sample(5000, 1), (0..4000).collect::<Vec<_>>());
}

/// The paper's protocol: minibatches of 16, a mean over them. Softmax regression at w = 0 with a single weight tensor: the sum is the largest
/// eigenvalue of the minibatch, lambda_max(mean x x') / 10, found here by power iteration in plain loops.
#[test]
fn the_layerwise_number_is_a_mean_over_minibatches_of_sixteen() {
    let sets = [
        "problem.train_samples=40",
        "train.gradients=2",
        "train.measure=[\"lambda_layerwise\"]",
        "train.lanczos_products=400",
        "train.trace_probes=2",
    ];
    let (events, _) = run(&plan("mnist-softmax", &sets), "SGD");
    let found = probes(&events)[0].lambda_layerwise.unwrap();
    assert_eq!(found.batches, 2, "the last eight are no minibatch");
    let digits = data::mnist::embedded().unwrap().train.first(40).normalised(&data::MNIST);
    let largest = |batch: &[f32]| {
        let rows: Vec<&[f32]> = batch.chunks(784).collect();
        let mut v = vec![1.0; 784];
        let mut value = 0.0;
        for _ in 0..2000 {
            let dots: Vec<f64> =
                rows.iter().map(|x| x.iter().zip(&v).map(|(&x, v)| f64::from(x) * v).sum::<f64>()).collect();
            let image: Vec<f64> = (0..784)
                .map(|j| rows.iter().zip(&dots).map(|(x, dot)| f64::from(x[j]) * dot).sum::<f64>() / rows.len() as f64)
                .collect();
            value = image.iter().map(|x| x * x).sum::<f64>().sqrt();
            v = image.iter().map(|x| x / value).collect();
        }
        value / 10.0
    };
    let expected: Vec<f64> = digits.inputs.chunks(784 * 16).take(2).map(largest).collect();
    let mean = f64::midpoint(expected[0], expected[1]);
    assert!((found.value / mean - 1.0).abs() < 1e-3, "{found:?} {expected:?}");
    assert!((found.std_error / (0.5 * (expected[0] - expected[1]).abs()) - 1.0).abs() < 0.02, "{found:?} {expected:?}");
}

#[test]
fn a_change_that_makes_steps_too_dear_ends_the_run_within_its_budget() {
    let plan = plan("quadratic", &["train.gradients=40", "train.probe_every=never"]);
    let script = vec![(2, nso_tui::run::Command::Adjust { hyperparameter: Hyperparameter::K, value: 30.0 })];
    let (events, finished) = crate::training::run_scripted(&plan, "NSO", script);
    assert!(events.iter().any(|e| matches!(e, Event::Adjust { setting: Hyperparameter::K, .. })));
    assert!(finished.at.gradients <= 40, "{:?}", finished.at);
    assert_eq!(values(&finished.weights).len(), 2);
}
