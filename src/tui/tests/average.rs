//! Runs that keep an average of their weights, each with a row of its own for it.

use std::{path::PathBuf, time::Duration};

use insta::assert_snapshot;

use super::scene::{Scene, events, finish, plan};
use crate::{
    problem::Metrics,
    run::{AverageEval, AverageKind, Averaging, Cadence, Estimate, Event, Outcome, Probe, WeightStats},
    tui::{InitialScreen, Msg},
};

/// Events of a run with those of an exponential moving average of its weights, whose loss and trace are lower.
fn averaged(events: Vec<Event>) -> Vec<Event> {
    let with_average = |event: Event| {
        let average = if let Event::Eval { at, metrics, .. } = &event {
            Some(Event::AverageEval(Box::new(AverageEval {
                at: *at,
                average: AverageKind::Ema,
                iterates: at.step,
                forward_passes: 0,
                took: 0.0,
                metrics: Metrics {
                    train_loss: metrics.train_loss.map(|loss| 0.7 * loss),
                    gap: metrics.gap.map(|gap| 0.9 * gap),
                    ..Metrics::default()
                },
                weight_stats: WeightStats::default(),
            })))
        } else if let Event::Probe(probe) = &event {
            let trace = Estimate::new(0.6 * probe.trace.mean, 0.6 * probe.trace.error(), 20);
            Some(Event::AverageProbe(Box::new(Probe { trace, ..probe.as_ref().clone() })))
        } else {
            None
        };
        std::iter::once(event).chain(average)
    };
    events.into_iter().flat_map(with_average).collect()
}

/// A session in which SGD has an average and NSO will have one.
fn watching() -> Scene {
    let mut plan = plan();
    plan.runs[0].average = Some(Averaging::Ema { decay: 0.99, every: Cadence::Steps(1) });
    plan.runs[3].average = Some(Averaging::Swa { start: 0.75, every: Cadence::Epochs(1) });
    Scene::new(InitialScreen::Plan(Box::new(plan)))
        .receive(Msg::Started { directory: Some(PathBuf::from("runs/20260102T030405Z-mnist-mlp-c0de")) })
        .run(0, averaged(events(0, 2_480)))
        .run(1, events(1, 2_040))
        .run(2, events(2, 1_600))
        .run(3, events(3, 1_960))
        .receive(Msg::Tick(Duration::from_secs(42)))
}

#[test]
fn an_average_has_a_row_below_its_run() {
    assert_snapshot!(watching().keys("down").at("120x40"));
}

#[test]
fn an_average_has_a_row_on_a_small_screen() {
    assert_snapshot!(watching().at("80x24"));
}

#[test]
fn the_average_of_a_diverged_run_keeps_its_values() {
    let screen = watching().run(0, vec![finish(2_500, Outcome::Diverged, Some("the loss is not finite"))]).at("120x40");
    let rows: Vec<&str> = screen.lines().skip_while(|line| !line.contains("● SGD     diverged")).take(2).collect();
    assert!(rows[0].contains("at step 2,500: the loss is not finite"), "{screen}");
    assert!(rows[1].contains("ema") && rows[1].contains("2,480 iterates") && rows[1].contains('±'), "{screen}");
}

#[test]
fn the_selected_run_is_in_sight_where_averages_fill_the_table() {
    let mut plan = plan();
    plan.runs = plan.runs.iter().cycle().take(12).cloned().collect();
    for (index, run) in plan.runs.iter_mut().enumerate() {
        run.name = format!("run {index}");
        run.average = Some(Averaging::Ema { decay: 0.99, every: Cadence::Steps(1) });
    }
    let scene = Scene::new(InitialScreen::Plan(Box::new(plan)));
    let screen = scene.keys(&"down ".repeat(7)).at("80x24");
    let selected = screen.lines().position(|line| line.contains("▸") && line.contains("run 7")).unwrap();
    assert!(screen.lines().nth(selected + 1).unwrap().contains("ema"), "{screen}");
    assert!(screen.contains(" 8 ↓ "), "{screen}");
}
