//! The real binary in a pseudo-terminal: it starts, shows, steers, writes, and gives the terminal back on every way out.
//! The screen is read by a terminal emulator and waited for with a deadline; nothing sleeps for a fixed time.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    io::{Read, Write},
    num::NonZero,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

/// Longest that anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A preset that trains until it is stopped.
const ENDLESS: &str = r#"
title = "A valley without end"
[problem]
kind = "valley"
start = [1.0, 2.0]
[train]
steps = 1000000000
seed = 1
evaluate_every = "1000 steps"
probe_every = "10000 steps"
[defaults]
lr = 0.01
[[run]]
name = "SGD"
method = "sgd"
[[run]]
name = "NSO"
method = "nso"
sigma = 0.02
k = 1
"#;

/// A terminal emulator that a thread feeds.
struct Emulator {
    shown: Mutex<Shown>,
    fed: Condvar,
}

/// What the terminal got so far.
struct Shown {
    parser: vt100::Parser,
    /// Whether the program has let go of the terminal.
    is_over: bool,
}

/// The program in a terminal.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    emulator: Arc<Emulator>,
    folder: TempDir,
    /// The line discipline before the program touched it.
    before: String,
}

impl Terminal {
    /// Starts the program with these arguments in an empty folder that has the endless preset.
    fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("endless.toml"), ENDLESS).unwrap();
        Self::start_in(folder, arguments)
    }

    fn start_in(folder: TempDir, arguments: &[&str]) -> Self {
        Self::start_as("xterm-256color", folder, arguments)
    }

    /// The same in a terminal that says it is of this kind.
    fn start_as(kind: &str, folder: TempDir, arguments: &[&str]) -> Self {
        let (rows, cols) = (40, 120);
        let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let before = format!("{:?}", pair.master.get_termios());
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_nso-tui"));
        command.args(arguments);
        command.cwd(folder.path());
        command.env("TERM", kind);
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let parser = vt100::Parser::new(cells(rows), cells(cols), 0);
        let emulator = Arc::new(Emulator { shown: Mutex::new(Shown { parser, is_over: false }), fed: Condvar::new() });
        let (feeder, mut screen) = (emulator.clone(), pair.master.try_clone_reader().unwrap());
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                feeder.shown.lock().unwrap().parser.process(&bytes[..count]);
                feeder.fed.notify_all();
            }
            feeder.shown.lock().unwrap().is_over = true;
            feeder.fed.notify_all();
        });
        let keyboard = pair.master.take_writer().unwrap();
        Self { child, master: pair.master, keyboard, emulator, folder, before }
    }

    /// Types.
    fn keys(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits until what the terminal got is as `expected`, and says what it shows if it never is.
    fn wait(&self, what: &str, expected: impl Fn(&Shown) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut shown = self.emulator.shown.lock().unwrap();
        while !expected(&shown) {
            let left = deadline.saturating_duration_since(Instant::now());
            let screen = shown.parser.screen().contents();
            assert!(!left.is_zero(), "waited in vain for {what}; the screen shows\n{screen}");
            shown = self.emulator.fed.wait_timeout(shown, left).unwrap().0;
        }
    }

    /// Waits until the screen is as `expected`.
    fn wait_until(&self, what: &str, expected: impl Fn(&vt100::Screen) -> bool) {
        self.wait(what, |shown| expected(shown.parser.screen()));
    }

    /// Waits until the screen shows `text`.
    fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contents().contains(text));
    }

    /// Waits until the screen shows `text` no more.
    fn wait_without(&self, text: &str) {
        self.wait_until(&format!("no {text}"), |screen| !screen.contents().contains(text));
    }

    fn resize(&self, cols: u16, rows: u16) {
        self.emulator.shown.lock().unwrap().parser.screen_mut().set_size(cells(rows), cells(cols));
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    fn signal(&self, name: &str) {
        let id = self.child.process_id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for the end, and checks that the terminal is as it was. Returns the exit code.
    fn end(&mut self) -> u32 {
        self.wait("the end of the program", |shown| shown.is_over);
        let status = self.child.wait().unwrap();
        self.wait_until("the main screen", |screen| !screen.alternate_screen() && !screen.hide_cursor());
        assert_eq!(format!("{:?}", self.master.get_termios()), self.before, "the line discipline is as it was");
        status.exit_code()
    }

    /// The directory of the only session.
    fn session(&self) -> PathBuf {
        only(&self.folder.path().join("runs"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

/// The only entry of a folder.
fn only(folder: &Path) -> PathBuf {
    let entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries[0].clone()
}

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

/// A run that measures curvature ends when the measurement does; leaving need not wait for that.
#[test]
fn a_signal_does_not_wait_for_runs_that_are_busy() {
    let mut terminal = Terminal::start(&["clipart-mobilenet", "--device", "flex"]);
    terminal.wait_for("4 running");
    terminal.keys("q");
    terminal.wait_for("4 runs are still training");
    terminal.keys("y");
    terminal.wait_for("waiting for the runs to end; Ctrl-C leaves at once");
    terminal.signal("INT");
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
