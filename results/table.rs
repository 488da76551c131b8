//! The tables: each made of the logs of an experiment, written between two marks in docs/src/results.md.

use std::{error::Error, fmt::Write as _};

use nso_tui::figure::{
    History, Quantity,
    text::{bare, fixed, significant, thousands},
};

use super::{
    experiment::{EXPERIMENTS, Experiment, Run},
    statistics::{last, mean_and_deviation, median_and_range, trace_at},
    tune::{Chosen, SEARCHES, Setting},
};

/// A table: the name in its marks, and what makes it.
pub type Table = (&'static str, fn() -> Result<String, Box<dyn Error>>);

/// All tables.
pub const TABLES: &[Table] = &[
    ("mnist-mlp", || at_losses("mnist-mlp", &[1e-2, 1e-3, 3.4e-4])),
    ("tuned-mnist", || tuned("tuned-mnist", 1e-2)),
    ("methods", methods),
    ("k-sweep", || at_losses("k-sweep", &[3e-3])),
    ("noise-schedule", || at_losses("noise-schedule", &[3e-3])),
    ("no-momentum", || at_losses("no-momentum", &[1e-2, 1e-3])),
    ("matrix-sensing", matrix_sensing),
    ("perturbation-gap", perturbation_gap),
];

/// `page` with every table that it has a place for regenerated.
///
/// A place is what stands between `<!-- table NAME -->` and `<!-- end -->`.
///
/// # Errors
/// If a log cannot be read or does not have what its table needs.
pub fn replaced(page: &str) -> Result<String, Box<dyn Error>> {
    let mut text = page.to_owned();
    for (name, make) in TABLES {
        let mark = format!("<!-- table {name} -->\n");
        let Some(start) = text.find(&mark).map(|at| at + mark.len()) else { continue };
        let length = text[start..].find("<!-- end -->").ok_or_else(|| format!("table {name} has no end"))?;
        text.replace_range(start..start + length, &make()?);
    }
    Ok(text)
}

fn experiment(name: &str) -> Result<&'static Experiment, Box<dyn Error>> {
    EXPERIMENTS.iter().find(|one| one.name == name).ok_or_else(|| format!("no experiment '{name}'").into())
}

/// The runs of one name over all seeds, in the order of the preset.
fn by_name(logs: &[Vec<Run>]) -> Vec<(&str, Vec<&Run>)> {
    let places = 0..logs.first().map_or(0, Vec::len);
    places.map(|place| (logs[0][place].name.as_str(), logs.iter().map(|seed| &seed[place]).collect())).collect()
}

/// mean ± standard deviation over seeds of what every one of them has; a dash where one has it not.
fn cell(values: &[Option<f64>]) -> String {
    let Some(values) = values.iter().copied().collect::<Option<Vec<f64>>>() else { return "–".to_owned() };
    let (mean, deviation) = mean_and_deviation(&values);
    with_deviation(mean, deviation)
}

/// A mean to the place that two digits of its deviation reach: 1.371 ± .091, .000271 ± .000004.
fn with_deviation(mean: f64, deviation: f64) -> String {
    if !(deviation.is_finite() && deviation > 0.0) {
        return bare(&significant(mean, 3));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 8")]
    let decimals = (1.0 - deviation.log10().floor()).clamp(0.0, 8.0) as usize;
    format!("{} ± {}", bare(&fixed(mean, decimals)), bare(&fixed(deviation, decimals)))
}

fn percent(values: &[Option<f64>]) -> String {
    let Some(values) = values.iter().copied().collect::<Option<Vec<f64>>>() else { return "–".to_owned() };
    let (mean, deviation) = mean_and_deviation(&values);
    format!("{:.1} ± {:.1}", 100.0 * mean, 100.0 * deviation)
}

/// A table in markdown: names on the left, numbers on the right.
fn markdown(heads: &[String], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|---|{}\n", heads.join(" | "), "---|".repeat(heads.len() - 1));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

fn of<T>(runs: &[&Run], what: impl Fn(&History) -> Option<T>) -> Vec<Option<T>> {
    runs.iter().map(|run| what(&run.history)).collect()
}

fn head_of_loss(loss: f64) -> String {
    format!("trace at loss {}", bare(&significant(loss, 2)).trim_end_matches('0'))
}

/// Last loss, accuracy and trace, and the trace at the same losses for all.
fn at_losses(name: &str, losses: &[f64]) -> Result<String, Box<dyn Error>> {
    let logs = experiment(name)?.logs()?;
    let mut heads = ["run", "train loss", "test accuracy, %", "trace"].map(str::to_owned).to_vec();
    heads.extend(losses.iter().map(|&loss| head_of_loss(loss)));
    let rows = by_name(&logs).into_iter().map(|(run, runs)| {
        let mut row = vec![
            run.to_owned(),
            cell(&of(&runs, |h| last(h, Quantity::TrainLoss))),
            percent(&of(&runs, |h| last(h, Quantity::TestAccuracy))),
            cell(&of(&runs, |h| last(h, Quantity::Trace))),
        ];
        row.extend(losses.iter().map(|&loss| cell(&of(&runs, |h| trace_at(h, loss)))));
        row
    });
    Ok(markdown(&heads, &rows.collect::<Vec<_>>()))
}

/// Every method at one setting: the last and the best by validation.
fn methods() -> Result<String, Box<dyn Error>> {
    let logs = experiment("methods")?.logs()?;
    let heads = [
        "run",
        "train loss",
        "test loss",
        "test accuracy, %",
        "trace",
        "λ max",
        "trace at loss .001",
        "best by validation: gradients",
        "test loss there",
        "test accuracy there, %",
    ];
    let rows = by_name(&logs).into_iter().map(|(run, runs)| {
        vec![
            run.to_owned(),
            cell(&of(&runs, |h| last(h, Quantity::TrainLoss))),
            cell(&of(&runs, |h| last(h, Quantity::TestLoss))),
            percent(&of(&runs, |h| last(h, Quantity::TestAccuracy))),
            cell(&of(&runs, |h| last(h, Quantity::Trace))),
            cell(&of(&runs, |h| last(h, Quantity::LambdaMax))),
            cell(&of(&runs, |h| trace_at(h, 1e-3))),
            best_gradients(&runs),
            cell(&of(&runs, |h| h.best()?.metrics.test_loss)),
            percent(&of(&runs, |h| h.best()?.metrics.test_accuracy)),
        ]
    });
    Ok(markdown(&heads.map(str::to_owned), &rows.collect::<Vec<_>>()))
}

fn best_gradients(runs: &[&Run]) -> String {
    let gradients: Vec<f64> = runs.iter().filter_map(|run| Some(run.history.best()?.at.gradients as f64)).collect();
    let (median, least, most) = median_and_range(&gradients);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "made of counts")]
    let [median, least, most] = [median, least, most].map(|count| thousands(count as u64));
    format!("{median} ({least} to {most})")
}

/// The mean of differences to the first run, seed by seed, with its standard error.
fn difference(runs: &[&Run], first: &[&Run], what: impl Fn(&History) -> Option<f64>) -> String {
    let pairs = runs.iter().zip(first);
    let differences: Option<Vec<f64>> =
        pairs.map(|(run, first)| Some(what(&run.history)? - what(&first.history)?)).collect();
    let Some(differences) = differences else { return "–".to_owned() };
    let (mean, deviation) = mean_and_deviation(&differences);
    format!("{:+.1} ± {:.1}", 100.0 * mean, 100.0 * deviation / (differences.len() as f64).sqrt())
}

fn against_the_first(name: &str, level: f64) -> Result<String, Box<dyn Error>> {
    let logs = experiment(name)?.logs()?;
    let runs = by_name(&logs);
    let first = runs.first().map(|(_, runs)| runs.clone()).ok_or("an experiment without runs")?;
    let heads = vec![
        "run".to_owned(),
        "train loss".to_owned(),
        "trace".to_owned(),
        head_of_loss(level),
        "test accuracy, %".to_owned(),
        "to SGD, points".to_owned(),
        "best by validation: gradients".to_owned(),
        "test loss there".to_owned(),
        "test accuracy there, %".to_owned(),
        "to SGD, points".to_owned(),
    ];
    let rows = runs.into_iter().map(|(run, runs)| {
        let accuracy = |h: &History| last(h, Quantity::TestAccuracy);
        let best = |h: &History| h.best()?.metrics.test_accuracy;
        let to_first = |what: &dyn Fn(&History) -> Option<f64>| {
            if run == "SGD" { String::new() } else { difference(&runs, &first, what) }
        };
        vec![
            format!("{run}{}", settings(runs[0])),
            cell(&of(&runs, |h| last(h, Quantity::TrainLoss))),
            cell(&of(&runs, |h| last(h, Quantity::Trace))),
            cell(&of(&runs, |h| trace_at(h, level))),
            percent(&of(&runs, accuracy)),
            to_first(&accuracy),
            best_gradients(&runs),
            cell(&of(&runs, |h| h.best()?.metrics.test_loss)),
            percent(&of(&runs, best)),
            to_first(&best),
        ]
    });
    Ok(markdown(&heads, &rows.collect::<Vec<_>>()))
}

/// What a run was trained with: ", lr .05, σ .03".
fn settings(run: &Run) -> String {
    use nso_tui::{figure::text::short, optimizer::Hyperparameter};
    let Some(start) = run.history.start() else { return String::new() };
    let shown = [Hyperparameter::Lr, Hyperparameter::Sigma, Hyperparameter::Rho, Hyperparameter::K].into_iter();
    shown.filter_map(|one| Some(format!(", {} {}", one.symbol(), short(start.hyperparameters.get(one)?)))).collect()
}

/// Each method at the setting that validation chose, whose traces are compared at `loss`. The preset must have the choice of its
/// search.
fn tuned(preset: &'static str, loss: f64) -> Result<String, Box<dyn Error>> {
    let text = std::fs::read_to_string(super::home().join("presets").join(format!("{preset}.toml")))?;
    let search = SEARCHES.iter().find(|search| search.preset == preset).ok_or("a tuned preset has a search")?;
    for Chosen { setting: Setting { method, lines, .. }, .. } in search.chosen()? {
        let expected = format!("method = \"{method}\"\n{lines}");
        if !text.contains(&expected) {
            return Err(format!("presets/{preset}.toml has not what was chosen for {method}: {expected}").into());
        }
    }
    against_the_first(preset, loss)
}

/// The errors on held-out measurements, middle of the seeds with the least and the greatest.
fn matrix_sensing() -> Result<String, Box<dyn Error>> {
    let [small, large] = [experiment("matrix-sensing-small")?.logs()?, experiment("matrix-sensing")?.logs()?];
    let rows = by_name(&small).into_iter().zip(by_name(&large)).map(|((run, small), (_, large))| {
        let errors = |runs: &[&Run], quantity| -> Vec<f64> {
            runs.iter().filter_map(|run| last(&run.history, quantity)).collect()
        };
        let written = |values: &[f64]| {
            let (median, least, most) = median_and_range(values);
            let [median, least, most] = [median, least, most].map(|error| bare(&significant(error, 2)));
            if values.len() > 1 { format!("{median} ({least} to {most})") } else { median }
        };
        vec![
            run.to_owned(),
            written(&errors(&small, Quantity::TrainError)),
            written(&errors(&small, Quantity::ValidationError)),
            written(&errors(&large, Quantity::TrainError)),
            written(&errors(&large, Quantity::ValidationError)),
        ]
    });
    let heads = ["run", "d 20: train error", "validation error", "d 100: train error", "validation error"];
    Ok(markdown(&heads.map(str::to_owned), &rows.collect::<Vec<_>>()))
}

/// Figure 2 in numbers: before training, and at the end of each run.
fn perturbation_gap() -> Result<String, Box<dyn Error>> {
    use nso_tui::run::{Event, GapCurve};
    let logs = experiment("perturbation-gap")?.logs()?;
    let gaps = |run: &Run| -> Vec<GapCurve> {
        let gaps = run.events.iter().filter_map(|event| match event {
            Event::PerturbationGap(gap) => Some(gap.as_ref().clone()),
            _ => None,
        });
        gaps.collect()
    };
    let [sgd, nso] = [&logs[0][0], &logs[0][1]].map(gaps);
    let (Some(first), Some(sgd), Some(nso)) = (sgd.first(), sgd.last(), nso.last()) else {
        return Err("perturbation-gap has no measurements".into());
    };
    let heads = [
        "σ",
        "before training: gap",
        "exact",
        "after SGD: gap",
        "exact",
        "smoothed",
        "after NSO: gap",
        "exact",
        "smoothed",
    ];
    let number = |estimate: nso_tui::run::Estimate| bare(&significant(estimate.mean, 3));
    let rows = (0..first.points.len()).map(|place| {
        let measured = |gap: &GapCurve| {
            let gap = gap.points[place].gap;
            format!("{} ± {}", bare(&significant(gap.mean, 3)), bare(&significant(gap.std_error, 1)))
        };
        let mut row =
            vec![bare(&significant(first.points[place].sigma, 2)), measured(first), number(first.from_trace()[place])];
        for gap in [sgd, nso] {
            row.extend([measured(gap), number(gap.from_trace()[place]), number(gap.from_smoothed_traces()[place])]);
        }
        row
    });
    Ok(markdown(&heads.map(str::to_owned), &rows.collect::<Vec<_>>()))
}
