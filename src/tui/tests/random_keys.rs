//! No key, message or size makes the dashboard panic.

use proptest::prelude::*;

use super::{
    many::{ten, watching},
    scene::{Scene, adjust, events, finish, start},
};
use crate::{
    optimizer::Hyperparameter,
    run::{Command, Event, Outcome, Position},
    tui::{
        Effect, Msg,
        key::Key,
        keymap::{Context, TABLE},
        print::{Size, frame},
    },
};

fn any_key() -> impl Strategy<Value = Key> {
    let bound: Vec<Key> = TABLE.iter().flat_map(|binding| binding.keys).map(|(key, _)| *key).collect();
    prop_oneof![4 => prop::sample::select(bound), 1 => any::<char>().prop_map(Key::Char)]
}

fn any_event() -> impl Strategy<Value = Event> {
    let number = prop_oneof![Just(0.0), Just(f64::NAN), Just(f64::INFINITY), Just(1e300), any::<f64>(), 0.0..1.0];
    let hyperparameter = prop::sample::select(Hyperparameter::all().collect::<Vec<_>>());
    prop_oneof![
        (0usize..4).prop_map(start),
        (any::<u64>(), any::<u64>(), number.clone(), number.clone()).prop_map(|(step, gradients, loss, seconds)| {
            Event::Step { at: Position { step, gradients, seconds }, loss }
        }),
        (any::<u64>(), hyperparameter.clone(), number.clone(), number.clone())
            .prop_map(|(at, hyperparameter, from, to)| adjust((at, at), hyperparameter, (from, to))),
        (any::<u64>(), hyperparameter, number, any::<String>())
            .prop_map(|(step, setting, value, reason)| Event::Reject { step, setting, value, reason }),
        any::<u64>().prop_map(|step| Event::Pause { step }),
        any::<u64>().prop_map(|step| Event::Resume { step }),
        (any::<u64>(), any::<String>()).prop_map(|(step, reason)| finish(step, Outcome::Failed, Some(&reason))),
        any::<u64>().prop_map(|step| finish(step, Outcome::Completed, None)),
    ]
}

fn any_message() -> impl Strategy<Value = Msg> {
    prop_oneof![
        8 => any_key().prop_map(Msg::Key),
        3 => (0usize..5, prop::collection::vec(any_event(), 0..6)).prop_map(|(run, events)| Msg::Events(vec![(run, events)])),
        1 => any::<u32>().prop_map(|seconds| Msg::Tick(std::time::Duration::from_secs(seconds.into()))),
        1 => any::<String>().prop_map(|text| Msg::Exported(Err(text))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_messages_at_any_size_leave_a_screen(
        messages in prop::collection::vec(any_message(), 0..60),
        (columns, rows) in prop_oneof![(0u16..60, 0u16..30), (0u16..250, 0u16..80)],
    ) {
        let mut scene = Scene::watching();
        for message in messages {
            scene = scene.receive(message);
        }
        frame(&scene.app, Size { columns, rows });
    }
}

#[test]
fn every_size_has_a_screen() {
    let scenes = [
        Scene::picker(),
        Scene::watching(),
        Scene::replaying(),
        Scene::watching().keys("?"),
        Scene::watching().keys("="),
        watching(&ten()),
        watching(&ten()).keys("g down down down tab"),
    ];
    for scene in scenes {
        for (columns, rows) in (0..130).step_by(3).flat_map(|columns| (0..45).map(move |rows| (columns, rows))) {
            frame(&scene.app, Size { columns, rows });
        }
    }
}

/// Whether an effect ends runs or leaves them.
fn costs_a_run(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Quit(_) | Effect::EndSession | Effect::StartSession(_) | Effect::Send { command: Command::Stop, .. }
    )
}

#[test]
fn a_hundred_thousand_keys_lose_no_run_without_a_question() {
    let keys: Vec<Key> = TABLE.iter().flat_map(|binding| binding.keys).map(|(key, _)| *key).collect();
    let mut scene = Scene::watching();
    let (mut state, mut answered): (usize, usize) = (1, 0);
    for count in 0..100_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let context = scene.app.context();
        scene.asked.clear();
        scene = scene.receive(Msg::Key(keys[(state >> 33) % keys.len()]));
        if scene.asked.iter().any(costs_a_run) {
            assert_eq!(context, Context::Question, "key {count}: {:?}", scene.asked);
            answered += 1;
        }
        if count % 5_000 == 0 {
            scene = scene.run(count % 4, events(count % 4, 50));
            scene.at("100x30");
        }
    }
    assert!(answered > 100, "{answered} questions were answered yes");
}
