//! The rows of the table of runs: one of each run's weights, and below it one of their average where the run keeps one.

use ratatui::{style::Style, text::Span};

use crate::{
    figure::{Background, Comparison, Point, Quantity, RunState, binomial_std_error, ink, text::thousands},
    run::AverageKind,
    tui::{
        session::{Run, Visibility, WatchedSession},
        text::scrub,
        theme::{Glyphs, Theme},
    },
};

#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    /// The run's place in the session.
    pub index: usize,
    pub run: &'a Run,
    pub weights: Weights,
}

/// The weights that a row's values were measured at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weights {
    /// Those that the newest step made.
    Current,
    /// The average of those of many steps.
    Average(AverageKind),
}

impl<'a> Row<'a> {
    /// The rows of a session, run after run.
    pub fn all(session: &'a WatchedSession) -> Vec<Self> {
        let of_run = |(index, run): (usize, &'a Run)| {
            let average = run.average().map(Weights::Average);
            std::iter::once(Weights::Current).chain(average).map(move |weights| Self { index, run, weights })
        };
        session.runs.iter().enumerate().flat_map(of_run).collect()
    }

    pub fn name(&self) -> String {
        match self.weights {
            Weights::Current => self.run.name.clone(),
            Weights::Average(kind) => format!("  {}", kind.key()),
        }
    }

    /// The run's mark in charts; for an average the dashes that its curves are drawn in.
    pub fn mark(&self, theme: Theme) -> Span<'static> {
        let ink = ink(self.run.slot);
        let mark = match (self.weights, theme.appearance().glyphs) {
            (Weights::Current, _) if self.run.visibility == Visibility::Hidden => ' ',
            (Weights::Current, Glyphs::Unicode) => ink.glyph(),
            (Weights::Current, Glyphs::Ascii) => ink.ascii(),
            (Weights::Average(_), Glyphs::Unicode) => '╌',
            (Weights::Average(_), Glyphs::Ascii) => '-',
        };
        Span::styled(format!("{mark} "), theme.series(ink.on(Background::Dark)))
    }

    /// The style of its name, `selected` being the place of the selected run.
    pub fn name_style(&self, selected: usize, theme: Theme) -> Style {
        match (self.weights, self.run.visibility) {
            (Weights::Current, _) if self.index == selected => theme.strong(),
            (_, Visibility::Hidden) => theme.quiet(),
            (Weights::Current | Weights::Average(_), Visibility::Shown) => theme.text(),
        }
    }

    /// When and why the run ended that should not have, or why it waits, on the row of its weights. What was measured at their average stays.
    pub fn ending(&self) -> Option<String> {
        match self.weights {
            Weights::Current => ending(self.run),
            Weights::Average(_) => None,
        }
    }

    /// The value of a quantity at these weights where runs are compared; an accuracy with its standard error over the test examples.
    pub fn value(&self, quantity: Quantity, comparison: &Comparison) -> Option<Point> {
        let history = &self.run.history;
        let series = match self.weights {
            Weights::Current => history.series(quantity),
            Weights::Average(_) => history.average().series(quantity),
        };
        let point = comparison.value(series)?;
        if quantity != Quantity::TestAccuracy {
            return Some(point);
        }
        let examples = history.start().map_or(0, |start| start.test_examples);
        Some(Point { error: binomial_std_error(point.value, examples).unwrap_or(f64::NAN), ..point })
    }
}

/// When and why a run ended that should not have, or why it waits.
pub(super) fn ending(run: &Run) -> Option<String> {
    if let Some(reason) = run.waits_for_the_disk() {
        return Some(scrub(reason));
    }
    match run.history.state() {
        RunState::Diverged { step, reason } | RunState::Failed { step, reason } => {
            Some(format!("at step {}: {}", thousands(*step), scrub(reason)))
        }
        RunState::Waiting | RunState::Running | RunState::Paused | RunState::Completed | RunState::Stopped => None,
    }
}
