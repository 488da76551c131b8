//! Changes that the user asks for: which hyperparameter the cursor is on, which runs a change goes to, pauses.
//! All of it leaves as commands; nothing here changes a run.

use super::{Feed, Scope, WatchedSession, grid::Walk};
use crate::{
    figure::RunState,
    optimizer::Hyperparameter,
    run::Command,
    tui::message::{Effect, SetValue},
};

impl WatchedSession {
    /// The hyperparameter under the cursor.
    pub fn cursor(&self) -> Option<Hyperparameter> {
        let run = self.run()?;
        run.hyperparameters()
            .get(self.hyperparameter)
            .map(|_| self.hyperparameter)
            .or_else(|| run.panel().0.first().copied())
    }

    /// Asks for `value` of `hyperparameter`, of the selected run or of all.
    pub fn set(&mut self, hyperparameter: Hyperparameter, value: f64) -> Vec<Effect> {
        self.request(hyperparameter, |_| value)
    }

    pub(super) fn adjust(&mut self, change: fn(Hyperparameter, f64) -> f64) -> Vec<Effect> {
        let Some(hyperparameter) = self.cursor() else { return Vec::new() };
        self.request(hyperparameter, |value| change(hyperparameter, value))
    }

    /// Asks each target for a new value of `hyperparameter`, made from the one that it will have.
    fn request(&mut self, hyperparameter: Hyperparameter, change: impl Fn(f64) -> f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        for index in self.targets(hyperparameter) {
            let Some(run) = self.runs.get_mut(index) else { continue };
            let Some(expected) = run.expected(hyperparameter) else { continue };
            let value = change(expected);
            // A hyperparameter at the end of its range has nothing to ask for.
            if value.to_bits() != expected.to_bits() {
                run.undo.push(SetValue { hyperparameter, value: expected });
                run.pending.insert(hyperparameter, value);
                effects.push(Effect::Send { run: index, command: Command::Adjust { hyperparameter, value } });
            }
        }
        effects
    }

    /// Takes back the last change that was asked of the selected run.
    pub(super) fn undo(&mut self) -> Vec<Effect> {
        let index = self.selected;
        let Some(run) = self.runs.get_mut(index) else { return Vec::new() };
        let Some(SetValue { hyperparameter, value }) = run.undo.pop() else { return Vec::new() };
        run.pending.insert(hyperparameter, value);
        vec![Effect::Send { run: index, command: Command::Adjust { hyperparameter, value } }]
    }

    /// The runs that a change of `hyperparameter` goes to.
    pub fn targets(&self, hyperparameter: Hyperparameter) -> Vec<usize> {
        let takes = |index: &usize| {
            let run = self.runs.get(*index);
            run.is_some_and(|run| run.is_alive() && run.hyperparameters().get(hyperparameter).is_some())
        };
        let candidates = match self.scope {
            Scope::Selected => self.selected..self.selected + 1,
            Scope::AllRuns => 0..self.runs.len(),
        };
        if self.feed == Feed::Live { candidates.filter(takes).collect() } else { Vec::new() }
    }

    pub(super) fn pause(&self) -> Vec<Effect> {
        let paused = self.run().is_some_and(|run| *run.history.state() == RunState::Paused);
        let command = if paused { Command::Resume } else { Command::Pause };
        vec![Effect::Send { run: self.selected, command }]
    }

    /// Pauses all runs; resumes them where none is left to pause.
    pub(super) fn pause_all(&self) -> Vec<Effect> {
        let of_state = |wanted: &RunState| {
            let indices = self.runs.iter().enumerate().filter(|(_, run)| run.history.state() == wanted);
            indices.map(|(index, _)| index).collect::<Vec<_>>()
        };
        let running = of_state(&RunState::Running);
        let (runs, command) =
            if running.is_empty() { (of_state(&RunState::Paused), Command::Resume) } else { (running, Command::Pause) };
        runs.into_iter().map(|run| Effect::Send { run, command: command.clone() }).collect()
    }

    /// Moves the cursor to the hyperparameter before or after.
    pub(super) fn choose_hyperparameter(&mut self, walk: Walk) {
        let Some(run) = self.run() else { return };
        let (active, inactive) = run.panel();
        let hyperparameters = [active, inactive].concat();
        let here =
            hyperparameters.iter().position(|hyperparameter| Some(*hyperparameter) == self.cursor()).unwrap_or(0);
        let next = match walk {
            Walk::Forwards => (here + 1).min(hyperparameters.len().saturating_sub(1)),
            Walk::Backwards => here.saturating_sub(1),
        };
        self.hyperparameter = hyperparameters.get(next).copied().unwrap_or(self.hyperparameter);
    }
}
