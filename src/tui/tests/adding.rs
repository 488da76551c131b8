//! Runs that are added to a session, from the keys to the screen.

use super::scene::{Scene, events, finish, plan};
use crate::{
    optimizer::Hyperparameter,
    run::{Event, Fork, Outcome, Position, RunPlan},
    tui::{Effect, Msg, Origin, RunRequest, SetValue, keymap::Context},
};

/// The run that was asked for last.
pub(super) fn added(scene: &Scene) -> RunRequest {
    match scene.asked.last() {
        Some(Effect::AddRun(request)) => RunRequest::clone(request),
        other => panic!("no run was asked for, but {other:?}"),
    }
}

/// Types a line and accepts it.
fn typed(scene: Scene, text: &str) -> Scene {
    let keys: Vec<String> =
        text.chars().map(|letter| if letter == ' ' { "space".into() } else { letter.to_string() }).collect();
    scene.keys(&keys.join(" ")).keys("enter")
}

/// Takes back all that a line begins with.
fn cleared(scene: Scene) -> Scene {
    scene.keys(&["backspace"; 20].join(" "))
}

#[test]
fn a_fork_takes_the_typed_changes() {
    let scene = Scene::watching().keys("down f");
    assert_eq!(scene.app.context(), Context::Prompt);
    assert!(scene.at("120x40").contains("sigma=0.03"), "{}", scene.at("120x40"));
    let request = added(&typed(scene.keys("backspace backspace"), "05 lr=.01"));
    assert_eq!((request.plan.name.as_str(), request.like, request.origin), ("WP-SGD #2", 1, Origin::Fork));
    let set = |hyperparameter, value| SetValue { hyperparameter, value };
    assert_eq!(request.changes, [set(Hyperparameter::Sigma, 0.05), set(Hyperparameter::Lr, 0.01)]);
    let unchanged = added(&cleared(Scene::watching().keys("f")).keys("enter"));
    assert_eq!(unchanged.changes, []);
}

#[test]
fn what_a_fork_cannot_change_is_said() {
    for (text, reason) in [
        ("sigma", "sigma: expected KEY=VALUE, such as lr=0.01"),
        ("lr=two", "lr: \"two\" is not a number"),
        ("lr=-1", "lr"),
        ("simga=.1", "did you mean 'sigma'?"),
        ("method=sam", "a fork goes on with the same method"),
        ("rho=0.1", "rho"),
    ] {
        let scene = typed(cleared(Scene::watching().keys("f")), text);
        let screen = scene.at("120x40");
        assert_eq!(scene.app.context(), Context::Prompt, "{text}");
        assert!(screen.contains(reason), "{text}: {screen}");
        assert_eq!(scene.asked.len(), 1);
    }
}

#[test]
fn a_new_run_shares_what_its_method_has_with_the_selected_one() {
    let request = added(&typed(Scene::watching().keys("+ A"), "sam rho=.1"));
    assert_eq!((request.plan.name.as_str(), request.origin), ("SAM #2", Origin::InitialWeights));
    let of_plan = plan().runs[0].hyperparameters;
    assert_eq!(request.plan.hyperparameters.rule.key(), "sam");
    assert_eq!(request.plan.hyperparameters.get(Hyperparameter::Rho), Some(0.1));
    assert_eq!(request.plan.hyperparameters.get(Hyperparameter::Momentum), of_plan.get(Hyperparameter::Momentum));
    let other = added(&typed(Scene::watching().keys("A"), "gsam"));
    assert_eq!(other.plan.name, "GSAM");
    let wrong = typed(Scene::watching().keys("A"), "samm");
    assert!(wrong.at("120x40").contains("no method samm"), "{}", wrong.at("120x40"));
}

#[test]
fn a_run_that_was_added_stands_selected_behind_the_others() {
    let run =
        RunPlan { name: "NSO #2".into(), fork: Some(Fork { of: "NSO".into(), step: 900 }), ..plan().runs[3].clone() };
    let colours = |scene: &Scene| scene.app.session().unwrap().runs.iter().map(|run| run.slot).collect::<Vec<_>>();
    let scene = Scene::watching();
    let before = colours(&scene);
    let scene = scene.receive(Msg::RunAdded(Ok(Box::new(run)))).run(4, events(3, 1_960));
    let session = scene.app.session().unwrap();
    assert_eq!((session.selected(), session.runs[4].history.now().gradients > 0), (4, true));
    let after = colours(&scene);
    assert_eq!(after[..4], before);
    assert!(!before.contains(&after[4]));
    insta::assert_snapshot!(scene.at("120x40"));
    let failed = Scene::watching().receive(Msg::RunAdded(Err("the disk is full".into())));
    assert!(failed.at("120x40").contains("no run was added: the disk is full"));
}

#[test]
fn undo_takes_back_one_change_after_another() {
    let scene = Scene::watching().keys("u");
    assert_eq!(scene.asked.len(), 1, "there is nothing to take back");
    let scene = Scene::watching().keys("down + + u u u");
    let sent: Vec<f64> = scene.asked[1..]
        .iter()
        .map(|effect| match effect {
            Effect::Send {
                run: 1,
                command: crate::run::Command::Adjust { hyperparameter: Hyperparameter::Sigma, value },
            } => *value,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sent.len(), 4);
    assert_eq!(sent[2..], [sent[0], 0.03]);
}

#[test]
fn a_run_forks_while_it_trains_or_has_a_checkpoint() {
    let offered = |outcome| {
        let scene = match outcome {
            None => Scene::watching(),
            Some(outcome) => Scene::watching().run(0, vec![finish(2_480, outcome, Some("a reason"))]),
        };
        scene.keys("f").app.context() == Context::Prompt
    };
    let outcomes = [None, Some(Outcome::Stopped), Some(Outcome::Diverged), Some(Outcome::Completed)];
    assert_eq!(outcomes.map(offered), [true, true, true, false]);
    assert_eq!(Scene::replaying().keys("f A r").app.context(), Context::Runs);
}

#[test]
fn leaving_the_runs_to_a_process_in_the_background_is_an_answer() {
    let scene = Scene::watching().keys("q");
    assert!(scene.at("120x40").contains("leave them running"));
    assert_eq!(scene.keys("d").asked().last().unwrap(), "Quit(Detached)");
    let stop = Scene::watching().keys("s d");
    assert_eq!((stop.app.context(), stop.asked.len()), (Context::Question, 1));
    assert!(!stop.at("120x40").contains("leave them running"));
}

#[test]
fn a_fork_in_a_log_says_where_it_branched_off() {
    let event = Event::Fork { step: 7, run: "NSO #2".into() };
    assert_eq!(serde_json::to_string(&event).unwrap(), r#"{"event":"fork","step":7,"run":"NSO #2"}"#);
    assert_eq!(event.position(), None::<Position>);
}
