//! A made-up session for tests: four methods on a classifier, noisy losses, curvature measurements with all that they may find, two changes, one
//! divergence.
//! Every number follows from formulas here, so that snapshots stay.

use super::{
    export::{Session, SessionRun},
    history::History,
};
use crate::{
    optimizer::{Hyperparameter, Hyperparameters},
    problem::Metrics,
    run::{
        Bound, Budget, Density, Eigenvalue, Estimate, Event, GapCurve, GapPoint, Layerwise, NamedEstimate, Outcome,
        Position, Probe, RunHeader, Sides, WeightStats,
    },
};

/// Training gradient evaluations that each run may spend.
const BUDGET: u64 = 4000;

/// How a made-up run goes.
struct Recipe {
    name: &'static str,
    method: &'static str,
    hyperparameters: &'static [(Hyperparameter, f64)],
    cost: u64,
    ends: Ends,
    /// Gradient evaluations after which the loss is NaN.
    diverges: Option<u64>,
    /// Changes to sigma.
    changes: &'static [SigmaChange],
}

/// What a run ends at.
struct Ends {
    gap: f64,
    trace: f64,
    lambda_max: f64,
}

/// A change to sigma after so many gradient evaluations.
struct SigmaChange {
    after: u64,
    from: f64,
    to: f64,
}

/// The session, as far as `spent` gradient evaluations.
pub(crate) fn session_until(spent: u64) -> Session {
    let recipes = [
        Recipe {
            name: "SGD",
            method: "sgd",
            hyperparameters: &[],
            cost: 1,
            ends: Ends { gap: 0.288, trace: 2.9, lambda_max: 60.0 },
            diverges: None,
            changes: &[],
        },
        Recipe {
            name: "WP-SGD",
            method: "wp-sgd",
            hyperparameters: &[(Hyperparameter::Sigma, 0.03), (Hyperparameter::K, 2.0)],
            cost: 2,
            ends: Ends { gap: 0.257, trace: 0.48, lambda_max: 8.0 },
            diverges: None,
            changes: &[],
        },
        Recipe {
            name: "SAM",
            method: "sam",
            hyperparameters: &[],
            cost: 2,
            ends: Ends { gap: 0.243, trace: 2.7, lambda_max: 40.0 },
            diverges: Some(2600),
            changes: &[],
        },
        Recipe {
            name: "NSO",
            method: "nso",
            hyperparameters: &[(Hyperparameter::Sigma, 0.02)],
            cost: 2,
            ends: Ends { gap: 0.259, trace: 1.66, lambda_max: 25.0 },
            diverges: None,
            changes: &[
                SigmaChange { after: 1000, from: 0.02, to: 0.03 },
                SigmaChange { after: 2200, from: 0.03, to: 0.02 },
            ],
        },
    ];
    let runs = recipes.into_iter().enumerate().map(|(slot, recipe)| {
        let events = events(slot, &recipe, spent.min(BUDGET));
        SessionRun {
            name: recipe.name.into(),
            history: events.iter().collect::<History>().in_unit(Some("nats")),
            events,
        }
    });
    Session { title: "MNIST digits, two-layer perceptron".into(), runs: runs.collect() }
}

/// The session when it is over.
pub(crate) fn session() -> Session {
    session_until(BUDGET)
}

/// A number in -1..1 that looks random.
fn noise(slot: usize, step: u64) -> f64 {
    let mut bits = step.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (slot as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits ^= bits >> 31;
    bits = bits.wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 29;
    (bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

fn events(slot: usize, recipe: &Recipe, spent: u64) -> Vec<Event> {
    let usual = [(Hyperparameter::Lr, 0.05), (Hyperparameter::Momentum, 0.9)];
    let hyperparameters = usual.iter().chain(recipe.hyperparameters);
    let plain = Hyperparameters::new(recipe.method).unwrap();
    let hyperparameters =
        hyperparameters.fold(plain, |sum, &(hyperparameter, value)| sum.with(hyperparameter, value).unwrap());
    let mut events = vec![Event::Start(RunHeader {
        run: recipe.name.into(),
        hyperparameters,
        seed: 1,
        device: "flex".into(),
        parameters: 101_770,
        budget: Budget::Gradients(BUDGET),
        steps_per_epoch: 32,
        probe_examples: 512,
        test_examples: 1_000,
        fork: None,
    })];
    for step in 0..=spent / recipe.cost {
        let gradients = step * recipe.cost;
        let progress = gradients as f64 / BUDGET as f64;
        let at = Position { step, gradients, seconds: gradients as f64 * 8e-3 };
        let clean = 2.3 * (-9.0 * progress).exp() + 0.004 * (1.0 + slot as f64);
        if recipe.diverges.is_some_and(|at| gradients >= at) {
            events.push(Event::Step { at, loss: f64::NAN });
            events.push(Event::Finish {
                outcome: Outcome::Diverged,
                at,
                reason: Some("the loss is NaN".into()),
                best_step: None,
            });
            return events;
        }
        if step > 0 {
            let loss = clean * (1.0 + 0.6 * noise(slot, step)) + 0.002;
            events.push(Event::Step { at, loss });
        }
        if let Some(&SigmaChange { from, to, .. }) = recipe.changes.iter().find(|change| change.after == gradients) {
            events.push(Event::Adjust { at, setting: Hyperparameter::Sigma, from, to });
        }
        if gradients.is_multiple_of(32) {
            let gap = recipe.ends.gap * (1.0 - (-4.0 * progress).exp()) + 0.004 * noise(slot + 7, step);
            let metrics = Metrics {
                train_loss: Some(clean),
                test_loss: Some(clean + gap),
                gap: Some(gap),
                train_accuracy: Some(1.0 - 0.9 * (-12.0 * progress).exp()),
                test_accuracy: Some(0.95 - 0.85 * (-10.0 * progress).exp()),
                ..Metrics::default()
            };
            events.push(Event::Eval {
                at,
                examples: 5000,
                forward_passes: 0,
                took: 0.01,
                metrics,
                weight_stats: weight_stats(slot, progress),
            });
        }
        let trace = recipe.ends.trace * (1.0 + 6.0 * (-5.0 * progress).exp());
        if gradients.is_multiple_of(200) {
            let top = recipe.ends.lambda_max * (0.3 + 0.7 * progress) * (1.0 + 0.05 * noise(slot + 13, step));
            let trace = trace * (1.0 + 0.05 * noise(slot + 11, step));
            let std_error = 0.04 * trace * (1.0 + 3.0 * (-5.0 * progress).exp());
            let probe = probe(at, Estimate::new(trace, std_error, 30), top);
            if gradients.is_multiple_of(1000) {
                events.push(Event::PerturbationGap(Box::new(gap(at, probe.trace))));
                events.push(Event::Bound(Box::new(bound(at, probe.trace.mean, weight_stats(slot, progress)))));
            }
            events.push(Event::Probe(Box::new(probe)));
        }
        if gradients.is_multiple_of(80) && gradients > 0 {
            let curvature = Curvature { trace, lambda_max: recipe.ends.lambda_max, luck: noise(slot + 17, step) };
            events.extend(from_steps(at, recipe.method, &curvature));
        }
    }
    if spent == BUDGET {
        let at = Position { step: spent / recipe.cost, gradients: spent, seconds: spent as f64 * 8e-3 };
        events.push(Event::Finish { outcome: Outcome::Completed, at, reason: None, best_step: None });
    }
    events
}

/// Where the weights are after that share of the budget.
fn weight_stats(slot: usize, progress: f64) -> WeightStats {
    let distance_from_init = (6.0 - slot as f64) * (1.0 - (-3.0 * progress).exp());
    WeightStats {
        weight_norm: Some(16.0_f64.hypot(distance_from_init)),
        distance_from_init: Some(distance_from_init),
        lr_now: Some(0.05),
        sigma_now: (slot % 2 == 1).then_some(0.02),
    }
}

/// A curvature measurement of everything, around a trace and a largest eigenvalue.
fn probe(at: Position, trace: Estimate, top: f64) -> Probe {
    let layers = [("fc1.weight", 0.82), ("fc1.bias", 0.03), ("fc2.weight", 0.14), ("fc2.bias", 0.01)];
    let layer = |(name, share): (&str, f64)| NamedEstimate {
        name: name.into(),
        estimate: Estimate { mean: share * trace.mean, std_error: 0.5 * share.sqrt() * trace.std_error, ..trace },
    };
    // A bulk at zero, a few eigenvalues apart, the largest among them.
    let nodes = [-0.04, -0.01, 0.0, 0.005, 0.02, 0.06, 0.12, 0.2, 0.45, 0.7, 1.0];
    let weights = [0.002, 0.05, 0.72, 0.18, 0.04, 0.004, 0.002, 0.001, 0.0005, 0.0003, 0.0002];
    let eigenvalue = |value: f64| Eigenvalue { value, residual: 1e-3 * value.abs(), products: 20 };
    Probe {
        lambda_min: Some(eigenvalue(-0.04 * top)),
        lambda_layerwise: Some(Layerwise {
            value: 1.6 * top,
            std_error: 0.1 * top,
            batches: 32,
            change: 1e-9,
            products: 40,
        }),
        layers: layers.map(layer).to_vec(),
        density: Some(Density {
            nodes: nodes.map(|node| node * top).to_vec(),
            weights: weights.to_vec(),
            starts: vec![1, 2, 1, 2, 1, 2, 1, 2, 1, 0, 0],
            trace: Some(trace),
            products: 80,
        }),
        loss: Some(0.01 * trace.mean),
        gradient_norm: Some(0.02 * trace.mean.sqrt()),
        examples: 512,
        took: 0.2,
        ..Probe::new(at, trace, eigenvalue(top))
    }
}

/// What noise of five scales does, a fifth more than the exact trace predicts and growing with the scale.
fn gap(at: Position, trace: Estimate) -> GapCurve {
    let point = |sigma: f64| {
        let smoothed = trace.mean * (1.2 + 8.0 * sigma);
        let gap = sigma * sigma / 2.0 * trace.mean * (1.2 + 5.0 * sigma);
        GapPoint {
            sigma,
            gap: Estimate::new(gap, 0.08 * gap, 20),
            smoothed_trace: Estimate::new(smoothed, 0.1 * smoothed, 20),
        }
    };
    let points = [0.02, 0.025, 0.03, 0.035, 0.04].map(point).to_vec();
    GapCurve { at, points, trace, evaluations: 200, took: 0.4 }
}

fn bound(at: Position, trace: f64, weight_stats: WeightStats) -> Bound {
    let distance_from_init = weight_stats.distance_from_init.unwrap_or(0.0);
    let (largest_trace, largest_loss, examples) = (20.0 * trace, 1.9, 4000);
    let theorem = (largest_loss * largest_trace * distance_from_init * distance_from_init / examples as f64).sqrt();
    Bound {
        at,
        largest_trace: Estimate::new(largest_trace, 0.05 * largest_trace, 30),
        distance_from_init,
        largest_loss,
        train_loss: 0.001,
        test_loss: Some(0.2),
        examples,
        held_out: 1000,
        measured: 32,
        theorem,
        code: theorem * largest_loss.sqrt(),
        epsilon: 1.0,
        bound: 2.0 * (0.001 + theorem),
        guessing_loss: Some(10f64.ln()),
        vacuous: 2.0 * (0.001 + theorem) > 10f64.ln(),
        exceeded: 2.0 * (0.001 + theorem) < 0.2,
        best_sigma: (2.0 * distance_from_init * (largest_loss / (2.0 * largest_trace * examples as f64)).sqrt()).sqrt(),
        products: 960,
        took: 0.5,
    }
}

/// The true curvature at a step, and a number in -1..1 that estimates of it are off by.
struct Curvature {
    trace: f64,
    lambda_max: f64,
    luck: f64,
}

/// What the steps of a method yield at no cost: antithetic pairs a trace of the smoothed Hessian, single perturbations one that scatters
/// below zero, ascents a curvature.
fn from_steps(at: Position, method: &str, curvature: &Curvature) -> Option<Event> {
    let &Curvature { trace, lambda_max: top, luck } = curvature;
    let smoothed =
        |sides, mean, std_error| Event::FreeTrace { at, sigma: 0.02, sides, trace: Estimate::new(mean, std_error, 40) };
    match method {
        "nso" => {
            let mean = 1.4 * trace * (1.0 + 0.1 * luck);
            Some(smoothed(Sides::TwoPoint, mean, 0.1 * mean))
        }
        "wp-sgd" => Some(smoothed(Sides::OnePoint, 1.4 * trace + 30.0 * luck, 16.0)),
        "sam" => Some(Event::AscentCurvature {
            at,
            curvature: Estimate::new(0.5 * top * (1.0 + 0.3 * luck), 0.06 * top, 40),
        }),
        _ => None,
    }
}
