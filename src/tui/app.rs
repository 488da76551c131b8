//! The dashboard as a value: what it shows, what may happen to it, and what it asks for in return.
//! [`App::update`] is the only way it changes; drawing reads it and effects are data, performed elsewhere.

mod answer;

use std::path::PathBuf;

use super::{
    key::Key,
    keymap::{self, Action, Arrow, Context, SessionAction},
    message::{Effect, Ending, InitialScreen, LeftSession, Msg, Recording, Setup, Suspension},
    overlay::{Overlay, Prompt, Question, asked_before},
    palette::Palette,
    picker::{EntryKind, Picker, Typing},
    session::{Feed, WatchedSession},
    theme::Theme,
};
use crate::{problem::Loading, run::Plan};

/// Everything that is on the screen.
#[derive(Debug)]
pub struct App {
    pub(super) theme: Theme,
    pub(super) screen: Screen,
    pub(super) overlay: Overlay,
    pub(super) picker: Picker,
    pub(super) notice: Option<Notice>,
    origin: Origin,
}

/// Where the user is.
#[derive(Debug)]
pub enum Screen {
    /// Among the presets.
    Picker,
    /// Waiting for a session to be read from this directory.
    Opening(PathBuf),
    /// Watching a session.
    Watch(Box<WatchedSession>),
}

/// One line that reports on what was asked, until the next key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    Done(String),
    Failed(String),
}

/// Who asked for the first session. What the command line asked for and cannot be had ends the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    CommandLine,
    Picker,
}

impl App {
    /// The dashboard at its beginning, and what it asks for first.
    pub fn new(start: InitialScreen, setup: Setup) -> (Self, Vec<Effect>) {
        let mut app = Self {
            theme: Theme::new(setup.appearance),
            screen: Screen::Picker,
            overlay: Overlay::None,
            picker: Picker::new(setup.choices, &setup.device),
            notice: None,
            origin: Origin::CommandLine,
        };
        let effects = match start {
            InitialScreen::Picker => {
                app.origin = Origin::Picker;
                Vec::new()
            }
            InitialScreen::Plan(plan) => app.start(*plan),
            InitialScreen::Recorded(recording) => {
                app.show(*recording);
                Vec::new()
            }
        };
        (app, effects)
    }

    /// The dashboard on a recording that is at hand.
    pub fn replay(recording: Recording, setup: Setup) -> Self {
        Self::new(InitialScreen::Recorded(Box::new(recording)), setup).0
    }

    /// The session on the screen, if one has begun.
    pub fn into_session(self) -> Option<LeftSession> {
        let Screen::Watch(session) = self.screen else { return None };
        let WatchedSession { plan, runs, directory, .. } = *session;
        let histories: Vec<_> = runs.into_iter().map(|run| run.history).collect();
        let begun = histories.iter().any(|history| history.start().is_some());
        begun.then_some(LeftSession { plan, histories, directory })
    }

    /// Takes one message in and says what is to be done about it.
    pub fn update(&mut self, message: Msg) -> Vec<Effect> {
        match message {
            Msg::Key(key) => return self.press(key),
            Msg::Signal(signal) => return vec![Effect::Quit(Ending::Signal(signal))],
            Msg::Suspend => return vec![Effect::Suspend(Suspension::Signal)],
            Msg::StartFailed(reason) | Msg::Opened(Err(reason)) => return self.give_up(reason),
            Msg::Opened(Ok(recording)) => self.show(*recording),
            Msg::Resize => {}
            Msg::Exported(Ok(path)) => self.notice = Some(Notice::Done(format!("wrote {}", path.display()))),
            Msg::Exported(Err(reason)) => self.notice = Some(Notice::Failed(format!("no figure: {reason}"))),
            Msg::Copied(Ok(path)) => {
                let path = path.display();
                self.notice = Some(Notice::Done(format!("wrote {path}: change it, then run nso-tui {path}")));
            }
            Msg::Copied(Err(reason)) => self.notice = Some(Notice::Failed(format!("no copy: {reason}"))),
            Msg::Tick(elapsed) => self.with_session(|session| session.tick(elapsed)),
            Msg::Events(batches) => self.with_session(|session| {
                for (run, events) in batches {
                    session.receive(run, &events);
                }
            }),
            Msg::Warning(text) => self.notice = Some(Notice::Done(text)),
            Msg::Loading(left_out @ Loading::SkippedImages { .. }) => {
                self.notice = Some(Notice::Failed(left_out.to_string()));
            }
            Msg::Loading(loading) => self.with_session(|session| session.loading = Some(loading)),
            Msg::Started { directory } => self.with_session(|session| session.started(directory)),
            Msg::RunAdded(Ok(run)) => {
                self.notice = Some(Notice::Done(format!("{} has started", run.name)));
                self.with_session(|session| session.run_added(*run));
            }
            Msg::RunAdded(Err(reason)) => self.notice = Some(Notice::Failed(format!("no run was added: {reason}"))),
            Msg::Drained => self.with_session(WatchedSession::drained),
            Msg::Status { run, status } => self.with_session(|session| session.run_stands(run, status)),
            Msg::Writer(writer) => self.with_session(|session| session.is_written_by(writer)),
            // Said once: it is found again whenever the log is read on.
            Msg::Damage(text) if self.session().is_some_and(|session| session.damage.as_ref() == Some(&text)) => {}
            Msg::Damage(text) => {
                self.notice = Some(Notice::Failed(text.clone()));
                self.with_session(|session| session.damage = Some(text));
            }
            Msg::Load(load) => self.with_session(|session| session.load = Some(load)),
        }
        Vec::new()
    }

    pub fn context(&self) -> Context {
        match &self.overlay {
            Overlay::None => self.place_context(),
            Overlay::Help => Context::Help,
            Overlay::Ask(_) => Context::Question,
            Overlay::Type(_) => Context::Prompt,
            Overlay::Palette(_) => Context::Palette,
        }
    }

    /// Where keys go once there is no overlay.
    pub fn place_context(&self) -> Context {
        match &self.screen {
            Screen::Opening(_) => Context::Opening,
            Screen::Picker if self.picker.typing() == Typing::Here => Context::Filter,
            Screen::Picker => Context::Picker,
            Screen::Watch(session) => session.context(),
        }
    }

    /// Whether an action would do something now. What is not offered is neither shown nor done.
    pub fn offers(&self, action: Action) -> bool {
        match self.overlay {
            Overlay::None => self.offers_here(action),
            Overlay::Ask(question) if action == Action::Detach => {
                let can_go_on = |session: &WatchedSession| session.feed == Feed::Live && session.directory.is_some();
                matches!(question, Question::Quit | Question::Interrupt) && self.session().is_some_and(can_go_on)
            }
            Overlay::Help | Overlay::Ask(_) | Overlay::Type(_) | Overlay::Palette(_) => true,
        }
    }

    /// Whether an action would do something once there is no overlay.
    pub fn offers_here(&self, action: Action) -> bool {
        match (&self.screen, action) {
            (Screen::Watch(session), Action::Watch(action)) => session.offers(action),
            (Screen::Watch(session), Action::ToPicker) => session.can_be_left(),
            (Screen::Picker, Action::StartPreset) => self.picker.chosen().is_some_and(|choice| choice.plan.is_ok()),
            (Screen::Picker, Action::EditCopy) => {
                self.picker.chosen().is_some_and(|choice| choice.kind == EntryKind::Embedded)
            }
            (Screen::Picker | Screen::Opening(_) | Screen::Watch(_), _) => true,
        }
    }

    pub fn session(&self) -> Option<&WatchedSession> {
        match &self.screen {
            Screen::Watch(session) => Some(session),
            Screen::Picker | Screen::Opening(_) => None,
        }
    }

    fn with_session(&mut self, change: impl FnOnce(&mut WatchedSession)) {
        if let Screen::Watch(session) = &mut self.screen {
            change(session);
        }
    }

    fn press(&mut self, key: Key) -> Vec<Effect> {
        self.notice = None;
        let context = self.context();
        match keymap::action(context, key) {
            Some(action) if self.offers(action) => return self.act(action),
            Some(_) => {}
            None => {
                if let Key::Char(letter) = key {
                    self.type_letter(letter);
                }
            }
        }
        Vec::new()
    }

    /// Takes a letter in where text is typed.
    fn type_letter(&mut self, letter: char) {
        let context = self.context();
        match &mut self.overlay {
            Overlay::Type(prompt) => prompt.push(letter),
            Overlay::Palette(palette) => palette.push(letter),
            Overlay::None if context == Context::Filter => self.picker.narrow(letter),
            Overlay::None | Overlay::Help | Overlay::Ask(_) => {}
        }
    }

    fn act(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Quit if self.alive() => self.overlay = Overlay::Ask(Question::Quit),
            Action::Quit => return vec![self.quit()],
            Action::Interrupt if self.alive() && self.overlay != Overlay::Ask(Question::Interrupt) => {
                self.overlay = Overlay::Ask(Question::Interrupt);
            }
            Action::Interrupt => return vec![Effect::Quit(Ending::Interrupted)],
            Action::Detach => return vec![Effect::Quit(Ending::Detached)],
            Action::Suspend => return vec![Effect::Suspend(Suspension::Key)],
            Action::Palette => self.overlay = Overlay::Palette(Palette::default()),
            Action::Help if self.overlay == Overlay::Help => self.overlay = Overlay::None,
            Action::Help => self.overlay = Overlay::Help,
            Action::Accept => return self.accept(),
            Action::Cancel => self.cancel(),
            Action::Erase => self.erase(),
            Action::OpenSession => self.overlay = Overlay::Type(Prompt::session()),
            Action::Filter => self.picker.start_typing(),
            Action::EditCopy => {
                return self.picker.chosen().map(|choice| Effect::EditCopy(choice.name.clone())).into_iter().collect();
            }
            Action::StartPreset => {
                if let Some(EntryKind::Session(session)) = self.picker.chosen().map(|choice| &choice.kind) {
                    let directory = session.directory.clone();
                    self.origin = Origin::Picker;
                    return self.open(directory);
                }
                let plan = self.picker.chosen().and_then(|choice| choice.plan.as_ref().ok()).cloned();
                return plan.map_or_else(Vec::new, |plan| self.start(plan));
            }
            Action::ToPicker => {
                self.screen = Screen::Picker;
                self.origin = Origin::Picker;
                return vec![Effect::EndSession];
            }
            Action::Move(arrow) if self.context() == Context::Palette => self.go_in_palette(arrow),
            Action::Move(arrow) => match &mut self.screen {
                Screen::Picker => self.picker.go(arrow),
                Screen::Watch(session) => session.go(arrow),
                Screen::Opening(_) => {}
            },
            Action::Watch(action) => return self.act_on_session(action),
        }
        Vec::new()
    }

    fn go_in_palette(&mut self, arrow: Arrow) {
        if let Overlay::Palette(mut palette) = std::mem::replace(&mut self.overlay, Overlay::None) {
            palette.go(arrow, palette.matches(self));
            self.overlay = Overlay::Palette(palette);
        }
    }

    fn act_on_session(&mut self, action: SessionAction) -> Vec<Effect> {
        let Screen::Watch(session) = &mut self.screen else { return Vec::new() };
        if action == SessionAction::Resume {
            return self.resume();
        }
        match asked_before(action, session) {
            Some(overlay) => {
                self.overlay = overlay;
                Vec::new()
            }
            None => session.act(action),
        }
    }

    /// Leaves what takes text or asks, and without either the filter.
    fn cancel(&mut self) {
        match self.overlay {
            Overlay::None => self.picker.clear_filter(),
            Overlay::Help | Overlay::Ask(_) | Overlay::Type(_) | Overlay::Palette(_) => self.overlay = Overlay::None,
        }
    }

    /// Takes back the last letter of what is typed.
    fn erase(&mut self) {
        match &mut self.overlay {
            Overlay::Type(prompt) => prompt.erase(),
            Overlay::Palette(palette) => palette.erase(),
            Overlay::None => self.picker.widen(),
            Overlay::Help | Overlay::Ask(_) => self.overlay = Overlay::None,
        }
    }

    fn start(&mut self, plan: Plan) -> Vec<Effect> {
        self.picker.clear_filter();
        self.screen = Screen::Watch(Box::new(WatchedSession::new(plan.clone(), Feed::Starting)));
        vec![Effect::StartSession(Box::new(plan))]
    }

    /// Goes on with the session that is shown.
    fn resume(&mut self) -> Vec<Effect> {
        let Screen::Watch(session) = &self.screen else { return Vec::new() };
        let Some(directory) = session.directory.clone() else { return Vec::new() };
        let plan = session.plan.clone();
        // If it cannot be had, there is still the list of presets.
        self.origin = Origin::Picker;
        self.screen = Screen::Watch(Box::new(WatchedSession::new(plan, Feed::Starting)));
        vec![Effect::ResumeSession(directory)]
    }

    fn open(&mut self, directory: PathBuf) -> Vec<Effect> {
        self.screen = Screen::Opening(directory.clone());
        vec![Effect::OpenSession(directory)]
    }

    fn show(&mut self, recording: Recording) {
        let mut session = WatchedSession::new(recording.plan, Feed::Recorded(recording.writer));
        session.resume_from(recording.runs);
        session.directory = Some(recording.directory);
        if let Some(damage) = recording.damage {
            self.notice = Some(Notice::Failed(damage.clone()));
            session.damage = Some(damage);
        }
        self.screen = Screen::Watch(Box::new(session));
    }

    /// What was to be shown cannot be: back to the presets, or out if the command line asked for it.
    fn give_up(&mut self, reason: String) -> Vec<Effect> {
        if self.origin == Origin::CommandLine {
            return vec![Effect::Quit(Ending::Failed(reason))];
        }
        self.screen = Screen::Picker;
        self.overlay = Overlay::None;
        self.notice = Some(Notice::Failed(reason));
        Vec::new()
    }

    fn alive(&self) -> bool {
        self.session().is_some_and(WatchedSession::is_alive)
    }

    fn quit(&self) -> Effect {
        Effect::Quit(Ending::Quit(self.session().map_or_else(Vec::new, WatchedSession::outcomes)))
    }
}
