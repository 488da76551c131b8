//! The part of the x axis that charts along training show. It stays where it is while data arrive.

use super::WatchedSession;
use crate::figure::Bounds;

/// How much of what is shown a step to the side moves.
const STEP: f64 = 0.25;

/// The narrowest part, as a share of the whole.
const NARROWEST: f64 = 1e-4;

impl WatchedSession {
    /// How far the furthest run is along x.
    fn furthest(&self) -> f64 {
        let x = |run: &super::Run| self.view.x.of(run.history.now(), run.history.steps_per_epoch());
        self.runs.iter().map(x).fold(0.0, f64::max)
    }

    fn window(&self) -> Option<Bounds> {
        self.view.window.or_else(|| Bounds::new(0.0, self.furthest()))
    }

    /// The later half.
    pub(super) fn zoom_in(&mut self) {
        let Some(shown) = self.window() else { return };
        let width = (shown.high() - shown.low()) / 2.0;
        if width > NARROWEST * self.furthest() {
            self.view.window = Bounds::new(shown.high() - width, shown.high());
        }
    }

    /// Twice as much, to the left as far as there is any; all, where that is all.
    pub(super) fn zoom_out(&mut self) {
        let Some(shown) = self.window() else { return };
        let width = 2.0 * (shown.high() - shown.low());
        let low = (shown.high() - width).max(0.0);
        let high = (low + width).min(self.furthest());
        self.view.window = Bounds::new(low, high).filter(|_| low > 0.0 || high < self.furthest());
    }

    /// A step earlier (-1) or later (1), as far as there are data.
    pub(super) fn pan(&mut self, direction: f64) {
        let Some(shown) = self.view.window else { return };
        let width = shown.high() - shown.low();
        let low = (shown.low() + direction * STEP * width).clamp(0.0, (self.furthest() - width).max(0.0));
        self.view.window = Bounds::new(low, low + width);
    }
}
