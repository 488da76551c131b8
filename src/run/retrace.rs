//! How a fork comes to the state that it goes on from: weights, optimizer state, random streams and place in the data of another run.

use std::collections::VecDeque;

use super::{
    Checkpoint, Command, Event, Inbox, Job, Listener, Outcome, Plan, PublishError, RunPlan, Train, TrainError,
    catch_up::{Scripted, change},
    train::train,
};
use crate::{autodiff::Interruption, problem::Problem};

/// How a fork gets the state that it goes on from.
#[derive(Debug)]
pub(super) enum ForkPoint {
    /// It was handed over.
    Given(Box<Checkpoint>),
    /// It is trained once more, from the initial weights through every run that the fork descends from.
    Retraced(Vec<Leg>),
}

/// The part of a fork's way that one of its ancestors went.
#[derive(Debug)]
pub(super) struct Leg {
    run: RunPlan,
    /// What was changed on the way, by step.
    changes: VecDeque<(u64, Command)>,
    /// The steps that the ancestor had taken at its end.
    until: u64,
}

/// The way to where a run of the plan branched off, the first ancestor's part first; nothing for a run that is no fork. `logs` are the
/// events of each run, or empty where nothing was changed.
pub(super) fn legs(plan: &Plan, run: usize, logs: &[Vec<Event>]) -> Vec<Leg> {
    let mut way = Vec::new();
    let mut child = &plan.runs[run];
    while let Some(fork) = &child.fork
        && let Some(parent) = plan.runs.iter().position(|run| run.name == fork.of)
        // A fork stands behind what it comes from, which a plan edited by hand need not respect.
        && way.len() < plan.runs.len()
    {
        let events = logs.get(parent).map_or(&[][..], Vec::as_slice);
        let is_fork = |event: &&Event| matches!(event, Event::Fork { run, .. } if *run == child.name);
        let changes = events.iter().take_while(|event| !is_fork(event)).filter_map(change);
        let changes = changes.filter(|(step, _)| *step <= fork.step).collect();
        way.push(Leg { run: plan.runs[parent].clone(), changes, until: fork.step });
        child = &plan.runs[parent];
    }
    way.reverse();
    way
}

/// What the legs of a fork are trained with.
pub(super) struct Retracing<'a> {
    pub train: &'a Train,
    pub problem: &'a dyn Problem,
    pub interruption: &'a Interruption,
}

/// Keeps the last checkpoint, and drops the events, which the logs of the ancestors have.
struct Capture(Option<Checkpoint>);

impl Listener for Capture {
    fn publish(&mut self, _event: Event) -> Result<(), PublishError> {
        Ok(())
    }

    fn save(&mut self, checkpoint: Checkpoint) -> Result<(), PublishError> {
        self.0 = Some(checkpoint);
        Ok(())
    }
}

/// Why a fork has no beginning.
#[derive(Debug, thiserror::Error)]
pub(super) enum RetraceError {
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error("{parent} ends before step {step}, where this run branches off")]
    TooShort { parent: String, step: u64 },
}

/// Trains the ancestors of a fork up to where it branches off. `None` if it was stopped on the way. What else `inbox` hears is kept in
/// `waiting`.
pub(super) fn retrace(
    with: &Retracing<'_>,
    legs: Vec<Leg>,
    inbox: &mut dyn Inbox,
    waiting: &mut VecDeque<Command>,
) -> Result<Option<Checkpoint>, RetraceError> {
    let mut point = None;
    for Leg { run, mut changes, until } in legs {
        changes.push_back((until, Command::Stop));
        let mut scripted = Scripted { script: changes, until: u64::MAX, inbox, waiting: std::mem::take(waiting) };
        let mut capture = Capture(None);
        let job = Job {
            run: &run,
            train: with.train,
            problem: with.problem,
            checkpoint: point.as_ref(),
            interruption: Some(with.interruption),
        };
        let end = train(job, &mut scripted, &mut capture)?;
        *waiting = scripted.waiting;
        match (end.outcome, end.at.step == until) {
            (Outcome::Stopped, true) => point = capture.0,
            (Outcome::Stopped, false) => return Ok(None),
            _ => return Err(RetraceError::TooShort { parent: run.name, step: until }),
        }
    }
    Ok(point)
}
