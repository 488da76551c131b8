//! Sessions that are read from their logs, and read on while another process writes them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    figure::{self, Extent},
    run::{
        Event,
        log::{DamagedLine, LogError, LogReader, NewEvents, SessionLog},
    },
    text::error_chain,
    tui::{Recording, Writer},
};

/// Reads a session: as the dashboard gets it, and as it is read on.
///
/// # Errors
/// [`LogError`] if it is none or cannot be read.
pub fn open(directory: PathBuf) -> Result<(Recording, Box<SessionLog>), LogError> {
    let mut session = SessionLog::open(&directory)?;
    // Who writes is looked at first: what a process wrote before it went is read then.
    let writer = writer(&session);
    let (runs, damaged) = figure::read(&mut session, Extent::All)?;
    let damage = session.warning.clone().or_else(|| listed(&damaged));
    Ok((Recording { plan: session.plan.clone(), runs, directory, writer, damage }, Box::new(session)))
}

/// What a session has got since it was last read.
pub struct Update {
    /// The events of each run.
    pub events: Vec<Vec<Event>>,
    pub writer: Writer,
    /// What is damaged, or why it cannot be read on.
    pub damage: Option<String>,
}

/// Reads on in a session. A log that cannot be read does not keep the others from being read.
pub fn read_on(session: &mut SessionLog) -> Update {
    let writer = writer(session);
    let mut update = Update { events: Vec::new(), writer, damage: None };
    for log in &mut session.logs {
        let before = was_cut(log).then(|| {
            let path = log.path().display();
            format!("{path} was cut back or replaced and cannot be read on; open the session again")
        });
        let NewEvents { events, damaged } = log.read_new().unwrap_or_else(|error| {
            update.damage.get_or_insert_with(|| format!("cannot read on: {}", error_chain(&error)));
            NewEvents::default()
        });
        update.events.push(events);
        update.damage = update.damage.take().or(before).or_else(|| listed(&damaged));
    }
    update
}

fn writer(session: &SessionLog) -> Writer {
    if session.is_live() { Writer::Alive } else { Writer::Gone }
}

/// Whether a log is shorter than what was read of it.
fn was_cut(log: &LogReader) -> bool {
    let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    log.offset() > 0 && length(log.path()) < log.offset()
}

/// The first of the lines that were skipped, and how many there are.
fn listed(damaged: &[DamagedLine]) -> Option<String> {
    let (first, more) = damaged.split_first()?;
    Some(match more.len() {
        0 => format!("a damaged line is left out: {first}"),
        more => format!("{} damaged lines are left out, the first is {first}", more + 1),
    })
}
