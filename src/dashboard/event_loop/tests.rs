//! The whole program in a test: the main loop on a backend of its own, with scripted input and made-up effects.

use std::{future::pending, io};

use futures::{StreamExt, stream};
use ratatui::{Terminal, backend::TestBackend};

use super::{super::input::Input, Closed, DashboardError, Effects, Frames, Presence, run};
use crate::tui::{
    App, Effect, Ending, Glyphs, InitialScreen, Msg,
    key::{Key, parse_script},
    tests::scene::{events, plan, setup},
};

/// Effects that start sessions at once and list what was asked.
#[derive(Default)]
struct FakeEffects {
    asked: Vec<String>,
    messages: Vec<Msg>,
}

impl Effects for FakeEffects {
    fn perform(&mut self, effect: Effect) {
        if let Effect::StartSession(_) = &effect {
            let directory = Some("runs/made-up".into());
            self.messages = vec![Msg::Events(vec![(1, events(1, 200))]), Msg::Started { directory }];
        }
        let text = format!("{effect:?}");
        self.asked.push(text.split([' ', '(']).next().unwrap_or_default().to_owned());
    }

    async fn next(&mut self) -> Msg {
        match self.messages.pop() {
            Some(message) => message,
            None => pending().await,
        }
    }

    async fn close(self) -> Closed {
        Closed::default()
    }
}

/// A terminal that takes every frame at once, or none after the first.
#[derive(Default)]
struct FakeFrames {
    sent: usize,
    is_stuck: bool,
    fault: Option<io::Error>,
    /// Whether the process was put in the background when it went on.
    stays_away: bool,
    asked: Vec<&'static str>,
    presence: Option<Presence>,
}

impl Frames for FakeFrames {
    fn is_free(&self) -> bool {
        !self.is_stuck || self.sent == 0
    }

    async fn free(&self) {
        pending::<()>().await;
    }

    fn send(&mut self) {
        self.sent += 1;
    }

    fn take_fault(&mut self) -> Option<io::Error> {
        self.fault.take()
    }

    fn presence(&self) -> Presence {
        self.presence.unwrap_or(Presence::Shown)
    }

    fn suspend(&mut self) -> io::Result<()> {
        self.asked.push("suspend");
        self.presence = Some(if self.stays_away { Presence::Away } else { Presence::Shown });
        Ok(())
    }

    fn come_back(&mut self) -> io::Result<()> {
        self.asked.push("come back");
        self.presence = Some(Presence::Shown);
        Ok(())
    }
}

impl From<std::convert::Infallible> for DashboardError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// How a dashboard that was fed with some inputs ended.
struct Played {
    ending: Result<Ending, DashboardError>,
    asked: Vec<String>,
    screen: String,
    frames: FakeFrames,
}

fn play(start: InitialScreen, inputs: Vec<Input>) -> Played {
    play_on(FakeFrames::default(), start, inputs)
}

fn play_on(mut frames: FakeFrames, start: InitialScreen, inputs: Vec<Input>) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut terminal = Terminal::new(TestBackend::new(100, 30)).unwrap();
    let mut effects = FakeEffects::default();
    // One input at a time, so that the effects get their turns.
    let inputs = stream::iter(inputs).then(|input| async {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        input
    });
    let (mut app, first) = App::new(start, setup(Glyphs::Unicode));
    let ending = runtime.block_on(run(&mut terminal, &mut frames, &mut app, first, inputs, &mut effects));
    Played { ending, asked: effects.asked, screen: terminal.backend().to_string(), frames }
}

fn keys(script: &str) -> Vec<Input> {
    parse_script(script).unwrap().into_iter().map(Input::Key).collect()
}

#[test]
fn a_session_is_picked_steered_and_left() {
    let Played { ending, asked, .. } = play(InitialScreen::Picker, keys("down down enter down + space e q y"));
    assert_eq!(ending.unwrap(), Ending::Quit(vec![]));
    assert_eq!(asked, ["StartSession", "Send", "Send", "Export"]);
}

#[test]
fn a_signal_ends_the_program_whatever_is_on_the_screen() {
    let mut inputs = keys("? ");
    inputs.push(Input::Signal(15));
    assert_eq!(play(InitialScreen::Plan(Box::new(plan())), inputs).ending.unwrap(), Ending::Signal(15));
}

#[test]
fn the_first_frame_comes_before_the_session_is_started() {
    let Played { ending, screen, .. } = play(InitialScreen::Plan(Box::new(plan())), vec![Input::Signal(1)]);
    assert_eq!(ending.unwrap(), Ending::Signal(1));
    assert!(screen.contains("mnist-mlp") && screen.contains("starting"), "{screen}");
}

#[test]
fn a_terminal_that_is_gone_is_a_hang_up_however_it_shows() {
    assert_eq!(play(InitialScreen::Picker, Vec::new()).ending.unwrap(), Ending::Signal(1));
    assert_eq!(play(InitialScreen::Picker, vec![Input::HangUp]).ending.unwrap(), Ending::Signal(1));
    let broken = |error| {
        let frames = FakeFrames { fault: Some(error), ..FakeFrames::default() };
        play_on(frames, InitialScreen::Picker, keys("q")).ending
    };
    let errno = rustix::io::Errno::IO.raw_os_error();
    assert_eq!(broken(io::Error::from_raw_os_error(errno)).unwrap(), Ending::Signal(1));
    assert!(matches!(broken(io::Error::other("out of ink")), Err(DashboardError::Terminal(_))));
}

#[test]
fn a_terminal_that_takes_no_frame_keeps_neither_keys_nor_signals_waiting() {
    let frames = FakeFrames { is_stuck: true, ..FakeFrames::default() };
    let mut inputs = keys("down down enter ? ?");
    inputs.push(Input::Signal(15));
    let Played { ending, asked, frames, .. } = play_on(frames, InitialScreen::Picker, inputs);
    assert_eq!((ending.unwrap(), frames.sent), (Ending::Signal(15), 1));
    assert_eq!(asked, ["StartSession"]);
}

#[test]
fn the_terminal_is_taken_again_when_the_program_goes_on() {
    let inputs = vec![Input::Suspend, Input::Continue, Input::Signal(15)];
    assert_eq!(play(InitialScreen::Picker, inputs).frames.asked, ["suspend", "come back"]);
    let frames = FakeFrames { stays_away: true, ..FakeFrames::default() };
    let Played { ending, frames, .. } =
        play_on(frames, InitialScreen::Picker, vec![Input::Suspend, Input::Key(Key::Down), Input::Signal(15)]);
    assert_eq!(ending.unwrap(), Ending::Signal(15));
    assert_eq!(frames.sent, 1, "nothing is drawn in the background");
}
