//! What goes into the dashboard and what comes out of it: messages, effects, and how it begins and ends. All plain data.

use std::{path::PathBuf, time::Duration};

use super::{key::Key, picker::PresetEntry, theme::Appearance};
use crate::{
    figure::{self, History, RecordedRun},
    optimizer::Hyperparameter,
    problem::Loading,
    run::{Command, Event, Outcome, Plan, RunPlan, RunStatus, device::Load},
};

/// What the dashboard begins with.
#[derive(Debug)]
pub enum InitialScreen {
    Picker,
    /// A session of this plan.
    Plan(Box<Plan>),
    /// A session that was read from its log.
    Recorded(Box<Recording>),
}

/// A session read from its log.
#[derive(Debug)]
pub struct Recording {
    pub plan: Plan,
    /// Each run of the plan as far as its log goes.
    pub runs: Vec<RecordedRun>,
    /// Where its log is.
    pub directory: PathBuf,
    pub writer: Writer,
    /// What of it is damaged.
    pub damage: Option<String>,
}

/// Whether a process writes a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    Alive,
    /// What is not finished was cut off.
    Gone,
}

/// What the dashboard knows before anything happens.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// The presets on offer.
    pub choices: Vec<PresetEntry>,
    /// What sessions run on, in words.
    pub device: String,
    /// What the terminal can show.
    pub appearance: Appearance,
}

#[derive(Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(Key),
    /// The terminal has another size.
    Resize,
    /// So much time went by since the session was started.
    Tick(Duration),
    /// Events of runs, by their place in the plan.
    Events(Vec<(usize, Vec<Event>)>),
    /// Something to know before the session starts.
    Warning(String),
    /// The session's images are being read.
    Loading(Loading),
    /// The engine runs; its log, if there is one, is there.
    Started {
        /// Where the log is.
        directory: Option<PathBuf>,
    },
    /// The engine could not be started.
    StartFailed(String),
    /// A run was added behind the others, or could not be.
    RunAdded(Result<Box<RunPlan>, String>),
    /// No run will send another event.
    Drained,
    /// How busy the process and its GPUs are.
    Load(Load),
    /// A session was read.
    Opened(Result<Box<Recording>, String>),
    /// A figure was written.
    Exported(Result<PathBuf, String>),
    /// A preset was written to a file.
    Copied(Result<PathBuf, String>),
    /// The process was asked to end.
    Signal(i32),
    /// The process was asked to stop, to be continued later.
    Suspend,
    /// How a run's log stands.
    Status {
        /// Its place in the plan.
        run: usize,
        status: RunStatus,
    },
    /// Whether a process writes the session that was read.
    Writer(Writer),
    /// The session that was read is damaged, or cannot be read on.
    Damage(String),
}

/// What is asked of the world.
#[derive(Debug)]
pub enum Effect {
    /// Start the engine on a plan.
    StartSession(Box<Plan>),
    /// Close the session: its runs are over or unwanted.
    EndSession,
    /// Add a run to the session that trains.
    AddRun(Box<RunRequest>),
    /// Send a command to a run.
    Send {
        /// Its place in the plan.
        run: usize,
        command: Command,
    },
    /// Write a figure.
    Export(ExportRequest),
    /// Read a session.
    OpenSession(PathBuf),
    /// Go on with a session that was cut off.
    ResumeSession(PathBuf),
    /// Write the text of the preset of that name to a file.
    EditCopy(String),
    /// Stop the process until it is continued.
    Suspend(Suspension),
    /// End the program.
    Quit(Ending),
}

/// A run to be added to a session.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// The run; the hyperparameters of a fork are those that its parent has when it branches off.
    pub plan: RunPlan,
    /// The place of the run whose problem and device it shares, and from which a fork branches off.
    pub like: usize,
    pub origin: Origin,
    /// What is changed as soon as it has begun.
    pub changes: Vec<SetValue>,
}

/// Where a run that is added begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    InitialWeights,
    /// Where the run that it is like is now.
    Fork,
}

/// A hyperparameter with a value that it is to have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SetValue {
    pub hyperparameter: Hyperparameter,
    pub value: f64,
}

/// Who asked the process to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspension {
    /// A user at the terminal, who needs a shell there to continue it.
    Key,
    Signal,
}

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// It is replaced: the user gave its name.
    AsAsked,
    /// It stays, and the new one gets a number.
    Numbered,
}

/// A file to be written: what it shows and where it goes.
#[derive(Debug)]
pub struct ExportRequest {
    pub path: PathBuf,
    pub naming: Naming,
    /// The session's directory, whose logs have the events.
    pub directory: PathBuf,
    /// How many events of each run the screen shows; later ones are left out.
    pub received: Vec<usize>,
    /// Panels, axes and scales, as on the screen.
    pub options: figure::Options,
}

/// A session that was watched, for what is said of it afterwards.
#[derive(Debug)]
pub struct LeftSession {
    pub plan: Plan,
    /// The fold of each run's events.
    pub histories: Vec<History>,
    /// Where its logs are.
    pub directory: Option<PathBuf>,
}

/// How the dashboard ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// By a key. The outcomes are those of the runs that were trained and had ended by themselves.
    Quit(Vec<Outcome>),
    /// By a key, the runs to go on in the background.
    Detached,
    Interrupted,
    Signal(i32),
    /// What the command line asked for cannot be shown.
    Failed(String),
}

impl Ending {
    /// The program's exit code: 0, 3 after a run that diverged or failed, 2 for what cannot be shown, 130 for Ctrl-C,
    /// 128 + n for signal n.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Quit(outcomes) if outcomes.iter().any(|end| matches!(end, Outcome::Diverged | Outcome::Failed)) => 3,
            Self::Quit(_) | Self::Detached => 0,
            Self::Interrupted => 130,
            Self::Signal(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
            Self::Failed(_) => 2,
        }
    }
}
