//! Runs that the user adds to a session that trains: the selected run once more, one of another method, or a fork of it.

use super::{Feed, Run, WatchedSession};
use crate::{
    figure::{self, RunState},
    optimizer::{Categorical, Hyperparameter, Hyperparameters, Rule},
    run::{RunPlan, log::free_name},
    text::suggestion,
    tui::message::{Effect, Origin, RunRequest, SetValue},
};

/// What was typed about a run: its method, words and numbers.
#[derive(Debug, Default)]
struct Asked {
    method: Option<Hyperparameters>,
    words: Vec<(Categorical, String)>,
    numbers: Vec<SetValue>,
}

impl WatchedSession {
    /// Whether the selected run can be added once more, or another one beside it.
    pub(super) fn takes_runs(&self) -> bool {
        self.feed == Feed::Live && self.run().is_some()
    }

    /// Whether the selected run has a state to go on from and budget left.
    pub(super) fn can_be_forked(&self) -> bool {
        let goes_on = |run: &Run| match run.history.state() {
            RunState::Running | RunState::Paused => true,
            RunState::Stopped | RunState::Diverged { .. } | RunState::Failed { .. } => self.directory.is_some(),
            RunState::Waiting | RunState::Completed => false,
        };
        self.feed == Feed::Live && self.run().is_some_and(goes_on)
    }

    /// What stands in the line in which a fork is described: the hyperparameter under the cursor at its present value.
    pub fn fork_draft(&self) -> String {
        let of_cursor = |hyperparameter: Hyperparameter| {
            let value = self.run()?.hyperparameters().get(hyperparameter)?;
            Some(format!("{}={value}", hyperparameter.key()))
        };
        self.cursor().and_then(of_cursor).unwrap_or_default()
    }

    /// The selected run again from the initial weights, with its present hyperparameters.
    pub(super) fn run_again(&self) -> Vec<Effect> {
        self.request_like(self.selected, self.run().map(|run| *run.hyperparameters())).into_iter().collect()
    }

    /// A run from the initial weights that differs from the selected one in what was typed.
    ///
    /// # Errors
    /// Why there is no such run, in words.
    pub fn add_described(&self, text: &str) -> Result<Vec<Effect>, String> {
        let Some(run) = self.run() else { return Ok(Vec::new()) };
        let asked = read(text)?;
        let mut chosen = match asked.method {
            None => *run.hyperparameters(),
            Some(method) => carried_over(method, run.hyperparameters()),
        };
        for (categorical, word) in asked.words {
            chosen = chosen.choose(categorical, &word).map_err(|error| error.to_string())?;
        }
        for SetValue { hyperparameter, value } in asked.numbers {
            chosen = chosen.with(hyperparameter, value).map_err(|error| error.to_string())?;
        }
        Ok(self.request_like(self.selected, Some(chosen)).into_iter().collect())
    }

    /// A run that goes on from where the selected one is, with what was typed changed.
    ///
    /// # Errors
    /// Why there is no such run, in words.
    pub fn fork(&self, text: &str) -> Result<Vec<Effect>, String> {
        let Some(run) = self.run() else { return Ok(Vec::new()) };
        let asked = read(text)?;
        if asked.method.is_some() || !asked.words.is_empty() {
            return Err("a fork goes on with the same method: only numbers can differ, such as lr=0.01".to_owned());
        }
        for SetValue { hyperparameter, value } in &asked.numbers {
            run.hyperparameters().with(*hyperparameter, *value).map_err(|error| error.to_string())?;
            if hyperparameter.is_initial() {
                return Err(format!("{} can be given at the start alone", hyperparameter.key()));
            }
        }
        let request = self.request_like(self.selected, Some(*run.hyperparameters()));
        let fork = |effect| match effect {
            Effect::AddRun(request) => {
                Effect::AddRun(Box::new(RunRequest { origin: Origin::Fork, changes: asked.numbers, ..*request }))
            }
            other => other,
        };
        Ok(request.map(fork).into_iter().collect())
    }

    fn request_like(&self, like: usize, hyperparameters: Option<Hyperparameters>) -> Option<Effect> {
        let (parent, hyperparameters) = (self.plan.runs.get(like)?, hyperparameters?);
        let same_method = |run: &&RunPlan| run.hyperparameters.rule.key() == hyperparameters.rule.key();
        let namesake = if same_method(&parent) { Some(parent) } else { self.plan.runs.iter().find(same_method) };
        let base = namesake.map_or_else(|| hyperparameters.rule.key().to_uppercase(), |run| run.name.clone());
        let name = free_name(&self.plan, &base);
        let plan = RunPlan { name, hyperparameters, fork: None, ..parent.clone() };
        Some(Effect::AddRun(Box::new(RunRequest { plan, like, origin: Origin::InitialWeights, changes: Vec::new() })))
    }

    /// A run was added: it is shown, selected, behind the others. Those keep their colours.
    pub fn run_added(&mut self, run: RunPlan) {
        self.plan.runs.push(run);
        let Some(mut added) = Run::new(&self.plan, self.plan.runs.len() - 1) else { return };
        let slots = figure::slots(self.plan.runs.iter().map(|run| run.hyperparameters.rule.key()));
        let kept = self.runs.iter().zip(&slots).all(|(run, slot)| run.slot == *slot);
        let is_free = |slot: &usize| self.runs.iter().all(|run| run.slot != *slot);
        let own = slots.last().copied().filter(|_| kept);
        added.slot = own.or_else(|| (0..=self.runs.len()).find(is_free)).unwrap_or_default();
        self.runs.push(added);
        self.selected = self.runs.len() - 1;
    }
}

/// A method with what it shares with the hyperparameters of another one.
fn carried_over(method: Hyperparameters, other: &Hyperparameters) -> Hyperparameters {
    let words = Categorical::all().filter_map(|categorical| Some((categorical, other.chosen(categorical)?)));
    let method = words.fold(method, |sum, (categorical, word)| sum.choose(categorical, word).unwrap_or(sum));
    let numbers = other.numbers().filter_map(|hyperparameter| Some((hyperparameter, other.get(hyperparameter)?)));
    numbers.fold(method, |sum, (hyperparameter, value)| sum.with(hyperparameter, value).unwrap_or(sum))
}

fn read(text: &str) -> Result<Asked, String> {
    let mut asked = Asked::default();
    for part in text.split_whitespace() {
        let (key, value) =
            part.split_once('=').ok_or_else(|| format!("{part}: expected KEY=VALUE, such as lr=0.01"))?;
        if key == "method" {
            let method = Hyperparameters::new(value);
            asked.method = Some(method.ok_or_else(|| format!("no method {value}{}", suggestion(value, Rule::KEYS)))?);
        } else if let Some(hyperparameter) = Hyperparameter::from_key(key) {
            let value = value.parse().map_err(|_| format!("{key}: \"{value}\" is not a number"))?;
            asked.numbers.push(SetValue { hyperparameter, value });
        } else if let Some(categorical) = Categorical::from_key(key) {
            asked.words.push((categorical, value.to_owned()));
        } else {
            let keys = Hyperparameter::all().map(Hyperparameter::key);
            let keys = keys.chain(Categorical::all().map(Categorical::key)).chain(["method"]);
            return Err(format!("there is no {key}{}", suggestion(key, keys)));
        }
    }
    Ok(asked)
}
