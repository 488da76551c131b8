//! `run`: the same engine without a terminal. Progress on standard error, results on standard output.

use std::process::ExitCode;

use clap::Args;
use nso_tui::{problem::LoadingCallback, run::Engine};

use super::{CliError, Common, Output, OutputFormat, note, session::Session};

/// `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A name from `presets list`, or a path to a TOML file
    preset: String,
    #[command(flatten)]
    output: Output,
    /// How the results are written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
    /// Train every run in a process of its own: what kills one leaves the others alone
    #[arg(long)]
    isolate: bool,
}

/// Runs to the end of every run, or until interrupted.
pub fn run(args: &RunArgs, common: &Common) -> Result<ExitCode, CliError> {
    let plan = common.plan(&args.preset)?.unattended();
    let devices = common.devices()?;
    if let Some(warning) = plan.warning(&devices) {
        note(&warning);
    }
    let destination = args.output.destination();
    let session = Session::of(&plan);
    let isolate = args.isolate;
    let start = move |progress: LoadingCallback<'_>| {
        if isolate {
            Engine::start_isolated(&plan, &destination, &devices)
        } else {
            Engine::start_with_progress(plan, &destination, &devices, progress)
        }
    };
    session.into_results(start, |finished| Ok(finished.report(args.format)))
}
