//! A session on disk, folded while it is read: no event is kept, however long the logs are.

use super::history::History;
use crate::run::{
    Event, Plan,
    log::{DamagedLine, LogError, SessionLog},
};

/// One run of a session on disk.
#[derive(Debug, Clone)]
pub struct RecordedRun {
    /// The fold of its events.
    pub history: History,
    /// How many they are.
    pub events: usize,
}

/// Which events of each run are read.
#[derive(Debug, Clone, Copy)]
pub enum Extent<'a> {
    All,
    /// So many of each run, the first ones.
    First(&'a [usize]),
}

impl Extent<'_> {
    /// Whether it has the event after so many of a run.
    pub(super) fn has(self, run: usize, before: usize) -> bool {
        match self {
            Self::All => true,
            Self::First(counts) => counts.get(run).is_some_and(|&count| before < count),
        }
    }
}

impl RecordedRun {
    /// A run of this plan of which nothing is read.
    pub fn new(plan: &Plan) -> Self {
        Self { history: History::planned(plan), events: 0 }
    }

    /// Takes in the next event.
    pub fn push(&mut self, event: &Event) {
        self.history.push(event);
        self.events += 1;
    }

    /// The runs of this plan with these events.
    pub fn of(plan: &Plan, events: &[Vec<Event>]) -> Vec<Self> {
        let run = |events: &Vec<Event>| {
            let mut run = Self::new(plan);
            for event in events {
                run.push(event);
            }
            run
        };
        events.iter().map(run).collect()
    }
}

/// Reads a session and folds each event as it comes. Memory: what the histories take, some 38 bytes a number of theirs.
///
/// # Errors
/// [`LogError`] if a log cannot be read.
pub fn read(log: &mut SessionLog, extent: Extent<'_>) -> Result<(Vec<RecordedRun>, Vec<DamagedLine>), LogError> {
    let mut runs = vec![RecordedRun::new(&log.plan); log.logs.len()];
    let damaged = log.read_each(&mut |run, event| {
        if extent.has(run, runs[run].events) {
            runs[run].push(event);
        }
    })?;
    Ok((runs, damaged))
}
