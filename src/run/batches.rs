//! The order of training examples: a fresh shuffle an epoch, cut into minibatches, the remainder left out.

use std::num::NonZeroUsize;

use rand::seq::SliceRandom;

use crate::random::{Purpose, Stream, stream};

/// An endless sequence of minibatches, by index into the training set.
#[derive(Debug)]
pub(super) struct Batches {
    order: Vec<usize>,
    next: usize,
    size: usize,
    random: Stream,
}

impl Batches {
    pub fn new(examples: Option<NonZeroUsize>, size: usize, seed: u64) -> Self {
        let examples = examples.map_or(0, NonZeroUsize::get);
        let size = size.min(examples);
        // Starting at the end makes the first call shuffle.
        Self { order: (0..examples).collect(), next: examples, size, random: stream(seed, Purpose::Batches) }
    }

    /// The minibatches after the first `count`: those of the epochs before are shuffled past, at the cost of a shuffle each.
    #[must_use]
    pub fn after(mut self, count: u64) -> Self {
        for _ in 0..count {
            self.next_batch();
        }
        self
    }

    /// Minibatches an epoch; 1 where there are no examples to divide.
    pub fn per_epoch(examples: Option<NonZeroUsize>, size: usize) -> u64 {
        examples.map_or(1, |all| all.get() / size.clamp(1, all.get())) as u64
    }

    /// The next minibatch; empty where there are no examples.
    pub fn next_batch(&mut self) -> &[usize] {
        if self.next + self.size > self.order.len() {
            self.order.shuffle(&mut self.random);
            self.next = 0;
        }
        let from = self.next;
        self.next += self.size;
        &self.order[from..self.next]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_shows_each_example_once_and_leaves_the_remainder_out() {
        let mut batches = Batches::new(NonZeroUsize::new(10), 3, 1);
        assert_eq!(Batches::per_epoch(NonZeroUsize::new(10), 3), 3);
        let mut epoch = || {
            let mut seen: Vec<usize> = (0..3).flat_map(|_| batches.next_batch().to_vec()).collect();
            let order = seen.clone();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 9);
            order
        };
        assert_ne!(epoch(), epoch());
    }

    #[test]
    fn a_batch_larger_than_the_set_is_the_whole_set() {
        let mut batches = Batches::new(NonZeroUsize::new(4), 128, 1);
        assert_eq!(Batches::per_epoch(NonZeroUsize::new(4), 128), 1);
        assert_eq!(batches.next_batch().len(), 4);
        assert_eq!(batches.next_batch().len(), 4);
    }

    #[test]
    fn a_problem_without_examples_gets_empty_batches() {
        assert_eq!(Batches::per_epoch(None, 128), 1);
        assert!(Batches::new(None, 128, 1).next_batch().is_empty());
    }
}
