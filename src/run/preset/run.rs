//! The sections [defaults] and [[run]]: methods with their hyperparameters.

use super::{Fault, average, train::BATCH};
use crate::{
    data::Augmentation,
    optimizer::{Categorical, Hyperparameter, HyperparameterError, Hyperparameters, OutOfRange, Rule},
    run::{Fact, Fork, ProblemConfig, RunPlan, device::DeviceName, problem::read_augmentation, section::Section},
};

/// Longest name of a run, in characters.
pub(in crate::run) const LONGEST_NAME: usize = 32;

/// One run, its images augmented as `usual` says where it does not. Its hyperparameters are its own where it has them, else the
/// defaults', else the program's.
pub(super) fn run(
    mut section: Section,
    defaults: &Section,
    problem: &ProblemConfig,
    usual: Option<Augmentation>,
) -> Result<RunPlan, Fault> {
    let name = section.text("name")?.ok_or_else(|| section.fault("name", "missing: every run needs a name"))?;
    if name.trim().is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(section.fault("name", format!("expected 1 to {LONGEST_NAME} characters")));
    }
    section.rename(&format!("run.{name}"));
    rename_older_keys(&mut section)?;
    let method = section.required_choice("method", &Rule::KEYS)?;
    let Some(mut read) = Hyperparameters::new(method) else {
        return Err(section.fault("method", format!("'{method}' is not built")));
    };
    if read.get(Hyperparameter::Smoothing).is_some() && !problem.has_labels() {
        let fault = format!("{method} needs examples with labels, which {} has not", problem.kind());
        return Err(section.fault("method", fault));
    }
    // Words decide which numbers there are, so they come first.
    for categorical in Categorical::all() {
        let own = section.choice(categorical.key(), categorical.words())?;
        let inherited = defaults
            .peek_choice(categorical.key(), categorical.words())?
            .filter(|_| read.chosen(categorical).is_some());
        if let Some(word) = own.or(inherited) {
            let fault = |error: HyperparameterError| section.fault(categorical.key(), error.to_string());
            read = read.choose(categorical, word).map_err(fault)?;
        }
    }
    for hyperparameter in Hyperparameter::all() {
        let own = section.number(hyperparameter.key())?;
        let inherited = defaults.peek_number(hyperparameter.key())?.filter(|_| read.get(hyperparameter).is_some());
        let origin = if own.is_some() { &section } else { defaults };
        if let Some(value) = own.or(inherited) {
            let fault = |error: HyperparameterError| origin.fault(hyperparameter.key(), error.to_string());
            read = read.with(hyperparameter, value).map_err(fault)?;
        }
    }
    if section.has("batch") && !problem.has(Fact::Examples) {
        return Err(section.fault("batch", format!("{} has no examples to make batches of", problem.kind())));
    }
    let batch = section.count("batch", BATCH)?.and_then(|count| usize::try_from(count).ok());
    let device = section.text("device")?.map(|name| name.parse::<DeviceName>()).transpose();
    let device = device.map_err(|unknown| section.fault("device", unknown.to_string()))?;
    let augmentation = usual.map(|usual| read_augmentation(&mut section, usual)).transpose()?;
    let average = average::averaging(&mut section, defaults)?;
    let fork = match (section.text("fork_of")?, section.count("fork_step", 0..=i64::MAX as u64)?) {
        (None, None) => None,
        (Some(of), Some(step)) => Some(Fork { of, step }),
        (Some(_), None) => return Err(section.fault("fork_step", "missing: after how many steps does it branch off?")),
        (None, Some(_)) => return Err(section.fault("fork_of", "missing: of which run is it a fork?")),
    };
    section.finish()?;
    Ok(RunPlan { name, hyperparameters: read, batch, augmentation, device, average, fork })
}

/// Defaults must be hyperparameters or settings of the average, and within range even where no run uses them.
pub(super) fn check_defaults(mut defaults: Section) -> Result<(), Fault> {
    for hyperparameter in Hyperparameter::all() {
        if let Some(value) = defaults.number(hyperparameter.key())? {
            let fault = |error: OutOfRange| defaults.fault(hyperparameter.key(), error.to_string());
            hyperparameter.check(value).map_err(fault)?;
        }
    }
    for categorical in Categorical::all() {
        defaults.choice(categorical.key(), categorical.words())?;
    }
    average::check_defaults(&mut defaults)?;
    defaults.finish()
}

/// Gives hyperparameters under the names that they had before version 0.2 their present ones.
pub(super) fn rename_older_keys(section: &mut Section) -> Result<(), Fault> {
    let numbers = Hyperparameter::all().map(|hyperparameter| (hyperparameter.log_key(), hyperparameter.key()));
    let words = Categorical::all().map(|categorical| (categorical.log_key(), categorical.key()));
    numbers.chain(words).filter(|(old, new)| old != new).try_for_each(|(old, new)| section.rename_key(old, new))
}
