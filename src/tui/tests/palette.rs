//! The command palette, from the keys to the screen and to what is done.

use strum::VariantArray;

use super::scene::Scene;
use crate::tui::keymap::{Action, Context, SessionAction};

#[test]
fn a_command_is_found_by_letters_of_its_name_and_done() {
    let scene = Scene::watching().keys(": s o l o");
    assert_eq!(scene.app.context(), Context::Palette);
    insta::assert_snapshot!(scene.at("120x40"));
    let scene = scene.keys("enter");
    let shown = scene.app.session().unwrap().plotted_runs().len();
    assert_eq!((scene.app.context(), shown), (Context::Runs, 1));
    // A command that asks asks here too.
    assert_eq!(Scene::watching().keys(": f o r k enter").app.context(), Context::Prompt);
    assert_eq!(Scene::watching().keys(": q u i t enter").app.context(), Context::Question);
}

#[test]
fn the_cursor_goes_through_what_is_left() {
    let view = |keys: &str| {
        let scene = Scene::watching().keys(keys);
        let view = scene.app.session().unwrap().view;
        (view.x_scale, view.y_scales)
    };
    let [first, second] = [": l o g enter", ": l o g down enter"].map(view);
    assert_ne!(first, second);
    assert_eq!(view(": l o g down up up enter"), first);
}

#[test]
fn letters_that_no_command_has_do_nothing() {
    let scene = Scene::watching().keys(": z z z z");
    assert!(scene.at("80x24").contains("no command has these letters"));
    let scene = scene.keys("enter");
    assert_eq!((scene.app.context(), scene.asked.len()), (Context::Runs, 1));
    assert_eq!(Scene::watching().keys(": q esc").app.context(), Context::Runs);
    let untouched = Scene::watching().keys(":").at("120x40");
    assert_eq!(Scene::watching().keys(": z z backspace backspace").at("120x40"), untouched);
}

#[test]
fn only_what_would_do_something_is_offered() {
    let replay = Scene::replaying().keys(": f o r k").at("120x40");
    assert!(!replay.contains("goes on from where"), "{replay}");
    assert!(Scene::picker().keys(":").at("120x40").contains("start preset"));
}

#[test]
fn every_action_has_a_name_of_its_own() {
    let mut names: Vec<_> = SessionAction::VARIANTS.iter().map(|action| Action::Watch(*action).name()).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
    assert_eq!(Action::Watch(SessionAction::RunAgain).name(), "run again");
}
