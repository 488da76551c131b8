//! The binary: parse, run, print the error chain, exit code.

mod cli;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use nso_tui::text::{error_chain, escaped};

/// LibTorch's allocations too: flat vectors of millions of weights come and go at every step, and the system's allocator gives such pages back
/// each time (ResNet-18's gradient takes 57 ms with it, 44 ms with this one).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code for bad usage and bad input.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    cli::Cli::parse().execute().unwrap_or_else(|error| {
        // Errors may quote what a file holds; none of it may act on the terminal.
        let text = error_chain(&error);
        let lines: Vec<_> = text.split('\n').map(escaped).collect();
        let _ = writeln!(io::stderr(), "error: {}", lines.join("\n"));
        ExitCode::from(BAD_INPUT)
    })
}
