//! More than the usual four: ten runs of every method, six charts, and hyperparameter panels that are longer than their place.

use std::{f64::consts::PI, path::PathBuf};

use insta::assert_snapshot;
use strum::VariantArray;

use super::scene::{Scene, events, finish, plan};
use crate::{
    figure::PanelKind,
    optimizer::{Categorical, Hyperparameter, Hyperparameters, Rule},
    run::{Event, Outcome, Plan, RunPlan, WeightStats},
    tui::{Effect, InitialScreen, Msg, keymap::Context, message::ExportRequest},
};

/// A choice and what is chosen.
type Word = (Categorical, &'static str);

fn run(name: &str, method: &str, choices: &[Word], hyperparameters: &[(Hyperparameter, f64)]) -> RunPlan {
    let plain = Hyperparameters::new(method).unwrap();
    let chosen = choices.iter().fold(plain, |sum, &(choice, word)| sum.choose(choice, word).unwrap());
    let hyperparameters =
        hyperparameters.iter().fold(chosen, |sum, &(hyperparameter, value)| sum.with(hyperparameter, value).unwrap());
    RunPlan {
        name: name.into(),
        hyperparameters,
        batch: None,
        augmentation: None,
        device: None,
        average: None,
        fork: None,
    }
}

/// Every method once and one with every option, under names of any length.
pub fn ten() -> Plan {
    let adamw = [
        (Categorical::BaseOptimizer, "adamw"),
        (Categorical::Distribution, "binomial"),
        (Categorical::SigmaSchedule, "linear"),
        (Categorical::LrSchedule, "step"),
        (Categorical::Projection, "rows"),
    ];
    let sgd = [(Hyperparameter::Lr, 0.05), (Hyperparameter::Momentum, 0.9)];
    let runs = vec![
        run("SGD", "sgd", &[(Categorical::LrSchedule, "cosine")], &sgd),
        run(
            "WP-SGD, Laplace noise, k = 2",
            "wp-sgd",
            &[(Categorical::Distribution, "laplace")],
            &[(Hyperparameter::K, 2.0)],
        ),
        run("NSO", "nso", &[], &[]),
        run(
            "NSO with AdamW and all trimmings",
            "nso",
            &adamw,
            &[(Hyperparameter::Mix, 0.3), (Hyperparameter::Warmup, 2.0)],
        ),
        run("SAM", "sam", &[], &[]),
        run("USAM", "usam", &[], &[]),
        run("ASAM", "asam", &[(Categorical::Scaling, "plain")], &[]),
        run("RSAM", "rsam", &[], &[]),
        run("bSAM", "bsam", &[], &[]),
        run("penalised", "sgd", &[(Categorical::BaseOptimizer, "adam")], &[(Hyperparameter::Penalty, 0.1)]),
    ];
    let panels = ["loss", "accuracy", "gap", "trace", "lambda_max", "travel"];
    let panels = panels.into_iter().filter_map(PanelKind::from_key).collect();
    Plan { preset: "methods".into(), panels, runs, ..plan() }
}

/// The events of run number `index` of a plan until it has spent so many gradient evaluations.
fn events_of(plan: &Plan, index: usize, spent: u64) -> Vec<Event> {
    let mine = &plan.runs[index];
    let lr = mine.hyperparameters.get(Hyperparameter::Lr).unwrap();
    let adapted = events(index % 4, spent).into_iter().filter_map(|event| match event {
        Event::Start(start) => Some(Event::Start(crate::run::RunHeader {
            run: mine.name.clone(),
            hyperparameters: mine.hyperparameters,
            ..start
        })),
        Event::Eval { at, examples, forward_passes, took, metrics, .. } => {
            let share = at.gradients as f64 / 4_000.0;
            let lr_now = Some(lr * (1.0 + (PI * share).cos()) / 2.0);
            let distance_from_init = Some(3.0 * share.sqrt() / (1.0 + 0.1 * index as f64));
            let weight_stats = WeightStats { distance_from_init, lr_now, ..WeightStats::default() };
            Some(Event::Eval { at, examples, forward_passes, took, metrics, weight_stats })
        }
        Event::Adjust { .. } => None,
        other => Some(other),
    });
    adapted.collect()
}

/// A session of `plan` under way.
pub fn watching(plan: &Plan) -> Scene {
    under_way(plan, 2_400)
}

/// The same, the first run having spent so many gradient evaluations, each other one a few less.
fn under_way(plan: &Plan, spent: u64) -> Scene {
    let scene = Scene::new(InitialScreen::Plan(Box::new(plan.clone())))
        .receive(Msg::Started { directory: Some(PathBuf::from("runs/20260102T030405Z-methods-c0de")) });
    (0..plan.runs.len()).fold(scene, |scene, run| scene.run(run, events_of(plan, run, spent - 100 * run as u64)))
}

fn export(scene: &Scene) -> &ExportRequest {
    let Some(Effect::Export(request)) = scene.asked.last() else { panic!("{:?}", scene.asked()) };
    request
}

fn kinds(scene: &Scene) -> Vec<PanelKind> {
    scene.app.session().unwrap().panels()
}

#[test]
fn ten_runs_and_six_charts() {
    assert_snapshot!(watching(&ten()).keys("down down down").at("120x40"));
}

#[test]
fn ten_runs_and_six_charts_on_a_large_screen() {
    assert_snapshot!(watching(&ten()).at("200x60"));
}

#[test]
fn the_last_of_ten_runs_and_of_six_charts_on_a_small_screen() {
    let last = "j ".repeat(9) + "shift-tab " + &"right ".repeat(5);
    assert_snapshot!(watching(&ten()).keys(&last).at("80x24"));
}

#[test]
fn the_last_of_many_hyperparameters_is_in_sight() {
    let last = "down down down tab ".to_owned() + &"down ".repeat(20);
    assert_snapshot!(watching(&ten()).keys(&last).at("120x30"));
}

#[test]
fn picker_on_ten_runs() {
    let mut setup = super::scene::setup(crate::tui::Glyphs::Unicode);
    setup.choices = vec![crate::tui::PresetEntry {
        name: "methods".into(),
        plan: Ok(ten()),
        kind: crate::tui::EntryKind::Embedded,
    }];
    let (app, asked) = crate::tui::App::new(InitialScreen::Picker, setup);
    assert_snapshot!(Scene { app, asked }.at("120x40"));
}

#[test]
fn brackets_change_the_kind_of_the_focused_chart_alone() {
    let scene = Scene::watching();
    let before = kinds(&scene);
    let scene = scene.keys("shift-tab right ]");
    let after = kinds(&scene);
    assert_ne!(after[1], before[1]);
    assert_eq!((after[0], &after[2..]), (before[0], &before[2..]));
    assert_eq!(kinds(&scene.keys("[")), before);
}

#[test]
fn kinds_with_nothing_to_show_come_after_all_that_have_something() {
    let mut scene = Scene::watching().keys("enter");
    let mut full = Vec::new();
    for _ in PanelKind::VARIANTS {
        // A chart that has something to show has an axis with ticks.
        full.push(scene.at("120x40").contains('┬'));
        scene = scene.keys("]");
    }
    let first_empty = full.iter().position(|full| !full).unwrap();
    assert!(first_empty > 4 && full[first_empty..].iter().all(|full| !full), "{full:?}");
}

#[test]
fn six_charts_and_four_are_one_key_apart() {
    let scene = Scene::watching().keys("g");
    let six = kinds(&scene);
    assert_eq!(six.len(), 6);
    assert!(six[4..].contains(&PanelKind::TestError), "what was measured comes first: {six:?}");
    assert!(scene.at("200x60").lines().last().unwrap().contains("g four charts"));
    assert_eq!(kinds(&scene.keys("g")), six[..4]);
}

#[test]
fn an_export_has_the_charts_that_are_on_the_screen() {
    let scene = watching(&ten()).keys("] e");
    assert_eq!(export(&scene).options.panels, kinds(&scene));
    assert_ne!(export(&scene).options.panels, ten().panels);
    let scene = scene.keys("enter right right e");
    assert_eq!(export(&scene).options.panels, [PanelKind::Gap]);
    assert!(export(&scene).path.ends_with("figure-2400-gap.png"), "{:?}", export(&scene).path);
}

#[test]
fn a_new_session_has_the_charts_of_its_preset() {
    let scene = Scene::replaying().keys("] g b");
    assert_eq!(scene.app.context(), Context::Picker);
    assert_eq!(kinds(&scene.keys("enter")).len(), 4);
}

#[test]
fn no_column_of_the_table_comes_twice() {
    let panels = vec![PanelKind::Loss, PanelKind::LambdaMax, PanelKind::Gap, PanelKind::Gap];
    let screen = watching(&Plan { panels, ..ten() }).at("200x60");
    let heading = screen.lines().find(|line| line.contains(" state ")).unwrap();
    assert_eq!((heading.matches("λ max").count(), heading.matches("gap").count()), (1, 1), "{heading}");
    assert_eq!(heading.matches("loss").count(), 2, "loss and test loss: {heading}");
}

#[test]
fn a_session_without_probes_has_no_columns_for_curvature() {
    let heading = |plan: Plan| {
        let screen = Scene::new(InitialScreen::Plan(Box::new(plan))).at("200x60");
        screen.lines().find(|line| line.contains(" state ")).unwrap().to_owned()
    };
    assert!(heading(plan()).contains("λ max"));
    let mut unprobed = Plan { panels: vec![PanelKind::Loss; 4], ..plan() };
    unprobed.train.probe_every = None;
    assert!(!heading(unprobed).contains("λ max"));
}

/// A session of one run.
fn alone(method: &str, choices: &[Word]) -> Scene {
    under_way(&Plan { runs: vec![run("x", method, choices, &[])], panels: Vec::new(), ..plan() }, 40)
}

#[test]
fn every_hyperparameter_can_be_reached_changed_and_typed_on_every_screen() {
    let all: &[Word] =
        &[(Categorical::BaseOptimizer, "adamw"), (Categorical::LrSchedule, "step"), (Categorical::Projection, "rows")];
    for key in Rule::KEYS {
        let choices = if key == "bsam" { &all[1..] } else { all };
        for (choices, size) in [(&[][..], "120x40"), (choices, "120x40"), (choices, "80x24"), (choices, "40x12")] {
            let hyperparameters: Vec<Hyperparameter> =
                alone(key, choices).app.session().unwrap().runs[0].hyperparameters().numbers().collect();
            let reach = |downs| alone(key, choices).keys(&("tab ".to_owned() + &"down ".repeat(downs)));
            let mut reached = Vec::new();
            for downs in 0..hyperparameters.len() {
                let scene = reach(downs);
                let hyperparameter = scene.app.session().unwrap().cursor().unwrap();
                let screen = scene.at(size);
                let rows = ["▸ ", " ▸", "x  "].map(|start| format!("{start}{} ", hyperparameter.symbol()));
                assert!(rows.iter().any(|row| screen.contains(row)), "{key}, {hyperparameter} at {size}:\n{screen}");
                let sent = |scene: &Scene| format!("{:?}", scene.asked.last().unwrap());
                // Some hyperparameters begin at an end of their range: they change one way.
                let has_effect = |key: &str| reach(downs).keys(key).asked.len() > reach(downs).asked.len();
                let changed = scene.keys(if has_effect("+") { "+" } else { "-" });
                let value = changed.app.session().unwrap().runs[0].pending.get(&hyperparameter).copied();
                let value = value.unwrap_or_else(|| panic!("{key}, {hyperparameter} does not change"));
                assert_eq!(
                    sent(&changed),
                    format!(
                        "Send {{ run: 0, command: Adjust {{ hyperparameter: {hyperparameter:?}, value: {value:?} }} }}"
                    )
                );
                let typing = reach(downs).keys("=");
                assert!(
                    typing.at(size).contains(&format!("new value of {}", hyperparameter.symbol())),
                    "{key}, {hyperparameter} at {size}"
                );
                let digits: Vec<String> = value.to_string().chars().map(String::from).collect();
                assert_eq!(
                    sent(&typing.keys(&digits.join(" ")).keys("enter")),
                    sent(&changed),
                    "{key}, {hyperparameter} at {size}"
                );
                reached.push(hyperparameter);
            }
            reached.sort_unstable();
            assert_eq!(reached, hyperparameters, "{key} at {size}");
        }
    }
}

#[test]
fn a_hyperparameter_without_effect_gets_a_row_when_it_is_changed() {
    let scene = alone("nso", &[]).keys("tab down down down down");
    let row = |scene: &Scene| scene.at("120x40").lines().find(|line| line.contains(" mix ")).unwrap().to_owned();
    assert!(row(&scene).contains("▸ mix 0  decay 0"), "{}", row(&scene));
    let onwards = alone("nso", &[]).keys("tab down down down down down");
    assert!(row(&onwards).contains("  mix 0 ▸decay 0  warm-up 0"), "{}", row(&onwards));
    let changed = scene.keys("+");
    assert!(row(&changed).contains("▸ mix      0 → 0.1 pending"), "{}", row(&changed));
}

#[test]
fn a_hyperparameter_on_a_schedule_says_where_it_is() {
    let screen = watching(&ten()).at("120x40");
    assert!(screen.contains("▸ lr       0.05  cosine now 0.0173"), "{screen}");
    assert!(watching(&ten()).keys("tab").at("40x12").contains("lr 0.05 cosine now 0.0173"));
    assert!(!alone("sgd", &[]).at("120x40").contains("now"), "a constant is what it is");
}

#[test]
fn the_bottom_line_says_how_far_the_log_is() {
    let saved = |scene: &Scene| scene.at("200x60").lines().last().unwrap().contains("saved to step 2,400");
    assert!(saved(&watching(&ten())));
    assert!(!saved(&watching(&ten()).receive(Msg::Started { directory: None })), "nothing is written");
    let failed = finish(2_400, Outcome::Failed, Some("cannot write events.jsonl: no space left on device"));
    assert!(!saved(&watching(&ten()).run(0, vec![failed])), "it may have failed over its log");
}
