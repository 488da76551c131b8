//! One run as it is watched: its history, and what was asked of it and not yet answered.

use std::collections::BTreeMap;

use crate::{
    figure::History,
    optimizer::{Hyperparameter, Hyperparameters},
    run::{AverageKind, Averaging, Event, Plan, RunStatus},
    tui::{message::SetValue, text::scrub},
};

#[derive(Debug)]
pub struct Run {
    /// Its name, scrubbed.
    pub name: String,
    /// Its place in the palette.
    pub slot: usize,
    pub visibility: Visibility,
    pub history: History,
    /// How many events it has sent, those of earlier attempts included.
    pub received: usize,
    /// How its log stands, and whether it measures.
    pub status: RunStatus,
    /// Changes that were asked for and not yet answered.
    pub pending: BTreeMap<Hyperparameter, f64>,
    /// The values before the changes that the user has asked for, the last change at the end.
    pub(super) undo: Vec<SetValue>,
    /// Its hyperparameters before its first event.
    planned: Hyperparameters,
    average: Option<AverageKind>,
}

/// Whether charts show a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Visibility {
    #[default]
    Shown,
    Hidden,
}

impl Run {
    /// Run number `index` of the plan, before its first event.
    pub(super) fn new(plan: &Plan, index: usize) -> Option<Self> {
        let run = plan.runs.get(index)?;
        Some(Self {
            name: scrub(&run.name),
            slot: index,
            visibility: Visibility::default(),
            history: History::planned(plan),
            received: 0,
            status: RunStatus::default(),
            pending: BTreeMap::new(),
            undo: Vec::new(),
            planned: run.hyperparameters,
            average: run.average.map(Averaging::kind),
        })
    }

    /// The hyperparameters as the run reported them, or as they are planned.
    pub fn hyperparameters(&self) -> &Hyperparameters {
        self.history.hyperparameters().unwrap_or(&self.planned)
    }

    /// How its weights are averaged; `None` where no average is kept.
    pub fn average(&self) -> Option<AverageKind> {
        self.average
    }

    /// The hyperparameters of the panel in its order: those with a row of their own, and those that have no effect at their value.
    /// One that began without effect keeps its place behind the others when it is changed, so that no row changes places.
    pub fn panel(&self) -> (Vec<Hyperparameter>, Vec<Hyperparameter>) {
        let (inactive, mut active): (Vec<_>, Vec<_>) =
            self.hyperparameters().numbers().partition(|&hyperparameter| self.is_inactive(hyperparameter));
        active.sort_by_key(|&hyperparameter| {
            self.planned.get(hyperparameter).is_some_and(|value| hyperparameter.is_idle(value))
        });
        (active, inactive)
    }

    /// Whether a hyperparameter has no effect and there is nothing to say about it.
    fn is_inactive(&self, hyperparameter: Hyperparameter) -> bool {
        let changed = || self.history.changes().iter().any(|change| change.hyperparameter == hyperparameter);
        let refused = || self.history.rejection().is_some_and(|rejection| rejection.hyperparameter == hyperparameter);
        self.hyperparameters().get(hyperparameter).is_some_and(|value| hyperparameter.is_idle(value))
            && !self.pending.contains_key(&hyperparameter)
            && !changed()
            && !refused()
    }

    /// Whether the user has changed something that can be taken back.
    pub(super) fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// Why it waits, where its log cannot be written.
    pub fn waits_for_the_disk(&self) -> Option<&str> {
        self.status.blocked.as_deref().filter(|_| self.is_alive())
    }

    /// Whether it may still take steps.
    pub fn is_alive(&self) -> bool {
        !self.history.state().is_over()
    }

    /// The value that a hyperparameter will have once all is answered.
    pub(super) fn expected(&self, hyperparameter: Hyperparameter) -> Option<f64> {
        let value = self.hyperparameters().get(hyperparameter)?;
        Some(self.pending.get(&hyperparameter).copied().unwrap_or(value))
    }

    /// Takes in an event of the run.
    pub(super) fn receive(&mut self, event: &Event) {
        match event {
            Event::Adjust { setting, to: answered, .. } | Event::Reject { setting, value: answered, .. } => {
                // An answer to an earlier request leaves the later one pending.
                self.pending.retain(|hyperparameter, asked| hyperparameter != setting || asked != answered);
            }
            Event::Start(_) | Event::Finish { .. } => self.pending.clear(),
            Event::Step { .. }
            | Event::Eval { .. }
            | Event::AverageEval(_)
            | Event::Probe(_)
            | Event::AverageProbe(_)
            | Event::FreeTrace { .. }
            | Event::AscentCurvature { .. }
            | Event::PerturbationGap(_)
            | Event::Bound(_)
            | Event::Measured(_)
            | Event::Fork { .. }
            | Event::Pause { .. }
            | Event::NonFinite { .. }
            | Event::Resume { .. } => {}
        }
        self.received += 1;
        self.history.push(event);
    }
}
