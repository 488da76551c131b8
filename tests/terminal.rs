//! The real binary in a pseudo-terminal: it starts, shows, steers, writes, and gives the terminal back on every way out.
//! The screen is read by a terminal emulator and waited for with a deadline; nothing sleeps for a fixed time.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "terminal/leaving.rs"]
mod leaving;
#[path = "terminal/pty.rs"]
mod pty;

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use pty::Terminal;

/// Width and height of a PNG whose pixels all decode.
fn decoded(path: &Path) -> (u32, u32) {
    let picture = image::open(path).unwrap();
    (picture.width(), picture.height())
}

#[test]
fn a_session_is_picked_watched_steered_exported_and_left() {
    let mut terminal = Terminal::start(&[]);
    terminal.wait_for("Pick an experiment");
    terminal.keys("/valley");
    terminal.wait_for("filter: valley");
    terminal.keys("\u{1b}");
    terminal.wait_for("type / to filter");
    terminal.keys("?");
    terminal.wait_for("choose a preset");
    terminal.keys("q");
    terminal.wait_without("choose a preset");
    terminal.keys("q");
    assert_eq!(terminal.end(), 0);

    let mut terminal = Terminal::start(&["endless.toml"]);
    terminal.wait_for("2 running");
    // The process's own load, looked at every two seconds.
    terminal.wait_for(" MB   ");
    // NSO's sigma: the run below, the first hyperparameter.
    terminal.keys("j");
    terminal.wait_for("╭ NSO");
    terminal.keys("+");
    terminal.wait_for("◂ 0.02 @");
    terminal.keys("e");
    terminal.wait_for(".png");
    terminal.keys("q");
    terminal.wait_for("2 runs are still training");
    terminal.keys("y");
    assert_eq!(terminal.end(), 0);

    let session = terminal.session();
    let log = fs::read_to_string(session.join("NSO/events.jsonl")).unwrap();
    let events: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let change = events.iter().find(|event| event["event"] == "adjust").expect("the change is in the log");
    assert_eq!((&change["setting"], &change["from"], &change["to"]), (&"sigma".into(), &0.02.into(), &0.03.into()));
    assert!(change["step"].as_u64().is_some_and(|step| step > 0));
    assert_eq!(events.last().unwrap()["outcome"], "stopped");
    let picture = fs::read_dir(&session).unwrap().map(|entry| entry.unwrap().path());
    let picture = picture.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "png")).unwrap();
    assert_eq!(decoded(&picture), (1600, 1000));
}

#[test]
fn a_preset_is_started_from_the_list() {
    let mut terminal = Terminal::start(&[]);
    terminal.wait_for("Pick an experiment");
    terminal.keys("/valley\r");
    terminal.wait_for("4 completed");
    terminal.keys("b");
    terminal.wait_for("Pick an experiment");
    terminal.keys("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_finished_session_is_replayed() {
    let mut terminal = Terminal::start(&["valley"]);
    terminal.wait_for("4 completed");
    terminal.keys("q");
    assert_eq!(terminal.end(), 0);
    let session = terminal.session();
    let mut terminal = Terminal::start(&["replay", session.to_str().unwrap()]);
    terminal.wait_for("replay");
    terminal.wait_for("completed");
    terminal.keys("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn every_size_is_drawn_and_a_smaller_one_drawn_anew() {
    let mut terminal = Terminal::start(&["endless.toml"]);
    terminal.wait_for("2 running");
    terminal.resize(80, 24);
    terminal.wait_until("the keys on the 24th row", |screen| {
        screen.contents().lines().nth(23).is_some_and(|line| line.contains("q quit"))
    });
    terminal.resize(20, 5);
    terminal.wait_for("too small");
    terminal.resize(200, 60);
    terminal.wait_until("the keys on the 60th row", |screen| {
        screen.contents().lines().nth(59).is_some_and(|line| line.contains("q quit"))
    });
    terminal.keys("qy");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn ctrl_c_twice_ends_with_130() {
    let mut terminal = Terminal::start(&["endless.toml"]);
    terminal.wait_for("2 running");
    terminal.keys("\u{3}");
    terminal.wait_for("Press ctrl-c again");
    terminal.keys("\u{3}");
    assert_eq!(terminal.end(), 130);
}

#[test]
fn signals_end_with_their_number_and_the_log_is_whole() {
    for (name, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let mut terminal = Terminal::start(&["endless.toml"]);
        terminal.wait_for("2 running");
        terminal.signal(name);
        assert_eq!(terminal.end(), code, "{name}");
        let log = fs::read_to_string(terminal.session().join("SGD/events.jsonl")).unwrap();
        let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        assert_eq!(last["event"], "finish", "{name}");
    }
}

/// A run ends between two gradients, which take seconds each for a large network and all examples; a third request to end does not
/// wait for that.
#[test]
fn a_signal_does_not_wait_for_runs_that_are_busy() {
    let sets = ["problem.hidden=4000", "train.batch=4000", "train.probe_every=never"];
    let mut arguments = vec!["mnist-mlp", "--device", "flex"];
    arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
    let mut terminal = Terminal::start(&arguments);
    terminal.wait_for("4 running");
    let session = terminal.session();
    leaving::wait_until("the first measurement", || {
        let log = fs::read_to_string(session.join("SGD/events.jsonl")).unwrap_or_default();
        log.contains("\"event\":\"eval\"")
    });
    terminal.keys("q");
    terminal.wait_for("4 runs are still training");
    terminal.keys("y");
    terminal.wait_for("waiting for the runs to end");
    terminal.signal_until_over("INT");
    terminal.wait_for("once more Ctrl-C leaves at once");
    terminal.wait_for("nso-tui resume runs/");
    assert_eq!(terminal.end(), 130);
}

/// What C code prints goes to the descriptors themselves; here the test writes to them.
#[cfg(target_os = "linux")]
#[test]
fn what_libraries_print_is_kept_off_the_screen_and_shown_afterwards() {
    for (logged, arguments) in [(false, &["endless.toml"][..]), (true, &["endless.toml", "--log", "log.txt"])] {
        let mut terminal = Terminal::start(arguments);
        terminal.wait_for("2 running");
        let id = terminal.child.process_id().unwrap();
        for line in 1..=50 {
            let descriptor = format!("/proc/{id}/fd/{}", 1 + line % 2);
            let mut printed = fs::OpenOptions::new().write(true).open(descriptor).unwrap();
            printed.write_all(format!("\u{1b}[1mstray {line} of 50\n").as_bytes()).unwrap();
        }
        terminal.keys("?");
        terminal.wait_for("shift-tab  go to the pane before");
        let seen = terminal.emulator.shown.lock().unwrap().parser.screen().contents();
        assert!(!seen.contains("stray"), "{seen}");
        terminal.keys("qqy");
        assert_eq!(terminal.end(), 0);
        let seen = terminal.emulator.shown.lock().unwrap().parser.screen().contents();
        if logged {
            let log = fs::read_to_string(terminal.folder.path().join("log.txt")).unwrap();
            assert!(log.contains("stray 1 of 50") && log.contains("stray 50 of 50"), "{log}");
            assert!(!seen.contains("stray"), "{seen}");
        } else {
            assert!(seen.contains("the last 20 of 50 lines") && seen.contains("  [1mstray 31 of 50"), "{seen}");
            assert!(!seen.contains("stray 30 of 50"), "{seen}");
        }
    }
}

#[test]
fn what_is_no_session_is_said_after_the_terminal_is_given_back() {
    let mut terminal = Terminal::start(&["replay", "nowhere"]);
    assert_eq!(terminal.end(), 2);
    terminal.wait_for("nowhere");
}

#[test]
fn without_a_terminal_there_is_an_error_and_nothing_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_nso-tui"))
        .arg("valley")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("needs a terminal"));
    assert!(!folder.path().join("runs").exists());
}

#[test]
fn a_frame_can_be_printed_without_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_nso-tui"))
        .args(["--print", "80x24", "--keys", "down ?"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 24);
    assert!(text.contains("choose a preset"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn doctor_fails_on_a_terminal_that_cannot_be_drawn_on() {
    let mut terminal = Terminal::start_as("dumb", tempfile::tempdir().unwrap(), &["doctor", "--device", "flex"]);
    terminal.wait_for("FAIL  Terminal: TERM");
    terminal.wait_for("1 failed");
    assert_eq!(terminal.end(), 3);
}
