//! Which charts there are, four or six, and which of them has the focus. The preset says what they are about, or what was
//! measured does, until a key says otherwise for one of them.

use strum::VariantArray;

use crate::{
    figure::{Panel, PanelKind, PlottedRun, View, default_panels},
    tui::keymap::Arrow,
};

/// Most charts that a grid has.
const MOST: usize = 6;

/// Kinds that fill a grid after the four that suit every session, the most informative first.
const FURTHER: [PanelKind; 5] = [
    PanelKind::TestError,
    PanelKind::SmoothedTrace,
    PanelKind::DistanceFromInit,
    PanelKind::GradientNorm,
    PanelKind::WeightNorm,
];

/// The charts of a session.
#[derive(Debug, Clone)]
pub struct Grid {
    /// Charts in a row; there are two rows.
    columns: usize,
    /// What was asked for at each place, by the preset or by a key.
    chosen: [Option<PanelKind>; MOST],
    /// The place of the focused chart.
    focus: usize,
}

/// Which way a key walks a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    Forwards,
    Backwards,
}

impl Grid {
    /// The grid that a preset asks for; four charts where it asks for none.
    pub fn new(asked: &[PanelKind]) -> Self {
        let columns = if asked.len() > 4 { 3 } else { 2 };
        Self { columns, chosen: std::array::from_fn(|place| asked.get(place).copied()), focus: 0 }
    }

    /// Charts in a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    pub fn len(&self) -> usize {
        2 * self.columns
    }

    /// The place of the focused chart, counted along the rows.
    pub fn focus(&self) -> usize {
        self.focus
    }

    /// The kind of each chart, row after row.
    pub fn panels(&self, runs: &[PlottedRun<'_>]) -> Vec<PanelKind> {
        let usual = default_panels(&runs.iter().map(|run| run.history).collect::<Vec<_>>());
        let mut panels: Vec<PanelKind> = Vec::new();
        for place in 0..self.len() {
            let is_free = |kind: &PanelKind| !panels.contains(kind) && !self.chosen[place..].contains(&Some(*kind));
            let fallback = || {
                let after = || FURTHER.into_iter().filter(&is_free);
                after().find(|&kind| is_measured(kind, runs)).or_else(|| after().next())
            };
            let suitable = usual.get(place).copied().or_else(fallback);
            panels.push(self.chosen[place].or(suitable).unwrap_or(PanelKind::Loss));
        }
        panels
    }

    /// Four charts, or six again. Those that go keep their kinds for when they come back.
    pub fn toggle(&mut self) {
        self.columns = if self.columns == 2 { 3 } else { 2 };
        self.focus = self.focus.min(self.len() - 1);
    }

    /// Gives the focused chart the next kind of the catalogue, or the one before. Kinds that have nothing to show come after all
    /// that have.
    pub fn walk(&mut self, walk: Walk, runs: &[PlottedRun<'_>]) {
        let here = self.panels(runs)[self.focus];
        let (mut order, empty): (Vec<_>, Vec<_>) = PanelKind::VARIANTS.iter().partition(|&&kind| has_data(kind, runs));
        order.extend(empty);
        let place = order.iter().position(|&kind| kind == here).unwrap_or(0);
        let step = match walk {
            Walk::Forwards => 1,
            Walk::Backwards => order.len() - 1,
        };
        self.chosen[self.focus] = order.get((place + step) % order.len()).copied();
    }

    /// Moves the focus in the grid: along a row and on into the next one, or to the chart above or below.
    pub fn go(&mut self, arrow: Arrow) {
        let to = match arrow {
            Arrow::Up => self.focus.checked_sub(self.columns),
            Arrow::Down => Some(self.focus + self.columns),
            Arrow::Left => self.focus.checked_sub(1),
            Arrow::Right => Some(self.focus + 1),
        };
        self.focus = to.filter(|&to| to < self.len()).unwrap_or(self.focus);
    }
}

/// Whether there is a curve of it; decided by its quantity, as every frame asks.
fn is_measured(kind: PanelKind, runs: &[PlottedRun<'_>]) -> bool {
    runs.iter().any(|run| !run.history.series(kind.primary_quantity()).is_empty())
}

/// Whether there is anything to draw.
fn has_data(kind: PanelKind, runs: &[PlottedRun<'_>]) -> bool {
    Panel::new(kind, runs, &View::default()).empty.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_of_the_catalogue_meets_every_kind_once() {
        for walk in [Walk::Forwards, Walk::Backwards] {
            let mut grid = Grid::new(&[]);
            let mut met = Vec::new();
            for _ in PanelKind::VARIANTS {
                grid.walk(walk, &[]);
                met.push(grid.panels(&[])[0]);
            }
            assert_eq!(met.last(), Some(&PanelKind::Loss), "the walk comes back to where it began");
            met.sort_unstable();
            assert_eq!(met, PanelKind::VARIANTS);
        }
    }

    #[test]
    fn six_charts_are_six_kinds_whatever_the_preset_asks_for() {
        for asked in
            [vec![], vec![PanelKind::Accuracy, PanelKind::Loss, PanelKind::SmoothedTrace, PanelKind::DistanceFromInit]]
        {
            let mut grid = Grid::new(&asked);
            grid.toggle();
            let panels = grid.panels(&[]);
            assert_eq!(panels[..asked.len()], asked);
            let mut kinds = panels.clone();
            kinds.sort_unstable();
            kinds.dedup();
            assert_eq!(kinds.len(), 6, "{panels:?}");
        }
    }

    #[test]
    fn a_chart_that_comes_back_has_the_kind_that_it_had() {
        let mut grid = Grid::new(&[]);
        grid.toggle();
        for _ in 0..5 {
            grid.go(Arrow::Right);
        }
        grid.walk(Walk::Forwards, &[]);
        let panels = grid.panels(&[]);
        grid.toggle();
        assert_eq!((grid.len(), grid.focus()), (4, 3), "the focus stays on the screen");
        grid.toggle();
        assert_eq!(grid.panels(&[]), panels);
    }

    #[test]
    fn arrows_reach_every_chart_and_stop_at_the_ends() {
        let mut grid = Grid::new(&[PanelKind::Loss; 6]);
        for expected in [1, 2, 3, 4, 5, 5] {
            grid.go(Arrow::Right);
            assert_eq!(grid.focus(), expected);
        }
        for (arrow, expected) in [(Arrow::Up, 2), (Arrow::Up, 2), (Arrow::Left, 1), (Arrow::Down, 4), (Arrow::Down, 4)]
        {
            grid.go(arrow);
            assert_eq!(grid.focus(), expected, "after {arrow:?}");
        }
    }
}
