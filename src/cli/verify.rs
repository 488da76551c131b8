//! `verify`: whether a session is as it was written.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use nso_tui::{
    run::log::{FileReport, Verdict, verify as verify_session},
    text::printable,
};

use super::{CliError, print};

/// Exit code where something is damaged.
const DAMAGED: u8 = 1;

/// `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The folder of the session
    directory: PathBuf,
}

/// A line for each file that is whole, and one for each place that is not.
pub fn verify(args: &VerifyArgs) -> Result<ExitCode, CliError> {
    let reports = verify_session(&args.directory)?;
    let mut code = ExitCode::SUCCESS;
    for FileReport { path, verdict } in reports {
        let path = path.display();
        let lines = match verdict {
            Verdict::Whole(what) => vec![format!("whole      {path}: {what}")],
            Verdict::Unchecked(what) => vec![format!("unchecked  {path}: {what}; written without checksums")],
            Verdict::Damaged(places) => {
                code = ExitCode::from(DAMAGED);
                places.into_iter().map(|place| format!("damaged    {path}: {place}")).collect()
            }
        };
        for line in lines {
            print(&format!("{}\n", printable(&line)))?;
        }
    }
    Ok(code)
}
