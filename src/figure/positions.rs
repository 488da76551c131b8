//! Positions along training in little memory. Steps and gradient evaluations advance by the same amounts for long stretches, so that a
//! stretch is kept as its beginning and its strides; the clock alone is kept point by point.

use super::tight;
use crate::run::Position;

/// Positions in order, none before the one in front of it: 8 bytes each, and 40 for each change of stride.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions {
    stretches: Vec<Stretch>,
    seconds: Vec<f64>,
}

/// The counts from one index to the next stretch.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    first: usize,
    start: Counts,
    stride: Counts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    step: u64,
    gradients: u64,
}

impl Counts {
    const ZERO: Self = Self { step: 0, gradients: 0 };

    fn of(Position { step, gradients, seconds: _ }: Position) -> Self {
        Self { step, gradients }
    }

    fn since(self, earlier: Self) -> Self {
        Self { step: self.step - earlier.step, gradients: self.gradients - earlier.gradients }
    }
}

impl Stretch {
    /// The counts at an index of this stretch, or what they would be there. Counts of a hostile log may be near 2^64: they wrap, and a
    /// position is only taken into a stretch that gives it back.
    fn counts(&self, index: usize) -> Counts {
        let strides = (index - self.first) as u64;
        let ahead = |start: u64, stride: u64| start.wrapping_add(strides.wrapping_mul(stride));
        Counts {
            step: ahead(self.start.step, self.stride.step),
            gradients: ahead(self.start.gradients, self.stride.gradients),
        }
    }
}

impl Positions {
    /// Appends a position, O(1) amortised. Time does not run backwards: what lies before the last position is taken to be there.
    pub fn push(&mut self, at: Position) {
        let index = self.seconds.len();
        let before = index.checked_sub(1).map_or_else(Position::default, |last| self.at(last));
        let counts = Counts { step: at.step.max(before.step), gradients: at.gradients.max(before.gradients) };
        // f64::max also drops a clock that is NaN.
        let seconds = if at.seconds.is_infinite() { before.seconds } else { before.seconds.max(at.seconds) };
        match self.stretches.last_mut() {
            Some(stretch) if stretch.first + 1 == index => stretch.stride = counts.since(Counts::of(before)),
            Some(stretch) if stretch.counts(index) == counts => {}
            Some(_) | None => {
                tight::push(&mut self.stretches, Stretch { first: index, start: counts, stride: Counts::ZERO });
            }
        }
        tight::push(&mut self.seconds, seconds);
    }

    /// The position of that index, in the logarithm of how often strides have changed.
    ///
    /// # Panics
    /// If there is no such position.
    pub fn at(&self, index: usize) -> Position {
        let seconds = self.seconds[index];
        let after = self.stretches.partition_point(|stretch| stretch.first <= index);
        let Counts { step, gradients } = self.stretches[after - 1].counts(index);
        Position { step, gradients, seconds }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Strides of the counts and the clock, and how often they repeat.
    fn any_stretch() -> impl Strategy<Value = (Position, usize)> {
        let stride = (0u64..5, 0u64..9, 0.0f64..2.0).prop_map(|(step, gradients, seconds)| Position {
            step,
            gradients,
            seconds,
        });
        (stride, 1usize..20)
    }

    proptest! {
        /// Strides repeat for a while and then change, as methods, their hyperparameters and evaluations make them.
        #[test]
        fn every_position_comes_back(stretches in prop::collection::vec(any_stretch(), 0..30)) {
            let (mut positions, mut expected) = (Positions::default(), Vec::new());
            let mut at = Position::default();
            for (Position { step, gradients, seconds }, times) in stretches {
                for _ in 0..times {
                    at = Position { step: at.step + step, gradients: at.gradients + gradients, seconds: at.seconds + seconds };
                    positions.push(at);
                    expected.push(at);
                }
            }
            let found: Vec<Position> = (0..expected.len()).map(|index| positions.at(index)).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_constant_stride_costs_the_clock_alone() {
        let mut positions = Positions::default();
        for step in 0..10_000 {
            positions.push(Position { step, gradients: 4 * step, seconds: 0.0 });
        }
        assert_eq!(positions.stretches.len(), 1);
        positions.push(Position { step: 10_000, gradients: 40_003, seconds: 0.0 });
        assert_eq!(positions.stretches.len(), 2);
    }

    #[test]
    fn counts_near_their_limit_come_back() {
        let mut positions = Positions::default();
        let steps = [0, u64::MAX / 2, u64::MAX - 1, u64::MAX, u64::MAX];
        for step in steps {
            positions.push(Position { step, gradients: step, seconds: 0.0 });
        }
        assert_eq!([0, 1, 2, 3, 4].map(|index| positions.at(index).step), steps);
    }

    #[test]
    fn time_does_not_run_backwards() {
        let mut positions = Positions::default();
        for (step, seconds) in [(5, 1.0), (3, 2.0), (6, f64::NAN), (7, f64::INFINITY), (8, 1.5)] {
            positions.push(Position { step, gradients: 2 * step, seconds });
        }
        let found: Vec<_> = (0..5).map(|index| positions.at(index)).map(|at| (at.step, at.seconds)).collect();
        assert_eq!(found, [(5, 1.0), (5, 2.0), (6, 2.0), (7, 2.0), (8, 2.0)]);
    }
}
