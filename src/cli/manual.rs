//! `completions` and `man`: what the definition of the command line says, for shells and for `man`.

use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, CliError, print};

/// `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// The script by which a shell completes commands, options and their values.
pub fn completions(args: &CompletionsArgs) -> Result<ExitCode, CliError> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

/// The man page of the program and its commands, in roff.
pub fn man() -> Result<ExitCode, CliError> {
    let mut page = Vec::new();
    let io = |source| CliError::Io { what: "write the man page".to_owned(), source };
    clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(io)?;
    print(&String::from_utf8_lossy(&page))?;
    Ok(ExitCode::SUCCESS)
}
