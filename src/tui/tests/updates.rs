//! What keys and events change, and what they ask of the world.

use std::path::PathBuf;

use super::{
    adding::added,
    scene::{Scene, adjust, events, finish, pressed},
};
use crate::{
    data::folder::Skipped,
    figure::RecordedRun,
    optimizer::Hyperparameter,
    problem::Loading,
    run::{Event, Outcome, RunStatus},
    tui::{
        App, Effect, Ending, EntryKind, InitialScreen, Msg, Origin, PastSession, PresetEntry, Recording, Writer,
        keymap::Context,
    },
};

fn pending(scene: &Scene, run: usize) -> Vec<(Hyperparameter, f64)> {
    scene.app.session().unwrap().runs[run]
        .pending
        .iter()
        .map(|(hyperparameter, value)| (*hyperparameter, *value))
        .collect()
}

#[test]
fn enter_starts_the_preset_under_the_cursor() {
    let scene = Scene::picker().keys("down enter");
    assert!(matches!(&scene.asked[..], [Effect::StartSession(plan)] if plan.preset == "matrix-sensing-small"));
}

#[test]
fn a_preset_that_cannot_be_read_does_not_start() {
    let scene = Scene::picker().keys("down down down enter");
    assert_eq!(scene.asked(), Vec::<String>::new());
    assert_eq!(scene.app.context(), Context::Picker);
}

#[test]
fn keys_that_mean_nothing_here_do_nothing() {
    let before = Scene::picker().at("120x40");
    assert_eq!(Scene::picker().keys("z 5 + - x y Y s r p a b tab shift-tab backspace").at("120x40"), before);
}

#[test]
fn letters_go_to_the_filter_while_it_is_open() {
    let scene = Scene::picker().keys("/ v a l l e y enter");
    assert!(matches!(&scene.asked[..], [Effect::StartSession(plan)] if plan.preset == "valley"));
}

#[test]
fn the_filter_is_closed_and_the_cursor_kept_when_a_preset_starts() {
    let scene = Scene::picker().keys("/ d i g i t s enter").receive(Msg::StartFailed("no data".into()));
    assert_eq!(scene.app.context(), Context::Picker);
    let scene = scene.keys("enter");
    assert!(matches!(&scene.asked[..], [_, Effect::StartSession(plan)] if plan.preset == "mnist-mlp"));
}

#[test]
fn a_change_is_asked_of_the_selected_run_and_stays_pending() {
    let scene = Scene::watching().keys("down +");
    assert_eq!(
        scene.asked().last().unwrap(),
        "Send { run: 1, command: Adjust { hyperparameter: Sigma, value: 0.05 } }"
    );
    assert_eq!(pending(&scene, 1), [(Hyperparameter::Sigma, 0.05)]);
}

#[test]
fn a_second_change_builds_on_the_pending_one() {
    let scene = Scene::watching().keys("down + +");
    assert_eq!(pending(&scene, 1), [(Hyperparameter::Sigma, 0.07)]);
    let scene = scene.run(1, vec![adjust((1_021, 2_042), Hyperparameter::Sigma, (0.03, 0.05))]);
    assert_eq!(
        pending(&scene, 1),
        [(Hyperparameter::Sigma, 0.07)],
        "the answer to the first leaves the second pending"
    );
    let scene = scene.run(1, vec![adjust((1_022, 2_044), Hyperparameter::Sigma, (0.05, 0.07))]);
    assert_eq!(pending(&scene, 1), []);
}

#[test]
fn a_refusal_ends_what_was_pending() {
    let refused = Event::Reject { step: 1, setting: Hyperparameter::Sigma, value: 0.05, reason: "no".into() };
    assert_eq!(pending(&Scene::watching().keys("down +").run(1, vec![refused]), 1), []);
}

#[test]
fn nothing_stays_pending_after_the_end() {
    let scene = Scene::watching().keys("down +").run(1, vec![finish(2_040, Outcome::Completed, None)]);
    assert_eq!(pending(&scene, 1), []);
}

#[test]
fn a_change_for_all_goes_to_the_runs_that_have_the_hyperparameter() {
    let scene = Scene::watching().keys("down a +");
    let asked = scene.asked();
    assert_eq!(asked[1..].len(), 2, "WP-SGD and NSO have a sigma: {asked:?}");
    assert_eq!(pending(&scene, 1), [(Hyperparameter::Sigma, 0.05)]);
    assert_eq!(pending(&scene, 3), [(Hyperparameter::Sigma, 0.05)]);
}

#[test]
fn a_hyperparameter_at_the_end_of_its_range_asks_for_nothing() {
    let scene = Scene::watching().keys("down right - - -");
    assert_eq!(pending(&scene, 1), [(Hyperparameter::K, 1.0)]);
    assert_eq!(scene.asked().len(), 2, "the session, and one step from 2 to 1");
}

#[test]
fn a_typed_value_is_checked_before_it_is_sent() {
    let scene = Scene::watching().keys("down = - 1 enter");
    assert_eq!(scene.app.context(), Context::Prompt);
    let scene = scene.keys("backspace backspace 0 . 0 4 enter");
    assert_eq!(scene.app.context(), Context::Runs);
    assert_eq!(pending(&scene, 1), [(Hyperparameter::Sigma, 0.04)]);
}

#[test]
fn space_pauses_and_resumes() {
    let scene = Scene::watching().keys("space").run(0, vec![Event::Pause { step: 2_480 }]).keys("space");
    assert_eq!(scene.asked()[1..], ["Send { run: 0, command: Pause }", "Send { run: 0, command: Resume }"]);
}

#[test]
fn pausing_all_leaves_out_what_is_over() {
    let scene = Scene::watching().run(0, vec![finish(2_480, Outcome::Completed, None)]).keys("p");
    assert_eq!(scene.asked().len() - 1, 3);
}

#[test]
fn stop_and_another_attempt_ask() {
    let scene = Scene::watching().keys("s");
    assert_eq!((scene.app.context(), scene.asked().len()), (Context::Question, 1));
    assert_eq!(scene.keys("n s y").asked()[1..], ["Send { run: 0, command: Stop }"]);
    let scene = Scene::watching().keys("r");
    assert_eq!((scene.app.context(), scene.asked().len()), (Context::Question, 1));
    let request = added(&scene.keys("y"));
    assert_eq!((request.plan.name.as_str(), request.like, request.origin), ("SGD #2", 0, Origin::InitialWeights));
}

#[test]
fn quitting_asks_only_while_runs_are_alive() {
    assert_eq!(Scene::picker().keys("q").asked(), ["Quit(Quit([]))"]);
    let scene = Scene::watching().keys("q n q");
    assert_eq!(scene.asked().len(), 1);
    assert_eq!(scene.keys("y").asked().last().unwrap(), "Quit(Quit([]))");
    assert_eq!(Scene::replaying().keys("q").asked(), ["Quit(Quit([]))"]);
}

#[test]
fn ctrl_c_asks_once() {
    let scene = Scene::watching().keys("ctrl-c");
    assert_eq!(scene.asked().len(), 1);
    assert_eq!(scene.keys("ctrl-c").asked().last().unwrap(), "Quit(Interrupted)");
    assert_eq!(Scene::picker().keys("ctrl-c").asked(), ["Quit(Interrupted)"]);
    assert_eq!(Scene::watching().keys("q ctrl-c ctrl-c").asked().last().unwrap(), "Quit(Interrupted)");
}

#[test]
fn a_run_that_diverged_makes_the_exit_code_three() {
    let mut scene = Scene::watching();
    for run in 0..3 {
        scene = scene.run(run, vec![finish(2_480, Outcome::Completed, None)]);
    }
    let scene = scene.run(3, vec![finish(312, Outcome::Diverged, Some("the loss is not finite"))]).keys("q");
    let Some(Effect::Quit(ending)) = scene.asked.last() else { panic!("{:?}", scene.asked()) };
    assert_eq!(ending.exit_code(), 3);
    assert_eq!(Ending::Signal(15).exit_code(), 143);
    assert_eq!(Ending::Interrupted.exit_code(), 130);
    assert_eq!(Ending::Failed(String::new()).exit_code(), 2);
}

#[test]
fn a_replay_takes_no_commands() {
    let scene = Scene::replaying().keys("+ - = space p s r a");
    assert_eq!(scene.asked(), Vec::<String>::new());
    let screen = scene.at("120x40");
    let keys = screen.lines().last().unwrap();
    assert!(!keys.contains("change") && !keys.contains("pause") && keys.contains("export"), "{keys}");
}

#[test]
fn back_to_the_presets_only_when_all_is_over() {
    assert_eq!(Scene::watching().keys("b").app.context(), Context::Runs);
    let scene = Scene::replaying().keys("b");
    assert_eq!(scene.app.context(), Context::Picker);
    assert_eq!(scene.asked(), ["EndSession"]);
}

#[test]
fn what_the_command_line_asked_for_and_cannot_be_had_ends_the_program() {
    let scene = Scene::starting().receive(Msg::StartFailed("no data".into()));
    assert_eq!(scene.asked().last().unwrap(), "Quit(Failed(\"no data\"))");
}

#[test]
fn a_session_that_the_command_line_has_read_is_not_read_again() {
    let mut setup = super::scene::setup(crate::tui::Glyphs::Unicode);
    setup.choices.clear();
    let plan = super::scene::plan();
    let events: Vec<_> = (0..plan.runs.len()).map(|run| events(run, 100)).collect();
    let runs = RecordedRun::of(&plan, &events);
    let recording = Recording { plan, runs, directory: PathBuf::from("runs/x"), writer: Writer::Alive, damage: None };
    let (app, asked) = App::new(InitialScreen::Recorded(Box::new(recording)), setup);
    assert!(asked.is_empty() && app.session().is_some_and(|session| session.runs[0].history.now().step == 100));
}

#[test]
fn while_images_are_read_the_top_line_counts_them() {
    let top = |scene: &Scene| scene.at("120x40").lines().next().unwrap().to_owned();
    let scene = Scene::starting().receive(Msg::Loading(Loading::Images { done: 17, of: 300 }));
    assert!(top(&scene).contains("17 of 300 images read"), "{}", top(&scene));
    let scene = scene.receive(Msg::Started { directory: None });
    assert!(!top(&scene).contains("images"), "{}", top(&scene));
}

#[test]
fn what_there_is_to_know_before_a_session_is_at_the_bottom() {
    let bottom = |scene: &Scene| scene.at("120x40").lines().last().unwrap().to_owned();
    let scene = Scene::starting().receive(Msg::Warning("it takes long".into()));
    assert!(bottom(&scene).contains("it takes long"), "{}", bottom(&scene));
    let first = Skipped { path: "b/3.png".into(), reason: "it is cut short".into() };
    let scene = scene.receive(Msg::Loading(Loading::SkippedImages { count: 2, of: 300, first }));
    assert!(bottom(&scene).contains("2 of 300 images left out, b/3.png: it is cut short"), "{}", bottom(&scene));
}

#[test]
fn what_the_picker_asked_for_and_cannot_be_had_is_said_there() {
    let scene = Scene::picker().keys("enter").receive(Msg::StartFailed("no data".into()));
    assert_eq!(scene.app.context(), Context::Picker);
    assert!(scene.at("120x40").contains("no data"));
}

#[test]
fn a_directory_can_be_opened_from_the_picker() {
    let scene = Scene::picker().keys("o r u n s / x enter");
    assert_eq!(scene.asked(), ["OpenSession(\"runs/x\")"]);
}

#[test]
fn an_export_goes_beside_the_log_and_shows_what_the_screen_shows() {
    let scene = Scene::watching().keys("x e");
    let Some(Effect::Export(request)) = scene.asked.last() else { panic!("{:?}", scene.asked()) };
    assert_eq!(request.path, PathBuf::from("runs/20260102T030405Z-mnist-mlp-c0de/figure-2480.png"));
    assert_eq!(request.options.view.x, crate::figure::XAxis::Step);
    let events = [2_480, 2_040, 1_600, 1_960].into_iter().enumerate().map(|(run, spent)| events(run, spent).len());
    assert_eq!(request.received, events.collect::<Vec<_>>(), "histories stay where they are: the log has the events");
}

#[test]
fn an_export_goes_where_the_typed_name_says() {
    let scene = Scene::watching().keys("E a . c s v enter");
    let Some(Effect::Export(request)) = scene.asked.last() else { panic!("{:?}", scene.asked()) };
    assert_eq!(request.path, PathBuf::from("a.csv"));
    assert_eq!(request.directory, PathBuf::from("runs/20260102T030405Z-mnist-mlp-c0de"));
    let untouched = Scene::watching().asked.len();
    let mistyped = Scene::watching().keys("E a . p d f enter");
    assert_eq!((mistyped.app.context(), mistyped.asked.len()), (Context::Prompt, untouched));
    let mended = mistyped.keys("backspace backspace backspace s v g enter");
    let Some(Effect::Export(request)) = mended.asked.last() else { panic!("{:?}", mended.asked()) };
    assert_eq!(request.path, PathBuf::from("a.svg"));
    assert_eq!(Scene::watching().keys("E enter").asked.len(), untouched, "an empty name is no file");
}

#[test]
fn events_of_a_run_that_is_not_there_are_dropped() {
    let before = Scene::watching().at("120x40");
    assert_eq!(Scene::watching().run(9, events(0, 10)).at("120x40"), before);
}

#[test]
fn names_cannot_steer_the_terminal() {
    let mut plan = super::scene::plan();
    plan.preset = "x\u{1b}]0;owned\u{7}".into();
    plan.runs[0].name = "a\u{1b}[31m\u{202e}b".into();
    let scene = Scene::new(InitialScreen::Plan(Box::new(plan)))
        .receive(Msg::Started { directory: None })
        .run(0, vec![finish(1, Outcome::Failed, Some("\u{1b}[2J\u{9b}31mgone"))])
        .receive(Msg::Exported(Err("\u{1b}[5m".into())));
    for size in ["120x40", "80x24", "40x12"] {
        let screen = scene.at(size);
        assert!(!screen.chars().any(|letter| letter != '\n' && letter.is_control()), "{size}: {screen}");
        assert!(!screen.contains('\u{202e}'));
    }
}

#[test]
fn every_pane_comes_round() {
    let scene = Scene::watching();
    assert_eq!(pressed(scene.app, "tab tab tab shift-tab").context(), Context::Charts);
}

/// A session with this writer, whose first run is at its end and whose others are not.
fn recorded(writer: Writer, damage: Option<&str>) -> Scene {
    let plan = super::scene::plan();
    let mut logs: Vec<Vec<Event>> = (0..plan.runs.len()).map(|run| events(run, 100)).collect();
    logs[0].push(finish(100, Outcome::Completed, None));
    let directory = PathBuf::from("runs/x");
    let runs = RecordedRun::of(&plan, &logs);
    let recording = Recording { plan, runs, directory, writer, damage: damage.map(str::to_owned) };
    Scene::new(InitialScreen::Recorded(Box::new(recording)))
}

#[test]
fn a_session_that_nobody_writes_is_interrupted_and_resumed_by_a_key() {
    let followed = recorded(Writer::Alive, None);
    assert!(followed.at("120x40").contains("1 completed, 3 running"));
    assert_eq!(followed.keys("R").asked(), Vec::<String>::new(), "another process is at it");
    let cut_off = recorded(Writer::Alive, None).receive(Msg::Writer(Writer::Gone));
    let screen = cut_off.at("120x40");
    assert!(screen.contains("1 completed, 3 interrupted") && screen.contains("R resume"), "{screen}");
    assert!(!screen.contains("running"), "{screen}");
    let resumed = cut_off.keys("R");
    assert_eq!(resumed.asked(), ["ResumeSession(\"runs/x\")"]);
    let resumed = resumed.receive(Msg::Started { directory: Some("runs/x".into()) });
    assert!(resumed.run(1, events(1, 200)).at("120x40").contains("1 running"));
}

#[test]
fn a_session_that_cannot_be_resumed_leaves_the_presets() {
    let scene = recorded(Writer::Gone, None).keys("R").receive(Msg::StartFailed("process 7 writes it".into()));
    assert_eq!(scene.app.context(), Context::Picker);
    assert!(scene.at("120x40").contains("process 7 writes it"));
}

#[test]
fn damage_is_said_and_stays_said() {
    let bottom = |scene: &Scene| scene.at("200x40").lines().last().unwrap().to_owned();
    let scene = recorded(Writer::Alive, Some("a damaged line is left out: line 7")).keys("j");
    assert!(bottom(&scene).contains("a damaged line is left out: line 7"), "{}", bottom(&scene));
    let scene = scene.receive(Msg::Damage("cannot read on: gone".into())).keys("j");
    assert!(bottom(&scene).contains("cannot read on: gone"), "{}", bottom(&scene));
}

#[test]
fn a_run_that_cannot_write_says_that_it_waits_and_why() {
    let status = |blocked: Option<&str>| Msg::Status {
        run: 3,
        status: RunStatus { durable_step: Some(900), blocked: blocked.map(str::to_owned), measuring: false },
    };
    let scene = Scene::watching().receive(status(Some("cannot write events.jsonl: No space left on device")));
    for size in ["120x40", "60x20"] {
        assert!(scene.at(size).contains("waits  cannot write events.jsonl"), "{}", scene.at(size));
    }
    assert!(scene.at("120x40").contains("3 running, 1 waits"), "{}", scene.at("120x40"));
    let scene = scene.receive(status(None)).keys("j j j");
    assert!(scene.at("120x40").contains("4 running"));
    assert!(scene.at("250x40").contains("durable to step 900"), "{}", scene.at("250x40"));
}

#[test]
fn a_run_that_measures_says_so_until_it_trains_again() {
    let status = |measuring| Msg::Status { run: 0, status: RunStatus { measuring, ..RunStatus::default() } };
    let scene = Scene::watching().receive(status(true));
    assert!(scene.at("120x40").contains("● SGD     measuring"), "{}", scene.at("120x40"));
    assert!(!scene.receive(status(false)).at("120x40").contains("measuring  "));
}

#[test]
fn a_past_session_in_the_list_is_opened_and_its_preset_is_not_copied() {
    let session = PastSession {
        directory: PathBuf::from("runs/20261201T035854Z-mnist-mlp-dd5e"),
        when: "2026-12-01 03:58 UTC".into(),
        standing: "3 completed, 1 stopped".into(),
    };
    let entry = PresetEntry {
        name: session.directory.display().to_string(),
        plan: Ok(super::scene::plan()),
        kind: EntryKind::Session(session),
    };
    let mut setup = super::scene::setup(crate::tui::Glyphs::Unicode);
    setup.choices.push(entry);
    let (app, asked) = App::new(InitialScreen::Picker, setup);
    let scene = Scene { app, asked }.keys("down down down down e");
    assert_eq!(scene.asked.len(), 0, "there is no preset of that name to copy");
    assert!(scene.at("120x40").contains("session of 2026-12-01 03:58 UTC: 3 completed, 1 stopped"));
    let scene = scene.keys("/ s t o p p e d enter");
    assert_eq!(scene.asked(), ["OpenSession(\"runs/20261201T035854Z-mnist-mlp-dd5e\")"]);
}

#[test]
fn what_a_key_changes_is_in_sight_on_the_whole_screen_too() {
    let scene = Scene::watching().keys("enter");
    assert!(scene.at("120x40").contains("lr 0.05"), "{}", scene.at("120x40"));
    let changed = scene.keys("+").at("120x40");
    assert!(changed.contains("lr 0.05 →"), "{changed}");
    assert!(!Scene::replaying().keys("enter").at("120x40").contains("lr 0.05"), "nothing can be changed");
}
