//! The binary: parse, run, print the error chain, exit code.

mod cli;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use nso_tui::text::{error_chain, escaped, is_printable};

/// LibTorch's allocations too: flat vectors of millions of weights come and go at every step, and the system's allocator gives such pages back
/// each time (ResNet-18's gradient takes 57 ms with it, 44 ms with this one).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code for bad usage and bad input.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    // Where it cannot be had, a file that grows too large ends the process.
    #[cfg(unix)]
    let _ = nso_tui::terminal::survive_file_size_limit();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        // Help, or an error that quotes the command line, in colours unless these could come from there.
        Err(error) if std::env::args_os().all(|argument| argument.to_string_lossy().chars().all(is_printable)) => {
            error.exit()
        }
        Err(error) => {
            report(&error.to_string());
            return ExitCode::from(BAD_INPUT);
        }
    };
    cli.execute().unwrap_or_else(|error| {
        report(&format!("error: {}", error_chain(&error)));
        ExitCode::from(BAD_INPUT)
    })
}

/// Errors may quote what a file or the command line holds; none of it may act on the terminal.
fn report(text: &str) {
    let lines: Vec<_> = text.trim_end().split('\n').map(escaped).collect();
    let _ = writeln!(io::stderr(), "{}", lines.join("\n"));
}
