//! The real world behind the dashboard: performs its effects with the engine, threads and files, and reports back.
//! Whatever is slow happens on a blocking thread; what comes for a session that was left is dropped.

use std::{
    error::Error,
    fs::OpenOptions,
    future::{Future, pending},
    io::{self, Write as _},
    path::PathBuf,
    time::Duration,
};

use tokio::{
    task::{JoinSet, spawn_blocking},
    time::sleep,
};

use super::{
    app::{Effect, ExportRequest, Msg, Recording},
    terminal::World,
};
use crate::{
    figure,
    run::{Event, engine::Engine, log, preset},
};

/// How often the log of a session that another process writes is read again.
const POLL: Duration = Duration::from_secs(2);

/// Performs effects for a dashboard that lives in a terminal.
pub struct Live {
    session_root: Option<PathBuf>,
    engine: Option<Engine>,
    /// Whether the engine still has runs.
    flow: Flow,
    tasks: JoinSet<Done>,
    /// Counts the sessions begun.
    session: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Open,
    Drained,
}

/// What a task brings back.
enum Done {
    /// Of the session of that count.
    Started(u64, Result<Box<Engine>, String>),
    /// Of the session of that count.
    Grown(u64, Tail, Vec<Vec<Event>>),
    Message(Msg),
    Nothing,
}

/// A session directory being followed.
struct Tail {
    directory: PathBuf,
    /// Events already shown, of each run.
    seen: Vec<usize>,
}

impl Live {
    /// A world whose sessions are logged under `session_root`, if anywhere.
    pub fn new(session_root: Option<PathBuf>) -> Self {
        Self { session_root, engine: None, flow: Flow::Drained, tasks: JoinSet::new(), session: 0 }
    }

    fn end_session(&mut self) {
        self.session += 1;
        self.flow = Flow::Drained;
        if let Some(engine) = self.engine.take() {
            self.tasks.spawn(async {
                engine.close().await;
                Done::Nothing
            });
        }
    }

    /// Spawns `work` on a blocking thread; a panic in it becomes what `failed` makes of it.
    fn spawn<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(Result<T, String>) -> Done + Send + 'static,
    ) {
        self.tasks.spawn(async { then(spawn_blocking(work).await.map_err(|error| chain(&error))) });
    }

    fn follow(&mut self, tail: Tail) {
        let session = self.session;
        self.tasks.spawn(async move {
            sleep(POLL).await;
            let directory = tail.directory.clone();
            match spawn_blocking(move || log::read_session(&directory)).await {
                Ok(Ok((_, events))) => Done::Grown(session, tail, events),
                // A log that cannot be read now may be readable in a moment: it is being written.
                Ok(Err(_)) => Done::Grown(session, tail, Vec::new()),
                Err(_) => Done::Nothing,
            }
        });
    }

    /// What the dashboard is to know of a finished task.
    fn report(&mut self, done: Done) -> Option<Msg> {
        match done {
            Done::Started(session, started) => self.report_start(session, started),
            Done::Grown(session, tail, events) if session == self.session => Some(self.report_growth(tail, events)),
            Done::Message(message) => {
                if let Msg::Opened(Ok(recording)) = &message {
                    let seen = recording.events.iter().map(Vec::len).collect();
                    self.end_session();
                    self.follow(Tail { directory: recording.directory.clone(), seen });
                }
                Some(message)
            }
            Done::Grown(..) | Done::Nothing => None,
        }
    }

    fn report_start(&mut self, session: u64, started: Result<Box<Engine>, String>) -> Option<Msg> {
        match started {
            Ok(engine) if session == self.session => {
                let directory = engine.directory().map(PathBuf::from);
                self.engine = Some(*engine);
                self.flow = Flow::Open;
                Some(Msg::Started { directory })
            }
            Ok(engine) => {
                self.tasks.spawn(async {
                    engine.close().await;
                    Done::Nothing
                });
                None
            }
            Err(reason) => (session == self.session).then_some(Msg::StartFailed(reason)),
        }
    }

    fn report_growth(&mut self, mut tail: Tail, events: Vec<Vec<Event>>) -> Msg {
        let mut grown = Vec::new();
        for ((run, mut events), seen) in events.into_iter().enumerate().zip(&mut tail.seen) {
            if events.len() > *seen {
                let new = events.split_off(*seen);
                *seen += new.len();
                grown.push((run, new));
            }
        }
        self.follow(tail);
        Msg::Grown(grown)
    }
}

impl World for Live {
    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::StartSession(plan) => {
                self.end_session();
                let (session, root) = (self.session, self.session_root.clone());
                self.spawn(
                    move || Engine::start(*plan, root.as_deref()).map(Box::new).map_err(|error| chain(&error)),
                    move |started| Done::Started(session, started.and_then(|started| started)),
                );
            }
            Effect::EndSession => self.end_session(),
            Effect::Send { run, command } => {
                if let Some(engine) = &self.engine {
                    engine.send(run, command);
                }
            }
            Effect::Export(request) => self.spawn(move || export(*request), |path| Done::Message(Msg::Exported(flat(path)))),
            Effect::OpenSession(directory) => self.spawn(move || open(directory), |read| Done::Message(Msg::Opened(flat(read)))),
            Effect::EditCopy(name) => self.spawn(move || copy(&name), |path| Done::Message(Msg::Copied(flat(path)))),
            // The loop ends before it gets here.
            Effect::Quit(_) => {}
        }
    }

    async fn next(&mut self) -> Msg {
        loop {
            let engine = self.engine.as_mut().filter(|_| self.flow == Flow::Open);
            let batch = async {
                match engine {
                    Some(engine) => engine.next().await,
                    None => pending().await,
                }
            };
            let tasks = &mut self.tasks;
            let task = async {
                match tasks.join_next().await {
                    Some(done) => done,
                    None => pending().await,
                }
            };
            let done = tokio::select! {
                batch = batch => match batch {
                    Some(batch) => return Msg::Batch { run: batch.run, events: batch.events },
                    None => {
                        self.flow = Flow::Drained;
                        return Msg::Drained;
                    }
                },
                done = task => done.unwrap_or(Done::Nothing),
            };
            if let Some(message) = self.report(done) {
                return message;
            }
        }
    }

    async fn close(mut self) {
        self.end_session();
        // Exports are finished, sessions closed; a log being followed is left.
        while let Some(done) = self.tasks.join_next().await {
            if let Ok(Done::Started(_, Ok(engine))) = done {
                engine.close().await;
            }
        }
    }
}

fn flat<T>(result: Result<Result<T, String>, String>) -> Result<T, String> {
    result.and_then(|result| result)
}

/// An error and its causes on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn export(request: ExportRequest) -> Result<PathBuf, String> {
    todo!()
}

fn open(directory: PathBuf) -> Result<Recording, String> {
    match log::read_session(&directory) {
        Ok((plan, events)) => Ok(Recording { plan, events, directory }),
        Err(error) => Err(chain(&error)),
    }
}

/// Writes the text of an embedded preset to a file of its name in the working directory, never over another.
fn copy(name: &str) -> Result<PathBuf, String> {
    let presets = preset::embedded();
    let (_, text) = presets.iter().find(|(known, _)| *known == name).ok_or_else(|| format!("{name} is not built in"))?;
    let path = PathBuf::from(format!("{name}.toml"));
    let written = OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(format!("{} is there already", path.display())),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}
