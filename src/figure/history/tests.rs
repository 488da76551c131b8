//! The fold, event by event.

use super::{super::sample, *};
use crate::{
    optimizer::{Categorical, Hyperparameter},
    run::{Event, Interval, Metrics, WeightStats},
};

fn nso() -> Vec<Event> {
    sample::session().runs.swap_remove(3).events
}

#[test]
fn a_run_is_what_its_events_say() {
    let history: History = nso().iter().collect();
    assert_eq!(history.state(), &RunState::Completed);
    assert_eq!(history.now().gradients, 4000);
    assert_eq!(history.series(Quantity::StepLoss).len(), 2000);
    assert_eq!(history.series(Quantity::Trace).len(), 21);
    assert!(history.series(Quantity::Distance).is_empty());
    let probe = history.last(Quantity::LambdaMax).unwrap();
    assert_eq!((probe.at.step, probe.error), (2000, 1e-3 * probe.value));
    let changes: Vec<_> = history
        .changes()
        .iter()
        .map(|change| (change.hyperparameter, change.from, change.to, change.at.step))
        .collect();
    assert_eq!(changes, [(Hyperparameter::Sigma, 0.02, 0.03, 500), (Hyperparameter::Sigma, 0.03, 0.02, 1100)]);
}

/// What no step used is no change.
#[test]
fn changes_between_two_steps_are_one() {
    let mut history: History = nso().iter().take(20).collect();
    let adjust = |step, from, to| Event::Adjust {
        at: Position { step, gradients: 2 * step, seconds: 1.0 },
        setting: Hyperparameter::Sigma,
        from,
        to,
    };
    for (from, to) in [(0.02, 0.03), (0.03, 0.05), (0.05, 0.15)] {
        history.push(&adjust(11, from, to));
    }
    let changes = |history: &History| -> Vec<_> {
        history.changes().iter().map(|change| (change.at.step, change.from, change.to)).collect()
    };
    assert_eq!(changes(&history), [(11, 0.02, 0.15)]);
    history.push(&adjust(12, 0.15, 0.2));
    assert_eq!(changes(&history), [(11, 0.02, 0.15), (12, 0.15, 0.2)]);
    history.push(&adjust(12, 0.2, 0.15));
    assert_eq!(changes(&history), [(11, 0.02, 0.15)], "a change that was taken back");
}

#[test]
fn hyperparameters_are_as_the_last_change_left_them() {
    let upto = |gradients| sample::session_until(gradients).runs.swap_remove(3).history;
    assert_eq!(
        upto(900).hyperparameters().and_then(|hyperparameters| hyperparameters.get(Hyperparameter::Sigma)),
        Some(0.02)
    );
    assert_eq!(
        upto(1500).hyperparameters().and_then(|hyperparameters| hyperparameters.get(Hyperparameter::Sigma)),
        Some(0.03)
    );
    // The start stays what it was.
    assert_eq!(upto(1500).start().and_then(|start| start.hyperparameters.get(Hyperparameter::Sigma)), Some(0.02));
}

#[test]
fn a_restart_begins_anew() {
    let events = nso();
    let mut history: History = events.iter().collect();
    history.push(&events[0]);
    assert_eq!(history.state(), &RunState::Running);
    assert_eq!(history.now(), Position::default());
    assert!(Quantity::all().all(|quantity| history.series(quantity).is_empty()));
    assert!(history.changes().is_empty());
    assert_eq!(history.progress(), 0.0);
}

#[test]
fn a_diverged_run_says_when_and_why() {
    let history = sample::session().runs.swap_remove(2).history;
    assert_eq!(history.state(), &RunState::Diverged { step: 1300, reason: "the loss is NaN".into() });
    assert!(history.state().is_over());
    assert!(history.last(Quantity::StepLoss).unwrap().value.is_nan());
}

#[test]
fn pausing_and_resuming_show_and_a_paused_run_has_no_eta() {
    let mut history = sample::session_until(2000).runs.swap_remove(0).history;
    assert!(history.eta_seconds().is_some());
    history.push(&Event::Pause { step: 2000 });
    assert_eq!((history.state(), history.eta_seconds()), (&RunState::Paused, None));
    history.push(&Event::Resume { step: 2000 });
    assert_eq!(history.state(), &RunState::Running);
    assert_eq!(History::new().eta_seconds(), None);
}

#[test]
fn progress_and_time_left_follow_the_budget() {
    // 8 ms a gradient evaluation, 4,000 to spend.
    for (slot, spent) in [(0, 1000), (3, 1000), (0, 3000)] {
        let history = sample::session_until(spent).runs.swap_remove(slot).history;
        assert_eq!(history.progress(), spent as f64 / 4000.0);
        let left = history.eta_seconds().unwrap();
        assert!((left - 8e-3 * (4000 - spent) as f64).abs() < 0.05, "{left} s left after {spent}");
    }
}

#[test]
fn the_time_left_follows_the_pace_of_late() {
    let mut events: Vec<Event> = nso().into_iter().take(1).collect();
    let at = |step, seconds| Position { step, gradients: step, seconds };
    // Ten seconds at one evaluation a second, then thirty at ten: 310 of 4,000 are spent.
    events.extend((1..=10).map(|step| Event::Step { at: at(step, step as f64), loss: 1.0 }));
    events.extend((11..=310).map(|step| Event::Step { at: at(step, 10.0 + (step - 10) as f64 / 10.0), loss: 1.0 }));
    let left = events.iter().collect::<History>().eta_seconds().unwrap();
    assert!((left - 369.0).abs() < 1.0, "{left} s");
}

#[test]
fn a_completed_run_says_what_it_leaves_of_its_budget() {
    let mut events = nso();
    let left = "3,999 of 4,000 gradient evaluations spent; the next step would cost 2";
    let Some(Event::Finish { reason, .. }) = events.last_mut() else { panic!("a run ends with its finish") };
    *reason = Some(left.into());
    let mut history: History = events.iter().collect();
    assert_eq!((history.state(), history.end_reason()), (&RunState::Completed, Some(left)));
    history.push(&events[0]);
    assert_eq!(history.end_reason(), None, "that was another attempt");
}

#[test]
fn the_interval_of_a_trace_is_kept_beside_it() {
    let mut events = nso();
    let probe = events.iter_mut().rev().find_map(|event| match event {
        Event::Probe(probe) => Some(probe),
        _ => None,
    });
    probe.unwrap().trace.interval95 = Some(Interval { low: 1.5, high: 2.5 });
    let history: History = events.iter().collect();
    let ends = [Quantity::TraceLow, Quantity::TraceHigh].map(|quantity| history.last(quantity).unwrap());
    assert_eq!(ends.map(|end| end.value), [1.5, 2.5]);
    assert_eq!(ends[0].at, history.last(Quantity::Trace).unwrap().at);
}

#[test]
fn a_refusal_is_shown_until_that_hyperparameter_is_changed() {
    let mut history: History = nso().iter().take(20).collect();
    history.push(&Event::Reject { step: 10, setting: Hyperparameter::Sigma, value: -1.0, reason: "too small".into() });
    assert_eq!(history.rejection().map(|rejection| rejection.reason.as_str()), Some("too small"));
    let adjust = |setting| Event::Adjust {
        at: Position { step: 11, gradients: 22, seconds: 1.0 },
        setting,
        from: 0.05,
        to: 0.07,
    };
    history.push(&adjust(Hyperparameter::Lr));
    assert!(history.rejection().is_some());
    history.push(&adjust(Hyperparameter::Sigma));
    assert_eq!(history.rejection(), None);
}

#[test]
fn a_log_that_lost_its_beginning_still_has_its_curves() {
    let history: History = nso().iter().skip(5).collect();
    assert_eq!(history.state(), &RunState::Completed);
    assert!(history.start().is_none());
    assert!(history.series(Quantity::StepLoss).len() > 1990);
    assert_eq!(history.edge_of_stability(), None);
}

#[test]
fn the_edge_of_stability_follows_the_hyperparameters() {
    let mut history: History = nso().iter().take(3).collect();
    let near = |expected: f64, found: Option<f64>| assert!((found.unwrap() - expected).abs() < 1e-9, "{found:?}");
    near(2.0 * 1.9 / 0.05, history.edge_of_stability());
    history.push(&Event::Adjust {
        at: Position { step: 1, gradients: 2, seconds: 1.0 },
        setting: Hyperparameter::Lr,
        from: 0.05,
        to: 0.1,
    });
    near(2.0 * 1.9 / 0.1, history.edge_of_stability());
}

/// Under a schedule the learning rate is that of the newest evaluation, but for the zero that a schedule may end at; only SGD has an
/// edge of stability.
#[test]
fn the_edge_of_stability_follows_a_schedule() {
    let begin = |update: &str| {
        let mut history = History::new();
        let mut events = nso();
        let Event::Start(start) = &mut events[0] else { panic!("a run begins with its start") };
        let chosen = start.hyperparameters.choose(Categorical::BaseOptimizer, update).unwrap();
        start.hyperparameters = chosen.choose(Categorical::LrSchedule, "cosine").unwrap();
        history.push(&events[0]);
        history
    };
    let evaluated = |lr: f64| Event::Eval {
        at: Position { step: 10, gradients: 20, seconds: 1.0 },
        examples: 0,
        forward_passes: 0,
        took: 0.0,
        metrics: Metrics::default(),
        weight_stats: WeightStats { lr_now: Some(lr), ..WeightStats::default() },
    };
    let mut history = begin("sgd");
    assert_eq!(history.edge_of_stability(), None, "there is no evaluation");
    for (lr, expected) in [(0.05, 76.0), (0.02, 190.0), (0.0, 190.0)] {
        history.push(&evaluated(lr));
        assert!((history.edge_of_stability().unwrap() - expected).abs() < 1e-9, "{lr}");
    }
    let mut adam = begin("adam");
    adam.push(&evaluated(0.05));
    assert_eq!(adam.edge_of_stability(), None);
}

#[test]
fn a_run_seems_diverged_once_its_loss_is_ten_times_what_it_began_with() {
    let evaluated = |step, loss| Event::Eval {
        at: Position { step, gradients: step, seconds: 0.0 },
        examples: 0,
        forward_passes: 0,
        took: 0.0,
        metrics: Metrics { train_loss: Some(loss), ..Metrics::default() },
        weight_stats: WeightStats::default(),
    };
    let after = |losses: &[f64]| -> bool {
        let events: Vec<_> = (0..).zip(losses).map(|(step, &loss)| evaluated(step, loss)).collect();
        events.iter().collect::<History>().seems_diverged()
    };
    let seen: Vec<_> =
        [&[2.3][..], &[2.3, 22.9], &[2.3, 23.0], &[2.3, 99.0, 1.0], &[2.3, f64::NAN], &[]].map(after).into();
    assert_eq!(seen, [false, false, true, false, true, false]);
}

/// A session without a screen keeps what its results are made of, in memory that does not grow.
#[test]
fn the_newest_values_alone_are_those_of_the_whole_history() {
    let mut whole = History::new();
    let mut newest = History::new().retaining(Retention::Newest);
    for event in nso() {
        whole.push(&event);
        newest.push(&event);
    }
    assert!(whole.series(Quantity::StepLoss).len() > 1);
    for quantity in Quantity::all() {
        assert_eq!(newest.series(quantity).len(), whole.series(quantity).len().min(1), "{quantity:?}");
        assert_eq!(format!("{:?}", newest.last(quantity)), format!("{:?}", whole.last(quantity)));
    }
    assert_eq!(newest.state(), whole.state());
}
