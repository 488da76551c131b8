//! The main loop: draws the dashboard, and feeds it with input and with what its effects report, until it ends.
//! It knows neither the terminal nor the engine, so that the whole program runs in a test.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use futures::{Stream, StreamExt};
use ratatui::{Terminal, backend::Backend};
use tokio::time::{Instant as Deadline, MissedTickBehavior, interval, sleep_until};

use super::{DashboardError, input::Input};
use crate::tui::{App, Effect, Ending, Msg, view};

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
    fn close(self) -> impl Future<Output = ()>;
}

/// Draws the app on `terminal`, feeds it from `input` and `effects`, until it ends.
///
/// The first frame is drawn before the first effects are begun. Frames follow keys at once, at most thirty a second, and new events
/// of the runs four times a second.
///
/// # Errors
/// What the terminal says; [`DashboardError::Closed`] when the input ends.
pub async fn run<B>(
    terminal: &mut Terminal<B>,
    (mut app, first): (App, Vec<Effect>),
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
    let mut screen = Screen { drawn: None, stale: None };
    screen.draw(terminal, &app)?;
    let mut asked = first;
    loop {
        for effect in asked {
            if let Effect::Quit(ending) = effect {
                return Ok(ending);
            }
            if matches!(effect, Effect::StartSession(_)) {
                session = Instant::now();
            }
            effects.perform(effect);
        }
        let due = screen.due();
        let message = tokio::select! {
            event = input.next() => match event {
                Some(Input::Key(key)) => Some((Msg::Key(key), FRAME)),
                Some(Input::Resize) => Some((Msg::Resize, FRAME)),
                Some(Input::Signal(signal)) => Some((Msg::Signal(signal), FRAME)),
                Some(Input::Failed(error)) => return Err(error.into()),
                None => return Err(DashboardError::Closed),
            },
            message = effects.next() => Some((message, NEW_EVENTS)),
            _ = tick.tick() => Some((Msg::Tick(session.elapsed()), NEW_EVENTS)),
            () = sleep_until(due.unwrap_or_else(Deadline::now)), if due.is_some() => None,
        };
        asked = match message {
            Some((message, pace)) => {
                screen.stale = Some(screen.stale.map_or(pace, |waiting| waiting.min(pace)));
                app.update(message)
            }
            None => Vec::new(),
        };
        if screen.due().is_some_and(|due| due <= Deadline::now()) {
            screen.draw(terminal, &app)?;
        }
    }
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

    fn draw<B: Backend>(&mut self, terminal: &mut Terminal<B>, app: &App) -> Result<(), B::Error> {
        terminal.draw(|frame| view::render(frame, app))?;
        self.drawn = Some(Deadline::now());
        self.stale = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
