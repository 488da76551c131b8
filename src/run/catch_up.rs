//! What a run that goes on finds in its log beyond its checkpoint. It takes the same steps again, to the bit where the device
//! repeats itself, so that what it publishes is compared with the log and not written twice; changes of hyperparameters that the
//! log has are made again at their steps.

use std::collections::VecDeque;

use super::{Command, Event, Inbox, Outcome, log::LoggedEvent};

/// The events of a log that a run has still to repeat.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    rest: VecDeque<LoggedEvent>,
    /// Bytes of the log up to and with the last event that was repeated.
    repeated: u64,
    /// Whether the run stops before it has caught up. It then leaves its log as it is, which has more than the run knows.
    stopped: bool,
}

/// How an event that a run publishes stands to its log.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Standing {
    /// The log has it, with the times of then.
    Logged(Box<Event>),
    /// The log ends before it.
    New,
    /// The log has another event in its place, and is to be cut back to this length.
    Differs { log_length: u64 },
}

impl CatchUp {
    /// Events of a log after its first `length` bytes.
    pub fn new(rest: impl IntoIterator<Item = LoggedEvent>, length: u64) -> Self {
        Self { rest: rest.into_iter().collect(), repeated: length, stopped: false }
    }

    /// The length of the log up to where the run is, while it has not caught up.
    pub fn log_length(&self) -> Option<u64> {
        (!self.rest.is_empty()).then_some(self.repeated)
    }

    /// Compares the next event of the run with the log.
    pub fn next(&mut self, event: &Event) -> Standing {
        // What a user did at the time is not done again, but for changes of hyperparameters.
        while self.rest.front().is_some_and(|logged| logged.event.is_of_a_user()) {
            self.advance();
        }
        if self.stopped {
            return Standing::Logged(Box::new(event.clone()));
        }
        let Some(logged) = self.rest.front() else { return Standing::New };
        if logged.event.equals_but_for_times(event) {
            let logged = logged.event.clone();
            self.advance();
            return Standing::Logged(Box::new(logged));
        }
        if !self.rest.iter().all(|logged| comes_of_a_stop(&logged.event)) {
            tracing::warn!("the run does not repeat its log, which is cut back: the device does not repeat itself");
        }
        self.rest.clear();
        Standing::Differs { log_length: self.repeated }
    }

    /// The run stops. Where it has not caught up, nothing of what it still says belongs into the log.
    pub fn stop(&mut self) {
        self.stopped = !self.rest.is_empty();
    }

    fn advance(&mut self) {
        if let Some(logged) = self.rest.pop_front() {
            self.repeated = logged.end;
        }
    }

    /// The changes of hyperparameters to make again, by step.
    pub fn changes(&self) -> VecDeque<(u64, Command)> {
        self.rest.iter().filter_map(|logged| change(&logged.event)).collect()
    }

    /// The last step that the log has.
    pub fn last_step(&self) -> u64 {
        self.rest.iter().rev().find_map(|logged| Some(logged.event.position()?.step)).unwrap_or(0)
    }
}

/// The change of a hyperparameter that an event records, with its step.
pub(super) fn change(event: &Event) -> Option<(u64, Command)> {
    match *event {
        Event::Adjust { at, setting, to, .. } => {
            Some((at.step, Command::Adjust { hyperparameter: setting, value: to }))
        }
        _ => None,
    }
}

/// Whether a run that goes on has no such event: it is there because the run was stopped.
fn comes_of_a_stop(event: &Event) -> bool {
    match event {
        Event::FreeTrace { .. } | Event::AscentCurvature { .. } => true,
        Event::Finish { outcome, .. } => matches!(outcome, Outcome::Stopped | Outcome::Failed),
        _ => false,
    }
}

/// Commands at their steps, then those of another inbox, which wait until the run is where it was cut off.
pub(super) struct Scripted<'a> {
    pub script: VecDeque<(u64, Command)>,
    /// The step from which on commands of the inbox are heard. A stop is heard at once.
    pub until: u64,
    pub inbox: &'a mut dyn Inbox,
    pub waiting: VecDeque<Command>,
}

impl Inbox for Scripted<'_> {
    fn poll(&mut self, step: u64) -> Option<Command> {
        if self.script.front().is_some_and(|(at, _)| *at <= step) {
            return self.script.pop_front().map(|(_, command)| command);
        }
        if step >= self.until && self.script.is_empty() {
            return self.waiting.pop_front().or_else(|| self.inbox.poll(step));
        }
        while let Some(command) = self.inbox.poll(step) {
            match command {
                Command::Stop => return Some(command),
                Command::Adjust { .. } | Command::Pause | Command::Resume | Command::Fork { .. } => {
                    self.waiting.push_back(command);
                }
            }
        }
        None
    }

    fn wait(&mut self) -> Command {
        self.waiting.pop_front().unwrap_or_else(|| self.inbox.wait())
    }
}
