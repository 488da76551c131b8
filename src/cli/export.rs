//! `export`: a session as a figure or a table.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use nso_tui::{
    figure::{self, ExportFormat, Extent, Options, PanelKind},
    run::log::SessionLog,
};

use super::CliError;

/// `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The session's folder
    directory: PathBuf,
    /// The file to write; its ending chooses the format: .png .svg .csv .jsonl
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[arg(long, value_name = "PANEL", value_parser = panel, help = panels())]
    panel: Vec<PanelKind>,
}

fn keys() -> String {
    PanelKind::keys().join(" ")
}

fn panels() -> String {
    format!("Show this panel alone, or these (repeatable): {}", keys())
}

fn panel(key: &str) -> Result<PanelKind, String> {
    PanelKind::from_key(key).ok_or_else(|| format!("use one of {}", keys()))
}

/// Reads the session and writes the file.
pub fn export(args: &ExportArgs) -> Result<ExitCode, CliError> {
    if !args.panel.is_empty() && !ExportFormat::of(&args.output)?.is_figure() {
        return Err(CliError::Usage("--panel chooses what a figure shows; .csv and .jsonl have everything".to_owned()));
    }
    let mut session = SessionLog::open(&args.directory)?;
    // What the command line asks for, else what the preset does, else what suits the session.
    let panels = if args.panel.is_empty() { session.plan.panels.clone() } else { args.panel.clone() };
    let options = Options { panels, ..Options::default() };
    let damaged = figure::export_recorded(&mut session, Extent::All, &args.output, &options)?;
    super::warn(&session, &damaged);
    Ok(ExitCode::SUCCESS)
}
