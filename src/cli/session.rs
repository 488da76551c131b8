//! A session without a screen, from its start to its results: the part that `run`, `resume` and `rerun` share.

use std::{
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use nso_tui::{
    figure::{History, Retention, RunState},
    problem::LoadingCallback,
    run::{Engine, EngineError, Event, EventBatch, Plan},
    terminal::{HANG_UP, Leaving, Outlet, Signals, Waited, how_to_resume, is_gone, standard_error, standard_output},
};
use tokio::{task::spawn_blocking, time::timeout};

use super::{
    CliError, OutputFormat,
    progress::{ProgressBars, Reading, say},
    results,
};

/// How long a start may take to break off: nothing is lost by leaving it.
const LONGEST_BREAK: Duration = Duration::from_secs(2);

/// How long the last words may take to be written once the program is to end.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// A session to be run.
pub(super) struct Session {
    plan: Plan,
}

/// A session whose runs are over, or were stopped by a signal.
pub(super) struct Finished {
    plan: Plan,
    histories: Vec<History>,
    directory: Option<PathBuf>,
}

/// What is written to standard output at the end, and the exit code of a session that no signal ended.
pub(super) struct Report {
    pub text: String,
    pub code: u8,
}

impl Finished {
    pub(super) fn report(&self, format: OutputFormat) -> Report {
        let directory = self.directory.as_deref();
        let text = match format {
            OutputFormat::Text => results::table(&self.plan, &self.histories, directory),
            OutputFormat::Json => results::json(&self.plan, &self.histories, directory),
        };
        let broke = |history: &History| matches!(history.state(), RunState::Diverged { .. } | RunState::Failed { .. });
        Report { text, code: if self.histories.iter().any(broke) { 3 } else { 0 } }
    }

    pub(super) fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// Whether there is something left to resume.
    fn is_unfinished(&self) -> bool {
        let at_its_end = |history: &History| matches!(history.state(), RunState::Completed | RunState::Diverged { .. });
        !self.histories.iter().all(at_its_end)
    }
}

impl Session {
    pub(super) fn of(plan: &Plan) -> Self {
        Self { plan: plan.clone() }
    }

    /// Starts an engine, follows it until every run is over, with progress on standard error, and writes what `report` makes of it to
    /// standard output. A signal stops the runs, which write their ends and checkpoints; the exit code is then 128 and its number.
    pub(super) fn into_results(
        self,
        start: impl FnOnce(LoadingCallback<'_>) -> Result<Engine, EngineError> + Send + 'static,
        report: impl FnOnce(&Finished) -> Result<Report, CliError>,
    ) -> Result<ExitCode, CliError> {
        let io = |source| CliError::Io { what: "start".to_owned(), source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io)?;
        let code = runtime.block_on(async {
            // Before there is anything that a signal could cost.
            let mut signals = Signals::listen().map_err(io)?;
            let said = Arc::new(standard_error().map_err(io)?);
            let mut leaving = Leaving::default();
            let code = match begin(start, &said, &mut signals, &mut leaving).await? {
                None => 0,
                Some(engine) => {
                    let finished = self.follow(engine, &said, &mut signals, &mut leaving).await;
                    conclude(&finished, report, &said, &mut signals, &mut leaving).await?
                }
            };
            said.wait(LAST_WORDS);
            let of_signal = |signal| u8::try_from(128 + signal).unwrap_or(u8::MAX);
            Ok(ExitCode::from(leaving.signal().map_or(code, of_signal)))
        });
        // Whatever still runs ends with the process.
        runtime.shutdown_background();
        code
    }

    /// Folds events until every run is over or the program is to end, and ends the runs in order.
    async fn follow(
        self,
        mut engine: Engine,
        said: &Arc<Outlet>,
        signals: &mut Signals,
        leaving: &mut Leaving,
    ) -> Finished {
        let mut progress = ProgressBars::new(&self.plan, said);
        let planned = History::planned(&self.plan).retaining(Retention::Newest);
        let mut histories = vec![planned; self.plan.runs.len()];
        let directory = engine.directory().map(PathBuf::from);
        while leaving.signal().is_none() && !histories.iter().all(|history| history.state().is_over()) {
            tokio::select! {
                batch = engine.next() => match batch {
                    Some(EventBatch { run, events, status }) => {
                        push(&mut histories[run], &events);
                        progress.show_status(run, status);
                        progress.show(run, &histories[run]);
                    }
                    None => break,
                },
                signal = signals.next() => *leaving = Leaving::begun_by(signal),
                () = progress.catches_up() => progress.catch_up(&histories),
            }
            if progress.is_terminal_gone() {
                *leaving = Leaving::begun_by(HANG_UP);
            }
        }
        if let Waited::Done(batches) = leaving.wait_for(engine.close(), signals, |text| progress.say(text)).await {
            for EventBatch { run, events, .. } in batches {
                push(&mut histories[run], &events);
            }
        }
        progress.clear();
        Finished { plan: self.plan, histories, directory }
    }
}

fn push(history: &mut History, events: &[Event]) {
    for event in events {
        history.push(event);
    }
}

/// Starts the engine on a thread of its own, so that signals are heard meanwhile: they break the start off. `None` if it came to that.
async fn begin(
    start: impl FnOnce(LoadingCallback<'_>) -> Result<Engine, EngineError> + Send + 'static,
    said: &Arc<Outlet>,
    signals: &mut Signals,
    leaving: &mut Leaving,
) -> Result<Option<Engine>, CliError> {
    let wanted = Arc::new(AtomicBool::new(true));
    let (reading, still_wanted) = (Reading::new(said), wanted.clone());
    let mut started = spawn_blocking(move || {
        start(&|loading| {
            reading.show(&loading);
            if still_wanted.load(Ordering::Relaxed) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
    });
    let joined = tokio::select! {
        joined = &mut started => joined,
        signal = signals.next() => {
            *leaving = Leaving::begun_by(signal);
            wanted.store(false, Ordering::Relaxed);
            match timeout(LONGEST_BREAK, started).await {
                // The runs began nevertheless, and end in order.
                Ok(Ok(Ok(engine))) => return Ok(Some(engine)),
                Ok(Ok(Err(_)) | Err(_)) | Err(_) => return Ok(None),
            }
        }
    };
    match joined {
        Ok(engine) => Ok(Some(engine?)),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Writes the results, and where the session is if something is left to do. A reader who does not take them is waited for until a
/// signal comes.
async fn conclude(
    finished: &Finished,
    report: impl FnOnce(&Finished) -> Result<Report, CliError>,
    said: &Outlet,
    signals: &mut Signals,
    leaving: &mut Leaving,
) -> Result<u8, CliError> {
    let session = finished.directory();
    if let Some(session) = session.filter(|_| leaving.signal().is_some() && finished.is_unfinished()) {
        said.send(how_to_resume(session).into_bytes());
    }
    let Report { text, code } = report(finished)?;
    let fault = |source| CliError::Io { what: "write to standard output".to_owned(), source };
    let output = standard_output().map_err(fault)?;
    output.send(text.into_bytes());
    if leaving.signal().is_none() {
        tokio::select! {
            () = output.idle() => {}
            signal = signals.next() => *leaving = Leaving::begun_by(signal),
        }
    }
    output.wait(LAST_WORDS);
    match output.take_fault() {
        // `head` has closed the pipe.
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Some(error) if is_gone(&error) && leaving.signal().is_none() => *leaving = Leaving::begun_by(HANG_UP),
        Some(error) if leaving.signal().is_none() => {
            if let Some(session) = session {
                say(said, &format!("session: {}", session.display()));
                said.wait(LAST_WORDS);
            }
            return Err(fault(error));
        }
        // A program that was asked to end does not wait for its results to be read.
        Some(_) | None => {}
    }
    Ok(code)
}
