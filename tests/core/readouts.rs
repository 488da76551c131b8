//! What steps find on their way and at no cost: minibatch losses, traces of the smoothed Hessian, curvature along ascents.

use nso_tui::run::{Event, Sides};

use crate::{
    measurements::{SMALL, asked},
    training::run,
};

#[test]
fn traces_of_one_point_and_of_two_have_their_own_events_and_errors() {
    let sides = |name| {
        let (events, _) = run(&asked("one-sided", &[&SMALL]), name);
        let free = events.into_iter().filter_map(|e| match e {
            Event::FreeTrace { sides, sigma, trace, .. } => Some((sides, sigma, trace)),
            _ => None,
        });
        free.collect::<Vec<_>>()
    };
    let (one, two) = (sides("WP-SGD σ .003"), sides("NSO σ .003"));
    assert!(one.iter().all(|(sides, sigma, _)| *sides == Sides::OnePoint && *sigma == 0.003));
    assert!(two.iter().all(|(sides, sigma, _)| *sides == Sides::TwoPoint && *sigma == 0.003));
    // Both had 15 steps a window: 30 single perturbations against 15 pairs. At this scale |g| / sigma
    // is far above |H|_F.
    assert_eq!((one[0].2.samples, two[0].2.samples), (30, 15));
    assert!(one[0].2.std_error > 3.0 * two[0].2.std_error, "{:?} {:?}", one[0], two[0]);
}

/// On 1/2 h w^2 the curvature along any ascent is h.
#[test]
fn sam_measures_the_curvature_along_its_ascent() {
    let (events, _) =
        run(&asked("quadratic", &[&["train.gradients=40", "problem.h=[3.0]", "problem.start=[1.0]"]]), "SAM");
    let found: Vec<_> = events
        .iter()
        .filter_map(|e| if let Event::AscentCurvature { curvature, .. } = e { Some(*curvature) } else { None })
        .collect();
    assert!(found.len() > 2);
    assert!(found.iter().all(|curvature| (curvature.mean / 3.0 - 1.0).abs() < 1e-4), "{found:?}");
}

/// On a bowl of gradient zero there is no ascent and no curvature along it; before that there was.
#[test]
fn an_ascent_that_does_not_move_yields_no_curvature() {
    let sets =
        ["train.gradients=4000", "problem.h=[1.0]", "problem.start=[1.0]", "run.SAM.method=usam", "defaults.lr=0.9"];
    let (events, _) = run(&asked("quadratic", &[&sets]), "SAM");
    let found: Vec<_> =
        events
            .iter()
            .filter_map(|e| {
                if let Event::AscentCurvature { curvature, at } = e { Some((at.step, *curvature)) } else { None }
            })
            .collect();
    assert!(!found.is_empty() && found.last().unwrap().0 < 1500, "{found:?}");
    assert!(found[0].1.mean.is_finite() && found.iter().all(|(_, curvature)| curvature.mean.is_finite()), "{found:?}");
}

#[test]
fn a_schedule_of_sigma_is_one_window_between_two_evaluations() {
    let sets =
        ["train.steps=40", "train.evaluate_every=\"10 steps\"", "run.NSO.sigma_schedule=linear", "run.NSO.sigma=0.39"];
    let (events, _) = run(&asked("quadratic", &[&sets]), "NSO");
    let found: Vec<_> = events
        .iter()
        .filter_map(
            |e| if let Event::FreeTrace { sigma, trace, .. } = e { Some((*sigma, trace.samples)) } else { None },
        )
        .collect();
    // Steps 1 to 40 have sigma 0, .01, .02, ...; the first has no noise and yields no sample.
    let expected = [(0.05, 9), (0.145, 10), (0.245, 10), (0.345, 10)];
    assert_eq!(found.len(), 4, "{found:?}");
    for ((sigma, probes), (mean, count)) in found.into_iter().zip(expected) {
        assert!((sigma - mean).abs() < 1e-12 && probes == count, "{sigma} {mean} {probes}");
    }
}

/// The minibatch loss of a step is that of the smoothed labels; an evaluation has the clean loss. With a batch of the whole training set
/// the first step is at the weights of the first evaluation: the two losses are equal without smoothing and differ with it.
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
