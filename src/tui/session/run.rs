//! One run as it is watched: what it told, and what was asked of it and not yet answered.

use std::collections::BTreeMap;

use crate::{
    figure::History,
    optimizer::{Hyperparameter, Hyperparameters},
    run::{Event, Plan},
    tui::text::scrub,
};

/// One run being watched.
#[derive(Debug)]
pub struct Run {
    /// Its name, scrubbed.
    pub name: String,
    pub history: History,
    /// How many events it has sent, those of earlier attempts included.
    pub received: usize,
    /// Changes that were asked for and not yet answered.
    pub pending: BTreeMap<Hyperparameter, f64>,
    /// Its knobs before it has told of them.
    planned: Hyperparameters,
}

impl Run {
    /// Run number `index` of the plan, before its first event.
    pub(super) fn new(plan: &Plan, index: usize) -> Option<Self> {
        let run = plan.runs.get(index)?;
        Some(Self {
            name: scrub(&run.name),
            history: History::planned(plan),
            received: 0,
            pending: BTreeMap::new(),
            planned: run.hyperparameters,
        })
    }

    /// The knobs as the run reported them, or as they are planned.
    pub fn hyperparameters(&self) -> &Hyperparameters {
        self.history.hyperparameters().unwrap_or(&self.planned)
    }

    /// The knobs of the panel in its order: those with a row of their own, and those that rest where they do nothing. One that
    /// began at rest keeps its place behind the others when it is turned, so that no row changes places.
    pub fn panel(&self) -> (Vec<Hyperparameter>, Vec<Hyperparameter>) {
        let (resting, mut turning): (Vec<_>, Vec<_>) =
            self.hyperparameters().knobs().partition(|&knob| self.rests(knob));
        turning.sort_by_key(|&knob| self.planned.get(knob).is_some_and(|value| knob.is_idle(value)));
        (turning, resting)
    }

    /// Whether a knob does nothing and there is nothing to say about it.
    fn rests(&self, knob: Hyperparameter) -> bool {
        let changed = || self.history.changes().iter().any(|change| change.knob == knob);
        let refused = || self.history.rejection().is_some_and(|rejection| rejection.knob == knob);
        self.hyperparameters().get(knob).is_some_and(|value| knob.is_idle(value))
            && !self.pending.contains_key(&knob)
            && !changed()
            && !refused()
    }

    /// Whether it may still take steps.
    pub fn is_alive(&self) -> bool {
        !self.history.state().is_over()
    }

    /// The value that a knob will have once all is answered.
    pub(super) fn expected(&self, knob: Hyperparameter) -> Option<f64> {
        let value = self.hyperparameters().get(knob)?;
        Some(self.pending.get(&knob).copied().unwrap_or(value))
    }

    /// Takes in what the run told.
    pub(super) fn receive(&mut self, event: &Event) {
        match event {
            Event::Adjust { setting, to: answered, .. } | Event::Reject { setting, value: answered, .. } => {
                // An answer to an earlier request leaves the later one pending.
                self.pending.retain(|knob, asked| knob != setting || asked != answered);
            }
            Event::Start(_) | Event::Finish { .. } => self.pending.clear(),
            _ => {}
        }
        self.received += 1;
        self.history.push(event);
    }
}
