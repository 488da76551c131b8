//! What a session found, on standard output: a table, or one JSON object.

use std::{fmt::Write as _, path::Path};

use nso_tui::{
    figure::{Best, History, Quantity},
    run::Plan,
    text::{is_printable, printable},
};
use serde_json::{Value, json};

const RESULTS: [Quantity; 11] = [
    Quantity::TrainLoss,
    Quantity::ValidationLoss,
    Quantity::TestLoss,
    Quantity::Gap,
    Quantity::ValidationAccuracy,
    Quantity::TestAccuracy,
    Quantity::TrainError,
    Quantity::ValidationError,
    Quantity::Distance,
    Quantity::Trace,
    Quantity::LambdaMax,
];

/// The results for people: a line a run, and what there is to say of each.
pub(super) fn table(plan: &Plan, histories: &[History], directory: Option<&Path>) -> String {
    let shown: Vec<Quantity> = RESULTS
        .into_iter()
        .filter(|&quantity| histories.iter().any(|history| history.last(quantity).is_some()))
        .collect();
    let header = ["run", "state", "steps", "gradients"].map(str::to_owned).into_iter();
    let mut rows = vec![header.chain(shown.iter().map(|quantity| quantity.title().to_owned())).collect::<Vec<_>>()];
    for (run, history) in plan.runs.iter().zip(histories) {
        let at = history.now();
        let cell = |quantity: &Quantity| match history.last(*quantity) {
            // What goes with an eigenvalue is a residual, no standard error.
            Some(point) if *quantity == Quantity::Trace && point.error.is_finite() => {
                quantity.format_with_error(point.value, point.error)
            }
            Some(point) => quantity.format(point.value),
            None => "-".to_owned(),
        };
        let first =
            [run.name.clone(), history.state().word().to_owned(), at.step.to_string(), at.gradients.to_string()];
        rows.push(first.into_iter().chain(shown.iter().map(cell)).collect());
    }
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < 2 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    // Writing to a String cannot fail.
    for (run, history) in plan.runs.iter().zip(histories) {
        if let Some(reason) = history.end_reason() {
            let _ = writeln!(text, "{}: {reason}", run.name);
        }
        if history.non_finite_losses() > 0 {
            let _ = writeln!(text, "{}: the loss of {} steps was not finite", run.name, history.non_finite_losses());
        }
        if let Some(Best { at, metrics }) = history.best() {
            let value = |quantity: Quantity, value: Option<f64>| {
                value.map(|value| format!(", {} {}", quantity.title(), quantity.format(value))).unwrap_or_default()
            };
            let _ = writeln!(
                text,
                "{}, best by validation at step {}{}{}{}",
                run.name,
                at.step,
                value(Quantity::ValidationLoss, metrics.validation_loss),
                value(Quantity::TestLoss, metrics.test_loss),
                value(Quantity::TestAccuracy, metrics.test_accuracy),
            );
        }
    }
    for (run, history) in plan.runs.iter().zip(histories) {
        if let Some((kind, iterates)) = history.average().newest() {
            let values = RESULTS.iter().filter_map(|&quantity| {
                let newest = history.average().series(quantity).last()?;
                Some(format!(", {} {}", quantity.title(), quantity.format(newest.value)))
            });
            let values: String = values.collect();
            let _ = writeln!(text, "{}, {} of {iterates} iterates{values}", run.name, kind.key());
        }
    }
    if let Some(directory) = directory {
        let _ = writeln!(text, "session: {}", directory.display());
    }
    // Names and paths are the user's, and reasons quote what files hold.
    let lines: Vec<_> = text.lines().map(printable).collect();
    lines.join("\n") + "\n"
}

/// The results as one JSON object. What a terminal could act on is written as escapes, which mean the same.
pub(super) fn json(plan: &Plan, histories: &[History], directory: Option<&Path>) -> String {
    let directory = directory.map(|path| path.display().to_string()).unwrap_or_default();
    let mut text = String::new();
    for letter in format!("{:#}\n", summary(plan, histories, &directory)).chars() {
        if letter == '\n' || is_printable(letter) {
            text.push(letter);
        } else {
            let mut units = [0; 2];
            // Writing to a String cannot fail.
            letter.encode_utf16(&mut units).iter().for_each(|unit| {
                let _ = write!(text, "\\u{unit:04x}");
            });
        }
    }
    text
}

fn summary(plan: &Plan, histories: &[History], directory: &str) -> Value {
    let number = |value: f64| if value.is_finite() { json!(value) } else { json!(value.to_string()) };
    let run = |(run, history): (&nso_tui::run::RunPlan, &History)| {
        let at = history.now();
        let mut object = json!({
            "run": run.name, "device": history.start().map(|start| start.device.as_str()), "state": history.state().word(), "step": at.step, "gradients": at.gradients, "seconds": at.seconds,
        });
        if let Some(reason) = history.end_reason() {
            object["reason"] = json!(reason);
        }
        if let Some(Best { at, metrics }) = history.best() {
            object["best"] = json!({ "step": at.step, "gradients": at.gradients });
            for (key, value) in [
                ("validation_loss", metrics.validation_loss),
                ("validation_accuracy", metrics.validation_accuracy),
                ("train_loss", metrics.train_loss),
                ("test_loss", metrics.test_loss),
                ("test_accuracy", metrics.test_accuracy),
            ] {
                object["best"][key] = json!(value);
            }
        }
        if let Some((kind, iterates)) = history.average().newest() {
            object["average"] = json!({ "kind": kind.key(), "iterates": iterates });
            for quantity in history.average().quantities() {
                if let Some(point) = history.average().series(quantity).last() {
                    object["average"][quantity.key()] = number(point.value);
                }
            }
        }
        if let Some(passes) = history.last(Quantity::ForwardPasses) {
            object["forward_passes"] = number(passes.value);
        }
        for quantity in [Quantity::TraceLow, Quantity::TraceHigh] {
            if let Some(point) = history.last(quantity) {
                object[quantity.key()] = number(point.value);
            }
        }
        for quantity in RESULTS {
            if let Some(point) = history.last(quantity) {
                object[quantity.key()] = number(point.value);
                if point.error.is_finite() {
                    let what = quantity.error_kind().key();
                    object[format!("{}_{what}", quantity.key())] = number(point.error);
                }
            }
        }
        object
    };
    let runs: Vec<Value> = plan.runs.iter().zip(histories).map(run).collect();
    json!({ "preset": plan.preset, "title": plan.title, "directory": directory, "runs": runs })
}
