//! The command line: one file a command, and what they share.

mod choices;
mod dashboard;
mod devices;
mod doctor;
mod export;
mod manual;
mod presets;
mod progress;
mod results;
mod resume;
mod run;
mod session;
mod train_one;
mod verify;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Mutex,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use nso_tui::{
    dashboard::DashboardError,
    figure::ExportError,
    file::open_diagnostics,
    run::{
        CHILD_COMMAND, EngineError, Plan,
        device::{DeviceError, Devices},
        log::{DamagedLine, Destination, LogError, SessionLog},
        preset::{self, PresetError},
    },
    text::printable,
    tui::key::UnknownKey,
};
use tracing_subscriber::EnvFilter;

/// Train SGD, WP-SGD, SAM and NSO side by side, watch their curvature, and steer them.
///
/// Without a command: the dashboard, which offers the presets, or watches PRESET at once.
#[derive(Debug, Parser)]
#[command(name = "nso-tui", version, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// A name from `presets list`, or a path to a TOML file
    preset: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    screen: Screen,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a preset without a terminal; progress goes to standard error, the results to standard output
    Run(run::RunArgs),
    /// Go on with a session that was cut off, without a terminal
    Resume(resume::ResumeArgs),
    /// Repeat a session, live changes included, and compare
    Rerun(resume::RerunArgs),
    /// Check that every line and file of a session is as it was written
    Verify(verify::VerifyArgs),
    /// Train one run of a session in this process, for `--isolate`
    #[command(hide = true, name = CHILD_COMMAND)]
    TrainOne(train_one::TrainOneArgs),
    /// Show a finished or running session in the dashboard
    Replay(dashboard::ReplayArgs),
    /// Write a session as a figure or a table
    Export(export::ExportArgs),
    /// List the presets, or show one
    #[command(subcommand)]
    Presets(presets::PresetsCommand),
    /// List the devices that this program can train on
    Devices,
    /// Write a completion script for a shell to standard output
    Completions(manual::CompletionsArgs),
    /// Write the man page to standard output
    Man,
    /// Check on this machine and device that measurements, methods, noise, speed and terminal hold
    Doctor(doctor::DoctorArgs),
}

/// What every command takes.
#[derive(Debug, Args)]
struct Common {
    /// Device to train on, or several with commas between them, which runs then take in turn; see `devices` [default: the
    /// best GPU there is, else LibTorch on the CPU, else flex]
    #[arg(long, global = true, value_name = "DEVICE")]
    device: Option<String>,
    /// Seed of initial weights, batches, noise, probe vectors and synthetic data, in place of the preset's
    #[arg(long, global = true, value_name = "N")]
    seed: Option<u64>,
    /// Change one key of the preset: `train.epochs=5`, `run.NSO.sigma=0.03` (repeatable)
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Append diagnostics to this file, which must be new or of an earlier --log
    #[arg(long, global = true, value_name = "FILE")]
    log: Option<PathBuf>,
}

/// Where a session goes.
#[derive(Debug, Args)]
struct Output {
    /// Write the session to this new folder [default: runs/<UTC stamp>-<preset>-<4 hex>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// How results are written to standard output.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum OutputFormat {
    /// For people
    Text,
    /// One JSON object
    Json,
}

/// How a dashboard command draws.
#[derive(Debug, Args)]
struct Screen {
    /// Draw with plain characters only
    #[arg(long)]
    ascii: bool,
    /// Draw one frame of this size as text and exit
    #[arg(long, value_name = "COLSxROWS")]
    print: Option<nso_tui::tui::print::Size>,
    /// Keys to press before that frame, such as "down down enter"
    #[arg(long, value_name = "KEYS", requires = "print")]
    keys: Option<String>,
}

/// What stops a command before its work is done. All of these are bad usage or bad input.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error(transparent)]
    Preset(#[from] PresetError),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Dashboard(#[from] DashboardError),
    #[error(transparent)]
    Keys(#[from] UnknownKey),
    /// Options that do not go together.
    #[error("{0}")]
    Usage(String),
    /// What a dashboard was asked to show cannot be shown.
    #[error("{0}")]
    Show(String),
    #[error("cannot {what}")]
    Io { what: String, source: io::Error },
}

impl Cli {
    /// Does what the command line says. The exit code is that of the command; see the README.
    ///
    /// # Errors
    /// [`CliError`] for bad usage and bad input.
    pub fn execute(self) -> Result<ExitCode, CliError> {
        self.common.open_log()?;
        let trains = matches!(self.command, None | Some(Command::Run(_)));
        if !trains && !self.common.sets.is_empty() {
            return Err(CliError::Usage("--set changes the preset of a training; this command has none".to_owned()));
        }
        match self.command {
            None => dashboard::watch(self.preset.as_deref(), &self.output, &self.screen, &self.common),
            Some(Command::Run(args)) => run::run(&args, &self.common),
            Some(Command::Resume(args)) => resume::resume(&args, &self.common),
            Some(Command::Rerun(args)) => resume::rerun(&args, &self.common),
            Some(Command::TrainOne(args)) => train_one::train_one(&args, &self.common),
            Some(Command::Verify(args)) => verify::verify(&args),
            Some(Command::Replay(args)) => dashboard::replay(&args, &self.common),
            Some(Command::Export(args)) => export::export(&args),
            Some(Command::Presets(command)) => presets::presets(&command),
            Some(Command::Devices) => devices::devices(),
            Some(Command::Completions(args)) => manual::completions(&args),
            Some(Command::Man) => manual::man(),
            Some(Command::Doctor(args)) => doctor::doctor(&args, &self.common),
        }
    }
}

impl Common {
    /// The preset of that name or path, with the command line's changes.
    fn plan(&self, name: &str) -> Result<Plan, PresetError> {
        preset::parse(name, &preset::find(name)?, &self.overrides())
    }

    /// The devices asked for, or the best there is. None is opened.
    fn devices(&self) -> Result<Devices, DeviceError> {
        Devices::choose(self.device.as_deref())
    }

    fn overrides(&self) -> Vec<String> {
        let seed = self.seed.map(|seed| format!("train.seed={seed}"));
        self.sets.iter().cloned().chain(seed).collect()
    }

    /// Sends diagnostics to the file asked for. `NSO_TUI_LOG` sets how much, as in `debug`.
    fn open_log(&self) -> Result<(), CliError> {
        let Some(path) = &self.log else { return Ok(()) };
        let file = open_diagnostics(path)
            .map_err(|source| CliError::Io { what: format!("write {}", path.display()), source })?;
        let level = EnvFilter::try_from_env("NSO_TUI_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        tracing_subscriber::fmt().with_env_filter(level).with_writer(Mutex::new(file)).with_ansi(false).init();
        Ok(())
    }
}

/// Names on standard error what is damaged in a session.
fn warn(session: &SessionLog, damaged: &[DamagedLine]) {
    for warning in session.warning.iter().cloned().chain(damaged.iter().map(DamagedLine::to_string)) {
        note(&format!("warning: {warning}"));
    }
}

/// A line on standard error, free of what terminals act on. A closed pipe is no error.
fn note(text: &str) {
    let _ = io::stderr().write_all(format!("{}\n", printable(text)).as_bytes());
}

/// Writes to standard output. A reader that has closed the pipe, as `head` does, is no error.
fn print(text: &str) -> Result<(), CliError> {
    let mut output = io::stdout();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::Io { what: "write to standard output".to_owned(), source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

impl Output {
    fn destination(&self) -> Destination {
        self.out.clone().map_or_else(|| Destination::Inside("runs".into()), Destination::Exactly)
    }
}
