//! What it takes to read a long log: `cargo run --example replay_cost -- 10000000 /tmp/long` writes a session of one run with so many
//! steps, where there is none yet, reads it back as `replay` does, and says how long that took. The peak of memory is that of
//! `/usr/bin/time -v`, on the second call.

use std::{error::Error, path::Path, time::Instant};

use nso_tui::{
    figure::{self, Extent},
    run::{
        Event, Position,
        log::{Destination, SessionDirectory, SessionLog},
        preset,
    },
};

const PRESET: &str = "
    [problem]
    kind = \"valley\"
    [train]
    steps = 1000000000
    [[run]]
    name = \"a\"
    method = \"nso\"
";

fn write(folder: &Path, steps: u64) -> Result<(), Box<dyn Error>> {
    let plan = preset::parse("long", PRESET, &[])?;
    let directory = SessionDirectory::create(&Destination::Exactly(folder.to_owned()), &plan)?.ok_or("no folder")?;
    let mut log = directory.log(0, 0)?;
    for step in 1..=steps {
        let seconds = step as f64 * 1.234_567e-4;
        let at = Position { step, gradients: 2 * step, seconds };
        log.append(&Event::Step { at, loss: (seconds * 37.0).sin().exp() })?;
        if step % 1_000 == 0 {
            log.flush()?;
        }
    }
    Ok(log.flush()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: replay_cost STEPS FOLDER";
    let (Some(steps), Some(folder)) = (arguments.next(), arguments.next()) else { return Err(usage.into()) };
    let folder = Path::new(&folder);
    if !folder.exists() {
        write(folder, steps.parse()?)?;
    }
    let begin = Instant::now();
    let (runs, damaged) = figure::read(&mut SessionLog::open(folder)?, Extent::All)?;
    let events: usize = runs.iter().map(|run| run.events).sum();
    say(&format!("{events} events, {} damaged lines, {:.2} s", damaged.len(), begin.elapsed().as_secs_f64()))
}

fn say(text: &str) -> Result<(), Box<dyn Error>> {
    use std::io::Write as _;

    Ok(writeln!(std::io::stdout(), "{text}")?)
}
