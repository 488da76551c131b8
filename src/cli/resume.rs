//! `resume`: goes on with a session that was cut off. `rerun`: repeats one and compares.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use nso_tui::run::{Attendance, Difference, Engine, first_difference, log::SessionLog};

use super::{CliError, Common, Output, OutputFormat, print, run::to_the_end};

/// Exit code of a repetition that did not come out the same.
const DIFFERENT: u8 = 1;

/// `resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The folder of the session
    directory: PathBuf,
    /// How the results are written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
    /// Train every run in a process of its own: what kills one leaves the others alone
    #[arg(long)]
    isolate: bool,
}

/// `rerun`.
#[derive(Debug, Args)]
pub struct RerunArgs {
    /// The folder of the session
    directory: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Goes on with every run that did not come to its end.
pub fn resume(args: &ResumeArgs, common: &Common) -> Result<ExitCode, CliError> {
    let session = SessionLog::open(&args.directory)?;
    let devices = common.devices()?;
    let finished = to_the_end(&session.plan, |progress| {
        if args.isolate {
            Engine::resume_isolated(&args.directory, &devices)
        } else {
            Engine::resume(&args.directory, &devices, Attendance::Unattended, progress)
        }
    })?;
    print(&finished.results(&session.plan, args.format));
    Ok(finished.exit_code())
}

/// Repeats a session into a new folder and says of each run whether it came out the same.
pub fn rerun(args: &RerunArgs, common: &Common) -> Result<ExitCode, CliError> {
    let mut session = SessionLog::open(&args.directory)?;
    let devices = common.devices()?;
    let destination = args.output.destination();
    let plan = session.plan.clone();
    let finished = to_the_end(&plan, |progress| Engine::rerun(&mut session, &destination, &devices, progress))?;
    let repeated = SessionLog::open(finished.directory())?.read_new()?.runs;
    let recorded = SessionLog::open(&args.directory)?.read_new()?.runs;
    print(&finished.results(&plan, OutputFormat::Text));
    let mut code = finished.exit_code();
    for ((run, recorded), repeated) in plan.runs.iter().zip(&recorded).zip(&repeated) {
        match first_difference(recorded, repeated) {
            None => print(&format!("{}: identical\n", run.name)),
            Some(Difference { step, events: [was, is] }) => {
                let [was, is] = [was, is].map(|event| event.unwrap_or_else(|| "nothing more".to_owned()));
                print(&format!("{}: differs at step {step}\n  recorded: {was}\n  now:      {is}\n", run.name));
                code = ExitCode::from(DIFFERENT);
            }
        }
    }
    Ok(code)
}
