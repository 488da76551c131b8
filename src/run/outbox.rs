//! A run's end of the event channel, and its log: every event is in the log before it is handed over. Where the log cannot be
//! written, the run waits until it can.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc as events, oneshot};

use super::{
    Checkpoint, Event, Listener, Outcome, Position, PublishError,
    catch_up::{CatchUp, Standing},
    log::{
        LogError, LogWriter, SessionDirectory,
        checkpoints::{self, StoredCheckpoint},
    },
};
use crate::optimizer::Hyperparameter;

/// How often a run hands over its events while it trains.
const BATCH_EVERY: Duration = Duration::from_millis(50);

/// How long a run waits before it tries again to write what could not be written.
const RETRY_EVERY: Duration = Duration::from_millis(100);

/// How long the last measurement must have taken for the next one to be announced.
const WORTH_SAYING: Duration = Duration::from_millis(200);

/// How long it goes on trying once the session is being closed.
const LAST_TRIES: Duration = Duration::from_secs(2);

/// Consecutive events of one run, and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventBatch {
    /// Its place in the plan.
    pub run: usize,
    /// The events since its last batch, in order.
    pub events: Vec<Event>,
    pub status: RunStatus,
}

/// What is known of a run beside its events: how its log stands, and whether it measures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStatus {
    /// The step up to which the log would survive a power failure.
    pub durable_step: Option<u64>,
    /// Why the run waits, where it cannot write.
    pub blocked: Option<String>,
    /// Whether it evaluates or measures its curvature, in between two steps. Known of measurements that take long alone.
    #[serde(default)]
    pub measuring: bool,
}

/// Whether a session is being closed, which its runs look at while they wait.
#[derive(Debug, Clone, Default)]
pub(super) struct Closing(Arc<AtomicBool>);

impl Closing {
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A run's log, its checkpoints, and its end of the event channel.
pub(super) struct Outbox {
    pub run: usize,
    pub directory: Option<SessionDirectory>,
    pub log: Option<LogWriter>,
    pub channel: events::Sender<EventBatch>,
    pub closing: Closing,
    /// How often the run is to hand over a checkpoint; `None` for never.
    pub checkpoint_every: Option<Duration>,
    /// What the log holds already of what the run publishes.
    pub catch_up: CatchUp,
    pub pending: Vec<Event>,
    pub sent: Instant,
    pub saved: Instant,
    pub at: Position,
    pub status: RunStatus,
    /// Bytes of the log when the measurement began that is under way or was interrupted.
    pub measuring_since: Option<u64>,
    pub measuring_began: Instant,
    /// How long the last measurement took.
    pub last_measuring: Duration,
    /// Who waits for the state that a fork goes on from.
    pub forks: AwaitedForks,
}

/// Forks by their names, each with the way back to who asked for its state.
#[derive(Debug, Clone, Default)]
pub(super) struct AwaitedForks(Arc<Mutex<HashMap<String, oneshot::Sender<Checkpoint>>>>);

impl AwaitedForks {
    /// Waits for the state that a fork of this name goes on from; an error once it cannot come any more.
    pub fn wait_for(&self, run: &str) -> oneshot::Receiver<Checkpoint> {
        let (sender, receiver) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run.to_owned(), sender);
        receiver
    }

    fn take(&self, run: &str) -> Option<oneshot::Sender<Checkpoint>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(run)
    }
}

/// The fields of the last event that the attempt itself knows.
pub(super) struct End {
    pub outcome: Outcome,
    /// Why, where the outcome needs a reason.
    pub reason: Option<String>,
    /// The step of the lowest validation loss.
    pub best_step: Option<u64>,
}

impl Listener for Outbox {
    fn publish(&mut self, event: Event) -> Result<(), PublishError> {
        self.log_and_send(event).map_err(PublishError::new)
    }

    fn wants_checkpoint(&self) -> bool {
        self.directory.is_some() && self.checkpoint_every.is_some_and(|every| self.saved.elapsed() >= every)
    }

    fn begin_stop(&mut self) {
        self.catch_up.stop();
    }

    fn begin_measuring(&mut self) {
        self.measuring_since = Some(self.log_length());
        self.measuring_began = Instant::now();
        if self.last_measuring >= WORTH_SAYING {
            self.status.measuring = true;
            self.announce();
        }
    }

    fn end_measuring(&mut self) {
        self.measuring_since = None;
        self.last_measuring = self.measuring_began.elapsed();
        if std::mem::take(&mut self.status.measuring) {
            self.announce();
        }
    }

    fn save(&mut self, checkpoint: Checkpoint) -> Result<(), PublishError> {
        self.write_checkpoint(checkpoint).map_err(PublishError::new)
    }

    fn branch_off(&mut self, run: &str, checkpoint: Checkpoint) {
        if let Some(sender) = self.forks.take(run) {
            // A receiver that is gone wants it no more.
            let _ = sender.send(checkpoint);
        }
    }
}

impl Outbox {
    /// That of a run that begins without a log and without checkpoints.
    pub fn new(run: usize, channel: events::Sender<EventBatch>, closing: Closing) -> Self {
        Self {
            run,
            directory: None,
            log: None,
            channel,
            closing,
            checkpoint_every: None,
            catch_up: CatchUp::default(),
            pending: Vec::new(),
            sent: Instant::now(),
            saved: Instant::now(),
            at: Position::default(),
            status: RunStatus::default(),
            measuring_since: None,
            measuring_began: Instant::now(),
            last_measuring: Duration::MAX,
            forks: AwaitedForks::default(),
        }
    }

    /// Logs the event, and hands over what is pending from time to time if the channel has room.
    fn log_and_send(&mut self, event: Event) -> Result<(), LogError> {
        self.at = event.position().unwrap_or(self.at);
        let urgent = !matches!(event, Event::Step { .. });
        // The sender of a command waits for its answer, and a paused run publishes nothing more that could carry it along.
        let answer = matches!(
            event,
            Event::Pause { .. }
                | Event::Resume { .. }
                | Event::Adjust { .. }
                | Event::Reject { .. }
                | Event::Fork { .. }
        );
        let event = self.log(event)?;
        self.pending.push(event);
        if urgent || self.sent.elapsed() >= BATCH_EVERY {
            self.flush()?;
            self.sent = Instant::now();
            if answer {
                self.send();
            } else {
                self.send_if_there_is_room();
            }
        }
        Ok(())
    }

    /// Appends the event to the log, where the log does not have it from before the run was cut off: the event as it is in the log.
    /// Where the log has another one in its place, it is cut back to here.
    fn log(&mut self, event: Event) -> Result<Event, LogError> {
        match self.catch_up.next(&event) {
            Standing::Logged(logged) => return Ok(*logged),
            Standing::New => {}
            Standing::Differs { log_length } => {
                self.insist(|outbox| outbox.log.as_mut().map_or(Ok(()), |log| log.cut(log_length)))?;
            }
        }
        if let Some(log) = &mut self.log {
            log.append(&event)?;
        }
        Ok(event)
    }

    /// Writes what was appended. While that fails the run waits here, and says so.
    fn flush(&mut self) -> Result<(), LogError> {
        self.insist(|outbox| outbox.log.as_mut().map_or(Ok(()), LogWriter::flush))?;
        let at = self.at.step;
        // A failure shows itself in the next flush too, if it lasts.
        if let Some(log) = &mut self.log
            && log.sync_if_due().unwrap_or(false)
        {
            self.status.durable_step = Some(at);
        }
        Ok(())
    }

    /// Does what needs the disk, again and again until it succeeds, or until the session has been closing for a while.
    pub fn insist<T>(&mut self, mut write: impl FnMut(&mut Self) -> Result<T, LogError>) -> Result<T, LogError> {
        let mut closing_since = None;
        loop {
            let error = match write(self) {
                Ok(done) => {
                    if self.status.blocked.take().is_some() {
                        self.announce();
                    }
                    return Ok(done);
                }
                Err(error) => error,
            };
            if self.closing.has_begun() && closing_since.get_or_insert_with(Instant::now).elapsed() >= LAST_TRIES {
                return Err(error);
            }
            let reason = Some(error.to_string());
            if self.status.blocked != reason {
                tracing::warn!("run {} waits: {error}", self.run);
                self.status.blocked = reason;
                self.announce();
            }
            thread::sleep(RETRY_EVERY);
        }
    }

    /// Bytes of the log up to where the run is.
    fn log_length(&self) -> u64 {
        self.catch_up.log_length().or_else(|| self.log.as_ref().map(LogWriter::length)).unwrap_or_default()
    }

    fn write_checkpoint(&mut self, checkpoint: Checkpoint) -> Result<(), LogError> {
        let Some(directory) = self.directory.clone() else { return Ok(()) };
        self.flush()?;
        let log_length = self.measuring_since.unwrap_or_else(|| self.log_length());
        let stored = StoredCheckpoint { checkpoint, log_length };
        self.insist(|outbox| {
            // What the checkpoint stands on must not be lost before it.
            outbox.log.as_mut().map_or(Ok(()), LogWriter::sync)?;
            checkpoints::write(&directory.run_folder_to_write(outbox.run)?, &stored)
        })?;
        self.status.durable_step = Some(self.at.step);
        self.saved = Instant::now();
        Ok(())
    }

    /// Hands over the last checkpoint of a run that is over, if there is one.
    pub fn branch_off_last(&mut self, run: &str) {
        let stored = self.directory.as_ref().map(|directory| checkpoints::newest(&directory.run_folder(self.run)));
        match stored {
            Some(Ok(Some(stored))) => self.branch_off(run, stored.checkpoint),
            Some(Ok(None) | Err(_)) | None => drop(self.forks.take(run)),
        }
    }

    /// Rejects a change that came after the end. If the log cannot be written, the run's end has said so.
    pub fn refuse(&mut self, setting: Hyperparameter, value: f64) {
        let reason = "the run is over".to_owned();
        let _ = self.log_and_send(Event::Reject { step: self.at.step, setting, value, reason });
    }

    /// Publishes the end of the run and hands over everything, waiting for room in the channel. The log may be what made the run
    /// fail, so that an error of it is only traced; a receiver that is gone is no error.
    pub fn finish(&mut self, End { outcome, reason, best_step }: End) {
        let event = Event::Finish { outcome, at: self.at, reason, best_step };
        let written = self.log(event.clone()).and_then(|_| {
            self.flush()?;
            self.log.as_mut().map_or(Ok(()), LogWriter::sync)
        });
        match written {
            Ok(()) => self.status.durable_step = Some(self.at.step),
            Err(error) => tracing::error!("{error}"),
        }
        self.pending.push(event);
        self.send();
    }

    /// Says how the run stands, and hands over no event: those that are pending may not be in the log yet.
    fn announce(&self) {
        // A receiver that is busy hears of it with the next batch.
        let _ = self.channel.try_send(EventBatch { run: self.run, events: Vec::new(), status: self.status.clone() });
    }

    fn batch(&mut self) -> EventBatch {
        EventBatch { run: self.run, events: std::mem::take(&mut self.pending), status: self.status.clone() }
    }

    /// Waits for room in the channel. A receiver that is gone is no error.
    pub fn send(&mut self) {
        let batch = self.batch();
        let _ = self.channel.blocking_send(batch);
    }

    fn send_if_there_is_room(&mut self) {
        let channel = self.channel.clone();
        if let Ok(room) = channel.try_reserve() {
            room.send(self.batch());
        }
    }
}
