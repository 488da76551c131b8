//! The binary: parse, run, print the error chain, exit code.

mod cli;

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;

/// LibTorch's allocations too: flat vectors of millions of weights come and go at every step, and the system's allocator gives such pages back
/// each time (ResNet-18's gradient takes 57 ms with it, 44 ms with this one).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code for bad usage and bad input.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    cli::Cli::parse().execute().unwrap_or_else(|error| {
        let mut text = format!("error: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        // Errors may quote what a file holds; none of it may act on the terminal.
        let quoted = |c: char| if c.is_control() && c != '\n' { c.escape_debug().to_string() } else { c.to_string() };
        let text: String = text.chars().map(quoted).collect();
        let _ = writeln!(io::stderr(), "{text}");
        ExitCode::from(BAD_INPUT)
    })
}
