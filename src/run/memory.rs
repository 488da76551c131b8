//! How much memory a plan takes, estimated from the plan alone before anything is built, and whether the machine has it.
//!
//! With P parameters, bytes are
//!
//! ```text
//! data + 4 P k + sum over runs (2 MB + 4 P (12 + k) + 16 width n)
//! ```
//!
//! * `data`: what all runs share, by the kind of problem: see its `footprint`.
//! * 2 MB: thread, log and history of a run.
//! * 12: weights, gradients, state of the optimizer, noise, and their copies while a step or a checkpoint is made.
//! * k: vectors that a curvature measurement keeps, the most of what the plan asks for: `lanczos_products`, `density_steps`, or
//!   `trace_probes` of Hutch++ and XTrace. To add one they are copied, in one run at a time: once more.
//! * width n: numbers in the widest tensor of a network, for the n examples of a pass, of which a backward pass or a product keeps
//!   about four.
//!
//! Measured peaks are within a factor of two: see the tests. Of runs on a GPU only the 2 MB are counted, which is what they take here.

use super::{MeasurementKind, Plan, RunPlan, device::DeviceName};
use crate::{
    curvature::TraceEstimator,
    memory::{self, Shortage},
};

/// Bytes of a run without weights.
const RUN: u64 = 2_000_000;

/// Vectors of all parameters that a run has at once.
const VECTORS: u64 = 12;

/// Bytes of a number in single precision.
const NUMBER: u64 = 4;

/// Tensors of the widest kind that a backward pass or a Hessian-vector product keeps.
const TENSORS: u64 = 4;

/// A plan that the machine has no memory for.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "the plan takes about {} GB of memory and {} are free; most of it is {part}: lower {key}",
    memory::gigabytes(*.needed), memory::gigabytes(*.available)
)]
pub struct MemoryError {
    /// Bytes, estimated.
    pub needed: u64,
    /// Bytes.
    pub available: u64,
    /// What takes most.
    pub part: &'static str,
    /// The key to change.
    pub key: &'static str,
}

/// A part of an estimate.
#[derive(Debug, Clone, Copy)]
struct Part {
    bytes: u64,
    what: &'static str,
    key: &'static str,
}

/// The estimate, in bytes, for runs on these devices.
pub(super) fn estimate(plan: &Plan, devices: &[DeviceName]) -> u64 {
    parts(plan, devices).iter().fold(0, |sum, part| sum.saturating_add(part.bytes))
}

/// Compares the estimate with what the machine has.
///
/// # Errors
/// [`MemoryError`] says what to change.
pub(super) fn check(plan: &Plan, devices: &[DeviceName]) -> Result<(), MemoryError> {
    memory::check(estimate(plan, devices)).map_err(|Shortage { needed, available }| {
        let largest = parts(plan, devices).into_iter().max_by_key(|part| part.bytes);
        let (part, key) = largest.map_or(("the runs", "their number"), |largest| (largest.what, largest.key));
        MemoryError { needed, available, part, key }
    })
}

fn parts(plan: &Plan, devices: &[DeviceName]) -> [Part; 5] {
    let footprint = plan.problem.footprint();
    let runs = plan.runs.len() as u64;
    let here: Vec<&RunPlan> =
        plan.runs.iter().zip(devices).filter(|(_, device)| !device.is_gpu()).map(|(run, _)| run).collect();
    let vector = footprint.parameters.saturating_mul(NUMBER);
    let times = |bytes: u64, count: u64| bytes.saturating_mul(count);
    let (kept, kept_key) = kept_vectors(plan);
    let of_pass = |examples: u64| {
        let numbers = times(footprint.width, examples.min(footprint.examples));
        times(numbers, NUMBER * TENSORS)
    };
    let sample = if plan.train.probe_every.is_some() { plan.train.curvature.examples as u64 } else { 0 };
    let batch = |run: &RunPlan| run.batch.unwrap_or(plan.train.batch) as u64;
    let passes = here.iter().map(|run| of_pass(batch(run).max(sample.min(footprint.examples_per_pass))));
    [
        Part { bytes: footprint.data, what: "the data", key: footprint.data_key },
        Part { bytes: times(RUN, runs), what: "that there are so many runs", key: "their number" },
        Part {
            bytes: times(times(vector, VECTORS), here.len() as u64),
            what: "the weights of all runs",
            key: "the size of the problem, or the number of runs",
        },
        Part {
            bytes: times(times(vector, kept), here.len() as u64 + u64::from(!here.is_empty())),
            what: "curvature",
            key: kept_key,
        },
        Part {
            bytes: passes.fold(0, u64::saturating_add),
            what: "passes through the network",
            key: "train.batch, train.probe_examples or the number of runs",
        },
    ]
}

/// The vectors that a curvature measurement keeps at most, and what decides their number.
fn kept_vectors(plan: &Plan) -> (u64, &'static str) {
    if plan.train.probe_every.is_none() {
        return (0, "train.lanczos_products");
    }
    let curvature = &plan.train.curvature;
    let parameters = plan.problem.footprint().parameters;
    let probes = u64::from(curvature.trace_probes);
    let trace = match curvature.estimator {
        TraceEstimator::Hutchinson => 0,
        TraceEstimator::HutchPlusPlus | TraceEstimator::Xtrace => probes,
    };
    // A space has no more dimensions than there are parameters.
    let krylov = |products: u32| u64::from(products).min(parameters);
    let density =
        if curvature.measures(MeasurementKind::SpectralDensity) { krylov(curvature.settings.density.steps) } else { 0 };
    [
        (krylov(curvature.lanczos_products), "train.lanczos_products"),
        (trace, "train.trace_probes"),
        (density, "train.density_steps"),
    ]
    .into_iter()
    .max_by_key(|(kept, _)| *kept)
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Fact, ProblemConfig, preset, problem::QuadraticSettings};

    fn plan(problem: &str, train: &str, runs: usize) -> Plan {
        let runs: Vec<String> =
            (0..runs).map(|run| format!("[[run]]\nname = \"r{run}\"\nmethod = \"sgd\"\n")).collect();
        let runs = runs.concat();
        let text = format!("[problem]\n{problem}\n[train]\nsteps = 10\n{train}\n{runs}");
        preset::parse("x", &text, &[]).unwrap()
    }

    fn quadratic(size: usize) -> String {
        format!("kind = \"quadratic\"\nh = [{}]", vec!["1.0"; size].join(","))
    }

    fn bytes(plan: &Plan) -> u64 {
        estimate(plan, &vec![DeviceName::Flex; plan.runs.len()])
    }

    /// Peaks of whole processes, in MB, as the system counted them; 25 are the program's own.
    #[test]
    fn estimates_are_within_a_factor_of_two_of_measured_peaks() {
        // Not read from its text: another test of this process looks at the memory.
        let large = |train: &str| {
            let mut plan = plan(&quadratic(1), train, 1);
            let ones = || vec![1.0; 1_000_000];
            plan.problem = ProblemConfig::Quadratic(QuadraticSettings { h: ones(), b: ones(), start: ones() });
            plan
        };
        let density = "measure = [\"density\"]\ndensity_steps = 100\ndensity_probes = 1";
        let sensing = "kind = \"matrix-sensing\"\nd = 100\nr = 5\nn = 10000";
        for (plan, measured) in [
            (large("probe_every = \"never\""), 419),
            (large(""), 469),
            (large(density), 1_336),
            (plan(sensing, "lanczos_products = 5", 1), 430),
            (plan(sensing, "lanczos_products = 5", 3), 462),
            (plan("kind = \"mnist-mlp\"\nhidden = 20000", "probe_examples = 500\nlanczos_products = 5", 1), 1_065),
            (plan("kind = \"valley\"", "", 300), 776),
            (plan("kind = \"valley\"", "", 4_000), 6_972),
        ] {
            let estimated = bytes(&plan) / 1_000_000 + 25;
            assert!(estimated < 2 * measured && measured < 2 * estimated, "{estimated} MB for {measured} MB");
        }
    }

    #[test]
    fn what_no_machine_holds_is_refused_with_the_key_that_decides() {
        let flex = |plan: &Plan| vec![DeviceName::Flex; plan.runs.len()];
        let huge = plan(&quadratic(1_000), "measure = [\"density\"]\ndensity_steps = 1000\nlanczos_products = 1000", 1);
        assert_eq!(kept_vectors(&huge), (1_000, "train.density_steps"));
        assert_eq!(check(&huge, &flex(&huge)), Ok(()));
        let error = MemoryError {
            needed: 8_840_000_000,
            available: 4_000_000_000,
            part: "curvature",
            key: "train.density_steps",
        };
        assert_eq!(
            error.to_string(),
            "the plan takes about 8.9 GB of memory and 4 are free; most of it is curvature: lower train.density_steps"
        );
        // 65,536 hidden units have 52 million weights, which a thousand runs multiply.
        let many = plan("kind = \"mnist-mlp\"\nhidden = 65536", "", 1_000);
        assert!(bytes(&many) > 1_000 * 52_000_000 * 4 * 12);
        let gpus = vec![DeviceName::Wgpu(0); 1_000];
        assert!(estimate(&many, &gpus) < 3_000_000_000, "a GPU has a memory of its own");
    }

    #[test]
    fn every_preset_in_the_binary_fits_a_usual_machine() {
        for (name, text) in preset::embedded() {
            let plan = preset::parse(name, text, &["problem.data_dir=/tmp".to_owned()])
                .or_else(|_| preset::parse(name, text, &[]))
                .unwrap();
            // Those that are meant for a GPU may take more on the CPU.
            let most = if plan.problem.has(Fact::SlowOnFlex) { 32_000 } else { 4_000 };
            assert!(bytes(&plan) / 1_000_000 < most, "{name}: {} MB", bytes(&plan) / 1_000_000);
        }
    }
}
