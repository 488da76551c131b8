//! What follows once a question is answered yes, or a typed line is accepted.

use std::path::PathBuf;

use super::{App, Origin, Screen};
use crate::{
    figure::ExportFormat,
    tui::{
        keymap::SessionAction,
        message::{Effect, Ending, ExportRequest, Naming},
        overlay::{Overlay, Prompt, Purpose, Question},
    },
};

impl App {
    /// Yes, or what was typed.
    pub(super) fn accept(&mut self) -> Vec<Effect> {
        match std::mem::replace(&mut self.overlay, Overlay::None) {
            Overlay::Ask(Question::Quit) => vec![self.quit()],
            Overlay::Ask(Question::Interrupt) => vec![Effect::Quit(Ending::Interrupted)],
            Overlay::Ask(question @ (Question::RunAgain | Question::Stop)) => match &mut self.screen {
                Screen::Watch(session) if question == Question::Stop => session.act(SessionAction::Stop),
                Screen::Watch(session) => session.act(SessionAction::RunAgain),
                Screen::Picker | Screen::Opening(_) => Vec::new(),
            },
            Overlay::Type(prompt) => self.take(prompt),
            Overlay::Palette(palette) => palette.chosen(self).map_or_else(Vec::new, |action| self.act(action)),
            Overlay::None | Overlay::Help => Vec::new(),
        }
    }

    /// Takes what was typed, or leaves the prompt open with what is wrong about it.
    fn take(&mut self, prompt: Prompt) -> Vec<Effect> {
        match (prompt.purpose(), &mut self.screen) {
            (Purpose::Session | Purpose::File, _) if prompt.text().trim().is_empty() => Vec::new(),
            (Purpose::Session, _) => {
                self.origin = Origin::Picker;
                self.open(PathBuf::from(prompt.text().trim()))
            }
            (Purpose::File, Screen::Watch(session)) => {
                let path = PathBuf::from(prompt.text().trim());
                let asked = ExportFormat::of(&path).map(|_| {
                    let request = session.export();
                    let effect = |request| Effect::Export(ExportRequest { path, naming: Naming::AsAsked, ..request });
                    request.map(effect).into_iter().collect()
                });
                self.or_refuse(prompt, asked.map_err(|error| error.to_string()))
            }
            (Purpose::Value(hyperparameter), Screen::Watch(session)) => {
                let asked = prompt.number().map(|value| session.set(hyperparameter, value));
                self.or_refuse(prompt, asked)
            }
            (Purpose::Fork, Screen::Watch(session)) => {
                let asked = session.fork(prompt.text());
                self.or_refuse(prompt, asked)
            }
            (Purpose::Filter, Screen::Watch(session)) => {
                let asked = session.filter(prompt.text()).map(|()| Vec::new());
                self.or_refuse(prompt, asked)
            }
            (Purpose::NewRun, Screen::Watch(session)) => {
                let asked = session.add_described(prompt.text());
                self.or_refuse(prompt, asked)
            }
            (
                Purpose::Value(_) | Purpose::File | Purpose::Fork | Purpose::NewRun | Purpose::Filter,
                Screen::Picker | Screen::Opening(_),
            ) => Vec::new(),
        }
    }

    /// What a typed line asks for, or the line again with what is wrong about it.
    fn or_refuse(&mut self, mut prompt: Prompt, asked: Result<Vec<Effect>, String>) -> Vec<Effect> {
        asked.unwrap_or_else(|reason| {
            prompt.refuse(reason);
            self.overlay = Overlay::Type(prompt);
            Vec::new()
        })
    }
}
