//! The tables of docs/src/results.md: the experiments behind them, and how each is made from their logs.
//!
//! ```text
//! cargo run --release --example tables -- list          the experiments and searches, what each takes on two cores
//! cargo run --release --example tables -- run NAME...   train them anew and write their logs to results/
//! cargo run --release --example tables -- tune NAME     choose the settings of a tuned preset on validation data
//! cargo run --release --example tables -- write         regenerate the tables of docs/src/results.md
//! ```
//!
//! A log is what `nso-tui export SESSION -o FILE.jsonl` writes, without the steps, packed by gzip.

#![expect(clippy::print_stdout, reason = "a program for the command line")]

use std::{error::Error, fs, path::PathBuf};

mod experiment;
mod statistics;
mod table;
mod tune;

use experiment::EXPERIMENTS;
pub use table::{TABLES, replaced};
use tune::SEARCHES;

/// The project's folder.
pub fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The page that has the tables.
pub fn page() -> PathBuf {
    home().join("docs").join("src").join("results.md")
}

#[cfg_attr(test, expect(dead_code, reason = "the test that includes this file does not call it"))]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["list"] => {
            for one in EXPERIMENTS {
                println!("run {:<22} {}", one.name, one.takes);
            }
            for one in SEARCHES {
                println!("tune {:<21} {}", one.name, one.takes);
            }
        }
        ["run", ref names @ ..] if !names.is_empty() => {
            for name in names {
                let known = EXPERIMENTS.iter().find(|one| one.name == *name);
                known.ok_or_else(|| format!("no experiment '{name}'; `list` shows them"))?.run()?;
            }
        }
        ["tune", name] => {
            let known = SEARCHES.iter().find(|one| one.name == name);
            known.ok_or_else(|| format!("no search '{name}'; `list` shows them"))?.run()?;
        }
        ["write"] => {
            let path = page();
            fs::write(&path, replaced(&fs::read_to_string(&path)?)?)?;
        }
        _ => return Err("usage: tables list | run NAME... | tune NAME | write".into()),
    }
    Ok(())
}
