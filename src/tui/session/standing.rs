//! Where a session stands beyond what its events say: whether it can be written, and whether a process writes it.

use super::{Feed, Run, WatchedSession};
use crate::{figure::RunState, run::RunStatus, tui::Writer};

impl WatchedSession {
    /// Whether it was cut off or stopped before all of its runs had ended, and no process writes it.
    pub(super) fn can_be_resumed(&self) -> bool {
        let at_its_end = |run: &Run| matches!(run.history.state(), RunState::Completed | RunState::Diverged { .. });
        self.feed == Feed::Recorded(Writer::Gone) && !self.runs.iter().all(at_its_end)
    }

    /// Where a run stands, in a word.
    pub fn state_word(&self, run: &Run) -> &'static str {
        state_word(run, self.feed)
    }

    /// How a run stands.
    pub fn run_stands(&mut self, run: usize, status: RunStatus) {
        if let Some(run) = self.runs.get_mut(run) {
            run.status = status;
        }
    }

    /// Whether a process writes it, if it was read from its log.
    pub fn is_written_by(&mut self, writer: Writer) {
        if let Feed::Recorded(before) = &mut self.feed {
            *before = writer;
        }
    }
}

/// Where a run stands, in a word: also one that cannot be written, or whose process is gone.
pub fn state_word(run: &Run, feed: Feed) -> &'static str {
    match feed {
        Feed::Recorded(Writer::Gone) if run.is_alive() => "interrupted",
        Feed::Starting | Feed::Live | Feed::Drained | Feed::Recorded(_) if run.waits_for_the_disk().is_some() => {
            "waits"
        }
        Feed::Starting | Feed::Live | Feed::Drained | Feed::Recorded(_) => match run.history.state() {
            RunState::Running if run.status.measuring => "measuring",
            RunState::Running | RunState::Completed if run.history.seems_diverged() => "diverged?",
            state => state.word(),
        },
    }
}
