//! The whole program in a test: the main loop on a backend of its own, with scripted input and made-up effects.

use std::future::pending;

use futures::{StreamExt, stream};
use ratatui::{Terminal, backend::TestBackend};

use super::{super::input::Input, DashboardError, Effects, run};
use crate::tui::{
    App, Effect, Ending, Glyphs, InitialScreen, Msg,
    key::parse_script,
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

    async fn close(self) {}
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
}

fn play(start: InitialScreen, inputs: Vec<Input>) -> Played {
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
    let app = App::new(start, setup(Glyphs::Unicode));
    let ending = runtime.block_on(run(&mut terminal, app, inputs, &mut effects));
    Played { ending, asked: effects.asked, screen: terminal.backend().to_string() }
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
fn a_terminal_that_closes_is_an_error() {
    assert!(matches!(play(InitialScreen::Picker, Vec::new()).ending, Err(DashboardError::Closed)));
}
