//! The section [train]: how long, how often measured, and how curvature is measured.

use std::ops::RangeInclusive;

use super::Fault;
use crate::{
    curvature::{DensityEffort, TraceEstimator},
    optimizer::Hyperparameter,
    problem::ProblemConfig,
    run::{Budget, Cadence, Extra, ProbePlan, Train, section::Section},
    text::escaped,
};

/// The keys that say how long; a preset has one of them.
pub(super) const BUDGETS: [&str; 3] = ["epochs", "steps", "gradients"];

/// Examples that a minibatch may have.
pub(super) const BATCH: RangeInclusive<u64> = 1..=10_000_000;

/// Largest count that a preset may ask for; keeps products of counts well inside of 64 bits.
const LARGEST_COUNT: u64 = 1_000_000_000_000;

pub(super) fn train(mut section: Section, problem: &ProblemConfig) -> Result<Train, Fault> {
    let mut budgets = Vec::new();
    for key in BUDGETS {
        if let Some(count) = section.count(key, 1..=LARGEST_COUNT)? {
            budgets.push(match key {
                "epochs" => Budget::Epochs(count),
                "steps" => Budget::Steps(count),
                _ => Budget::Gradients(count),
            });
        }
    }
    let &[budget] = budgets.as_slice() else {
        let fault = if budgets.is_empty() { "missing: how long to train" } else { "given twice" };
        return Err(section.fault("epochs", format!("{fault}; set one of epochs, steps or gradients")));
    };
    let batch = section.count("batch", BATCH)?.unwrap_or(128);
    let seed = section.count("seed", 0..=u64::MAX >> 1)?.unwrap_or(1);
    let evaluate_every = section.text("evaluate_every")?;
    let evaluate_every = match evaluate_every {
        Some(text) => cadence(&text).map_err(|fault| section.fault("evaluate_every", fault))?,
        None => Cadence::Epochs(1),
    };
    let probe_every = match section.text("probe_every")?.as_deref() {
        None => Some(Cadence::Epochs(5)),
        Some("never") => None,
        Some(text) => Some(cadence(text).map_err(|fault| section.fault("probe_every", fault))?),
    };
    let probe = probe(&mut section, problem)?;
    let record_every = section.count("record_every", 1..=LARGEST_COUNT)?.unwrap_or(1);
    section.finish()?;
    let batch = usize::try_from(batch).unwrap_or(usize::MAX);
    Ok(Train { budget, batch, seed, evaluate_every, probe_every, probe, record_every })
}

fn probe(section: &mut Section, problem: &ProblemConfig) -> Result<ProbePlan, Fault> {
    let usual = ProbePlan::default();
    let measure = section.choices("measure", &Extra::ALL.map(Extra::key))?.unwrap_or_default();
    for (extra, has, what) in [
        (Extra::Bound, problem.has_labels(), "examples"),
        (Extra::Layers, problem.has_layers(), "several tensors"),
        (Extra::Layerwise, problem.has_layers() || problem.has_labels(), "weight tensors"),
    ] {
        if measure.contains(&extra.key()) && !has {
            let fault = format!("{} needs {what}, which {} has not", extra.key(), problem.kind());
            return Err(section.fault("measure", fault));
        }
    }
    let estimator = section.choice("trace_estimator", &TraceEstimator::ALL.map(TraceEstimator::key))?;
    let estimator = TraceEstimator::ALL.into_iter().find(|one| Some(one.key()) == estimator).unwrap_or_default();
    let gap_sigmas = section.numbers("gap_sigmas")?.unwrap_or(usual.gap_sigmas);
    if gap_sigmas.is_empty() || gap_sigmas.len() > 100 {
        return Err(section.fault("gap_sigmas", "expected 1 to 100 scales of the noise"));
    }
    for &sigma in &gap_sigmas {
        Hyperparameter::Sigma.check(sigma).map_err(|error| section.fault("gap_sigmas", error.to_string()))?;
        if sigma == 0.0 {
            return Err(section.fault("gap_sigmas", "a sigma of 0 has no gap"));
        }
    }
    let mut count = |key, range, usual| -> Result<u32, Fault> {
        Ok(section.count(key, range)?.and_then(|count| u32::try_from(count).ok()).unwrap_or(usual))
    };
    // Hutch++ keeps a third of its products as vectors, XTrace solves small dense problems for every second one.
    let products = match estimator {
        TraceEstimator::Hutchinson => 1..=100_000,
        TraceEstimator::HutchPlusPlus => 6..=1_000,
        TraceEstimator::Xtrace => 6..=300,
    };
    let trace_probes = count("trace_probes", products, usual.trace_probes)?;
    let lanczos_products = count("lanczos_products", 3..=1_000, usual.lanczos_products)?;
    let density = DensityEffort {
        probes: count("density_probes", 1..=1_000, usual.density.probes)?,
        steps: count("density_steps", 2..=1_000, usual.density.steps)?,
    };
    let gap_draws = count("gap_draws", 2..=1_000_000, usual.gap_draws)?;
    let mut examples = |key, usual| -> Result<usize, Fault> {
        Ok(section.count(key, 1..=10_000_000)?.and_then(|count| usize::try_from(count).ok()).unwrap_or(usual))
    };
    Ok(ProbePlan {
        examples: examples("probe_examples", usual.examples)?,
        bound_examples: examples("bound_examples", usual.bound_examples)?,
        estimator,
        extras: Extra::ALL.into_iter().filter(|extra| measure.contains(&extra.key())).collect(),
        trace_probes,
        lanczos_products,
        density,
        gap_sigmas,
        gap_draws,
    })
}

/// "1 epoch", "50 steps", "100 gradients".
pub(super) fn cadence(text: &str) -> Result<Cadence, String> {
    let expected = || {
        format!(
            "'{}' is not an interval; expected a number and a unit, such as \"1 epoch\", \"50 steps\" or \"100 gradients\"",
            escaped(text)
        )
    };
    let (count, unit) = text.split_once(' ').ok_or_else(expected)?;
    let count = count.parse().ok().filter(|count| (1..=LARGEST_COUNT).contains(count)).ok_or_else(expected)?;
    match unit.trim().trim_end_matches('s') {
        "epoch" => Ok(Cadence::Epochs(count)),
        "step" => Ok(Cadence::Steps(count)),
        "gradient" => Ok(Cadence::Gradients(count)),
        _ => Err(expected()),
    }
}
