//! Takes the terminal and gives it back: raw mode, the alternate screen, the cursor, and what is printed to standard output
//! and error, on every way out, a panic included. Nothing else in the program may touch these modes.

use std::{
    io::{self, IsTerminal},
    panic,
    sync::Arc,
    thread,
};

use crossterm::{
    cursor::{Hide, Show},
    execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};

use super::{
    DashboardError,
    capture::{Capture, Captured, Screen, Streams},
};

type Hook = Arc<dyn Fn(&panic::PanicHookInfo<'_>) + Send + Sync>;

/// Holds the terminal; dropping it gives the terminal back.
pub struct Guard {
    held: Held,
    capture: Capture,
}

/// What is undone on every way out.
struct Held {
    hook: Hook,
    streams: Arc<Streams>,
}

impl Guard {
    /// Takes the terminal that standard output is.
    ///
    /// A panic on this thread gives the terminal back before it is reported. A panic on another thread, such as a
    /// run's, is its owner's to report: it goes to the log and leaves the screen alone.
    ///
    /// # Errors
    /// [`DashboardError::NotATerminal`] if standard output or input is none, or what the terminal says.
    pub fn take() -> Result<Self, DashboardError> {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Err(DashboardError::NotATerminal);
        }
        let capture = Capture::begin()?;
        let hook: Hook = Arc::from(panic::take_hook());
        let here = thread::current().id();
        let report = Arc::clone(&hook);
        let held = Held { hook, streams: Arc::clone(capture.streams()) };
        let streams = Arc::clone(capture.streams());
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() == here {
                give_back(&streams);
                report(info);
            } else {
                tracing::error!("{info}");
            }
        }));
        let guard = Self { held, capture };
        enable_raw_mode()?;
        execute!(guard.screen()?, EnterAlternateScreen, Hide)?;
        Ok(guard)
    }

    /// The terminal, to draw on.
    ///
    /// # Errors
    /// What the system says.
    pub fn screen(&self) -> io::Result<Screen> {
        self.held.streams.screen()
    }

    /// Gives the terminal back: what was printed while it was held.
    pub fn leave(self) -> Captured {
        drop(self.held);
        self.capture.end()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        give_back(&self.streams);
        // The hook cannot be replaced while a panic unwinds; the process ends then anyway.
        if !thread::panicking() {
            let report = Arc::clone(&self.hook);
            panic::set_hook(Box::new(move |info| report(info)));
        }
    }
}

/// Restores what [`Guard::take`] changed. Errors cannot be reported: after a hang-up the terminal is gone.
fn give_back(streams: &Streams) {
    if let Ok(mut screen) = streams.screen() {
        let _ = execute!(screen, LeaveAlternateScreen, Show);
    }
    let _ = disable_raw_mode();
    streams.restore();
}
