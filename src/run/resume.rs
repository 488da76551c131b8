//! What the logs and checkpoints of a session say of how its runs go on, or are repeated.

use std::{collections::VecDeque, path::Path};

use super::{
    Event, Outcome, Plan,
    catch_up::{CatchUp, change},
    log::{LogError, LogReader, LoggedEvent, SessionDirectory, SessionLog, checkpoints},
    retrace::{ForkPoint, legs},
    worker::{Beginning, StartingPoint},
};

/// How a run's thread begins.
#[derive(Debug, Default)]
pub(super) struct RunStart {
    /// What its log has already of what it says, to be published first.
    pub history: Vec<Event>,
    pub beginning: Beginning,
    pub catch_up: CatchUp,
    /// Bytes of its log that are whole lines.
    pub log_length: u64,
}

/// A session to go on with.
#[derive(Debug)]
pub(super) struct Interrupted {
    pub plan: Plan,
    pub directory: SessionDirectory,
    pub runs: Vec<RunStart>,
}

/// Reads the session in `directory`, which from here on no other process may write.
pub(super) fn read(directory: &Path) -> Result<Interrupted, LogError> {
    let SessionLog { mut plan, logs, .. } = SessionLog::open(directory)?;
    let directory = SessionDirectory::reopen(directory, &plan)?;
    let mut runs = Vec::new();
    for (run, mut log) in logs.into_iter().enumerate() {
        let events = read_events(&mut log)?;
        run_on_the_device_of(events.iter().map(|logged| &logged.event), &mut plan, run);
        let start = start(events, &directory, &plan, run)?;
        runs.push(RunStart { log_length: log.offset(), ..start });
    }
    Ok(Interrupted { plan, directory, runs })
}

/// How one run goes on.
pub(super) fn read_run(
    mut log: LogReader,
    directory: &SessionDirectory,
    plan: &Plan,
    run: usize,
) -> Result<RunStart, LogError> {
    let start = start(read_events(&mut log)?, directory, plan, run)?;
    Ok(RunStart { log_length: log.offset(), ..start })
}

/// How a run begins that has no log yet. A fork goes its parent's way first, of which nothing is known but the plan.
pub(super) fn fresh(plan: &Plan, run: usize) -> RunStart {
    RunStart {
        beginning: Beginning::Training { from: origin(plan, run, &[]), script: VecDeque::new() },
        ..RunStart::default()
    }
}

/// Where a run without a checkpoint begins, given the events of all runs as far as they are known.
fn origin(plan: &Plan, run: usize, logs: &[Vec<Event>]) -> StartingPoint {
    match &plan.runs[run].fork {
        Some(_) => StartingPoint::Fork(ForkPoint::Retraced(legs(plan, run, logs))),
        None => StartingPoint::InitialWeights,
    }
}

fn read_events(log: &mut LogReader) -> Result<Vec<LoggedEvent>, LogError> {
    let mut events = Vec::new();
    for damaged in log.read_on(&mut |event| events.push(event))? {
        tracing::warn!("{damaged}");
    }
    Ok(events)
}

fn start(
    mut events: Vec<LoggedEvent>,
    directory: &SessionDirectory,
    plan: &Plan,
    run: usize,
) -> Result<RunStart, LogError> {
    if events.last().is_some_and(|last| is_an_end(&last.event)) {
        let history = events.into_iter().map(|logged| logged.event).collect();
        return Ok(RunStart { history, beginning: Beginning::Over, ..RunStart::default() });
    }
    let first = events.iter().rposition(|logged| matches!(logged.event, Event::Start(_))).unwrap_or(0);
    let begin = first.checked_sub(1).map_or(0, |before| events[before].end);
    // In sessions of version 0.1 a run may have begun again: a checkpoint from before is of another attempt.
    let stored = checkpoints::newest(&directory.run_folder(run))?.filter(|stored| stored.log_length > begin);
    let known = stored.as_ref().map_or(begin, |stored| stored.log_length);
    let rest = events.split_off(events.partition_point(|logged| logged.end <= known));
    let catch_up = CatchUp::new(rest, known);
    let from = match stored {
        Some(stored) => StartingPoint::Checkpoint(Box::new(stored.checkpoint)),
        None if plan.runs[run].fork.is_some() => {
            let logs = SessionLog::open(directory.path())?.read_new()?.runs;
            origin(plan, run, &logs)
        }
        None => StartingPoint::InitialWeights,
    };
    Ok(RunStart {
        history: events.into_iter().map(|logged| logged.event).collect(),
        beginning: Beginning::Training { from, script: catch_up.changes() },
        catch_up,
        log_length: 0,
    })
}

/// Whether a run with this last event has nothing left to do.
fn is_an_end(event: &Event) -> bool {
    match event {
        Event::Finish { outcome, .. } => match outcome {
            Outcome::Completed | Outcome::Diverged => true,
            Outcome::Stopped | Outcome::Failed => false,
        },
        _ => false,
    }
}

/// How the runs of a session are repeated: with the same changes at the same steps, stopped where they were stopped.
pub(super) fn repeat(session: &mut SessionLog) -> Result<(Plan, Vec<RunStart>), LogError> {
    let mut plan = session.plan.clone();
    let logs = session.read_new()?.runs;
    let mut starts = Vec::new();
    for (run, events) in logs.iter().enumerate() {
        run_on_the_device_of(events, &mut plan, run);
        let first = events.iter().rposition(|event| matches!(event, Event::Start(_))).unwrap_or(0);
        let script = events[first..].iter().filter_map(|event| match event {
            Event::Finish { outcome: Outcome::Stopped, at, .. } => Some((at.step, super::Command::Stop)),
            event => change(event),
        });
        let beginning = Beginning::Training { from: origin(&plan, run, &logs), script: script.collect() };
        starts.push(RunStart { beginning, ..RunStart::default() });
    }
    Ok((plan, starts))
}

/// Lets a run train on the device that its log names.
fn run_on_the_device_of<'a>(
    events: impl IntoIterator<Item = &'a Event, IntoIter: DoubleEndedIterator>,
    plan: &mut Plan,
    run: usize,
) {
    let device = events.into_iter().rev().find_map(|event| match event {
        Event::Start(header) => header.device.parse().ok(),
        _ => None,
    });
    plan.runs[run].device = device.or(plan.runs[run].device);
}
