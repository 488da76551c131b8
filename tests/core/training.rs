//! The training loop of one run: determinism, commands, divergence, and that measuring does not change the trajectory.

use std::{collections::VecDeque, sync::Arc};

use burn::tensor::Device;
use nso_tui::{
    autodiff::values,
    optimizer::Hyperparameter,
    problem::Problem,
    run::{Command, Event, FinalState, Inbox, Job, Outcome, Plan, PublishError, preset, train},
};

/// Commands that arrive when the run has published so many events.
struct Script(VecDeque<(usize, Command)>, std::rc::Rc<std::cell::Cell<usize>>);

impl Inbox for Script {
    fn poll(&mut self, _step: u64) -> Option<Command> {
        match self.0.front() {
            Some((after, _)) if *after <= self.1.get() => self.0.pop_front().map(|(_, command)| command),
            _ => None,
        }
    }

    fn wait(&mut self) -> Command {
        self.0.pop_front().map_or(Command::Stop, |(_, command)| command)
    }
}

pub fn plan(name: &str, sets: &[&str]) -> Plan {
    let text = preset::find(name).unwrap();
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    preset::parse(name, &text, &sets).unwrap()
}

fn problem(plan: &Plan) -> Arc<dyn Problem> {
    plan.problem.build(plan.train.seed, &Device::flex()).unwrap()
}

/// Runs one run of a plan under a script; events with their clocks at zero, and the last weights.
pub fn run_scripted(plan: &Plan, name: &str, script: Vec<(usize, Command)>) -> (Vec<Event>, FinalState) {
    let problem = problem(plan);
    let run = plan.runs.iter().find(|run| run.name == name).unwrap();
    let published = std::rc::Rc::new(std::cell::Cell::new(0));
    let mut inbox = Script(script.into(), published.clone());
    let mut events = Vec::new();
    let ending = train(
        Job { run, train: &plan.train, problem: problem.as_ref(), checkpoint: None, interruption: None },
        &mut inbox,
        &mut |event| {
            published.set(published.get() + 1);
            events.push(without_time(event));
            Ok(())
        },
    );
    let finished = ending.unwrap();
    (events, finished)
}

pub fn weights((_, finished): &(Vec<Event>, FinalState)) -> Vec<f64> {
    values(&finished.weights)
}

pub fn run(plan: &Plan, name: &str) -> (Vec<Event>, FinalState) {
    run_scripted(plan, name, Vec::new())
}

/// The event as it would be if no time passed.
pub fn without_time(mut event: Event) -> Event {
    match &mut event {
        Event::Step { at, .. }
        | Event::FreeTrace { at, .. }
        | Event::AscentCurvature { at, .. }
        | Event::Adjust { at, .. }
        | Event::NonFinite { at, .. }
        | Event::Finish { at, .. } => at.seconds = 0.0,
        Event::Eval { at, took, .. } => (at.seconds, *took) = (0.0, 0.0),
        Event::AverageEval(eval) => (eval.at.seconds, eval.took) = (0.0, 0.0),
        Event::Probe(probe) | Event::AverageProbe(probe) => (probe.at.seconds, probe.took) = (0.0, 0.0),
        Event::PerturbationGap(curve) => (curve.at.seconds, curve.took) = (0.0, 0.0),
        Event::Bound(bound) => (bound.at.seconds, bound.took) = (0.0, 0.0),
        Event::Measured(found) => (found.at.seconds, found.took) = (0.0, 0.0),
        Event::Start(_) | Event::Reject { .. } | Event::Pause { .. } | Event::Resume { .. } | Event::Fork { .. } => {}
    }
    event
}

const SHORT: [&str; 5] = [
    "train.gradients=90",
    "train.evaluate_every=\"30 gradients\"",
    "train.probe_every=\"60 gradients\"",
    "problem.train_samples=500",
    "train.trace_probes=3",
];

#[test]
fn the_same_plan_gives_the_same_events_to_the_bit() {
    let plan = plan("mnist-mlp", &SHORT);
    for name in ["SGD", "WP-SGD", "SAM", "NSO"] {
        let (first, second) = (run(&plan, name), run(&plan, name));
        assert_eq!(first.0, second.0, "{name}");
        assert!(weights(&first) == weights(&second), "{name}: weights");
    }
    let reseeded = self::plan("mnist-mlp", &[&SHORT[..], &["train.seed=2"]].concat());
    assert_ne!(run(&plan, "SGD").0, run(&reseeded, "SGD").0);
}

#[test]
fn measuring_does_not_disturb() {
    let measured = run(&plan("mnist-mlp", &SHORT), "NSO");
    let sets =
        [&SHORT[..], &["train.probe_every=never", "train.evaluate_every=\"1000000 steps\"", "train.record_every=7"]]
            .concat();
    let unmeasured = run(&plan("mnist-mlp", &sets), "NSO");
    assert!(measured.0.len() > unmeasured.0.len() + 5);
    assert!(weights(&measured) == weights(&unmeasured));
}

#[test]
fn runs_of_a_preset_share_their_start_and_their_probes() {
    let plan = plan("mnist-mlp", &SHORT);
    let first = |name| run(&plan, name).0.into_iter().find(|event| matches!(event, Event::Probe(_))).unwrap();
    assert_eq!(first("SGD"), first("NSO"));
}

#[test]
fn a_run_measures_at_its_start_its_intervals_and_its_end() {
    let plan = plan("mnist-mlp", &[&SHORT[..], &["train.gradients=95"]].concat());
    let (events, finished) = run(&plan, "SGD");
    assert_eq!((finished.outcome, finished.at.step, finished.at.gradients), (Outcome::Completed, 95, 95));
    let evals: Vec<u64> =
        events.iter().filter_map(|e| if let Event::Eval { at, .. } = e { Some(at.gradients) } else { None }).collect();
    assert_eq!(evals, [0, 30, 60, 90, 95]);
    let looked_at = |e: &Event| matches!(e, Event::Eval { examples, .. } if *examples != 1500);
    assert!(!events.iter().any(looked_at), "500 training and 1,000 test digits");
    let probes: Vec<u64> =
        events.iter().filter_map(|e| if let Event::Probe(p) = e { Some(p.at.gradients) } else { None }).collect();
    assert_eq!(probes, [0, 60, 95]);
    let steps = events.iter().filter(|e| matches!(e, Event::Step { .. })).count();
    assert_eq!(steps, 95);
    assert!(matches!(events[0], Event::Start(_)));
    let steps: Vec<u64> = events.iter().filter_map(|event| Some(event.position()?.step)).collect();
    assert!(steps.is_sorted(), "events come in the order of their steps");
}

#[test]
fn a_run_ends_with_the_error_of_the_event_that_cannot_be_published() {
    #[derive(Debug, thiserror::Error)]
    #[error("no room for {0}")]
    struct Full(&'static str);
    let plan = plan("quadratic", &["train.gradients=200"]);
    let problem = problem(&plan);
    let mut inbox = Script(VecDeque::new(), std::rc::Rc::default());
    let mut published = 0;
    let job =
        Job { run: &plan.runs[0], train: &plan.train, problem: problem.as_ref(), checkpoint: None, interruption: None };
    let end = train(job, &mut inbox, &mut |_| {
        published += 1;
        if published < 5 { Ok(()) } else { Err(PublishError::new(Full("an event"))) }
    });
    assert_eq!((published, end.unwrap_err().to_string().as_str()), (5, "no room for an event"));
}

#[test]
fn nso_logs_its_smoothed_trace_and_sgd_has_none() {
    let plan = plan("mnist-mlp", &SHORT);
    let free = |name| {
        run(&plan, name).0.into_iter().filter(|event| matches!(event, Event::FreeTrace { .. })).collect::<Vec<_>>()
    };
    assert!(free("SGD").is_empty());
    // Ninety evaluations are 45 pairs in three windows.
    let pairs: Vec<u64> =
        free("NSO").iter().map(|e| if let Event::FreeTrace { trace, .. } = e { trace.samples } else { 0 }).collect();
    assert_eq!(pairs, [15, 15, 15]);
}

#[test]
fn a_changed_hyperparameter_is_logged_at_its_step_and_changes_the_path_from_there() {
    let plan = plan("quadratic", &["train.gradients=200"]);
    let untouched = run(&plan, "SGD");
    let adjust = |hyperparameter, value| Command::Adjust { hyperparameter, value };
    let script = vec![
        (40, adjust(Hyperparameter::Lr, 0.25)),
        (40, adjust(Hyperparameter::Sigma, 0.1)),
        (40, adjust(Hyperparameter::Lr, -1.0)),
    ];
    let adjusted = run_scripted(&plan, "SGD", script);
    let events = &adjusted.0;
    let answers: Vec<&Event> =
        events.iter().filter(|e| matches!(e, Event::Adjust { .. } | Event::Reject { .. })).collect();
    let [
        Event::Adjust { at, setting: Hyperparameter::Lr, from, to },
        Event::Reject { reason: no_such, .. },
        Event::Reject { reason: range, .. },
    ] = answers[..]
    else {
        panic!("{answers:?}")
    };
    assert_eq!((*from, *to), (0.5, 0.25));
    assert_eq!(no_such, "sgd has no sigma");
    assert!(range.contains("above 0"), "{range}");
    let losses = |events: &[Event]| {
        events
            .iter()
            .filter_map(|e| if let Event::Step { loss, .. } = e { Some(*loss) } else { None })
            .collect::<Vec<_>>()
    };
    let (before, after) = (losses(&untouched.0), losses(events));
    let step = usize::try_from(at.step).unwrap();
    // A step's loss is seen before the step is taken, so the first loss that differs is that of the second step after.
    assert_eq!(before[..=step], after[..=step]);
    assert_ne!(before[step + 1], after[step + 1]);
    assert_ne!(weights(&untouched), weights(&adjusted));
}

#[test]
fn pause_holds_resume_goes_on_and_stop_ends() {
    let plan = plan("quadratic", &["train.gradients=100"]);
    let script = vec![
        (30, Command::Pause),
        (0, Command::Pause),
        (0, Command::Adjust { hyperparameter: Hyperparameter::Lr, value: 0.5 }),
        (0, Command::Resume),
    ];
    let held = run_scripted(&plan, "SAM", script);
    let events = &held.0;
    let pauses = events.iter().filter(|e| matches!(e, Event::Pause { .. })).count();
    let resumes = events.iter().filter(|e| matches!(e, Event::Resume { .. })).count();
    assert_eq!((pauses, resumes, held.1.outcome), (1, 1, Outcome::Completed));
    assert_eq!(weights(&held), weights(&run(&plan, "SAM")), "a pause does not change the path");
    let (events, finished) = run_scripted(&plan, "SAM", vec![(30, Command::Pause), (0, Command::Stop)]);
    assert_eq!(finished.outcome, Outcome::Stopped);
    assert!(matches!(events.last(), Some(Event::Pause { step }) if *step == finished.at.step));
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_at_its_step() {
    let plan = plan("quadratic", &["run.SGD.lr=1000", "train.gradients=2000"]);
    let (events, finished) = run(&plan, "SGD");
    assert_eq!(finished.outcome, Outcome::Diverged);
    let [.., Event::Step { at, loss }] = events.as_slice() else { panic!("{:?}", events.last()) };
    assert_eq!(at.step, finished.at.step);
    assert!(!loss.is_finite());
    assert_eq!(finished.reason, Some(format!("the loss is {loss} at step {}", at.step)));
    let finite = events.iter().filter(|e| matches!(e, Event::Step { loss, .. } if loss.is_finite())).count() as u64;
    assert_eq!(finite + 1, at.step, "no event follows the first loss that is not finite");
}

/// Section 5 and figure 6 in small: gradient descent fits the measurements and overfits; NSO ends lowest.
#[test]
fn matrix_sensing_overfits_without_noise_and_recovers_with_nso() {
    let plan = plan("matrix-sensing-small", &["train.probe_every=never"]);
    let last = |name| {
        let events = run(&plan, name).0;
        let metrics = events
            .iter()
            .rev()
            .find_map(|e| if let Event::Eval { metrics, .. } = e { Some(*metrics) } else { None })
            .unwrap();
        (metrics.train_error.unwrap(), metrics.validation_error.unwrap())
    };
    let (gd, wp, nso) = (last("GD"), last("WP-GD"), last("NSO"));
    assert!(gd.0 < 1e-4 && gd.1 > 0.1, "GD overfits: {gd:?}");
    assert!(nso.1 < wp.1 && wp.1 < 0.01, "NSO {nso:?} below WP-GD {wp:?}");
}

/// lr 1000 on h = 1 multiplies w by -999 a step: after the seventh step 1/2 w^2 = 1/2 999^14 overflows single precision,
/// while the seventh step itself still saw 1/2 999^12.
#[test]
fn a_run_that_blows_up_on_its_last_step_has_diverged() {
    let plan = plan("quadratic", &["run.SGD.lr=1000", "train.steps=7", "train.probe_every=never"]);
    let (events, finished) = run(&plan, "SGD");
    let seen = events.iter().filter(|e| matches!(e, Event::Step { loss, .. } if loss.is_finite())).count();
    assert_eq!((finished.outcome, seen), (Outcome::Diverged, 7));
}
