//! What changes along training by plan rather than by hand: the learning rate, the scale of the noise.
//! A schedule is a pure function of where in its training a step is taken.

use serde::{Deserialize, Serialize};
use strum::{EnumDiscriminants, EnumString, IntoStaticStr, VariantArray, VariantNames};

/// Where in its training a step is taken, counted in what the budget counts. Under a budget of gradient evaluations these are
/// evaluations, so that at equal cost every method sees the same schedule, whatever its steps cost; else they are steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingProgress {
    /// Spent before this step.
    pub spent: u64,
    /// What this step spends, at least 1.
    pub cost: u64,
    /// Length of an epoch, at least 1: the steps of one pass over the data, or as many gradient evaluations. Under a budget of
    /// gradient evaluations an epoch of a schedule is thus one of SGD's.
    pub epoch: u64,
    /// Length of the whole training.
    pub budget: u64,
}

impl TrainingProgress {
    /// The first step of a training of one step, where every schedule is at its plain value.
    pub const UNSCHEDULED: Self = Self { spent: 0, cost: 1, epoch: 1, budget: 1 };

    /// Epochs behind, whole ones.
    fn epochs_done(self) -> f64 {
        (self.spent / self.epoch.max(1)) as f64
    }

    /// Epochs behind, with their fraction.
    fn epochs(self) -> f64 {
        self.spent as f64 / self.epoch.max(1) as f64
    }

    /// Epochs of the whole training, the last one counted as whole.
    fn all_epochs(self) -> f64 {
        self.budget.div_ceil(self.epoch.max(1)) as f64
    }
}

/// How the scale of the noise changes over the epochs e = 1, ..., E (remark 3.1 of the paper).
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum NoiseSchedule {
    /// sigma throughout.
    #[default]
    Constant,
    /// sigma (e - 1) / (E - 1).
    Linear,
    /// From 1e-5 to sigma, evenly in its logarithm.
    Exponential,
}

/// Where an exponential schedule begins.
const FAINTEST: f64 = 1e-5;

impl NoiseSchedule {
    /// Every schedule.
    pub fn all() -> impl Iterator<Item = Self> {
        <Self as VariantArray>::VARIANTS.iter().copied()
    }

    /// The name in presets and events.
    pub fn key(self) -> &'static str {
        self.into()
    }

    /// The scale of the noise of a step. A training of a single epoch has it at `sigma`.
    pub fn sigma(self, sigma: f64, progress: TrainingProgress) -> f64 {
        let (done, last) = (progress.epochs_done(), progress.all_epochs() - 1.0);
        let share = if last > 0.0 { (done / last).min(1.0) } else { 1.0 };
        match self {
            Self::Constant => sigma,
            Self::Linear => sigma * share,
            Self::Exponential if sigma == 0.0 => 0.0,
            Self::Exponential => FAINTEST.powf(1.0 - share) * sigma.powf(share),
        }
    }
}

/// How the learning rate moves from step to step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LrSchedule {
    /// Epochs over which it rises linearly from zero: a step has the rate of its own end, so that the first is not lost.
    pub warmup: f64,
    /// What it does then.
    pub shape: LrShape,
}

/// What the learning rate does after its warm-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, EnumDiscriminants, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
#[strum_discriminants(name(LrShapeKind), derive(EnumString, VariantNames), strum(serialize_all = "lowercase"))]
#[strum_discriminants(doc = "The shapes by name.")]
pub enum LrShape {
    /// It stays.
    #[default]
    Constant,
    /// It is multiplied by gamma every so many epochs, counted from the start of training (`StepLR` of PyTorch).
    Step {
        /// Epochs between two decays (`step_size` of PyTorch's StepLR).
        every: f64,
        /// Factor of a decay.
        gamma: f64,
    },
    /// 1/2 (1 + cos pi t), t the share of the training after the warm-up that is behind.
    Cosine,
    /// 1 - t.
    Linear,
}

impl LrSchedule {
    /// No warm-up, no change.
    pub const CONSTANT: Self = Self { warmup: 0.0, shape: LrShape::Constant };

    /// What the learning rate is multiplied by at a step: 0 to 1.
    pub fn factor(self, progress: TrainingProgress) -> f64 {
        let warm = self.warmup * progress.epoch as f64;
        let spent = progress.spent as f64;
        let rise = if spent < warm { ((spent + progress.cost as f64) / warm).min(1.0) } else { 1.0 };
        let left = progress.budget as f64 - warm;
        let t = if left > 0.0 { ((spent - warm) / left).clamp(0.0, 1.0) } else { 0.0 };
        rise * match self.shape {
            LrShape::Constant => 1.0,
            // A hair above the quotient: ten times an epoch of 0.1 is one epoch.
            LrShape::Step { every, gamma } => gamma.powf((progress.epochs() / every + 1e-9).floor()),
            LrShape::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * t).cos()),
            LrShape::Linear => 1.0 - t,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step: u64) -> TrainingProgress {
        TrainingProgress { spent: step, cost: 1, epoch: 10, budget: 50 }
    }

    /// sigma = .02 over five epochs: 0, .005, .01, .015, .02, each for a whole epoch.
    #[test]
    fn linear_noise_grows_by_epochs() {
        for (step, expected) in [(0, 0.0), (9, 0.0), (10, 0.005), (29, 0.01), (30, 0.015), (49, 0.02)] {
            assert!((NoiseSchedule::Linear.sigma(0.02, at(step)) - expected).abs() < 1e-15, "{step}");
        }
    }

    /// From 1e-5 to .1 are four decades: one an epoch.
    #[test]
    fn exponential_noise_grows_by_equal_factors() {
        for (epoch, expected) in [(0, 1e-5), (1, 1e-4), (2, 1e-3), (3, 1e-2), (4, 1e-1)] {
            let sigma = NoiseSchedule::Exponential.sigma(0.1, at(10 * epoch));
            assert!((sigma / expected - 1.0).abs() < 1e-12, "{epoch}: {sigma}");
        }
        assert_eq!(NoiseSchedule::Exponential.sigma(0.0, at(20)), 0.0);
    }

    #[test]
    fn a_training_of_one_epoch_has_the_full_noise() {
        for schedule in NoiseSchedule::all() {
            assert_eq!(schedule.sigma(0.3, TrainingProgress::UNSCHEDULED), 0.3, "{schedule:?}");
        }
    }

    #[test]
    fn the_learning_rate_follows_its_shape() {
        let shaped = |shape, step| LrSchedule { warmup: 0.0, shape }.factor(at(step));
        assert_eq!(shaped(LrShape::Constant, 30), 1.0);
        let drops = LrShape::Step { every: 2.0, gamma: 0.5 };
        assert_eq!([0, 19, 20, 39, 40].map(|step| shaped(drops, step)), [1.0, 1.0, 0.5, 0.5, 0.25]);
        assert_eq!([0, 25, 50].map(|step| shaped(LrShape::Linear, step)), [1.0, 0.5, 0.0]);
        for (step, expected) in [(0, 1.0), (25, 0.5), (50, 0.0)] {
            assert!((shaped(LrShape::Cosine, step) - expected).abs() < 1e-15);
        }
    }

    /// One epoch of ten steps: a tenth at the first, all at the tenth; the rest of the shape takes what is left.
    #[test]
    fn warm_up_rises_in_equal_increments() {
        let warm = LrSchedule { warmup: 1.0, shape: LrShape::Linear };
        for (step, expected) in [(0, 0.1), (4, 0.5), (9, 1.0), (10, 1.0), (30, 0.5), (50, 0.0)] {
            assert!((warm.factor(at(step)) - expected).abs() < 1e-15, "{step}: {}", warm.factor(at(step)));
        }
    }

    /// Steps that cost two, four and ten evaluations have a rate that steps of one evaluation have somewhere in the same stretch.
    #[test]
    fn a_schedule_is_a_function_of_what_is_spent() {
        let shapes = [LrShape::Constant, LrShape::Step { every: 1.5, gamma: 0.5 }, LrShape::Cosine, LrShape::Linear];
        for (shape, warmup) in shapes.into_iter().flat_map(|shape| [0.0, 0.7].map(|warmup| (shape, warmup))) {
            let rate = |spent, cost| {
                LrSchedule { warmup, shape }.factor(TrainingProgress { spent, cost, epoch: 10, budget: 50 })
            };
            for (spent, cost) in [2, 4, 10].into_iter().flat_map(|cost| (0..50 / cost).map(move |i| (i * cost, cost))) {
                let cheap: Vec<f64> = (spent..spent + cost).map(|at| rate(at, 1)).collect();
                let (low, high) =
                    (cheap.iter().copied().fold(1.0, f64::min), cheap.iter().copied().fold(0.0, f64::max));
                assert!((low..=high).contains(&rate(spent, cost)), "{shape:?} {warmup} {spent} {cost}: {cheap:?}");
            }
        }
    }

    #[test]
    fn keys_are_the_names_that_serde_writes() {
        for schedule in NoiseSchedule::all() {
            assert_eq!(serde_json::to_value(schedule).unwrap(), schedule.key());
        }
    }
}
