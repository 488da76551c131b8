//! One session as it is watched: its runs, what was asked of them and not yet answered, and where the cursor is.
//! Changes are sent to runs as commands; the values that are shown are those that the runs reported.

mod adding;
mod comparison;
mod filter;
mod grid;
mod run;
mod standing;
mod steering;
mod visibility;
mod window;

use std::{path::PathBuf, time::Duration};

pub use comparison::Basis;
pub use grid::Grid;
pub use run::{Run, Visibility};
pub use standing::state_word;

use grid::Walk;

use super::{
    keymap::{Arrow, Context, SessionAction},
    message::{Effect, ExportRequest, Naming, Writer},
};
use crate::{
    figure::{self, PanelKind, PlottedRun, RecordedRun, RunState, View},
    optimizer::Hyperparameter,
    problem::Loading,
    run::{Command, Event, Outcome, Plan, device::Load},
};

/// One session being watched.
#[derive(Debug)]
pub struct WatchedSession {
    pub plan: Plan,
    /// One for each run of the plan, in its order.
    pub runs: Vec<Run>,
    pub feed: Feed,
    pub pane: Pane,
    pub zoom: Zoom,
    pub grid: Grid,
    pub view: View,
    pub scope: Scope,
    /// Which values the table compares.
    pub basis: Basis,
    /// Where the session's log is.
    pub directory: Option<PathBuf>,
    pub elapsed: Duration,
    /// How far its images are read, while they are.
    pub loading: Option<Loading>,
    /// The load of the process at the last sample.
    pub load: Option<Load>,
    /// What of its log is damaged or cannot be read.
    pub damage: Option<String>,
    selected: usize,
    /// The place of the run that the others are compared with, where one was chosen.
    baseline: Option<usize>,
    /// The hyperparameter last chosen; a run that lacks it has the cursor on its first.
    hyperparameter: Hyperparameter,
}

/// Where the events come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// The engine is being started.
    Starting,
    /// From runs that take commands.
    Live,
    /// From nowhere any more: all runs have ended for good.
    Drained,
    /// From a log, which a process may be writing.
    Recorded(Writer),
}

/// The part of the screen where arrow keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    Charts,
    Runs,
    Hyperparameters,
}

/// How many charts there are on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zoom {
    All,
    One,
}

/// Which runs the next change goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Selected,
    AllRuns,
}

impl WatchedSession {
    /// A session of `plan` before its first event.
    pub fn new(plan: Plan, feed: Feed) -> Self {
        let mut runs: Vec<Run> = (0..plan.runs.len()).filter_map(|index| Run::new(&plan, index)).collect();
        let slots = figure::slots(plan.runs.iter().map(|run| run.hyperparameters.rule.key()));
        for (run, slot) in runs.iter_mut().zip(slots) {
            run.slot = slot;
        }
        Self {
            grid: Grid::new(&plan.panels),
            plan,
            runs,
            feed,
            pane: Pane::Runs,
            zoom: Zoom::All,
            view: View::default(),
            scope: Scope::Selected,
            basis: Basis::default(),
            directory: None,
            elapsed: Duration::ZERO,
            loading: None,
            load: None,
            damage: None,
            selected: 0,
            baseline: None,
            hyperparameter: Hyperparameter::Sigma,
        }
    }

    pub fn context(&self) -> Context {
        match (self.zoom, self.pane) {
            (Zoom::One, _) => Context::Chart,
            (Zoom::All, Pane::Charts) => Context::Charts,
            (Zoom::All, Pane::Runs) => Context::Runs,
            (Zoom::All, Pane::Hyperparameters) => Context::Hyperparameters,
        }
    }

    /// The kinds of the charts, row after row.
    pub fn panels(&self) -> Vec<PanelKind> {
        self.grid.panels(&self.plotted_runs())
    }

    /// The kind of the focused chart.
    pub fn panel(&self) -> PanelKind {
        self.panels()[self.grid.focus()]
    }

    /// The runs that charts show.
    pub fn plotted_runs(&self) -> Vec<PlottedRun<'_>> {
        plotted_runs(&self.runs)
    }

    /// The place of the selected run.
    pub fn selected(&self) -> usize {
        self.selected
    }

    pub fn run(&self) -> Option<&Run> {
        self.runs.get(self.selected)
    }

    /// Whether some run may still take steps.
    pub fn is_alive(&self) -> bool {
        matches!(self.feed, Feed::Starting | Feed::Live) && self.runs.iter().any(Run::is_alive)
    }

    /// Whether every run has ended.
    pub fn is_over(&self) -> bool {
        !self.runs.iter().any(Run::is_alive)
    }

    /// Whether the selected run takes commands and is not over.
    pub fn selected_is_alive(&self) -> bool {
        self.feed == Feed::Live && self.run().is_some_and(Run::is_alive)
    }

    /// How the runs that were trained here ended.
    pub fn outcomes(&self) -> Vec<Outcome> {
        if let Feed::Recorded(_) = self.feed {
            return Vec::new();
        }
        let outcome = |run: &Run| match run.history.state() {
            RunState::Completed => Some(Outcome::Completed),
            RunState::Stopped => Some(Outcome::Stopped),
            RunState::Diverged { .. } => Some(Outcome::Diverged),
            RunState::Failed { .. } => Some(Outcome::Failed),
            RunState::Waiting | RunState::Running | RunState::Paused => None,
        };
        self.runs.iter().filter_map(outcome).collect()
    }

    /// Whether an action would do something now.
    pub fn offers(&self, action: SessionAction) -> bool {
        match action {
            SessionAction::Raise | SessionAction::Lower | SessionAction::TypeValue => {
                self.cursor().is_some_and(|hyperparameter| !self.targets(hyperparameter).is_empty())
            }
            SessionAction::ToggleScope => self.feed == Feed::Live && self.is_alive() && self.runs.len() > 1,
            SessionAction::Pause | SessionAction::Stop => self.selected_is_alive(),
            SessionAction::Resume => self.can_be_resumed(),
            SessionAction::PauseAll => self.feed == Feed::Live && self.is_alive(),
            SessionAction::RunAgain | SessionAction::AddRun => self.takes_runs(),
            SessionAction::Fork => self.can_be_forked(),
            SessionAction::Undo => self.selected_is_alive() && self.run().is_some_and(Run::can_undo),
            SessionAction::Export | SessionAction::ExportAs => {
                self.directory.is_some() && self.runs.iter().any(|run| run.history.start().is_some())
            }
            SessionAction::SetBaseline
            | SessionAction::ToggleBasis
            | SessionAction::Hide
            | SessionAction::Solo
            | SessionAction::FilterRuns => self.runs.len() > 1,
            SessionAction::ZoomOut | SessionAction::PanLeft | SessionAction::PanRight => self.view.window.is_some(),
            SessionAction::ZoomIn
            | SessionAction::NextPane
            | SessionAction::PreviousPane
            | SessionAction::Enlarge
            | SessionAction::Shrink
            | SessionAction::NextKind
            | SessionAction::PreviousKind
            | SessionAction::ToggleGrid
            | SessionAction::CycleX
            | SessionAction::ToggleLogY
            | SessionAction::ToggleLogX => true,
        }
    }

    /// Whether the list of presets may take its place: no run would be left without a screen.
    pub fn can_be_left(&self) -> bool {
        self.feed == Feed::Starting || !self.is_alive()
    }

    /// The session's clock moves while runs are alive.
    pub fn tick(&mut self, elapsed: Duration) {
        if self.is_alive() {
            self.elapsed = elapsed;
        }
    }

    /// The engine runs.
    pub fn started(&mut self, directory: Option<PathBuf>) {
        self.feed = Feed::Live;
        self.directory = directory;
    }

    /// No run will send another event.
    pub fn drained(&mut self) {
        self.feed = Feed::Drained;
    }

    /// Takes in the events of a run.
    pub fn receive(&mut self, run: usize, events: &[Event]) {
        if let Some(run) = self.runs.get_mut(run) {
            for event in events {
                run.receive(event);
            }
        }
    }

    /// Takes over what was read of each run from its log.
    pub fn resume_from(&mut self, recorded: Vec<RecordedRun>) {
        for (run, RecordedRun { history, events }) in self.runs.iter_mut().zip(recorded) {
            (run.history, run.received) = (history, events);
        }
    }

    /// Does what a key asked for. Text is asked for by the app.
    pub fn act(&mut self, action: SessionAction) -> Vec<Effect> {
        match action {
            SessionAction::NextPane => self.pane = self.pane.next(),
            SessionAction::PreviousPane => self.pane = self.pane.next().next(),
            SessionAction::Enlarge => self.zoom = Zoom::One,
            SessionAction::Shrink => self.zoom = Zoom::All,
            SessionAction::ToggleScope => {
                self.scope = match self.scope {
                    Scope::Selected => Scope::AllRuns,
                    Scope::AllRuns => Scope::Selected,
                }
            }
            SessionAction::NextKind => self.grid.walk(Walk::Forwards, &plotted_runs(&self.runs)),
            SessionAction::PreviousKind => self.grid.walk(Walk::Backwards, &plotted_runs(&self.runs)),
            SessionAction::ToggleGrid => self.grid.toggle(),
            SessionAction::Hide => self.hide(),
            SessionAction::Solo => self.solo(),
            SessionAction::SetBaseline => self.baseline = Some(self.selected),
            SessionAction::ToggleBasis => self.basis = self.basis.other(),
            SessionAction::CycleX => {
                self.view.x = self.view.x.next();
                self.view.window = None;
            }
            SessionAction::ZoomIn => self.zoom_in(),
            SessionAction::ZoomOut => self.zoom_out(),
            SessionAction::PanLeft => self.pan(-1.0),
            SessionAction::PanRight => self.pan(1.0),
            SessionAction::ToggleLogX => self.view.x_scale = self.view.x_scale.other(),
            SessionAction::ToggleLogY => self.view.toggle_y_scale(self.panel()),
            SessionAction::Raise => return self.adjust(Hyperparameter::raised),
            SessionAction::Lower => return self.adjust(Hyperparameter::lowered),
            SessionAction::Pause => return self.pause(),
            SessionAction::PauseAll => return self.pause_all(),
            SessionAction::Stop => return vec![Effect::Send { run: self.selected, command: Command::Stop }],
            SessionAction::RunAgain => return self.run_again(),
            SessionAction::Undo => return self.undo(),
            SessionAction::Export => return self.export().map(Effect::Export).into_iter().collect(),
            SessionAction::TypeValue
            | SessionAction::Fork
            | SessionAction::AddRun
            | SessionAction::FilterRuns
            | SessionAction::ExportAs
            | SessionAction::Resume => {}
        }
        Vec::new()
    }

    /// The figure of what is on the screen, named after how far the session is; `None` for a session without a log.
    pub fn export(&self) -> Option<ExportRequest> {
        let directory = self.directory.clone()?;
        let furthest = self.runs.iter().map(|run| run.history.now().gradients).max().unwrap_or(0);
        let panels = match self.zoom {
            Zoom::All => self.panels(),
            Zoom::One => vec![self.panel()],
        };
        let named = match self.zoom {
            Zoom::All => format!("figure-{furthest}.png"),
            Zoom::One => format!("figure-{furthest}-{}.png", self.panel().key()),
        };
        Some(ExportRequest {
            path: directory.join(named),
            directory,
            received: self.runs.iter().map(|run| run.received).collect(),
            naming: Naming::Numbered,
            options: figure::Options { view: self.view, panels, hidden: self.hidden(), ..figure::Options::default() },
        })
    }

    /// Moves the cursor of the place where the keys go.
    pub fn go(&mut self, arrow: Arrow) {
        use Arrow::{Down, Left, Right, Up};
        match (self.context(), arrow) {
            (Context::Charts, _) | (Context::Chart, Left | Right) => self.grid.go(arrow),
            (Context::Hyperparameters, Up) | (Context::Runs, Left) => self.choose_hyperparameter(Walk::Backwards),
            (Context::Hyperparameters, Down) | (Context::Runs, Right) => self.choose_hyperparameter(Walk::Forwards),
            (_, Up | Left) => self.selected = self.selected.saturating_sub(1),
            (_, Down | Right) => self.selected = (self.selected + 1).min(self.runs.len().saturating_sub(1)),
        }
    }
}

impl Pane {
    fn next(self) -> Self {
        match self {
            Self::Charts => Self::Runs,
            Self::Runs => Self::Hyperparameters,
            Self::Hyperparameters => Self::Charts,
        }
    }
}

fn plotted_runs(runs: &[Run]) -> Vec<PlottedRun<'_>> {
    let shown = runs.iter().filter(|run| run.visibility == Visibility::Shown);
    shown.map(|run| PlottedRun { slot: run.slot, name: &run.name, history: &run.history }).collect()
}
