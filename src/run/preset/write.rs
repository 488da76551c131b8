//! Plans -> TOML: a session's preset as it ran, with defaults and overrides applied.

use toml::{Table, Value};

use super::{average, images};
use crate::{
    problem::ProblemConfig,
    run::{Budget, Plan, RunPlan, Train},
};

/// The plan as a preset that reads back as the same plan, defaults and overrides applied.
pub fn to_toml(plan: &Plan) -> String {
    let mut top = Table::new();
    for (key, text) in
        [("title", &plan.title), ("about", &plan.about), ("takes", &plan.takes), ("preset", &plan.preset)]
    {
        top.insert(key.into(), text.clone().into());
    }
    top.insert("problem".into(), problem_table(&plan.problem).into());
    top.insert("train".into(), train_table(&plan.train).into());
    if !plan.panels.is_empty() {
        let panels = plan.panels.iter().map(|panel| panel.key().into()).collect();
        top.insert("view".into(), Table::from_iter([("panels".to_owned(), Value::Array(panels))]).into());
    }
    let runs = plan.runs.iter().map(|run| Value::Table(run_as_table(run))).collect::<Vec<_>>();
    top.insert("run".into(), Value::Array(runs));
    // A table of strings, numbers and lists of numbers always serialises.
    toml::to_string(&top).unwrap_or_default()
}

fn integer(count: impl TryInto<i64>) -> Value {
    Value::Integer(count.try_into().unwrap_or(i64::MAX))
}

fn list(numbers: &[f64]) -> Value {
    Value::Array(numbers.iter().map(|&x| Value::Float(x)).collect())
}

fn problem_table(problem: &ProblemConfig) -> Table {
    let mut table = Table::new();
    table.insert("kind".into(), problem.kind().into());
    if let ProblemConfig::FineTune(config) = problem {
        images::write(config, &mut table);
    }
    let mut put = |key: &str, value| table.insert(key.into(), value);
    let digits = match problem {
        ProblemConfig::Quadratic { h, b, start } => {
            for (key, numbers) in [("h", h), ("b", b), ("start", start)] {
                put(key, list(numbers));
            }
            None
        }
        ProblemConfig::Valley { start } => {
            put("start", list(start));
            None
        }
        ProblemConfig::MatrixSensing { d, r, n } => {
            for (key, &count) in [("d", d), ("r", r), ("n", n)] {
                put(key, integer(count));
            }
            None
        }
        ProblemConfig::MnistSoftmax(digits) => Some(digits),
        ProblemConfig::MnistMlp { hidden, activation, digits } => {
            put("hidden", integer(*hidden));
            put("activation", activation.key().into());
            Some(digits)
        }
        ProblemConfig::FashionCnn { channels, digits } => {
            put("channels", integer(*channels));
            Some(digits)
        }
        ProblemConfig::FineTune(_) => None,
    };
    if let Some(count) = digits.and_then(|digits| digits.train_samples) {
        put("train_samples", integer(count));
    }
    if let Some(digits) = digits {
        put("validation_share", Value::Float(digits.validation_share.get()));
    }
    if let Some(folder) = digits.and_then(|digits| digits.data_dir.as_ref()) {
        put("data_dir", folder.to_string_lossy().into_owned().into());
    }
    table
}

fn train_table(train: &Train) -> Table {
    let (budget, count) = match train.budget {
        Budget::Epochs(count) => ("epochs", count),
        Budget::Steps(count) => ("steps", count),
        Budget::Gradients(count) => ("gradients", count),
    };
    let never = || "never".to_owned();
    let probe = &train.probe;
    Table::from_iter([
        (budget.to_owned(), integer(count)),
        ("batch".to_owned(), integer(train.batch)),
        ("seed".to_owned(), integer(train.seed)),
        ("evaluate_every".to_owned(), train.evaluate_every.to_string().into()),
        ("probe_every".to_owned(), train.probe_every.map_or_else(never, |every| every.to_string()).into()),
        ("probe_examples".to_owned(), integer(probe.examples)),
        ("measure".to_owned(), Value::Array(probe.extras.iter().map(|extra| extra.key().into()).collect())),
        ("trace_estimator".to_owned(), probe.estimator.key().into()),
        ("trace_probes".to_owned(), integer(probe.trace_probes)),
        ("lanczos_products".to_owned(), integer(probe.lanczos_products)),
        ("density_probes".to_owned(), integer(probe.density.probes)),
        ("density_steps".to_owned(), integer(probe.density.steps)),
        ("gap_sigmas".to_owned(), list(&probe.gap_sigmas)),
        ("gap_draws".to_owned(), integer(probe.gap_draws)),
        ("bound_examples".to_owned(), integer(probe.bound_examples)),
        ("record_every".to_owned(), integer(train.record_every)),
    ])
}

fn run_as_table(run: &RunPlan) -> Table {
    let mut table = Table::new();
    table.insert("name".into(), run.name.clone().into());
    table.insert("method".into(), run.hyperparameters.rule.key().into());
    if let Some(batch) = run.batch {
        table.insert("batch".into(), integer(batch));
    }
    if let Some(device) = run.device {
        table.insert("device".into(), device.to_string().into());
    }
    if let Some(augmentation) = run.augmentation {
        images::write_augmentation(augmentation, &mut table);
    }
    if let Some(averaging) = run.average {
        average::write(averaging, &mut table);
    }
    for (choice, word) in run.hyperparameters.choices() {
        table.insert(choice.key().into(), word.into());
    }
    for hyperparameter in run.hyperparameters.numbers() {
        let value = run.hyperparameters.get(hyperparameter).unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, reason = "a count is a small number")]
        let value = if hyperparameter.is_whole() { Value::Integer(value as i64) } else { Value::Float(value) };
        table.insert(hyperparameter.key().into(), value);
    }
    table
}
