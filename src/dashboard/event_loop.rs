//! The main loop: draws the dashboard, and feeds it with input and with what its effects report, until it ends.
//! It knows neither the terminal nor the engine, so that the whole program runs in a test.

use std::{
    future::Future,
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

use futures::{Stream, StreamExt};
use ratatui::{Terminal, backend::Backend};
use tokio::time::{Instant as Deadline, MissedTickBehavior, interval, sleep_until};

use super::{DashboardError, input::Input};
use crate::{
    run::Event,
    terminal::{self, HANG_UP},
    tui::{App, Effect, Ending, Msg, Suspension, view},
};

/// Shortest time between two frames.
const FRAME: Duration = Duration::from_millis(33);
/// Time between frames that only show new events: drawing competes with training for the cores.
const NEW_EVENTS: Duration = Duration::from_millis(250);
/// How often the clock on the screen moves.
const TICK: Duration = Duration::from_secs(1);

/// Performs what the dashboard asks for: engine, files, threads.
pub trait Effects {
    /// Starts to perform an effect; never blocks.
    fn perform(&mut self, effect: Effect);

    /// The next thing that happened. Dropping the future loses nothing.
    fn next(&mut self) -> impl Future<Output = Msg>;

    /// Ends what still runs and waits for it.
    fn close(self) -> impl Future<Output = Closed>;
}

/// What was left of a session when it was closed.
#[derive(Debug, Default)]
pub struct Closed {
    /// The session of which something is left to do.
    pub unfinished: Option<PathBuf>,
    /// What its runs still said: the run's place and its events.
    pub events: Vec<(usize, Vec<Event>)>,
}

/// Where frames go once they are drawn. It takes one at a time, so that a slow terminal gets the newest and none waits.
pub trait Frames {
    /// Whether the frame before is out.
    fn is_free(&self) -> bool;

    /// Until it is.
    fn free(&self) -> impl Future<Output = ()>;

    /// Sends what was drawn.
    fn send(&mut self);

    /// Why a frame could not be written, once.
    fn take_fault(&mut self) -> Option<io::Error>;

    /// Whether the terminal is held.
    fn presence(&self) -> Presence;

    /// Gives the terminal back, stops the process, and takes the terminal again once it goes on.
    ///
    /// # Errors
    /// What the terminal says.
    fn suspend(&mut self) -> io::Result<()>;

    /// Takes the terminal again after the process was stopped, if it is there to be taken.
    ///
    /// # Errors
    /// What the terminal says.
    fn come_back(&mut self) -> io::Result<()>;
}

/// Whether there is a terminal to draw on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Shown,
    /// The program was stopped and goes on in the background.
    Away,
}

/// Draws the app on `terminal`, whose output `frames` takes, feeds it from `input` and `effects`, until it ends.
///
/// The first frame is drawn before the first effects are begun. Frames follow keys at once, at most thirty a second, and new events
/// of the runs four times a second.
///
/// # Errors
/// What the terminal says. One that is gone is no error but the signal [`HANG_UP`].
pub async fn run<B>(
    terminal: &mut Terminal<B>,
    frames: &mut impl Frames,
    app: &mut App,
    first: Vec<Effect>,
    input: impl Stream<Item = Input>,
    effects: &mut impl Effects,
) -> Result<Ending, DashboardError>
where
    B: Backend,
    DashboardError: From<B::Error>,
{
    let mut input = std::pin::pin!(input);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut session = Instant::now();
    let mut screen = Screen { drawn: None, stale: Some(Duration::ZERO) };
    screen.draw(terminal, frames, app)?;
    let mut asked = first;
    loop {
        for effect in asked {
            match effect {
                Effect::Quit(ending) => return Ok(ending),
                Effect::Suspend(by) if by == Suspension::Signal || terminal::has_job_control() => {
                    if let Err(error) = frames.suspend() {
                        return failed(error);
                    }
                    screen.forget(terminal)?;
                }
                // Without a shell with job control it could not be continued.
                Effect::Suspend(_) => {}
                Effect::StartSession(_) | Effect::ResumeSession(_) => {
                    session = Instant::now();
                    effects.perform(effect);
                }
                Effect::EndSession
                | Effect::AddRun(_)
                | Effect::Send { .. }
                | Effect::Export(_)
                | Effect::OpenSession(_)
                | Effect::EditCopy(_) => effects.perform(effect),
            }
        }
        if let Some(error) = frames.take_fault() {
            return failed(error);
        }
        let free = frames.is_free();
        let due = screen.due().filter(|_| free && frames.presence() == Presence::Shown);
        let message = tokio::select! {
            event = input.next() => match event {
                Some(Input::Key(key)) => Some((Msg::Key(key), FRAME)),
                Some(Input::Resize) => Some((Msg::Resize, FRAME)),
                Some(Input::Signal(signal)) => Some((Msg::Signal(signal), FRAME)),
                // A terminal that is gone sends a signal too, where it controls the process.
                Some(Input::HangUp) | None => Some((Msg::Signal(HANG_UP), FRAME)),
                Some(Input::Suspend) => Some((Msg::Suspend, FRAME)),
                Some(Input::Continue) => {
                    if let Err(error) = frames.come_back() {
                        return failed(error);
                    }
                    screen.forget(terminal)?;
                    None
                }
                Some(Input::Failed(error)) => return Err(error.into()),
            },
            message = effects.next() => Some((message, NEW_EVENTS)),
            _ = tick.tick() => {
                if frames.presence() == Presence::Away {
                    if let Err(error) = frames.come_back() {
                        return failed(error);
                    }
                    screen.forget(terminal)?;
                }
                Some((Msg::Tick(session.elapsed()), NEW_EVENTS))
            }
            () = sleep_until(due.unwrap_or_else(Deadline::now)), if due.is_some() => None,
            () = frames.free(), if !free => None,
        };
        asked = match message {
            Some((message, pace)) => {
                screen.stale = Some(screen.stale.map_or(pace, |waiting| waiting.min(pace)));
                app.update(message)
            }
            None => Vec::new(),
        };
        // All that drawing asks of a terminal is its size, which one that is gone does not have.
        if screen.draw(terminal, frames, app).is_err() {
            return Ok(Ending::Signal(HANG_UP));
        }
    }
}

/// The end by an error of the terminal: one that is gone amounts to a signal.
fn failed(error: io::Error) -> Result<Ending, DashboardError> {
    if terminal::is_gone(&error) { Ok(Ending::Signal(HANG_UP)) } else { Err(error.into()) }
}

/// When the screen was drawn, and how long after that it is to be drawn again; `None` while it is up to date.
struct Screen {
    drawn: Option<Deadline>,
    stale: Option<Duration>,
}

impl Screen {
    fn due(&self) -> Option<Deadline> {
        self.stale.map(|pace| self.drawn.map_or_else(Deadline::now, |drawn| drawn + pace))
    }

    /// Draws what is due, where the frame before is out and there is a terminal.
    fn draw<B: Backend>(
        &mut self,
        terminal: &mut Terminal<B>,
        frames: &mut impl Frames,
        app: &App,
    ) -> Result<(), B::Error> {
        let due = self.due().is_some_and(|due| due <= Deadline::now());
        if due && frames.is_free() && frames.presence() == Presence::Shown {
            terminal.draw(|frame| view::render(frame, app))?;
            frames.send();
            self.drawn = Some(Deadline::now());
            self.stale = None;
        }
        Ok(())
    }

    /// The terminal shows nothing of ours any more: the next frame is a whole one.
    fn forget<B: Backend>(&mut self, terminal: &mut Terminal<B>) -> Result<(), B::Error> {
        self.stale = Some(FRAME);
        let size = terminal.size()?;
        terminal.resize(size.into())
    }
}

#[cfg(test)]
mod tests;
