//! `presets`: what there is to run.

use std::process::ExitCode;

use clap::Subcommand;
use nso_tui::run::preset;

use super::{CliError, print};

/// `presets`.
#[derive(Debug, Subcommand)]
pub enum PresetsCommand {
    /// One preset a line, the name first
    List,
    /// The text of a preset, to read or to start your own from
    Show {
        /// A name from `presets list`
        name: String,
    },
}

/// Lists or shows.
pub fn presets(command: &PresetsCommand) -> Result<ExitCode, CliError> {
    match command {
        PresetsCommand::List => {
            for (name, text) in preset::embedded() {
                let plan = preset::parse(name, text, &[])?;
                print(&format!("{name:<22} {} ({} runs, {})\n", plan.title, plan.runs.len(), plan.takes))?;
            }
        }
        PresetsCommand::Show { name } => print(&preset::find(name)?)?,
    }
    Ok(ExitCode::SUCCESS)
}
