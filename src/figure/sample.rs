//! A made-up session for tests: four methods on a classifier, noisy losses, probes with errors, two changes, one divergence.
//! Every number follows from formulas here, so that snapshots stay.

use super::{
    export::{Session, SessionRun},
    history::History,
};
use crate::{
    optimizer::{Hyperparameters, Knob},
    problem::Metrics,
    run::{Budget, Eigenvalue, Estimate, Event, Outcome, Place, Position, Probe, Sides, Start},
};

/// Training gradient evaluations that each run may spend.
const BUDGET: u64 = 4000;

/// How a made-up run goes.
struct Recipe {
    name: &'static str,
    method: &'static str,
    knobs: &'static [(Knob, f64)],
    cost: u64,
    /// Final generalization gap, trace and largest eigenvalue.
    ends: (f64, f64, f64),
    /// Gradient evaluations after which the loss is NaN.
    diverges: Option<u64>,
    /// (gradient evaluations, from, to) of changes to sigma.
    changes: &'static [(u64, f64, f64)],
}

/// The session, as far as `spent` gradient evaluations.
pub(crate) fn session_until(spent: u64) -> Session {
    let recipes = [
        Recipe {
            name: "SGD",
            method: "sgd",
            knobs: &[],
            cost: 1,
            ends: (0.288, 2.9, 60.0),
            diverges: None,
            changes: &[],
        },
        Recipe {
            name: "WP-SGD",
            method: "wp-sgd",
            knobs: &[(Knob::Sigma, 0.03), (Knob::K, 2.0)],
            cost: 2,
            ends: (0.257, 0.48, 8.0),
            diverges: None,
            changes: &[],
        },
        Recipe {
            name: "SAM",
            method: "sam",
            knobs: &[],
            cost: 2,
            ends: (0.243, 2.7, 40.0),
            diverges: Some(2600),
            changes: &[],
        },
        Recipe {
            name: "NSO",
            method: "nso",
            knobs: &[(Knob::Sigma, 0.02)],
            cost: 2,
            ends: (0.259, 1.66, 25.0),
            diverges: None,
            changes: &[(1000, 0.02, 0.03), (2200, 0.03, 0.02)],
        },
    ];
    let runs = recipes.into_iter().enumerate().map(|(slot, recipe)| {
        let events = events(slot, &recipe, spent.min(BUDGET));
        SessionRun { name: recipe.name.into(), history: events.iter().collect::<History>(), events }
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
    let usual = [(Knob::Lr, 0.05), (Knob::Momentum, 0.9)];
    let knobs = usual.iter().chain(recipe.knobs);
    let plain = Hyperparameters::new(recipe.method).unwrap();
    let hyperparameters = knobs.fold(plain, |sum, &(knob, value)| sum.with(knob, value).unwrap());
    let mut events = vec![Event::Start(Start {
        run: recipe.name.into(),
        hyperparameters,
        seed: 1,
        parameters: 101_770,
        budget: Budget::Gradients(BUDGET),
        steps_per_epoch: 32,
        probe_examples: 512,
    })];
    for step in 0..=spent / recipe.cost {
        let gradients = step * recipe.cost;
        let progress = gradients as f64 / BUDGET as f64;
        let seconds = gradients as f64 * 8e-3;
        let clean = 2.3 * (-9.0 * progress).exp() + 0.004 * (1.0 + slot as f64);
        if recipe.diverges.is_some_and(|at| gradients >= at) {
            events.push(Event::Step { step, gradients, loss: f64::NAN, seconds });
            events.push(Event::Finish {
                outcome: Outcome::Diverged,
                step,
                gradients,
                seconds,
                reason: Some("the loss is NaN".into()),
            });
            return events;
        }
        if step > 0 {
            let loss = clean * (1.0 + 0.6 * noise(slot, step)) + 0.002;
            events.push(Event::Step { step, gradients, loss, seconds });
        }
        if let Some(&(_, from, to)) = recipe.changes.iter().find(|change| change.0 == gradients) {
            events.push(Event::Adjust { step, gradients, seconds, setting: Knob::Sigma, from, to });
        }
        if gradients.is_multiple_of(32) {
            let gap = recipe.ends.0 * (1.0 - (-4.0 * progress).exp()) + 0.004 * noise(slot + 7, step);
            let metrics = Metrics {
                train_loss: Some(clean),
                test_loss: Some(clean + gap),
                gap: Some(gap),
                train_accuracy: Some(1.0 - 0.9 * (-12.0 * progress).exp()),
                test_accuracy: Some(0.95 - 0.85 * (-10.0 * progress).exp()),
                ..Metrics::default()
            };
            events.push(Event::Eval {
                step,
                gradients,
                seconds,
                examples: 5000,
                took: 0.01,
                metrics,
                place: Place::default(),
            });
        }
        if gradients.is_multiple_of(200) {
            let trace = recipe.ends.1 * (1.0 + 6.0 * (-5.0 * progress).exp()) * (1.0 + 0.05 * noise(slot + 11, step));
            let top = recipe.ends.2 * (0.3 + 0.7 * progress) * (1.0 + 0.05 * noise(slot + 13, step));
            let trace =
                Estimate { mean: trace, std_error: 0.04 * trace * (1.0 + 3.0 * (-5.0 * progress).exp()), probes: 30 };
            let lambda_max = Eigenvalue { value: top, residual: 1e-3 * top, products: 20 };
            let probe = Probe::new(Position { step, gradients, seconds }, trace, lambda_max);
            events.push(Event::Probe(Box::new(Probe { examples: 512, took: 0.2, ..probe })));
        }
        if gradients.is_multiple_of(80) && recipe.method == "nso" && gradients > 0 {
            let trace =
                1.4 * recipe.ends.1 * (1.0 + 6.0 * (-5.0 * progress).exp()) * (1.0 + 0.1 * noise(slot + 17, step));
            let estimate = Estimate { mean: trace, std_error: 0.1 * trace, probes: 40 };
            events.push(Event::FreeTrace {
                step,
                gradients,
                seconds,
                sigma: 0.02,
                sides: Sides::TwoPoint,
                trace: estimate,
            });
        }
    }
    if spent == BUDGET {
        let step = spent / recipe.cost;
        let seconds = spent as f64 * 8e-3;
        events.push(Event::Finish { outcome: Outcome::Completed, step, gradients: spent, seconds, reason: None });
    }
    events
}
