//! Text that acts on terminals: escape sequences, controls, what reorders or hides. Wherever it comes from, none of it comes out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs, path::PathBuf};

use nso_tui::{
    figure::{self, Options, RecordedRun, Session},
    optimizer::Hyperparameter,
    run::{
        Eigenvalue, Estimate, Event, NamedEstimate, Outcome, Plan, Position, Probe, RunPlan,
        log::{Destination, LogReader, SessionDirectory},
        preset,
    },
    text::{escaped, is_printable, printable},
    tui::{App, Recording, Setup, Writer, print},
};
use proptest::prelude::*;

const PRESET: &str = "
    [problem]
    kind = \"valley\"
    [train]
    steps = 10
    [[run]]
    name = \"a\"
    method = \"sgd\"
";

/// Controls, escape sequences, bidirectional marks, what has no width, and letters between them; short, or very long.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[ -~]{0,6}",
        2 => prop::char::range('\0', '\u{9f}').prop_map(String::from),
        1 => Just("\u{1b}[2J".to_owned()),
        1 => Just("\u{1b}]0;title\u{7}".to_owned()),
        1 => Just("\u{9b}31m".to_owned()),
        1 => prop::char::range('\u{200b}', '\u{200f}').prop_map(String::from),
        1 => prop::char::range('\u{2028}', '\u{202e}').prop_map(String::from),
        1 => prop::char::range('\u{2060}', '\u{206f}').prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
        // A name that was no text.
        1 => prop::collection::vec(any::<u8>(), 0..8).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    ];
    let short = prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat());
    (short, prop_oneof![50 => Just(1_usize), 1 => Just(2_000)]).prop_map(|(text, times)| text.repeat(times))
}

/// What must not be in a file or on a screen: anything that is not printable, lines apart.
fn acting(text: &str) -> Option<char> {
    text.chars().find(|&letter| letter != '\n' && letter != '\r' && !is_printable(letter) && letter != '\u{fffd}')
}

/// A run whose every text is this one.
fn events(text: &str) -> Vec<Event> {
    let at = Position { step: 3, gradients: 3, seconds: 0.5 };
    let estimate = Estimate::new(1.0, 0.1, 10);
    let lambda_max = Eigenvalue { value: 2.0, residual: 0.1, products: 3 };
    let layers = vec![NamedEstimate { name: text.to_owned(), estimate }];
    vec![
        Event::Probe(Box::new(Probe { layers, ..Probe::new(at, estimate, lambda_max) })),
        Event::Reject { step: 3, setting: Hyperparameter::Lr, value: 1.0, reason: text.to_owned() },
        Event::Finish { outcome: Outcome::Failed, at, reason: Some(text.to_owned()), best_step: None },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(5_000) })]

    #[test]
    fn texts_for_people_never_act(text in hostile()) {
        prop_assert_eq!(acting(&printable(&text)), None);
        prop_assert_eq!(acting(&escaped(&text)), None);
        // As the binary prints errors: a preset of that name, with that key and that value.
        let value = toml::Value::String(text.clone());
        for error in [
            preset::find(&text).unwrap_err(),
            preset::parse(&text, &format!("{PRESET}{value} = 1"), &[]).unwrap_err(),
            preset::parse("p", PRESET, &[format!("train.evaluate_every={text}")]).err().unwrap_or_else(|| {
                preset::find("").unwrap_err()
            }),
        ] {
            let shown = error.to_string();
            prop_assert_eq!(acting(&shown.split('\n').map(escaped).collect::<Vec<_>>().join("\n")), None);
        }
    }
}

/// A plan of a run for each name.
fn plan(names: &[String]) -> Plan {
    let mut plan = preset::parse("p", PRESET, &[]).unwrap();
    (plan.title, plan.about) = (names[0].clone(), names[0].clone());
    let run = plan.runs[0].clone();
    plan.runs = names.iter().map(|name| RunPlan { name: name.clone(), ..run.clone() }).collect();
    plan
}

proptest! {
    // A hundred strings a case.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(50) })]

    #[test]
    fn files_and_frames_never_act_and_logs_keep_the_text(texts in prop::collection::vec(hostile(), 100)) {
        let folder = tempfile::tempdir().unwrap();
        let events: Vec<Vec<Event>> = texts.iter().map(|text| events(text)).collect();
        let session = Session::new(&plan(&texts), events.clone());
        for name in ["a.csv", "a.jsonl"] {
            let path = folder.path().join(name);
            figure::export(&session, &path, &Options::default()).unwrap();
            prop_assert_eq!(acting(&fs::read_to_string(&path).unwrap()), None, "{}", name);
        }
        let destination = Destination::Exactly(folder.path().join("session"));
        let directory = SessionDirectory::create(&destination, &plan(&["a".to_owned()])).unwrap().unwrap();
        let mut log = directory.log(0, 0).unwrap();
        events.iter().flatten().for_each(|event| log.append(event).unwrap());
        log.flush().unwrap();
        prop_assert_eq!(acting(&fs::read_to_string(log.path()).unwrap()), None);
        let read = LogReader::new(log.path().to_owned()).read_new().unwrap().events;
        prop_assert_eq!(read, events.concat());
        for (text, events) in texts.iter().zip(&events).step_by(10) {
            let plan = plan(std::slice::from_ref(text));
            let runs = RecordedRun::of(&plan, std::slice::from_ref(events));
            let app = App::replay(Recording { plan, runs, directory: PathBuf::from(text), writer: Writer::Gone, damage: None }, Setup::default());
            prop_assert_eq!(acting(&print::frame(&app, "80x24".parse().unwrap())), None);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(8) })]

    #[test]
    fn figures_never_act(text in hostile()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.svg");
        let text: String = text.chars().take(200).collect();
        let session = Session::new(&plan(std::slice::from_ref(&text)), vec![events(&text)]);
        figure::export(&session, &path, &Options::default()).unwrap();
        prop_assert_eq!(acting(&fs::read_to_string(&path).unwrap()), None);
    }
}
