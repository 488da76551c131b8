//! Plans -> TOML: a session's preset as it ran, with defaults and overrides applied.

use toml::{Table, Value};

use super::average;
use crate::run::{Budget, Fork, Plan, RunPlan, Setting, SettingValue, Train, problem::write_augmentation};

/// The plan as a preset that reads back as the same plan, defaults and overrides applied.
pub fn to_toml(plan: &Plan) -> String {
    let mut top = Table::new();
    for (key, text) in
        [("title", &plan.title), ("about", &plan.about), ("takes", &plan.takes), ("preset", &plan.preset)]
    {
        top.insert(key.into(), text.clone().into());
    }
    top.insert("problem".into(), plan.problem.to_table().into());
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

fn train_table(train: &Train) -> Table {
    let (budget, count) = match train.budget {
        Budget::Epochs(count) => ("epochs", count),
        Budget::Steps(count) => ("steps", count),
        Budget::Gradients(count) => ("gradients", count),
    };
    let never = || "never".to_owned();
    let plan = &train.curvature;
    let measure = plan.measure.iter().map(|kind| kind.info().key.into()).collect();
    let mut table = Table::from_iter([
        (budget.to_owned(), integer(count)),
        ("batch".to_owned(), integer(train.batch)),
        ("seed".to_owned(), integer(train.seed)),
        ("evaluate_every".to_owned(), train.evaluate_every.to_string().into()),
        ("probe_every".to_owned(), train.probe_every.map_or_else(never, |every| every.to_string()).into()),
        ("probe_examples".to_owned(), integer(plan.examples)),
        ("measure".to_owned(), Value::Array(measure)),
        ("trace_estimator".to_owned(), plan.estimator.key().into()),
        ("trace_probes".to_owned(), integer(plan.trace_probes)),
        ("lanczos_products".to_owned(), integer(plan.lanczos_products)),
    ]);
    for Setting { key, value } in plan.settings.clone().all() {
        let value = match value {
            SettingValue::Count { value, .. } => integer(*value),
            SettingValue::Number { value, .. } => Value::Float(*value),
            SettingValue::Numbers { value, .. } => list(value),
        };
        table.insert(key.to_owned(), value);
    }
    table.insert("record_every".to_owned(), integer(train.record_every));
    if let Some(policy) = train.non_finite {
        table.insert("non_finite".to_owned(), Into::<&str>::into(policy).into());
    }
    let checkpoint_every = train.checkpoint_every.map_or("never".to_owned(), |every| format!("{} s", every.as_secs()));
    table.insert("checkpoint_every".to_owned(), checkpoint_every.into());
    table
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
    if let Some(Fork { of, step }) = &run.fork {
        table.insert("fork_of".into(), of.clone().into());
        table.insert("fork_step".into(), integer(*step));
    }
    if let Some(augmentation) = run.augmentation {
        write_augmentation(augmentation, &mut table);
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
