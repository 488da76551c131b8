//! `run`: the same engine without a terminal. ProgressBars on standard error, results on standard output.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal},
    ops::ControlFlow,
    path::Path,
    process::ExitCode,
};

use clap::Args;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use nso_tui::{
    figure::{Best, History, Quantity, RunState},
    problem::{Loading, LoadingCallback},
    run::{Engine, EngineError, Plan},
};
use serde_json::{Value, json};

use super::{CliError, Common, Output, OutputFormat, note, print};

/// `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A name from `presets list`, or a path to a TOML file
    preset: String,
    #[command(flatten)]
    output: Output,
    /// How the results are written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
    /// Train every run in a process of its own: what kills one leaves the others alone
    #[arg(long)]
    isolate: bool,
}

/// Runs to the end of every run, or until interrupted.
pub fn run(args: &RunArgs, common: &Common) -> Result<ExitCode, CliError> {
    let plan = common.plan(&args.preset)?.unattended();
    let devices = common.devices()?;
    if let Some(warning) = plan.warning(&devices) {
        note(&warning);
    }
    let destination = args.output.destination();
    let start =
        |progress: LoadingCallback<'_>| Engine::start_with_progress(plan.clone(), &destination, &devices, progress);
    let finished = to_the_end(&plan, start)?;
    print(&finished.results(&plan, args.format));
    Ok(finished.exit_code())
}

/// A session whose runs are over, or were stopped by a signal.
pub(super) struct Finished {
    histories: Vec<History>,
    ended_by: Option<Signal>,
    directory: String,
}

impl Finished {
    pub(super) fn results(&self, plan: &Plan, format: OutputFormat) -> String {
        match format {
            OutputFormat::Text => table(plan, &self.histories, &self.directory),
            OutputFormat::Json => format!("{:#}\n", summary(plan, &self.histories, &self.directory)),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        Path::new(&self.directory)
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(exit_code(&self.histories, self.ended_by))
    }
}

/// Starts an engine and follows it until every run is over, with progress on standard error.
pub(super) fn to_the_end(
    plan: &Plan,
    start: impl FnOnce(LoadingCallback<'_>) -> Result<Engine, EngineError>,
) -> Result<Finished, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| CliError::Io { what: "start".to_owned(), source })?;
    runtime.block_on(async {
        let reading = Reading::new();
        let engine = start(&|loading| reading.show(&loading))?;
        reading.bar.finish_and_clear();
        let directory = engine.directory().map(|path| path.display().to_string()).unwrap_or_default();
        let mut progress = ProgressBars::new(plan);
        let (histories, ended_by) = follow(engine, plan, &mut progress).await;
        progress.clear();
        Ok(Finished { histories, ended_by, directory })
    })
}

/// A signal that ended the session before its runs were over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Signal(u8);

const INTERRUPT: Signal = Signal(2);
#[cfg(unix)]
const TERMINATE: Signal = Signal(15);

/// Folds events until every run is over. A signal stops the runs, which write their ends; a second one leaves at once.
async fn follow(mut engine: Engine, plan: &Plan, progress: &mut ProgressBars) -> (Vec<History>, Option<Signal>) {
    let mut histories = vec![History::planned(plan); plan.runs.len()];
    let mut ended_by = None;
    while ended_by.is_none() && !histories.iter().all(|history| history.state().is_over()) {
        tokio::select! {
            batch = engine.next() => match batch {
                Some(batch) => {
                    batch.events.iter().for_each(|event| histories[batch.run].push(event));
                    progress.show(batch.run, &histories[batch.run]);
                }
                None => break,
            },
            signal = signal() => ended_by = Some(signal),
        }
    }
    tokio::select! {
        batches = engine.close() => {
            for batch in batches {
                batch.events.iter().for_each(|event| histories[batch.run].push(event));
            }
        }
        signal = signal() => ended_by = Some(signal),
    }
    (histories, ended_by)
}

/// The next signal that asks the program to end.
#[cfg(unix)]
async fn signal() -> Signal {
    use tokio::signal::unix::{SignalKind, signal};
    let [interrupt, terminate] = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    match (interrupt, terminate) {
        (Ok(mut interrupt), Ok(mut terminate)) => tokio::select! {
            _ = interrupt.recv() => INTERRUPT,
            _ = terminate.recv() => TERMINATE,
        },
        _ => std::future::pending().await,
    }
}

/// The next signal that asks the program to end.
#[cfg(not(unix))]
async fn signal() -> Signal {
    match tokio::signal::ctrl_c().await {
        Ok(()) => INTERRUPT,
        Err(_) => std::future::pending().await,
    }
}

fn exit_code(histories: &[History], ended_by: Option<Signal>) -> u8 {
    let broke = |history: &History| matches!(history.state(), RunState::Diverged { .. } | RunState::Failed { .. });
    match ended_by {
        Some(Signal(number)) => 128 + number,
        None if histories.iter().any(broke) => 3,
        None => 0,
    }
}

/// How far images are read: a bar on a terminal, once there are any. Skipped images are reported on a line of their own.
struct Reading {
    bar: ProgressBar,
}

impl Reading {
    fn new() -> Self {
        let bar = ProgressBar::hidden();
        if let Ok(style) = ProgressStyle::with_template("reading images {bar:24} {pos} of {len}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    fn show(&self, loading: &Loading) -> ControlFlow<()> {
        match loading {
            Loading::Images { done, of } => {
                if self.bar.length() != Some(*of as u64) {
                    self.bar.set_length(*of as u64);
                    self.bar.set_draw_target(ProgressDrawTarget::stderr());
                }
                self.bar.set_position(*done as u64);
            }
            Loading::Done => {}
            Loading::SkippedImages { .. } => self.bar.suspend(|| note(&loading.to_string())),
        }
        ControlFlow::Continue(())
    }
}

/// One bar a run on a terminal; elsewhere a line for each tenth of a run.
struct ProgressBars {
    screen: MultiProgress,
    bars: Vec<ProgressBar>,
    names: Vec<String>,
    tenths: Vec<u64>,
    terminal: bool,
}

/// Parts that a bar is divided into.
const PARTS: u64 = 1000;

impl ProgressBars {
    fn new(plan: &Plan) -> Self {
        let screen = MultiProgress::new();
        let names: Vec<String> = plan.runs.iter().map(|run| run.name.clone()).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let style = ProgressStyle::with_template("{prefix} {bar:24} {percent:>3} %  {elapsed_precise}  {wide_msg}");
        let bar = |name: &String| {
            let bar = screen.add(ProgressBar::new(PARTS)).with_prefix(format!("{name:<width$}"));
            if let Ok(style) = &style {
                bar.set_style(style.clone());
            }
            bar
        };
        let bars = names.iter().map(bar).collect();
        Self { bars, screen, tenths: vec![0; names.len()], names, terminal: io::stderr().is_terminal() }
    }

    fn show(&mut self, run: usize, history: &History) {
        let line =
            [Quantity::TrainLoss, Quantity::Gap, Quantity::ValidationError, Quantity::Trace, Quantity::LambdaMax]
                .into_iter()
                .filter_map(|quantity| {
                    Some(format!("{} {}", quantity.title(), quantity.format(history.last(quantity)?.value)))
                })
                .collect::<Vec<_>>()
                .join("  ");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a thousand")]
        let part = (history.progress() * PARTS as f64) as u64;
        let bar = &self.bars[run];
        bar.set_position(part);
        let over = history.state().is_over();
        bar.set_message(if over { history.state().word().to_owned() } else { line.clone() });
        let tenth = part * 10 / PARTS;
        if !self.terminal && (tenth > self.tenths[run] || over) {
            self.tenths[run] = tenth;
            let name = &self.names[run];
            note(&format!("{name}: {} {} %  {line}", history.state().word(), part * 100 / PARTS));
        }
    }

    fn clear(&self) {
        // A bar that cannot be cleared stays; the results follow below it.
        let _ = self.screen.clear();
    }
}

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

fn table(plan: &Plan, histories: &[History], directory: &str) -> String {
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
    if !directory.is_empty() {
        let _ = writeln!(text, "session: {directory}");
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
