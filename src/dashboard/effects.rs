//! Performs the dashboard's effects with the engine, threads and files, and reports back by messages.
//! What is slow happens on a blocking thread; messages of a session that was left are dropped.

mod add;

use std::{
    collections::{BTreeMap, VecDeque},
    future::pending,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet, spawn_blocking},
    time::sleep,
};

use super::{
    event_loop::{Closed, Effects},
    export::{copy_preset, export},
    follow::{self, Update, read_on},
    starting::Starting,
};
use crate::{
    run::{
        Attendance, Checkpoint, Engine, Event, EventBatch, Outcome, RunStatus,
        device::{DeviceName, Devices, Load, Meter, Sampled},
        log::{self, Destination},
    },
    text::error_chain,
    tui::{Effect, Msg, Recording, RunRequest},
};

/// How often the load of the process is sampled.
const SAMPLE: Duration = Duration::from_secs(2);

/// How often the log of a session that another process writes is read again.
const POLL: Duration = Duration::from_secs(2);

/// Where sessions run and where they are logged.
#[derive(Debug)]
pub struct Site {
    /// What their runs are spread over.
    pub devices: Devices,
    /// Where their logs go.
    pub destination: Destination,
    /// The logs of the session that the dashboard begins with, already read as far as they were: they are read on.
    pub following: Option<Box<log::SessionLog>>,
}

/// Performs the effects of a dashboard on a terminal.
pub struct LiveEffects {
    devices: Devices,
    destination: Destination,
    engine: Option<Engine>,
    /// Whether the engine still has runs.
    flow: Flow,
    tasks: JoinSet<Done>,
    /// Counts the sessions begun, so that an engine that is being started knows whether it is still wanted.
    session: Arc<AtomicU64>,
    /// For messages of engines that are being started, each with the count of its session.
    sender: mpsc::UnboundedSender<(u64, Msg)>,
    messages: mpsc::UnboundedReceiver<(u64, Msg)>,
    /// Whose load is sampled in this session.
    sampled: Sampled,
    /// The task that reads on in the log of a session that another process writes, or samples the load of this process.
    follower: Option<AbortHandle>,
    /// What follows from what happened, to be told before what happens next.
    ready: VecDeque<Msg>,
    /// How the log of each run stands.
    statuses: BTreeMap<usize, RunStatus>,
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
    /// A run has handed over the state that a fork goes on from, in the session of that count; or it has none.
    BranchedOff(u64, Box<RunRequest>, Option<Box<Checkpoint>>),
    /// Of the session of that count.
    LogUpdated(u64, Box<log::SessionLog>, Box<Update>),
    /// The load of the process, in the session of that count.
    LoadSampled(u64, Box<Meter>, Option<Load>),
    /// A session was read, as the dashboard gets it and as its logs are read on.
    Opened(Result<(Box<Recording>, Box<log::SessionLog>), String>),
    Message(Msg),
    /// An engine was closed.
    Closed(Closed),
    Nothing,
}

impl LiveEffects {
    /// Effects whose sessions run and are logged as `site` says. Needs a runtime.
    pub fn new(Site { devices, destination, following }: Site) -> Self {
        let (sender, messages) = mpsc::unbounded_channel();
        let mut effects = Self {
            devices,
            destination,
            engine: None,
            flow: Flow::Drained,
            tasks: JoinSet::new(),
            session: Arc::default(),
            sender,
            messages,
            sampled: Sampled::Process,
            follower: None,
            ready: VecDeque::new(),
            statuses: BTreeMap::new(),
        };
        if let Some(logs) = following {
            effects.follow(logs);
        }
        effects
    }

    fn session(&self) -> u64 {
        self.session.load(Ordering::Relaxed)
    }

    fn end_session(&mut self) {
        self.session.fetch_add(1, Ordering::Relaxed);
        self.flow = Flow::Drained;
        self.ready.clear();
        self.statuses.clear();
        if let Some(follower) = self.follower.take() {
            follower.abort();
        }
        if let Some(engine) = self.engine.take() {
            self.tasks.spawn(async { Done::Closed(close(engine).await) });
        }
    }

    fn starting(&self) -> Starting {
        Starting { session: self.session(), sessions: self.session.clone(), sender: self.sender.clone() }
    }

    /// The events of a batch; how the run stands follows where that has changed.
    fn unpack(&mut self, EventBatch { run, events, status }: EventBatch) -> Msg {
        if self.statuses.get(&run) != Some(&status) {
            self.statuses.insert(run, status.clone());
            self.ready.push_back(Msg::Status { run, status });
        }
        Msg::Events(vec![(run, events)])
    }

    /// The session that runs.
    pub fn directory(&self) -> Option<PathBuf> {
        self.engine.as_ref().and_then(Engine::directory).map(PathBuf::from)
    }

    /// Spawns `work` on a blocking thread; `then` gets what it returns, or the text of its panic.
    fn spawn<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(Result<T, String>) -> Done + Send + 'static,
    ) {
        self.tasks.spawn(async { then(spawn_blocking(work).await.map_err(|error| error_chain(&error))) });
    }

    /// Reads on in the logs of a session after a while.
    fn follow(&mut self, mut logs: Box<log::SessionLog>) {
        let session = self.session();
        self.follower = Some(self.tasks.spawn(async move {
            sleep(POLL).await;
            let read = spawn_blocking(move || {
                let update = Box::new(read_on(&mut logs));
                (logs, update)
            });
            read.await.map_or(Done::Nothing, |(logs, update)| Done::LogUpdated(session, logs, update))
        }));
    }

    /// Samples the load of the process: at once to begin with, then a while after the sample before.
    fn sample(&mut self, meter: Option<Box<Meter>>) {
        let (session, sampled) = (self.session(), self.sampled);
        self.follower = Some(self.tasks.spawn(async move {
            if meter.is_some() {
                sleep(SAMPLE).await;
            }
            let sample = spawn_blocking(move || match meter {
                None => (Box::new(Meter::new(sampled)), None),
                Some(mut meter) => {
                    let load = meter.sample();
                    (meter, load)
                }
            });
            sample.await.map_or(Done::Nothing, |(meter, load)| Done::LoadSampled(session, meter, load))
        }));
    }

    /// What the dashboard is to know of a finished task.
    fn report(&mut self, done: Done) -> Option<Msg> {
        match done {
            Done::Started(session, started) => self.report_start(session, started),
            Done::LogUpdated(session, logs, update) if session == self.session() => {
                self.follow(logs);
                let Update { events, writer, damage } = *update;
                self.ready.push_back(Msg::Writer(writer));
                self.ready.extend(damage.map(Msg::Damage));
                Some(Msg::Events(events.into_iter().enumerate().filter(|(_, events)| !events.is_empty()).collect()))
            }
            Done::LoadSampled(session, meter, load) if session == self.session() => {
                self.sample(Some(meter));
                load.map(Msg::Load)
            }
            Done::Opened(Ok((recording, logs))) => {
                self.end_session();
                self.follow(logs);
                Some(Msg::Opened(Ok(recording)))
            }
            Done::Opened(Err(reason)) => Some(Msg::Opened(Err(reason))),
            Done::BranchedOff(session, request, state) if session == self.session() => {
                Some(Msg::RunAdded(self.add_fork(*request, state)))
            }
            Done::Message(message) => Some(message),
            Done::BranchedOff(..) | Done::LogUpdated(..) | Done::LoadSampled(..) | Done::Closed(_) | Done::Nothing => {
                None
            }
        }
    }

    fn report_start(&mut self, session: u64, started: Result<Box<Engine>, String>) -> Option<Msg> {
        match started {
            Ok(engine) if session == self.session() => {
                let directory = engine.directory().map(PathBuf::from);
                self.engine = Some(*engine);
                self.flow = Flow::Open;
                self.sample(None);
                Some(Msg::Started { directory })
            }
            Ok(engine) => {
                self.tasks.spawn(async { Done::Closed(close(*engine).await) });
                None
            }
            Err(reason) => (session == self.session()).then_some(Msg::StartFailed(reason)),
        }
    }
}

impl Effects for LiveEffects {
    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::StartSession(plan) => {
                self.end_session();
                let gpus = plan.assign(&self.devices).into_iter().any(DeviceName::is_gpu);
                self.sampled = if gpus { Sampled::ProcessAndGpus } else { Sampled::Process };
                let session = self.session();
                let (devices, destination) = (self.devices.clone(), self.destination.clone());
                let starting = self.starting();
                let start = move || {
                    if let Some(warning) = plan.warning(&devices) {
                        starting.send(Msg::Warning(warning));
                    }
                    starting.start(|progress| {
                        Engine::start_with_progress(plan.attended(), &destination, &devices, progress)
                    })
                };
                self.spawn(start, move |started| Done::Started(session, flat(started)));
            }
            Effect::ResumeSession(directory) => {
                self.end_session();
                let gpus = self.devices.iter().any(DeviceName::is_gpu);
                self.sampled = if gpus { Sampled::ProcessAndGpus } else { Sampled::Process };
                let (session, devices, starting) = (self.session(), self.devices.clone(), self.starting());
                let start = move || {
                    starting.start(|progress| Engine::resume(&directory, &devices, Attendance::Attended, progress))
                };
                self.spawn(start, move |started| Done::Started(session, flat(started)));
            }
            Effect::EndSession => self.end_session(),
            Effect::AddRun(request) => self.add_run(*request),
            Effect::Send { run, command } => {
                if let Some(engine) = &self.engine {
                    engine.send(run, command);
                }
            }
            Effect::Export(request) => {
                self.spawn(move || export(request), |path| Done::Message(Msg::Exported(flat(path))));
            }
            Effect::OpenSession(directory) => self.spawn(move || open(directory), |read| Done::Opened(flat(read))),
            Effect::EditCopy(name) => {
                self.spawn(move || copy_preset(&name), |path| Done::Message(Msg::Copied(flat(path))));
            }
            // The loop sees to these itself.
            Effect::Quit(_) | Effect::Suspend(_) => {}
        }
    }

    async fn next(&mut self) -> Msg {
        if let Some(message) = self.ready.pop_front() {
            return message;
        }
        loop {
            let session = self.session();
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
                // Messages from before the engine runs come before its events.
                biased;
                Some((of, message)) = self.messages.recv() => {
                    if of == session {
                        return message;
                    }
                    continue;
                }
                batch = batch => {
                    let Some(batch) = batch else {
                        self.flow = Flow::Drained;
                        return Msg::Drained;
                    };
                    return self.unpack(batch);
                }
                done = task => done.unwrap_or(Done::Nothing),
            };
            if let Some(message) = self.report(done) {
                return message;
            }
        }
    }

    async fn close(mut self) -> Closed {
        self.end_session();
        // Exports are finished, sessions closed; a log being followed is left.
        let mut closed = Closed::default();
        while let Some(done) = self.tasks.join_next().await {
            match done {
                Ok(Done::Started(_, Ok(engine))) => closed = close(*engine).await,
                // The last session is the one that is left.
                Ok(Done::Closed(last)) => closed = last,
                Ok(
                    Done::Started(_, Err(_))
                    | Done::BranchedOff(..)
                    | Done::LogUpdated(..)
                    | Done::LoadSampled(..)
                    | Done::Opened(_)
                    | Done::Message(_)
                    | Done::Nothing,
                )
                | Err(_) => {}
            }
        }
        closed
    }
}

/// Ends the runs of an engine and waits for them. Something is left to do where some had not ended by themselves.
async fn close(engine: Engine) -> Closed {
    let directory = engine.directory().map(PathBuf::from);
    let last = engine.close().await;
    let stopped = |event: &Event| matches!(event, Event::Finish { outcome: Outcome::Stopped, .. });
    let unfinished = last.iter().flat_map(|batch| &batch.events).any(stopped).then_some(directory).flatten();
    Closed { unfinished, events: last.into_iter().map(|batch| (batch.run, batch.events)).collect() }
}

fn flat<T>(result: Result<Result<T, String>, String>) -> Result<T, String> {
    result.and_then(|result| result)
}

fn open(directory: PathBuf) -> Result<(Box<Recording>, Box<log::SessionLog>), String> {
    let (recording, logs) = follow::open(directory).map_err(|error| error_chain(&error))?;
    Ok((Box::new(recording), logs))
}
