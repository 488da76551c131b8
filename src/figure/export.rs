//! Writing a session to a file, the format chosen by the file's ending. One function for the dashboard's key and the command line.

use std::{
    io,
    path::{Path, PathBuf},
};

use strum::EnumString;

use super::{
    bitmap::{Figure, Size},
    history::History,
    palette::slots,
    panel::{PanelKind, PlottedRun, View},
    recorded::{self, Extent, RecordedRun},
    table,
};
use crate::run::{
    Event, Plan, RunPlan,
    log::{self, DamagedLine, LogError, SessionLog},
};

/// What is written: a session with the events of its runs.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// One line.
    pub title: String,
    /// Its runs, in the order of their plan.
    pub runs: Vec<SessionRun>,
}

/// One run of a session.
#[derive(Debug, Clone)]
pub struct SessionRun {
    pub name: String,
    /// The fold of its events.
    pub history: History,
    /// The events themselves; only .jsonl files need them.
    pub events: Vec<Event>,
}

/// How a figure is to look. Tables have no looks.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Axes and scales, as on the screen.
    pub view: View,
    /// The picture's size; `None` for one that suits its panels.
    pub size: Option<Size>,
    /// The places of runs that a figure leaves out. Tables have all.
    pub hidden: Vec<usize>,
    /// The panels to show; none stands for those that suit the session.
    pub panels: Vec<PanelKind>,
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ending names no format.
    #[error("cannot choose the format of \"{path}\" from its ending: use .png, .svg, .csv or .jsonl", path = .path.display())]
    UnknownEnding { path: PathBuf },
    #[error("\"{path}\" is a file of a session, which no export replaces: give another name", path = .path.display())]
    SessionFile { path: PathBuf },
    /// The session cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The file system or the picture's encoder refused.
    #[error("cannot write \"{path}\"", path = .path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Session {
    /// A session from its plan and the events of each of its runs.
    pub fn new(plan: &Plan, events: Vec<Vec<Event>>) -> Self {
        let run = |(run, events): (&RunPlan, Vec<Event>)| {
            let mut history = History::planned(plan);
            for event in &events {
                history.push(event);
            }
            SessionRun { name: run.name.clone(), history, events }
        };
        Self { title: plan.title.clone(), runs: plan.runs.iter().zip(events).map(run).collect() }
    }

    /// A session from its plan and the folds of its runs, without their events.
    fn folded(plan: &Plan, runs: Vec<RecordedRun>) -> Self {
        let run = |(run, RecordedRun { history, .. }): (&RunPlan, RecordedRun)| SessionRun {
            name: run.name.clone(),
            history,
            events: Vec::new(),
        };
        Self { title: plan.title.clone(), runs: plan.runs.iter().zip(runs).map(run).collect() }
    }

    /// The runs as panels show them.
    pub fn plotted_runs(&self) -> Vec<PlottedRun<'_>> {
        let method = |run: &SessionRun| run.history.start().map_or("", |start| start.hyperparameters.rule.key());
        let slots = slots(self.runs.iter().map(method));
        let runs = self.runs.iter().zip(slots);
        runs.map(|(run, slot)| PlottedRun { slot, name: &run.name, history: &run.history }).collect()
    }
}

/// What a file holds, by its ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum ExportFormat {
    /// A figure of pixels.
    Png,
    /// A figure of lines.
    Svg,
    /// One row a value.
    Csv,
    /// The events of all runs.
    Jsonl,
}

impl ExportFormat {
    /// The format of a file of that name.
    ///
    /// # Errors
    /// [`ExportError::UnknownEnding`].
    pub fn of(path: &Path) -> Result<Self, ExportError> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
        ending.parse().map_err(|_| ExportError::UnknownEnding { path: path.into() })
    }

    /// Whether it shows panels.
    pub fn is_figure(self) -> bool {
        match self {
            Self::Png | Self::Svg => true,
            Self::Csv | Self::Jsonl => false,
        }
    }
}

/// Writes `session` to `path` in the [`ExportFormat`] of its ending. The file appears whole or not at all.
///
/// # Errors
/// [`ExportError`], which names the path.
pub fn export(session: &Session, path: &Path, options: &Options) -> Result<(), ExportError> {
    let written = match format_to_write(path)? {
        ExportFormat::Png => figure(session, options, |figure, size| figure.write_png(path, size)),
        ExportFormat::Svg => figure(session, options, |figure, size| figure.write_svg(path, size)),
        ExportFormat::Csv => table::write_csv(session, path),
        ExportFormat::Jsonl => table::write_jsonl(session, path),
    };
    written.map_err(|source| ExportError::Write { path: path.into(), source })
}

/// Writes a session that is read from its logs meanwhile; no event is kept. The lines that are damaged are left out.
///
/// # Errors
/// As of [`export`], and [`ExportError::Log`].
pub fn export_recorded(
    log: &mut SessionLog,
    extent: Extent<'_>,
    path: &Path,
    options: &Options,
) -> Result<Vec<DamagedLine>, ExportError> {
    match format_to_write(path)? {
        ExportFormat::Jsonl => table::write_recorded_jsonl(log, extent, path)
            .map_err(|source| ExportError::Write { path: path.into(), source }),
        ExportFormat::Png | ExportFormat::Svg | ExportFormat::Csv => {
            let (runs, damaged) = recorded::read(log, extent)?;
            export(&Session::folded(&log.plan, runs), path, options)?;
            Ok(damaged)
        }
    }
}

/// The format of a file that may be written.
fn format_to_write(path: &Path) -> Result<ExportFormat, ExportError> {
    let format = ExportFormat::of(path)?;
    if log::is_session_file(path) { Err(ExportError::SessionFile { path: path.into() }) } else { Ok(format) }
}

fn figure(
    session: &Session,
    options: &Options,
    write: impl FnOnce(&Figure<'_>, Size) -> io::Result<()>,
) -> io::Result<()> {
    let runs = session.plotted_runs().into_iter().enumerate();
    let shown: Vec<_> = runs.filter(|(place, _)| !options.hidden.contains(place)).map(|(_, run)| run).collect();
    let figure = Figure::new(&session.title, &shown, &options.view, &options.panels);
    write(&figure, options.size.unwrap_or(Size::suiting(figure.panels.len())))
}

#[cfg(test)]
mod tests {
    use super::{super::sample, *};

    #[test]
    fn the_ending_chooses_the_format() {
        let folder = tempfile::tempdir().unwrap();
        let session = sample::session();
        for (name, beginning) in
            [("a.png", &b"\x89PNG"[..]), ("b.SVG", b"<svg"), ("c.csv", b"run,quantity"), ("d.jsonl", b"{\"run\":")]
        {
            let path = folder.path().join(name);
            export(&session, &path, &Options::default()).unwrap();
            assert!(std::fs::read(&path).unwrap().starts_with(beginning), "{name}");
        }
        let error = export(&session, Path::new("runs/a.pdf"), &Options::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot choose the format of \"runs/a.pdf\" from its ending: use .png, .svg, .csv or .jsonl"
        );
        for name in ["missing/a.csv", "missing/a.png"] {
            let error = export(&session, &folder.path().join(name), &Options::default()).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
            let ExportError::Write { source, .. } = error else { panic!("{error}") };
            assert_eq!(source.kind(), io::ErrorKind::NotFound, "{source}");
        }
    }
}
