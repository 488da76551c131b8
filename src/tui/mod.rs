//! The dashboard, in Elm's style: [`App`] is what it shows, [`App::update`] takes a message in and gives effects out,
//! `view` draws it. It starts no thread and opens no file; [`run`] performs the effects.
//!
//! ```text
//!  keys, signals ─┐                           ┌─> view ─> terminal
//!                 ├─> Msg ─> App::update ─────┤
//!  World::next ───┘        (the only change)  └─> Effect ─> World::perform
//! ```
//!
//! One file per region of the screen: `picker`, `charts` (with `chart` beneath), `runs`, `knobs`,
//! `status`, `help`, `overlay`. `keymap` is the one table of keys, `settings` puts a
//! run's knobs and choices into words.

mod app;
mod capture;
mod chart;
mod charts;
mod guard;
mod help;
pub mod key;
pub mod keymap;
mod knobs;
mod message;
mod overlay;
mod picker;
pub mod print;
mod runs;
mod session;
mod settings;
mod status;
pub mod terminal;
mod text;
mod theme;
mod view;
mod world;

#[cfg(test)]
mod tests;

use std::{
    io::{self, BufWriter, Write},
    time::Duration,
};

use futures::StreamExt as _;
use ratatui::{Terminal, backend::CrosstermBackend};
use tokio::time::sleep;

pub use app::App;
pub use message::{Effect, Ending, ExportRequest, Msg, Recording, Setup, Start};
pub use picker::PresetEntry;
pub use terminal::TuiError;
pub use theme::{Appearance, Colours, Glyphs};
pub use view::{ROOMY, SMALLEST};
pub use world::Site;

use guard::Guard;
use terminal::World as _;
use world::Live;

/// How long runs may take to end before whoever waits is told.
const SOON: Duration = Duration::from_secs(1);

/// Shows the dashboard on the terminal until it ends. Sessions run and are logged as `site` says.
///
/// The terminal is given back before the runs are waited for, so that leaving takes no longer than it looks. A run hears that it is to
/// end between two steps, which may be far apart; a signal does not wait for that.
///
/// # Errors
/// [`TuiError`] if there is no terminal or it fails.
pub fn run(start: Start, setup: Setup, site: Site) -> Result<Ending, TuiError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ending = runtime.block_on(async {
        let guard = Guard::take()?;
        let mut terminal = Terminal::new(CrosstermBackend::new(BufWriter::new(guard.screen()?)))?;
        let mut world = Live::new(site);
        let ending = terminal::drive(&mut terminal, App::new(start, setup), terminal::inputs()?, &mut world).await;
        drop(terminal);
        let printed = guard.leave().report();
        let ending = match leave(world).await {
            Some(signal) if ending.is_ok() => Ok(Ending::Signal(signal)),
            _ => ending,
        };
        let _ = io::stderr().write_all(printed.as_bytes());
        ending
    });
    // Whatever still runs ends with the process.
    runtime.shutdown_background();
    ending
}

/// Waits until the runs have written their ends, or for a signal, which it returns.
async fn leave(world: Live) -> Option<i32> {
    let mut signals = std::pin::pin!(terminal::signals().ok()?);
    let mut close = std::pin::pin!(world.close());
    tokio::select! {
        () = &mut close => return None,
        signal = signals.next() => return signal,
        () = sleep(SOON) => {}
    }
    let _ = io::stderr().write_all(b"waiting for the runs to end; Ctrl-C leaves at once\n");
    tokio::select! {
        () = close => None,
        signal = signals.next() => signal,
    }
}
