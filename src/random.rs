//! Random streams: one generator for each (seed, purpose), so that no draw depends on what else is drawn.
//! Runs of one session that share a seed share initial weights, batches, noise draws and probe vectors.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// A stream of random bits, the same on every platform for the same (seed, purpose).
pub type Stream = Xoshiro256PlusPlus;

/// What a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Data that a problem makes up, such as random measurements.
    Data,
    /// Initial weights.
    Weights,
    /// The order of examples.
    Batches,
    /// Perturbations of the weights.
    Noise,
    /// Vectors that curvature is probed with.
    Probes,
    /// Which examples are held out for testing.
    Split,
    /// Which training examples are held out for validation.
    Validation,
    /// Which training examples curvature is measured on.
    Sample,
    /// Which examples a smaller training set keeps.
    Subset,
    /// Which labels are made wrong, and what they become.
    LabelNoise,
    /// Crops and flips of training images.
    Augmentation,
    /// A measurement that draws from a stream of its own, by its key.
    Measurement(&'static str),
}

/// FNV-1a, 64 bits: the same number for the same text on every platform.
const fn hash(text: &str) -> u64 {
    let (bytes, mut hash, mut at) = (text.as_bytes(), 0xcbf2_9ce4_8422_2325_u64, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

/// The stream of `seed` for `purpose`.
pub fn stream(seed: u64, purpose: Purpose) -> Stream {
    let salt: u64 = match purpose {
        Purpose::Data => 0x9e37_79b9_7f4a_7c15,
        Purpose::Weights => 0xbf58_476d_1ce4_e5b9,
        Purpose::Batches => 0x94d0_49bb_1331_11eb,
        Purpose::Noise => 0xd6e8_feb8_6659_fd93,
        Purpose::Probes => 0xa076_1d64_78bd_642f,
        Purpose::Split => 0xe703_7ed1_a0b4_28db,
        Purpose::Validation => 0xc2b2_ae3d_27d4_eb4f,
        Purpose::Sample => 0x1656_67b1_9e37_79f9,
        Purpose::Subset => 0x8ebc_6af0_9c88_c6e3,
        Purpose::LabelNoise => 0x5899_65cc_7537_4cc3,
        Purpose::Augmentation => 0x1d8e_4e27_c47d_124f,
        Purpose::Measurement(key) => hash(key),
    };
    // `seed_from_u64` scrambles its argument, so that neighbouring seeds give unrelated streams.
    Stream::seed_from_u64(seed.wrapping_mul(salt).rotate_left(32) ^ salt ^ seed)
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn seeds_and_purposes_all_give_streams_of_their_own() {
        let purposes = [
            Purpose::Data,
            Purpose::Weights,
            Purpose::Batches,
            Purpose::Noise,
            Purpose::Probes,
            Purpose::Split,
            Purpose::Validation,
            Purpose::Sample,
            Purpose::Subset,
            Purpose::LabelNoise,
            Purpose::Augmentation,
            Purpose::Measurement("sharpness"),
            Purpose::Measurement("gradient_noise"),
        ];
        let mut first: Vec<u64> =
            (0..50).flat_map(|seed| purposes.map(|purpose| stream(seed, purpose).next_u64())).collect();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), 650);
    }
}
