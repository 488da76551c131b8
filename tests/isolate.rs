//! Runs in processes of their own: the real binary, whose children are killed.

#![cfg(target_os = "linux")]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nso_tui::run::{Event, Outcome, first_difference, log::SessionLog};

const SESSION: [&str; 9] = [
    "mnist-mlp",
    "--device",
    "flex",
    "--set",
    "train.gradients=240",
    "--set",
    "train.probe_every=\"never\"",
    "--set",
    "train.checkpoint_every=\"1 s\"",
];

fn program(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nso-tui"));
    command.args(arguments).arg("--out").arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn children(process: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
        let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(text.split_whitespace().filter_map(|number| number.parse::<u32>().ok()));
    }
    found
}

/// Waits until a value is there.
fn soon<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_mins(2), "no {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_run_whose_process_is_killed_ends_alone_and_can_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| folder.path().join(name));
    let run: Vec<&str> = std::iter::once("run").chain(SESSION).collect();
    assert!(program(&run, &whole).status().unwrap().success());
    let isolated: Vec<&str> = run.iter().copied().chain(["--isolate"]).collect();
    let mut process = program(&isolated, &killed).spawn().unwrap();
    let log = killed.join("SAM/events.jsonl");
    soon("step of SAM", || fs::read_to_string(&log).ok().filter(|text| text.contains("\"step\":3,")));
    let victim = soon("process of SAM", || {
        children(process.id()).into_iter().find(|child| {
            let line = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
            let plan = SessionLog::open(&killed).unwrap().plan;
            let place = plan.runs.iter().position(|run| run.name == "SAM").unwrap().to_string();
            line.split(|byte| *byte == 0).any(|argument| argument == place.as_bytes())
        })
    });
    assert!(Command::new("kill").args(["-9", &victim.to_string()]).status().unwrap().success());
    let code = process.wait().unwrap().code();
    let runs = |session: &Path| {
        let mut session = SessionLog::open(session).unwrap();
        let names: Vec<String> = session.plan.runs.iter().map(|run| run.name.clone()).collect();
        names.into_iter().zip(session.read_new().unwrap().runs).collect::<Vec<_>>()
    };
    for (name, events) in runs(&killed) {
        let Some(Event::Finish { outcome, reason, .. }) = events.last() else { panic!("{name} has no end") };
        if name == "SAM" {
            assert_eq!((*outcome, code), (Outcome::Failed, Some(3)));
            assert!(reason.as_ref().unwrap().starts_with("its process was ended by signal 9"), "{reason:?}");
        } else {
            assert_eq!(*outcome, Outcome::Completed, "{name}");
        }
    }
    let resumed = Command::new(env!("CARGO_BIN_EXE_nso-tui"))
        .arg("resume")
        .arg(&killed)
        .args(["--isolate", "--device", "flex"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(resumed.unwrap().success());
    for ((name, whole), (_, resumed)) in runs(&whole).into_iter().zip(runs(&killed)) {
        assert_eq!(first_difference(&whole, &resumed), None, "{name}");
    }
}
