//! Takes the terminal and gives it back: raw mode, the alternate screen and the cursor, on every way out, a panic included.
//! Nothing else in the program may touch these modes.

use std::{
    io::{self, IsTerminal, Write},
    panic,
    sync::Arc,
    thread,
};

use crossterm::{
    cursor::{Hide, Show},
    execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};

use super::terminal::TuiError;

type Hook = Arc<dyn Fn(&panic::PanicHookInfo<'_>) + Send + Sync>;

/// Holds the terminal; dropping it gives the terminal back.
pub struct Guard {
    hook: Hook,
}

impl Guard {
    /// Takes the terminal that standard output is.
    ///
    /// A panic on this thread gives the terminal back before it is reported. A panic on another thread, such as a
    /// run's, is its owner's to report: it goes to the log and leaves the screen alone.
    ///
    /// # Errors
    /// [`TuiError::NotATerminal`] if standard output or input is none, or what the terminal says.
    pub fn take() -> Result<Self, TuiError> {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Err(TuiError::NotATerminal);
        }
        let hook: Hook = Arc::from(panic::take_hook());
        let here = thread::current().id();
        let report = Arc::clone(&hook);
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() == here {
                give_back();
                report(info);
            } else {
                tracing::error!("{info}");
            }
        }));
        let guard = Self { hook };
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
        // The hook cannot be replaced while a panic unwinds; the process ends then anyway.
        if !thread::panicking() {
            let report = Arc::clone(&self.hook);
            panic::set_hook(Box::new(move |info| report(info)));
        }
    }
}

/// Restores what [`Guard::take`] changed. Errors have no one to go to: after a hang-up the terminal is gone.
fn give_back() {
    let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    let _ = io::stdout().flush();
}
