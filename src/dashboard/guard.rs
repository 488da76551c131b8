//! Takes the terminal and gives it back: raw mode, the alternate screen, the cursor, and what is printed to standard output
//! and error, on every way out, a panic included. Nothing else in the program may touch these modes.
//!
//! A thread of its own writes to the terminal, one frame at a time: while a slow one is at a frame, no other is drawn, and a dead one
//! is not waited for.

use std::{
    io::{self, IsTerminal, Write},
    mem, panic,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use crossterm::{
    cursor::{Hide, Show},
    queue,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};

use super::{
    DashboardError,
    capture::{Capture, Captured, Streams},
    event_loop::{Frames, Presence},
};
use crate::terminal::Outlet;

type Hook = Arc<dyn Fn(&panic::PanicHookInfo<'_>) + Send + Sync>;

/// How long a frame may take to end before it is cut off on the way out, and what follows it to be written.
const PATIENCE: Duration = Duration::from_millis(200);

/// Ends an escape sequence that was cut off.
const CANCEL: u8 = 0x18;

/// Holds the terminal; dropping it gives the terminal back.
pub struct Guard {
    held: Held,
    capture: Capture,
    canvas: Canvas,
    presence: Presence,
}

/// What is undone on every way out.
struct Held {
    hook: Hook,
    modes: Arc<Modes>,
}

/// The terminal and how it is set.
struct Modes {
    streams: Arc<Streams>,
    outlet: Outlet,
}

/// What is drawn and not yet sent to the terminal.
#[derive(Debug, Clone, Default)]
pub struct Canvas(Arc<Mutex<Vec<u8>>>);

impl Canvas {
    fn take(&self) -> Vec<u8> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Canvas {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Modes {
    fn take(&self) -> io::Result<()> {
        enable_raw_mode()?;
        let mut bytes = Vec::new();
        queue!(bytes, EnterAlternateScreen, Hide)?;
        self.outlet.send(bytes);
        Ok(())
    }

    /// Restores what was taken. Errors cannot be reported: after a hang-up the terminal is gone. A terminal that takes nothing is left
    /// after a short while.
    fn give_back(&self) {
        let mut bytes = Vec::new();
        if !self.outlet.wait(PATIENCE) {
            self.outlet.abandon();
            self.streams.discard();
            // A change of modes also wakes a writer that waits for room, which there is now.
            let _ = disable_raw_mode();
            self.outlet.wait(PATIENCE);
            bytes.push(CANCEL);
        }
        // Writing to memory cannot fail.
        let _ = queue!(bytes, LeaveAlternateScreen, Show);
        self.outlet.send(bytes);
        self.outlet.wait(PATIENCE);
        let _ = disable_raw_mode();
    }
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
        let streams = Arc::clone(capture.streams());
        let outlet = Outlet::new(streams.screen()?)?;
        let modes = Arc::new(Modes { streams, outlet });
        let hook: Hook = Arc::from(panic::take_hook());
        let here = thread::current().id();
        let report = Arc::clone(&hook);
        let held = Held { hook, modes: Arc::clone(&modes) };
        let of_hook = Arc::clone(&modes);
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() == here {
                of_hook.give_back();
                of_hook.streams.restore();
                report(info);
            } else {
                tracing::error!("{info}");
            }
        }));
        let guard = Self { held, capture, canvas: Canvas::default(), presence: Presence::Shown };
        modes.take()?;
        Ok(guard)
    }

    /// What frames are drawn on, to be sent to the terminal.
    pub fn canvas(&self) -> Canvas {
        self.canvas.clone()
    }

    /// Gives the terminal back: what was printed while it was held.
    pub fn leave(self) -> Captured {
        drop(self.held);
        self.capture.end()
    }
}

impl Frames for Guard {
    fn is_free(&self) -> bool {
        self.held.modes.outlet.is_idle()
    }

    async fn free(&self) {
        self.held.modes.outlet.idle().await;
    }

    fn send(&mut self) {
        self.held.modes.outlet.send(self.canvas.take());
    }

    fn take_fault(&mut self) -> Option<io::Error> {
        self.held.modes.outlet.take_fault()
    }

    fn presence(&self) -> Presence {
        self.presence
    }

    #[cfg(unix)]
    fn suspend(&mut self) -> io::Result<()> {
        if self.presence == Presence::Shown {
            self.held.modes.give_back();
        }
        self.presence = Presence::Away;
        crate::terminal::suspend();
        self.come_back()
    }

    #[cfg(not(unix))]
    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }

    #[cfg(unix)]
    fn come_back(&mut self) -> io::Result<()> {
        // In the background the terminal is the shell's: taking it would stop the process again.
        if super::input::is_in_foreground() {
            // A shell may have set the modes anew meanwhile.
            let _ = disable_raw_mode();
            self.held.modes.take()?;
            self.presence = Presence::Shown;
        } else {
            self.presence = Presence::Away;
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn come_back(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.modes.give_back();
        self.modes.streams.restore();
        // The hook cannot be replaced while a panic unwinds; the process ends then anyway.
        if !thread::panicking() {
            let report = Arc::clone(&self.hook);
            panic::set_hook(Box::new(move |info| report(info)));
        }
    }
}
