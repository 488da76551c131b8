//! A run's own clock, which stands still while the run is paused.

use std::time::{Duration, Instant};

/// Time since the start, pauses left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    before: Duration,
    running_since: Option<Instant>,
}

impl Clock {
    pub fn start() -> Self {
        Self::started_at(0.0)
    }

    /// A clock that shows so many seconds already.
    pub fn started_at(seconds: f64) -> Self {
        let before = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Self { before, running_since: Some(Instant::now()) }
    }

    pub fn pause(&mut self) {
        self.before = self.elapsed();
        self.running_since = None;
    }

    pub fn resume(&mut self) {
        self.running_since.get_or_insert_with(Instant::now);
    }

    pub fn elapsed(&self) -> Duration {
        self.before + self.running_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Seconds to the millisecond: finer digits say nothing and fill the log.
    pub fn seconds(&self) -> f64 {
        (self.elapsed().as_secs_f64() * 1e3).round() / 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paused_clock_stands_still() {
        let mut clock = Clock::start();
        clock.pause();
        let at_pause = clock.elapsed();
        assert_eq!(clock.elapsed(), at_pause);
        clock.resume();
        while clock.elapsed() == at_pause {}
        assert!(clock.elapsed() > at_pause);
    }
}
