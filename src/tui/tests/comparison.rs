//! The table at equal cost: its title, its baseline, its verdict; and runs that charts leave out.

use super::scene::{Scene, finish};
use crate::{run::Outcome, tui::Effect};

/// The line of the screen that has this text.
fn line_with(screen: &str, text: &str) -> String {
    screen.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("no {text} in\n{screen}")).to_owned()
}

#[test]
fn values_stand_at_the_cost_of_the_slowest_run_until_the_newest_are_asked_for() {
    let scene = Scene::watching();
    let equal = scene.at("120x40");
    assert!(equal.contains("runs at 1,600 gradient evaluations · one seed"), "{equal}");
    // SGD has gone on to a loss of .0138.
    assert!(line_with(&equal, "● SGD     running").contains("0.0377"), "{equal}");
    assert!(equal.contains("1,600 of 4,000 gradient evaluations"), "{equal}");
    let newest = scene.keys("n").at("120x40");
    assert!(newest.contains("runs newest values, not at equal cost"), "{newest}");
    assert!(equal.contains("test acc. no difference") && !newest.contains("test acc. no difference"), "{newest}");
    assert!(newest.contains("vs SGD, 2 s.e.: trace @ .05 lower"), "the loss is equal all the same:\n{newest}");
    assert!(line_with(&newest, "● SGD     running").contains("0.0138"), "{newest}");
}

/// What a completed run leaves of its budget holds nothing back, and neither does a run that was stopped early.
#[test]
fn a_run_that_was_stopped_does_not_hold_the_comparison_back() {
    let scene = Scene::watching().run(2, vec![finish(800, Outcome::Stopped, None)]);
    assert!(scene.at("120x40").contains("runs at 1,960 gradient evaluations"));
    // Nothing is said of its accuracy, as the baseline's least of all.
    let scene = scene.keys("down down B");
    assert!(!scene.at("120x40").contains("test acc. no difference"), "{}", scene.at("120x40"));
}

#[test]
fn the_selected_run_becomes_the_baseline() {
    let scene = Scene::watching();
    assert!(scene.at("120x40").contains("Δ SGD"));
    let scene = scene.keys("down B");
    let screen = scene.at("120x40");
    assert!(screen.contains("Δ WP-SGD") && screen.contains("vs WP-SGD, 2 s.e."), "{screen}");
    assert!(line_with(&screen, "■ WP-SGD").contains("–"), "{screen}");
    // The trace of all others is higher than WP-SGD's.
    assert!(screen.contains("trace @ .05 higher: SGD, SAM, NSO"), "{screen}");
}

#[test]
fn a_hidden_run_leaves_the_charts_and_the_figure_and_stays_in_the_table() {
    let scene = Scene::watching().keys("down v");
    let screen = scene.at("120x40");
    assert!(!screen.contains("WP-SGD ."), "no label at a curve:\n{screen}");
    assert!(line_with(&screen, "WP-SGD  running, hidden").contains("0.74 ± .03"), "{screen}");
    let hidden = |scene: &Scene| match scene.asked.last() {
        Some(Effect::Export(request)) => request.options.hidden.clone(),
        other => panic!("{other:?}"),
    };
    let scene = scene.keys("e");
    assert_eq!(hidden(&scene), [1]);
    let scene = scene.keys("V e");
    assert_eq!(hidden(&scene), [0, 2, 3], "the selected run alone");
    let scene = scene.keys("V e");
    assert_eq!(hidden(&scene), [0; 0]);
    assert!(scene.keys("v v").at("120x40").contains("WP-SGD ."));
}

/// Types a filter and accepts it: the names of the runs that are shown.
fn filtered(text: &str) -> Vec<String> {
    let keys: Vec<String> = text.chars().map(|c| if c == ' ' { "space".into() } else { c.to_string() }).collect();
    let scene = Scene::watching().keys(&format!("/ {} enter", keys.join(" ")));
    scene.app.session().unwrap().plotted_runs().iter().map(|run| run.name.to_owned()).collect()
}

#[test]
fn a_filter_shows_the_runs_that_meet_every_condition() {
    assert_eq!(filtered("gd"), ["SGD", "WP-SGD"]);
    assert_eq!(filtered("method=sam"), ["SAM"]);
    assert_eq!(filtered("sigma>0"), ["WP-SGD", "NSO"]);
    assert_eq!(filtered("sigma>=0.03 nso"), ["NSO"]);
    assert_eq!(filtered("state=running lr<1").len(), 4);
    assert_eq!(filtered("").len(), 4);
}

#[test]
fn a_filter_that_no_run_meets_hides_none_and_says_so() {
    for (text, reason) in [("zzz", "no run is so"), ("simga>1", "did you mean 'sigma'?"), ("lr>x", "is not a number")] {
        let keys: Vec<String> = text.chars().map(|c| c.to_string()).collect();
        let scene = Scene::watching().keys(&format!("/ {} enter", keys.join(" ")));
        assert!(scene.at("120x40").contains(reason), "{text}: {}", scene.at("120x40"));
        assert_eq!(scene.app.session().unwrap().plotted_runs().len(), 4);
    }
    // The cursor goes to a run that can be seen.
    let scene = Scene::watching().keys("/ n s o enter");
    assert_eq!(scene.app.session().unwrap().selected(), 3);
}
