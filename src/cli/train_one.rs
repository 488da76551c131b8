//! The hidden command by which the program trains one run in a process of its own.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use nso_tui::run::{ChildBeginning, ChildRun, train_one as train};

use super::{CliError, Common};

/// `train-one`.
#[derive(Debug, Args)]
pub struct TrainOneArgs {
    /// The folder of the session
    directory: PathBuf,
    /// The run's place in the plan, counting from 0
    run: usize,
    /// `fresh` or `resumed`
    beginning: ChildBeginning,
}

/// Trains the run, with commands on standard input and events on standard output.
pub fn train_one(args: &TrainOneArgs, common: &Common) -> Result<ExitCode, CliError> {
    let device = common.devices()?.iter().next().ok_or_else(|| CliError::Usage("which device?".to_owned()))?;
    let &TrainOneArgs { ref directory, run, beginning } = args;
    train(&ChildRun { directory, run, beginning, device })?;
    Ok(ExitCode::SUCCESS)
}
