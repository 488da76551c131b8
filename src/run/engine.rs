//! Threads and channels: one named thread a run, commands down, batches of events up.
//! A run writes its own log and never waits for the receiver of its events: what the channel does not take yet stays with the run.

mod add;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use burn::tensor::Device;
use tokio::sync::mpsc as events;

pub use add::NewRun;

use super::{
    Command, EventBatch, Plan,
    device::{self, DeviceError, DeviceName, Devices},
    isolate::{ChildBeginning, Isolated},
    log::{Destination, LogError, LogWriter, SessionDirectory, SessionLog},
    memory::{self, MemoryError},
    outbox::{AwaitedForks, Closing, Outbox},
    preset::PresetError,
    resume::{self, Interrupted, RunStart},
    worker::{Mailbox, Worker},
};
use crate::{
    autodiff::{ArchiveError, Interruption},
    problem::{Loading, LoadingCallback, Problem, ProblemError, ignore_progress},
};

/// Batches that may wait in the channel.
const CHANNEL: usize = 64;

/// Why a session could not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The machine has too little memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
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
    /// Runs in processes of their own meet in a folder.
    #[error("runs in processes of their own need a folder for the session")]
    NoFolder,
    /// A run that is added does not fit the session.
    #[error(transparent)]
    Preset(#[from] PresetError),
    /// A checkpoint of another version.
    #[error(transparent)]
    Checkpoint(#[from] ArchiveError),
    /// Runs in processes of their own take no others in.
    #[error("a session whose runs have processes of their own takes no run in")]
    Isolated,
    /// The system gives no thread.
    #[error("cannot start a thread for a run: {0}")]
    Thread(std::io::Error),
}

/// A session in progress.
#[derive(Debug)]
pub struct Engine {
    runs: Vec<RunHandle>,
    events: events::Receiver<EventBatch>,
    directory: Option<SessionDirectory>,
    closing: Closing,
    /// What runs that are added later are started with; `None` where runs have processes of their own.
    site: Option<Site>,
}

/// What the engine holds of a run.
#[derive(Debug)]
struct RunHandle {
    commands: mpsc::Sender<Command>,
    interruption: Interruption,
    forks: AwaitedForks,
    thread: JoinHandle<()>,
}

/// What threads of runs are started with.
struct Site {
    plan: Arc<Plan>,
    /// The problem of each run.
    problems: Vec<Arc<dyn Problem>>,
    channel: events::Sender<EventBatch>,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("plan", &self.plan).finish_non_exhaustive()
    }
}

/// Whether a session has a user who can resume a paused run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attendance {
    Attended,
    Unattended,
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
        let problems = build(&plan, devices, progress)?;
        Self::with_problems(plan, &problems, destination)
    }

    /// Goes on with the session in `directory`: every run that did not come to its end continues from its last checkpoint, or from the
    /// beginning where there is none. On a device that repeats itself its log becomes that of a run that was never cut off. The events
    /// that the log has are published first.
    ///
    /// # Errors
    /// [`EngineError`], also where a process writes the session already.
    pub fn resume(
        directory: &Path,
        devices: &Devices,
        attendance: Attendance,
        progress: LoadingCallback<'_>,
    ) -> Result<Self, EngineError> {
        let Interrupted { plan, directory, runs } = resume::read(directory)?;
        let plan = match attendance {
            Attendance::Attended => plan,
            Attendance::Unattended => plan.unattended(),
        };
        let problems = build(&plan, devices, progress)?;
        Self::launch(plan, &problems, Some(directory), runs)
    }

    /// Starts every run in a process of its own, which builds the problem for itself: what ends one of them, such as an abort in native
    /// code or a kill for want of memory, leaves the others alone.
    ///
    /// # Errors
    /// [`EngineError`] if the session cannot be written or has no folder.
    pub fn start_isolated(plan: &Plan, destination: &Destination, devices: &Devices) -> Result<Self, EngineError> {
        let directory = SessionDirectory::create(destination, plan)?.ok_or(EngineError::NoFolder)?;
        Self::isolate(plan, &directory, devices, ChildBeginning::Fresh)
    }

    /// Goes on with a session as [`Engine::resume`] does, with every run in a process of its own.
    ///
    /// # Errors
    /// [`EngineError`], also where a process writes the session already.
    pub fn resume_isolated(directory: &Path, devices: &Devices) -> Result<Self, EngineError> {
        let Interrupted { plan, directory, .. } = resume::read(directory)?;
        Self::isolate(&plan, &directory, devices, ChildBeginning::Resumed)
    }

    fn isolate(
        plan: &Plan,
        directory: &SessionDirectory,
        devices: &Devices,
        beginning: ChildBeginning,
    ) -> Result<Self, EngineError> {
        let (sender, events) = events::channel(CHANNEL);
        let mut engine = Self::empty(events, Some(directory.clone()), None);
        for (run, device) in plan.assign(devices).into_iter().enumerate() {
            let (commands, inbox) = mpsc::channel();
            let isolated = Isolated { run, directory: directory.clone(), device, beginning, channel: sender.clone() };
            let thread = thread::Builder::new().spawn(move || isolated.work(inbox)).map_err(EngineError::Thread)?;
            let (interruption, forks) = (Interruption::default(), AwaitedForks::default());
            engine.runs.push(RunHandle { commands, interruption, forks, thread });
        }
        Ok(engine)
    }

    fn empty(events: events::Receiver<EventBatch>, directory: Option<SessionDirectory>, site: Option<Site>) -> Self {
        Self { runs: Vec::new(), events, directory, closing: Closing::default(), site }
    }

    /// Runs a recorded session again, with the changes of hyperparameters that its logs have at their steps, and logs it as a session
    /// of its own.
    ///
    /// # Errors
    /// As of [`Engine::start`], and [`EngineError::Log`] if the session cannot be read.
    pub fn rerun(
        session: &mut SessionLog,
        destination: &Destination,
        devices: &Devices,
        progress: LoadingCallback<'_>,
    ) -> Result<Self, EngineError> {
        let (plan, runs) = resume::repeat(session)?;
        let plan = plan.unattended();
        let problems = build(&plan, devices, progress)?;
        let directory = SessionDirectory::create(destination, &plan)?;
        Self::launch(plan, &problems, directory, runs)
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
        let runs = (0..plan.runs.len()).map(|run| resume::fresh(&plan, run)).collect();
        let new = directory.clone();
        // A session of which nothing runs leaves nothing behind.
        Self::launch(plan, problems, directory, runs).inspect_err(|_| new.iter().for_each(SessionDirectory::discard))
    }

    fn launch(
        plan: Plan,
        problems: &[Arc<dyn Problem>],
        directory: Option<SessionDirectory>,
        starts: Vec<RunStart>,
    ) -> Result<Self, EngineError> {
        let (channel, events) = events::channel(CHANNEL);
        let log = |run, start: &RunStart| directory.as_ref().map(|directory| directory.log(run, start.log_length));
        let logs = starts.iter().enumerate().map(|(run, start)| log(run, start).transpose());
        // All are opened before the first run begins.
        let logs = logs.collect::<Result<Vec<_>, LogError>>()?;
        let site = Site { plan: Arc::new(plan), problems: problems.to_vec(), channel };
        let mut engine = Self::empty(events, directory, None);
        for (log, start) in logs.into_iter().zip(starts) {
            engine.launch_run(&site, log, start)?;
        }
        engine.site = Some(site);
        Ok(engine)
    }

    /// Starts the thread of the next run of the plan.
    fn launch_run(&mut self, site: &Site, log: Option<LogWriter>, start: RunStart) -> Result<(), EngineError> {
        let run = self.runs.len();
        let (commands, inbox) = mpsc::channel();
        let (interruption, forks) = (Interruption::default(), AwaitedForks::default());
        let RunStart { history, beginning, catch_up, .. } = start;
        let outbox = Outbox {
            directory: self.directory.clone(),
            log,
            checkpoint_every: site.plan.train.checkpoint_every,
            catch_up,
            pending: history,
            forks: forks.clone(),
            ..Outbox::new(run, site.channel.clone(), self.closing.clone())
        };
        let (plan, problem) = (site.plan.clone(), site.problems[run].clone());
        let worker = Worker { plan, problem, interruption: interruption.clone() };
        let name: String = site.plan.runs[run].name.chars().filter(|c| *c != '\0').take(15).collect();
        let thread = thread::Builder::new()
            .name(name)
            .spawn(move || worker.work(Mailbox(inbox), outbox, beginning))
            .map_err(EngineError::Thread)?;
        self.runs.push(RunHandle { commands, interruption, forks, thread });
        Ok(())
    }

    /// Sends a command to a run. Without effect on a run whose thread is gone.
    pub fn send(&self, run: usize, command: Command) {
        let Some(RunHandle { commands, interruption, .. }) = self.runs.get(run) else { return };
        let ends = command == Command::Stop;
        let _ = commands.send(command);
        // After the command, which the interrupted run then finds in its inbox.
        if ends {
            interruption.request();
        }
    }

    /// The next batch of events; `None` once every run's thread is gone.
    pub async fn next(&mut self) -> Option<EventBatch> {
        self.events.recv().await
    }

    /// How many runs there are.
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// The session directory, if there is one.
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_ref().map(SessionDirectory::path)
    }

    /// Stops every run, lets each write its end, and waits for the threads. Returns the batches that were still under way.
    pub async fn close(mut self) -> Vec<EventBatch> {
        self.closing.begin();
        for run in 0..self.runs.len() {
            self.send(run, Command::Stop);
        }
        // Without senders the channels end, once the threads have.
        self.site = None;
        let threads: Vec<_> = self.runs.drain(..).map(|handle| handle.thread).collect();
        let mut last = Vec::new();
        while let Some(batch) = self.next().await {
            last.push(batch);
        }
        for thread in threads {
            // A panic of a run has been published as its last event.
            let _ = thread.join();
        }
        last
    }
}

/// Opens the devices and builds the problem once on each that a run uses: the problem of each run.
fn build(plan: &Plan, devices: &Devices, progress: LoadingCallback<'_>) -> Result<Vec<Arc<dyn Problem>>, EngineError> {
    let assigned = plan.assign(devices);
    memory::check(plan, &assigned)?;
    let used: BTreeSet<DeviceName> = assigned.iter().copied().collect();
    // All are opened before the problem is read, which may take long: a missing device is reported at once.
    let opened = used.into_iter().map(|name| Ok((name, device::open(name)?)));
    let opened = opened.collect::<Result<Vec<_>, DeviceError>>()?.into_iter();
    let build = |(name, device): (DeviceName, Device)| {
        Ok((name, plan.problem.build_with_progress(plan.train.seed, &device, progress)?))
    };
    let by_device = opened.map(build).collect::<Result<BTreeMap<_, _>, ProblemError>>()?;
    let problems = assigned.iter().map(|name| by_device[name].clone()).collect();
    if progress(Loading::Done).is_break() {
        return Err(EngineError::Cancelled);
    }
    device::share_cores(&assigned);
    Ok(problems)
}
