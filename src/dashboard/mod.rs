//! The dashboard on a real terminal: takes the terminal, runs the event loop and performs the effects that [`App`] asks for.
//! Files, threads, signals and the terminal's modes are handled here and nowhere in [`tui`](crate::tui).
//!
//! ```text
//!  keys, signals ─┐                         ┌─> view ─> terminal
//!                 ├─> Msg ─> App::update ───┤
//!  Effects::next ─┘                         └─> Effect ─> Effects::perform
//! ```
//!
//! `event_loop` is generic over the terminal, the input and the effects, so that it runs in a test; `input` reads the terminal, whose
//! bytes `decoder` makes keys of, `effects` starts sessions, `follow` reads logs, `export` writes files, `guard` and `capture` hold
//! the terminal.

mod capture;
mod decoder;
mod effects;
mod event_loop;
mod export;
mod follow;
mod guard;
mod input;
mod starting;

use std::{io, time::Duration};

use futures::stream;
use ratatui::{Terminal, backend::CrosstermBackend};

pub use effects::Site;
pub use follow::open as open_session;
pub use input::terminal_size;

use crate::{
    terminal::{Leaving, Outlet, Signals, Waited, how_to_resume, standard_error},
    tui::{App, Effect, Ending, InitialScreen, LeftSession, Msg, Setup},
};
use effects::LiveEffects;
use event_loop::{Closed, Effects as _};
use guard::Guard;
use input::{Input, Keyboard};

/// How long the last words may take to be written: the terminal may be gone.
const LAST_WORDS: Duration = Duration::from_millis(300);

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
}

/// How the dashboard was left.
#[derive(Debug)]
pub struct Left {
    pub ending: Ending,
    /// The session that was watched last, as far as it has come.
    pub session: Option<LeftSession>,
}

/// Shows the dashboard on the terminal until it ends. Sessions run and are logged as `site` says.
///
/// The terminal is given back before the runs are waited for, so that leaving takes no longer than it looks. A run learns between two
/// steps that it is to end, and steps may take long: what is waited for is said, and a third request to end does not wait.
///
/// # Errors
/// [`DashboardError`] if there is no terminal or it fails. One that is closed is no error: that is the signal SIGHUP.
pub fn run(start: InitialScreen, setup: Setup, site: Site) -> Result<Left, DashboardError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut app, first) = App::new(start, setup);
    let ending = runtime.block_on(async {
        // Before there is anything that a signal could cost.
        let mut signals = Signals::listen()?;
        // Before it is diverted.
        let said = standard_error()?;
        let guard = Guard::take()?;
        let mut effects = LiveEffects::new(site);
        let (ending, guard) = show(guard, Opening { app: &mut app, first }, &mut signals, &mut effects).await;
        let printed = guard.leave().report();
        let leaving = match &ending {
            Ok(Ending::Signal(signal)) => Leaving::begun_by(*signal),
            Ok(Ending::Quit(_) | Ending::Detached | Ending::Interrupted | Ending::Failed(_)) | Err(_) => {
                Leaving::begun()
            }
        };
        let LeftNow { signal, closed } = leave(effects, leaving, &mut signals, &said).await;
        let goes_on = matches!(ending, Ok(Ending::Detached)) && signal.is_none();
        if let Some(session) = closed.unfinished.as_ref().filter(|_| !goes_on) {
            said.send(how_to_resume(session).into_bytes());
        }
        app.update(Msg::Events(closed.events));
        said.send(printed.into_bytes());
        said.wait(LAST_WORDS);
        signal.map_or(ending, |signal| Ok(Ending::Signal(signal)))
    });
    // Whatever still runs ends with the process.
    runtime.shutdown_background();
    Ok(Left { ending: ending?, session: app.into_session() })
}

/// The app and what it asks for first.
struct Opening<'a> {
    app: &'a mut App,
    first: Vec<Effect>,
}

/// Runs the event loop on the terminal that the guard holds.
async fn show(
    mut guard: Guard,
    Opening { app, first }: Opening<'_>,
    signals: &mut Signals,
    effects: &mut LiveEffects,
) -> (Result<Ending, DashboardError>, Guard) {
    let ending = async {
        let mut terminal = Terminal::new(CrosstermBackend::new(guard.canvas()))?;
        let mut keyboard = Keyboard::listen()?;
        let requests = stream::unfold(signals, |signals| async move {
            let signal = signals.next().await;
            Some((Input::Signal(signal), signals))
        });
        let inputs = stream::select(keyboard.inputs(), requests);
        event_loop::run(&mut terminal, &mut guard, app, first, inputs, effects).await
    };
    let ending = ending.await;
    (ending, guard)
}

/// What is known once the runs have ended, or are not waited for.
struct LeftNow {
    /// The signal that the process ends by, if there was one.
    signal: Option<i32>,
    closed: Closed,
}

/// Waits until the runs have written their ends.
async fn leave(effects: LiveEffects, mut leaving: Leaving, signals: &mut Signals, said: &Outlet) -> LeftNow {
    let directory = effects.directory();
    let say = |text: &str| said.send(format!("{text}\n").into_bytes());
    let closed = match leaving.wait_for(effects.close(), signals, say).await {
        Waited::Done(closed) => closed,
        Waited::LeftNow => Closed { unfinished: directory, events: Vec::new() },
    };
    LeftNow { signal: leaving.signal(), closed }
}
