//! An engine on its way: what it tells the dashboard before its first event, and how it learns that it is not wanted any more.

use std::{
    cell::Cell,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use crate::{
    problem::{Loading, LoadingCallback},
    run::{Engine, EngineError},
    text::error_chain,
    tui::Msg,
};

/// How often the dashboard gets to know how many images are read.
const PROGRESS: Duration = Duration::from_millis(100);

/// An engine that is being started.
pub struct Starting {
    pub session: u64,
    /// Counts the sessions begun: another count means that this one is not wanted any more.
    pub sessions: Arc<AtomicU64>,
    pub sender: mpsc::UnboundedSender<(u64, Msg)>,
}

impl Starting {
    pub fn start(
        &self,
        engine: impl FnOnce(LoadingCallback<'_>) -> Result<Engine, EngineError>,
    ) -> Result<Box<Engine>, String> {
        let sent = Cell::new(None::<Instant>);
        let progress = |loading: Loading| {
            let often =
                matches!(loading, Loading::Images { .. }) && sent.get().is_some_and(|at| at.elapsed() < PROGRESS);
            if !often {
                sent.set(Some(Instant::now()));
                self.send(Msg::Loading(loading));
            }
            let wanted = self.sessions.load(Ordering::Relaxed) == self.session;
            if wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        engine(&progress).map(Box::new).map_err(|error| error_chain(&error))
    }

    pub fn send(&self, message: Msg) {
        // The receiver is gone when the dashboard is.
        let _ = self.sender.send((self.session, message));
    }
}
