//! Presets: TOML -> checked plan, and back. Every key is checked, every fault names the file and the key.

mod write;

use std::path::Path;

use toml::{Table, Value};

use super::{
    Budget, Cadence, Plan, ProbePlan, RunPlan, Train,
    section::{Section, printable},
};
use crate::{
    optimizer::{Hyperparameters, Knob, Method, NoiseLaw, Sgd},
    problem::{Digits, ProblemConfig},
};

pub use write::to_toml;

/// The presets in the binary, in the order in which they are offered.
const EMBEDDED: [(&str, &str); 6] = [
    ("valley", include_str!("../../presets/valley.toml")),
    ("quadratic", include_str!("../../presets/quadratic.toml")),
    ("matrix-sensing-small", include_str!("../../presets/matrix-sensing-small.toml")),
    ("matrix-sensing", include_str!("../../presets/matrix-sensing.toml")),
    ("mnist-softmax", include_str!("../../presets/mnist-softmax.toml")),
    ("mnist-mlp", include_str!("../../presets/mnist-mlp.toml")),
];

/// Longest name of a run.
const LONGEST_NAME: usize = 32;

/// Largest count that a preset may ask for; keeps products of counts well inside of 64 bits.
const LARGEST_COUNT: u64 = 1_000_000_000_000;

/// Most measurements' bytes that matrix sensing may take.
const MOST_BYTES: u64 = 8 << 30;

/// What is wrong with a preset.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PresetError {
    /// No preset of that name, no file at that path.
    #[error(
        "no preset or file '{name}'{hint}; `nso-tui presets list` shows the presets, a path must lead to a TOML file"
    )]
    Unknown {
        /// As asked.
        name: String,
        /// ", did you mean ...?", or nothing.
        hint: String,
    },
    /// The file cannot be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// Not TOML.
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
    Override {
        /// As given.
        assignment: String,
        /// What is wrong.
        fault: String,
    },
}

/// A fault at a key, before the file is known.
#[derive(Debug)]
pub(super) struct Fault {
    pub key: String,
    pub fault: String,
}

impl Fault {
    pub fn new(key: impl Into<String>, fault: impl Into<String>) -> Self {
        Self { key: key.into(), fault: fault.into() }
    }
}

/// The presets in the binary: name and text.
pub fn embedded() -> impl Iterator<Item = (&'static str, &'static str)> {
    EMBEDDED.into_iter()
}

/// The text of a preset by its name, or of the file at a path.
///
/// # Errors
/// [`PresetError::Unknown`] or [`PresetError::Unreadable`].
pub fn find(name: &str) -> Result<String, PresetError> {
    if let Some((_, text)) = EMBEDDED.iter().find(|(known, _)| *known == name) {
        return Ok((*text).to_owned());
    }
    let path = Path::new(name);
    if !path.is_file() {
        let hint = suggestion(name, EMBEDDED.iter().map(|(known, _)| *known));
        return Err(PresetError::Unknown { name: name.escape_debug().to_string(), hint });
    }
    std::fs::read_to_string(path)
        .map_err(|error| PresetError::Unreadable { path: name.to_owned(), reason: error.to_string() })
}

/// ", did you mean 'x'?" for the closest of `known`, if one is close.
pub(super) fn suggestion<'a>(asked: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let closest =
        known.into_iter().map(|name| (strsim::jaro_winkler(asked, name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    match closest {
        Some((likeness, name)) if likeness > 0.75 => format!(", did you mean '{name}'?"),
        _ => String::new(),
    }
}

/// Reads a preset. `name` is its name or path; `overrides` are the KEY=VALUE of `--set`, applied in order.
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
    plan(name, table).map_err(|Fault { key, fault }| PresetError::Key { file: name.to_owned(), key, fault })
}

/// Puts a value where a dotted path says. `run.NAME.key` addresses the run of that name, dots in the name included.
fn set(table: &mut Table, assignment: &str) -> Result<(), String> {
    let (path, text) = assignment.split_once('=').ok_or("expected KEY=VALUE, for example train.seed=2")?;
    let value = format!("v = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut parsed| parsed.remove("v"))
        .unwrap_or_else(|| Value::String(text.to_owned()));
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
    if path.starts_with("train.") && BUDGETS.contains(&key) {
        for other in BUDGETS {
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

const BUDGETS: [&str; 3] = ["epochs", "steps", "gradients"];

fn plan(name: &str, table: Table) -> Result<Plan, Fault> {
    let mut top = Section::new("", table);
    let title = top.text("title")?.unwrap_or_else(|| stem(name));
    let about = top.prose("about")?.unwrap_or_default();
    let takes = top.text("takes")?.unwrap_or_default();
    let preset = top.text("preset")?.unwrap_or_else(|| stem(name));
    let problem = problem(top.required_section("problem")?)?;
    let train = train(top.required_section("train")?)?;
    let defaults = top.section("defaults")?;
    let runs = top.sections("run")?;
    top.finish()?;
    if runs.is_empty() {
        return Err(Fault::new("run", "there is nothing to run; add a [[run]] with name and method"));
    }
    let runs = runs.into_iter().map(|run| self::run(run, &defaults)).collect::<Result<Vec<_>, _>>()?;
    check_defaults(defaults)?;
    for (index, run) in runs.iter().enumerate() {
        if runs[..index].iter().any(|other| other.name == run.name) {
            return Err(Fault::new(format!("run.{}.name", run.name), "two runs have this name; names must differ"));
        }
    }
    Ok(Plan { preset, title, about, takes, problem, train, runs })
}

/// The file name without folder and ending, or the name itself; free of what terminals act on.
fn stem(name: &str) -> String {
    let stem = Path::new(name).file_stem().map_or_else(|| name.into(), |stem| stem.to_string_lossy());
    stem.chars().filter(|&c| printable(c)).collect()
}

fn problem(mut section: Section) -> Result<ProblemConfig, Fault> {
    const KINDS: [&str; 5] = ["quadratic", "valley", "matrix-sensing", "mnist-softmax", "mnist-mlp"];
    let kind = section.required_choice("kind", &KINDS)?;
    let problem = match kind {
        "quadratic" => {
            let h = section.numbers("h")?.ok_or_else(|| section.fault("h", "missing: the list of curvatures"))?;
            let b = section.numbers("b")?.unwrap_or_else(|| vec![0.0; h.len()]);
            let start = section.numbers("start")?.unwrap_or_else(|| vec![1.0; h.len()]);
            if h.is_empty() || h.len() > 1_000_000 {
                return Err(section.fault("h", "expected 1 to 1,000,000 curvatures"));
            }
            for (key, list) in [("b", &b), ("start", &start)] {
                if list.len() != h.len() {
                    return Err(section.fault(key, format!("has {} numbers where h has {}", list.len(), h.len())));
                }
            }
            ProblemConfig::Quadratic { h, b, start }
        }
        "valley" => match section.numbers("start")?.unwrap_or_else(|| vec![1.0, 2.0])[..] {
            [x, y] => ProblemConfig::Valley { start: [x, y] },
            _ => return Err(section.fault("start", "expected two numbers, [x, y]")),
        },
        "matrix-sensing" => {
            let [d, r, n] = [
                section.count("d", 1..=2_000)?.unwrap_or(100),
                section.count("r", 1..=2_000)?.unwrap_or(5),
                section.count("n", 1..=10_000_000)?.unwrap_or(2_500),
            ];
            if r > d {
                return Err(section.fault("r", format!("a rank of {r} does not fit dimension d = {d}")));
            }
            let bytes = 4 * n * d * (d + 1);
            if bytes > MOST_BYTES {
                return Err(section
                    .fault("n", format!("{n} measurements of dimension {d} take {} GiB; at most 8", bytes >> 30)));
            }
            let [d, r, n] = [d, r, n].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
            ProblemConfig::MatrixSensing { d, r, n }
        }
        "mnist-softmax" => ProblemConfig::MnistSoftmax(digits(&mut section)?),
        _ => {
            let hidden = section.count("hidden", 1..=65_536)?.unwrap_or(128);
            let hidden = usize::try_from(hidden).unwrap_or(usize::MAX);
            ProblemConfig::MnistMlp { hidden, digits: digits(&mut section)? }
        }
    };
    section.finish()?;
    Ok(problem)
}

fn digits(section: &mut Section) -> Result<Digits, Fault> {
    let data_dir = section.text("data_dir")?.map(Into::into);
    let train_samples = section.count("train_samples", 1..=60_000)?;
    Ok(Digits { train_samples: train_samples.and_then(|count| usize::try_from(count).ok()), data_dir })
}

fn train(mut section: Section) -> Result<Train, Fault> {
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
    let batch = section.count("batch", 1..=10_000_000)?.unwrap_or(128);
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
    let probe = ProbePlan {
        examples: usize::try_from(section.count("probe_examples", 1..=10_000_000)?.unwrap_or(4_000))
            .unwrap_or(usize::MAX),
        trace_probes: u32::try_from(section.count("trace_probes", 1..=100_000)?.unwrap_or(10)).unwrap_or(u32::MAX),
        lanczos_products: u32::try_from(section.count("lanczos_products", 2..=1_000)?.unwrap_or(30))
            .unwrap_or(u32::MAX),
    };
    let record_every = section.count("record_every", 1..=LARGEST_COUNT)?.unwrap_or(1);
    section.finish()?;
    let batch = usize::try_from(batch).unwrap_or(usize::MAX);
    Ok(Train { budget, batch, seed, evaluate_every, probe_every, probe, record_every })
}

/// "1 epoch", "50 steps", "100 gradients".
fn cadence(text: &str) -> Result<Cadence, String> {
    let expected = || {
        format!(
            "'{text}' is not a rhythm; expected a number and a unit, such as \"1 epoch\", \"50 steps\" or \"100 gradients\""
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

const METHODS: [&str; 4] = ["sgd", "wp-sgd", "nso", "sam"];

/// One run. Its knobs are its own where it has them, else the defaults', else the program's.
fn run(mut section: Section, defaults: &Section) -> Result<RunPlan, Fault> {
    let name = section.text("name")?.ok_or_else(|| section.fault("name", "missing: every run needs a name"))?;
    if name.trim().is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(section.fault("name", format!("expected 1 to {LONGEST_NAME} characters")));
    }
    section.rename(&format!("run.{name}"));
    let method = section.required_choice("method", &METHODS)?;
    let law = |section: &mut Section| -> Result<NoiseLaw, Fault> {
        let laws = NoiseLaw::ALL.map(NoiseLaw::key);
        let own = section.choice("law", &laws)?;
        let key = own.or(defaults.peek_choice("law", &laws)?);
        Ok(NoiseLaw::ALL.into_iter().find(|law| Some(law.key()) == key).unwrap_or_default())
    };
    let (sigma, k, one) = (0.01, std::num::NonZeroU32::MIN, Sgd { lr: 0.01, momentum: 0.0, weight_decay: 0.0 });
    let method = match method {
        "sgd" => Method::Sgd,
        "wp-sgd" => Method::WpSgd { sigma, k, law: law(&mut section)? },
        "nso" => Method::Nso { sigma, k, law: law(&mut section)?, mix: 0.0 },
        _ => Method::Sam { rho: 0.05 },
    };
    let mut hyperparameters = Hyperparameters { method, update: one };
    for knob in Knob::ALL {
        let own = section.number(knob.key())?;
        let inherited = defaults.peek_number(knob.key())?.filter(|_| hyperparameters.get(knob).is_some());
        let origin = if own.is_some() { &section } else { defaults };
        if let Some(value) = own.or(inherited) {
            hyperparameters =
                hyperparameters.with(knob, value).map_err(|refused| origin.fault(knob.key(), refused.to_string()))?;
        }
    }
    section.finish()?;
    Ok(RunPlan { name, hyperparameters })
}

/// Defaults must be knobs, and within range even where no run uses them.
fn check_defaults(mut defaults: Section) -> Result<(), Fault> {
    for knob in Knob::ALL {
        if let Some(value) = defaults.number(knob.key())? {
            knob.check(value).map_err(|error| defaults.fault(knob.key(), error.to_string()))?;
        }
    }
    defaults.choice("law", &NoiseLaw::ALL.map(NoiseLaw::key))?;
    defaults.finish()
}
