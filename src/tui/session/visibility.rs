//! Which runs the charts show.

use super::{Visibility, WatchedSession};

impl WatchedSession {
    /// The places of the runs that charts leave out.
    pub(super) fn hidden(&self) -> Vec<usize> {
        let runs = self.runs.iter().enumerate();
        runs.filter(|(_, run)| run.visibility == Visibility::Hidden).map(|(place, _)| place).collect()
    }

    /// Takes the selected run out of the charts, or shows it again.
    pub(super) fn hide(&mut self) {
        if let Some(run) = self.runs.get_mut(self.selected) {
            run.visibility = match run.visibility {
                Visibility::Shown => Visibility::Hidden,
                Visibility::Hidden => Visibility::Shown,
            };
        }
    }

    /// Shows the selected run alone, or all where it is alone already.
    pub(super) fn solo(&mut self) {
        let selected = self.selected;
        let is_alone = self.runs.iter().enumerate().all(|(index, run)| {
            let expected = if index == selected { Visibility::Shown } else { Visibility::Hidden };
            run.visibility == expected
        });
        for (index, run) in self.runs.iter_mut().enumerate() {
            run.visibility = if is_alone || index == selected { Visibility::Shown } else { Visibility::Hidden };
        }
    }
}
