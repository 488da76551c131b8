//! The sections [defaults] and [[run]]: methods with their choices and knobs.

use super::{Fault, images::augmentation, train::BATCH};
use crate::{
    optimizer::{Categorical, Hyperparameter, Hyperparameters, Rule},
    problem::{ProblemConfig, data::Augmentation},
    run::{RunPlan, device::DeviceName, section::Section},
};

/// Longest name of a run.
const LONGEST_NAME: usize = 32;

/// One run, its images augmented as `usual` says where it does not. Its choices and knobs are its own where it has them, else the defaults', else the program's.
pub(super) fn run(
    mut section: Section,
    (defaults, problem): (&Section, &ProblemConfig),
    usual: Augmentation,
) -> Result<RunPlan, Fault> {
    let name = section.text("name")?.ok_or_else(|| section.fault("name", "missing: every run needs a name"))?;
    if name.trim().is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(section.fault("name", format!("expected 1 to {LONGEST_NAME} characters")));
    }
    section.rename(&format!("run.{name}"));
    let method = section.required_choice("method", &Rule::KEYS)?;
    if method == "label-smoothing" && !problem.has_labels() {
        let fault = format!("label-smoothing needs examples with labels, which {} has not", problem.kind());
        return Err(section.fault("method", fault));
    }
    let Some(mut read) = Hyperparameters::new(method) else {
        return Err(section.fault("method", format!("'{method}' is not built")));
    };
    // Choices decide which knobs there are, so they come first.
    for choice in Categorical::ALL {
        let own = section.choice(choice.key(), choice.words())?;
        let inherited = defaults.peek_choice(choice.key(), choice.words())?.filter(|_| read.chosen(choice).is_some());
        if let Some(word) = own.or(inherited) {
            read = read.choose(choice, word).map_err(|refused| section.fault(choice.key(), refused.to_string()))?;
        }
    }
    for knob in Hyperparameter::ALL {
        let own = section.number(knob.key())?;
        let inherited = defaults.peek_number(knob.key())?.filter(|_| read.get(knob).is_some());
        let origin = if own.is_some() { &section } else { defaults };
        if let Some(value) = own.or(inherited) {
            read = read.with(knob, value).map_err(|refused| origin.fault(knob.key(), refused.to_string()))?;
        }
    }
    if section.has("batch") && !problem.has_labels() {
        return Err(section.fault("batch", format!("{} has no examples to make batches of", problem.kind())));
    }
    let batch = section.count("batch", BATCH)?.and_then(|count| usize::try_from(count).ok());
    let device = section.text("device")?.map(|name| name.parse::<DeviceName>()).transpose();
    let device = device.map_err(|unknown| section.fault("device", unknown.to_string()))?;
    let augmentation = match problem {
        ProblemConfig::FineTune(_) => Some(augmentation(&mut section, usual)?),
        _ => None,
    };
    section.finish()?;
    Ok(RunPlan { name, hyperparameters: read, batch, augmentation, device })
}

/// Defaults must be knobs and choices, and within range even where no run uses them.
pub(super) fn check_defaults(mut defaults: Section) -> Result<(), Fault> {
    for knob in Hyperparameter::ALL {
        if let Some(value) = defaults.number(knob.key())? {
            knob.check(value).map_err(|error| defaults.fault(knob.key(), error.to_string()))?;
        }
    }
    for choice in Categorical::ALL {
        defaults.choice(choice.key(), choice.words())?;
    }
    defaults.finish()
}
