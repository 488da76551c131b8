//! Presets: TOML -> checked plan, and back. Every key is checked, every fault names the file and the key.

mod average;
mod run;
mod train;
mod write;

use std::{io, path::Path};

use toml::{Table, Value};

use self::{run::check_defaults, train::budget_keys};
use super::{
    Budget, Fact, PanelKind, Plan, RunPlan,
    problem::ProblemSection,
    section::{Fault, Section},
};
use crate::{
    file,
    optimizer::Hyperparameter,
    text::{escaped, printable, suggestion},
};

pub(super) use run::LONGEST_NAME;
pub use write::to_toml;

/// The presets in the binary, in the order in which they are offered.
const EMBEDDED: &[(&str, &str)] = &[
    ("valley", include_str!("../../presets/valley.toml")),
    ("quadratic", include_str!("../../presets/quadratic.toml")),
    ("matrix-sensing-small", include_str!("../../presets/matrix-sensing-small.toml")),
    ("matrix-sensing", include_str!("../../presets/matrix-sensing.toml")),
    ("mnist-softmax", include_str!("../../presets/mnist-softmax.toml")),
    ("mnist-mlp", include_str!("../../presets/mnist-mlp.toml")),
    ("tuned-mnist", include_str!("../../presets/tuned-mnist.toml")),
    ("fashion-cnn", include_str!("../../presets/fashion-cnn.toml")),
    ("clipart-mobilenet", include_str!("../../presets/clipart-mobilenet.toml")),
    ("clipart-augment", include_str!("../../presets/clipart-augment.toml")),
    ("clipart-distance", include_str!("../../presets/clipart-distance.toml")),
    ("resnet34-folder", include_str!("../../presets/resnet34-folder.toml")),
    ("methods", include_str!("../../presets/methods.toml")),
    ("one-sided", include_str!("../../presets/one-sided.toml")),
    ("perturbation-gap", include_str!("../../presets/perturbation-gap.toml")),
    ("sharpness", include_str!("../../presets/sharpness.toml")),
    ("noise-laws", include_str!("../../presets/noise-laws.toml")),
    ("k-sweep", include_str!("../../presets/k-sweep.toml")),
    ("rho-sweep", include_str!("../../presets/rho-sweep.toml")),
    ("sharpness-variants", include_str!("../../presets/sharpness-variants.toml")),
    ("lr-epochs", include_str!("../../presets/lr-epochs.toml")),
    ("batch-size", include_str!("../../presets/batch-size.toml")),
    ("noise-schedule", include_str!("../../presets/noise-schedule.toml")),
    ("no-momentum", include_str!("../../presets/no-momentum.toml")),
];

/// Bytes that a preset may have, as it is read and as a session keeps it.
pub(super) const LARGEST: u64 = 1 << 26;

/// A preset of fewer bytes is below [`LARGEST`] whatever its session's becomes: a run of 20 bytes is written in less than a thousand.
const SURELY_SMALL: usize = 1 << 20;

/// What is wrong with a preset.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PresetError {
    /// No preset of that name, no file at that path.
    #[error(
        "no preset or file '{name}'{hint}; `nso-tui presets list` shows the presets, a path must lead to a TOML file"
    )]
    Unknown {
        name: String,
        /// ", did you mean ...?", or nothing.
        hint: String,
    },
    /// The file cannot be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        path: String,
        /// What the system said.
        reason: String,
    },
    #[error("{file} is not valid TOML: {fault}")]
    Syntax {
        /// The file or preset.
        file: String,
        /// What the parser said, with line and column.
        fault: String,
    },
    /// A key is missing, unknown or has a value that does not fit.
    #[error("{file}: {key}: {fault}")]
    Key {
        /// The file or preset.
        file: String,
        /// The dotted path of the key.
        key: String,
        /// What is wrong and what would fit.
        fault: String,
    },
    /// A `--set` that cannot be applied.
    #[error("--set {assignment}: {fault}")]
    Override { assignment: String, fault: String },
}

/// The presets in the binary: name and text.
pub fn embedded() -> impl Iterator<Item = (&'static str, &'static str)> {
    EMBEDDED.iter().copied()
}

/// The text of a preset by its name, or of the file at a path.
///
/// # Errors
/// [`PresetError::Unknown`] or [`PresetError::Unreadable`].
pub fn find(name: &str) -> Result<String, PresetError> {
    if let Some((_, text)) = EMBEDDED.iter().find(|(known, _)| *known == name) {
        return Ok((*text).to_owned());
    }
    let unreadable = |reason: String| PresetError::Unreadable { path: escaped(name).into_owned(), reason };
    match file::read(Path::new(name), LARGEST) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let hint = suggestion(name, EMBEDDED.iter().map(|(known, _)| *known));
            Err(PresetError::Unknown { name: escaped(name).into_owned(), hint })
        }
        Err(error) => Err(unreadable(error.to_string())),
    }
}

/// Reads a preset. `name` is its name or path; `overrides` are the KEY=VALUE of `--set`, applied in order.
///
/// ```
/// use nso_tui::{optimizer::Hyperparameter, run::{Budget, preset}};
///
/// let text = r#"
///     title = "SAM's limit cycle"
///     [problem]
///     kind = "quadratic"
///     h = [1.0]
///     start = [1.0]
///     [train]
///     steps = 100
///     [[run]]
///     name = "SAM"
///     method = "sam"
/// "#;
/// let plan = preset::parse("bowl.toml", text, &["run.SAM.rho=0.25".to_owned()])?;
/// assert_eq!(plan.train.budget, Budget::Steps(100));
/// assert_eq!(plan.runs[0].hyperparameters.get(Hyperparameter::Rho), Some(0.25));
/// # Ok::<(), preset::PresetError>(())
/// ```
///
/// # Errors
/// [`PresetError`] names the key at fault.
pub fn parse(name: &str, text: &str, overrides: &[String]) -> Result<Plan, PresetError> {
    // Editors on Windows end lines with a carriage return, which TOML keeps inside of long strings.
    let mut table: Table = text.replace("\r\n", "\n").parse().map_err(|fault: toml::de::Error| {
        PresetError::Syntax { file: name.to_owned(), fault: fault.to_string().trim_end().to_owned() }
    })?;
    for assignment in overrides {
        set(&mut table, assignment).map_err(|fault| PresetError::Override { assignment: assignment.clone(), fault })?;
    }
    let plan =
        plan(name, table).map_err(|Fault { key, fault }| PresetError::Key { file: name.to_owned(), key, fault })?;
    if text.len() > SURELY_SMALL {
        check_size(&plan).map_err(|fault| PresetError::Key { file: name.to_owned(), key: "run".to_owned(), fault })?;
    }
    Ok(plan)
}

/// Checks a plan as one that is read from a file.
///
/// # Errors
/// [`PresetError`] names the key at fault.
pub fn check(plan: &Plan) -> Result<(), PresetError> {
    parse(&plan.preset, &to_toml(plan), &[]).map(|_| ())
}

/// Refuses a plan whose session could not be read: there every run has all its settings, and a number may have 300 digits.
fn check_size(plan: &Plan) -> Result<(), String> {
    let bytes = to_toml(plan).len() as u64;
    if bytes <= LARGEST {
        return Ok(());
    }
    let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
    Err(format!(
        "written out with all its settings the preset has {} MB, and a session keeps at most {}; give fewer runs or numbers",
        megabytes(bytes),
        megabytes(LARGEST)
    ))
}

/// Puts a value where a dotted path says. `run.NAME.key` addresses the run of that name, dots in the name included.
fn set(table: &mut Table, assignment: &str) -> Result<(), String> {
    let (path, text) = assignment.split_once('=').ok_or("expected KEY=VALUE, for example train.seed=2")?;
    let value = format!("v = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut parsed| parsed.remove("v"))
        // `.06` and `6.` are numbers to everybody but TOML.
        .or_else(|| text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float))
        .unwrap_or_else(|| Value::String(text.to_owned()));
    if !path.contains('.') && Hyperparameter::from_key(path).is_some() {
        return Err(format!("did you mean defaults.{path}, for every run, or run.NAME.{path}?"));
    }
    let (place, key) = match path.strip_prefix("run.").map(|rest| rest.rsplit_once('.')) {
        Some(None) => return Err("expected run.NAME.KEY=VALUE".to_owned()),
        Some(Some((run, key))) => (run_table(table, run)?, key),
        None => {
            let (folders, key) = path.rsplit_once('.').map_or((None, path), |(folders, key)| (Some(folders), key));
            let mut place = table;
            for folder in folders.into_iter().flat_map(|folders| folders.split('.')) {
                let inner = place.entry(folder).or_insert_with(|| Value::Table(Table::new()));
                place = inner.as_table_mut().ok_or_else(|| format!("{folder} is not a table"))?;
            }
            (place, key)
        }
    };
    // A new length of training replaces the one that the preset has.
    if path.starts_with("train.") && budget_keys().any(|budget| budget == key) {
        for other in budget_keys() {
            place.remove(other);
        }
    }
    place.insert(key.to_owned(), value);
    Ok(())
}

fn run_table<'a>(table: &'a mut Table, name: &str) -> Result<&'a mut Table, String> {
    let runs = table.get_mut("run").and_then(Value::as_array_mut).ok_or("the preset has no runs")?;
    let names: Vec<String> = runs.iter().filter_map(|run| run.get("name")?.as_str().map(str::to_owned)).collect();
    let found = runs
        .iter_mut()
        .filter_map(Value::as_table_mut)
        .find(|run| run.get("name").and_then(Value::as_str) == Some(name));
    found.ok_or_else(|| format!("no run '{name}'; the runs are {}", names.join(", ")))
}

fn plan(name: &str, table: Table) -> Result<Plan, Fault> {
    let mut top = Section::new("", table);
    let title = top.text("title")?.unwrap_or_else(|| stem(name));
    let about = top.prose("about")?.unwrap_or_default();
    let takes = top.text("takes")?.unwrap_or_default();
    let preset = top.text("preset")?.unwrap_or_else(|| stem(name));
    let ProblemSection { mut problem, augmentation } = ProblemSection::read(top.required_section("problem")?)?;
    let train = train::train(top.required_section("train")?, &problem)?;
    let panels = panels(top.section("view")?)?;
    let mut defaults = top.section("defaults")?;
    run::rename_older_keys(&mut defaults)?;
    let runs = top.sections("run")?;
    top.finish()?;
    if runs.is_empty() {
        return Err(Fault::new("run", "there is nothing to run; add a [[run]] with name and method"));
    }
    let runs =
        runs.into_iter().map(|run| run::run(run, &defaults, &problem, augmentation)).collect::<Result<Vec<_>, _>>()?;
    check_defaults(defaults)?;
    for (index, run) in runs.iter().enumerate() {
        if runs[..index].iter().any(|other| other.name == run.name) {
            return Err(Fault::new(format!("run.{}.name", run.name), "two runs have this name; names must differ"));
        }
    }
    check_forks(&runs)?;
    if runs.iter().any(|run| run.augmentation.is_some_and(|of_run| !of_run.is_none())) {
        problem.keep_for_augmentation();
    }
    if let Budget::Gradients(budget) = train.budget
        && let Some(run) = runs.iter().find(|run| run.hyperparameters.rule.cost() > budget)
    {
        let (name, cost) = (&run.name, run.hyperparameters.rule.cost());
        return Err(Fault::new("train.gradients", format!("{budget} are fewer than the {cost} of one step of {name}")));
    }
    // Of one image on a network's last map of one pixel there is no variance.
    if problem.has(Fact::BatchStatistics) && runs.iter().any(|run| run.batch.unwrap_or(train.batch) == 1) {
        return Err(Fault::new(
            "train.batch",
            "batch normalisation has no variance of one image: give two or more, or problem.batch_norm = \"stored\"",
        ));
    }
    Ok(Plan { preset, title, about, takes, problem, train, panels, runs })
}

/// A fork continues a run of the same method that stands before it.
fn check_forks(runs: &[RunPlan]) -> Result<(), Fault> {
    for (index, run) in runs.iter().enumerate() {
        let Some(fork) = &run.fork else { continue };
        let key = || format!("run.{}.fork_of", run.name);
        let Some(parent) = runs[..index].iter().find(|other| other.name == fork.of) else {
            return Err(Fault::new(key(), format!("there is no run '{}' before this one", fork.of)));
        };
        let [of_parent, own] = [parent, run].map(|run| run.hyperparameters.rule.key());
        if of_parent != own {
            return Err(Fault::new(key(), format!("{own} cannot go on from {of_parent}: a fork keeps its method")));
        }
    }
    Ok(())
}

/// The file name without folder and ending, or the name itself; free of what terminals act on.
fn stem(name: &str) -> String {
    let stem = Path::new(name).file_stem().map_or_else(|| name.into(), |stem| stem.to_string_lossy());
    printable(&stem).into_owned()
}

/// The panels of the dashboard's grid.
fn panels(mut section: Section) -> Result<Vec<PanelKind>, Fault> {
    let panels = section.named("panels", &PanelKind::keys(), PanelKind::from_key)?.unwrap_or_default();
    if !matches!(panels.len(), 0 | 4 | 6) {
        return Err(section.fault("panels", format!("has {} panels; the grid shows four or six", panels.len())));
    }
    section.finish()?;
    Ok(panels)
}
