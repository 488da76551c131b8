//! Which examples go where, by seed: held out, kept, mislabelled. Functions of labels alone, so that a folder's images
//! can be chosen before one of them is decoded.

use rand::{RngExt, seq::SliceRandom};

use crate::random::{Purpose, Stream, stream};

/// A share of examples, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// No example.
    pub const NONE: Self = Self(0.0);

    /// `share`, if it is one.
    pub fn new(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then_some(Self(share))
    }

    /// The share, 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }

    /// So many of `count`, rounded to the nearest.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and count")]
    fn of(self, count: usize) -> usize {
        (self.0 * count as f64).round() as usize
    }
}

/// All indices, shuffled.
fn shuffled(count: usize, random: &mut Stream) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(random);
    order
}

/// How many examples each class has.
fn counts(labels: &[u32], classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    for &label in labels {
        counts[label as usize] += 1;
    }
    counts
}

/// `count` examples that stand for all: each class in its share of them, rounded down or up by the seed so that every class has
/// its exact share in the mean over seeds, classes dealt in turn, so that any stretch of the sample is mixed alike. All in
/// their order where there are no more.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and count")]
pub(crate) fn sample(labels: &[u32], classes: usize, count: usize, seed: u64) -> Vec<usize> {
    if count >= labels.len() {
        return (0..labels.len()).collect();
    }
    let sizes = counts(labels, classes);
    // Systematic sampling: a class gets a place wherever its stretch of a shuffled line of shares covers a mark, and marks are one
    // apart from a random first.
    let mut random = stream(seed, Purpose::Sample);
    let mut line: Vec<usize> = (0..classes).collect();
    line.shuffle(&mut random);
    let first: f64 = random.random_range(0.0..1.0);
    let (mut quotas, mut end, mut marks) = (vec![0; classes], 0, 0.0);
    for class in line {
        end += sizes[class];
        // Whole at the end, whatever the rounding on the way.
        let along = if end == labels.len() { count as f64 } else { (end * count) as f64 / labels.len() as f64 };
        let passed = if end == labels.len() { count as f64 } else { (along - first).ceil().max(0.0) };
        quotas[class] = (passed - marks).max(0.0) as usize;
        marks = passed.max(marks);
    }
    let mut left = quotas.clone();
    let mut chosen = shuffled(labels.len(), &mut stream(seed, Purpose::Sample));
    chosen.retain(|&example| take_one(&mut left[labels[example] as usize]));
    // The j-th of a class's q examples belongs at (j + 1/2) / q of the way.
    let mut dealt = vec![0.0; classes];
    let mut placed: Vec<(f64, usize)> = chosen
        .into_iter()
        .map(|example| {
            let class = labels[example] as usize;
            dealt[class] += 1.0;
            ((dealt[class] - 0.5) / quotas[class] as f64, example)
        })
        .collect();
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    placed.into_iter().map(|(_, example)| example).collect()
}

/// At most `count` examples of each class, all classes mixed.
pub(super) fn per_class(labels: &[u32], classes: usize, count: usize, seed: u64) -> Vec<usize> {
    let mut left = vec![count; classes];
    let mut order = shuffled(labels.len(), &mut stream(seed, Purpose::Subset));
    order.retain(|&example| take_one(&mut left[labels[example] as usize]));
    order
}

/// Training and test examples, `test` of each class held out, all classes mixed. Where a share between 0 and 1 is
/// asked, a class of two or more has at least one example on each side; a class of one is trained on.
pub(super) fn split(labels: &[u32], classes: usize, test: Share, random: &mut Stream) -> (Vec<usize>, Vec<usize>) {
    let strict = test.0 > 0.0 && test.0 < 1.0;
    let held_out = |count: usize| match count {
        2.. if strict => test.of(count).clamp(1, count - 1),
        1 if strict => 0,
        _ => test.of(count),
    };
    let mut left: Vec<usize> = counts(labels, classes).into_iter().map(held_out).collect();
    let (test, train) =
        shuffled(labels.len(), random).into_iter().partition(|&example| take_one(&mut left[labels[example] as usize]));
    (train, test)
}

/// Replaces `share` of the labels (to the nearest whole number of them) by another class each, uniformly.
/// Where there is one class only, there is no other, and nothing changes.
pub(super) fn mislabel(labels: &mut [u32], classes: u32, share: Share, seed: u64) {
    if classes < 2 {
        return;
    }
    let mut random = stream(seed, Purpose::LabelNoise);
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.shuffle(&mut random);
    for &example in &order[..share.of(labels.len())] {
        let step = random.random_range(1..classes);
        labels[example] = (labels[example] + step) % classes;
    }
}

/// Takes one, if one is left.
fn take_one(left: &mut usize) -> bool {
    let some = *left > 0;
    *left -= usize::from(some);
    some
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(share: f64) -> Share {
        Share::new(share).unwrap()
    }

    #[test]
    fn a_share_is_from_0_to_1() {
        assert_eq!([-0.1, 1.1, f64::NAN, f64::INFINITY].map(Share::new), [None; 4]);
        assert_eq!(share(0.25).of(10), 3);
    }

    /// 10 of class 0, 5 of class 1, 1 of class 2.
    const UNEVEN: [u32; 16] = [0, 0, 1, 0, 0, 1, 0, 2, 0, 1, 0, 0, 1, 0, 0, 1];

    #[test]
    fn a_split_holds_out_the_share_of_every_class() {
        let (train, test) = split(&UNEVEN, 3, share(0.2), &mut stream(7, Purpose::Split));
        let found = |chosen: &[usize]| {
            let labels: Vec<u32> = chosen.iter().map(|&i| UNEVEN[i]).collect();
            [0, 1, 2].map(|class| labels.iter().filter(|&&label| label == class).count())
        };
        assert_eq!((found(&train), found(&test)), ([8, 4, 1], [2, 1, 0]));
        let (train, test) = split(&UNEVEN, 3, share(0.001), &mut stream(7, Purpose::Split));
        assert_eq!((found(&train), found(&test)), ([9, 4, 1], [1, 1, 0]));
        let (train, test) = split(&UNEVEN, 3, share(0.999), &mut stream(7, Purpose::Split));
        assert_eq!((found(&train), found(&test)), ([1, 1, 1], [9, 4, 0]));
        assert!(split(&UNEVEN, 3, Share::NONE, &mut stream(7, Purpose::Split)).1.is_empty());
    }

    /// 10 + 5 + 1 examples, 4 of them: 2.5, 1.25 and .25 of each class in the mean over seeds, never more than one beside.
    #[test]
    fn a_sample_has_every_class_in_its_share_over_the_seeds() {
        let (seeds, mut sums) = (4000, [0; 3]);
        for seed in 0..seeds {
            let chosen = sample(&UNEVEN, 3, 4, seed);
            assert_eq!(chosen.len(), 4);
            let counts = [0, 1, 2].map(|class| chosen.iter().filter(|&&at| UNEVEN[at] == class).count());
            assert!((2..=3).contains(&counts[0]) && (1..=2).contains(&counts[1]) && counts[2] <= 1, "{counts:?}");
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        for (sum, expected) in sums.into_iter().zip([2.5, 1.25, 0.25]) {
            // A count varies by at most one, so its mean by at most .5 / sqrt(4000) = .008.
            let mean = sum as f64 / seeds as f64;
            assert!((mean - expected).abs() < 0.04, "{mean} {expected}");
        }
    }

    #[test]
    fn the_seed_decides_and_classes_are_mixed() {
        let labels: Vec<u32> = (0..300).map(|i| i / 100).collect();
        let chosen = per_class(&labels, 3, 10, 1);
        assert_eq!(chosen, per_class(&labels, 3, 10, 1));
        assert_ne!(chosen, per_class(&labels, 3, 10, 2));
        let first: std::collections::BTreeSet<u32> = chosen[..10].iter().map(|&i| labels[i]).collect();
        assert!(first.len() > 1, "the first ten of thirty are all of one class");
        assert_ne!(
            split(&labels, 3, share(0.1), &mut stream(1, Purpose::Split)).1,
            split(&labels, 3, share(0.1), &mut stream(2, Purpose::Split)).1
        );
    }

    #[test]
    fn noise_replaces_its_share_by_each_other_class_equally_often() {
        let mut labels = vec![2_u32; 30_000];
        mislabel(&mut labels, 4, share(0.6), 3);
        let count = |class| labels.iter().filter(|&&label| label == class).count();
        assert_eq!(count(2), 12_000);
        // 6,000 each are expected, with a standard deviation of 63.
        for class in [0, 1, 3] {
            assert!(count(class).abs_diff(6000) < 260, "{class}: {}", count(class));
        }
        let mut only = vec![0; 5];
        mislabel(&mut only, 1, share(1.0), 3);
        assert_eq!(only, [0; 5]);
    }

    proptest! {
        #[test]
        fn a_split_is_a_partition_and_a_subset_keeps_the_count(
            labels in prop::collection::vec(0_u32..4, 0..60), part in 0.0..1.0_f64, count in 0_usize..8, seed: u64,
        ) {
            let (train, test) = split(&labels, 4, share(part), &mut stream(seed, Purpose::Validation));
            let mut all = [train, test].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
            let kept = per_class(&labels, 4, count, seed);
            for class in 0..4 {
                let of = |chosen: &mut dyn Iterator<Item = u32>| chosen.filter(|&label| label == class).count();
                prop_assert_eq!(of(&mut kept.iter().map(|&i| labels[i])), of(&mut labels.iter().copied()).min(count));
            }
        }
    }
}
