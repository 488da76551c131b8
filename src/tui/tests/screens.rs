//! Screens as text: a scene, keys, a size, and the picture that must come out.

use insta::assert_snapshot;

use super::scene::{Scene, events, finish, setup};
use crate::{
    optimizer::Hyperparameter,
    run::{
        Event, Interval, Outcome, Plan,
        device::{GpuLoad, Load},
        preset,
    },
    tui::{App, EntryKind, Glyphs, InitialScreen, Msg, PresetEntry, Setup},
};

#[test]
fn picker() {
    assert_snapshot!(Scene::picker().keys("down down").at("120x40"));
}

#[test]
fn picker_on_a_small_screen() {
    assert_snapshot!(Scene::picker().keys("down down").at("80x24"));
}

#[test]
fn picker_on_the_smallest_screen() {
    assert_snapshot!(Scene::picker().at("40x12"));
}

#[test]
fn the_columns_of_the_list_never_touch() {
    let presets: Vec<(&str, Plan)> =
        preset::embedded().map(|(name, text)| (name, preset::parse(name, text, &[]).unwrap())).collect();
    let choices = presets.iter().map(|(name, plan)| PresetEntry {
        name: (*name).into(),
        plan: Ok(plan.clone()),
        kind: EntryKind::Embedded,
    });
    let setup = Setup { choices: choices.collect(), ..setup(Glyphs::Unicode) };
    let (app, asked) = App::new(InitialScreen::Picker, setup);
    let scene = Scene { app, asked };
    for columns in 40..=200 {
        let screen = scene.at(&format!("{columns}x60"));
        for (name, plan) in &presets {
            let row = |line: &&str| line.trim_matches(['│', ' ', '▸']).starts_with(&format!("{name} "));
            let row = screen.lines().find(row).unwrap_or_else(|| panic!("no {name} at {columns} columns"));
            let runs = format!("  {} runs  ", plan.runs.len());
            let before_time = if columns < 68 { "  " } else { runs.as_str() };
            let (_, time) = row.trim_matches(['│', ' ']).rsplit_once(before_time).unwrap_or_else(|| panic!("{row}"));
            let shown = time.trim().trim_end_matches('…');
            assert!(!shown.is_empty() && plan.takes.starts_with(shown), "\"{time}\" at {columns} columns: {row}");
        }
    }
}

#[test]
fn picker_while_filtering() {
    assert_snapshot!(Scene::picker().keys("/ d i g i t s").at("100x24"));
}

#[test]
fn picker_on_a_preset_that_cannot_be_read() {
    assert_snapshot!(Scene::picker().keys("down down down").at("100x24"));
}

#[test]
fn picker_asks_for_a_directory() {
    assert_snapshot!(Scene::picker().keys("o r u n s / x").at("80x24"));
}

#[test]
fn watch_before_the_first_event() {
    assert_snapshot!(Scene::starting().at("120x40"));
}

#[test]
fn watch() {
    assert_snapshot!(Scene::watching().keys("down down down").at("120x40"));
}

#[test]
fn watch_on_a_large_screen() {
    assert_snapshot!(Scene::watching().at("200x60"));
}

#[test]
fn watch_on_a_small_screen() {
    assert_snapshot!(Scene::watching().at("80x24"));
}

#[test]
fn hyperparameters_replace_the_table_on_a_small_screen() {
    assert_snapshot!(Scene::watching().keys("down down down tab").at("80x24"));
}

#[test]
fn watch_on_the_smallest_screen() {
    assert_snapshot!(Scene::watching().at("40x12"));
}

#[test]
fn too_small() {
    assert_snapshot!(Scene::watching().at("39x12"));
}

#[test]
fn help() {
    assert_snapshot!(Scene::watching().keys("?").at("120x40"));
}

#[test]
fn help_on_the_smallest_screen() {
    assert_snapshot!(Scene::watching().keys("?").at("40x12"));
}

#[test]
fn quitting_asks_while_runs_are_alive() {
    assert_snapshot!(Scene::watching().keys("q").at("80x24"));
}

#[test]
fn a_diverged_run_says_when_and_why() {
    let end = finish(312, Outcome::Diverged, Some("the loss is not finite"));
    assert_snapshot!(Scene::watching().run(2, vec![end]).at("120x40"));
}

#[test]
fn a_completed_run_says_beside_its_settings_what_it_leaves_of_its_budget() {
    let end = finish(
        3_999,
        Outcome::Completed,
        Some("3,999 of 4,000 gradient evaluations spent; the next step would cost 2"),
    );
    let screen = Scene::watching().run(0, vec![end]).at("120x40");
    for line in ["│  3,999 of 4,000 gradient         │", "│  would cost 2 "] {
        assert!(screen.contains(line), "{screen}");
    }
}

#[test]
fn the_interval_of_a_trace_has_a_column_where_there_is_room() {
    let probe = events(0, 2_480).into_iter().rev().find_map(|event| match event {
        Event::Probe(probe) => Some(probe),
        _ => None,
    });
    let mut probe = probe.unwrap();
    probe.trace.interval95 = Some(Interval { low: 2.61, high: 3.42 });
    // It is beyond the cost that all runs have spent.
    let scene = Scene::watching().run(0, vec![Event::Probe(probe)]).keys("n");
    let screen = scene.at("200x60");
    assert!(screen.contains("trace, 95 %") && screen.contains("2.61 to 3.42"), "{screen}");
    assert!(!scene.at("80x24").contains("trace, 95 %"));
}

#[test]
fn a_pending_change_shows_both_values() {
    assert_snapshot!(Scene::watching().keys("down down down right right right + +").at("120x40"));
}

#[test]
fn a_refused_change_says_why_beside_the_hyperparameter() {
    let reason = "a whole number at least 1 and at most 64".to_owned();
    let refused = Event::Reject { step: 980, setting: Hyperparameter::K, value: 65.0, reason };
    assert_snapshot!(Scene::watching().keys("down down down").run(3, vec![refused]).at("120x40"));
}

#[test]
fn typing_a_value_that_the_hyperparameter_refuses() {
    assert_snapshot!(Scene::watching().keys("down = - 1 enter").at("80x24"));
}

#[test]
fn changes_go_to_all_runs() {
    assert_snapshot!(Scene::watching().keys("a +").at("120x40"));
}

#[test]
fn one_chart_on_the_whole_screen() {
    assert_snapshot!(Scene::watching().keys("shift-tab enter right right x").at("120x40"));
}

#[test]
fn seven_bits() {
    assert_snapshot!(Scene::in_ascii().keys("down down down +").at("120x40"));
}

#[test]
fn finished() {
    assert_snapshot!(Scene::replaying().at("120x40"));
}

#[test]
fn an_export_is_reported() {
    assert_snapshot!(Scene::watching().receive(Msg::Exported(Ok("runs/x/figure-2480.png".into()))).at("120x40"));
}

#[test]
fn seven_bits_are_seven_bits() {
    for keys in ["", "?", "q", "=", "enter", "shift-tab enter"] {
        for size in ["120x40", "80x24", "40x12", "200x60"] {
            let screen = Scene::in_ascii().keys(keys).at(size);
            let foreign: String = screen.chars().filter(|letter| !letter.is_ascii()).collect();
            assert_eq!(foreign, "", "after {keys} at {size}");
        }
    }
}

#[test]
fn how_busy_the_machine_is_stands_in_the_top_line_where_there_is_room() {
    let top = |gpu, size: &str| {
        let load = Load { cpu_percent: 187.4, memory: 412_300_000, gpu };
        Scene::watching().receive(Msg::Load(load)).at(size).lines().next().unwrap().to_owned()
    };
    let gpu = Some(GpuLoad { busy_percent: 63, memory: 2_140_000_000, memory_total: 8_000_000_000 });
    assert!(top(None, "160x40").contains("   cpu 187 %  412 MB   "), "{}", top(None, "160x40"));
    assert!(top(gpu, "160x40").contains(" 412 MB   gpu  63 %  2.1 of 8.0 GB   "), "{}", top(gpu, "160x40"));
    // What was there before has the room first.
    assert_eq!(top(gpu, "80x24"), Scene::watching().at("80x24").lines().next().unwrap());
}
