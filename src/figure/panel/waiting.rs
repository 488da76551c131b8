//! What an empty panel says: why there is nothing to draw, and when there will be.

use super::{PanelKind, PlottedRun, kind::Source};
use crate::{
    figure::{
        history::{History, RunState, Schedule},
        quantity::Quantity,
        text,
    },
    optimizer::{Method, SampleKind, Settings as _},
    run::Cadence,
};

/// Why there is nothing to draw, and when there will be.
pub(super) fn reason(kind: PanelKind, runs: &[PlottedRun<'_>]) -> String {
    let (what, needs_curvature) = match kind.source() {
        Source::Evaluation | Source::FreeTrace => ("evaluation", false),
        Source::Curvature | Source::Measurement(_) => ("curvature measurement", true),
    };
    if runs.is_empty() {
        return "no run is shown".into();
    }
    if runs.iter().all(|run| *run.history.state() == RunState::Waiting) {
        return "waiting for the first run to start".into();
    }
    let over = runs.iter().all(|run| run.history.state().is_over());
    if runs.iter().any(|run| is_measured(kind, run.history)) {
        return missing(kind);
    }
    for run in runs {
        let cadence = match run.history.schedule() {
            Schedule::Unknown => continue,
            Schedule::Planned { curvature: None, .. } if needs_curvature => {
                return "this preset measures no curvature".into();
            }
            Schedule::Planned { evaluate, curvature } => curvature.filter(|_| needs_curvature).unwrap_or(evaluate),
        };
        if over {
            break;
        }
        let now = run.history.now();
        let next = |done: u64, every: u64| {
            text::thousands((done / every.max(1)).saturating_add(1).saturating_mul(every.max(1)))
        };
        return match cadence {
            _ if now.step == 0 => format!("waiting for the first {what}"),
            Cadence::Steps(every) => format!("first {what} at step {}", next(now.step, every)),
            Cadence::Epochs(every) => {
                format!("first {what} at step {}", next(now.step, every.saturating_mul(run.history.steps_per_epoch())))
            }
            Cadence::Gradients(every) => format!("first {what} at gradient evaluation {}", next(now.gradients, every)),
        };
    }
    "no data yet".into()
}

/// Whether the measurements that feed the panel were made and had nothing for it.
fn is_measured(kind: PanelKind, history: &History) -> bool {
    let values = |quantity| history.series(quantity).len();
    match kind.source() {
        Source::Evaluation => values(Quantity::TrainLoss) > 0,
        // Steps have passed only at the second evaluation.
        Source::FreeTrace => values(Quantity::TrainLoss) > 1,
        Source::Curvature | Source::Measurement(_) => values(Quantity::Trace) > 0,
    }
}

/// What to say of something that these measurements do not hold.
fn missing(kind: PanelKind) -> String {
    match kind.source() {
        Source::Measurement(kind) => format!("not measured: [train] measure lacks \"{}\"", kind.info().key),
        Source::FreeTrace => {
            let samples = |method: &Method| {
                matches!(method.sampled_curvature(), Some(SampleKind::TwoPoint { .. } | SampleKind::OnePoint { .. }))
            };
            let methods: Vec<_> = Method::all().filter(samples).map(|method| method.info().key).collect();
            format!("only steps of {} sample it", methods.join(" and "))
        }
        Source::Curvature if kind == PanelKind::TracePerTensor => "no trace per parameter tensor was measured".into(),
        Source::Evaluation | Source::Curvature => format!("this problem has no {}", kind.title()),
    }
}
