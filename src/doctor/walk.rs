//! Paths that must be the same to the last bit: of SGD and of the methods that become SGD, of one seed twice.

use std::{num::NonZeroUsize, panic, thread};

use burn::tensor::Device;

use super::{
    check::{Bar, Check},
    specimen::{EXAMPLES, Specimen},
};
use crate::{
    autodiff::{Vector, values, vector_like},
    figure::text::thousands,
    optimizer::{
        BaseOptimizer, Hyperparameters, Method, OptimizerState, Rule, Sgd, StepContext, StepInput, TrainingProgress,
    },
    problem::{Examples, Problem},
    run::{Budget, Cadence, Command, CurvaturePlan, Event, Inbox, Job, RunPlan, Train, device, train},
};

/// Steps of a walk.
const STEPS: u64 = 20;

/// The numbers of a walk, step after step.
#[derive(Debug, Clone, PartialEq)]
pub struct Path(pub Vec<Vec<f64>>);

impl Path {
    /// Whether it is of finite numbers and goes anywhere.
    fn moves(&self) -> bool {
        self.0.len() > 1 && self.0.first() != self.0.last() && self.0.iter().flatten().all(|x| x.is_finite())
    }

    /// Numbers in it.
    fn numbers(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// Numbers of the two that differ in some bit, and the first step that has one.
    fn differences(&self, other: &Self) -> (usize, Option<usize>) {
        let differ = |(a, b): (&Vec<f64>, &Vec<f64>)| {
            let unequal = a.iter().zip(b).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
            unequal + a.len().abs_diff(b.len())
        };
        let steps: Vec<usize> = self.0.iter().zip(&other.0).map(differ).collect();
        let missing = self.0.len().abs_diff(other.0.len());
        (steps.iter().sum::<usize>() + missing, steps.iter().position(|&count| count > 0).map(|index| index + 1))
    }
}

/// Whether two walks are one. The first must go somewhere: standing still, everything is equal.
pub fn same(name: impl Into<String>, expected: &Path, path: &Path) -> Check {
    if !expected.moves() {
        return Check::figure(name, "the path to compare with stands still", f64::NAN, Bar::Zero);
    }
    let (count, at) = expected.differences(path);
    let all = expected.numbers();
    let seen = match (count, at) {
        (0, _) => format!("all {} numbers the same", thousands(all as u64)),
        (_, Some(step)) => format!("{count} of {all} differ, from step {step}"),
        (_, None) => "another number of steps".to_owned(),
    };
    Check::figure(name, seen, count as f64, Bar::Zero)
}

/// Whether a seed gives one walk, and another seed another.
pub fn repeats(name: impl Into<String>, [first, again, other]: [&Path; 3]) -> Check {
    let check = same(name, first, again);
    if first == other {
        return Check { seen: "another seed changes nothing".to_owned(), ..check }.failed();
    }
    check
}

impl Check {
    /// The same with a figure that holds no bar.
    fn failed(self) -> Self {
        Self::figure(self.name, self.seen, f64::NAN, Bar::Zero)
    }
}

/// Every method that becomes SGD against SGD: without noise, or without a radius, or with all weight on the clean gradient.
pub fn identities(device: &Device) -> Vec<Check> {
    let sgd = walk(device, Method::Sgd(Sgd));
    Method::as_sgd().map(|(name, method)| same(name, &sgd, &walk(device, method))).collect()
}

/// Full-batch training of the specimen, with momentum and weight decay, in single precision.
fn walk(device: &Device, method: Method) -> Path {
    let specimen = Specimen::new();
    let problem = specimen.problem(device);
    let f = problem.objective(Examples::First(EXAMPLES));
    let start = vector_like(&specimen.w, &Vector::zeros([1], device));
    let base = BaseOptimizer { weight_decay: 1e-3, ..BaseOptimizer::sgd(0.9) };
    let hyperparameters = Hyperparameters { lr: 0.1, ..Hyperparameters::of(Rule::Follow { method, base }) };
    let (mut w, mut state, mut noise) = (start.clone(), OptimizerState::default(), device::noise(1, device));
    let mut context = StepContext {
        layout: Problem::layout(&problem),
        initial_weights: &start,
        examples: NonZeroUsize::new(EXAMPLES),
        noise: &mut noise,
    };
    let steps = (0..STEPS).map(|_| {
        let before =
            StepInput { w: w.clone(), state: std::mem::take(&mut state), progress: TrainingProgress::UNSCHEDULED };
        let after = hyperparameters.step(f.as_ref(), before, &mut context);
        (w, state) = (after.w, after.state);
        values(&w)
    });
    Path(steps.collect())
}

struct NoCommands;

impl Inbox for NoCommands {
    fn poll(&mut self, _step: u64) -> Option<Command> {
        None
    }

    fn wait(&mut self) -> Command {
        Command::Stop
    }
}

/// Every method trained twice with one seed, at the same time on two threads, and once with another seed.
pub fn determinism(device: &Device, seed: u64) -> Vec<Check> {
    let of_method = |key: &'static str| {
        let hyperparameters = Hyperparameters::new(key)?;
        let of_seed = |seed| trained(device, hyperparameters, seed);
        let [first, again, other] = thread::scope(|scope| {
            let twin = scope.spawn(|| of_seed(seed));
            let [first, other] = [of_seed(seed), of_seed(seed.wrapping_add(1))];
            let again = twin.join().unwrap_or_else(|payload| panic::resume_unwind(payload));
            [first, again, other]
        });
        Some(repeats(key, [&first, &again, &other]))
    };
    Rule::KEYS.into_iter().filter_map(of_method).collect()
}

/// The step losses of a run of the specimen in minibatches, then its last weights.
fn trained(device: &Device, hyperparameters: Hyperparameters, seed: u64) -> Path {
    let problem = Specimen::new().problem(device);
    let plan = Train {
        budget: Budget::Steps(STEPS),
        batch: 16,
        seed,
        evaluate_every: Cadence::Steps(STEPS),
        probe_every: None,
        curvature: CurvaturePlan::default(),
        record_every: 1,
        checkpoint_every: None,
        non_finite: None,
    };
    let run = RunPlan {
        name: "doctor".to_owned(),
        hyperparameters,
        batch: None,
        augmentation: None,
        device: None,
        average: None,
        fork: None,
    };
    let mut numbers = Vec::new();
    let job = Job { run: &run, train: &plan, problem: &problem, checkpoint: None, interruption: None };
    let ending = train(job, &mut NoCommands, &mut |event| {
        if let Event::Step { loss, .. } = event {
            numbers.push(vec![loss]);
        }
        Ok(())
    });
    if let Ok(finished) = ending {
        numbers.push(values(&finished.weights));
    }
    Path(numbers)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::{
        doctor::check::Verdict,
        optimizer::{Noise, Nso, Sam},
    };

    fn path() -> Path {
        Path(vec![vec![1.0, 2.0], vec![1.5, 2.5], vec![1.75, 2.75]])
    }

    #[test]
    fn a_path_that_differs_in_one_bit_fails_and_says_where() {
        let mut other = path();
        assert_eq!(same("path", &path(), &other).verdict(), Verdict::Pass);
        other.0[1][0] = f64::from_bits(other.0[1][0].to_bits() + 1);
        let check = same("path", &path(), &other);
        assert_eq!((check.verdict(), check.seen.as_str()), (Verdict::Fail, "1 of 6 differ, from step 2"));
    }

    #[test]
    fn a_path_that_stands_still_ends_early_or_blows_up_fails() {
        let still = Path(vec![vec![1.0]; 3]);
        let blown = Path(vec![vec![1.0], vec![f64::NAN]]);
        let short = Path(path().0[..2].to_vec());
        assert_eq!(same("still", &still, &still).verdict(), Verdict::Fail);
        assert_eq!(same("blown", &blown, &blown).verdict(), Verdict::Fail);
        assert_eq!(same("short", &path(), &short).verdict(), Verdict::Fail);
    }

    #[test]
    fn a_method_with_a_radius_or_noise_leaves_the_path_of_sgd() {
        let device = Device::flex();
        let sgd = walk(&device, Method::Sgd(Sgd));
        for method in [
            Method::Sam(Sam { rho: 1e-3 }),
            Method::Nso(Nso { noise: Noise::gaussian(1e-3), k: NonZeroU32::MIN, mix: 0.0 }),
        ] {
            assert_eq!(same("method", &sgd, &walk(&device, method)).verdict(), Verdict::Fail, "{method:?}");
        }
    }

    #[test]
    fn a_seed_that_changes_nothing_fails_and_so_does_one_that_gives_two_walks() {
        let other = Path(vec![vec![3.0, 2.0], vec![1.5, 2.5]]);
        assert_eq!(repeats("seed", [&path(), &path(), &other]).verdict(), Verdict::Pass);
        assert_eq!(repeats("seed", [&path(), &path(), &path()]).verdict(), Verdict::Fail);
        assert_eq!(repeats("seed", [&path(), &other, &other]).verdict(), Verdict::Fail);
    }

    #[test]
    fn training_gives_every_loss_and_the_weights() {
        let hyperparameters = Hyperparameters::new("nso").unwrap();
        let Path(numbers) = trained(&Device::flex(), hyperparameters, 1);
        assert_eq!(numbers.len(), 21);
        assert_eq!(numbers[20].len(), 238);
    }
}
