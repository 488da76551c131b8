//! The dashboard on a real terminal: takes the terminal, runs the event loop and performs the effects that [`App`] asks for.
//! Files, threads, signals and the terminal's modes are handled here and nowhere in [`tui`](crate::tui).
//!
//! ```text
//!  keys, signals ─┐                         ┌─> view ─> terminal
//!                 ├─> Msg ─> App::update ───┤
//!  Effects::next ─┘                         └─> Effect ─> Effects::perform
//! ```
//!
//! `event_loop` is generic over the terminal, the input and the effects, so that it runs in a test; `input` reads keys and signals,
//! `effects` starts sessions and follows logs, `export` writes files, `guard` and `capture` hold the terminal.

mod capture;
mod effects;
mod event_loop;
mod export;
mod guard;
mod input;

use std::{
    io::{self, BufWriter, Write},
    time::Duration,
};

use futures::StreamExt as _;
use ratatui::{Terminal, backend::CrosstermBackend};
use tokio::time::sleep;

pub use effects::Site;
pub use input::terminal_size;

use crate::tui::{App, Ending, InitialScreen, Setup};
use effects::LiveEffects;
use event_loop::Effects as _;
use guard::Guard;

/// How long runs may take to end before the program says that it waits for them.
const SOON: Duration = Duration::from_secs(1);

/// Why the dashboard cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// There is no terminal to draw on.
    #[error(
        "the dashboard needs a terminal, and standard input or output is none: use `nso-tui run PRESET`, or --print COLSxROWS"
    )]
    NotATerminal,
    #[error("the terminal failed")]
    Terminal(#[from] io::Error),
    /// The terminal sends no more input.
    #[error("the terminal closed")]
    Closed,
}

/// Shows the dashboard on the terminal until it ends. Sessions run and are logged as `site` says.
///
/// The terminal is given back before the runs are waited for, so that leaving takes no longer than it looks. A run learns between two
/// steps that it is to end, and steps may take long; a signal does not wait for that.
///
/// # Errors
/// [`DashboardError`] if there is no terminal or it fails.
pub fn run(start: InitialScreen, setup: Setup, site: Site) -> Result<Ending, DashboardError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ending = runtime.block_on(async {
        let guard = Guard::take()?;
        let mut terminal = Terminal::new(CrosstermBackend::new(BufWriter::new(guard.screen()?)))?;
        let mut effects = LiveEffects::new(site);
        let ending = event_loop::run(&mut terminal, App::new(start, setup), input::inputs()?, &mut effects).await;
        drop(terminal);
        let printed = guard.leave().report();
        let ending = match leave(effects).await {
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
async fn leave(effects: LiveEffects) -> Option<i32> {
    let mut signals = std::pin::pin!(input::signals().ok()?);
    let mut close = std::pin::pin!(effects.close());
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
