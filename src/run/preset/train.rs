//! The section [train]: how long, how often measured, and what a curvature measurement consists of.

use std::{ops::RangeInclusive, time::Duration};

use strum::{VariantArray, VariantNames};

use super::Fault;
use crate::{
    curvature::TraceEstimator,
    run::{
        Cadence, CurvaturePlan, MeasurementKind, NonFinitePolicy, ProblemConfig, Setting, SettingValue, Train,
        event::BudgetUnit, section::Section,
    },
    text::escaped,
};

/// The keys that say how long; a preset has one of them.
pub(super) fn budget_keys() -> impl Iterator<Item = &'static str> {
    BudgetUnit::VARIANTS.iter().map(Into::into)
}

/// Examples that a minibatch may have.
pub(super) const BATCH: RangeInclusive<u64> = 1..=10_000_000;

/// The time between two checkpoints.
pub(super) const CHECKPOINT_EVERY: Duration = Duration::from_secs(30);

/// Largest count that a preset may ask for; keeps products of counts well inside of 64 bits.
const LARGEST_COUNT: u64 = 1_000_000_000_000;

pub(super) fn train(mut section: Section, problem: &ProblemConfig) -> Result<Train, Fault> {
    let mut budgets = Vec::new();
    for unit in BudgetUnit::VARIANTS {
        if let Some(count) = section.count(unit.into(), 1..=LARGEST_COUNT)? {
            budgets.push(unit.of(count));
        }
    }
    let &[budget] = budgets.as_slice() else {
        let fault = if budgets.is_empty() { "missing: how long to train" } else { "given twice" };
        return Err(section.fault("epochs", format!("{fault}; set one of epochs, steps or gradients")));
    };
    let batch = section.count("batch", BATCH)?.unwrap_or(128);
    let seed = section.count("seed", 0..=u64::MAX >> 1)?.unwrap_or(1);
    let evaluate_every = section.text_like("evaluate_every", "20 steps")?;
    let evaluate_every = match evaluate_every {
        Some(text) => cadence(&text).map_err(|fault| section.fault("evaluate_every", fault))?,
        None => Cadence::Epochs(1),
    };
    let probe_every = match section.text_like("probe_every", "200 gradients")?.as_deref() {
        None => Some(Cadence::Epochs(5)),
        Some("never") => None,
        Some(text) => Some(cadence(text).map_err(|fault| section.fault("probe_every", fault))?),
    };
    let curvature = curvature(&mut section, problem)?;
    let record_every = section.count("record_every", 1..=LARGEST_COUNT)?.unwrap_or(1);
    let checkpoint_every = match section.text_like("checkpoint_every", "30 s")?.as_deref() {
        None => Some(CHECKPOINT_EVERY),
        Some("never") => None,
        Some(text) => Some(duration(text).map_err(|fault| section.fault("checkpoint_every", fault))?),
    };
    let non_finite = section.choice("non_finite", NonFinitePolicy::VARIANTS)?.and_then(|word| word.parse().ok());
    section.finish()?;
    let batch = usize::try_from(batch).unwrap_or(usize::MAX);
    Ok(Train {
        budget,
        batch,
        seed,
        evaluate_every,
        probe_every,
        curvature,
        record_every,
        checkpoint_every,
        non_finite,
    })
}

fn curvature(section: &mut Section, problem: &ProblemConfig) -> Result<CurvaturePlan, Fault> {
    let usual = CurvaturePlan::default();
    let mut settings = usual.settings;
    let keys: Vec<&'static str> = MeasurementKind::VARIANTS.iter().map(|kind| kind.info().key).collect();
    let asked = section.choices("measure", &keys)?.unwrap_or_default();
    let measure: Vec<MeasurementKind> =
        MeasurementKind::VARIANTS.iter().copied().filter(|kind| asked.contains(&kind.info().key)).collect();
    for kind in &measure {
        if let Some(what) = settings.lacks(*kind, problem) {
            let fault = format!("{} needs {what}, which {} has not", kind.info().key, problem.kind());
            return Err(section.fault("measure", fault));
        }
    }
    let estimators: Vec<&'static str> = TraceEstimator::VARIANTS.iter().map(Into::into).collect();
    let estimator = section.choice("trace_estimator", &estimators)?;
    let estimator = estimator.and_then(|key| key.parse().ok()).unwrap_or_default();
    for setting in settings.all() {
        read(section, setting)?;
    }
    // Hutch++ keeps a third of its products as vectors, XTrace solves small dense problems for every second one.
    let products = match estimator {
        TraceEstimator::Hutchinson => 1..=100_000,
        TraceEstimator::HutchPlusPlus => 6..=1_000,
        TraceEstimator::Xtrace => 6..=300,
    };
    let mut plan = CurvaturePlan { estimator, measure, settings, ..usual };
    read(section, count("trace_probes", &mut plan.trace_probes, products))?;
    read(section, count("lanczos_products", &mut plan.lanczos_products, 3..=1_000))?;
    let examples = section.count("probe_examples", 1..=10_000_000)?.and_then(|count| usize::try_from(count).ok());
    Ok(CurvaturePlan { examples: examples.unwrap_or(plan.examples), ..plan })
}

fn count<'a>(key: &'static str, value: &'a mut u32, range: RangeInclusive<u32>) -> Setting<'a> {
    Setting { key, value: SettingValue::Count { value, range } }
}

/// Reads a setting where the section has it.
fn read(section: &mut Section, Setting { key, value }: Setting<'_>) -> Result<(), Fault> {
    match value {
        SettingValue::Count { value, range } => {
            let found = section.count(key, u64::from(*range.start())..=u64::from(*range.end()))?;
            *value = found.and_then(|count| u32::try_from(count).ok()).unwrap_or(*value);
        }
        SettingValue::Number { value, check } => {
            *value = section.number(key)?.unwrap_or(*value);
            check(*value).map_err(|fault| section.fault(key, fault))?;
        }
        SettingValue::Numbers { value, check } => {
            if let Some(found) = section.numbers(key)? {
                *value = found;
            }
            check(value).map_err(|fault| section.fault(key, fault))?;
        }
    }
    Ok(())
}

/// "30 s".
fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').map(str::trim_end).and_then(|count| count.parse::<u32>().ok());
    seconds.filter(|seconds| *seconds > 0).map(|seconds| Duration::from_secs(seconds.into())).ok_or_else(|| {
        format!("'{}' is not a time; expected a number of seconds, such as \"30 s\", or \"never\"", escaped(text))
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
