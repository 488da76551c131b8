//! `devices`: what this program can train on.

use std::process::ExitCode;

use nso_tui::run::device;

use super::{CliError, print};

/// One device a line, the name first.
#[expect(clippy::unnecessary_wraps, reason = "every command returns the same type")]
pub fn devices() -> Result<ExitCode, CliError> {
    for (name, about) in device::OFFERED {
        print(&format!("{name:<8} {about}\n"));
    }
    Ok(ExitCode::SUCCESS)
}
