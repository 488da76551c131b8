//! Steps and measurements that are cut short by a stop: what they had begun is done again when the run goes on.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering},
};

use burn::tensor::Device;
use nso_tui::{
    autodiff::{Evaluation, Interruption, Layout, Objective, Scalar, Vector, values},
    problem::{Examples, Metrics, Mode, Problem},
    random::Stream,
    run::{Checkpoint, Command, Event, FinalState, Inbox, Job, Listener, Outcome, Plan, PublishError, train},
};

use crate::{sessions::plan, training::without_time};

/// A problem that asks for an interruption at one of its evaluations, counting gradients, Hessian-vector products and whole splits.
struct Counting<'a> {
    inner: &'a dyn Problem,
    evaluations: AtomicU64,
    interrupt_at: u64,
    interruption: &'a Interruption,
}

impl Counting<'_> {
    fn count(&self) {
        if self.evaluations.fetch_add(1, Ordering::Relaxed) + 1 == self.interrupt_at {
            self.interruption.request();
        }
    }
}

struct CountingObjective<'a> {
    inner: Box<dyn Objective + 'a>,
    counting: &'a Counting<'a>,
}

impl Objective for CountingObjective<'_> {
    fn dimension(&self) -> usize {
        self.inner.dimension()
    }
    fn loss(&self, w: &Vector) -> Scalar {
        self.inner.loss(w)
    }
    fn batch_statistics(&self, w: &Vector) -> Option<Vector> {
        self.inner.batch_statistics(w)
    }
    fn gradient(&self, w: &Vector) -> Evaluation {
        self.counting.count();
        self.inner.gradient(w)
    }
    fn hessian_product(&self, w: &Vector, v: &Vector) -> Vector {
        self.counting.count();
        self.inner.hessian_product(w, v)
    }
}

impl Problem for Counting<'_> {
    fn layout(&self) -> &Layout {
        self.inner.layout()
    }
    fn initial(&self, random: &mut Stream) -> Vec<f64> {
        self.inner.initial(random)
    }
    fn examples(&self) -> Option<std::num::NonZeroUsize> {
        self.inner.examples()
    }
    fn objective_in(&self, mode: Mode, examples: Examples<'_>) -> Box<dyn Objective + '_> {
        Box::new(CountingObjective { inner: self.inner.objective_in(mode, examples), counting: self })
    }
    fn evaluate(&self, w: &Vector, buffers: Option<&Vector>) -> Metrics {
        self.count();
        self.inner.evaluate(w, buffers)
    }
    fn device(&self) -> &Device {
        self.inner.device()
    }
}

/// Stops the run once its interruption is requested, as the engine does in the other order.
struct StopsWhenInterrupted<'a>(&'a Interruption);

impl Inbox for StopsWhenInterrupted<'_> {
    fn poll(&mut self, _step: u64) -> Option<Command> {
        self.0.is_requested().then_some(Command::Stop)
    }
    fn wait(&mut self) -> Command {
        Command::Stop
    }
}

/// Keeps the events, and the last checkpoint with the number of events that stand before it.
#[derive(Default)]
struct Kept {
    events: Vec<Event>,
    measuring_since: Cell<Option<usize>>,
    checkpoint: Option<(usize, Checkpoint)>,
}

impl Listener for Kept {
    fn publish(&mut self, event: Event) -> Result<(), PublishError> {
        self.events.push(without_time(event));
        Ok(())
    }
    fn begin_measuring(&mut self) {
        self.measuring_since.set(Some(self.events.len()));
    }
    fn end_measuring(&mut self) {
        self.measuring_since.set(None);
    }
    fn save(&mut self, checkpoint: Checkpoint) -> Result<(), PublishError> {
        self.checkpoint = Some((self.measuring_since.get().unwrap_or(self.events.len()), checkpoint));
        Ok(())
    }
}

struct Trained {
    kept: Kept,
    end: FinalState,
    evaluations: u64,
}

/// The first run of the plan, from a checkpoint or the start, interrupted at an evaluation.
fn trained(plan: &Plan, problem: &dyn Problem, checkpoint: Option<&Checkpoint>, interrupt_at: u64) -> Trained {
    let interruption = Interruption::default();
    let counting =
        Counting { inner: problem, evaluations: AtomicU64::new(0), interrupt_at, interruption: &interruption };
    let job = Job {
        run: &plan.runs[0],
        train: &plan.train,
        problem: &counting,
        checkpoint,
        interruption: Some(&interruption),
    };
    let mut kept = Kept::default();
    let exit = train(job, &mut StopsWhenInterrupted(&interruption), &mut kept).unwrap();
    let end = exit;
    Trained { kept, end, evaluations: counting.evaluations.into_inner() }
}

#[test]
fn a_run_that_is_interrupted_anywhere_goes_on_as_if_it_had_not_been() {
    goes_on_wherever_it_was_interrupted("train.steps=9");
}

/// Its last step is one after which everything is measured.
#[test]
fn a_run_that_is_interrupted_at_its_last_measurement_goes_on_as_if_it_had_not_been() {
    goes_on_wherever_it_was_interrupted("train.steps=12");
}

fn goes_on_wherever_it_was_interrupted(steps: &str) {
    let sets = [
        steps,
        "train.evaluate_every=\"3 steps\"",
        "train.probe_every=\"4 steps\"",
        "train.trace_probes=3",
        "train.lanczos_products=4",
        "train.measure=[\"perturbation_gap\"]",
        "train.gap_sigmas=[0.01]",
        "train.gap_draws=2",
    ];
    let mut plan = plan("valley", &sets);
    plan.runs.retain(|run| run.name == "NSO");
    let problem = plan.problem.build(plan.train.seed, &Device::flex()).unwrap();
    let whole = trained(&plan, problem.as_ref(), None, u64::MAX);
    assert_eq!(whole.end.outcome, Outcome::Completed);
    assert!(whole.evaluations > 60, "{}", whole.evaluations);
    let bits = |end: &FinalState| values(&end.weights).into_iter().map(f64::to_bits).collect::<Vec<_>>();
    let mut cut_short = 0;
    for at in 1..=whole.evaluations {
        let interrupted = trained(&plan, problem.as_ref(), None, at);
        if interrupted.end.outcome == Outcome::Completed {
            continue;
        }
        assert_eq!(interrupted.end.outcome, Outcome::Stopped, "at {at}");
        cut_short += u64::from(interrupted.kept.measuring_since.get().is_some());
        let Some((before, checkpoint)) = interrupted.kept.checkpoint else { panic!("no checkpoint at {at}") };
        let rest = trained(&plan, problem.as_ref(), Some(&checkpoint), u64::MAX);
        let mut events = interrupted.kept.events[..before].to_vec();
        events.extend(rest.kept.events);
        let text = |events: &[Event]| events.iter().map(|event| format!("{event:?}")).collect::<Vec<_>>();
        assert_eq!(text(&events), text(&whole.kept.events), "interrupted at {at}");
        assert_eq!(bits(&rest.end), bits(&whole.end), "interrupted at {at}");
    }
    assert!(cut_short > 20, "{cut_short} measurements were cut short");
}

#[test]
fn little_is_computed_once_an_end_is_asked_for() {
    let sets =
        ["train.steps=3", "train.probe_every=\"1 step\"", "train.trace_probes=5000", "train.lanczos_products=200"];
    let plan = plan("valley", &sets);
    let problem = plan.problem.build(plan.train.seed, &Device::flex()).unwrap();
    let interrupted = trained(&plan, problem.as_ref(), None, 20);
    assert_eq!(interrupted.end.outcome, Outcome::Stopped);
    assert_eq!(interrupted.evaluations, 20, "not one more");
}
