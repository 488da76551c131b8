//! The fold of one run's events: every curve, every change, and the state of the run.
//! The live screen, the replay of a log and every file that is written are views of this one value.

mod average;
mod measurements;
mod progress;
mod quantities;
mod state;

use self::quantities::SeriesByQuantity;
use super::{
    quantity::Quantity,
    series::{Point, Series},
};
use crate::{
    optimizer::Hyperparameters,
    run::{DeclaredQuantity, Event, NamedEstimate, Plan, Position, RunHeader, Sides},
};

pub use average::Average;
pub use quantities::Retention;
pub use state::{Best, Change, Rejection, RunState, Schedule, Snapshots};

/// The events of one run, folded into series and snapshots.
///
/// ```
/// use nso_tui::{figure::{History, Quantity}, run::Event};
///
/// // Two lines of an event log.
/// let log = r#"{"event":"step","step":1,"gradients":2,"loss":0.5,"seconds":0.1}
/// {"event":"step","step":2,"gradients":4,"loss":0.25,"seconds":0.2}"#;
/// let events = log.lines().map(serde_json::from_str).collect::<Result<Vec<Event>, _>>()?;
/// let history: History = events.iter().collect();
///
/// assert_eq!(history.now().gradients, 4);
/// assert_eq!(history.series(Quantity::StepLoss).len(), 2);
/// assert_eq!(history.last(Quantity::StepLoss).map(|point| point.value), Some(0.25));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct History {
    schedule: Schedule,
    retention: Retention,
    loss_unit: Option<&'static str>,
    start: Option<RunHeader>,
    hyperparameters: Option<Hyperparameters>,
    state: RunState,
    end_reason: Option<String>,
    now: Position,
    series: SeriesByQuantity,
    average: Average,
    snapshots: Snapshots,
    best: Option<Best>,
    changes: Vec<Change>,
    rejection: Option<Rejection>,
    non_finite_losses: u64,
    measuring_seconds: f64,
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> FromIterator<&'a Event> for History {
    fn from_iter<I: IntoIterator<Item = &'a Event>>(events: I) -> Self {
        let mut history = Self::new();
        events.into_iter().for_each(|event| history.push(event));
        history
    }
}

impl History {
    /// A run without events whose plan is not known.
    pub fn new() -> Self {
        Self::scheduled(Schedule::Unknown)
    }

    /// A run without events whose plan is known.
    pub fn planned(Plan { train, problem, .. }: &Plan) -> Self {
        let schedule = Schedule::Planned { evaluate: train.evaluate_every, curvature: train.probe_every };
        Self::scheduled(schedule).in_unit(problem.loss_unit())
    }

    /// The same for a problem whose loss has this unit.
    #[must_use]
    pub(super) fn in_unit(self, loss_unit: Option<&'static str>) -> Self {
        Self { loss_unit, ..self }
    }

    /// The same, keeping these points of each series. For a history without events.
    #[must_use]
    pub fn retaining(self, retention: Retention) -> Self {
        let steps_per_epoch = self.steps_per_epoch();
        Self {
            retention,
            series: SeriesByQuantity::new(steps_per_epoch, retention),
            average: Average::new(steps_per_epoch, retention),
            ..self
        }
    }

    fn scheduled(schedule: Schedule) -> Self {
        Self {
            schedule,
            retention: Retention::All,
            loss_unit: None,
            start: None,
            hyperparameters: None,
            state: RunState::Waiting,
            end_reason: None,
            now: Position::default(),
            series: SeriesByQuantity::new(1, Retention::All),
            average: Average::new(1, Retention::All),
            snapshots: Snapshots::default(),
            best: None,
            changes: Vec::new(),
            rejection: None,
            non_finite_losses: 0,
            measuring_seconds: 0.0,
        }
    }

    /// Takes in the next event. A [`Event::Start`] begins the history anew: what came before belongs to an earlier attempt.
    pub fn push(&mut self, event: &Event) {
        // A log may be edited by hand.
        self.measuring_seconds += Some(event.measuring_seconds()).filter(|took| took.is_finite()).unwrap_or(0.0);
        match event {
            Event::Start(start) => self.begin(start),
            Event::Step { at, loss } => {
                let at = self.arrive(*at);
                self.non_finite_losses += u64::from(!loss.is_finite());
                self.record(Quantity::StepLoss, at, *loss);
            }
            Event::NonFinite { at, .. } => {
                self.arrive(*at);
            }
            Event::Eval { at, metrics, weight_stats, forward_passes, .. } => {
                let at = self.arrive(*at);
                if *forward_passes > 0 {
                    #[expect(clippy::cast_precision_loss, reason = "a count stays far below 2^53")]
                    self.record(Quantity::ForwardPasses, at, *forward_passes as f64);
                }
                self.evaluated(at, metrics);
                self.pair_with_last_measurement(at);
                self.placed(at, weight_stats);
            }
            Event::AverageEval(eval) => {
                let at = self.arrive(eval.at);
                self.average.evaluated(at, eval);
            }
            Event::Probe(probe) => {
                let at = self.arrive(probe.at);
                self.measured(at, probe);
            }
            Event::AverageProbe(probe) => {
                self.arrive(probe.at);
                self.average.probed(probe);
            }
            Event::FreeTrace { at, sides, trace, .. } => {
                let at = self.arrive(*at);
                let quantity = match sides {
                    Sides::TwoPoint => Quantity::SmoothedTrace,
                    Sides::OnePoint => Quantity::OnePointTrace,
                };
                self.record_point(quantity, Point { at, value: trace.mean, error: trace.std_error });
            }
            Event::AscentCurvature { at, curvature } => {
                let at = self.arrive(*at);
                self.record_point(
                    Quantity::AscentCurvature,
                    Point { at, value: curvature.mean, error: curvature.std_error },
                );
            }
            Event::PerturbationGap(curve) => {
                self.arrive(curve.at);
                self.snapshots.gap = Some(curve.as_ref().clone());
            }
            Event::Bound(bound) => {
                let at = self.arrive(bound.at);
                self.record(Quantity::Bound, at, bound.bound);
                self.record(Quantity::ComplexityTerm, at, bound.theorem);
                self.record(Quantity::ComplexityTermInCode, at, bound.code);
                self.snapshots.bound = Some(**bound);
            }
            Event::Measured(measured) => {
                let at = self.arrive(measured.at);
                // A log of a later version may have measurements that this one does not know.
                for NamedEstimate { name, estimate } in &measured.values {
                    if let Some(quantity) = DeclaredQuantity::from_key(name) {
                        let point = Point { at, value: estimate.mean, error: estimate.error() };
                        self.record_point(Quantity::Declared(quantity), point);
                    }
                }
            }
            Event::Adjust { at, setting, from, to } => {
                let at = self.arrive(*at);
                self.changed(Change { hyperparameter: *setting, from: *from, to: *to, at });
                // A log may be edited by hand: a value that the hyperparameter does not take changes nothing.
                self.hyperparameters = self.hyperparameters.map(|before| before.with(*setting, *to).unwrap_or(before));
                self.rejection.take_if(|rejection| rejection.hyperparameter == *setting);
            }
            Event::Reject { step, setting, value, reason } => {
                self.rejection =
                    Some(Rejection { hyperparameter: *setting, value: *value, step: *step, reason: reason.clone() });
            }
            Event::Fork { .. } => {}
            Event::Pause { .. } => self.state = RunState::Paused,
            Event::Resume { .. } => self.state = RunState::Running,
            Event::Finish { outcome, at, reason, .. } => {
                self.now = self.later(*at);
                self.state = RunState::ended(*outcome, at.step, reason.as_deref());
                self.end_reason.clone_from(reason);
            }
        }
    }

    fn begin(&mut self, start: &RunHeader) {
        let mut fresh = Self::scheduled(self.schedule).in_unit(self.loss_unit);
        fresh.retention = self.retention;
        fresh.series = SeriesByQuantity::new(start.steps_per_epoch, self.retention);
        fresh.average = Average::new(start.steps_per_epoch, self.retention);
        fresh.hyperparameters = Some(start.hyperparameters);
        fresh.start = Some(start.clone());
        fresh.state = RunState::Running;
        *self = fresh;
    }

    /// Takes in a change. Those of one hyperparameter between the same two steps are one, from the value before the first of them to the one
    /// that the next step uses; none, where these are the same.
    fn changed(&mut self, change: Change) {
        let same =
            |earlier: &Change| earlier.hyperparameter == change.hyperparameter && earlier.at.step == change.at.step;
        match self.changes.iter().rposition(same) {
            None => self.changes.push(change),
            Some(place) if self.changes[place].from.to_bits() == change.to.to_bits() => {
                self.changes.remove(place);
            }
            Some(place) => self.changes[place].to = change.to,
        }
    }

    /// The run is at `at` and thus under way, unless it is paused.
    fn arrive(&mut self, at: Position) -> Position {
        self.now = self.later(at);
        if self.state == RunState::Waiting {
            self.state = RunState::Running;
        }
        at
    }

    fn later(&self, at: Position) -> Position {
        Position {
            step: self.now.step.max(at.step),
            gradients: self.now.gradients.max(at.gradients),
            seconds: self.now.seconds.max(if at.seconds.is_finite() { at.seconds } else { 0.0 }),
        }
    }

    /// Appends a value without an error.
    fn record(&mut self, quantity: Quantity, at: Position, value: f64) {
        self.record_point(quantity, Point { at, value, error: f64::NAN });
    }

    fn record_point(&mut self, quantity: Quantity, point: Point) {
        self.series.push(quantity, point);
    }

    /// The average of its weights, as far as it was measured.
    pub fn average(&self) -> &Average {
        &self.average
    }

    /// The newest measurements that are whole curves.
    pub fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    /// The unit of its loss; `None` where the loss has none or the plan is not known.
    pub fn loss_unit(&self) -> Option<&'static str> {
        self.loss_unit
    }

    /// What the run said of itself when it began.
    pub fn start(&self) -> Option<&RunHeader> {
        self.start.as_ref()
    }

    /// Its method and hyperparameters as they are now.
    pub fn hyperparameters(&self) -> Option<&Hyperparameters> {
        self.hyperparameters.as_ref()
    }

    /// Where it stands.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Why it ended as it did, where its last event says so: what a completed run leaves of its budget, for example.
    pub fn end_reason(&self) -> Option<&str> {
        match &self.state {
            RunState::Diverged { reason, .. } | RunState::Failed { reason, .. } => Some(reason),
            RunState::Waiting | RunState::Running | RunState::Paused | RunState::Completed | RunState::Stopped => {
                self.end_reason.as_deref()
            }
        }
    }

    /// The latest position along its training that an event names.
    pub fn now(&self) -> Position {
        self.now
    }

    /// The evaluation of the lowest validation loss so far, where there is a validation set.
    pub fn best(&self) -> Option<Best> {
        self.best
    }

    /// All values of one quantity.
    pub fn series(&self, quantity: Quantity) -> &Series {
        self.series.get(quantity)
    }

    /// The newest value of one quantity.
    pub fn last(&self, quantity: Quantity) -> Option<Point> {
        self.series(quantity).last()
    }

    /// The changes of hyperparameters, in order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The last change that was refused, until one of the same hyperparameter is accepted.
    pub fn rejection(&self) -> Option<&Rejection> {
        self.rejection.as_ref()
    }

    /// How many steps had a loss that is NaN or infinite.
    pub fn non_finite_losses(&self) -> u64 {
        self.non_finite_losses
    }

    /// Seconds of its clock that went into evaluations and measurements.
    pub fn measuring_seconds(&self) -> f64 {
        self.measuring_seconds
    }

    /// When the plan has it measured.
    pub fn schedule(&self) -> Schedule {
        self.schedule
    }

    /// Steps in one epoch; 1 before the run has begun.
    pub fn steps_per_epoch(&self) -> u64 {
        self.series.steps_per_epoch()
    }
}

#[cfg(test)]
mod tests;
