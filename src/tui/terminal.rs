//! Where the dashboard meets the world: the main loop, the input events and signals, and the effects performed.
//! The loop knows neither the terminal nor the engine, so that the whole program runs in a test.

use std::{
    future::Future,
    io,
    time::{Duration, Instant},
};

use crossterm::event::{Event as TerminalEvent, EventStream};
use futures::{Stream, StreamExt, stream};
use ratatui::{Terminal, backend::Backend};
use tokio::time::{Instant as Deadline, MissedTickBehavior, interval, sleep_until};

use super::{
    app::App,
    key::Key,
    message::{Effect, Ending, Msg},
    view,
};

/// Shortest time between two frames.
const FRAME: Duration = Duration::from_millis(33);

/// Time between frames that only bring news of the runs: those compete with training for the cores.
const NEWS: Duration = Duration::from_millis(250);
/// How often the clock on the screen moves.
const TICK: Duration = Duration::from_secs(1);

/// Why the dashboard cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// There is no terminal to draw on.
    #[error(
        "the dashboard needs a terminal, and standard input or output is none: use `nso-tui run PRESET`, or --print COLSxROWS"
    )]
    NotATerminal,
    /// The terminal failed.
    #[error("the terminal failed")]
    Terminal(#[from] io::Error),
    /// The terminal sends no more input.
    #[error("the terminal closed")]
    Closed,
}

/// What comes from the terminal's side.
#[derive(Debug)]
pub enum Input {
    /// A key that the dashboard knows.
    Key(Key),
    /// The terminal has another size, or must be drawn again.
    Resize,
    /// The process was asked to end, by this signal.
    Signal(i32),
    /// The terminal failed.
    Failed(io::Error),
}

/// What the loop asks of everything that is not the screen: engine, files, threads.
pub trait World {
    /// Starts to perform an effect; never blocks.
    fn perform(&mut self, effect: Effect);

    /// The next thing that happened. Dropping the future loses nothing.
    fn next(&mut self) -> impl Future<Output = Msg>;

    /// Ends what still runs and waits for it.
    fn close(self) -> impl Future<Output = ()>;
}

/// The main loop: draws `app` on `terminal`, feeds it from `input` and `world`, until it ends.
///
/// The first frame is drawn before `effects` are begun. Frames follow keys at once, at most thirty a second, and news of the
/// runs four times a second.
///
/// # Errors
/// What the terminal says; [`TuiError::Closed`] when the input ends.
pub async fn drive<B>(
    terminal: &mut Terminal<B>,
    (mut app, effects): (App, Vec<Effect>),
    input: impl Stream<Item = Input>,
    world: &mut impl World,
) -> Result<Ending, TuiError>
where
    B: Backend,
    TuiError: From<B::Error>,
{
    let mut input = std::pin::pin!(input);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut session = Instant::now();
    let mut screen = Screen { drawn: None, stale: None };
    screen.draw(terminal, &app)?;
    let mut effects = effects;
    loop {
        for effect in effects {
            match effect {
                Effect::Quit(ending) => return Ok(ending),
                Effect::StartSession(_) => {
                    session = Instant::now();
                    world.perform(effect);
                }
                _ => world.perform(effect),
            }
        }
        let due = screen.due();
        let message = tokio::select! {
            event = input.next() => match event {
                Some(Input::Key(key)) => Some((Msg::Key(key), FRAME)),
                Some(Input::Resize) => Some((Msg::Resize, FRAME)),
                Some(Input::Signal(signal)) => Some((Msg::Signal(signal), FRAME)),
                Some(Input::Failed(error)) => return Err(error.into()),
                None => return Err(TuiError::Closed),
            },
            message = world.next() => Some((message, NEWS)),
            _ = tick.tick() => Some((Msg::Tick(session.elapsed()), NEWS)),
            () = sleep_until(due.unwrap_or_else(Deadline::now)), if due.is_some() => None,
        };
        effects = match message {
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

/// When the screen was drawn, and how long after that it is to be drawn again, if it no longer shows what is.
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

/// Columns and rows of the terminal, where it tells.
pub fn size() -> Option<(u16, u16)> {
    crossterm::terminal::size().ok()
}

/// Keys, resizes and signals as one stream.
///
/// # Errors
/// What the system says when it refuses a signal handler.
pub fn inputs() -> io::Result<impl Stream<Item = Input>> {
    let keys = EventStream::new().filter_map(|event| async {
        match event {
            Ok(TerminalEvent::Key(event)) => Key::from_event(&event).map(Input::Key),
            Ok(TerminalEvent::Resize(..) | TerminalEvent::FocusGained) => Some(Input::Resize),
            Ok(_) => None,
            Err(error) => Some(Input::Failed(error)),
        }
    });
    Ok(stream::select(keys, signals()?.map(Input::Signal)))
}

/// Signals that ask the process to end, by number.
///
/// # Errors
/// What the system says when it refuses a signal handler.
#[cfg(unix)]
pub(super) fn signals() -> io::Result<impl Stream<Item = i32>> {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    let each = |kind: SignalKind| {
        let arrivals = move |mut signal: Signal| async move {
            signal.recv().await?;
            Some((kind.as_raw_value(), signal))
        };
        signal(kind).map(|signal| stream::unfold(signal, arrivals))
    };
    let interrupts = each(SignalKind::interrupt())?;
    let requests = stream::select(each(SignalKind::terminate())?, each(SignalKind::hangup())?);
    Ok(stream::select(interrupts, requests))
}

/// Signals that ask the process to end, by number: Ctrl-C comes as a key.
#[cfg(not(unix))]
pub(super) fn signals() -> io::Result<impl Stream<Item = i32>> {
    Ok(stream::pending())
}
