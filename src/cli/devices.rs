//! `devices`: what this program can train on.

use std::process::ExitCode;

use nso_tui::{
    run::device::{self, Offer},
    text::printable,
};

use super::{CliError, print};

/// One device a line, the name first; then what this binary or machine has not, and why.
pub fn devices() -> Result<ExitCode, CliError> {
    let best = device::best().to_string();
    for Offer { name, about } in device::offers() {
        let about = match about {
            Ok(about) if name == best => format!("{about} (the default)"),
            Ok(about) => about,
            Err(reason) => format!("unavailable: {reason}"),
        };
        // A driver's name for its adapter is the driver's.
        print(&format!("{name:<12} {}\n", printable(&about)))?;
    }
    Ok(ExitCode::SUCCESS)
}
