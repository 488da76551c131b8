//! A min/max pyramid over a growing column of numbers: what any index range spans, in O(log n), with no spike lost.
//! Numbers that are not finite bound nothing, but are counted.

use std::ops::Range;

use super::tight;

/// Entries that one block of the next level summarises.
const FAN: usize = 16;

/// What a range of values spans.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extents {
    /// The first value as it is, finite or not; NaN for an empty range.
    pub first: f64,
    /// The last value as it is, finite or not; NaN for an empty range.
    pub last: f64,
    /// The smallest finite value; +inf when there is none.
    pub low: f64,
    /// The largest finite value; -inf when there is none.
    pub high: f64,
    /// The smallest finite value above zero; +inf when there is none.
    pub low_positive: f64,
    /// How many values are NaN or infinite.
    pub non_finite: usize,
    /// How many finite values are zero or less, which a log scale cannot show.
    pub non_positive: usize,
}

/// Extents without an order.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Block {
    low: f64,
    high: f64,
    low_positive: f64,
    non_finite: usize,
    non_positive: usize,
}

/// Level l holds one block for each FAN^(l+1) values, complete blocks only.
#[derive(Debug, Clone, Default)]
pub(super) struct Pyramid {
    levels: Vec<Vec<Block>>,
}

impl Extents {
    pub const EMPTY: Self = Self {
        first: f64::NAN,
        last: f64::NAN,
        low: f64::INFINITY,
        high: f64::NEG_INFINITY,
        low_positive: f64::INFINITY,
        non_finite: 0,
        non_positive: 0,
    };
}

impl Block {
    const EMPTY: Self = Self {
        low: f64::INFINITY,
        high: f64::NEG_INFINITY,
        low_positive: f64::INFINITY,
        non_finite: 0,
        non_positive: 0,
    };

    fn of(value: f64) -> Self {
        if !value.is_finite() {
            return Self { non_finite: 1, ..Self::EMPTY };
        }
        let positive = value > 0.0;
        Self {
            low: value,
            high: value,
            low_positive: if positive { value } else { f64::INFINITY },
            non_finite: 0,
            non_positive: usize::from(!positive),
        }
    }

    fn joined(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            low_positive: self.low_positive.min(other.low_positive),
            non_finite: self.non_finite + other.non_finite,
            non_positive: self.non_positive + other.non_positive,
        }
    }
}

impl Pyramid {
    /// Takes note that `values` has grown by one. O(1) amortised.
    pub(super) fn grow(&mut self, values: &[f64]) {
        if values.is_empty() || !values.len().is_multiple_of(FAN) {
            return;
        }
        let mut block =
            values[values.len() - FAN..].iter().map(|&value| Block::of(value)).fold(Block::EMPTY, Block::joined);
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let blocks = &mut self.levels[level];
            tight::push(blocks, block);
            if !blocks.len().is_multiple_of(FAN) {
                return;
            }
            block = blocks[blocks.len() - FAN..].iter().copied().fold(Block::EMPTY, Block::joined);
        }
    }

    /// What `values[range]` spans; a range beyond the end is cut. At most 2 FAN entries of each level are read.
    pub(super) fn extents(&self, values: &[f64], range: Range<usize>) -> Extents {
        let end = range.end.min(values.len());
        let start = range.start.min(end);
        if start == end {
            return Extents::EMPTY;
        }
        let (mut left, mut right) = (start, end);
        let mut sum = Block::EMPTY;
        for level in 0.. {
            let (inner_left, inner_right) = (left.div_ceil(FAN), right / FAN);
            if inner_left >= inner_right || level == self.levels.len() {
                sum = self.add(sum, values, level, left..right);
                break;
            }
            sum = self.add(sum, values, level, left..inner_left * FAN);
            sum = self.add(sum, values, level, inner_right * FAN..right);
            (left, right) = (inner_left, inner_right);
        }
        let Block { low, high, low_positive, non_finite, non_positive } = sum;
        Extents { first: values[start], last: values[end - 1], low, high, low_positive, non_finite, non_positive }
    }

    /// Adds entries of one level; level 0 here is the values themselves, level l the blocks one below.
    fn add(&self, sum: Block, values: &[f64], level: usize, entries: Range<usize>) -> Block {
        match level.checked_sub(1) {
            None => values[entries].iter().fold(sum, |sum, &value| sum.joined(Block::of(value))),
            Some(level) => self.levels[level][entries].iter().fold(sum, |sum, &block| sum.joined(block)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn brute_force(values: &[f64]) -> Extents {
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        Extents {
            first: values.first().copied().unwrap_or(f64::NAN),
            last: values.last().copied().unwrap_or(f64::NAN),
            low: finite().fold(f64::INFINITY, f64::min),
            high: finite().fold(f64::NEG_INFINITY, f64::max),
            low_positive: finite().filter(|&value| value > 0.0).fold(f64::INFINITY, f64::min),
            non_finite: values.len() - finite().count(),
            non_positive: finite().filter(|&value| value <= 0.0).count(),
        }
    }

    fn any_value() -> impl Strategy<Value = f64> {
        prop_oneof![8 => -10.0..10.0, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(f64::NEG_INFINITY), 1 => Just(0.0)]
    }

    proptest! {
        #[test]
        fn any_range_spans_what_a_scan_of_it_finds(
            values in prop::collection::vec(any_value(), 0..700), cuts in prop::collection::vec((0usize..720, 0usize..720), 40)
        ) {
            let mut pyramid = Pyramid::default();
            for end in 1..=values.len() {
                pyramid.grow(&values[..end]);
            }
            for (one, other) in cuts {
                let (start, end) = (one.min(other), one.max(other));
                let cut = &values[start.min(values.len())..end.min(values.len())];
                prop_assert_eq!(format!("{:?}", pyramid.extents(&values, start..end)), format!("{:?}", brute_force(cut)));
            }
        }
    }
}
