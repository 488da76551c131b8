//! `resume`: goes on with a session that was cut off. `rerun`: repeats one and compares.

use std::{
    env,
    fmt::Write as _,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{self, ExitCode, Stdio},
};

use clap::Args;
use nso_tui::{
    problem::LoadingCallback,
    run::{Attendance, Difference, Engine, first_difference, log::SessionLog},
    text::printable,
};

use super::{
    CliError, Common, Output, OutputFormat,
    session::{Report, Session},
};

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
    /// Leave the terminal of the process that has started this one
    #[arg(long, hide = true)]
    detached: bool,
}

/// Where a process without a terminal writes what it has to say, in the session's folder.
const BACKGROUND_LOG: &str = "background.log";

/// Starts a process that goes on with a session after this one has ended: its number.
///
/// # Errors
/// If it cannot be started.
pub fn in_background(directory: &Path) -> io::Result<u32> {
    let log = File::options().append(true).create(true).open(directory.join(BACKGROUND_LOG))?;
    let process = process::Command::new(env::current_exe()?)
        .args(["resume", "--detached", "--"])
        .arg(directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    Ok(process.id())
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
    if args.detached {
        leave_the_terminal();
    }
    let session = Session::of(&SessionLog::open(&args.directory)?.plan);
    let (directory, devices) = (args.directory.clone(), common.devices()?);
    let isolate = args.isolate;
    let start = move |progress: LoadingCallback<'_>| {
        if isolate {
            Engine::resume_isolated(&directory, &devices)
        } else {
            Engine::resume(&directory, &devices, Attendance::Unattended, progress)
        }
    };
    session.into_results(start, |finished| Ok(finished.report(args.format)))
}

/// Begins a session of processes that has no terminal, so that closing the terminal ends nothing here.
#[cfg(unix)]
fn leave_the_terminal() {
    // Only the leader of a group of processes cannot, and this process was started by one that is none of its group's own.
    let _ = nix::unistd::setsid();
}

/// Other systems have no sessions of processes.
#[cfg(not(unix))]
fn leave_the_terminal() {}

/// Repeats a session into a new folder and says of each run whether it came out the same.
pub fn rerun(args: &RerunArgs, common: &Common) -> Result<ExitCode, CliError> {
    let mut recorded = SessionLog::open(&args.directory)?;
    let (destination, devices) = (args.output.destination(), common.devices()?);
    let session = Session::of(&recorded.plan);
    let start = move |progress: LoadingCallback<'_>| Engine::rerun(&mut recorded, &destination, &devices, progress);
    session.into_results(start, |finished| {
        let Report { mut text, mut code } = finished.report(OutputFormat::Text);
        let Some(directory) = finished.directory() else { return Ok(Report { text, code }) };
        let mut recorded = SessionLog::open(&args.directory)?;
        let repeated = SessionLog::open(directory)?.read_new()?.runs;
        let events = recorded.read_new()?.runs;
        for ((run, recorded), repeated) in recorded.plan.runs.iter().zip(&events).zip(&repeated) {
            let name = printable(&run.name);
            // Writing to a String cannot fail.
            match first_difference(recorded, repeated) {
                None => {
                    let _ = writeln!(text, "{name}: identical");
                }
                Some(Difference { step, events: [was, is] }) => {
                    let [was, is] = [was, is].map(|event| event.unwrap_or_else(|| "nothing more".to_owned()));
                    let [was, is] = [printable(&was), printable(&is)];
                    let _ = writeln!(text, "{name}: differs at step {step}\n  recorded: {was}\n  now:      {is}");
                    code = DIFFERENT;
                }
            }
        }
        Ok(Report { text, code })
    })
}
