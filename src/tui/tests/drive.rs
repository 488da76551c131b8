//! The whole program in a test: the main loop on a backend of its own, with scripted input and a made-up world.

use std::future::pending;

use futures::{StreamExt, stream};
use ratatui::{Terminal, backend::TestBackend};

use super::scene::{events, plan, setup};
use crate::tui::{
    Effect, Ending, Glyphs, Msg, Start, TuiError,
    app::App,
    key::parse_script,
    terminal::{Input, World, drive},
};

/// A world that starts sessions at once and keeps a diary.
#[derive(Default)]
struct Fake {
    diary: Vec<String>,
    news: Vec<Msg>,
}

impl World for Fake {
    fn perform(&mut self, effect: Effect) {
        if let Effect::StartSession(_) = &effect {
            self.news = vec![Msg::Events(vec![(1, events(1, 200))]), Msg::Started { directory: None }];
        }
        let text = format!("{effect:?}");
        self.diary.push(text.split([' ', '(']).next().unwrap_or_default().to_owned());
    }

    async fn next(&mut self) -> Msg {
        match self.news.pop() {
            Some(message) => message,
            None => pending().await,
        }
    }

    async fn close(self) {}
}

impl From<std::convert::Infallible> for TuiError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

fn play(start: Start, inputs: Vec<Input>) -> (Result<Ending, TuiError>, Vec<String>, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut terminal = Terminal::new(TestBackend::new(100, 30)).unwrap();
    let mut world = Fake::default();
    // One input at a time, so that the world gets its turns.
    let inputs = stream::iter(inputs).then(|input| async {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        input
    });
    let app = App::new(start, setup(Glyphs::Unicode));
    let ending = runtime.block_on(drive(&mut terminal, app, inputs, &mut world));
    (ending, world.diary, terminal.backend().to_string())
}

fn keys(script: &str) -> Vec<Input> {
    parse_script(script).unwrap().into_iter().map(Input::Key).collect()
}

#[test]
fn a_session_is_picked_steered_and_left() {
    let (ending, diary, _) = play(Start::Picker, keys("down down enter down + space e q y"));
    assert_eq!(ending.unwrap(), Ending::Quit(vec![]));
    assert_eq!(diary, ["StartSession", "Send", "Send", "Export"]);
}

#[test]
fn a_signal_ends_the_program_whatever_is_on_the_screen() {
    let mut inputs = keys("? ");
    inputs.push(Input::Signal(15));
    let (ending, _, _) = play(Start::Plan(Box::new(plan())), inputs);
    assert_eq!(ending.unwrap(), Ending::Signal(15));
}

#[test]
fn the_first_frame_comes_before_the_session_is_started() {
    let (ending, _, screen) = play(Start::Plan(Box::new(plan())), vec![Input::Signal(1)]);
    assert_eq!(ending.unwrap(), Ending::Signal(1));
    assert!(screen.contains("mnist-mlp") && screen.contains("starting"), "{screen}");
}

#[test]
fn a_terminal_that_closes_is_an_error() {
    let (ending, _, _) = play(Start::Picker, Vec::new());
    assert!(matches!(ending, Err(TuiError::Closed)));
}
