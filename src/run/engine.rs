//! Threads and channels: one named thread a run, commands down, batches of events up.
//! A run writes its own log and never waits for the receiver of its events: what the channel does not take yet stays with the run.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use burn::tensor::Device;
use tokio::sync::mpsc as events;

use super::{
    Command, Event, Outcome, Plan, Position,
    device::{self, DeviceError, DeviceName, Devices},
    job::{FinalState, Inbox, Job, LoopExit, PublishError},
    log::{AVERAGE_FILE, BEST_FILE, Destination, LogError, LogWriter, SessionDirectory, WEIGHTS_FILE},
    train::train,
};
use crate::{
    autodiff::Vector,
    optimizer::Hyperparameter,
    problem::{Loading, LoadingCallback, Problem, ProblemError, ignore_progress},
};

/// How often a run hands over its events while it trains.
const BATCH_EVERY: Duration = Duration::from_millis(50);

/// Batches that may wait in the channel.
const CHANNEL: usize = 64;

/// Consecutive events of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct EventBatch {
    /// Its place in the plan.
    pub run: usize,
    /// The events since its last batch, in order.
    pub events: Vec<Event>,
}

/// Why a session could not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A device cannot be had.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Its problem could not be built.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// `progress` broke it off.
    #[error("the session was cancelled before it started")]
    Cancelled,
    /// Its directory could not be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The system gives no thread.
    #[error("cannot start a thread for a run: {0}")]
    Thread(std::io::Error),
}

/// A session in progress.
#[derive(Debug)]
pub struct Engine {
    commands: Vec<mpsc::Sender<Command>>,
    threads: Vec<JoinHandle<()>>,
    events: events::Receiver<EventBatch>,
    directory: Option<SessionDirectory>,
}

impl Engine {
    /// Opens the devices, builds the problem once on each that a run uses, makes the session directory and starts every
    /// run. May take seconds.
    ///
    /// # Errors
    /// [`EngineError`]; no run has started then, and no directory is made if a device or the problem is at fault.
    pub fn start(plan: Plan, destination: &Destination, devices: &Devices) -> Result<Self, EngineError> {
        Self::start_with_progress(plan, destination, devices, &ignore_progress)
    }

    /// The same; `progress` is called while the problem is read, and may cancel the start.
    ///
    /// # Errors
    /// As of [`Engine::start`], and [`EngineError::Cancelled`].
    pub fn start_with_progress(
        plan: Plan,
        destination: &Destination,
        devices: &Devices,
        progress: LoadingCallback<'_>,
    ) -> Result<Self, EngineError> {
        let assigned = plan.assign(devices);
        let used: BTreeSet<DeviceName> = assigned.iter().copied().collect();
        // All are opened before the problem is read, which may take long: a missing device is reported at once.
        let opened = used.into_iter().map(|name| Ok((name, device::open(name)?)));
        let opened = opened.collect::<Result<Vec<_>, DeviceError>>()?.into_iter();
        let build = |(name, device): (DeviceName, Device)| {
            Ok((name, plan.problem.build_with_progress(plan.train.seed, &device, progress)?))
        };
        let by_device = opened.map(build).collect::<Result<BTreeMap<_, _>, ProblemError>>()?;
        let problems: Vec<_> = assigned.iter().map(|name| by_device[name].clone()).collect();
        if progress(Loading::Done).is_break() {
            return Err(EngineError::Cancelled);
        }
        device::share_cores(&assigned);
        Self::with_problems(plan, &problems, destination)
    }

    /// Starts every run of the plan on this problem, in place of the one that the plan describes.
    ///
    /// # Errors
    /// [`EngineError`]; no run has started then.
    pub fn with_problem(
        plan: Plan,
        problem: &Arc<dyn Problem>,
        destination: &Destination,
    ) -> Result<Self, EngineError> {
        let problems = vec![problem.clone(); plan.runs.len()];
        Self::with_problems(plan, &problems, destination)
    }

    /// Starts every run of the plan on the problem in its place.
    fn with_problems(
        plan: Plan,
        problems: &[Arc<dyn Problem>],
        destination: &Destination,
    ) -> Result<Self, EngineError> {
        let directory = SessionDirectory::create(destination, &plan)?;
        let (sender, events) = events::channel(CHANNEL);
        let plan = Arc::new(plan);
        let mut engine = Self { commands: Vec::new(), threads: Vec::new(), events, directory };
        for (run, problem) in problems.iter().enumerate() {
            let (commands, inbox) = mpsc::channel();
            let log = engine.directory.as_ref().map(|directory| directory.log(run)).transpose()?;
            let outbox = Outbox {
                run,
                log,
                channel: sender.clone(),
                pending: Vec::new(),
                sent: Instant::now(),
                at: Position::default(),
            };
            let worker = Worker { plan: plan.clone(), problem: problem.clone(), directory: engine.directory.clone() };
            let name: String = plan.runs[run].name.chars().filter(|c| *c != '\0').take(15).collect();
            let thread = thread::Builder::new()
                .name(name)
                .spawn(move || worker.work(Mailbox(inbox), outbox))
                .map_err(EngineError::Thread)?;
            engine.commands.push(commands);
            engine.threads.push(thread);
        }
        Ok(engine)
    }

    /// Sends a command to a run. Without effect on a run whose thread is gone.
    pub fn send(&self, run: usize, command: Command) {
        if let Some(commands) = self.commands.get(run) {
            let _ = commands.send(command);
        }
    }

    /// The next batch of events; `None` once every run's thread is gone.
    pub async fn next(&mut self) -> Option<EventBatch> {
        self.events.recv().await
    }

    /// The session directory, if there is one.
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_ref().map(SessionDirectory::path)
    }

    /// Stops every run, lets each write its end, and waits for the threads. Returns the batches that were still under way.
    pub async fn close(mut self) -> Vec<EventBatch> {
        for run in 0..self.commands.len() {
            self.send(run, Command::Stop);
        }
        self.commands.clear();
        let mut last = Vec::new();
        while let Some(batch) = self.next().await {
            last.push(batch);
        }
        for thread in self.threads {
            // A panic of a run has been published as its last event.
            let _ = thread.join();
        }
        last
    }
}

/// A run's end of the command channel.
struct Mailbox(mpsc::Receiver<Command>);

impl Inbox for Mailbox {
    fn poll(&mut self) -> Option<Command> {
        match self.0.try_recv() {
            Ok(command) => Some(command),
            Err(mpsc::TryRecvError::Empty) => None,
            Err(mpsc::TryRecvError::Disconnected) => Some(Command::Stop),
        }
    }

    fn wait(&mut self) -> Command {
        self.0.recv().unwrap_or(Command::Stop)
    }
}

/// What a run's thread holds.
struct Worker {
    plan: Arc<Plan>,
    problem: Arc<dyn Problem>,
    directory: Option<SessionDirectory>,
}

impl Worker {
    /// Trains the run, again after each restart, until it is over and the engine is closed.
    fn work(self, mut mailbox: Mailbox, mut outbox: Outbox) {
        loop {
            let attempt = panic::catch_unwind(AssertUnwindSafe(|| self.attempt(&mut mailbox, &mut outbox)));
            let failed = |reason| End { outcome: Outcome::Failed, reason: Some(reason), best_step: None };
            outbox.finish(match attempt {
                Ok(Ok(None)) => continue,
                Ok(Ok(Some(end))) => end,
                Ok(Err(error)) => failed(error.to_string()),
                Err(payload) => failed(format!("panicked: {}", panic_text(payload.as_ref()))),
            });
            loop {
                match mailbox.0.recv() {
                    Ok(Command::Restart) => break,
                    Ok(Command::Adjust { hyperparameter, value }) => outbox.refuse(hyperparameter, value),
                    Ok(Command::Pause | Command::Resume | Command::Stop) => {}
                    Err(mpsc::RecvError) => return,
                }
            }
        }
    }

    /// One training from start to end, its last, best and averaged weights kept: how it ended; `None` if it is to begin again.
    fn attempt(&self, mailbox: &mut Mailbox, outbox: &mut Outbox) -> Result<Option<End>, AttemptError> {
        if let Some(directory) = &self.directory {
            directory.remove_earlier_weights(outbox.run)?;
        }
        let job = Job { run: &self.plan.runs[outbox.run], train: &self.plan.train, problem: self.problem.as_ref() };
        let mut publish = |event| outbox.publish(event).map_err(PublishError::new);
        let LoopExit::Ended(state) = train(job, mailbox, &mut publish)? else { return Ok(None) };
        let FinalState { outcome, reason, at, weights, buffers, best, average } = *state;
        outbox.at = at;
        self.keep(outbox.run, WEIGHTS_FILE, &weights, buffers.as_ref())?;
        if let Some(best) = &best {
            self.keep(outbox.run, BEST_FILE, &best.weights, best.buffers.as_ref())?;
        }
        if let Some(average) = &average {
            self.keep(outbox.run, AVERAGE_FILE, &average.weights, average.buffers.as_ref())?;
        }
        Ok(Some(End { outcome, reason, best_step: best.map(|best| best.step) }))
    }

    /// Writes a whole network: its trained and its frozen tensors, and the buffers of its batch normalisations.
    fn keep(&self, run: usize, file: &str, weights: &Vector, buffers: Option<&Vector>) -> Result<(), LogError> {
        let Some(directory) = &self.directory else { return Ok(()) };
        let buffers = self.problem.buffers().map(|found| found.layout).zip(buffers);
        let frozen = self.problem.frozen();
        let frozen = frozen.as_ref().map(|(layout, values)| (*layout, values));
        let trained = [(self.problem.layout(), weights)];
        let tensors: Vec<_> = trained.into_iter().chain(frozen).chain(buffers).collect();
        directory.write_weights(run, file, &tensors)
    }
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The fields of the last event that the attempt itself knows.
struct End {
    outcome: Outcome,
    /// Why, where the outcome needs a reason.
    reason: Option<String>,
    /// The step of the lowest validation loss.
    best_step: Option<u64>,
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".to_owned())
}

/// A run's end of the event channel, and its log.
struct Outbox {
    run: usize,
    log: Option<LogWriter>,
    channel: events::Sender<EventBatch>,
    pending: Vec<Event>,
    sent: Instant,
    at: Position,
}

impl Outbox {
    /// Logs the event, and hands over what is pending from time to time if the channel has room.
    fn publish(&mut self, event: Event) -> Result<(), LogError> {
        if let Some(log) = &mut self.log {
            log.append(&event)?;
        }
        self.at = event.position().unwrap_or(self.at);
        let urgent = !matches!(event, Event::Step { .. });
        // The sender of a command waits for its answer, and a paused run publishes nothing more that could carry it along.
        let answer =
            matches!(event, Event::Pause { .. } | Event::Resume { .. } | Event::Adjust { .. } | Event::Reject { .. });
        self.pending.push(event);
        if urgent || self.sent.elapsed() >= BATCH_EVERY {
            if let Some(log) = &mut self.log {
                log.flush()?;
            }
            self.sent = Instant::now();
            if answer {
                let _ =
                    self.channel.blocking_send(EventBatch { run: self.run, events: std::mem::take(&mut self.pending) });
            } else if let Ok(room) = self.channel.try_reserve() {
                room.send(EventBatch { run: self.run, events: std::mem::take(&mut self.pending) });
            }
        }
        Ok(())
    }

    /// Rejects a change that came after the end. If the log cannot be written, the run's end has said so.
    fn refuse(&mut self, setting: Hyperparameter, value: f64) {
        let reason = "the run is over".to_owned();
        let _ = self.publish(Event::Reject { step: self.at.step, setting, value, reason });
    }

    /// Publishes the end of the run and hands over everything, waiting for room in the channel. The log may be what made the run
    /// fail, so that an error of it is only traced; a receiver that is gone is no error.
    fn finish(&mut self, End { outcome, reason, best_step }: End) {
        let event = Event::Finish { outcome, at: self.at, reason, best_step };
        if let Some(log) = &mut self.log
            && let Err(error) = log.append(&event).and_then(|()| log.flush())
        {
            tracing::error!("{error}");
        }
        self.pending.push(event);
        let events = std::mem::take(&mut self.pending);
        let _ = self.channel.blocking_send(EventBatch { run: self.run, events });
    }
}
