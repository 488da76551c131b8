//! Losses that are NaN or infinite, wherever they come from, and what a run does about them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use burn::tensor::Device;
use nso_tui::{
    autodiff::{Evaluation, Layout, Objective, Scalar, Vector, values},
    problem::{Examples, Metrics, Mode, Problem, Quadratic},
    random::Stream,
    run::{Command, Engine, Event, FinalState, Inbox, Job, NonFinitePolicy, Outcome, Plan, log::Destination, train},
};

use crate::sessions::{block_on, plan, until_over};

/// Where a number that is not finite comes in.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Loss,
    Gradient,
    InitialWeights,
    Data,
}

/// How much of it is not finite.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Extent {
    /// One evaluation, or one coordinate.
    One,
    /// Every evaluation from then on, or every coordinate.
    All,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    place: Place,
    value: f64,
    extent: Extent,
}

/// The evaluation that is spoilt first, counting from 1.
const SPOILT: u64 = 5;
const STEPS: u64 = 12;

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for place in [Place::Loss, Place::Gradient, Place::InitialWeights, Place::Data] {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            cases.extend([Extent::One, Extent::All].map(|extent| Case { place, value, extent }));
        }
    }
    cases
}

/// A bowl in three dimensions that is spoilt as a case says.
struct Spoilt {
    bowl: Quadratic,
    case: Case,
    evaluations: AtomicU64,
}

impl Spoilt {
    fn new(case: Case) -> Self {
        let spoilt = |usual: f64, here| match (here, case.extent) {
            (false, _) => vec![usual; 3],
            (true, Extent::One) => vec![case.value, usual, usual],
            (true, Extent::All) => vec![case.value; 3],
        };
        let bowl = Quadratic::new(
            vec![1.0, 2.0, 0.5],
            spoilt(0.0, case.place == Place::Data),
            spoilt(1.0, case.place == Place::InitialWeights),
            Device::flex(),
        );
        Self { bowl, case, evaluations: AtomicU64::new(0) }
    }
}

struct SpoiltObjective<'a> {
    inner: Box<dyn Objective + 'a>,
    spoilt: &'a Spoilt,
}

impl Objective for SpoiltObjective<'_> {
    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn loss(&self, w: &Vector) -> Scalar {
        self.inner.loss(w)
    }

    fn gradient(&self, w: &Vector) -> Evaluation {
        let evaluation = self.inner.gradient(w);
        let count = self.spoilt.evaluations.fetch_add(1, Ordering::Relaxed) + 1;
        let now = match self.spoilt.case.extent {
            Extent::One => count == SPOILT,
            Extent::All => count >= SPOILT,
        };
        let value = self.spoilt.case.value;
        match self.spoilt.case.place {
            Place::Loss if now => Evaluation { loss: evaluation.loss.clone() * 0.0 + value, ..evaluation },
            Place::Gradient if now => Evaluation { gradient: evaluation.gradient.clone() * 0.0 + value, ..evaluation },
            Place::Loss | Place::Gradient | Place::InitialWeights | Place::Data => evaluation,
        }
    }

    fn hessian_product(&self, w: &Vector, v: &Vector) -> Vector {
        self.inner.hessian_product(w, v)
    }
}

impl Problem for Spoilt {
    fn layout(&self) -> &Layout {
        Problem::layout(&self.bowl)
    }
    fn initial(&self, random: &mut Stream) -> Vec<f64> {
        self.bowl.initial(random)
    }
    fn objective_in(&self, mode: Mode, examples: Examples<'_>) -> Box<dyn Objective + '_> {
        Box::new(SpoiltObjective { inner: self.bowl.objective_in(mode, examples), spoilt: self })
    }
    fn evaluate(&self, w: &Vector, buffers: Option<&Vector>) -> Metrics {
        self.bowl.evaluate(w, buffers)
    }
    fn device(&self) -> &Device {
        self.bowl.device()
    }
}

/// A user who stops a run that holds.
struct StopsWhatHolds;

impl Inbox for StopsWhatHolds {
    fn poll(&mut self, _step: u64) -> Option<Command> {
        None
    }

    fn wait(&mut self) -> Command {
        Command::Stop
    }
}

fn plan_with(policy: NonFinitePolicy) -> Plan {
    let steps = format!("train.steps={STEPS}");
    let policy = format!("train.non_finite=\"{}\"", Into::<&str>::into(policy));
    let mut plan = plan("quadratic", &[&steps, &policy, "train.evaluate_every=\"1 step\"", "train.probe_every=never"]);
    plan.runs.truncate(1);
    assert_eq!(plan.runs[0].hyperparameters.rule.key(), "sgd");
    plan
}

fn trained(case: Case, policy: NonFinitePolicy) -> (Vec<Event>, FinalState) {
    let plan = plan_with(policy);
    let problem = Spoilt::new(case);
    let job = Job { run: &plan.runs[0], train: &plan.train, problem: &problem, checkpoint: None, interruption: None };
    let mut events = Vec::new();
    let exit = train(job, &mut StopsWhatHolds, &mut |event: Event| {
        events.push(event);
        Ok(())
    });
    let end = exit.unwrap();
    (events, end)
}

fn non_finite_steps(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Step { loss, .. } if !loss.is_finite())).count()
}

fn marks(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::NonFinite { .. })).count()
}

#[test]
fn a_run_that_stops_ends_as_diverged_at_the_first_loss_that_is_not_finite() {
    for case in cases() {
        let (events, end) = trained(case, NonFinitePolicy::Stop);
        assert_eq!((end.outcome, non_finite_steps(&events), marks(&events)), (Outcome::Diverged, 1, 0), "{case:?}");
        assert!(end.reason.unwrap().starts_with("the loss is "), "{case:?}");
    }
}

#[test]
fn a_run_that_pauses_marks_the_loss_and_holds() {
    for case in cases() {
        let (events, end) = trained(case, NonFinitePolicy::Pause);
        assert_eq!((end.outcome, non_finite_steps(&events), marks(&events)), (Outcome::Stopped, 1, 1), "{case:?}");
        assert!(matches!(events.last(), Some(Event::Pause { .. })), "{case:?}");
    }
}

#[test]
fn a_run_that_continues_takes_all_its_steps_and_marks_the_first_of_each_row() {
    for case in cases() {
        let (events, end) = trained(case, NonFinitePolicy::Continue);
        assert_eq!((end.outcome, end.at.step), (Outcome::Completed, STEPS), "{case:?}");
        assert_eq!(marks(&events), 1, "{case:?}");
        assert!(non_finite_steps(&events) >= 1, "{case:?}");
    }
}

#[test]
fn a_run_that_skips_ends_with_the_weights_of_its_finite_steps() {
    for case in cases() {
        let (events, end) = trained(case, NonFinitePolicy::Skip);
        assert_eq!((end.outcome, end.at.step), (Outcome::Completed, STEPS), "{case:?}");
        let skipped = match (case.place, case.extent) {
            (Place::Loss | Place::Gradient, Extent::One) => 1,
            (Place::Loss | Place::Gradient, Extent::All) => STEPS + 1 - SPOILT,
            (Place::InitialWeights | Place::Data, _) => STEPS,
        };
        assert_eq!(marks(&events) as u64, skipped, "{case:?}");
        // SGD on h w^2/2 from 1 by hand: (1 - eta h)^n after n steps that count.
        if case.place == Place::Loss || case.place == Place::Gradient {
            let plan = plan_with(NonFinitePolicy::Skip);
            let eta = plan.runs[0].hyperparameters.lr;
            let taken = i32::try_from(STEPS - skipped).unwrap();
            for (found, h) in values(&end.weights).into_iter().zip([1.0, 2.0, 0.5]) {
                assert!((found - (1.0 - eta * h).powi(taken)).abs() < 1e-5, "{case:?}: {found}");
            }
        }
    }
}

#[test]
fn a_learning_rate_that_overflows_ends_as_the_policy_says_and_leaves_the_runs_beside_it_alone() {
    for (policy, outcome) in [
        (NonFinitePolicy::Stop, Outcome::Diverged),
        (NonFinitePolicy::Skip, Outcome::Completed),
        (NonFinitePolicy::Continue, Outcome::Completed),
    ] {
        let policy = format!("train.non_finite=\"{}\"", Into::<&str>::into(policy));
        let plan = plan("valley", &["train.gradients=40", &policy, "run.SAM.lr=1000000.0"]);
        let events = block_on(async {
            let problem = Arc::new(plan.problem.build(1, &Device::flex()).unwrap());
            let mut engine = Engine::with_problem(plan.clone(), &problem, &Destination::Nowhere).unwrap();
            let events = until_over(&mut engine, plan.runs.len()).await;
            engine.close().await;
            events
        });
        for (run, events) in plan.runs.iter().zip(events) {
            let Some(Event::Finish { outcome: found, .. }) = events.last() else { panic!("{}", run.name) };
            let expected = if run.name == "SAM" { outcome } else { Outcome::Completed };
            assert_eq!(*found, expected, "{}, {policy}", run.name);
        }
    }
}
