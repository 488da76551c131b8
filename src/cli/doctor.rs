//! `doctor`: whether the program does on this machine what it promises. One line a check: what, what was seen, what
//! it must hold, the verdict.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal},
    process::ExitCode,
    time::Instant,
};

use clap::Args;
use nso_tui::{
    dashboard,
    doctor::{Check, Environment, Judgement, Section, Verdict, examine},
    figure::text::{ascii, fixed},
    run::device,
    text::printable,
    tui::Glyphs,
};
use serde_json::{Value, json};

use super::{CliError, Common, OutputFormat, print};

/// `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// How the stats are written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

/// Exit code when some check fails.
const FAILED: u8 = 3;

/// Columns of a name, of what was seen, and of a bar: with a verdict they fit a line of 80.
const COLUMNS: Columns = Columns { name: 20, seen: 35, bar: 15 };

struct Columns {
    name: usize,
    seen: usize,
    bar: usize,
}

/// Makes every check and writes what was found.
pub fn doctor(args: &DoctorArgs, common: &Common) -> Result<ExitCode, CliError> {
    let several = || CliError::Usage("doctor examines one device; name one with --device".to_owned());
    let name = common.devices()?.only().ok_or_else(several)?;
    let device = device::open(name)?;
    // Some checks train two at a time.
    device::share_cores(&[name; 2]);
    let about = device::about(name);
    let variable = |name: &str| std::env::var(name).ok();
    let (input, output) = (io::stdin().is_terminal(), io::stdout().is_terminal());
    let size = if output { dashboard::terminal_size() } else { None };
    let environment = Environment { input, output, size, variable: &variable };
    let glyphs = Glyphs::detect(variable);
    let write = |text: String| match (args.format, glyphs) {
        (OutputFormat::Json, _) => Ok(()),
        (OutputFormat::Text, Glyphs::Unicode) => print(&text),
        (OutputFormat::Text, Glyphs::Ascii) => print(&ascii(&text)),
    };
    let seed = common.seed.unwrap_or(1);
    let began = Instant::now();
    let mut written = write(format!("nso-tui {}, {}: {about}, seed {seed}\n", env!("CARGO_PKG_VERSION"), name));
    let mut sections = Vec::new();
    examine(&device, seed, &environment, &mut |section| {
        if written.is_ok() {
            written = write(lines(&section));
        }
        sections.push(section);
    });
    written?;
    let seconds = began.elapsed().as_secs_f64();
    write(summary(&sections, seconds))?;
    if matches!(args.format, OutputFormat::Json) {
        let examined = Examined { device: name.to_string(), seed, seconds };
        print(&format!("{:#}\n", object(&sections, &examined)))?;
    }
    Ok(if count(&sections, Verdict::Fail) == 0 { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn count(sections: &[Section], verdict: Verdict) -> usize {
    sections.iter().flat_map(|section| &section.checks).filter(|check| check.verdict() == verdict).count()
}

fn lines(section: &Section) -> String {
    let checks: String = section.checks.iter().map(line).collect();
    format!("\n{}\n{checks}", section.title)
}

fn line(check: &Check) -> String {
    let Columns { name: names, seen: seens, bar: bars } = COLUMNS;
    let (name, seen) = (printable(&check.name), printable(&check.seen));
    let word = check.verdict().word();
    match check.judgement {
        Judgement::Figure { bar, .. } => {
            let bar = bar.to_string();
            format!("  {name:<names$} {seen:<seens$} {bar:<bars$} {word}\n")
        }
        // No bar: what was seen may take its columns.
        Judgement::Fact(_) => format!("  {name:<names$} {seen:<0$} {word}\n", seens + 1 + bars),
    }
}

fn summary(sections: &[Section], seconds: f64) -> String {
    let [passed, failed, notes] = [Verdict::Pass, Verdict::Fail, Verdict::Note].map(|verdict| count(sections, verdict));
    let mut text = format!("\n{passed} passed, {failed} failed, {notes} to note, in {} s\n", fixed(seconds, 1));
    for section in sections {
        for check in section.checks.iter().filter(|check| check.verdict() == Verdict::Fail) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "FAIL  {}: {}", section.title, printable(&check.name));
        }
    }
    text
}

/// What was examined, and how long that took.
struct Examined {
    device: String,
    seed: u64,
    seconds: f64,
}

fn object(sections: &[Section], examined: &Examined) -> Value {
    let Examined { device, seed, seconds } = examined;
    let number = |value: f64| if value.is_finite() { json!(value) } else { json!(value.to_string()) };
    let check = |check: &Check| {
        let verdict = check.verdict().word().to_lowercase();
        let mut object = json!({ "name": &check.name, "seen": check.seen, "verdict": verdict });
        if let Judgement::Figure { value, bar } = check.judgement {
            object["value"] = number(value);
            object["bar"] = json!(bar.to_string());
        }
        object
    };
    let section = |section: &Section| {
        let checks: Vec<Value> = section.checks.iter().map(check).collect();
        json!({ "title": section.title, "checks": checks })
    };
    let [passed, failed, notes] = [Verdict::Pass, Verdict::Fail, Verdict::Note].map(|verdict| count(sections, verdict));
    json!({
        "version": env!("CARGO_PKG_VERSION"), "device": device, "seed": seed, "seconds": seconds,
        "passed": passed, "failed": failed, "notes": notes,
        "sections": sections.iter().map(section).collect::<Vec<_>>(),
    })
}
